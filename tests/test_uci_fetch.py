"""The UCI data sets: archive, mirror, cache, the user's own copy, and every refusal."""

import gzip
import io
import zipfile

import pytest
from local_server import dead_address
from small_uci import DATA_SETS, FILES, SOURCES, put, small_manifest, zipped

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.uci.copies import LARGEST, read_copies
from lnncmp.sources.uci.manifest import UciManifest, published
from lnncmp.sources.uci.obtain import obtain

CASES = pytest.mark.parametrize("case", list(DATA_SETS))


class Told:
    """A context that remembers warnings and progress."""

    def __init__(self, cache, **options):
        self.warnings, self.progress = [], []
        self.context = SourceContext(
            cache=cache, warn=self.warnings.append, progress=lambda *seen: self.progress.append(seen), **options
        )


def refused(case, manifest, cache, **options):
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=cache, **options), DATA_SETS[case], manifest)
    return caught.value


# --- the archive


@CASES
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_the_archive_fills_the_cache_and_is_removed(case, packed, site, tmp_path):
    files = FILES[case]()
    manifest = small_manifest(case, files, site.put("/a.zip", zipped(files, packed)))
    told = Told(tmp_path)
    folder, found = obtain(told.context, DATA_SETS[case], manifest)
    assert folder == tmp_path / f"uci-{case}" and set(found) == set(files)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert list((tmp_path / "downloads").iterdir()) == [] and told.warnings == []
    assert told.progress[-1][0] == f"downloading {DATA_SETS[case].words}"
    site.requests.clear()
    again = obtain(SourceContext(cache=tmp_path, offline=True), DATA_SETS[case], manifest, whole=True)
    assert again[0] == folder and site.requests == []


def test_another_way_to_write_dates_is_the_same_data(site, tmp_path):
    manifest = small_manifest("traffic", FILES["traffic"](spreadsheet=True), site.address + "/a.zip")
    files = FILES["traffic"]()
    site.put("/a.zip", zipped(files, packed=True))
    folder, _ = obtain(SourceContext(cache=tmp_path), DATA_SETS["traffic"], manifest)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_a_broken_download_goes_on_at_the_next_call(site, tmp_path):
    files = FILES["gesture"]()
    content = zipped(files)
    manifest = small_manifest("gesture", files, site.put("/a.zip", content, etag='"1"', cuts=[5000, 0]))
    error = refused("gesture", manifest, tmp_path)
    assert "bytes are kept" in error.hint and "lnncmp data fetch gesture" in error.hint
    site.requests.clear()
    obtain(SourceContext(cache=tmp_path), DATA_SETS["gesture"], manifest)
    assert len(site.requests) == 1 and site.requests[0][1].startswith("bytes=")


@CASES
def test_a_damaged_cache_is_downloaded_again_with_a_warning(case, site, tmp_path):
    files = FILES[case]()
    manifest = small_manifest(case, files, site.put("/a.zip", zipped(files)))
    folder, _ = obtain(SourceContext(cache=tmp_path), DATA_SETS[case], manifest)
    name = next(iter(files))
    (folder / name).write_bytes(b"rubbish")
    message = refused(case, manifest, tmp_path, offline=True).message
    assert f"are damaged ({name})" in message and "offline mode" in message
    told = Told(tmp_path)
    obtain(told.context, DATA_SETS[case], manifest)
    assert len(told.warnings) == 1 and f"damaged ({name}); downloading them again" in told.warnings[0]
    assert (folder / name).read_bytes() == files[name]


@CASES
def test_offline_names_the_command_and_asks_nobody(case, site, tmp_path):
    files = FILES[case]()
    error = refused(case, small_manifest(case, files, site.put("/a.zip", zipped(files))), tmp_path, offline=True)
    assert "are not complete (no " in error.message and "offline mode forbids downloading" in error.message
    assert f"`lnncmp data fetch {case}`" in error.hint and "--data DIR" in error.hint
    assert site.requests == [] and list(tmp_path.iterdir()) == []


# --- the mirror


@pytest.mark.parametrize("answer", [b"<html>", None], ids=["no archive", "other content"])
def test_without_a_good_archive_the_mirror_is_asked(answer, site, tmp_path):
    files = FILES["ozone"]()
    other = zipped({name: content.replace(b"1.", b"0.") for name, content in files.items()})
    archive = site.put("/a.zip", answer or other)
    manifest = small_manifest("ozone", files, archive, site.address + "/copies")
    for name, content in files.items():
        site.put(f"/copies/{name}", content)
    told = Told(tmp_path)
    assert set(obtain(told.context, DATA_SETS["ozone"], manifest)[1]) == set(files)
    assert len(told.warnings) == 1 and "trying copies of the files elsewhere" in told.warnings[0]
    assert ("not a readable zip file" if answer else "is damaged (eighthr.data)") in told.warnings[0]


def test_the_mirror_has_no_clocks_which_a_whole_fetch_asks_for_again(site, tmp_path):
    files = FILES["gesture"]()
    manifest = small_manifest("gesture", files, site.address + "/a.zip", site.address + "/copies")
    for name, content in files.items():
        site.put(f"/copies/{name}", content)
    told = Told(tmp_path)
    _, found = obtain(told.context, DATA_SETS["gesture"], manifest)
    assert sorted(found) == sorted(name for name in files if "va3" in name)
    site.requests.clear()
    site.put("/a.zip", zipped(files))
    assert len(obtain(told.context, DATA_SETS["gesture"], manifest)[1]) == 7 and site.requests == []
    assert len(obtain(told.context, DATA_SETS["gesture"], manifest, whole=True)[1]) == 14


