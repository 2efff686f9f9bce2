"""Calls to peers as NCP-B makes them: the right client and TLS context per country, and what is learnt of a peer.

Remembers per worker which endpoints refuse multipart questions, and how the last exchange with each country ended, for
the state that portals show. Leaves HTTP to ``ncp.http_out`` and trust to the contexts that are handed in.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ncp.http_out import Answer, CallLimits, Outgoing, PeerClients
from ncp.wire.errors import Code, PeerError
from ncp.wire.ids import CountryCode


class PeerState(StrEnum):
    """How a country is doing: last exchange or probe good; answered with errors; not reachable or not trusted."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Contact:
    """The last contact with a peer: its state and since when it has been in it (aware UTC)."""

    state: PeerState
    since: datetime
    reason: str = ""


class PeerCalls:
    """The outgoing side of one worker. ``contexts`` judge the servers during the handshake; ``now`` is the clock."""

    def __init__(
        self,
        contexts: Mapping[CountryCode, ssl.SSLContext],
        limits: CallLimits,
        now: Callable[[], datetime],
    ) -> None:
        self._contexts = dict(contexts)
        self._clients = PeerClients(limits)
        self._now = now
        self._plain: set[str] = set()
        self._contacts: dict[CountryCode, Contact] = {}

    async def post(self, country: CountryCode, url: str, write: Callable[[], Outgoing]) -> Answer:
        """One question. Raises ``PeerError`` as ``PeerClient.post`` does, and ``peer.untrusted`` without a context."""
        context = self._contexts.get(country)
        if context is None:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, "peer.untrusted", gateway=country)
        client = await self._clients.get(country, context)
        try:
            answer = await client.post(url, write)
        except PeerError as error:
            self._saw(country, PeerState.RED, error.reason)
            raise
        good = 200 <= answer.status < 300
        self._saw(country, PeerState.GREEN if good else PeerState.YELLOW, "" if good else "peer.fault")
        return answer

    def prefers_plain(self, url: str) -> bool:
        """Whether the endpoint refused a multipart question before and took the plain one."""
        return url in self._plain

    def remember_plain(self, url: str) -> None:
        self._plain.add(url)

    def contact(self, country: CountryCode) -> Contact | None:
        """The last contact; None when there has been none yet."""
        return self._contacts.get(country)

    def reachable(self, country: CountryCode) -> None:
        """A probe came through. An exchange that ended in errors since says more than that."""
        last = self._contacts.get(country)
        if last is None or last.state is PeerState.RED:
            self._saw(country, PeerState.GREEN, "")

    def unreachable(self, country: CountryCode, reason: str) -> None:
        """A probe did not come through."""
        self._saw(country, PeerState.RED, reason)

    def _saw(self, country: CountryCode, state: PeerState, reason: str) -> None:
        last = self._contacts.get(country)
        if last is None or last.state is not state:
            self._contacts[country] = Contact(state, self._now(), reason)

    async def close(self) -> None:
        await self._clients.aclose()
