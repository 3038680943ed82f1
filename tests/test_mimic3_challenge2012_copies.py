"""Copies of the PhysioNet Challenge 2012: downloads, archives, folders, every refusal, and the cache."""

import stat
import zipfile

import pytest
from challenge_sets import FIRST, extracted, made_up, manifest, packed, put, tar, tar_gz, tar_xz, zipped
from local_server import dead_address

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.fetch import UnreachableError
from lnncmp.sources.mimic3 import challenge2012
from lnncmp.sources.mimic3.challenge2012 import archives
from lnncmp.sources.mimic3.challenge2012.archives import read_archive
from lnncmp.sources.mimic3.challenge2012.copies import looks_like

FILES = packed(stays=3, hours=4) | packed("b", stays=2, hours=4)
UNCHECKED = "could not be checked against the published archives: it may be packed anew, or changed"


@pytest.fixture
def site_manifest(site):
    """The manifest of two small sets that the local server publishes whole."""
    for name, content in FILES.items():
        site.put(f"/1.0.0/{name}", content, etag='"1"')
    return manifest(FILES, site.address + "/1.0.0")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def load(cache, known, **options):
    return challenge2012.extracted(SourceContext(cache=cache, **options), known).recordings


def refused(tmp_path, data, **options):
    with pytest.raises(DataError) as caught:
        extracted(tmp_path, data, **options)
    message = caught.value.message + caught.value.hint
    assert not any(str(first)[:5] in message.replace(str(tmp_path), "") for first in FIRST.values())
    return caught.value


