"""How the gateway and the process that runs SaxonC speak: a header in JSON and a body of bytes."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

MAX_HEADER = 64 * 1024
MAX_BODY = 128 * 1024 * 1024

_LENGTHS = struct.Struct(">IQ")
_AT_ONCE = 1024 * 1024


class ConnectionOver(Exception):
    """The other side is gone, took too long or spoke nonsense."""


def send(connection: socket.socket, header: dict[str, Any], body: bytes = b"", *, until: float | None = None) -> None:
    """``until``: moment of ``time.monotonic`` when to give up. Raises ``ConnectionOver``."""
    head = json.dumps(header).encode()
    try:
        connection.settimeout(_left(until))
        connection.sendall(_LENGTHS.pack(len(head), len(body)) + head)
        connection.settimeout(_left(until))
        connection.sendall(body)
    except OSError:
        raise ConnectionOver from None


def receive(connection: socket.socket, *, until: float | None = None) -> tuple[dict[str, Any], bytes]:
    """The next header and body. Raises ``ConnectionOver``."""
    head_size, body_size = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size, until))
    if head_size > MAX_HEADER or body_size > MAX_BODY:
        raise ConnectionOver
    try:
        header = json.loads(_exactly(connection, head_size, until))
    except ValueError:
        raise ConnectionOver from None
    if not isinstance(header, dict):
        raise ConnectionOver
    return header, _exactly(connection, body_size, until)


def _exactly(connection: socket.socket, size: int, until: float | None) -> bytes:
    pieces: list[bytes] = []
    while size:
        try:
            connection.settimeout(_left(until))
            piece = connection.recv(min(size, _AT_ONCE))
        except OSError:
            raise ConnectionOver from None
        if not piece:
            raise ConnectionOver
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _left(until: float | None) -> float | None:
    if until is None:
        return None
    left = until - time.monotonic()
    if left <= 0:
        raise ConnectionOver
    return left
