"""OpenID Connect: the way to the identity provider and back, logging out here and there.

Knows Authlib, which makes state, nonce and PKCE and checks the ID token (OpenID Connect Core 1.0, 3.1.3.7), and the
logout token of the back channel (OpenID Connect Back-Channel Logout 1.0, 2.6). Who may enter is decided by the gateway,
which gets the ID token and the user info as they came.
"""

from __future__ import annotations

import re
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse

from ncp_portal import waits
from ncp_portal.settings import LoginSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures of tokens: with keys of the provider, never with a shared secret, never none."""
TOKEN_MAX = 64 * 1024
USER_INFO_MAX = 256 * 1024
LEEWAY = 30
_PLACES = ("authorization_endpoint", "end_session_endpoint")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")
LOGOUT_AGE = 600.0
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_SEEN_MOST = 10_000
_NUMBER_MAX = 256
_KEYS_SECONDS = 30.0
"""Between two looks for keys that a logout token names and nobody knows: anybody may send such tokens."""
_REFUSED = (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)
"""What Authlib raises for an answer that breaks a rule, or that it cannot read."""


class LoginFailed(Exception):
    """A login that came to nothing. ``code``: ``AUTH_FAILED``, ``AUTH_CANCELLED`` or ``AUTH_UNAVAILABLE``."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code} ({reason})")
        self.code = code
        self.reason = reason


