"""The keys with which the identity provider signs, from a file or from its address, kept for a while.

A token with an unknown key makes them be read anew, at most once per ``pause``: neither a new key of the provider nor
tokens with made-up key ids cost more than that. Safe to use from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.identity.fetching import FetchFailed
from ncp.identity.tokens import Expected, IdToken, Key, KeyUnknown, read_keys, verify

OLDEST = timedelta(hours=24)
"""For how long keys serve beyond their lifetime while the provider cannot be reached: it may have withdrawn one."""


class Keys(Protocol):
    """Where keys come from."""

    def verified(self, token: str, expected: Expected, at: datetime) -> IdToken: ...


class KnownKeys:
    """Keys of a file, read once."""

    def __init__(self, document: bytes) -> None:
        self._keys = read_keys(document)

    def verified(self, token: str, expected: Expected, at: datetime) -> IdToken:
        """As ``tokens.verify``; an unknown key is AUTH_FAILED."""
        try:
            return verify(token, self._keys, expected, at)
        except KeyUnknown:
            raise NotEligible(Refusal.AUTH_FAILED, "token.key") from None


class PublishedKeys:
    """Keys of an address. ``fetch`` gives the document, ``lifetime`` is how long one is used without asking again."""

    def __init__(self, fetch: Callable[[], bytes], *, lifetime: timedelta, pause: timedelta) -> None:
        self._fetch = fetch
        self._lifetime = lifetime
        self._pause = pause
        self._keys: tuple[Key, ...] = ()
        self._read: datetime | None = None
        self._tried: datetime | None = None
        self._lock = threading.Lock()

    def verified(self, token: str, expected: Expected, at: datetime) -> IdToken:
        """As ``tokens.verify``. Without any keys, because the provider cannot be reached, it is AUTH_FAILED too."""
        if self._read is None or at - self._read > self._lifetime:
            self._renew(at)
        if self._read is not None and at - self._read > self._lifetime + OLDEST:
            raise NotEligible(Refusal.AUTH_FAILED, "keys.unavailable")
        try:
            return verify(token, self._keys, expected, at)
        except KeyUnknown:
            self._renew(at)
        try:
            return verify(token, self._keys, expected, at)
        except KeyUnknown:
            reason = "token.key" if self._keys else "keys.unavailable"
            raise NotEligible(Refusal.AUTH_FAILED, reason) from None

    def _renew(self, at: datetime) -> None:
        """Old keys stay for a while when the provider does not answer; what it withdrew goes with the next answer."""
        with self._lock:
            if self._tried is not None and timedelta() <= at - self._tried < self._pause:
                return
            self._tried = at
            try:
                self._keys = read_keys(self._fetch())
                self._read = at
            except (FetchFailed, ValueError):
                return
