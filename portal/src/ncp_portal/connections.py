"""How long a browser may take to say what it wants: uvicorn bounds the time between requests, this that of one head.

Knows uvicorn's protocol on h11, which bounds the size of a head too. The time of a body is bounded in ``security``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""From the first byte, or from the connection where none comes, to the end of the head."""


class BoundedProtocol(H11Protocol):
    """A connection whose head does not come in time is closed: connections are counted, and each keeps a place."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_answered = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if self.conn.their_state is h11.IDLE or is_answered:
            # A head, or the rest of a body that nobody reads any more.
            self._await_head()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # Somebody who does not read the last answer either keeps a closed connection for ever.
        self.loop.call_later(HEAD_SECONDS, _cut, self.transport)

    def _await_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_SECONDS, _cut, self.transport)

    def _stop(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _cut(transport: Any) -> None:
    transport.abort()
