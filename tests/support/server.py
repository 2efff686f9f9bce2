"""The real server as a child process of the test, and bare clients for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.tls import Pair, client_context, make_pair

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Running:
    """A server that runs; ``peers`` with mutual TLS, ``health`` without TLS."""

    process: subprocess.Popen[str]
    folder: Path
    config: dict[str, Any]
    peers: tuple[str, int]
    health: tuple[str, int]
    anchor: Pair
    client: Pair

    def configure(self, **changes: Any) -> None:
        self.config.update(changes)
        (self.folder / "config.json").write_text(json.dumps(self.config))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def events(self, *names: str) -> list[tuple[str, ...]]:
        """These fields of every line of the log."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [tuple(str(line.get(name, "")) for name in names) for line in lines]

    def tls(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        return client_context(self.client.file, self.folder / "anchor.pem", version=version)

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        raw = socket.create_connection(self.peers, timeout=10)
        return (context or self.tls()).wrap_socket(raw, server_hostname="localhost")

    def connect_plain(self) -> socket.socket:
        return socket.create_connection(self.health, timeout=10)

    def get(self, path: str) -> dict[str, Any]:
        """One GET on the plain listener; the JSON of the answer."""
        with self.connect_plain() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            status, _, body = read_answer(connection)
        assert status == 200
        return dict(json.loads(body))


@contextlib.contextmanager
def running(folder: Path, **config: Any) -> Iterator[Running]:
    """Start a server in ``folder`` and stop it at the end, whatever happened."""
    anchor = make_pair(folder, "anchor")
    make_pair(folder, "server", issuer=anchor)
    client = make_pair(folder, "client", issuer=anchor, country="HR")
    settings = {"workers": 1, "folder": str(folder), **config}
    (folder / "config.json").write_text(json.dumps(settings))
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.server_app", str(folder / "config.json")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "log.txt").read_text()
        at = json.loads(line)
        yield Running(process, folder, settings, tuple(at["peers"]), tuple(at["health"]), anchor, client)
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        process.stdout.close()


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with Content-Length or up to the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before an answer")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return int(lines[0].split(" ")[1]), headers, body


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
