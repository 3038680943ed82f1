"""Downloads: mirrors, resuming, checks, every error message; and the safe reading of zip archives."""

import hashlib
import io
import stat
import zipfile

import pytest
import requests
from local_server import dead_address, running_site

from lnncmp.data.archive import check_members, extract_members
from lnncmp.data.fetch import download
from lnncmp.data.http_answers import reason
from lnncmp.data.manifest import FileEntry, digest, some_names
from lnncmp.data.partial import PartFile
from lnncmp.errors import DataError

CONTENT = bytes(range(256)) * 800
SHA = hashlib.sha256(CONTENT).hexdigest()
QUICK = (2.0, 0.3)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site():
    with running_site() as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "data.bin"


def left(target):
    """Names beside the target."""
    return sorted(path.name for path in target.parent.iterdir())


def put_part(target, content, url, etag=""):
    """Pretend that an earlier download stopped after `content`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartFile(target)
    part.begin(url, etag, "")
    part.path.write_bytes(content)


def entry(name="a.npy", content=CONTENT):
    return FileEntry(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


# --- the plain way


def test_a_file_arrives_whole_and_nothing_else_is_left(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"')
    assert download([url], target, sha256=SHA, size=len(CONTENT)) == target
    assert target.read_bytes() == CONTENT
    assert left(target) == ["data.bin"]


def test_a_complete_file_is_not_asked_for_again(site, target):
    url = site.put("/data.bin", CONTENT)
    download([url], target, sha256=SHA)
    download([url], target, sha256=SHA, offline=True)
    assert len(site.requests) == 1


def test_a_damaged_file_is_replaced(site, target):
    target.parent.mkdir()
    target.write_bytes(b"rubbish")
    download([site.put("/data.bin", CONTENT)], target, sha256=SHA)
    assert target.read_bytes() == CONTENT


def test_progress_counts_bytes_up_to_the_total(site, target):
    seen = []
    url = site.put("/data.bin", CONTENT)
    download([url], target, progress=lambda done, total: seen.append((done, total)))
    done = [pair[0] for pair in seen]
    assert done == sorted(set(done)) and done[-1] == len(CONTENT)
    assert {pair[1] for pair in seen} == {len(CONTENT)}


def test_a_redirect_within_http_is_followed(site, target):
    site.put("/new", CONTENT)
    assert download([site.put("/old", redirect="/new")], target, sha256=SHA).read_bytes() == CONTENT


# --- resuming


def test_after_a_cut_only_the_rest_is_asked_for(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"', cuts=[100_000])
    download([url], target)
    assert target.read_bytes() == CONTENT
    (_, first, _), (_, second, condition) = site.requests
    assert first == "" and condition == '"1"'
    offset = int(second.removeprefix("bytes=").removesuffix("-"))
    assert 100_000 - (1 << 14) < offset <= 100_000


def test_a_download_that_keeps_breaking_keeps_its_part_for_the_next_call(site, target):
    url = site.put("/data.bin", CONTENT, last_modified="Mon, 01 Jan 2024 00:00:00 GMT", cuts=[50_000, 0])
    with pytest.raises(DataError, match=r"cannot download data\.bin: .*connection lost") as caught:
        download([url], target, hint="Do this.")
    kept = PartFile(target).size
    assert f"{kept:,} bytes are kept; run the same command again" in caught.value.hint
    assert caught.value.hint.endswith("Do this.")
    assert 0 < kept <= 50_000 and not target.exists()
    download([url], target)
    assert target.read_bytes() == CONTENT
    assert site.ranges("/data.bin")[-1] == f"bytes={kept}-"


def test_ctrl_c_leaves_the_part_and_the_next_call_goes_on(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"')

    def interrupt(done, total):
        if done > 60_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([url], target, progress=interrupt)
    kept = PartFile(target).size
    assert kept > 60_000 and not target.exists()
    download([url], target)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == ["", f"bytes={kept}-"]


def test_a_server_that_ignores_ranges_is_taken_from_the_start(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"', ranges=False, cuts=[100_000])
    download([url], target)
    assert target.read_bytes() == CONTENT
    assert site.ranges("/data.bin")[1].startswith("bytes=")


def test_a_part_longer_than_the_remote_file_is_dropped(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"')
    put_part(target, CONTENT + b"more", url, '"1"')
    download([url], target)
    assert target.read_bytes() == CONTENT
    assert site.ranges("/data.bin") == [f"bytes={len(CONTENT) + 4}-", ""]


def test_another_range_than_asked_for_is_not_glued(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"', range_shift=-256)
    put_part(target, CONTENT[:1024], url, '"1"')
    download([url], target)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == ["bytes=1024-", ""]


@pytest.mark.parametrize("honest", [True, False], ids=["honors If-Range", "ignores If-Range"])
def test_a_changed_remote_file_is_not_glued_to_an_old_part(site, target, honest):
    url = site.put("/data.bin", CONTENT, etag='"2"', honors_if_range=honest)
    put_part(target, b"x" * 1000, url, '"1"')
    download([url], target)
    assert target.read_bytes() == CONTENT
    assert site.requests[0][1:] == ("bytes=1000-", '"1"')


@pytest.mark.parametrize("etag", ["", 'W/"1"'], ids=["no validator", "weak ETag"])
def test_without_a_validator_or_hash_a_part_is_not_trusted(site, target, etag):
    url = site.put("/data.bin", CONTENT, etag=etag)
    put_part(target, b"x" * 1000, url, etag)
    download([url], target)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == [""]


def test_with_a_known_hash_another_mirror_delivers_the_rest(site, target):
    put_part(target, CONTENT[:1000], dead_address() + "/data.bin", '"of the other mirror"')
    download([site.put("/data.bin", CONTENT, etag='"1"')], target, sha256=SHA)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == ["bytes=1000-"]


def test_a_part_with_wrong_bytes_costs_one_fresh_try(site, target):
    put_part(target, b"x" * 1000, "http://elsewhere/")
    download([site.put("/data.bin", CONTENT)], target, sha256=SHA)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == ["bytes=1000-", ""]


def test_the_mirror_that_the_part_came_from_goes_first(site, target):
    other = site.put("/other", CONTENT, etag='"1"')
    url = site.put("/data.bin", CONTENT, etag='"1"')
    put_part(target, CONTENT[:1000], url, '"1"')
    download([other, url], target)
    assert site.ranges("/other") == [] and site.ranges("/data.bin") == ["bytes=1000-"]


def test_an_unreadable_note_beside_the_part_means_starting_over(site, target):
    url = site.put("/data.bin", CONTENT, etag='"1"')
    put_part(target, b"x" * 1000, url, '"1"')
    target.with_name("data.bin.part.json").write_text("[not json")
    download([url], target)
    assert target.read_bytes() == CONTENT and site.ranges("/data.bin") == [""]


# --- mirrors and errors


def test_a_dead_mirror_is_skipped(site, target):
    urls = [dead_address() + "/data.bin", site.put("/missing", status=404), site.put("/data.bin", CONTENT)]
    assert download(urls, target, sha256=SHA).read_bytes() == CONTENT


def test_the_error_lists_every_address_with_its_reason(site, target):
    dead = dead_address() + "/data.bin"
    urls = [dead, site.put("/a", status=404), site.put("/b", status=500), site.put("/c", status=599)]
    with pytest.raises(DataError) as caught:
        download(urls, target, hint="Do this.")
    assert caught.value.message == (
        f"cannot download data.bin: {dead} (connection refused); {urls[1]} (HTTP 404 Not Found); "
        f"{urls[2]} (HTTP 500 Internal Server Error); {urls[3]} (HTTP 599)"
    )
    assert caught.value.hint == "Do this." and caught.value.exit_code == 3
    assert left(target) == []


def test_a_wrong_hash_discards_the_file_and_names_both(site, target):
    url = site.put("/data.bin", b"something else")
    actual = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DataError, match=f"sha256 {actual}, expected {SHA}"):
        download([url], target, sha256=SHA)
    assert left(target) == []
    assert download([url, site.put("/good", CONTENT)], target, sha256=SHA).read_bytes() == CONTENT


def test_a_wrong_size_is_refused_before_the_body(site, target):
    with pytest.raises(DataError, match=r"\(204,800 bytes, expected 5\)"):
        download([site.put("/data.bin", CONTENT)], target, size=5)
    assert left(target) == []


def test_a_short_file_of_unknown_length_is_refused(site, target):
    with pytest.raises(DataError, match=r"\(204,800 bytes, expected 204,801\)"):
        download([site.put("/data.bin", CONTENT, sends_length=False)], target, size=len(CONTENT) + 1)


def test_a_declared_length_above_the_limit_is_refused(site, target):
    with pytest.raises(DataError, match="204,800 bytes, more than the allowed 1,000"):
        download([site.put("/data.bin", CONTENT)], target, max_bytes=1000)
    assert left(target) == []


def test_an_endless_body_is_stopped_at_the_limit(site, target):
    with pytest.raises(DataError, match="sends more than the 1,000 bytes expected or allowed"):
        download([site.put("/data.bin", CONTENT, sends_length=False)], target, max_bytes=1000)
    assert left(target) == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/data.bin", "data.bin"])
def test_only_http_and_https_addresses_are_allowed(target, url):
    with pytest.raises(DataError, match="refused: only http and https"):
        download([url], target)


@pytest.mark.parametrize("goal", ["file:///etc/hostname", "ftp://127.0.0.1/data.bin"])
def test_a_redirect_to_another_scheme_is_refused(site, target, goal):
    with pytest.raises(DataError, match="refused: redirected to an address that is not http or https"):
        download([site.put("/old", redirect=goal)], target)


def test_a_redirect_in_a_circle_is_given_up(site, target):
    with pytest.raises(DataError, match="too many redirects"):
        download([site.put("/old", redirect="/old")], target)


def test_a_silent_server_is_given_up(site, target):
    with pytest.raises(DataError, match=r"no answer within 0\.3 s"):
        download([site.put("/data.bin", silent=True)], target, timeout=QUICK)


def test_the_callers_check_can_refuse_a_mirror(site, target):
    def accept(path):
        if path.read_bytes() != CONTENT:
            raise DataError("not what I wanted")

    bad = site.put("/bad", b"<html>moved</html>")
    with pytest.raises(DataError, match=r"/bad \(not what I wanted\)"):
        download([bad], target, accept=accept)
    assert left(target) == []
    assert download([bad, site.put("/good", CONTENT)], target, accept=accept).read_bytes() == CONTENT


def test_offline_says_what_is_missing_and_asks_nobody(site, target):
    url = site.put("/data.bin", CONTENT)
    with pytest.raises(DataError, match=r"data\.bin: it does not exist, and offline mode forbids") as caught:
        download([url], target, offline=True, hint="Run `get it`.")
    assert caught.value.hint == "Run `get it`."
    assert site.requests == [] and not target.parent.exists()


def test_offline_says_that_a_file_is_damaged(target):
    target.parent.mkdir()
    target.write_bytes(b"rubbish")
    with pytest.raises(DataError, match="7 bytes, expected 204,800, and offline"):
        download(["http://127.0.0.1/"], target, size=len(CONTENT), offline=True)
    assert target.read_bytes() == b"rubbish"


def test_a_disk_that_refuses_is_one_sentence(site, target):
    PartFile(target).path.mkdir(parents=True)
    with pytest.raises(DataError, match=r"cannot write .*data\.bin\.part: ") as caught:
        download([site.put("/data.bin", CONTENT)], target)
    assert "LNNCMP_CACHE" in caught.value.hint


def test_no_address_is_an_error(target):
    with pytest.raises(DataError, match="no address given"):
        download([], target)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.SSLError("x"), "TLS error"),
        (requests.exceptions.ProxyError("x"), "the proxy did not let it through"),
        (requests.exceptions.ConnectTimeout("x"), "no connection within 10 s"),
        (requests.exceptions.ConnectionError("NameResolutionError('x')"), "host not found"),
        (requests.exceptions.ConnectionError("reset by peer"), "no connection"),
    ],
)
def test_reasons_are_a_few_words(error, words):
    assert reason(error, (10.0, 30.0)).startswith(words)


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
