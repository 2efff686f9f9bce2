"""The other end of the wire: bare TLS and HTTP of a peer gateway, and its own reading of our answers.

Reads with lxml and the standard library, never with our readers. Every SOAP answer is checked on arrival: one header
with Action, MessageID and RelatesTo, its body valid against the official schema where that is beside the project, and
nothing in it that tells of the inside of the program.
"""

from __future__ import annotations

import base64
import email
import email.policy
import functools
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from tests.shared import _ROOT
from tests.support.peer_messages import DISCOVERY, QUERY, RETRIEVE, SOAP, WSA, soap_type
from tests.support.server import read_answer

XCPD_PATH = "/openncp-ws-server/services/XCPD_Service"
XCA_PATH = "/openncp-ws-server/services/XCA_Service"

H = "{urn:hl7-org:v3}"
RS = "{urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0}"
RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
XDSB = "{urn:ihe:iti:xds-b:2007}"
XOP = "{http://www.w3.org/2004/08/xop/include}"

_RESPONSE_ACTIONS = {
    f"{H}PRPA_IN201306UV02": "urn:hl7-org:v3:PRPA_IN201306UV02:CrossGatewayPatientDiscovery",
    "{urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0}AdhocQueryResponse": "urn:ihe:iti:2007:CrossGatewayQueryResponse",
    f"{XDSB}RetrieveDocumentSetResponse": "urn:ihe:iti:2007:CrossGatewayRetrieveResponse",
}
_FAULT_ACTIONS = (f"{WSA}/soap/fault", f"{WSA}/fault")
_INSIDE = re.compile(
    r"Traceback|\.py\b|lxml|cryptography|sqlite|lmdb|saml_assertions|trust_store|\b(?!InternalError\b)[A-Za-z]+(?:Error|Exception)\b|"
    r"\bsig\.[a-z]|\bcert\.[a-z]|\btrc\.[a-z]|\bat 0x"
)
"""What would tell a peer how we are built or why exactly a security check refused it."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. ``root`` and what follows exist for SOAP answers only."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_multipart(self) -> bool:
        return self.headers.get("content-type", "").lower().startswith("multipart/related")

    @functools.cached_property
    def parts(self) -> dict[str, bytes]:
        """Content-ID to bytes, of a multipart answer; read by the standard library."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        assert message.is_multipart(), "the boundary of the Content-Type does not part the body"
        found = {}
        for part in message.iter_parts():  # type: ignore[attr-defined]
            assert part["Content-Transfer-Encoding"] == "binary"
            found[str(part["Content-ID"]).strip("<>")] = part.get_payload(decode=True)
        return found

    @functools.cached_property
    def root(self) -> etree._Element:
        if not self.is_multipart:
            return etree.fromstring(self.body)
        start = re.search(r'start="<([^">]+)>"', self.headers["content-type"])
        assert start is not None
        return etree.fromstring(self.parts[start.group(1)])

    @property
    def content(self) -> etree._Element:
        """The child of the Body."""
        (body,) = self.root.findall(f"{{{SOAP}}}Body")
        (content,) = body
        return content

    @property
    def is_fault(self) -> bool:
        return self.content.tag == f"{{{SOAP}}}Fault"

    @property
    def fault(self) -> tuple[str, ...]:
        """Code and subcodes of a fault, local names."""
        assert self.is_fault, self.content.tag
        return tuple(
            (value.text or "").rpartition(":")[2] for value in self.content.iterfind(f"{{{SOAP}}}Code//{{{SOAP}}}Value")
        )

    def header(self, name: str) -> str | None:
        found = self.root.findall(f"{{{SOAP}}}Header/{{{WSA}}}{name}")
        assert len(found) <= 1
        return found[0].text if found else None

    # ITI-55

    @property
    def refusal(self) -> tuple[str, str, str, str, str]:
        """Reason, place, code, acknowledgement, queryResponse of an answer without a person."""
        assert self.persons == []
        act = self._one(f"{H}controlActProcess")
        events = act.findall(f"{H}reasonOf/{H}detectedIssueEvent")
        assert len(events) == 1
        (place,) = [child for child in events[0] if child.tag in (f"{H}mitigatedBy", f"{H}triggerFor")]
        (reason,) = place.iter(f"{H}code")
        detail = self._one(f"{H}acknowledgement/{H}acknowledgementDetail")
        code = detail.find(f"{H}code").get("code")
        assert (detail.findtext(f"{H}text") or "").strip() and (detail.findtext(f"{H}location") or "").strip()
        assert detail.get("typeCode") == ("W" if code.startswith("WARNING_") else "E")
        return (reason.get("code"), etree.QName(place).localname, code, *self.acknowledged)

    @property
    def acknowledged(self) -> tuple[str, str]:
        """``acknowledgement/typeCode`` and ``queryResponseCode``."""
        return (
            self._one(f"{H}acknowledgement/{H}typeCode").get("code", ""),
            self._one(f"{H}controlActProcess/{H}queryAck/{H}queryResponseCode").get("code", ""),
        )

    @property
    def persons(self) -> list[etree._Element]:
        return self.content.findall(f"{H}controlActProcess/{H}subject//{H}patient")

    # ITI-38 and ITI-39

    @property
    def xds_status(self) -> str:
        """Success, Failure, PartialSuccess."""
        response = self.content.find(f"{RS}RegistryResponse")
        return (self.content if response is None else response).get("status", "").rpartition(":")[2]

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(code, ``E`` or ``W``) of every RegistryError; each has a context and names our home community."""
        found = []
        for error in self.content.iter(f"{RS}RegistryError"):
            assert error.get("codeContext"), "an error without a text"
            assert re.fullmatch(r"urn:oid:[0-9.]+", error.get("location", ""))
            assert not (error.text or "").strip()
            found.append((error.get("errorCode", ""), error.get("severity", "").rpartition(":")[2][:1]))
        return found

    @property
    def entries(self) -> list[str]:
        """Unique ids of the listed documents."""
        scheme = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
        return [
            identifier.get("value", "")
            for identifier in self.content.iter(f"{RIM}ExternalIdentifier")
            if identifier.get("identificationScheme") == scheme
        ]

    @property
    def documents(self) -> dict[str, bytes]:
        """Unique id to bytes of every document, inline or attached."""
        found = {}
        for response in self.content.findall(f"{XDSB}DocumentResponse"):
            document = response.find(f"{XDSB}Document")
            include = document.find(f"{XOP}Include")
            if include is None:
                content = base64.b64decode(document.text, validate=True)
            else:
                content = self.parts[include.get("href").removeprefix("cid:").replace("%40", "@")]
            found[response.findtext(f"{XDSB}DocumentUniqueId")] = content
        return found

    def _one(self, path: str) -> etree._Element:
        (found,) = self.content.findall(path)
        return found

    def without_echo(self) -> bytes:
        """The answer without what it repeats of the question, as the profile wants it to."""
        root = etree.fromstring(etree.tostring(self.root))
        for echo in list(root.iter(f"{H}queryByParameter")):
            echo.getparent().remove(echo)
        return etree.tostring(root, encoding="UTF-8")


def check(answer: Answer, *, related_to: str | None) -> Answer:
    """What holds for every SOAP answer, good or bad. ``related_to`` None: the request had no MessageID."""
    header = answer.root.find(f"{{{SOAP}}}Header")
    assert header is not None
    id_ = answer.header("MessageID")
    assert id_ is not None and re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", id_)
    assert answer.header("RelatesTo") == related_to
    if answer.is_fault:
        assert answer.header("Action") in _FAULT_ACTIONS
        assert answer.status == (400 if answer.fault[0] == "Sender" else 500) or answer.status in (413, 415)
    else:
        assert answer.status == 200
        assert answer.header("Action") == _RESPONSE_ACTIONS[str(answer.content.tag)]
    assert not (answer.status != 200 and answer.is_multipart)
    told = _INSIDE.search(etree.tostring(answer.root, method="text", encoding="unicode") + " ".join(_values(answer)))
    assert told is None, told.group()
    for problem in schema_problems(answer):
        raise AssertionError(problem)
    return answer


def _values(answer: Answer) -> Iterable[str]:
    for element in answer.root.iter("*"):
        if element.tag != f"{H}queryByParameter":
            yield from (str(value) for value in element.attrib.values())


@functools.cache
def schema(path: str) -> etree.XMLSchema | None:
    """None where other people's schemas are not beside the project; one test says so."""
    found: Path = _ROOT / "schemas" / path
    return etree.XMLSchema(etree.parse(found)) if found.exists() else None


