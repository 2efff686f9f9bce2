"""The replay memory that all workers of a gateway share (the port of ``saml_assertions.replay``)."""

from __future__ import annotations

from datetime import datetime

from ncp.storage.state import State


class SharedReplayMemory:
    """Remembers the first value under a key until a time; of two workers that see a message at once one is first."""

    def __init__(self, state: State) -> None:
        self._table = state.table("seen")

    def first(self, key: str, value: str, *, until: datetime, at: datetime) -> str | None:
        """Store ``value`` unless something that still counts stands under ``key``; then that is returned, else None."""
        standing = self._table.first(bytes.fromhex(key), value.encode(), until=until, at=at)
        return None if standing is None else standing.decode()
