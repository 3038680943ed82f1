"""The open MIMIC-III demo: download, resuming, every refusal, and the cache."""

import hashlib
import json
import stat

import pytest
from local_server import dead_address
from small_demo import FILES, demo_manifest

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.fetch import UnreachableError
from lnncmp.sources.mimic3.demo import COMMAND, DEMO, HINT, SOURCE, obtain, published
from lnncmp.sources.mimic3.published import Manifest

WGET = "wget -r -N -c -np https://physionet.org/files/mimiciii-demo/1.4/"


@pytest.fixture
def demo(site) -> Manifest:
    """The manifest of a small demo that the local server publishes whole."""
    for name, content in FILES.items():
        site.put(f"/1.4/{name}", content, etag='"1"')
    return demo_manifest(site.address + "/1.4")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def refused(cache, manifest, **options):
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=cache, **options), manifest)
    return caught.value


# --- downloading


def test_a_complete_download_is_verified_and_private(demo, site, tmp_path):
    seen = []
    context = SourceContext(cache=tmp_path, progress=lambda *step: seen.append(step))
    folder = obtain(context, demo)
    assert folder == tmp_path / DEMO.folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert mode(folder) == 0o700 and {mode(path) for path in folder.iterdir()} == {0o600}
    last = {what: (done, total) for what, done, total in seen}
    assert last["downloading CHARTEVENTS.csv of the MIMIC-III demo"] == (len(FILES["CHARTEVENTS.csv"]),) * 2
    assert len(last) == len(site.requests) == len(FILES)


def test_the_second_call_touches_no_network(demo, site, tmp_path):
    obtain(SourceContext(cache=tmp_path), demo)
    site.requests.clear()
    assert obtain(SourceContext(cache=tmp_path), demo) == tmp_path / DEMO.folder
    assert obtain(SourceContext(cache=tmp_path, offline=True), demo) == tmp_path / DEMO.folder
    assert site.requests == []


def test_a_cache_folder_open_to_others_is_closed(demo, tmp_path):
    (tmp_path / DEMO.folder).mkdir(mode=0o755)
    assert mode(obtain(SourceContext(cache=tmp_path), demo)) == 0o700


def test_after_a_cut_the_same_call_asks_for_the_rest_only(demo, site, tmp_path):
    site.put("/1.4/CHARTEVENTS.csv", FILES["CHARTEVENTS.csv"], etag='"1"', cuts=[100_000])
    folder = obtain(SourceContext(cache=tmp_path), demo)
    assert (folder / "CHARTEVENTS.csv").read_bytes() == FILES["CHARTEVENTS.csv"]
    first, second = site.ranges("/1.4/CHARTEVENTS.csv")
    assert first == "" and 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 100_000


def test_after_a_lost_connection_the_next_call_goes_on(demo, site, tmp_path):
    site.put("/1.4/CHARTEVENTS.csv", FILES["CHARTEVENTS.csv"], etag='"1"', cuts=[100_000, 0])
    error = refused(tmp_path, demo)
    assert isinstance(error, UnreachableError) and "bytes are kept" in error.hint
    assert not (tmp_path / DEMO.folder / "CHARTEVENTS.csv").exists()
    site.requests.clear()
    obtain(SourceContext(cache=tmp_path), demo)
    ((path, wanted, _),) = site.requests
    assert path == "/1.4/CHARTEVENTS.csv" and wanted.startswith("bytes=")
    assert DEMO.flaws(tmp_path, demo) == ([], [])


def test_a_damaged_cache_is_downloaded_again_with_a_warning(demo, site, tmp_path):
    folder = obtain(SourceContext(cache=tmp_path), demo)
    (folder / "PATIENTS.csv").write_bytes(b"rubbish")
    site.requests.clear()
    told = []
    obtain(SourceContext(cache=tmp_path, warn=told.append), demo)
    assert told == [
        f"the MIMIC-III demo in the cache {folder} is damaged (PATIENTS.csv); downloading it again",
    ]
    assert [path for path, _, _ in site.requests] == ["/1.4/PATIENTS.csv"]
    assert (folder / "PATIENTS.csv").read_bytes() == FILES["PATIENTS.csv"]