def schema_problems(answer: Answer) -> list[str]:
    if answer.is_fault:
        return []
    path = "hl7v3/PRPA_IN201306UV02.xsd" if str(answer.content.tag).startswith(H) else "ihe/ehdsi-messages.xsd"
    validator = schema(path)
    if validator is None:
        return []
    body = etree.fromstring(etree.tostring(answer.content))
    for include in list(body.iter(f"{XOP}Include")):
        document = include.getparent()
        document.remove(include)
        document.text = "JVBERi0="
    validator.validate(body)
    return [f"{entry.line}: {entry.message}" for entry in validator.error_log]


@dataclass
class PeerLine:
    """A peer's way to one gateway: address and TLS of the peer. A connection per request unless told otherwise."""

    address: tuple[str, int]
    tls: ssl.SSLContext
    host: str = "localhost"
    timeout: float = 20.0
    extra: dict[str, str] = field(default_factory=dict)

    def connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection(self.address, timeout=self.timeout)
        try:
            return self.tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        with self.connect() as connection:
            connection.sendall(head(path, {"Content-Length": str(len(body)), **headers}) + body)
            return Answer(*read_answer(connection))

    def ask(self, action: str, request: bytes, *, content_type: str | None = None, **headers: str) -> Answer:
        """One request in the usual HTTP form, its answer checked."""
        path = XCPD_PATH if action == DISCOVERY else XCA_PATH
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.post(path, request, {"Content-Type": content_type or soap_type(action), **more})
        return check(answer, related_to=related(request))


def related(request: bytes) -> str | None:
    """The MessageID a request carries, found as text: the request may be anything but XML."""
    found = re.search(rb"<(?:\w+:)?MessageID[^>]*>([^<]*)</", request)
    return found.group(1).decode() if found and found.group(1) else None


def head(path: str, headers: Mapping[str, Any], *, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: ncp-a.example.hr", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


__all__ = ["DISCOVERY", "QUERY", "RETRIEVE", "Answer", "PeerLine", "check", "head", "schema"]
