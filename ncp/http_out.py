"""Calls to other gateways: one pooled client per peer, bounded in time and size, repeated at most once.

Knows HTTP, TLS failures and when a repeat is safe. Leaves the message to the caller, who writes it anew for a repeat,
and the judgement of the server's certificate to the SSLContext that is handed in (``trust_store``).

A repeat is made only where no answer came: a connection failure before the head of an answer was complete,
or 502, 503, 504 of a proxy without a SOAP body. Every transaction sent from here is a read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from ncp.http_body import BodyReader, BodyRefused
from ncp.wire.errors import Code, PeerError
from ncp.wire.ids import CountryCode

_SOAP_MEDIA = ("application/soap+xml", "text/xml", "multipart/related", "application/xop+xml")
_PROXY_FAILURES = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message ready to be sent. ``message_id`` is its WS-Addressing id, which the answer must relate to."""

    message_id: str
    content_type: str
    chunks: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a 2xx, or a failure status with a SOAP body (a fault, for ``soap.read_response``).

    ``sent``      the message that was answered, the repeat if there was one
    ``repeated``  whether the first attempt failed
    ``server_certificate``  DER of the certificate on the live connection, for the audit trail
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    sent: Outgoing
    repeated: bool
    server_certificate: bytes | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLimits:
    """Times in seconds, sizes in bytes. ``timeout`` holds for the whole call, a repeat included."""

    timeout: float = 60.0
    connect_timeout: float = 10.0
    answer: int = 50 * 1024 * 1024
    connections: int = 50
    idle_timeout: float = 30.0


class _Unanswered(Exception):
    """An attempt that ended before the peer can have answered; ``error`` is what it means when it was the last one."""

    def __init__(self, error: PeerError) -> None:
        super().__init__(error.reason)
        self.error = error


class _Connecting:
    """Notes, from httpx's trace events, whether an attempt opened a new TLS 1.3 connection."""

    def __init__(self) -> None:
        self.fresh_tls13 = False

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.start_tls.complete":
            ssl_object = info["return_value"].get_extra_info("ssl_object")
            self.fresh_tls13 = ssl_object is not None and ssl_object.version() == "TLSv1.3"


