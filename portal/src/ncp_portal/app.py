"""Routes: which address is which step. Serves also what belongs to no session, and what goes wrong.

Paths name no patient and no professional; what is written to the log is the route, never the address.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ncp_client import ConnectionFailed, GatewayError, PortalRefused
from ncp_portal import asking, failures, journey, reading, waits
from ncp_portal.failure_kinds import Step
from ncp_portal.log import log, where
from ncp_portal.login import LoginFailed
from ncp_portal.portal import Portal
from ncp_portal.security import Guard, TooLarge, TooSlow
from ncp_portal.sessions import Session

_PAGES = frozenset(("traits", "waiting", "outcome", "identity", "summary", "pdf"))
"""Steps of a search that are pages."""
BACK_CHANNEL = "/login/back-channel"
_FOREVER = "public, max-age=31536000, immutable"
_STATUSES = frozenset((400, 403, 404, 405, 408, 413, 421, 429, 500, 503))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

Page = Callable[[Request], Awaitable[Response]]


def make_app(portal: Portal) -> ASGIApp:
    """The portal as an ASGI application."""
    within = portal.within
    get, post, both = ["GET"], ["POST"], ["GET", "POST"]
    at = "/search/{id}"
    routes = [
        Route("/", portal.home, methods=get),
        *(
            Route(f"/{name}", _text_page(portal, name), methods=get)
            for name in ("terms", "privacy", "guide", "faq", "accessibility")
        ),
        Route("/notice", _notice(portal), methods=get),
        Route("/language", _language(portal), methods=post),
        Route("/login", portal.log_in, methods=post),
        Route("/login/callback", portal.logged_in, methods=get),
        Route(BACK_CHANNEL, portal.ended_by_provider, methods=post),
        Route("/logout", within(Portal.log_out, chosen=False), methods=post),
        Route("/refused", portal.refused, methods=get),
        Route("/signed-out", _text_page(portal, "signed_out"), methods=get),
        Route("/session-ended", portal.session_ended, methods=get),
        Route("/session/keep", within(_keep, chosen=False), methods=post),
        Route("/place", within(Portal.place, chosen=False), methods=both),
        Route("/pictures/{country}/{number:int}", within(_picture), methods=get),
        Route("/search", within(journey.country), methods=both),
        Route(at, within(journey.where_it_is), methods=get),
        Route(f"{at}/traits", within(journey.traits), methods=both),
        Route(f"{at}/check", within(journey.check), methods=post),
        Route(f"{at}/waiting", within(asking.waiting), methods=get),
        Route(f"{at}/progress", within(asking.progress), methods=get),
        Route(f"{at}/cancel", within(asking.cancel), methods=post),
        Route(f"{at}/retry", within(journey.retry), methods=post),
        Route(f"{at}/outcome", within(asking.outcome), methods=get),
        Route(f"{at}/identity", within(journey.identity), methods=get),
        Route(f"{at}/notice", within(journey.notice), methods=get),
        Route(f"{at}/consult", within(journey.consult), methods=post),
        Route(f"{at}/summary", within(reading.summary), methods=get),
        Route(f"{at}/document", within(reading.document), methods=post),
        Route(f"{at}/print", within(reading.on_paper), methods=get),
        Route(f"{at}/pdf", within(reading.pdf), methods=get),
        Route(f"{at}/document.pdf", within(reading.pdf_file), methods=get),
        Route("/static/{name:path}", _static(portal), methods=get),
        Route("/favicon.ico", _favicon(portal), methods=get),
        Route("/robots.txt", _robots, methods=get),
        Route("/health/live", _health, methods=get),
        Route("/health/ready", _ready(portal), methods=get),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(journey.sleepless(portal))
        with contextlib.suppress(LoginFailed):
            await portal.provider.prepare()
        try:
            yield
        finally:
            sweeper.cancel()
            portal.close()

    async def refused(scope: Scope, receive: Receive, send: Send) -> None:
        await portal.problem(Request(scope), scope["refused"])(scope, receive, send)

    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(_Logged),
            Middleware(
                Guard,
                origin=portal.settings.server.public_url,
                provider=portal.provider.origins,
                exempt=frozenset((BACK_CHANNEL,)),
                refuse=refused,
                is_secure=portal.settings.server.is_secure,
            ),
        ],
        exception_handlers={
            HTTPException: _http_problem(portal),
            TooLarge: _status_problem(portal, 413),
            TooSlow: _status_problem(portal, 408),
            LoginFailed: _login_problem(portal),
            GatewayError: _gateway_problem(portal),
            ConnectionFailed: _gateway_problem(portal),
            PortalRefused: _gateway_problem(portal),
        },
    )


# Pages and files for everybody


def _text_page(portal: Portal, name: str) -> Page:
    async def page(request: Request) -> Response:
        return portal.page(request, f"{name}.html", terms_version=portal.settings.terms.version)

    return page


def _notice(portal: Portal) -> Page:
    async def notice(request: Request) -> Response:
        country = request.query_params.get("country", "")
        known = {each.code for each in await portal.directory.countries(portal.language(request)) if each.live}
        if country not in known:
            raise HTTPException(404)
        return await portal.notice(request, country)

    return notice


def _language(portal: Portal) -> Page:
    async def language(request: Request) -> Response:
        fields = await portal.form(request, None)
        back = fields.get("back", "/")
        # Only a path of ours: anything else could lead away.
        is_path = back.startswith("/") and not back.startswith("//") and "\\" not in back and back.isprintable()
        response = RedirectResponse(_readable(back) if is_path else "/", 303)
        if fields.get("language") in portal.settings.language.offered:
            portal.set_language(response, fields["language"])
        return response

    return language


def _readable(path: str) -> str:
    """The page to go back to: what answers forms only leads to where the search is."""
    parts = path.split("/")
    if parts[1] == "search" and len(parts) > 3 and parts[3].partition("?")[0] not in _PAGES:
        return "/".join(parts[:3])
    return "/" if parts[1] in ("login", "logout", "language", "session") else path


async def _keep(portal: Portal, request: Request, session: Session) -> Response:
    """POST /session/keep: the professional is still there."""
    await portal.form(request, session)
    return Response(status_code=204)


async def _picture(portal: Portal, request: Request, session: Session) -> Response:
    """GET /pictures/{country}/{number}: a document on which traits are found."""
    country = request.path_params["country"]
    known = {each.code for each in await portal.directory.countries(portal.language(request))}
    if country not in known:
        raise HTTPException(404)
    images = (await portal.directory.mask(country, portal.language(request))).images
    number = request.path_params["number"]
    if number >= len(images) or not images[number].media_type.startswith("image/"):
        raise HTTPException(404)
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return Response(
        images[number].content, media_type=images[number].media_type, headers={"Content-Security-Policy": policy}
    )


def _static(portal: Portal) -> Page:
    async def static(request: Request) -> Response:
        file = portal.pages.files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        kept = _FOREVER if request.query_params.get("v") == file.digest else "no-cache"
        return Response(file.content, headers={"Content-Type": file.media_type, "Cache-Control": kept})

    return static


def _favicon(portal: Portal) -> Page:
    async def favicon(request: Request) -> Response:
        return RedirectResponse(portal.pages.asset("favicon.svg"), 308)

    return favicon


async def _robots(request: Request) -> Response:
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "live"})


def _ready(portal: Portal) -> Page:
    async def ready(request: Request) -> Response:
        try:
            await asyncio.wait_for(portal.directory.reached(portal.settings.language.default), 5)
        except (GatewayError, ConnectionFailed, PortalRefused, TimeoutError) as error:
            return JSONResponse({"status": "not ready", "reason": type(error).__name__}, 503)
        return JSONResponse({"status": "ready"})

    return ready


# What goes wrong


def _http_problem(portal: Portal) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def problem(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = portal.problem(request, status if status in _STATUSES else 400)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    return problem


def _status_problem(portal: Portal, status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def problem(request: Request, error: Exception) -> Response:
        return portal.problem(request, status)

    return problem


def _gateway_problem(portal: Portal) -> Callable[[Request, Exception], Awaitable[Response]]:
    """The own gateway failed outside of a question: what happened and what to do, in the words of an outcome."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, GatewayError | ConnectionFailed | PortalRefused)  # noqa: S101 - as registered
        told = failures.outcome_of(error, step=Step.LOG_IN, country="", texts=portal.failure_texts(request))
        log("gateway.failed", outcome=told.kind, code=told.code, reference=told.reference, exception=where(error))
        return portal.page(
            request,
            "problem.html",
            503,
            status=503,
            title=told.title,
            text=" ".join((told.text, *told.todo)),
            reference=told.reference,
        )

    return problem


def _login_problem(portal: Portal) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, LoginFailed)  # noqa: S101 - as registered
        log("login.failed", code=error.code, reason=error.reason)
        return portal.problem(request, 503)

    return problem


class _Logged:
    """A line for every request but those for files: route, status and time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, waited = time.perf_counter(), 500, waits.begin()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "-"
            if not path.startswith(("/static", "/health")):
                elapsed = time.perf_counter() - began
                log(
                    "request",
                    method=scope["method"] if scope["method"] in _METHODS else "-",
                    route=path,
                    status=status,
                    duration_ms=round(elapsed * 1000, 1),
                    own_ms=round((elapsed - waited.seconds) * 1000, 1),
                )
