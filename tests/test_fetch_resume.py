"""Downloads that broke off: what is asked for at the next try, and what is never put together."""

import hashlib

import pytest
from local_server import dead_address

from lnncmp.errors import DataError
from lnncmp.sources.download.fetch import download
from lnncmp.sources.download.partial import PartFile

CONTENT = bytes(range(256)) * 800
SHA = hashlib.sha256(CONTENT).hexdigest()


def put_part(target, content, url, etag=""):
    """Pretend that an earlier download stopped after `content`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartFile(target)
    part.begin(url, etag, "")
    part.path.write_bytes(content)


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
