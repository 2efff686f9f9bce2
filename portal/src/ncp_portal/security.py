"""What every answer and every form has to have, whoever wrote the page: headers, origin, token, size.

Knows the Content Security Policy (W3C CSP Level 3) and who may send a form: a page of this portal, told by ``Origin``
or ``Sec-Fetch-Site`` (Fetch Standard; Fetch Metadata Request Headers), and within a session by a token too.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ncp_portal.log import log, where

FORM_MAX = 64 * 1024
"""Bytes of a form; the largest has a dozen short fields."""
FORM_SECONDS = 15.0
"""Until the whole of a form is there."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "X-Frame-Options": "DENY",
}


def policy(*, provider: str, style: str = "") -> str:
    """The policy of a page. ``provider`` is the origin that a login or logout form leads to; ``style`` the source of a
    summary's own style."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' {style}".rstrip()
        + f"; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self' {provider}".rstrip()
        + "; base-uri 'none'; frame-ancestors 'none'"
    )


class Guard:
    """ASGI middleware: puts the headers on every answer, and stops what comes from elsewhere or is too large. What
    nobody has foreseen ends here too, so that its page has the headers as well.

    A POST must come from a page of ``origin``; only ``exempt`` paths, which the identity provider calls, may not.
    ``provider`` tells where forms of a login may lead, which is known once the provider has been asked.
    Refusals are answered by ``refuse``, an ASGI application, with the status in ``scope["refused"]``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origin: str,
        provider: Callable[[], str],
        exempt: frozenset[str],
        refuse: ASGIApp,
        is_secure: bool,
    ) -> None:
        self._app = app
        self._origin = origin
        self._host = origin.partition("://")[2]
        self._exempt = exempt
        self._refuse = refuse
        self._headers = dict(_HEADERS)
        self._provider = provider
        if is_secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        has_started = False

        async def guarded(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                given = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    given.setdefault(name, value)
                given.setdefault("Content-Security-Policy", policy(provider=self._provider()))
            await send(message)

        status = self._refusal(scope, headers)
        if status:
            scope["refused"] = status
            await self._refuse(scope, receive, guarded)
            return
        try:
            await self._app(scope, _bounded(receive), guarded)
        except ClientDisconnect:
            return
        except Exception as error:
            log("request.failed", exception=where(error))
            if has_started:
                # The answer is cut off, which whoever reads it notices.
                raise
            await self._unexpected(scope, receive, guarded)

    async def _unexpected(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["refused"] = 500
        try:
            await self._refuse(scope, receive, send)
        except Exception as error:
            log("request.failed", exception=where(error))
            await PlainTextResponse("500", 500)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> int:
        if headers.get("host", "") != self._host and not scope["path"].startswith("/health"):
            return 421
        if scope["method"] in ("GET", "HEAD"):
            return 0
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > FORM_MAX:
            return 413
        if scope["path"] in self._exempt:
            return 0
        origin = headers.get("origin")
        if origin not in (None, "null") and origin != self._origin:
            return 403
        site = headers.get("sec-fetch-site")
        # A browser says at least one of them with every POST; "no-referrer" makes Origin "null" for older ones.
        if site not in (None, "same-origin") or (site is None and origin != self._origin):
            return 403
        return 0


class TooLarge(Exception):
    """A body of more than ``FORM_MAX`` bytes that had not announced it."""


class TooSlow(Exception):
    """A body that was not whole after ``FORM_SECONDS``."""


def _bounded(receive: Receive) -> Receive:
    seen, is_whole, ends = 0, False, 0.0

    async def counted() -> Message:
        nonlocal seen, is_whole, ends
        if is_whole:
            return await receive()
        ends = ends or asyncio.get_running_loop().time() + FORM_SECONDS
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        is_whole = not message.get("more_body", False)
        seen += len(message.get("body", b""))
        if seen > FORM_MAX:
            raise TooLarge
        return message

    return counted


def same(token: str, expected: str) -> bool:
    """Whether a token of a form is the session's, in a time that tells nothing."""
    return bool(expected) and secrets.compare_digest(token.encode("utf-8", "replace"), expected.encode())