class TestDownload:
    def test_is_checked_private_and_done_once(self, site_manifest, site, tmp_path):
        assert len(load(tmp_path, site_manifest)) == 3
        folder = tmp_path / "mimic3-challenge2012"
        assert {path.name for path in folder.iterdir()} == {"Outcomes-a.txt", "set-a.tar.gz"}
        assert mode(folder) == 0o700 and {mode(path) for path in folder.iterdir()} == {0o600}
        assert len(site.requests) == 2
        told = []
        assert len(load(tmp_path, site_manifest, offline=True, warn=told.append)) == 3
        assert len(site.requests) == 2 and told == []

    def test_other_sets_come_when_they_are_asked_for(self, site_manifest, site, tmp_path):
        groups = [r.group for r in load(tmp_path, site_manifest, options={"sets": "ab"})]
        assert groups == [
            f"stay-{FIRST[letter] + n}" for letter, n in (("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1))
        ]
        assert [r.group for r in load(tmp_path, site_manifest, options={"sets": "b"}, offline=True)] == groups[3:]

    def test_a_cut_connection_is_resumed(self, site_manifest, site, tmp_path):
        content = FILES["set-a.tar.gz"]
        site.put("/1.0.0/set-a.tar.gz", content, etag='"1"', cuts=[len(content) // 2, 0])
        with pytest.raises(UnreachableError, match="connection lost"):
            load(tmp_path, site_manifest)
        site.requests.clear()
        assert len(load(tmp_path, site_manifest)) == 3
        ((path, wanted, _),) = site.requests
        assert path == "/1.0.0/set-a.tar.gz" and wanted.startswith("bytes=") and wanted != "bytes=0-"

    @pytest.mark.parametrize(
        ("page", "reason"),
        [
            ({"content": tar_gz(made_up(stays=4, hours=4))}, "expected"),
            ({"status": 404}, "HTTP 404"),
            ({"content": b"<html>", "content_type": "text/html"}, "sends a web page"),
        ],
        ids=["other content", "not found", "login page"],
    )
    def test_a_wrong_answer_is_one_sentence(self, site_manifest, site, tmp_path, page, reason):
        site.put("/1.0.0/set-a.tar.gz", **page)
        with pytest.raises(DataError) as caught:
            load(tmp_path, site_manifest)
        assert caught.value.message.startswith("cannot download set-a.tar.gz: ") and reason in caught.value.message
        assert "--data" in caught.value.hint and not isinstance(caught.value, UnreachableError)
        assert not (tmp_path / "mimic3-challenge2012" / "set-a.tar.gz").exists()

    def test_nobody_there_and_offline(self, tmp_path):
        known = manifest(FILES, dead_address())
        with pytest.raises(UnreachableError, match="connection refused"):
            load(tmp_path, known)
        with pytest.raises(DataError, match=r"is not complete .* and offline mode forbids downloading it"):
            load(tmp_path / "other", known, offline=True)

    def test_a_damaged_cache_is_downloaded_again(self, site_manifest, tmp_path):
        load(tmp_path, site_manifest)
        (tmp_path / "mimic3-challenge2012" / "set-a.tar.gz").write_bytes(b"rubbish")
        told = []
        assert len(load(tmp_path, site_manifest, warn=told.append)) == 3
        assert len(told) == 1 and "is damaged (set-a.tar.gz); downloading it again" in told[0]


class TestOwnCopy:
    @pytest.mark.parametrize("pack", [tar_gz, tar_xz, zipped, tar])
    @pytest.mark.parametrize("name", ["set-a.tar.gz", "anything.zip"])
    def test_an_archive_of_any_kind_whatever_its_name(self, tmp_path, pack, name):
        (tmp_path / name).write_bytes(pack(made_up(stays=2, hours=2)))
        assert len(extracted(tmp_path, tmp_path / name).recordings) == 2

    @pytest.mark.parametrize("inside", ["", "challenge-2012/1.0.0/set-a", "x/y"])
    def test_folders_within_the_archive_do_not_matter(self, tmp_path, inside):
        files = {**made_up(stays=2, hours=2), "README.txt": b"hello", "._7340101.txt": b"junk"}
        (tmp_path / "set-a.tgz").write_bytes(tar_gz(files, inside))
        assert len(extracted(tmp_path, tmp_path / "set-a.tgz").recordings) == 2

    def test_a_folder_with_archives_and_folders_of_sets(self, tmp_path):
        put(tmp_path / "own" / "deep" / "set-b", made_up("b", 2, 2))
        put(tmp_path / "own", {"set-a.zip": zipped(made_up("a", 3, 2)), "notes.txt": b"mine", "other.zip": b"PK"})
        assert len(extracted(tmp_path, tmp_path / "own").recordings) == 3
        assert len(extracted(tmp_path, tmp_path / "own", sets="ab").recordings) == 5
        assert len(extracted(tmp_path, tmp_path / "own", sets="b").recordings) == 2

    def test_one_archive_with_several_sets(self, tmp_path):
        inside = {f"set-{letter}/{name}": t for letter in "abc" for name, t in made_up(letter, 2, 1).items()}
        (tmp_path / "all.zip").write_bytes(zipped(inside, "files"))
        for sets in ("a", "bc", "abc"):
            assert len(extracted(tmp_path, tmp_path / "all.zip", sets=sets).recordings) == 2 * len(sets)

    def test_a_bare_folder_of_stays_is_taken_for_what_is_asked(self, tmp_path):
        assert len(extracted(tmp_path, put(tmp_path / "mine", made_up(stays=2, hours=1))).recordings) == 2

    def test_a_set_that_is_there_twice_is_read_once_and_said_so(self, tmp_path):
        put(tmp_path / "own" / "set-a", made_up(stays=2, hours=1))
        put(tmp_path / "own", {"set-a.tar.gz": tar_gz(made_up(stays=3, hours=1))})
        told = []
        assert len(extracted(tmp_path, tmp_path / "own", told).recordings) == 3
        assert told[0] == "set A is there more than once: set-a.tar.gz is read, set-a is not"

    def test_published_bytes_or_known_content_need_no_warning_anything_else_does(self, tmp_path):
        stays = made_up(stays=3, hours=4)
        known = manifest(FILES, contents=[("set-a.tar.gz", stays)])
        told = []
        put(tmp_path / "1", {"set-a.tar.gz": FILES["set-a.tar.gz"]})
        extracted(tmp_path, tmp_path / "1", told, manifest(FILES))
        crlf = {name: t.replace(b"\n", b"\r\n") for name, t in stays.items()}
        extracted(tmp_path, put(tmp_path / "2" / "set-a", crlf), told, known)
        assert told == []
        changed = {**stays, next(iter(stays)): next(iter(stays.values())) + b"03:59,HR,80\n"}
        own = put(tmp_path / "3" / "set-a", changed)
        for _ in range(2):  # also when it comes from the cache
            extracted(tmp_path, own, told, known)
        assert told == [f"set A in {own} {UNCHECKED}"] * 2

    def test_what_is_made_of_it_is_private_and_kept(self, tmp_path, monkeypatch):
        own = put(tmp_path / "own" / "set-a", made_up(stays=2, hours=2))
        first = extracted(tmp_path, own)
        found = list((tmp_path / "cache").rglob("*"))
        assert any(path.suffix == ".npz" for path in found)
        assert all(mode(path) == (0o700 if path.is_dir() else 0o600) for path in found)
        monkeypatch.setattr(challenge2012.extraction, "make_bucket", None)
        again = extracted(tmp_path, own)
        assert [r.values.tobytes() for r in again.recordings] == [r.values.tobytes() for r in first.recordings]
        assert again.attrition == first.attrition

    def test_a_damaged_extraction_is_made_again(self, tmp_path):
        own = put(tmp_path / "own" / "set-a", made_up(stays=2, hours=2))
        extracted(tmp_path, own)
        for path in (tmp_path / "cache").rglob("*.npz"):
            path.write_bytes(b"rubbish")
        assert len(extracted(tmp_path, own).recordings) == 2

    def test_changed_bytes_are_another_extraction(self, tmp_path):
        own = put(tmp_path / "own" / "set-a", made_up(stays=2, hours=2))
        extracted(tmp_path, own)
        put(own, made_up(stays=3, hours=2))
        assert len(extracted(tmp_path, own).recordings) == 3


class TestRefusals:
    def test_nothing_there(self, tmp_path):
        assert "does not exist" in refused(tmp_path, tmp_path / "nowhere").message
        put(tmp_path / "own", {"README.txt": b"hello"})
        assert "holds no stay of the PhysioNet Challenge 2012" in refused(tmp_path, tmp_path / "own").message
        assert "is no archive" in refused(tmp_path, tmp_path / "own" / "README.txt").message

    def test_another_set_names_what_to_do(self, tmp_path):
        put(tmp_path / "own", packed("b", 2, 1))
        error = refused(tmp_path, tmp_path / "own")
        assert error.message.endswith("holds set B of the PhysioNet Challenge 2012, not set A")
        assert "--set data.sets=b" in error.hint

    def test_an_archive_without_the_set(self, tmp_path):
        (tmp_path / "all.zip").write_bytes(zipped(made_up("c", 2, 1), "set-c"))
        assert "holds no stay of set A" in refused(tmp_path, tmp_path / "all.zip").message

    @pytest.mark.parametrize("cut", [40, -9, -4000])
    def test_a_truncated_archive(self, tmp_path, cut):
        (tmp_path / "set-a.tar.gz").write_bytes(tar_gz(made_up(stays=9, hours=20))[:cut])
        assert "set-a.tar.gz is damaged, or no archive" in refused(tmp_path, tmp_path / "set-a.tar.gz").message

    @pytest.mark.parametrize("pack", [tar_gz, tar_xz, zipped])
    def test_a_flipped_bit(self, tmp_path, pack):
        content = bytearray(pack(made_up(stays=9, hours=20)))
        content[len(content) // 2] ^= 0x10
        (tmp_path / "set-a.zip").write_bytes(content)
        assert "set-a.zip" in refused(tmp_path, tmp_path / "set-a.zip").message

    @pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4", b"\x1f\x8b\x08", b"\xfd7zXZ\0", bytes(2000)])
    def test_no_archive_at_all(self, tmp_path, content):
        (tmp_path / "set-a.tar.gz").write_bytes(content)
        refused(tmp_path, tmp_path / "set-a.tar.gz")

    def test_links_and_names_that_lead_elsewhere_are_passed_over(self, tmp_path):
        files = {f"../../{name}": t for name, t in made_up(stays=2, hours=1).items()}
        (tmp_path / "set-a.tar").write_bytes(tar(files, "", links=("7349999.txt", "/7349998.txt")))
        before = sorted(tmp_path.rglob("*"))
        assert len(list(read_archive(tmp_path / "set-a.tar"))) == 2
        assert sorted(tmp_path.rglob("*")) == before

    def test_the_same_stay_twice(self, tmp_path):
        files = {f"{place}/{name}": t for place in "xy" for name, t in made_up(stays=1, hours=1).items()}
        (tmp_path / "set-a.tar.gz").write_bytes(tar_gz(files))
        assert "holds a stay twice" in refused(tmp_path, tmp_path / "set-a.tar.gz").message

    @pytest.mark.parametrize("pack", [tar_gz, zipped])
    @pytest.mark.parametrize(
        ("limit", "most", "phrase"),
        [
            ("MOST_BYTES", 500, "longer than any stay"),
            ("MOST_MEMBERS", 2, "holds more than any set"),
            ("MOST_TEXT", 5000, "holds more than any set"),
        ],
    )
    def test_what_is_too_large_is_not_read(self, tmp_path, monkeypatch, pack, limit, most, phrase):
        monkeypatch.setattr(archives, limit, most)
        (tmp_path / "set-a.zip").write_bytes(pack(made_up(stays=3, hours=20)))
        assert phrase in refused(tmp_path, tmp_path / "set-a.zip").message

    def test_an_encrypted_archive(self, tmp_path):
        path = tmp_path / "set-a.zip"
        path.write_bytes(zipped(made_up(stays=1, hours=1)))
        content = bytearray(path.read_bytes())
        for signature, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            content[content.index(signature) + flag] |= 1
        path.write_bytes(content)
        assert zipfile.is_zipfile(path) and "is encrypted" in refused(tmp_path, path).message


@pytest.mark.parametrize("name", ["set-a.tar.gz", "data/Set_B.zip", "x/set-c/7540101.txt", "7340101.txt"])
def test_a_copy_is_known_by_its_names(tmp_path, name):
    path = tmp_path / "own" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert looks_like(tmp_path / "own")


@pytest.mark.parametrize("name", ["CHARTEVENTS.csv.gz", "a.hea", "set-d.tar.gz", "123.csv", "my.zip"])
def test_other_folders_are_not_taken_for_one(tmp_path, name):
    put(tmp_path / "own", {name: b""})
    assert not looks_like(tmp_path / "own") and not looks_like(tmp_path / "nowhere")


@pytest.mark.data
class TestRealSetA:
    """Counts only."""

    @pytest.fixture
    def folder(self, shared_data):
        if not (shared_data / "physionet-2012").is_dir():
            pytest.skip(f"set A is not in {shared_data}")
        return shared_data / "physionet-2012"

    def test_stays_rows_and_content(self, folder, tmp_path):
        told = []
        found = extracted(tmp_path, folder, told, challenge2012.published())
        assert told == [] and len(found.recordings) == 3946
        read = found.attrition[0]
        assert (read.rows, read.recordings) == (1_757_977, 4000)
        assert found.attrition[-1].rows == sum(len(r.times) for r in found.recordings) == 183_549

    def test_outcomes(self, folder, tmp_path):
        known = challenge2012.outcomes(SourceContext(cache=tmp_path, data_dir=folder))
        assert len(known) == 4000 and sum(known.values()) == 554
