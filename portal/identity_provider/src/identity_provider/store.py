"""What the provider remembers, in memory: logins under way, sessions, codes, access tokens. Each kind is bounded.

Time is an argument, in seconds since 1970. A code works once; using it again takes back what it gave (RFC 6749
section 4.1.2). What ends with a session is decided here, who is told of it is not.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from identity_provider.authorization import AuthorizationRequest
from identity_provider.people import Means, Person
from identity_provider.settings import Lifetimes

MAX_REMEMBERED = 2_000
"""Of each kind; the oldest goes first."""
_TOKEN_BYTES = 150
"""200 characters: Pro Sante Connect's tokens are long, and whoever stores them must have room."""


@dataclass(slots=True)
class Session:
    """A person who is logged in with the provider, and the clients that were told so."""

    id: str
    person: Person
    means: Means
    authenticated: int
    ends: int
    clients: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Login:
    """A login page that was shown to one browser."""

    request: AuthorizationRequest
    browser: str
    ends: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code, and later an access token, stands for."""

    request: AuthorizationRequest
    session: Session


@dataclass(slots=True)
class _Code:
    grant: Grant
    ends: int
    used: bool = False
    access_token: str | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An opaque access token's meaning."""

    grant: Grant
    issued: int
    ends: int
    id: str


_Kept = TypeVar("_Kept")


class _Bounded(Generic[_Kept]):
    """A dictionary that forgets its oldest entries."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def put(self, key: str, value: _Kept) -> None:
        self._kept[key] = value
        while len(self._kept) > MAX_REMEMBERED:
            self._kept.popitem(last=False)

    def get(self, key: str) -> _Kept | None:
        return self._kept.get(key)

    def take(self, key: str) -> _Kept | None:
        return self._kept.pop(key, None)

    def __iter__(self) -> Iterator[tuple[str, _Kept]]:
        return iter(tuple(self._kept.items()))


class Store:
    """All of it. Not shared between processes, and gone when the provider stops."""

    def __init__(self, lifetimes: Lifetimes, login_seconds: int = 1_800) -> None:
        self._lifetimes = lifetimes
        self._login_seconds = login_seconds
        self._logins: _Bounded[Login] = _Bounded()
        self._sessions: _Bounded[Session] = _Bounded()
        self._codes: _Bounded[_Code] = _Bounded()
        self._tokens: _Bounded[AccessToken] = _Bounded()

    # --- logins under way ---

    def begin_login(self, request: AuthorizationRequest, browser: str, now: int) -> str:
        """Remember the request a login page is for; its identifier goes into the page."""
        identifier = secrets.token_urlsafe(24)
        self._logins.put(identifier, Login(request, browser, now + self._login_seconds))
        return identifier

    def end_login(self, identifier: str, browser: str, now: int) -> AuthorizationRequest | None:
        """The request of a login page, once, for the browser it was shown to."""
        login = self._logins.get(identifier)
        if login is None or not secrets.compare_digest(login.browser.encode(), browser.encode()):
            return None
        self._logins.take(identifier)
        return login.request if now < login.ends else None

    # --- sessions ---

    def begin_session(self, person: Person, means: Means, now: int) -> Session:
        """A new session of a person."""
        session = Session(secrets.token_urlsafe(24), person, means, now, now + self._lifetimes.session)
        self._sessions.put(session.id, session)
        return session

    def session(self, identifier: str, now: int) -> Session | None:
        """A session that has neither ended nor run out."""
        session = self._sessions.get(identifier)
        return session if session is not None and now < session.ends else None

    def sessions(self, now: int) -> list[Session]:
        """All that are open, newest first."""
        return [session for _, session in self._sessions if now < session.ends][::-1]

    def end_session(self, identifier: str) -> Session | None:
        """End a session: its codes and tokens work no more. None where it had ended before."""
        session = self._sessions.take(identifier)
        if session is None:
            return None
        for code, kept in self._codes:
            if kept.grant.session is session:
                self._codes.take(code)
        for token, meaning in self._tokens:
            if meaning.grant.session is session:
                self._tokens.take(token)
        return session

    def run_out(self, now: int) -> list[str]:
        """Sessions past their time that nobody has ended yet."""
        return [identifier for identifier, session in self._sessions if now >= session.ends]

    # --- codes and tokens ---

    def issue_code(self, request: AuthorizationRequest, session: Session, now: int) -> str:
        """A code for a client, good once and for a short time."""
        code = secrets.token_urlsafe(32)
        self._codes.put(code, _Code(Grant(request, session), now + self._lifetimes.code))
        session.clients.add(request.client.id)
        return code

    def grant_of(self, code: str, client_id: str, now: int) -> Grant | None:
        """What a code stands for, for the client it was given to; uses it up, whatever comes after.

        A second use takes back the access token of the first.
        """
        kept = self._codes.get(code)
        if kept is None or kept.grant.request.client.id != client_id:
            return None
        if kept.used:
            if kept.access_token is not None:
                self._tokens.take(kept.access_token)
            return None
        kept.used = True
        return kept.grant if now < kept.ends else None

    def issue_token(self, code: str, grant: Grant, now: int) -> str:
        """An access token for a code that was just used."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        meaning = AccessToken(grant, now, now + self._lifetimes.access_token, secrets.token_urlsafe(16))
        self._tokens.put(token, meaning)
        kept = self._codes.get(code)
        if kept is not None:
            kept.access_token = token
        return token

    def token(self, token: str, now: int) -> AccessToken | None:
        """What an access token stands for, while it and its session last."""
        meaning = self._tokens.get(token)
        if meaning is None or now >= min(meaning.ends, meaning.grant.session.ends):
            return None
        return meaning
