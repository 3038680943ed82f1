"""Download files over HTTP: several mirrors, resumed after a broken connection, checked before they count.

The only module of the package that touches the network. A file grows beside its target (see `partial`) and gets
its final name after size, SHA-256 and the caller's own check have passed, so a file that exists is complete.
Ctrl-C leaves the part, and the next call goes on from there.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lnncmp import __version__
from lnncmp.atomic import make_dir
from lnncmp.data.manifest import file_sha256
from lnncmp.data.partial import PartFile
from lnncmp.errors import DataError

if TYPE_CHECKING:
    import requests

ByteProgress = Callable[[int, int], None]
"""Called as progress(bytes done, bytes in total); total 0 means unknown."""

MAX_BYTES = 4 << 30
"""Largest file that `download` accepts unless it is told otherwise."""

TIMEOUT = (10.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes."""

_CHUNK = 1 << 16
_TRIES = 4


def ignore_bytes(done: int, total: int) -> None:
    """Swallow a progress message."""


class _MirrorError(Exception):
    """This address did not deliver; the text says why in a few words."""


class _CutError(_MirrorError):
    """The connection broke in the middle: worth another try that asks for the rest."""


class _StartOverError(Exception):
    """The bytes at hand do not fit what the server has now."""


@dataclass(frozen=True)
class _Job:
    """What one call of `download` was asked for."""

    part: PartFile
    session: "requests.Session"
    sha256: str | None
    size: int | None
    max_bytes: int
    accept: Callable[[Path], None] | None
    progress: ByteProgress
    timeout: tuple[float, float]


def open_session() -> "requests.Session":
    """Return a session for several calls of `download`: one connection for many small files."""
    import requests

    session = requests.Session()
    # identity: byte ranges and hashes are about the stored file, not about a compressed transfer of it.
    session.headers.update({"User-Agent": f"lnncmp/{__version__}", "Accept-Encoding": "identity"})
    return session


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    max_bytes: int = MAX_BYTES,
    accept: Callable[[Path], None] | None = None,
    offline: bool = False,
    progress: ByteProgress = ignore_bytes,
    hint: str = "",
    timeout: tuple[float, float] = TIMEOUT,
    session: "requests.Session | None" = None,
) -> Path:
    """Bring the file at the first of `urls` that works to `target` and return `target`.

    sha256, size: what the file must be, None if unknown. max_bytes: refuse anything larger.
    accept: looks at the complete file before it gets its name; a DataError from it discards the file and counts as
        this mirror's failure.
    offline: never touch the network. hint: what the user can do, for error messages.
    A target that is already there with the right size and hash is returned at once.

    Raises DataError, naming each address with its reason, if none works; if offline; if the disk is full.
    """
    if _is_there(target, sha256, size):
        return target
    if offline:
        raise DataError(f"{target.name} is not in {target.parent}, and offline mode forbids downloading it", hint)
    make_dir(target.parent)
    part = PartFile(target)
    failures: list[str] = []
    opened = session or open_session()
    job = _Job(part, opened, sha256, size, max_bytes, accept, progress, timeout)
    try:
        # The address that the part came from goes first: elsewhere its bytes may be useless.
        for url in sorted(urls, key=lambda url: url != part.url):
            try:
                _deliver(job, url)
                return target
            except _MirrorError as failure:
                failures.append(f"{url} ({failure})")
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot write {part.path}: {reason}", "Free some space, or set LNNCMP_CACHE.") from error
    finally:
        if session is None:
            opened.close()
    kept = f"{part.size:,} bytes are kept; run the same command again to go on from there. " if part.size else ""
    raise DataError(f"cannot download {target.name}: {'; '.join(failures) or 'no address given'}", kept + hint)


def _is_there(target: Path, sha256: str | None, size: int | None) -> bool:
    """Tell whether `target` is complete already; a file that only rename can make needs no further proof."""
    if not target.is_file() or (size is not None and target.stat().st_size != size):
        return False
    return sha256 is None or file_sha256(target) == sha256


def _deliver(job: _Job, url: str) -> None:
    """Bring the file from `url`, check it and give it its name. Raises _MirrorError."""
    resumed = _fill(job, url)
    wrong = _objection(job)
    if wrong and resumed:
        # The older bytes may be the culprit, not this mirror: one honest try without them.
        job.part.discard()
        _fill(job, url)
        wrong = _objection(job)
    if wrong:
        job.part.discard()
        raise _MirrorError(wrong)
    job.part.finish()


def _fill(job: _Job, url: str) -> bool:
    """Ask `url` until the part is complete; return whether bytes of more than one request were put together.

    A broken connection is tried again as long as each try brings something. Raises _MirrorError.
    """
    for _ in range(_TRIES - 1):
        before = job.part.size
        try:
            return _request(job, url)
        except _StartOverError:
            job.part.discard()
        except _CutError:
            if job.part.size <= before:
                raise
    try:
        return _request(job, url)
    except _StartOverError:
        job.part.discard()
        raise _MirrorError("the server keeps changing its answer") from None


