"""Asks now and then whether each country's gateway can be reached and trusted: a TLS handshake, no message.

So that a portal can show a country's state before anybody has asked it, and an outage is known before a patient waits.
Any exchange that happens meanwhile counts as well (``ncp.peer_calls``).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from ncp.peer_calls import PeerCalls
from ncp.wire.ids import CountryCode
from trust_store.peers import Peer, PeerDirectory

EVERY = 120.0
"""Seconds between two rounds, give or take a quarter so that workers and gateways do not knock together."""
SOON = 2.0
"""Seconds to the next round while a country is not reached; doubled each time, up to ``EVERY``."""
PATIENCE = 10.0


class PeerProbe:
    """The background task of one worker."""

    def __init__(self, peers: PeerDirectory, contexts: Mapping[CountryCode, ssl.SSLContext], calls: PeerCalls) -> None:
        self._peers = peers
        self._contexts = contexts
        self._calls = calls
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._rounds())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _rounds(self) -> None:
        soon = SOON
        while True:
            reached = await asyncio.gather(*(self._probe(peer) for peer in self._peers if peer.endpoints))
            if all(reached):
                pause, soon = EVERY, SOON
            else:
                pause, soon = soon, min(2 * soon, EVERY)
            # Not a secret: only to spread the load.
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311

    async def _probe(self, peer: Peer) -> bool:
        context = self._contexts.get(peer.country)
        if context is None:
            self._calls.unreachable(peer.country, "peer.untrusted")
            return False
        url = urlsplit(next(iter(peer.endpoints.values())))
        try:
            async with asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection(url.hostname, url.port or 443, ssl=context)
        except (OSError, TimeoutError, ssl.SSLError, ValueError) as failure:
            # ValueError: a host name that no resolver takes.
            self._calls.unreachable(peer.country, "peer.tls" if isinstance(failure, ssl.SSLError) else "peer.connect")
            return False
        self._calls.reachable(peer.country)
        # The handshake told everything; a peer that is slow to end TLS is not waited for.
        writer.transport.abort()
        return True
