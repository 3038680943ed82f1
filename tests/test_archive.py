"""Hash manifests, and the safe reading of zip archives that nobody vouches for."""

import hashlib
import io
import stat
import zipfile

import pytest

from lnncmp.errors import DataError
from lnncmp.sources.download.archive import check_members, extract_members
from lnncmp.sources.download.manifest import FileEntry, digest, some_names

CONTENT = bytes(range(256)) * 800
SHA = hashlib.sha256(CONTENT).hexdigest()


def entry(name="a.npy", content=CONTENT):
    return FileEntry(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


# --- manifests


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "..", "", "a\\b", ".hidden"])
def test_a_manifest_refuses_names_that_are_not_plain(name):
    with pytest.raises(ValueError, match="not a plain file name"):
        entry(name)


def test_the_digest_is_that_of_sha256sum_output():
    first, second = entry("a.npy", b"one"), entry("b.npy", b"two")
    listing = "".join(f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in [("a.npy", b"one"), ("b.npy", b"two")])
    assert digest([second, first]) == hashlib.sha256(listing.encode()).hexdigest()


def test_few_names_are_listed_in_full():
    assert some_names(["a", "b", "c"]) == "a, b, c" and some_names("abcd") == "a, b, c and 1 more"


# --- archives


def make_zip(path, members):
    """Write a zip file of (name or ZipInfo, content) pairs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_wanted_members_are_extracted_flat_and_others_ignored(tmp_path):
    members = [
        ("walker/", b""),
        ("walker/a.npy", CONTENT),
        ("walker\\b.npy", b"bb"),
        ("__MACOSX/walker/a.npy", b"junk"),
        ("notes.txt", b"hello"),
    ]
    archive = make_zip(tmp_path / "x.zip", members)
    extract_members(archive, tmp_path / "out", [entry(), entry("b.npy", b"bb")])
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a.npy": CONTENT, "b.npy": b"bb"}


@pytest.mark.parametrize("name", ["../evil", "walker/../../evil", "/etc/evil", "..\\evil", "C:\\evil"])
def test_unsafe_names_are_refused_before_anything_is_written(tmp_path, name):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", CONTENT), (name, b"evil")])
    with pytest.raises(DataError, match="unsafe name"):
        extract_members(archive, tmp_path / "in" / "out", [entry()])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "x.zip", [(link, "/etc/passwd")])
    with pytest.raises(DataError, match=r"a\.npy in the zip file is a link or a special file"):
        check_members(archive, [entry("a.npy", b"/etc/passwd")])


def test_a_bomb_is_refused_by_its_declared_length(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", bytes(50_000_000))])
    with pytest.raises(DataError, match="50,000,000 bytes, expected 204,800"):
        extract_members(archive, tmp_path / "out", [entry()])
    assert not (tmp_path / "out").exists()


def test_a_bomb_that_lies_about_its_length_yields_nothing(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", bytes(5_000_000))])
    raw = archive.read_bytes()
    lie, truth = len(CONTENT).to_bytes(4, "little"), (5_000_000).to_bytes(4, "little")
    assert raw.count(truth) == 2
    archive.write_bytes(raw.replace(truth, lie))
    with pytest.raises(DataError, match=r"a\.npy|not a readable zip file"):
        extract_members(archive, tmp_path / "out", [entry()])
    assert not (tmp_path / "out").exists()


def test_encrypted_members_are_refused(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", CONTENT)])
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.npy in the zip file is encrypted"):
        check_members(archive, [entry()])


def test_missing_members_are_named_and_counted(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", CONTENT)])
    entries = [entry(name) for name in ("a.npy", "b.npy", "c.npy", "d.npy", "e.npy")]
    with pytest.raises(DataError, match=r"lacks 4 of the 5 files: b\.npy, c\.npy, d\.npy and 1 more"):
        check_members(archive, entries)


def test_a_member_that_occurs_twice_is_refused(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("one/a.npy", CONTENT), ("two/a.npy", CONTENT)])
    with pytest.raises(DataError, match=r"holds a\.npy twice"):
        check_members(archive, [entry()])


def test_a_changed_member_is_refused_with_both_hashes(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a.npy", bytes(len(CONTENT)))])
    actual = hashlib.sha256(bytes(len(CONTENT))).hexdigest()
    with pytest.raises(DataError, match=f"sha256 {actual}, expected {SHA}"):
        extract_members(archive, tmp_path / "out", [entry()])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [lambda raw: b"<html>", lambda raw: raw[: len(raw) // 2], lambda raw: b""])
def test_what_is_not_a_whole_zip_file_is_refused(tmp_path, damage):
    buffer = io.BytesIO()
    make_zip(buffer, [("a.npy", CONTENT)])
    (tmp_path / "x.zip").write_bytes(damage(buffer.getvalue()))
    with pytest.raises(DataError, match=r"x\.zip is not a readable zip file") as caught:
        check_members(tmp_path / "x.zip", [entry()])
    assert caught.value.hint
