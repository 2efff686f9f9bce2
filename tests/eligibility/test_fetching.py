"""Documents of other services: a whole answer in time, or nothing."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ncp.identity.fetching import Fetcher, FetchFailed

pytestmark = pytest.mark.attack


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = {"/large": b" " * 3000, "/bomb": gzip.compress(b" " * 3_000_000)}.get(path, b"{}")
        self.send_response({"/moved": 302, "/gone": 404, "/empty": 204}.get(path, 200))
        self.send_header("Location", "/good")
        if path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
        if path != "/slow":
            self.send_header("Content-Length", str(len(content) + (10 if path == "/cut" else 0)))
        self.end_headers()
        if path == "/slow":
            for _ in range(40):
                try:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
        else:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(timeout=0.5, limit=2000)
    yield fetcher
    fetcher.close()


def test_a_document_is_fetched(address: str, fetcher: Fetcher) -> None:
    assert fetcher.get(f"{address}/good", query={"identifier": "8&9"}) == b"{}"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/moved", "status"),
        ("/gone", "status"),
        ("/empty", "status"),
        ("/large", "body"),
        ("/bomb", "body"),
        ("/cut", "connect"),
        ("/slow", "connect"),
    ],
)
def test_anything_else_is_nothing(path: str, word: str, address: str, fetcher: Fetcher) -> None:
    began = time.monotonic()
    with pytest.raises(FetchFailed) as failed:
        fetcher.get(address + path)
    assert str(failed.value) == word
    assert time.monotonic() - began < 2


def test_nobody_there_is_nothing(fetcher: Fetcher) -> None:
    with pytest.raises(FetchFailed):
        fetcher.get("http://127.0.0.1:9/")
