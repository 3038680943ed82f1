"""A small web server on 127.0.0.1 for download tests: ranges, cut connections, errors, redirects, silence."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One file of the server; `cuts` says, request by request, after how many body bytes the connection breaks.

    `range_shift` makes the server answer a range request with another range than was asked for.
    """

    content: bytes = b""
    status: int = 200
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    ranges: bool = True
    honors_if_range: bool = True
    sends_length: bool = True
    range_shift: int = 0
    redirect: str = ""
    silent: bool = False
    cuts: list[int] = field(default_factory=list)


@dataclass
class Site:
    """The pages of a running server by path, and the requests it got as (path, Range, If-Range)."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, content: bytes = b"", **options) -> str:
        """Publish a page and return its address."""
        self.pages[path] = Page(content, **options)
        return self.address + path

    def ranges(self, path: str) -> list[str]:
        """Return the Range headers of all requests for `path`, empty strings where there was none."""
        return [seen for asked, seen, _ in self.requests if asked == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        page = self.site.pages.get(self.path, Page(status=404))
        wanted = self.headers.get("Range", "")
        condition = self.headers.get("If-Range", "")
        self.site.requests.append((self.path, wanted, condition))
        if page.silent:
            self.site.closing.wait(10)
            self.close_connection = True
            return
        if page.redirect:
            self._head(302, {"Location": page.redirect, "Content-Length": "0"})
            return
        if page.status != 200:
            self._head(page.status, {"Content-Length": "0"})
            return
        same = not condition or not page.honors_if_range or condition in (page.etag, page.last_modified)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and page.ranges and same else 0
        start += page.range_shift if start else 0
        if start >= len(page.content) > 0:
            self._head(416, {"Content-Range": f"bytes */{len(page.content)}", "Content-Length": "0"})
            return
        self._send(page, start)

    def _send(self, page: Page, start: int) -> None:
        body = page.content[start:]
        headers = {"ETag": page.etag, "Last-Modified": page.last_modified, "Content-Type": page.content_type}
        if page.sends_length:
            headers["Content-Length"] = str(len(body))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(page.content) - 1}/{len(page.content)}"
        self._head(206 if start else 200, headers)
        cut = page.cuts.pop(0) if page.cuts else None
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None or not page.sends_length:
            self.close_connection = True

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up in the middle are what these tests are about."""


@contextmanager
def running_site() -> Iterator[Site]:
    """Run a server on a free port of 127.0.0.1 as long as the block lasts."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    handler.site = site
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def dead_address() -> str:
    """Return an address of this machine where nobody listens."""
    server = _Server(("127.0.0.1", 0), _Handler)
    port = server.server_address[1]
    server.server_close()
    return f"http://127.0.0.1:{port}"