class LogoutRefused(Exception):
    """A logout token that is none."""


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the provider gave. ``id_token`` and ``user_info`` are kept as received, for the gateway."""

    id_token: str
    user_info: str
    subject: str
    provider_session: str

    def __repr__(self) -> str:
        return "Tokens(<redacted>)"


class Provider:
    """The identity provider of this portal."""

    def __init__(self, settings: LoginSettings, *, callback: str, after_logout: str) -> None:
        self._settings = settings
        self._callback = callback
        self._after_logout = after_logout
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._keys_asked = -_KEYS_SECONDS
        # One context for all calls: a client of its own for each call would read every root of the system again.
        verify = ssl.create_default_context(cafile=str(settings.trust) if settings.trust is not None else None)
        self._app: Any = OAuth().register(
            "provider",
            server_metadata_url=settings.metadata_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret_file.read_text(encoding="utf-8").strip(),
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "verify": verify,
                "timeout": settings.timeout.total_seconds(),
                "trust_env": False,
            },
        )

    async def prepare(self) -> None:
        """Learns the provider's endpoints. Raises ``LoginFailed`` (``AUTH_UNAVAILABLE``)."""
        await self._metadata()

    def origins(self) -> str:
        """Where forms of a login and logout may lead, as sources of a Content Security Policy: browsers hold redirects
        to them too (CSP Level 3, 6.4.1), and the endpoints may be on another host than the discovery document."""
        known = self._app.server_metadata
        addresses = (self._settings.metadata_url, *(known.get(name) for name in _PLACES))
        origins = {f"{parts.scheme}://{parts.netloc}" for each in addresses if each and (parts := urlsplit(str(each)))}
        return " ".join(sorted(each for each in origins if _ORIGIN.fullmatch(each)))

    async def begin(
        self, request: Request, handshake: dict[str, Any], language: str, *, anew: bool = False
    ) -> RedirectResponse:
        """Sends the browser to the provider; ``anew``: which is to ask
        who it is, whatever session it has. Raises ``LoginFailed`` (``AUTH_UNAVAILABLE``)."""
        await self._metadata()
        request.scope["session"] = handshake
        wanted = {"ui_locales": language}
        if anew:
            wanted["prompt"] = "login"
        if self._settings.acr_values:
            wanted["acr_values"] = self._settings.acr_values
        try:
            response: RedirectResponse = await self._app.authorize_redirect(request, self._callback, **wanted)
        except (httpx2.HTTPError, *_REFUSED) as error:
            raise LoginFailed("AUTH_UNAVAILABLE", type(error).__name__) from None
        response.status_code = 303
        return response

    async def end(self, request: Request, handshake: dict[str, Any]) -> Tokens:
        """The browser is back. Raises ``LoginFailed``, with the reason ``state`` for an answer to another login."""
        if f"_state_provider_{request.query_params.get('state', '')}" not in handshake:
            raise LoginFailed("AUTH_FAILED", "state")
        if request.query_params.get("error") == "access_denied":
            raise LoginFailed("AUTH_CANCELLED", "access_denied")
        if not request.query_params.get("code"):
            raise LoginFailed("AUTH_FAILED", "callback")
        metadata = await self._metadata()
        request.scope["session"] = handshake
        try:
            with waits.for_others():
                token = await self._app.authorize_access_token(
                    request, leeway=LEEWAY, claims_options=self._claims(metadata)
                )
        except httpx2.HTTPError as error:
            raise LoginFailed("AUTH_UNAVAILABLE", type(error).__name__) from None
        except _REFUSED as error:
            raise LoginFailed("AUTH_FAILED", type(error).__name__) from None
        return await self._tokens(token)

    async def _tokens(self, token: dict[str, Any]) -> Tokens:
        claims = token.get("userinfo")
        id_token = token.get("id_token")
        if not claims or not isinstance(id_token, str):
            raise LoginFailed("AUTH_FAILED", "no_id_token")
        if len(id_token) > TOKEN_MAX:
            raise LoginFailed("AUTH_FAILED", "token_too_large")
        return Tokens(
            id_token=id_token,
            user_info=await self._user_info(token),
            subject=str(claims.get("sub", "")),
            provider_session=str(claims.get("sid", "")),
        )

    async def _user_info(self, token: dict[str, Any]) -> str:
        """As it came: the gateway reads it and compares its subject with that of the ID token."""
        metadata = await self._metadata()
        try:
            with waits.for_others():
                response = await self._app.get(metadata["userinfo_endpoint"], token=token)
        except (httpx2.HTTPError, AuthlibBaseError, KeyError) as error:
            raise LoginFailed("AUTH_UNAVAILABLE", type(error).__name__) from None
        if response.status_code != 200 or len(response.content) > USER_INFO_MAX:
            raise LoginFailed("AUTH_FAILED", "user_info")
        return str(response.text)

    async def logout_url(self, tokens: Tokens) -> str:
        """Where the provider ends its own session (RP-Initiated Logout 1.0); empty when it offers no such place."""
        try:
            await self._metadata()
            found = await self._app.create_logout_url(self._after_logout, tokens.id_token)
        except (LoginFailed, RuntimeError):
            return ""
        return str(found["url"])

    async def end_session(self, logout_token: str, now: float) -> tuple[str, str]:
        """Subject and session that the provider ends; one of them may be empty. Raises ``LogoutRefused``."""
        if not logout_token or len(logout_token) > TOKEN_MAX:
            raise LogoutRefused("size")
        try:
            claims = await self._logout_claims(logout_token, now)
        except (LoginFailed, httpx2.HTTPError, *_REFUSED) as error:
            raise LogoutRefused(type(error).__name__) from None
        metadata = await self._metadata()
        audience = claims.get("aud")
        issued, expires = claims.get("iat"), claims.get("exp")
        events = claims.get("events")
        subject, session, number = claims.get("sub", ""), claims.get("sid", ""), claims.get("jti")
        rules = {
            "iss": claims.get("iss") == metadata.get("issuer"),
            "aud": self._settings.client_id in (audience if isinstance(audience, list) else [audience]),
            "iat": isinstance(issued, int | float) and abs(now - issued) <= LOGOUT_AGE,
            "exp": expires is None or (isinstance(expires, int | float) and now < expires + LEEWAY),
            "events": isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict),
            "nonce": "nonce" not in claims,
            "sub": isinstance(subject, str) and isinstance(session, str) and bool(subject or session),
            "jti": isinstance(number, str) and 0 < len(number) <= _NUMBER_MAX and number not in self._seen,
        }
        broken = [name for name, holds in rules.items() if not holds]
        if broken:
            raise LogoutRefused(broken[0])
        self._seen[str(number)] = None
        while len(self._seen) > _SEEN_MOST:
            self._seen.popitem(last=False)
        return str(subject), str(session)

    async def _logout_claims(self, logout_token: str, now: float) -> dict[str, Any]:
        await self._metadata()
        for force in (False, True):
            keys = KeySet.import_key_set(await self._app.fetch_jwk_set(force=force))
            try:
                return dict(jwt.decode(logout_token, keys, algorithms=list(ALGORITHMS)).claims)
            except InvalidKeyIdError:
                # The provider may have a new key since we asked.
                if force or now < self._keys_asked + _KEYS_SECONDS:
                    raise
                self._keys_asked = now
        raise AssertionError

    def _claims(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Issuer and audience, which Authlib compares only when it is told to."""
        return {"iss": {"value": metadata.get("issuer")}, "aud": {"value": self._settings.client_id}}

    async def _metadata(self) -> dict[str, Any]:
        try:
            with waits.for_others():
                metadata: dict[str, Any] = await self._app.load_server_metadata()
        except (httpx2.HTTPError, ValueError) as error:
            raise LoginFailed("AUTH_UNAVAILABLE", type(error).__name__) from None
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS]
        return metadata
