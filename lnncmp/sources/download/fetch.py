"""Download files over HTTP: several mirrors, resumed after a broken connection, checked before they count.

The only module of the package that touches the network. A file grows next to its target (see `partial`) and gets
its final name after size, SHA-256 and the caller's own check have passed, so a file that exists is complete.
Ctrl-C leaves the part, and the next call goes on from there.
"""

import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lnncmp import __version__
from lnncmp.common.files import explained, make_dir
from lnncmp.errors import DataError
from lnncmp.sources.download.http import (
    CutError,
    MirrorError,
    SilentError,
    StartOverError,
    body,
    unanswered,
    understand,
)
from lnncmp.sources.download.manifest import file_sha256
from lnncmp.sources.download.partial import PartFile

if TYPE_CHECKING:
    import requests


ByteProgress = Callable[[int, int], None]
"""Called as progress(bytes done, bytes in total); total 0 means unknown."""
MAX_BYTES = 4 << 30
"""Largest file that `download` accepts by default."""
TIMEOUT = (10.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes."""
_TRIES = 4


class UnreachableError(DataError):
    """No address could be reached, or each asked to retry later: nothing is wrong with the data themselves."""


def ignore_bytes(done: int, total: int) -> None:
    """Swallow a progress message."""


@dataclass(frozen=True)
class _Job:
    """The arguments of one call of `download`."""

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
    A target that is already there and passes the same checks is returned at once.

    Raises DataError, naming each address with its reason, if none works (UnreachableError if none could be reached);
    if offline; if the disk is full.
    """
    missing = _objection(target, sha256, size, accept) if target.is_file() else "it does not exist"
    if not missing:
        return target
    if offline:
        raise DataError(f"cannot use {target}: {missing}, and offline mode forbids downloading it", hint)
    make_dir(target.parent)
    part = PartFile(target)
    failures: list[tuple[str, MirrorError]] = []
    opened = session or open_session()
    job = _Job(part, opened, sha256, size, max_bytes, accept, progress, timeout)
    try:
        # The address that the part came from goes first: elsewhere its bytes may be useless.
        for url in sorted(urls, key=lambda url: url != part.url):
            try:
                _deliver(job, url)
                return target
            except MirrorError as failure:
                failures.append((url, failure))
    except OSError as error:
        raise DataError(
            f"cannot write {part.path}: {error.strerror or error}", "Free some space, or set LNNCMP_CACHE."
        ) from error
    finally:
        if session is None:
            opened.close()
    kept = f"{part.size:,} bytes are kept; run the same command again to go on from there. " if part.size else ""
    reasons = "; ".join(f"{url} ({failure})" for url, failure in failures)
    silent = failures and all(isinstance(failure, SilentError) for _, failure in failures)
    kind = UnreachableError if silent else DataError
    raise kind(f"cannot download {target.name}: {reasons or 'no address given'}", kept + hint)


def _deliver(job: _Job, url: str) -> None:
    """Bring the file from `url`, check it and give it its name. Raises MirrorError."""
    resumed = _fill(job, url)
    wrong = _objection(job.part.path, job.sha256, job.size, job.accept)
    if wrong and resumed:
        # The older bytes may be wrong, not this mirror: one try without them.
        job.part.discard()
        _fill(job, url)
        wrong = _objection(job.part.path, job.sha256, job.size, job.accept)
    if wrong:
        job.part.discard()
        raise MirrorError(wrong)
    job.part.finish()


def _fill(job: _Job, url: str) -> bool:
    """Ask `url` until the part is complete; return whether bytes of more than one request were put together.

    A broken connection is tried again as long as each try brings something. Raises MirrorError.
    """
    for _ in range(_TRIES - 1):
        before = job.part.size
        try:
            return _request(job, url)
        except StartOverError:
            job.part.discard()
        except CutError:
            if job.part.size <= before:
                raise
    try:
        return _request(job, url)
    except StartOverError:
        job.part.discard()
        raise MirrorError("the server keeps changing its answer") from None


def _request(job: _Job, url: str) -> bool:
    """Ask for the missing bytes once and store them; return whether older bytes were kept.

    Raises MirrorError, CutError, StartOverError.
    """
    offset, validator = job.part.resume_point(url, hash_known=job.sha256 is not None)
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    if validator and offset:
        headers["If-Range"] = validator
    with _get(job, url, headers) as response:
        # The ETags of two mirrors are unrelated.
        start, total = understand(response, offset, job.part.etag if job.part.url == url else "")
        if job.size is not None and total not in (0, job.size):
            raise MirrorError(f"{total:,} bytes, expected {job.size:,}")
        if total > job.max_bytes:
            raise MirrorError(f"{total:,} bytes, more than the allowed {job.max_bytes:,}")
        if start == 0:
            job.part.begin(url, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
        _store(job, response, start, total)
    return start > 0


def _get(job: _Job, url: str, headers: dict[str, str]) -> "requests.Response":
    """Send the request and return the answer, its body not yet read. Raises MirrorError."""
    import requests
    import urllib3

    if urlsplit(url).scheme not in ("http", "https"):
        raise MirrorError("refused: only http and https addresses are allowed")
    try:
        return job.session.get(url, headers=headers, stream=True, timeout=job.timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise unanswered(error, job.timeout) from error


def _store(job: _Job, response: "requests.Response", start: int, total: int) -> None:
    """Append the body to the part. Raises CutError if it ends early, MirrorError if it does not end."""
    done = start
    limit = job.max_bytes if job.size is None else job.size
    with job.part.path.open("ab" if start else "wb") as file:
        for chunk in body(response, job.timeout):
            done += len(chunk)
            if done > limit:
                job.part.discard()
                raise MirrorError(f"sends more than the {limit:,} bytes expected or allowed")
            file.write(chunk)
            job.progress(done, total or job.size or 0)
    if done < total:
        raise CutError(f"connection lost after {done:,} of {total:,} bytes")


def _objection(path: Path, sha256: str | None, size: int | None, accept: Callable[[Path], None] | None) -> str:
    """Return what is wrong with the complete file `path`, empty if nothing."""
    found = path.stat().st_size
    if size is not None and found != size:
        return f"{found:,} bytes, expected {size:,}"
    if sha256 is not None and (actual := file_sha256(path)) != sha256:
        return f"sha256 {actual}, expected {sha256}"
    if accept is not None:
        try:
            accept(path)
        except DataError as error:
            return error.message
    return ""


def probe(url: str, *, sha256: str, seconds: float, hint: str = "") -> None:
    """Fetch the small file `url`, check it and throw it away; return if all went well within `seconds`.

    hint: what the user can do, for error messages.
    Raises UnreachableError without an answer in time, DataError as `download` does, also for a wrong answer.
    """
    outcome: Future[None] = Future()

    def work() -> None:
        try:
            with explained(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix="lnncmp-") as folder:
                target = Path(folder) / url.rpartition("/")[2]
                download([url], target, sha256=sha256, hint=hint, timeout=(seconds / 2, seconds / 2))
            outcome.set_result(None)
        except Exception as error:
            outcome.set_exception(error)

    # A thread, because no timeout of a request covers the search for the host's address, which can take minutes.
    threading.Thread(target=work, daemon=True).start()
    try:
        outcome.result(seconds)
    except TimeoutError:
        raise UnreachableError(f"cannot reach {url}: no complete answer within {seconds:g} s", hint) from None
