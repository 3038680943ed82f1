"""What an HTTP answer, or its absence, means for a download: go on, start over, try again, try elsewhere."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

# urllib3 drops a chunk that is not complete when the connection breaks, so a chunk is what a resumed download loses.
_CHUNK = 1 << 14
_DELIVERS = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)


class MirrorError(Exception):
    """An address did not deliver; the text says why in a few words."""


class SilentError(MirrorError):
    """The address could not be reached, or says that it cannot answer now: nothing is known about the file."""


class CutError(SilentError):
    """The connection broke in the middle: worth another try that asks for the rest."""


class StartOverError(Exception):
    """The bytes at hand do not fit what the server has now."""


def reason(error: Exception, timeout: tuple[float, float]) -> str:
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


def unanswered(error: Exception, timeout: tuple[float, float]) -> MirrorError:
    """Return what a failed request means: SilentError, unless the server did answer but redirected astray."""
    from requests import exceptions as known

    answered = isinstance(error, known.TooManyRedirects | known.InvalidSchema)
    return (MirrorError if answered else SilentError)(reason(error, timeout))


def understand(response: "requests.Response", offset: int, etag: str) -> tuple[int, int]:
    """Return (where the body starts, bytes of the whole file, 0 if unknown).

    A server may ignore Range and send everything (200). Raises StartOverError if the rest it offers does not
    belong to the bytes at hand, SilentError if the server cannot answer now, MirrorError on any other status and on
    a web page: no data file is one.
    """
    status = response.status_code
    if status in _DELIVERS and response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise MirrorError("sends a web page (HTML) in place of the file, perhaps one that asks for a login")
    if status == HTTPStatus.OK:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else 0
    if offset and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise StartOverError
    if offset and status == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        changed = etag and response.headers.get("ETag", etag) != etag
        if found is None or int(found[1]) != offset or changed:
            raise StartOverError
        return offset, 0 if found[2] == "*" else int(found[2])
    later = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    failure = SilentError if later else MirrorError
    try:
        raise failure(f"HTTP {status} {HTTPStatus(status).phrase}")
    except ValueError:
        raise failure(f"HTTP {status}") from None


def body(response: "requests.Response", timeout: tuple[float, float]) -> Iterator[bytes]:
    """Yield the body as sent; network errors become CutError."""
    from urllib3 import exceptions

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except exceptions.ReadTimeoutError as error:
        raise CutError(f"no data for {timeout[1]:g} s") from error
    except (exceptions.HTTPError, OSError) as error:
        raise CutError("connection lost") from error
