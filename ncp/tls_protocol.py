"""One HTTP/1.1 connection of the server: uvicorn's protocol on httptools, with what a gateway needs beside it.

It puts the TLS peer certificate into ``scope["extensions"]["tls"]`` (ASGI TLS extension, version 0.2, and our own key
``client_cert_der``), bounds the size and the time of the request head, the number of connections and of pipelined
requests, and never leaves a connection to a peer that neither sends nor reads. Leaves bodies to the application
(``ncp.http_in``) and processes to ``ncp.server``.

uvicorn is asked for nothing but its documented events; ``tests/server`` holds the contract against a new version.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ncp.observability.log import logger

_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_PIPELINE_MAX = 8
_HEADERS_MAX = 100
_FIRST_REQUEST = 1.0
"""Seconds that a connection has for the head of a request, its first or one that has begun, once the server drains."""
_GOODBYE = 0.5
"""Seconds a peer has to confirm the end of an idle TLS connection once the server drains; few do before they ask again,
and everything sent to a connection that has been idle that long has left."""

_log = logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionLimits:
    """Bounds on one listener's connections. Times in seconds, sizes in bytes.

    ``header``           request line and headers together     ``header_timeout``  for them, from the first byte
    ``idle_timeout``     between two requests                  ``write_timeout``   without the peer reading anything
    ``linger``           for the rest of a body that is no longer wanted, so that the answer still arrives
    ``max_connections``  at the same time, in one worker
    """

    header: int = 64 * 1024
    header_timeout: float = 10.0
    idle_timeout: float = 75.0
    write_timeout: float = 30.0
    linger: float = 2.0
    max_connections: int = 1000


class _Transport:
    """The connection as uvicorn sees it: closing it lets the peer read the answer first (``close_politely``)."""

    def __init__(self, transport: asyncio.Transport, protocol: GatewayProtocol) -> None:
        self._transport = transport
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.closing or self._transport.is_closing()

    def close(self) -> None:
        self._protocol.close_politely()


class _Cycle(RequestResponseCycle):
    """One request and its answer. An answer before the end of the request says that the connection ends with it."""

    async def send(self, message: Any) -> None:
        if self.more_body and not self.response_started:
            self.keep_alive = False
        await super().send(message)


class GatewayProtocol(HttpToolsProtocol):
    """A connection with limits. One is made per accepted connection by ``ncp.server``."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        limits: ConnectionLimits,
        loop: asyncio.AbstractEventLoop,
        is_draining: Callable[[], bool],
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state={}, _loop=loop)
        self.limits = limits
        self._is_draining = is_draining
        self.closing = False
        self._socket: asyncio.Transport | None = None
        self._tls: dict[str, Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_size = 0
        self._in_body = False
        self._framing = 0
        self._is_ending = False
        self._answered = 0.0

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        self._socket = stream
        super().connection_made(cast(asyncio.Transport, _Transport(stream, self)))
        if len(self.connections) > self.limits.max_connections:
            self._refuse_connection(stream)
            return
        ssl_object = stream.get_extra_info("ssl_object")
        if ssl_object is not None:
            self._tls = tls_extension(ssl_object)
        self._arm(self.limits.header_timeout)
        if self._is_draining():
            self.shutdown()

    def shutdown(self) -> None:
        """The server drains. A request that is on its way, or may be on a connection just made, is still answered.

        May be called again; only the first time counts.
        """
        if self._is_ending or self.closing:
            return
        self._is_ending = True
        is_serving = self.cycle is not None and not self.cycle.response_complete
        if not is_serving and (self.cycle is None or self._head_size > 0):
            self._arm(self._head_time)
            return
        has_settled = self.loop.time() - self._answered > _GOODBYE
        super().shutdown()
        if not is_serving and has_settled:
            self._arm(_GOODBYE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket = None
        self._disarm()
        self._cancel_stall()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return  # the rest of a request that was answered already
        if self._in_head:
            if self._head_size == 0:
                self._arm(self._head_time)
            self._head_size += len(data)
        if self._in_body:
            self._framing += len(data)
        super().data_received(data)
        if self.closing:
            return
        # An endless header or trailer would otherwise be collected until the memory is full.
        if self._in_head and self._head_size > self.limits.header:
            self._answer(431, b"Request Header Fields Too Large")
        elif self._in_body and self._framing > self.limits.header:
            self._answer(400, b"Bad Request")

    def close_politely(self, *, unread: bool = False) -> None:
        """Close when what is written is sent.

        To close a socket while request bytes still arrive resets the connection, and the peer never sees why it was
        refused. So the rest of a request (``unread``, or a body not read to its end) is thrown away for a short time.
        """
        if self.closing or self._socket is None:
            return
        self.closing = True
        self._disarm()
        self._unset_keepalive_if_required()
        if unread or self._in_body:
            self.flow.resume_reading()
            self._timer = self.loop.call_later(self.limits.linger, self._close_now)
        else:
            self._close_now()

    def _close_now(self) -> None:
        if self._socket is not None:
            self._socket.close()
            # close() waits for a peer that does not read; nothing else would end that.
            self._arm(self.limits.write_timeout)

    def _refuse_connection(self, stream: asyncio.Transport) -> None:
        _log.warning("server.too_many_connections", reason="http.connections")
        if len(self.connections) > 2 * self.limits.max_connections:
            stream.abort()
        else:
            self._answer(503, b"Service Unavailable")

    def send_400_response(self, msg: str) -> None:
        self._answer(400, b"Bad Request")

    def _answer(self, status: int, text: bytes) -> None:
        """The server's own refusal, for what no application should see, or no more of."""
        cycle = self.cycle
        if self._socket is not None and cycle is not None and not cycle.response_complete:
            if cycle.response_started or not self._in_body:
                # An earlier request is being answered: bytes in between would be taken for its answer.
                self._socket.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, text, len(text), text)
        )
        self.close_politely(unread=True)

    # --- time

    @property
    def _head_time(self) -> float:
        """Seconds for the head of a request."""
        return min(_FIRST_REQUEST, self.limits.header_timeout) if self._is_ending else self.limits.header_timeout

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._time_is_up)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        if self._socket is None:
            return
        if self.closing or self._head_size == 0:
            self._socket.abort()
        elif self.cycle is not None and not self.cycle.response_complete:
            # The head of a pipelined request waits while the one before is answered.
            self._arm(self.limits.header_timeout)
        elif self._is_ending:
            self._socket.abort()
        else:
            self._answer(408, b"Request Timeout")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cancel_stall()
        self._stall = self.loop.call_later(self.limits.write_timeout, self._peer_does_not_read)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_stall()

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _peer_does_not_read(self) -> None:
        _log.info("server.connection_cut", reason="http.write_timeout")
        if self._socket is not None:
            self._socket.abort()

    def on_response_complete(self) -> None:
        self._answered = self.loop.time()
        super().on_response_complete()

    # --- events of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(dict[str, Any], self.scope)["extensions"] = {} if self._tls is None else {"tls": self._tls}

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here as well; nothing that is read behind the body may pass for a header.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.closing:
            return
        self._disarm()
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head > self.limits.header or len(self.headers) > _HEADERS_MAX:
            self._answer(431, b"Request Header Fields Too Large")
            return
        if len(self.pipeline) >= _PIPELINE_MAX:
            self._answer(503, b"Service Unavailable")
            return
        self._in_head, self._in_body = False, True
        self._head_size = self._framing = 0
        super().on_headers_complete()
        # The task begins after this event, so every byte of the answer goes through our send.
        self.cycle.__class__ = _Cycle
        if self._is_draining():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if not self.closing:
            # A chunk may have as many bytes of framing as a header line, but the framing may not outweigh the data.
            self._framing = max(0, self._framing - 8 * len(body))
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.closing:
            self._in_head, self._in_body = True, False
            super().on_message_complete()


def tls_extension(ssl_object: ssl.SSLObject) -> dict[str, Any]:
    """The ASGI TLS extension of one connection. Our own key ``client_cert_der`` is None without a client certificate.

    The certificate passed the handshake under the server's SSLContext; whether its owner may call is for the
    application (``trust_store``).
    """
    der = ssl_object.getpeercert(binary_form=True)
    name = pem = None
    if der:
        try:
            certificate = x509.load_der_x509_certificate(der)
            name = certificate.subject.rfc4514_string()
            pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
        except ValueError:
            # OpenSSL took it, so the application gets the bytes and decides.
            name = pem = None
    cipher = ssl_object.cipher()
    # OpenSSL's id of a cipher carries its IANA number in the lower half.
    suites = {each["name"]: each["id"] & 0xFFFF for each in ssl_object.context.get_ciphers()} if cipher else {}
    return {
        "server_cert": None,
        "client_cert_chain": [pem] if pem else [],
        "client_cert_name": name,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(ssl_object.version() or ""),
        "cipher_suite": suites.get(cipher[0]) if cipher else None,
        "client_cert_der": der or None,
    }