# --- refusals


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"status": 403}, "HTTP 403 Forbidden"),
        ({"status": 404}, "HTTP 404 Not Found"),
        (
            {"content": b"<html>log in</html>", "content_type": "text/html; charset=utf-8"},
            "sends a web page (HTML) in place of the file, perhaps one that asks for a login",
        ),
        ({"content": b"other\n"}, f"sha256 {hashlib.sha256(b'other' + bytes([10])).hexdigest()}, expected"),
    ],
    ids=["forbidden", "not found", "login page", "wrong hash"],
)
def test_a_wrong_answer_is_one_sentence_and_leaves_nothing(demo, site, tmp_path, page, reason):
    site.put("/1.4/CHARTEVENTS.csv", **page)
    error = refused(tmp_path, demo)
    assert error.message.startswith(f"cannot download CHARTEVENTS.csv: {site.address}/1.4/CHARTEVENTS.csv ({reason}")
    assert error.hint == HINT and not isinstance(error, UnreachableError)
    assert {path.name for path in (tmp_path / DEMO.folder).iterdir()} == set(FILES) - {"CHARTEVENTS.csv"}


def test_a_file_of_another_size_is_refused(demo, site, tmp_path):
    site.put("/1.4/ICUSTAYS.csv", FILES["ICUSTAYS.csv"] + b"4,5,6\n")
    assert "(41 bytes, expected 35)" in refused(tmp_path, demo).message


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_counts_as_silent(demo, site, tmp_path, status):
    site.put("/1.4/LICENSE.txt", status=status)
    assert isinstance(refused(tmp_path, demo), UnreachableError)


def test_nobody_there_counts_as_silent(tmp_path):
    error = refused(tmp_path, demo_manifest(dead_address()))
    assert isinstance(error, UnreachableError) and "connection refused" in error.message


def test_offline_names_both_commands_and_asks_nobody(demo, site, tmp_path):
    error = refused(tmp_path, demo, offline=True)
    assert error.message == (
        f"the MIMIC-III demo in the cache {tmp_path / DEMO.folder} is not complete (no LICENSE.txt, ICUSTAYS.csv, "
        "PATIENTS.csv and 2 more), and offline mode forbids downloading it"
    )
    assert f"`{COMMAND}`" in error.hint and f"`{WGET}`" in error.hint and "--data" in error.hint
    assert site.requests == [] and list(tmp_path.iterdir()) == []


def test_offline_reports_a_damaged_cache(demo, tmp_path):
    folder = obtain(SourceContext(cache=tmp_path), demo)
    (folder / "PATIENTS.csv").write_bytes(b"rubbish")
    assert "is damaged (PATIENTS.csv), and offline" in refused(tmp_path, demo, offline=True).message
    assert (folder / "PATIENTS.csv").read_bytes() == b"rubbish"


def test_a_cache_that_is_a_file_is_one_sentence(demo, tmp_path):
    (tmp_path / "cache").write_text("")
    error = refused(tmp_path / "cache", demo)
    assert error.message.startswith("cannot ") and str(tmp_path / "cache") in error.message


# --- the published demo


def test_the_published_manifest_names_what_is_needed():
    manifest = published()
    assert manifest.address == "https://physionet.org/files/mimiciii-demo/1.4"
    assert {entry.name for entry in manifest.files} == set(FILES)
    assert manifest.files[0].bytes is not None and manifest.files[0].bytes < 100_000
    assert SOURCE.name == "demo" and (share_dir("datasets") / SOURCE.card / "demo.md").is_file()


@pytest.mark.parametrize("name", ["../CHARTEVENTS.csv", "/etc/hostname", "a/b.csv", ""])
def test_a_manifest_that_leaves_its_folder_is_refused(name):
    raw = json.loads(published().model_dump_json())
    raw["files"][0]["name"] = name
    with pytest.raises(ValueError, match="not a plain file name"):
        Manifest.model_validate(raw)
