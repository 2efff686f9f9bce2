"""The front end as an ASGI application: who calls, which contract, one answer for every way a call can end.

Portals are known by the fingerprint of their TLS client certificate and by nothing else. A message is parsed once, by
``ncp.wire.xml``; operations run in a bounded pool of threads. No failure shows a stack trace: what is not declared is
answered as ERROR_GENERIC with the reference of the call, and only its kind and place are logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import string
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from lxml import etree

from ncp.frontend import replies, token_service
from ncp.frontend.binding import Binding
from ncp.frontend.client_connector import client_connector
from ncp.frontend.contracts import OPENNCP_7, OPENNCP_9, Contract
from ncp.frontend.own_operations import own_operations
from ncp.frontend.port import Call, NcpB, PortalIdentity
from ncp.http_in import HttpRefused, Receive, Scope, Send, client_certificate, header, read_body, send_response
from ncp.observability.log import logger, where
from ncp.wire import soap
from ncp.wire.errors import Code, NcpError
from ncp.wire.mtom import MimeRefused, content_type
from ncp.wire.xml import MESSAGE_LIMITS, NS_SOAP12, XmlLimits, XmlRefused, parse
from saml_assertions.sts import Service

_log = logger()
_TEXT: Final = "text/plain; charset=UTF-8"
_WSDL: Final = "text/xml; charset=UTF-8"
DOCUMENT_LIMITS: Final = XmlLimits(size=70 * 1024 * 1024, long_text=True)
"""A document of 50 MB as base64, and the message round it."""
_MEDIA: Final = (soap.SOAP_MEDIA, soap.SOAP11_MEDIA)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndOptions:
    """``time_zone`` of the own country (IANA name), ``language`` for portals that name none (BCP 47),
    ``public_url`` written into WSDL (else the Host of the request).

    ``request_timeout`` in seconds bounds the time a body may take to arrive.
    ``threads`` calls run at once, ``waiting`` more may queue; further ones are told to come again (HTTP 503).
    ``limits`` bound messages with traits and ids, ``document_limits`` those that hand in a document to be shown.
    """

    time_zone: str
    language: str = "en"
    public_url: str = ""
    request_timeout: float = 30.0
    threads: int = 16
    waiting: int = 64
    limits: XmlLimits = MESSAGE_LIMITS
    document_limits: XmlLimits = DOCUMENT_LIMITS


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    media: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


_ALWAYS = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))
_REFUSED = _Reply(403, _TEXT, b"This client certificate is not that of a known portal.\n")
_NOT_FOUND = _Reply(404, _TEXT, b"There is no service at this path.\n")
_METHOD = _Reply(405, _TEXT, b"Send POST, or GET with ?wsdl.\n", (("allow", "GET, POST"),))
_MEDIA_TYPE = _Reply(415, _TEXT, b"Send application/soap+xml.\n")
_BUSY = _Reply(503, _TEXT, b"All workers are busy.\n", (("retry-after", "5"),))


def frontend_app(ncp_b: NcpB, options: FrontEndOptions, portals: Mapping[str, PortalIdentity]) -> FrontEnd:
    """The application. ``portals`` by SHA-256 fingerprint of their client certificate (DER), lower-case hex."""
    return FrontEnd(ncp_b, options, portals)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    path: str
    limits: XmlLimits
    serve: Callable[[bytes, str, str, PortalIdentity], _Reply]
    wsdl: Callable[[str], bytes] | None


class FrontEnd:
    """ASGI 3 application; ``close`` (or the lifespan protocol) ends its threads."""

    def __init__(self, ncp_b: NcpB, options: FrontEndOptions, portals: Mapping[str, PortalIdentity]) -> None:
        self._ncp_b = ncp_b
        self._options = options
        self._portals = dict(portals)
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="frontend")
        self._running = 0
        self._endpoints = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                reply = await self._reply(scope, receive)
            except HttpRefused as refused:
                reply = _Reply(refused.status, _TEXT, b"The request was refused.\n")
            headers = [("content-type", reply.media), *_ALWAYS, *reply.headers]
            await send_response(send, reply.status, headers, [reply.content])

    def close(self) -> None:
        """Waits for running calls and ends the threads."""
        self._pool.shutdown()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    # --- from HTTP to a call -----------------------------------------------------------------------------------------

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply:
        portal = self._portal(scope)
        if portal is None:
            return _REFUSED
        endpoint = self._endpoints.get(_service_path(scope["path"]))
        if endpoint is None:
            return _NOT_FOUND
        if scope["method"] == "GET" and scope["query_string"].lower() in (b"wsdl", b"wsdl="):
            return self._wsdl(endpoint, scope)
        if scope["method"] != "POST":
            return _METHOD
        try:
            media = content_type(header(scope, "content-type"))
        except MimeRefused:
            return _MEDIA_TYPE
        if media.media not in _MEDIA:
            return _MEDIA_TYPE
        action = media.parameters.get("action", "") or soap.unquoted_action(header(scope, "soapaction"))
        if self._running >= self._options.threads + self._options.waiting:
            return _BUSY
        self._running += 1
        try:
            body = await read_body(
                receive,
                endpoint.limits.size,
                self._options.request_timeout,
                header(scope, "content-encoding"),
                declared_length=header(scope, "content-length"),
            )
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, endpoint.serve, body, action, media.media, portal)
        finally:
            self._running -= 1

    def _portal(self, scope: Scope) -> PortalIdentity | None:
        certificate = client_certificate(scope)
        return self._portals.get(hashlib.sha256(certificate).hexdigest()) if certificate else None

    def _wsdl(self, endpoint: _Endpoint, scope: Scope) -> _Reply:
        if endpoint.wsdl is None:
            return _NOT_FOUND
        base = self._options.public_url.rstrip("/")
        if not base:
            base = f"{scope.get('scheme', 'https')}://{header(scope, 'host') or 'localhost'}"
        return _Reply(200, _WSDL, endpoint.wsdl(base + endpoint.path))

    # --- from a call to its answer -----------------------------------------------------------------------------------

    def _routes(self) -> dict[str, _Endpoint]:
        zone = ZoneInfo(self._options.time_zone)
        endpoints: list[_Endpoint] = []
        for contract in (OPENNCP_7, OPENNCP_9):
            binding = client_connector(contract, self._ncp_b, zone)
            endpoints += self._soap_endpoints(binding, self._options.limits, _client_connector_wsdl(contract))
        own = own_operations(self._ncp_b, default_language=self._options.language)
        endpoints += self._soap_endpoints(own, self._options.document_limits, own.wsdl)
        for path, service in token_service.PATHS.items():
            endpoints.append(_Endpoint(path, self._options.limits, self._issuer(service), None))
        return {endpoint.path: endpoint for endpoint in endpoints}

    def _soap_endpoints(self, binding: Binding, limits: XmlLimits, wsdl: Callable[[str], bytes]) -> list[_Endpoint]:
        def serve(body: bytes, action: str, media: str, portal: PortalIdentity) -> _Reply:
            return self._answer(binding, limits, body, action, media, portal)

        return [_Endpoint(path, limits, serve, wsdl) for path in binding.contract.paths]

    def _answer(
        self, binding: Binding, limits: XmlLimits, body: bytes, action: str, media: str, portal: PortalIdentity
    ) -> _Reply:
        contract, operation, relates_to = binding.contract, "", ""
        reference = str(uuid.uuid4())
        try:
            envelope = _open(body, limits, action, media)
            relates_to = envelope.message_id
            operation = binding.operation_of(envelope.body)
            call = Call(envelope.security, envelope.root, portal, reference, self._options.language)
            answer = binding.answer(call, envelope.body)
            content = replies.write_answer(
                answer.body,
                action=f"{contract.action_prefix}{operation}Response",
                message_id=_message_id(),
                relates_to=relates_to,
                reference=reference,
                warnings=answer.warnings,
                birth_date=answer.birth_date,
                translation=answer.translation,
            )
            return _Reply(200, replies.CONTENT_TYPE, content)
        except Exception as failure:
            error = _declared(failure, reference)
            content = replies.write_fault(
                error,
                contract,
                operation,
                message_id=_message_id(),
                relates_to=relates_to or getattr(error, "relates_to", ""),
                reference=reference,
            )
            return _Reply(replies.status_of(error), replies.CONTENT_TYPE, content)

    def _issuer(self, service: Service) -> Callable[[bytes, str, str, PortalIdentity], _Reply]:
        def serve(body: bytes, action: str, media: str, portal: PortalIdentity) -> _Reply:
            # OpenNCP's clients send SOAPAction "" here: the body alone says what is asked.
            reference, root = str(uuid.uuid4()), None
            try:
                root = token_service.open_envelope(body, self._options.limits)
                content = token_service.issue(root, service, self._ncp_b, portal, reference)
                return _Reply(200, replies.CONTENT_TYPE, content)
            except Exception as failure:
                error = _declared(failure, reference)
                return _Reply(500, replies.CONTENT_TYPE, token_service.write_fault(error, root, reference))

        return serve


def _open(body: bytes, limits: XmlLimits, action: str, media: str) -> soap.Envelope:
    try:
        root = parse(body, limits)
    except XmlRefused as refused:
        raise soap.xml_fault(refused) from None
    if root.tag == f"{{{NS_SOAP12}}}Envelope" and root.find(f"{{{NS_SOAP12}}}Header") is None:
        # Operations that need no assertion may come without a Header, which gateways may not leave out.
        root.insert(0, etree.SubElement(root, f"{{{NS_SOAP12}}}Header"))
    return soap.read_request(root, http_action=action, media=media)


def _declared(failure: Exception, reference: str) -> NcpError:
    """The failure itself when it is a declared one; else ERROR_GENERIC, and a log line without any of its texts."""
    if isinstance(failure, NcpError):
        _log.info("frontend.call_refused", transaction=reference, error_code=failure.code, reason=failure.reason)
        return failure
    _log.error("frontend.call_failed", transaction=reference, exception=where(failure))
    return NcpError(Code.GENERIC, "unexpected")


def _message_id() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def _service_path(path: str) -> str:
    """The path of the service: Axis2 clients may add the name of its SOAP 1.2 port, and a slash."""
    head, slash, last = path.rstrip("/").rpartition("/")
    service, dot, port = last.partition(".")
    if dot and port in (f"{service}HttpsSoap12Endpoint", f"{service}HttpSoap12Endpoint"):
        last = service
    return head + slash + last


def _client_connector_wsdl(contract: Contract) -> Callable[[str], bytes]:
    text = importlib.resources.files("ncp.frontend").joinpath("wsdl/client_connector.wsdl").read_text("utf-8")
    template = string.Template(text)

    def wsdl(location: str) -> bytes:
        location = escape(location, {'"': "&quot;"})
        values = {"namespace": contract.namespace, "service": contract.service, "location": location}
        return template.substitute(values).encode()

    return wsdl