class PeerClient:
    """HTTP client for one peer under one SSLContext. Not for use from several event loops."""

    def __init__(self, country: CountryCode, context: ssl.SSLContext, limits: CallLimits) -> None:
        self.country = country
        self.limits = limits
        self._calls = 0
        self._retired = False
        self._client = httpx2.AsyncClient(
            verify=context,
            http2=False,
            trust_env=False,
            follow_redirects=False,
            headers={"accept-encoding": "gzip", "user-agent": "ncp"},
            timeout=httpx2.Timeout(limits.timeout, connect=limits.connect_timeout),
            limits=httpx2.Limits(
                max_connections=limits.connections,
                max_keepalive_connections=limits.connections,
                keepalive_expiry=limits.idle_timeout,
            ),
        )

    async def post(
        self, url: str, write: Callable[[], Outgoing], *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send what ``write`` gives and return the answer.

        ``write`` is called once per attempt and must use a new MessageID each time. Raises ``PeerError`` with reason
        ``peer.connect``, ``peer.timeout``, ``peer.tls``, ``peer.http`` or ``peer.too_large``; nothing of the message or
        the answer is in its text.
        """
        self._calls += 1
        try:
            async with asyncio.timeout(self.limits.timeout):
                try:
                    return await self._attempt(url, write(), headers or {}, repeated=False)
                except _Unanswered:
                    return await self._attempt(url, write(), headers or {}, repeated=True)
        except _Unanswered as failure:
            raise failure.error from None
        except TimeoutError:
            raise self._error("peer.timeout") from None
        finally:
            self._calls -= 1
            if self._retired and not self._calls:
                await self._client.aclose()

    async def retire(self) -> None:
        """Close now, or with the last call that is under way."""
        self._retired = True
        if not self._calls:
            await self._client.aclose()

    async def _attempt(self, url: str, message: Outgoing, headers: Mapping[str, str], *, repeated: bool) -> Answer:
        answered = False
        connecting = _Connecting()
        length = str(sum(len(chunk) for chunk in message.chunks))
        try:
            async with self._client.stream(
                "POST",
                url,
                content=_content(message.chunks),
                headers={**headers, "content-type": message.content_type, "content-length": length},
                extensions={"trace": connecting.note},
            ) as response:
                answered = True
                return await self._answer(response, message, repeated)
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as failure:
            raise self._failed(failure, answered, connecting.fresh_tls13) from None

    async def _answer(self, response: httpx2.Response, message: Outgoing, repeated: bool) -> Answer:
        media = response.headers.get("content-type", "")
        is_soap = media.partition(";")[0].strip().lower() in _SOAP_MEDIA
        if not is_soap:
            error = self._error("peer.http", context=f"HTTP {response.status_code} without a SOAP body")
            raise _Unanswered(error) if response.status_code in _PROXY_FAILURES else error
        if not response.is_success and response.status_code < 400:
            raise self._error("peer.http", context=f"HTTP {response.status_code}")
        stream = response.extensions.get("network_stream")
        ssl_object = stream.get_extra_info("ssl_object") if stream is not None else None
        try:
            reader = BodyReader(self.limits.answer, response.headers.get("content-encoding", ""))
            async for data in response.aiter_raw():
                reader.feed(data)
            body = reader.finish()
        except BodyRefused as refused:
            reason = "peer.too_large" if refused.reason == "body.too_large" else "peer.http"
            raise self._error(reason, context=refused.reason) from None
        if not body and response.status_code in _PROXY_FAILURES:
            raise _Unanswered(self._error("peer.http", context=f"HTTP {response.status_code} without a SOAP body"))
        return Answer(
            status=response.status_code,
            content_type=media,
            body=body,
            sent=message,
            repeated=repeated,
            server_certificate=ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None,
        )

    def _failed(self, failure: Exception, answered: bool, fresh_tls13: bool) -> Exception:
        """What a failure of the transport means.

        With TLS 1.3 the peer judges our certificate after our side of the handshake is done: the refusal shows on the
        first read, and where the reset overtakes the alert it shows as a connection that ended.
        """
        tls = _cause(failure, ssl.SSLError)
        if tls is not None:
            return self._error("peer.tls", context=_tls_words(tls))
        if isinstance(failure, (httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout)):
            return self._error("peer.timeout")
        if answered:
            return self._error("peer.connect", context="the answer was cut short")
        if isinstance(failure, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.DecodingError)):
            return self._error("peer.http", context="the address cannot be called")
        if isinstance(failure, httpx2.RemoteProtocolError) and not _disconnected(failure):
            return self._error("peer.http", context="the answer is not HTTP")
        if isinstance(failure, httpx2.ConnectTimeout):
            return _Unanswered(self._error("peer.timeout", context="no connection in time"))
        hint = "closed right after the TLS handshake, as for a refused client certificate" if fresh_tls13 else ""
        return _Unanswered(self._error("peer.connect", context=hint))

    def _error(self, reason: str, *, context: str = "") -> PeerError:
        return PeerError(Code.CONNECTION_NOT_POSSIBLE, reason, context=context, gateway=self.country)


class PeerClients:
    """The clients of one worker, one per country; a new SSLContext (a new version of the trust) makes a new one."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._clients: dict[CountryCode, tuple[ssl.SSLContext, PeerClient]] = {}

    async def get(self, country: CountryCode, context: ssl.SSLContext) -> PeerClient:
        """The client for calls to ``country`` under ``context``; one under an older context ends with its last call."""
        known = self._clients.get(country)
        if known is not None and known[0] is context:
            return known[1]
        client = PeerClient(country, context, self._limits)
        self._clients[country] = (context, client)
        if known is not None:
            await known[1].retire()
        return client

    async def aclose(self) -> None:
        """Retire every client; calls under way still end."""
        while self._clients:
            _, (_, client) = self._clients.popitem()
            await client.retire()


def _content(chunks: Sequence[bytes]) -> bytes | AsyncIterator[bytes]:
    return chunks[0] if len(chunks) == 1 else _stream(chunks)


async def _stream(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _disconnected(failure: httpx2.RemoteProtocolError) -> bool:
    """A kept-alive connection that the peer closed meanwhile: no byte of an answer was read."""
    return "without sending a response" in str(failure)


_Failure = TypeVar("_Failure", bound=BaseException)


def _cause(failure: BaseException | None, kind: type[_Failure]) -> _Failure | None:
    """The first exception of that kind in the chain of causes."""
    for _ in range(10):
        if failure is None or isinstance(failure, kind):
            return failure
        failure = failure.__cause__ or failure.__context__
    return None


def _tls_words(failure: ssl.SSLError) -> str:
    """OpenSSL's short name of the failure, and for a certificate what was wrong with it; never its content."""
    if isinstance(failure, ssl.SSLCertVerificationError) and failure.verify_message:
        return failure.verify_message[:200]
    return (failure.reason or type(failure).__name__)[:100]
