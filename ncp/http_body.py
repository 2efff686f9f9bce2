"""The body of one HTTP message as it streams in, packed or not, never larger than its limit.

Knows gzip and how to stop it before a small message unpacks into a large one. Shared by what we receive
(``ncp.http_in``) and what is answered to us (``ncp.http_out``).
"""

from __future__ import annotations

import zlib

GZIP_NAMES = ("gzip", "x-gzip")
PLAIN_NAMES = ("", "identity")
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyRefused(Exception):
    """``reason``: ``body.too_large``, ``body.encoding`` (not gzip), ``body.gzip`` (broken or cut)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BodyReader:
    """Collects a body. ``limit`` bounds its bytes, after unpacking, and what is held at any moment."""

    def __init__(self, limit: int, encoding: str = "") -> None:
        name = encoding.strip().lower()
        if name not in (*PLAIN_NAMES, *GZIP_NAMES):
            raise BodyRefused("body.encoding")
        self._room = limit
        self._chunks: list[bytes] = []
        self._gunzip = zlib.decompressobj(_GZIP_WINDOW) if name in GZIP_NAMES else None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the wire. Raises ``BodyRefused``."""
        if self._gunzip is not None and data:
            data = self._unpacked(self._gunzip, data)
        if len(data) > self._room:
            raise BodyRefused("body.too_large")
        if data:
            self._room -= len(data)
            self._chunks.append(data)

    def finish(self) -> bytes:
        """The whole body. Raises ``BodyRefused`` when a packed one is cut short."""
        if self._gunzip is not None and not self._gunzip.eof:
            raise BodyRefused("body.gzip")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _unpacked(self, gunzip: zlib._Decompress, data: bytes) -> bytes:
        if gunzip.eof:
            raise BodyRefused("body.gzip")
        try:
            # One byte over what is left tells "full" from "too large"; nothing beyond it is ever unpacked.
            unpacked = gunzip.decompress(data, self._room + 1)
        except zlib.error:
            raise BodyRefused("body.gzip") from None
        if gunzip.unused_data:
            raise BodyRefused("body.gzip")
        return unpacked
