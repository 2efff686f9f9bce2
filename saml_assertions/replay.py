"""Repeats and replays (step 23): what was seen, for how long, and what a second time means.

One assertion serves many messages for hours, so an ID seen twice is no sign of anything. Refused is what no honest
sender does: another body under a used MessageID, other content under a used assertion ID, a second use of an assertion
that says OneTimeUse. An identical repeat is answered: OpenNCP up to 8.1 repeats after any fault with the same
MessageID (``docs/assertions.md``).

The memory is a port. Keys are hashes of fixed length without personal data, and one call decides, so that several
workers may share a memory (``SET key value NX GET PXAT`` in Redis, ``INSERT … ON CONFLICT DO NOTHING`` in SQL).
"""

from __future__ import annotations

import hashlib
import heapq
import threading
from datetime import datetime, timedelta
from typing import Protocol

from lxml.etree import _Element

from ncp.wire.errors import Code, SecurityError
from saml_assertions.claims import Kind, VerifiedCaller
from saml_assertions.read_claims import LIFETIMES
from saml_assertions.signature import canonicalise


class ReplayMemory(Protocol):
    """Remembers the first value under a key until a time."""

    def first(self, key: str, value: str, *, until: datetime, at: datetime) -> str | None:
        """Store ``value`` unless something stands under ``key``; None when stored, else what stands there.

        One atomic step, also between processes that share the memory.
        """


class InMemoryReplayMemory:
    """For one process. Holds at most ``capacity`` entries; when full, those that end first are forgotten first.

    ``forgotten`` counts entries dropped before their time: a reason to enlarge or share the memory.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        if capacity < 1:
            raise ValueError("a memory holds at least one entry")
        self._capacity = capacity
        self._entries: dict[str, str] = {}
        self._ends: list[tuple[datetime, str]] = []
        self._lock = threading.Lock()
        self.forgotten = 0

    def first(self, key: str, value: str, *, until: datetime, at: datetime) -> str | None:
        with self._lock:
            while self._ends and self._ends[0][0] <= at:
                del self._entries[heapq.heappop(self._ends)[1]]
            standing = self._entries.get(key)
            if standing is not None:
                return standing
            if len(self._entries) >= self._capacity:
                del self._entries[heapq.heappop(self._ends)[1]]
                self.forgotten += 1
            self._entries[key] = value
            heapq.heappush(self._ends, (until, key))
            return None

    def __len__(self) -> int:
        return len(self._entries)


def body_digest(body: _Element) -> str:
    """SHA-256 of the canonical body element, lower-case hex: the same for a new envelope round the same question."""
    return hashlib.sha256(canonicalise(body)).hexdigest()


class ReplayGuard:
    """The rules, over any memory. ``skew`` as in ``VerificationRules``."""

    def __init__(self, memory: ReplayMemory, skew: timedelta = timedelta(seconds=60)) -> None:
        self._memory = memory
        self._skew = skew

    def check(self, caller: VerifiedCaller, *, message_id: str, digest: str, at: datetime) -> bool:
        """True for an identical repeat of a message, False for a new one. Raises ``SecurityError`` ``replay``.

        ``message_id`` is wsa:MessageID, empty when the peer sends none (then only the assertions are looked at);
        ``digest`` is ``body_digest`` of the request.
        """
        repeated = False
        if message_id:
            sender = caller.country if caller.peer is not None else f"{caller.country} portal"
            standing = self._memory.first(
                _key("message", sender, message_id), digest, until=at + LIFETIMES[Kind.HCP] + self._skew, at=at
            )
            if standing is not None and standing != digest:
                raise _replay()
            repeated = standing is not None
        for one in caller.verified:
            standing = self._memory.first(
                _key("assertion", one.signer.country, one.issuer, one.claims.id),
                one.digest,
                until=one.claims.not_on_or_after + self._skew,
                at=at,
            )
            if standing is not None and (standing != one.digest or one.one_time):
                raise _replay()
        return repeated


def _key(*parts: str) -> str:
    packed = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hashlib.sha256(packed).hexdigest()


def _replay() -> SecurityError:
    return SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "replay")
