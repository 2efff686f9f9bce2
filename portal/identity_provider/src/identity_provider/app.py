"""The provider's routes: HTTP in and out, and the order of steps of a login, a token, a logout.

Whether a request keeps the rules is judged in ``authorization`` and ``token_requests``, what is said in ``tokens``,
what is remembered in ``store``. Sources: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from identity_provider import tokens
from identity_provider.authorization import AuthorizationRequest, answer_address, read_request
from identity_provider.back_channel import BackChannel, Told
from identity_provider.clients import Client, read_clients
from identity_provider.failures import AuthorizationRefused, PageRefused, TokenRefused
from identity_provider.keys import ALGORITHM, key_from_pem, new_key, published
from identity_provider.pages import COMMON_HEADERS, Pages
from identity_provider.people import ADMITTED, People, Spoil, read_people
from identity_provider.reading import read_bytes
from identity_provider.settings import Settings
from identity_provider.store import Session, Store
from identity_provider.token_requests import authenticated_client, bearer_token, invalid_token, redeem, single_values

MAX_BODY = 65_536
MAX_PARAMETERS = 50
_SWEEP_SECONDS = 1.0
_BROWSER, _SESSION = "idp_browser", "idp_session"
_log = logging.getLogger("identity_provider")

Clock = Callable[[], float]


def create_app(settings: Settings, clock: Clock = time.time) -> Starlette:
    """The provider as an ASGI application.

    Raises:
        FileProblem: one of its files cannot be used.
    """
    key = key_from_pem(read_bytes(settings.signing_key)) if settings.signing_key else new_key()
    clients = read_clients(settings.clients)
    provider = Provider(
        settings,
        clients,
        read_people(settings.people),
        key,
        Store(settings.lifetimes),
        BackChannel(clients, settings.issuer, key, settings.back_channel_trust),
        clock,
    )
    # Names of this provider only: a page of a stranger cannot make itself a name for this address and read from it.
    hosts = [urlsplit(settings.issuer).hostname or "", settings.listen.address, "localhost", "127.0.0.1"]
    return Starlette(
        routes=provider.routes(),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
        exception_handlers={
            AuthorizationRefused: provider.tell_authorization_refused,
            TokenRefused: _tell_token_refused,
            PageRefused: provider.tell_page_refused,
            HTTPException: provider.tell_http_error,
        },
        lifespan=provider.lifespan,
    )


class Provider:
    """Joins the parts; one method per route."""

    def __init__(
        self,
        settings: Settings,
        clients: Mapping[str, Client],
        people: People,
        key: RSAKey,
        store: Store,
        back_channel: BackChannel,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._people = people
        self._key = key
        self._store = store
        self._back_channel = back_channel
        self._clock = clock
        self._pages = Pages()
        self._css = (files("identity_provider") / "static" / "provider.css").read_bytes()

    def routes(self) -> list[Route]:
        """Every address the provider has."""
        base = self._settings.issuer_path
        protocol = f"{base}/protocol/openid-connect"
        return [
            Route("/", self.home),
            Route("/auth", self.authorize, methods=["GET", "POST"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/sessions", self.sessions),
            Route("/sessions/end", self.end_session, methods=["POST"]),
            Route("/static/provider.css", self.stylesheet),
            Route(f"{base}/.well-known/openid-configuration", self.discovery),
            Route(f"{base}/.well-known/wallet-openid-configuration", self.discovery),
            Route(f"{protocol}/certs", self.certs),
            Route(f"{protocol}/token", self.token, methods=["POST"]),
            Route(f"{protocol}/token/introspect", self.introspect, methods=["POST"]),
            Route(f"{protocol}/userinfo", self.userinfo, methods=["GET", "POST"]),
            Route(f"{protocol}/logout", self.logout, methods=["GET", "POST"]),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """While the provider runs, sessions that run out end as others do."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping

    # --- description ---

    async def discovery(self, _: Request) -> Response:
        """OpenID Connect Discovery 1.0 section 3, under both names."""
        issuer = self._settings.issuer
        protocol = f"{issuer}/protocol/openid-connect"
        methods = ["client_secret_basic", "client_secret_post"]
        return _json(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self._settings.origin}/auth",
                "token_endpoint": f"{protocol}/token",
                "introspection_endpoint": f"{protocol}/token/introspect",
                "userinfo_endpoint": f"{protocol}/userinfo",
                "end_session_endpoint": f"{protocol}/logout",
                "jwks_uri": f"{protocol}/certs",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": methods,
                "introspection_endpoint_auth_methods_supported": methods,
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "scope_all"],
                "acr_values_supported": sorted(self._acr_values()),
                "claims_supported": sorted(self._claims()),
                "ui_locales_supported": ["fr", "en"],
                "claims_parameter_supported": False,
                "request_parameter_supported": False,
                "request_uri_parameter_supported": False,
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )

    async def certs(self, _: Request) -> Response:
        """The public key."""
        return _json(published(self._key))

    async def stylesheet(self, _: Request) -> Response:
        """How the pages look."""
        return Response(self._css, media_type="text/css", headers=COMMON_HEADERS)

    async def home(self, request: Request) -> Response:
        """For whoever opens the address without an application."""
        discovery = f"{self._settings.issuer}/.well-known/openid-configuration"
        return self._pages.page(request, "home.html", heading="home_heading", parameters={}, discovery=discovery)

    # --- login ---

    async def authorize(self, request: Request) -> Response:
        """The authorization endpoint: a code at once where a session is open, else the page with the people."""
        pairs = request.query_params.multi_items() if request.method == "GET" else await _form(request)
        asked = read_request(pairs, self._clients)
        session = self._session_of(request, asked)
        if session is not None:
            return self._send_code(asked, session)
        if "none" in asked.prompt:
            raise AuthorizationRefused("login_required", "nobody is logged in", asked.redirect_uri, asked.state)
        browser = request.cookies.get(_BROWSER) or secrets.token_urlsafe(24)
        page = self._pages.page(
            request,
            "login.html",
            heading="login_heading",
            leads_to=asked.redirect_uri,
            parameters=asked.parameters,
            client=asked.client.name,
            login=self._store.begin_login(asked, browser, self._now()),
            means=self._people.means,
            groups=self._people.groups(),
            outcomes=self._people.outcomes,
            admitted=ADMITTED,
        )
        self._set_cookie(page, _BROWSER, browser)
        return page

    async def login(self, request: Request) -> Response:
        """The form of the login page: a person, or cancelled."""
        _refuse_cross_site(request)
        form = dict(await _form(request))
        asked = self._store.end_login(form.get("login", ""), request.cookies.get(_BROWSER, ""), self._now())
        if asked is None:
            raise PageRefused("error_login_gone")
        if "cancel" in form:
            raise AuthorizationRefused(
                "access_denied", "the person cancelled the login", asked.redirect_uri, asked.state
            )
        person = self._people.persons.get(form.get("person", ""))
        means = next((one for one in self._people.means if one.id == form.get("means")), None)
        if person is None or means is None:
            raise PageRefused("error_choice")
        # Another person takes the browser over: what the one before had open ends, as everywhere.
        await self._end(request.cookies.get(_SESSION, ""))
        session = self._store.begin_session(person, means, self._now())
        _log.info("login of %s by %s for client %s", person.id, means.id, asked.client.id)
        answer = self._send_code(asked, session)
        self._set_cookie(answer, _SESSION, session.id)
        return answer

    # --- what clients ask ---

    async def token(self, request: Request) -> Response:
        """The token endpoint (RFC 6749 section 4.1.3)."""
        form = single_values(await _form(request))
        client = authenticated_client(request.headers.get("authorization"), form, self._clients)
        now = self._now()
        code, grant = redeem(form, client, self._store, now)
        lifetimes = self._settings.lifetimes
        access_token = self._store.issue_token(code, grant, now)
        return _json(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": lifetimes.access_token,
                "scope": grant.request.scope,
                "session_state": grant.session.id,
                "id_token": tokens.id_token(
                    grant,
                    issuer=self._settings.issuer,
                    key=self._key,
                    access_token=access_token,
                    now=now,
                    lifetime=lifetimes.id_token,
                    identifier=secrets.token_urlsafe(16),
                ),
            }
        )

    async def introspect(self, request: Request) -> Response:
        """Whether an access token is good, for the client it was given to (RFC 7662)."""
        form = single_values(await _form(request))
        client = authenticated_client(request.headers.get("authorization"), form, self._clients)
        if not form.get("token"):
            raise TokenRefused("invalid_request", "token is missing")
        token = self._store.token(form["token"], self._now())
        if token is not None and token.grant.request.client.id != client.id:
            token = None
        return _json(tokens.introspection(token, issuer=self._settings.issuer))

    async def userinfo(self, request: Request) -> Response:
        """The claims of the person (OpenID Connect Core 1.0 section 5.3)."""
        token = self._store.token(bearer_token(request.headers.get("authorization")), self._now())
        if token is None:
            raise invalid_token()
        session = token.grant.session
        if session.person.spoil is Spoil.USER_INFO_UNAVAILABLE:
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=COMMON_HEADERS)
        return Response(tokens.user_info_body(session), media_type="application/json", headers=COMMON_HEADERS)

    # --- the end of sessions ---

    async def logout(self, request: Request) -> Response:
        """RP-initiated logout: at once with the ID token of this browser's session, else after a question."""
        pairs = request.query_params.multi_items() if request.method == "GET" else await _form(request)
        values = dict(pairs)
        hint = self._hint(values["id_token_hint"]) if values.get("id_token_hint") else {}
        client_id = str(hint.get("aud") or values.get("client_id") or "")
        if hint and values.get("client_id", client_id) != client_id:
            raise PageRefused("error_logout_hint")
        return_to = self._return_address(client_id, values)
        own, hinted = request.cookies.get(_SESSION, ""), str(hint.get("sid", ""))
        session = self._store.session(own, self._now())
        if hinted and (session is None or hinted == own):
            await self._end(hinted)
            return self._logged_out(request, return_to, values.get("state"))
        if session is None:
            return self._logged_out(request, return_to, values.get("state"))
        return self._pages.page(
            request,
            "logout.html",
            heading="logout_heading",
            leads_to=return_to,
            parameters=values if request.method == "GET" else None,
            person=session.person.name,
            session=session.id,
            client_id=client_id,
            return_to=return_to,
            state=values.get("state"),
        )

    async def sessions(self, request: Request) -> Response:
        """Who is logged in, with a button to end each session."""
        opened = self._store.sessions(self._now())
        return self._pages.page(request, "sessions.html", heading="sessions_heading", parameters={}, sessions=opened)

    async def end_session(self, request: Request) -> Response:
        """End sessions: ``session``, or all of a ``person``; clients are told before the answer. Pages or JSON."""
        _refuse_cross_site(request)
        values = dict(await _form(request))
        return_to = self._return_address(values.get("client_id", ""), values)
        chosen = [
            one.id
            for one in self._store.sessions(self._now())
            if one.id == values.get("session") or one.person.id == values.get("person")
        ]
        told = [one for identifier in chosen for one in await self._end(identifier)]
        if "text/html" not in request.headers.get("accept", ""):
            return _json({"ended": len(chosen), "told": [dataclasses.asdict(one) for one in told]})
        if return_to is None and "client_id" not in values:
            return RedirectResponse("/sessions", HTTPStatus.SEE_OTHER, COMMON_HEADERS)
        return self._logged_out(request, return_to, values.get("state"))

    # --- refusals ---

    async def tell_authorization_refused(self, request: Request, refused: Exception) -> Response:
        """To the client where its address is certain, else on a page."""
        assert isinstance(refused, AuthorizationRefused)  # noqa: S101 -- registered for nothing else
        if refused.redirect_uri is not None:
            values = {"error": refused.error, "error_description": refused.description, "state": refused.state}
            address = answer_address(refused.redirect_uri, self._settings.issuer, **values)
            return RedirectResponse(address, HTTPStatus.SEE_OTHER, COMMON_HEADERS)
        detail = f"{refused.error}: {refused.description}"
        return self._error(request, "error_authorization", HTTPStatus.BAD_REQUEST, detail)

    async def tell_page_refused(self, request: Request, refused: Exception) -> Response:
        """A page that says what to do."""
        assert isinstance(refused, PageRefused)  # noqa: S101 -- registered for nothing else
        return self._error(request, refused.key, refused.status)

    async def tell_http_error(self, request: Request, error: Exception) -> Response:
        """No such address, or another method than it has."""
        assert isinstance(error, HTTPException)  # noqa: S101 -- registered for nothing else
        answer = self._error(request, "error_not_found", HTTPStatus(error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    def _error(self, request: Request, key: str, status: HTTPStatus, detail: str | None = None) -> Response:
        return self._pages.page(
            request, "error.html", heading="error_heading", status=status, message=key, detail=detail
        )

    # --- steps ---

    def _now(self) -> int:
        return int(self._clock())

    def _session_of(self, request: Request, asked: AuthorizationRequest) -> Session | None:
        """The browser's session, unless the client wants the person to log in afresh."""
        session = self._store.session(request.cookies.get(_SESSION, ""), self._now())
        if session is None or asked.prompt & {"login", "select_account"}:
            return None
        if asked.max_age is not None and self._now() - session.authenticated >= asked.max_age:
            return None
        return session

    def _send_code(self, asked: AuthorizationRequest, session: Session) -> Response:
        code = self._store.issue_code(asked, session, self._now())
        address = answer_address(
            asked.redirect_uri, self._settings.issuer, code=code, state=asked.state, session_state=session.id
        )
        return RedirectResponse(address, HTTPStatus.SEE_OTHER, COMMON_HEADERS)

    async def _end(self, identifier: str) -> list[Told]:
        session = self._store.end_session(identifier)
        if session is None:
            return []
        _log.info("the session of %s ended", session.person.id)
        return await self._back_channel.tell(session, self._now())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for identifier in self._store.run_out(self._now()):
                await self._end(identifier)

    def _hint(self, token: str) -> Mapping[str, Any]:
        """The claims of an ID token of ours; its time does not matter (RP-Initiated Logout 1.0 section 2)."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise PageRefused("error_logout_hint") from error
        if claims.get("iss") != self._settings.issuer or claims.get("typ") != "ID":
            raise PageRefused("error_logout_hint")
        return claims

    def _return_address(self, client_id: str, values: Mapping[str, str]) -> str | None:
        address = values.get("post_logout_redirect_uri")
        if not address:
            return None
        client = self._clients.get(client_id)
        if client is None or address not in client.post_logout_redirect_uris:
            raise PageRefused("error_logout_address")
        return address

    def _logged_out(self, request: Request, return_to: str | None, state: str | None) -> Response:
        if return_to is None:
            answer: Response = self._pages.page(request, "logged_out.html", heading="logged_out_heading")
        else:
            query = f"{'&' if urlsplit(return_to).query else '?'}{urlencode({'state': state})}" if state else ""
            answer = RedirectResponse(return_to + query, HTTPStatus.SEE_OTHER, COMMON_HEADERS)
        answer.delete_cookie(_SESSION)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str) -> None:
        secure = self._settings.issuer.startswith("https:")
        answer.set_cookie(name, value, httponly=True, secure=secure, samesite="lax")

    def _acr_values(self) -> set[str]:
        return {str(one.id_token["acr"]) for one in self._people.persons.values() if "acr" in one.id_token}

    def _claims(self) -> set[str]:
        standard = {"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "sid"}
        for person in self._people.persons.values():
            standard |= set(person.user_info) | set(person.id_token)
        return standard.union(*(one.claims for one in self._people.means))


def _json(values: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(values, headers=COMMON_HEADERS)


async def _tell_token_refused(_: Request, refused: Exception) -> Response:
    """RFC 6749 section 5.2 and RFC 6750 section 3: JSON, and a challenge where authentication failed."""
    assert isinstance(refused, TokenRefused)  # noqa: S101 -- registered for nothing else
    headers = dict(COMMON_HEADERS)
    if refused.challenge is not None:
        headers["www-authenticate"] = refused.challenge
    if not refused.error:
        return Response(status_code=refused.status, headers=headers)
    content = {"error": refused.error, "error_description": refused.description}
    return JSONResponse(content, refused.status, headers)


async def _form(request: Request) -> list[tuple[str, str]]:
    """The pairs of a form of at most ``MAX_BODY`` bytes and ``MAX_PARAMETERS`` fields."""
    refused: Exception = PageRefused("error_too_long")
    if request.url.path.endswith(("/token", "/introspect")):
        refused = TokenRefused("invalid_request", "the body is no form, or too long")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise refused
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise refused
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except (ClientDisconnect, ValueError) as error:
        raise refused from error


def _refuse_cross_site(request: Request) -> None:
    """Forms of strangers' pages are refused; browsers say where a request comes from (W3C Fetch Metadata)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PageRefused("error_cross_site", HTTPStatus.FORBIDDEN)
