"""How calls travel: one session with mutual TLS, zeep for the messages, and assertions put in last and untouched.

Knows zeep. A call is sent once: nothing is repeated, because a question to another country is a recorded event.
"""

from __future__ import annotations

import io
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import resources
from types import TracebackType
from typing import Any, Self, cast

import requests
import zeep
from lxml import etree
from requests.adapters import HTTPAdapter
from zeep.exceptions import Fault, TransportError
from zeep.plugins import Plugin

from ncp_client.errors import ConnectionFailed, GatewayError, GatewayTimeout, PortalRefused, error_of
from ncp_client.values import Translation

NS_SOAP = "http://www.w3.org/2003/05/soap-envelope"
NS_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NS_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
NS_OWN = "urn:ncp-gateway:frontend:1"

_assertions: ContextVar[tuple[bytes, ...]] = ContextVar("assertions", default=())
_received: ContextVar[list[etree._Element] | None] = ContextVar("received", default=None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation returned, and what the gateway told beside it."""

    value: Any
    warnings: tuple[str, ...]
    birth_date: str
    translation: Translation | None = None


class _Header(Plugin):
    """Puts ``wsse:Security`` in after everything else, and keeps the header of the answer.

    The assertions are parsed and moved, never written anew: the prefixes they declare stay declared on them, also those
    that only an ``xsi:type`` uses, so their signatures stay valid.
    """

    def egress(self, envelope: Any, http_headers: Any, operation: Any, binding_options: Any) -> Any:
        assertions = _assertions.get()
        if assertions:
            header = envelope.find(f"{{{NS_SOAP}}}Header")
            if header is None:
                header = etree.Element(f"{{{NS_SOAP}}}Header")
                envelope.insert(0, header)
            security = etree.SubElement(header, f"{{{NS_WSSE}}}Security", nsmap={"wsse": NS_WSSE})
            security.set(f"{{{NS_SOAP}}}mustUnderstand", "true")
            for assertion in assertions:
                security.append(parse(assertion))
        return envelope, http_headers

    def ingress(self, envelope: Any, http_headers: Any, operation: Any) -> Any:
        # Before zeep looks at a fault: it cannot read the numeric codes of MyHealth@EU as names.
        fault = envelope.find(f"{{{NS_SOAP}}}Body/{{{NS_SOAP}}}Fault")
        if fault is not None:
            raise _error_of(fault)
        received = _received.get()
        if received is not None:
            received.append(envelope)
        return envelope, http_headers


def parse(data: bytes) -> etree._Element:
    """XML without DTD, entities or network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    root = etree.fromstring(data, parser)
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type declaration is not allowed")
    return root


class _Transport(zeep.Transport):
    """Looks at HTTP before zeep reads an answer: only SOAP is handed on."""

    def post(self, address: str, message: Any, headers: Any) -> requests.Response:
        response: requests.Response = cast(Any, zeep.Transport.post)(self, address, message, headers)
        media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media not in _SOAP_MEDIA:
            kind = PortalRefused if response.status_code in (403, 404) else ConnectionFailed
            raise kind(f"HTTP {response.status_code}")
        return response


class Connection:
    """A session to one gateway. ``timeout`` in seconds bounds the wait for a connection and for each part of an answer.

    Safe to use from several threads. The environment (proxies, other trust stores) is not looked at.
    """

    def __init__(self, *, certificate: str, key: str, trust: str, timeout: float, connections: int) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cert = (certificate, key)
        self._session.verify = trust
        self._session.mount("https://", HTTPAdapter(pool_maxsize=connections, max_retries=0))
        self._transport: Any = cast(Any, _Transport)(session=self._session, timeout=timeout, operation_timeout=timeout)
        self._settings = zeep.Settings(strict=True, xml_huge_tree=True, forbid_dtd=True, forbid_external=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def service(self, wsdl: str, namespace: str, name: str, address: str) -> Service:
        """The operations of a bundled WSDL at an address."""
        text = resources.files("ncp_client").joinpath(f"wsdl/{wsdl}").read_text("utf-8")
        filled = string.Template(text).safe_substitute(namespace=namespace, service=name, location="")
        client: Any = cast(Any, zeep.Client)(
            io.BytesIO(filled.encode()), transport=self._transport, settings=self._settings, plugins=[_Header()]
        )
        binding = next(iter(client.wsdl.bindings))
        return Service(client.create_service(binding, address))


class Service:
    """Calls operations and turns every way they end into a ``Reply`` or a typed error."""

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    def call(self, operation: str, *arguments: Any, assertions: Sequence[bytes] = (), **named: Any) -> Reply:
        """Send one question. Raises ``GatewayError`` kinds, ``ConnectionFailed``, ``GatewayTimeout``,
        ``PortalRefused``."""
        with _bound(tuple(assertions)) as received:
            try:
                value = self._proxy[operation](*arguments, **named)
            except GatewayError as error:
                # Without the frames below, which hold the answer and its connection.
                raise error.with_traceback(None) from None
            except Fault:
                # Only a SOAP 1.1 fault comes this far; no contract of ours has one.
                raise ConnectionFailed("the answer is a fault of SOAP 1.1") from None
            except TransportError as error:
                # Its text quotes the answer.
                raise ConnectionFailed(f"HTTP {error.status_code}") from None
            except requests.Timeout:
                raise GatewayTimeout("no answer in time") from None
            except requests.RequestException as error:
                raise ConnectionFailed(type(error).__name__) from None
            except (zeep.exceptions.XMLParseError, etree.XMLSyntaxError, ValueError) as error:
                raise ConnectionFailed(f"the answer cannot be read: {type(error).__name__}") from None
        exchange = received[-1].find(f"{{{NS_SOAP}}}Header/{{{NS_OWN}}}exchange") if received else None
        if exchange is None:
            return Reply(value, (), "")
        warnings = tuple(each.text or "" for each in exchange.findall(f"{{{NS_OWN}}}warning"))
        translation = exchange.find(f"{{{NS_OWN}}}translation")
        return Reply(
            value,
            warnings,
            exchange.findtext(f"{{{NS_OWN}}}birthDate") or "",
            None if translation is None else _translation(translation),
        )


def _translation(element: etree._Element) -> Translation:
    counts = {
        each.get("state", ""): int(each.text or "0")
        for each in element.findall(f"{{{NS_OWN}}}codes")
        if (each.text or "").isdecimal()
    }
    return Translation(
        element.get("language", ""),
        element.get("status", ""),
        element.get("release", ""),
        counts,
        element.get("code", ""),
    )


@contextmanager
def _bound(assertions: tuple[bytes, ...]) -> Iterator[list[etree._Element]]:
    """Assertions and received envelopes belong to one call of one thread."""
    received: list[etree._Element] = []
    tokens = _assertions.set(assertions), _received.set(received)
    try:
        yield received
    finally:
        _assertions.reset(tokens[0])
        _received.reset(tokens[1])


def _error_of(fault: etree._Element) -> GatewayError:
    """The code stands in the subcode (OpenNCP 8 and 9), in the value (OpenNCP 7), and in our own detail element."""
    subcode = _local(fault.findtext(f"{{{NS_SOAP}}}Code/{{{NS_SOAP}}}Subcode/{{{NS_SOAP}}}Value"))
    value = _local(fault.findtext(f"{{{NS_SOAP}}}Code/{{{NS_SOAP}}}Value"))
    message = fault.findtext(f"{{{NS_SOAP}}}Reason/{{{NS_SOAP}}}Text") or ""
    ours = fault.find(f"{{{NS_SOAP}}}Detail/{{{NS_OWN}}}error")
    told = {name: "" if ours is None else ours.findtext(f"{{{NS_OWN}}}{name}") or "" for name in _TOLD}
    code = subcode or (value if value not in _SOAP_VALUES else "") or told["code"] or "ERROR_GENERIC"
    return error_of(code, message, country=told["country"], reference=told["reference"], context=told["context"])


_SOAP_MEDIA = ("application/soap+xml", "multipart/related", "text/xml")
_TOLD = ("code", "country", "reference", "context")
_SOAP_VALUES = frozenset(("", "Sender", "Receiver", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"))


def _local(name: str | None) -> str:
    return (name or "").strip().rpartition(":")[2]