def test_when_nobody_delivers_every_address_is_named(site, tmp_path):
    files = FILES["gesture"]()
    manifest = small_manifest("gesture", files, dead_address() + "/a.zip", site.address + "/copies")
    site.put("/copies/a1_va3.csv", files["a1_va3.csv"])
    site.put("/copies/a2_va3.csv", b"other")
    error = refused("gesture", manifest, tmp_path)
    assert "/a.zip (connection refused" in error.message and "a2_va3.csv (5 bytes, expected" in error.message
    assert [path.name for path in (tmp_path / "uci-gesture").iterdir()] == ["a1_va3.csv"]


# --- the user's own copy


@CASES
@pytest.mark.parametrize("form", ["folder", "subfolder", "packed", "zip", "zip in folder"])
def test_an_own_copy_is_read_where_it_lies(case, form, tmp_path):
    files = FILES[case]()
    manifest = small_manifest(case, files)
    place = tmp_path / "copy"
    if form == "zip":
        place.write_bytes(zipped(files, packed=True))
    elif form == "zip in folder":
        put(place, {"download.zip": zipped(files)})
    elif form == "packed":
        put(place, {"x.zip": b"not read"})
        with zipfile.ZipFile(io.BytesIO(zipped(files, packed=True, prefix=""))) as archive:
            archive.extractall(place, [name + ".gz" for name in files])
    else:
        put(place / ("data/processed" if form == "subfolder" else ""), files)
    told = Told(tmp_path / "cache", data_dir=place)
    folder, found = obtain(told.context, DATA_SETS[case], manifest)
    assert folder == place and set(found) == set(files) and told.warnings == []
    assert not (tmp_path / "cache").exists()


@CASES
def test_an_incomplete_copy_and_a_wrong_place_are_refused(case, tmp_path):
    files = FILES[case]()
    manifest = small_manifest(case, files)
    name = next(iter(files))
    error = refused(case, manifest, tmp_path, data_dir=put(tmp_path / "copy", {"other.csv": b"1"}))
    assert "lacks" in error.message and name in error.message and "lnncmp data fetch" in error.hint
    assert "neither a folder nor a file" in refused(case, manifest, tmp_path, data_dir=tmp_path / "none").message
    put(tmp_path, {"x.zip": b"PK no zip"})
    assert "not a readable zip file" in refused(case, manifest, tmp_path, data_dir=tmp_path / "x.zip").message


def test_an_own_copy_that_cannot_be_read_is_refused_and_another_one_told(tmp_path):
    files = FILES["ozone"]()
    manifest = small_manifest("ozone", files)
    place = put(tmp_path / "copy", {name: content.replace(b"5.", b"6.") for name, content in files.items()})
    told = Told(tmp_path, data_dir=place)
    obtain(told.context, DATA_SETS["ozone"], manifest)
    assert told.warnings == [
        f"eighthr.data in {place} hold other values than the published files of {DATA_SETS['ozone'].words}"
    ]
    put(place, {"eighthr.data": b"1/1/1998,1\n1/2/1998,2\n"})
    assert "line 1: 2 columns, expected 74" in refused("ozone", manifest, tmp_path, data_dir=place).message


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_is_read_than_such_a_file_can_have(packed, tmp_path):
    name = "eighthr.data"
    bomb = zipped({name: bytes(LARGEST + 1)}, packed)
    assert len(bomb) < LARGEST / 100
    put(tmp_path, {"bomb.zip": bomb})
    with pytest.raises(DataError, match="more than 16,777,216 bytes"):
        read_copies(tmp_path / "bomb.zip", [name])


def test_names_in_an_archive_lead_nowhere(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../eighthr.data", b"one")
        archive.writestr("deep/er/eighthr.data", b"two")
    put(tmp_path, {"a.zip": stream.getvalue()})
    assert read_copies(tmp_path / "a.zip", ["eighthr.data"]) == {"eighthr.data": b"one"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_damaged_gzip_file_is_one_sentence(tmp_path):
    put(tmp_path, {"eighthr.data.gz": b"\x1f\x8b rubbish"})
    with pytest.raises(DataError, match=r"eighthr\.data\.gz cannot be unpacked"):
        read_copies(tmp_path, ["eighthr.data"])


# --- what ships


@CASES
def test_the_published_manifest_and_card(case):
    manifest, source = published(case), SOURCES[case]
    assert all(url.startswith("https://archive.ics.uci.edu/static/public/") for url in manifest.archives)
    assert all(entry.mirror is None or entry.mirror.endswith(f"/{entry.name}") for entry in manifest.files)
    card = (share_dir("datasets") / source.card / f"{source.name}.md").read_text()
    assert "CC BY 4.0" in card and manifest.archives[0] in card and DATA_SETS[case].command in card


def test_a_manifest_that_leaves_its_folder_is_refused():
    raw = published("ozone").model_dump()
    raw["files"][0]["name"] = "../eighthr.data"
    with pytest.raises(ValueError, match="not a plain file name"):
        UciManifest.model_validate(raw)


def test_a_newline_after_a_packed_file_is_no_damage(tmp_path):
    put(tmp_path, {"eighthr.data.gz": gzip.compress(b"one") + b"\r\n"})
    assert read_copies(tmp_path, ["eighthr.data"]) == {"eighthr.data": b"one"}
    put(tmp_path, {"eighthr.data.gz": gzip.compress(b"one")[:-3]})
    with pytest.raises(DataError, match=r"eighthr.data.gz cannot be unpacked"):
        read_copies(tmp_path, ["eighthr.data"])
