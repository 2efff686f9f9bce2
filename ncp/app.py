"""What answers on the peer listener and on the health listener: HTTP around ``ncp.responding``.

Knows paths, status codes and the order body → TLS peer → answer → record. Leaves every decision about a message to
``responding``, and sockets to ``ncp.server``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ncp.exchange import Capture, Exchange, Side
from ncp.http_in import (
    Handler,
    HttpRefused,
    Receive,
    Router,
    Scope,
    Send,
    client_certificate,
    header,
    header_list,
    read_body,
    refuse,
    send_response,
)
from ncp.observability.exchanges import report
from ncp.responding import NcpA, Request, respond
from ncp.wire.errors import Code, NcpError, SecurityError
from ncp.wire.times import utc_now
from trust_store.types import CertificateRefused

PEER_PATHS = (
    "/openncp-ws-server/services/XCPD_Service",
    "/openncp-ws-server/services/XCA_Service",
    "/openncp-server/XCPD_Service",
    "/openncp-server/XCA_Service",
    "/services/XCPD_Service",
    "/services/XCA_Service",
)
"""Where OpenNCP of every version has its services; the body says which transaction is meant."""


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """``request_limit`` bytes of a request body, ``request_timeout`` seconds for it to arrive."""

    request_limit: int
    request_timeout: float
    capture: Capture | None = None


def peer_app(ncp: NcpA, options: PeerOptions) -> Handler:
    """The ASGI application for other countries' gateways."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        at = utc_now()
        exchange = Exchange(str(uuid.uuid4()), Side.NCP_A, at)
        try:
            der = client_certificate(scope)
            if der is None:
                raise CertificateRefused("cert.missing")
            peer = ncp.trust.tls_peer(der, at)
        except CertificateRefused as refused:
            exchange.error = SecurityError(Code.SEC_GENERIC, refused.reason)
            report(exchange, status=403)
            await refuse(send, 403)
            return
        exchange.peer_country, exchange.peer_subject = peer.country, peer.subject
        try:
            body = await read_body(
                receive,
                options.request_limit,
                options.request_timeout,
                header(scope, "content-encoding"),
                declared_length=header(scope, "content-length"),
            )
            request = Request(
                peer, body, header(scope, "content-type"), header(scope, "soapaction"), header_list(scope, "accept")
            )
        except HttpRefused as unread:
            exchange.error = unread
            report(exchange, status=unread.status)
            raise
        reply = await respond(request, ncp, exchange)
        if options.capture is not None:
            options.capture(exchange.transaction, exchange.service, "request", request.content_type, [body])
            options.capture(exchange.transaction, exchange.service, "answer", reply.content_type, reply.chunks)
        report(exchange, status=reply.status)
        await send_response(send, reply.status, [("content-type", reply.content_type)], reply.chunks)

    return Router({("POST", path): answer for path in PEER_PATHS})


Check = Callable[[], Awaitable[None]]
"""Returns when a part is fit to serve; raises ``NcpError`` when not."""


def health_app(checks: Mapping[str, Check]) -> Handler:
    """``/health/live``: the loop turns. ``/health/ready``: every check passes, else 503 with their states."""

    async def live(scope: Scope, receive: Receive, send: Send) -> None:
        await _json(send, 200, {"status": "ok"})

    async def ready(scope: Scope, receive: Receive, send: Send) -> None:
        found: list[dict[str, str]] = []
        for name, check in checks.items():
            try:
                await check()
                found.append({"name": name, "status": "ok"})
            except NcpError as error:
                found.append({"name": name, "status": "fail", "reason": error.reason})
        good = all(each["status"] == "ok" for each in found)
        await _json(send, 200 if good else 503, {"status": "ok" if good else "fail", "checks": found})

    return Router({("GET", "/health/live"): live, ("GET", "/health/ready"): ready})


async def _json(send: Send, status: int, value: object) -> None:
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    await send_response(send, status, headers, [json.dumps(value).encode()])
