"""Downloads: mirrors, checks, limits, and every error message."""

import hashlib

import pytest
import requests
from local_server import dead_address

from lnncmp.errors import DataError
from lnncmp.sources.download.fetch import download
from lnncmp.sources.download.http import reason
from lnncmp.sources.download.partial import PartFile

CONTENT = bytes(range(256)) * 800
SHA = hashlib.sha256(CONTENT).hexdigest()
QUICK = (2.0, 0.3)


def left(target):
    """Names beside the target."""
    return sorted(path.name for path in target.parent.iterdir())


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