def _request(job: _Job, url: str) -> bool:
    """Ask for the missing bytes once and store them; return whether older bytes were kept.

    Raises _MirrorError, _CutError, _StartOverError.
    """
    offset, validator = job.part.resume_point(url, hash_known=job.sha256 is not None)
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    if validator and offset:
        headers["If-Range"] = validator
    with _get(job, url, headers) as response:
        start, total = _understand(response, offset, job.part.etag)
        if job.size is not None and total not in (0, job.size):
            raise _MirrorError(f"{total:,} bytes, expected {job.size:,}")
        if total > job.max_bytes:
            raise _MirrorError(f"{total:,} bytes, more than the allowed {job.max_bytes:,}")
        if start == 0:
            job.part.begin(url, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
        _store(job, response, start, total)
    return start > 0


def _get(job: _Job, url: str, headers: dict[str, str]) -> "requests.Response":
    """Send the request and return the answer, its body not yet read. Raises _MirrorError."""
    import requests
    import urllib3

    if urlsplit(url).scheme not in ("http", "https"):
        raise _MirrorError("refused: only http and https addresses are allowed")
    try:
        return job.session.get(url, headers=headers, stream=True, timeout=job.timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _MirrorError(_reason(error, job.timeout)) from error


def _reason(error: Exception, timeout: tuple[float, float]) -> str:
    """Say in a few words why no answer came."""
    from requests import exceptions as known

    words: list[tuple[Any, str]] = [
        (known.SSLError, "TLS error: the certificate or the encrypted connection was not accepted"),
        (known.ProxyError, "the proxy did not let it through"),
        (known.ConnectTimeout, f"no connection within {timeout[0]:g} s"),
        (known.ReadTimeout, f"no answer within {timeout[1]:g} s"),
        (known.TooManyRedirects, "too many redirects"),
        (known.InvalidSchema, "refused: redirected to an address that is not http or https"),
    ]
    for kind, text in words:
        if isinstance(error, kind):
            return text
    detail = str(error)
    if "NameResolutionError" in detail:
        return "host not found"
    return "connection refused" if "refused" in detail else "no connection"


def _understand(response: "requests.Response", offset: int, etag: str) -> tuple[int, int]:
    """Return (where the body starts, bytes of the whole file, 0 if unknown).

    A server may ignore Range and send everything (200). Raises _StartOverError if the rest it offers does not
    belong to the bytes at hand, _MirrorError on any other status.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return 0, int(response.headers.get("Content-Length") or 0)
    if offset and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _StartOverError
    if offset and status == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        changed = etag and response.headers.get("ETag", etag) != etag
        if found is None or int(found[1]) != offset or changed:
            raise _StartOverError
        return offset, 0 if found[2] == "*" else int(found[2])
    try:
        raise _MirrorError(f"HTTP {status} {HTTPStatus(status).phrase}")
    except ValueError:
        raise _MirrorError(f"HTTP {status}") from None


def _store(job: _Job, response: "requests.Response", start: int, total: int) -> None:
    """Append the body to the part. Raises _CutError if it ends early, _MirrorError if it does not end."""
    done = start
    with job.part.path.open("ab" if start else "wb") as file:
        for chunk in _body(response, job.timeout):
            done += len(chunk)
            if done > (job.max_bytes if job.size is None else job.size):
                job.part.discard()
                raise _MirrorError(f"sends more than the {job.size or job.max_bytes:,} bytes expected or allowed")
            file.write(chunk)
            job.progress(done, total or job.size or 0)
    if done < total:
        raise _CutError(f"connection lost after {done:,} of {total:,} bytes")


def _body(response: "requests.Response", timeout: tuple[float, float]) -> Iterator[bytes]:
    """Yield the body as sent; network errors become _CutError."""
    from urllib3 import exceptions

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except exceptions.ReadTimeoutError as error:
        raise _CutError(f"no data for {timeout[1]:g} s") from error
    except (exceptions.HTTPError, OSError) as error:
        raise _CutError("connection lost") from error


def _objection(job: _Job) -> str:
    """Return what is wrong with the complete part, empty if nothing."""
    if job.size is not None and job.part.size != job.size:
        return f"{job.part.size:,} bytes, expected {job.size:,}"
    if job.sha256 is not None and (actual := file_sha256(job.part.path)) != job.sha256:
        return f"sha256 {actual}, expected {job.sha256}"
    if job.accept is not None:
        try:
            job.accept(job.part.path)
        except DataError as error:
            return error.message
    return ""
