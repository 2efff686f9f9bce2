"""The portal as its handlers see it: who asks, what every page needs, and what comes of logging in and out.

Knows sessions, cookies, languages and the pages outside of a consultation. Leaves the consultation to ``journey``, the
identity provider to ``login``, and to the gateway who may enter.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ncp_client import (
    ConnectionFailed,
    Country,
    Gateway,
    GatewayError,
    LoggedIn,
    Login,
    NotEligible,
    PortalRefused,
    Situation,
)
from ncp_portal import failures, texts
from ncp_portal.directory import Directory
from ncp_portal.log import log, where
from ncp_portal.login import LoginFailed, LogoutRefused, Provider, Tokens
from ncp_portal.pages import Pages, language_name
from ncp_portal.questions import Desk
from ncp_portal.security import policy, same
from ncp_portal.sessions import End, Limits, Refusal, Session, Sessions
from ncp_portal.settings import Settings
from ncp_portal.terms import TermsRecord
from ncp_portal.texts import Texts

LANGUAGE_COOKIE = "language"
VIEWS = ("translated", "original", "both")
"""How a summary can be looked at, as the gateway names it."""
_YEAR = 365 * 24 * 3600
_FIELDS_MAX = 100
_NAME_MAX = 200

Handler = Callable[["Portal", Request, Session], Awaitable[Response]]


class Portal:
    """Everything that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        brand = settings.brand
        catalogues = texts.load(
            settings.language.offered,
            {"name": brand.name, "organisation": brand.organisation},
            settings.texts,
            brand.tagline,
        )
        self.pages = Pages(settings, catalogues)
        self._failures = {language: failures.load(each.failures) for language, each in catalogues.items()}
        session = settings.session
        self.sessions = Sessions(Limits(session.idle.total_seconds(), session.absolute.total_seconds(), session.most))
        gateway = settings.gateway
        self._threads = ThreadPoolExecutor(gateway.calls + 8, thread_name_prefix="gateway")
        self.gateway = Gateway(
            gateway.url,
            certificate=str(gateway.certificate),
            key=str(gateway.key),
            trust=str(gateway.trust),
            timeout=gateway.timeout.total_seconds(),
            connections=gateway.calls + 8,
        )
        self.desk = Desk(self._threads, most=gateway.calls, patience=gateway.patience.total_seconds())
        self.directory = Directory(self.gateway, self.desk)
        public = settings.server.public_url
        self.provider = Provider(
            settings.login, callback=f"{public}/login/callback", after_logout=f"{public}/signed-out"
        )
        self._cookie = "__Host-portal" if settings.server.is_secure else "portal"
        self.terms = TermsRecord(settings.terms.record)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.gateway.close()

    # What every request has

    def language(self, request: Request) -> str:
        """The language chosen, else the first one that the browser asks for and the portal has."""
        offered = self.settings.language.offered
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in offered:
            return chosen
        for wanted in request.headers.get("accept-language", "")[:200].split(","):
            language = wanted.partition(";")[0].strip().lower().partition("-")[0]
            if language in offered:
                return language
        return self.settings.language.default

    def texts(self, request: Request) -> Texts:
        return self.pages.texts[self.language(request)]

    def failure_texts(self, request: Request) -> failures.FailureTexts:
        return self._failures[self.language(request)]

    def session(self, request: Request) -> Session | End:
        """Who asks. ``End.UNKNOWN`` also for somebody who never came before."""
        if not hasattr(request.state, "session"):
            token = request.cookies.get(self._cookie, "")
            request.state.session = self.sessions.find(token, time.monotonic()) if token else End.UNKNOWN
        found: Session | End = request.state.session
        return found

    def page(self, request: Request, template: str, status: int = 200, /, **own: Any) -> Response:
        """A page, or a fragment of one, about what ``own`` says."""
        style = own.get("style_source", "")
        html = self.pages.write(template, self.language(request), self._shared(request), own)
        response = HTMLResponse(html, status)
        if style:
            response.headers["Content-Security-Policy"] = policy(provider=self.provider.origins(), style=style)
        return response

    def _shared(self, request: Request) -> dict[str, Any]:
        session = self.session(request)
        here = request.url.path
        if request.query_params.get("view") in VIEWS:
            here = f"{here}?view={request.query_params['view']}"
        if not isinstance(session, Session):
            return {"here": here, "csrf": "", "signed_in": False, "professional": None, "session": None}
        idle, ends = self.sessions.left(session, time.monotonic())
        return {
            "here": here,
            "csrf": session.csrf,
            "signed_in": session.is_open,
            "professional": _professional(session.login) if session.login is not None else None,
            "session": {
                "idle_seconds": idle,
                "ends_seconds": ends,
                "warning_seconds": int(self.settings.session.warning.total_seconds()),
            },
        }

    async def form(self, request: Request, session: Session | None) -> dict[str, str]:
        """The fields of a form of this session. Raises ``HTTPException`` 403 for one that is not, 400 for no form."""
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/x-www-form-urlencoded":
            raise HTTPException(400)
        async with request.form(max_fields=_FIELDS_MAX) as given:
            fields = {key: value for key, value in given.items() if isinstance(value, str)}
        if session is not None and not same(fields.get("csrf", ""), session.csrf):
            raise HTTPException(403)
        return fields

    def problem(self, request: Request, status: int) -> Response:
        """The page of a request that cannot be served."""
        told = self.texts(request)
        key = str(status) if told.has(f"problem.title_{status}") else "500"
        return self.page(
            request,
            "problem.html",
            status,
            status=status,
            title=told(f"problem.title_{key}"),
            text=told(f"problem.text_{key}"),
            reference="",
        )

    def named_languages(self, request: Request, codes: tuple[str, ...], current: str) -> list[dict[str, Any]]:
        language = self.language(request)
        named = [{"code": code, "name": language_name(code, language), "current": code == current} for code in codes]
        return sorted(named, key=lambda each: str(each["name"]))

    # Pages for everybody

    async def home(self, request: Request, problem: str | None = None) -> Response:
        language = self.language(request)
        countries: list[Country] = []
        offered: tuple[str, ...] = ()
        try:
            countries = await self.directory.countries(language)
            if live := [each for each in countries if each.live]:
                offered = await self.directory.notice_languages(live[0].code)
        except (GatewayError, ConnectionFailed, PortalRefused) as error:
            # Terms, help and the way in are there all the same.
            log("gateway.failed", exception=where(error))
        with contextlib.suppress(LoginFailed):
            await self.provider.prepare()
        return self.page(
            request,
            "home.html",
            422 if problem else 200,
            countries=countries,
            terms_version=self.settings.terms.version,
            problem=problem,
            notice_languages=self.named_languages(request, offered, language),
        )

    async def notice(self, request: Request, country: str) -> Response:
        """The patient information notice of a country, in a language that it exists in."""
        offered = await self.directory.notice_languages(country)
        wanted = request.query_params.get("language", "")
        if wanted not in offered:
            raise HTTPException(404)
        notice = await self.directory.notice(country, wanted)
        named = f'inline; filename="notice-{country.lower()}-{notice.language.lower()}.pdf"'
        return Response(notice.content, media_type="application/pdf", headers={"Content-Disposition": named})

    # Logging in

    async def log_in(self, request: Request) -> Response:
        """POST /login: the terms are accepted, the provider asks who it is."""
        fields = await self.form(request, None)
        if fields.get("terms") != "on":
            return await self.home(request, "terms")
        before = self.session(request)
        # Whoever was refused is not to be refused again because the provider remembers the login.
        anew = isinstance(before, Session) and before.refusal is not None
        self._forget(request)
        token, session = self.sessions.begin(self.language(request), time.monotonic())
        session.terms = (self.settings.terms.version, datetime.now(UTC).isoformat(timespec="seconds"))
        response = await self._to_provider(request, session, anew=anew)
        self._give(response, token)
        return response

    async def _to_provider(self, request: Request, session: Session, *, anew: bool = False) -> Response:
        try:
            return await self.provider.begin(request, session.handshake, self.language(request), anew=anew)
        except LoginFailed as failed:
            return self._refused(session, failed)

    async def logged_in(self, request: Request) -> Response:
        """GET /login/callback: the provider has answered."""
        session = self.session(request)
        if not isinstance(session, Session):
            log("login.failed", code="AUTH_FAILED", reason="no_session")
            return RedirectResponse("/refused", 303)
        before = session.tokens
        try:
            tokens = await self.provider.end(request, session.handshake)
        except LoginFailed as failed:
            return self._refused(session, failed)
        if before is not None and before.subject != tokens.subject:
            # Somebody else has logged in at the provider meanwhile: nothing of the first one is left.
            self.sessions.end(session, End.PROVIDER)
            request.state.session = End.PROVIDER
            return RedirectResponse("/session-ended?why=provider", 303)
        return await self._enter(request, session, tokens, session.wanted, is_fresh=True)

    async def _enter(
        self, request: Request, session: Session, tokens: Tokens, wanted: Situation | None, *, is_fresh: bool
    ) -> Response:
        """The gateway decides who may enter, and where from. ``is_fresh``: the provider has said so just now."""
        # From here on a logout of the provider means this session too.
        session.tokens = tokens
        language = self.language(request)
        login = Login(tokens.id_token, tokens.user_info)
        try:
            entered = await self.desk.call(lambda: self.gateway.log_in_with(login, wanted, language=language))
        except NotEligible as refused:
            if refused.code == "AUTH_FAILED" and not is_fresh:
                # The token has had its time: the provider says once more who it is.
                session.wanted = wanted
                return await self._to_provider(request, session)
            log("login.refused", code=refused.code, reference=refused.reference)
            session.refusal = Refusal(refused.code, refused.message, *_claims(tokens))
            if session.login is None:
                session.tokens = None
            return RedirectResponse("/refused", 303)
        if wanted is not None and not _is_same_place(entered.situation, wanted):
            # An id is a place in the directory's list, which may have changed: chosen anew rather than guessed.
            entered = replace(entered, situation=None, session=None)
        first = session.login is None
        token = None
        if not self.sessions.is_open(session) and (token := self.sessions.renew(session, time.monotonic())) is None:
            return self._no_place(request, session)
        session.login, session.wanted, session.refusal = entered, None, None
        if first:
            await self._record_terms(session, entered.identifier)
        log("login.accepted", outcome="open" if session.is_open else "choose")
        for search in session.searches.values():
            # A confirmation made with the assertion of another place is worth nothing.
            search.forget_patient()
        response = RedirectResponse("/search" if session.is_open else "/place", 303)
        if token is not None:
            self._give(response, token)
        return response

    def _no_place(self, request: Request, session: Session) -> Response:
        """The session has ended while the gateway was asked, or there are as many as may be."""
        if not self.sessions.is_known(session):
            return RedirectResponse("/session-ended", 303)
        log("sessions.full", count=len(self.sessions))
        self.sessions.end(session, End.LEFT)
        request.state.session = End.UNKNOWN
        return self.problem(request, 503)

    async def place(self, request: Request, session: Session) -> Response:
        """GET and POST /place: the practice situation, chosen once and changed when needed."""
        login, tokens = session.login, session.tokens
        if login is None or tokens is None:
            return RedirectResponse("/", 303)
        if request.method == "GET":
            return self.page(request, "place.html", situations=login.situations, problem=None)
        fields = await self.form(request, session)
        wanted = next((each for each in login.situations if each.id == fields.get("situation")), None)
        if wanted is None:
            return self.page(request, "place.html", 422, situations=login.situations, problem="choose")
        if wanted == login.situation:
            return RedirectResponse("/search", 303)
        return await self._enter(request, session, tokens, wanted, is_fresh=False)

    def _refused(self, session: Session, failed: LoginFailed) -> Response:
        log("login.failed", code=failed.code, reason=failed.reason)
        session.refusal = Refusal(failed.code)
        return RedirectResponse("/refused", 303)

    async def refused(self, request: Request) -> Response:
        """GET /refused: why the login came to nothing. The session of the login knows it, for some minutes."""
        session, brand = self.session(request), self.settings.brand
        refusal = session.refusal if isinstance(session, Session) else None
        refusal = refusal or Refusal("AUTH_FAILED")
        return self.page(
            request,
            "refused.html",
            403,
            code=refusal.code,
            message=refusal.message or _means(self.texts(request), f"login.{refusal.code}"),
            name=refusal.name,
            identifier=refusal.identifier,
            faq="login" if refusal.code.startswith("AUTH_") else "eligibility",
            directory_url=brand.directory_url,
            assistance_url=brand.assistance_url,
        )

    async def _record_terms(self, session: Session, identifier: str) -> None:
        """Who accepted which terms when, on disk before the service is used."""
        version, at = session.terms
        await self.terms.accepted(version, identifier, at)

    # Logging out

    async def log_out(self, request: Request, session: Session) -> Response:
        """POST /logout: here and at the provider."""
        await self.form(request, session)
        tokens = session.tokens
        self.sessions.end(session, End.LEFT)
        request.state.session = End.LEFT
        address = await self.provider.logout_url(tokens) if tokens is not None else ""
        response = RedirectResponse(address or "/signed-out", 303)
        self._take(response)
        return response

    async def ended_by_provider(self, request: Request) -> Response:
        """POST /login/back-channel (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""
        fields = await self.form(request, None)
        try:
            subject, provider_session = await self.provider.end_session(fields.get("logout_token", ""), time.time())
        except LogoutRefused as refused:
            log("logout.refused", reason=str(refused))
            return Response(status_code=400)
        count = 0
        for session in self.sessions.of_provider(subject, provider_session):
            self.sessions.end(session, End.PROVIDER)
            count += 1
        log("logout.by_provider", count=count)
        return Response(status_code=200)

    async def session_ended(self, request: Request) -> Response:
        """GET /session-ended: why there is no session any more."""
        found = self.session(request)
        if isinstance(found, Session) and self.sessions.is_open(found):
            return RedirectResponse("/search", 303)
        why = found.value if isinstance(found, End) else ""
        if why not in ("idle", "absolute", "provider"):
            why = request.query_params.get("why", "unknown")
        response = self.page(request, "session_ended.html", why=why)
        self._take(response)
        return response

    def within(self, handler: Handler, *, chosen: bool = True) -> Callable[[Request], Awaitable[Response]]:
        """A handler that only somebody who is logged in reaches; ``chosen``: and has chosen a place of practice."""

        async def handled(request: Request) -> Response:
            session = self.session(request)
            if not isinstance(session, Session) or session.login is None:
                why = session.value if isinstance(session, End) and session is not End.LEFT else "unknown"
                return _elsewhere(request, f"/session-ended?why={why}" if request.cookies.get(self._cookie) else "/")
            if chosen and not session.is_open:
                return _elsewhere(request, "/place")
            ends = session.login.session.expires if session.login.session is not None else None
            if ends is not None and ends <= datetime.now(UTC):
                self.sessions.end(session, End.ABSOLUTE)
                request.state.session = End.ABSOLUTE
                return _elsewhere(request, "/session-ended?why=absolute")
            return await handler(self, request, session)

        return handled

    def _forget(self, request: Request) -> None:
        """Whoever logs in anew leaves what was there before."""
        session = self.session(request)
        if isinstance(session, Session):
            self.sessions.end(session, End.LEFT)

    def _give(self, response: Response, token: str) -> None:
        response.set_cookie(
            self._cookie, token, path="/", secure=self.settings.server.is_secure, httponly=True, samesite="lax"
        )

    def _take(self, response: Response) -> None:
        response.delete_cookie(
            self._cookie, path="/", secure=self.settings.server.is_secure, httponly=True, samesite="lax"
        )
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    def set_language(self, response: Response, language: str) -> None:
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=_YEAR,
            path="/",
            secure=self.settings.server.is_secure,
            httponly=True,
            samesite="lax",
        )


def _means(told: Texts, key: str) -> str:
    """A text about logging in, which may name the means of it."""
    return told(key, means=told("login.means"))


def _professional(login: LoggedIn) -> dict[str, Any]:
    return {
        "name": login.name,
        "identifier": login.identifier,
        "situation": login.situation,
        "situations": login.situations,
    }


def _is_same_place(entered: Situation | None, wanted: Situation) -> bool:
    """The profession is named in the language of the page, the place as the directory has it."""
    return entered is not None and (entered.place, entered.address) == (wanted.place, wanted.address)


def _elsewhere(request: Request, address: str) -> Response:
    if request.headers.get("hx-request"):
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _claims(tokens: Tokens) -> tuple[str, str]:
    """Name and identifier for the page of a refusal, by the standard claims (OpenID Connect Core 1.0, 5.1); nothing of
    a user info that is about somebody else (5.3.2)."""
    try:
        claims = json.loads(tokens.user_info)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(claims, Mapping) or claims.get("sub") != tokens.subject:
        return "", ""

    def text(*names: str) -> str:
        found = [claims.get(name) for name in names]
        return " ".join(each.strip()[:_NAME_MAX] for each in found if isinstance(each, str) and each.strip())

    return text("name") or text("given_name", "family_name"), text("SubjectNameID") or text("preferred_username")
