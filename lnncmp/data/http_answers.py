"""What an HTTP answer, or its absence, means for a download: go on, start over, try again, try elsewhere."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

# urllib3 drops a chunk that is not complete when the connection breaks, so a chunk is what a resumed download loses.
_CHUNK = 1 << 14


class MirrorError(Exception):
    """An address did not deliver; the text says why in a few words."""


class CutError(MirrorError):
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


def understand(response: "requests.Response", offset: int, etag: str) -> tuple[int, int]:
    """Return (where the body starts, bytes of the whole file, 0 if unknown).

    A server may ignore Range and send everything (200). Raises StartOverError if the rest it offers does not
    belong to the bytes at hand, MirrorError on any other status.
    """
    status = response.status_code
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
    try:
        raise MirrorError(f"HTTP {status} {HTTPStatus(status).phrase}")
    except ValueError:
        raise MirrorError(f"HTTP {status}") from None


def body(response: "requests.Response", timeout: tuple[float, float]) -> Iterator[bytes]:
    """Yield the body as sent; network errors become CutError."""
    from urllib3 import exceptions

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except exceptions.ReadTimeoutError as error:
        raise CutError(f"no data for {timeout[1]:g} s") from error
    except (exceptions.HTTPError, OSError) as error:
        raise CutError("connection lost") from error
