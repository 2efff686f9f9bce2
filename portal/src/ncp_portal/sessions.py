"""Who is logged in, and what each is doing: kept in memory, found by an opaque token, gone when its time is over.

Knows idle and absolute limits, how many sessions and searches there may be, and why a session ended. The browser holds
the token and nothing else; here it is kept as its digest. Reads no clock: seconds of a monotonic one are arguments.
Leaves to ``journey`` what a search is.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncp_client import LoggedIn, Situation
    from ncp_portal.login import Tokens
    from ncp_portal.searches import Search

TOKEN_BYTES = 32
LOGIN_SECONDS = 600.0
"""Time to log in at the provider."""
_BEGUN_MOST = 20_000
"""Logins begun and not finished. They cost nobody anything, so anybody could fill a list of them: the oldest makes
place, and who is logged in is counted apart."""
_ENDED_MOST = 10_000
"""Ended sessions whose reason is remembered, so that a page can say why."""


class End(Enum):
    """Why a session is over."""

    IDLE = "idle"
    ABSOLUTE = "absolute"
    PROVIDER = "provider"
    """The identity provider ended it."""
    LEFT = "left"
    UNKNOWN = "unknown"
    """No such session: the portal was started anew, or it ended long ago."""


@dataclass(frozen=True, slots=True, repr=False)
class Refusal:
    """A login that was refused. ``message`` is the gateway's, empty where the portal has words of its own."""

    code: str
    message: str = ""
    name: str = ""
    identifier: str = ""


@dataclass(slots=True, repr=False, eq=False)
class Session:
    """One professional in one browser. ``login`` is None until the provider has said who it is."""

    key: bytes
    csrf: str
    created: float
    seen: float
    language: str
    terms: tuple[str, str] = ("", "")
    """Version of the terms accepted, and when (ISO 8601)."""
    handshake: dict[str, Any] = field(default_factory=dict)
    """What the OpenID client has to remember between the two legs of a login."""
    tokens: Tokens | None = None
    login: LoggedIn | None = None
    refusal: Refusal | None = None
    """Why the last login came to nothing, for the page that says so."""
    wanted: Situation | None = None
    """The place of practice to be entered when the provider has said once more who it is."""
    searches: OrderedDict[str, Search] = field(default_factory=OrderedDict)

    @property
    def is_open(self) -> bool:
        """Whether a professional with a place of practice is logged in."""
        return self.login is not None and self.login.session is not None

    def __repr__(self) -> str:
        return "Session(<redacted>)"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts."""

    idle: float
    absolute: float
    most: int


class Sessions:
    """All sessions of this portal. Used by one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._begun: OrderedDict[bytes, Session] = OrderedDict()
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._ended: OrderedDict[bytes, End] = OrderedDict()

    def __len__(self) -> int:
        """Those of professionals who are logged in."""
        return len(self._open)

    def begin(self, language: str, at: float) -> tuple[str, Session]:
        """A token for the browser and its session, which has some minutes to become that of a professional."""
        while len(self._begun) >= _BEGUN_MOST:
            self._begun.popitem(last=False)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(_digest(token), secrets.token_urlsafe(TOKEN_BYTES), at, at, language)
        self._begun[session.key] = session
        return token, session

    def renew(self, session: Session, at: float) -> str | None:
        """A new token for a session that is a professional's from here on: one that somebody knew before the login is
        worth nothing after it. None when the session has ended meanwhile, or there are as many as may be."""
        if session.key not in self._open:
            if session.key not in self._begun:
                return None
            self.sweep(at)
            if len(self._open) >= self._limits.most:
                return None
        self._begun.pop(session.key, None)
        self._open.pop(session.key, None)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session.key, session.csrf = _digest(token), secrets.token_urlsafe(TOKEN_BYTES)
        self._open[session.key] = session
        return token

    def is_open(self, session: Session) -> bool:
        """Whether it is a professional's already."""
        return session.key in self._open

    def find(self, token: str, at: float) -> Session | End:
        """The session of a token, counted as seen now; or why there is none."""
        key = _digest(token)
        session = self._open.get(key) or self._begun.get(key)
        if session is None:
            return self._ended.get(key, End.UNKNOWN)
        over = self._over(session, at)
        if over is not None:
            self.end(session, over)
            return over
        session.seen = at
        return session

    def is_known(self, session: Session) -> bool:
        """Whether it has not ended, which may happen while an answer is awaited."""
        return session.key in self._open or session.key in self._begun

    def end(self, session: Session, why: End) -> None:
        """Forgets everything of a session but why it ended."""
        if self._open.pop(session.key, None) is None and self._begun.pop(session.key, None) is None:
            return
        for search in session.searches.values():
            search.drop()
        session.searches.clear()
        session.handshake.clear()
        session.login = session.tokens = session.wanted = session.refusal = None
        self._ended[session.key] = why
        while len(self._ended) > _ENDED_MOST:
            self._ended.popitem(last=False)

    def of_provider(self, subject: str, provider_session: str) -> Iterator[Session]:
        """The sessions that a logout of the provider means (OIDC Back-Channel Logout 1.0, 2.6)."""
        for session in [*self._open.values(), *self._begun.values()]:
            tokens = session.tokens
            if tokens is None:
                continue
            if provider_session and tokens.provider_session:
                if tokens.provider_session == provider_session and subject in ("", tokens.subject):
                    yield session
            elif subject and subject == tokens.subject:
                yield session

    def left(self, session: Session, at: float) -> tuple[int, int]:
        """Seconds until the session ends for want of requests, and in any case; rounded up, so that a browser that has
        waited as long finds it ended."""
        idle = self._limits.idle - (at - session.seen)
        return max(0, math.ceil(idle) + 1), max(0, math.ceil(self._limits.absolute - (at - session.created)) + 1)

    def make_room(self, keep: Session, most: int) -> None:
        """Forgets documents of other sessions, the longest unused first, until all of them fit into ``most`` bytes."""
        kept = {each.key: sum(search.size for search in each.searches.values()) for each in self._open.values()}
        total = sum(kept.values())
        for session in sorted(self._open.values(), key=lambda each: each.seen):
            if total <= most:
                return
            if session is not keep:
                for search in session.searches.values():
                    search.give_back()
                total -= kept[session.key]

    def sweep(self, at: float) -> int:
        """Ends what is over, so that nothing of a patient waits in memory for a request that never comes."""
        known = (*self._open.values(), *self._begun.values())
        over = [(each, why) for each in known if (why := self._over(each, at)) is not None]
        for session, why in over:
            self.end(session, why)
        return len(over)

    def _over(self, session: Session, at: float) -> End | None:
        if at - session.created >= self._limits.absolute:
            return End.ABSOLUTE
        idle = self._limits.idle if session.key in self._open else min(self._limits.idle, LOGIN_SECONDS)
        return End.IDLE if at - session.seen >= idle else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
