"""Small parts of an ASGI application: read a request within limits, answer without filling memory, find the handler.

Knows HTTP as ASGI shows it. Leaves sockets, TLS and time-outs of a connection to ``ncp.server``, and the messages to
``ncp.wire``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from ncp.http_body import BodyReader, BodyRefused
from ncp.observability.log import logger, where
from ncp.wire.errors import Code, NcpError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[str, str]]

SLICE = 64 * 1024
"""How much of a body is handed to the connection at once: as much as it buffers before it asks to wait."""

_BODY_STATUS = {"body.too_large": 413, "body.encoding": 415, "body.gzip": 400}
_PHRASES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

_log = logger()


class HttpRefused(NcpError):
    """A request that is refused as HTTP, before any SOAP is read. ``status`` is the HTTP status.

    ``reason``: ``http.header`` (400), ``http.disconnect`` (400), ``http.body_timeout`` (408), ``body.too_large`` (413),
    ``body.encoding`` (415), ``body.gzip`` (400).
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(Code.GENERIC, reason)
        self.status = status


def header(scope: Scope, name: str) -> str:
    """The value of a header that may stand once; empty when absent. ``HttpRefused`` 400 when it stands twice."""
    wanted = name.lower().encode("ascii")
    values = [value for key, value in scope["headers"] if key == wanted]
    if len(values) > 1:
        raise HttpRefused(400, "http.header")
    return values[0].decode("latin-1").strip() if values else ""


def header_list(scope: Scope, name: str) -> str:
    """The values of a header that may stand on several lines (RFC 9110 5.3), joined with commas; empty when absent."""
    wanted = name.lower().encode("ascii")
    return ", ".join(value.decode("latin-1").strip() for key, value in scope["headers"] if key == wanted)


def client_certificate(scope: Scope) -> bytes | None:
    """DER of the certificate the other end of the TLS connection proved to hold; None without TLS or certificate."""
    tls = scope.get("extensions", {}).get("tls")
    return tls["client_cert_der"] if tls else None


async def read_body(
    receive: Receive,
    limit: int,
    timeout: float,  # noqa: ASYNC109  the limit is the protocol's, not the caller's patience
    encoding: str = "",
    *,
    declared_length: str = "",
) -> bytes:
    """The whole body of a request, unpacked.

    ``limit`` in bytes after unpacking, ``timeout`` in seconds for all of it, ``encoding`` and ``declared_length`` as in
    the headers Content-Encoding and Content-Length. Raises ``HttpRefused``; a body that is announced too large is
    refused before any of it is read.
    """
    if declared_length.isascii() and declared_length.isdigit() and int(declared_length[:20]) > limit:
        raise HttpRefused(413, "body.too_large")
    try:
        reader = BodyReader(limit, encoding)
        async with asyncio.timeout(timeout):
            more = True
            while more:
                event = await receive()
                if event["type"] != "http.request":
                    raise HttpRefused(400, "http.disconnect")
                reader.feed(event.get("body", b""))
                more = event.get("more_body", False)
        return reader.finish()
    except BodyRefused as refused:
        raise HttpRefused(_BODY_STATUS[refused.reason], refused.reason) from None
    except TimeoutError:
        raise HttpRefused(408, "http.body_timeout") from None


async def send_response(send: Send, status: int, headers: Headers, chunks: Sequence[bytes | memoryview]) -> None:
    """Answer with a known length. Large chunks go out in slices, each after the connection has room for it."""
    length = sum(len(chunk) for chunk in chunks)
    fields = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers]
    fields.append((b"content-length", str(length).encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    for piece in _slices(chunks):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def refuse(send: Send, status: int, headers: Headers = ()) -> None:
    """A plain answer that says nothing but its status."""
    text = _PHRASES.get(status, "Refused")
    await send_response(send, status, [("content-type", "text/plain; charset=utf-8"), *headers], [text.encode("ascii")])


def _slices(chunks: Iterable[bytes | memoryview]) -> Iterable[bytes]:
    """The chunks in pieces of at most ``SLICE`` bytes, small ones joined, so that a piece is worth its TLS record."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), SLICE):
            piece = bytes(view[start : start + SLICE])
            if size + len(piece) > SLICE:
                yield b"".join(waiting)
                waiting, size = [], 0
            waiting.append(piece)
            size += len(piece)
    if waiting:
        yield b"".join(waiting)


class Router:
    """An ASGI application that finds a handler by path and method, and is the last stop of every failure.

    A path may end in ``/``. 404 for an unknown path, 405 with ``Allow`` for an unknown method, the status of
    ``HttpRefused``, and a bare 500 for anything else, with the reason in the log only.
    """

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        """``routes``: (method, path without trailing slash) → handler. HEAD goes where GET goes; the server
        leaves its body out."""
        self._paths: dict[str, dict[str, Handler]] = {}
        for (method, path), handler in routes.items():
            self._paths.setdefault(path.rstrip("/") or "/", {})[method.upper()] = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        guarded = _Answer(send)
        try:
            await self._dispatch(scope, receive, guarded)
        except HttpRefused as refused:
            _log.info("http.request_refused", reason=refused.reason, status=refused.status)
            await guarded.fail(refused.status)
        except Exception as failure:
            # The text of a foreign exception may quote the message, so only its kind and place are logged.
            _log.error("http.request_failed", reason="http.unexpected", exception=where(failure))
            await guarded.fail(500)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self._paths.get(scope["path"].rstrip("/") or "/")
        if methods is None:
            await refuse(send, 404)
            return
        method = scope["method"]
        handler = methods.get("GET" if method == "HEAD" and "HEAD" not in methods else method)
        if handler is None:
            await refuse(send, 405, [("allow", ", ".join(sorted(methods)))])
            return
        await handler(scope, receive, send)


class _Answer:
    """``send`` that remembers whether an answer has begun: after that only cutting the connection is honest."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.begun = True
        await self._send(message)

    async def fail(self, status: int) -> None:
        if self.begun:
            # The server closes a connection whose application ended in the middle of an answer.
            return
        await refuse(self._send, status)
