"""Assertions verified before: one HCP assertion serves hours of messages, and is the same bytes in each of them.

What an assertion says is a function of its bytes (signature included), of the options and of the certificate's verdict.
So the checks that concern it alone are done once per distinct bytes; what depends on the message, on the moment or on
trust is done every time: place and uniqueness in the envelope, the certificate's path and revocation, expiry, binding,
replay. An entry counts only from the moment of its first verification until the first of its own times ends.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from ncp.wire.ids import CountryCode
from saml_assertions.claims import Kind, VerifiedAssertion
from saml_assertions.rules import VerificationRules


@dataclass(frozen=True, slots=True)
class Known:
    """A verified assertion, its certificate (DER), and the context and time for which the verdict holds."""

    verified: VerifiedAssertion
    certificate: bytes
    kind: Kind
    country: CountryCode | None
    rules: VerificationRules
    since: datetime
    until: datetime

    def holds(self, kind: Kind, country: CountryCode | None, rules: VerificationRules, at: datetime) -> bool:
        """Whether a full verification now could only come to the same end, but for the certificate."""
        return self.kind is kind and self.country == country and self.rules is rules and self.since <= at < self.until


class AssertionMemory:
    """The assertions a process has verified, by the digest of their bytes; the longest unused go first."""

    def __init__(self, capacity: int = 2048) -> None:
        self._capacity = capacity
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def key(sealed: bytes) -> bytes:
        """SHA-256 of the self-contained bytes of an assertion."""
        return hashlib.sha256(sealed).digest()

    def get(self, key: bytes) -> Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def put(self, key: bytes, known: Known) -> None:
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
