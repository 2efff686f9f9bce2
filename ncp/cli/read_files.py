"""What the gateway understands of a file: a message, an assertion, a search mask, a document. Reads, never trusts.

Tells the kind from the bytes. Uses the gateway's own readers, so what it shows and what it refuses is what the gateway
sees. Shows patient data: it is for a person who has the file anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from lxml.etree import _Element

from ncp.wire import mtom, soap
from ncp.wire.errors import NcpError
from ncp.wire.ids import CountryCode, country_code
from ncp.wire.xml import (
    NS_HL7,
    NS_SAML,
    NS_SOAP11,
    NS_SOAP12,
    NS_WSA,
    NS_WSSE,
    XmlRefused,
    child,
    children,
    local_name,
    parse,
    text_of,
)
from saml_assertions import header, signature, sts, verify
from saml_assertions.claims import Kind, VerifiedAssertion
from saml_assertions.rules import Trust, VerificationRules
from xca.delivered import DOCUMENT_LIMITS, level, pdf_of
from xca.facts import NS_QUERY, NS_XDSB, QUERY_BODY, RETRIEVE_BODY
from xca.query import read_query, read_query_response
from xca.retrieve import read_retrieve, read_retrieve_response
from xcpd import facts as xcpd_facts
from xcpd.masks import MaskRefused, read_mask
from xcpd.read import read_discovery, read_discovery_response

Attachments = Mapping[str, bytes | memoryview]
_Reader = Callable[[_Element, Attachments], object]

_BODIES: dict[str, tuple[str, _Reader]] = {
    xcpd_facts.BODY: ("ITI-55 request", lambda body, _: read_discovery(body)),
    xcpd_facts.RESPONSE_BODY: ("ITI-55 response", lambda body, _: read_discovery_response(body)),
    QUERY_BODY: ("ITI-38 request", lambda body, _: read_query(body, home=None)),
    f"{{{NS_QUERY}}}AdhocQueryResponse": ("ITI-38 response", lambda body, _: read_query_response(body)),
    RETRIEVE_BODY: ("ITI-39 request", lambda body, _: read_retrieve(body, home=None)),
    f"{{{NS_XDSB}}}RetrieveDocumentSetResponse": ("ITI-39 response", read_retrieve_response),
}
_REQUESTS = {xcpd_facts.BODY, QUERY_BODY, RETRIEVE_BODY}
_NEEDS_TREATMENT = {QUERY_BODY, RETRIEVE_BODY}
_CLIENT_CONNECTOR = (
    "http://clientconnector.protocolterminator.openncp.epsos/",
    "http://api.client.core.openncp.sante.ec.europa.eu",
)
_MASKS = {"searchFields", "patientSearch", "SignedServiceMetadata", "ServiceMetadata"}
_HTTP_LINE = re.compile(rb"(?:POST|PUT|HTTP/1\.[01]|HTTP/2) [^\r\n]*\r?\n")
_HEADERS = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+\r?\n")
_CONTENT_TYPE = re.compile(r"content-type:[ \t]*(.*?)\r?$", re.IGNORECASE | re.MULTILINE)
_FILE_OF_COUNTRY = re.compile(r"([A-Za-z]{2})(?![A-Za-z])")
_BOUNDARY = re.compile(rb"\r?\n?--([^\r\n]{1,70}?)[ \t]*\r?\n")


class NotUnderstood(Exception):
    """The bytes are of no kind that is known here."""


@dataclass(frozen=True, slots=True)
class Judging:
    """How assertions are judged: not at all without ``trust``."""

    trust: Trust | None
    at: datetime


def understand(data: bytes, name: str, judging: Judging) -> dict[str, Any]:
    """``kind`` and everything read. Raises ``NcpError``, ``XmlRefused``, ``MaskRefused`` or ``NotUnderstood``."""
    packed = _unpacked(data)
    if packed is not None:
        found = _xml(packed.root, name, packed.attachments, judging)
        sizes = {content_id: len(part) for content_id, part in packed.attachments.items()}
        return {"packing": "multipart", "action": packed.action, "attachments": sizes, **found}
    if data.lstrip()[:5] == b"%PDF-":
        return {"kind": "PDF", "size": len(data)}
    return _xml(data, name, {}, judging)


def _unpacked(data: bytes) -> mtom.Message | None:
    """A multipart message: with its HTTP or MIME headers in front, or from its first boundary on."""
    line = _HTTP_LINE.match(data)
    start = line.end() if line else 0
    headers = _HEADERS.match(data, start)
    if headers is not None:
        unfolded = re.sub(r"\r?\n[ \t]+", " ", headers.group().decode("latin-1"))
        stated = _CONTENT_TYPE.search(unfolded)
        if stated is None:
            return None
        message = mtom.read_message(stated.group(1), data[headers.end() :])
        return message if message.is_multipart else mtom.Message(message.root, message.action, {}, False)
    boundary = _BOUNDARY.match(data)
    if boundary is None:
        return None
    marker = boundary.group(1).decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    return mtom.read_message(f'multipart/related; boundary="{marker}"', data)


def _xml(data: bytes, name: str, attachments: Attachments, judging: Judging) -> dict[str, Any]:
    root = parse(data, DOCUMENT_LIMITS)
    tag = root.tag
    if tag in (f"{{{NS_SOAP12}}}Envelope", f"{{{NS_SOAP11}}}Envelope"):
        return _envelope(root, attachments, judging)
    if tag in _BODIES:
        kind, read = _BODIES[tag]
        return {"kind": kind, "message": read(root, attachments)}
    if tag == f"{{{NS_SAML}}}Assertion":
        return {"kind": "assertion", "assertion": _assertion(root, judging)}
    if tag == f"{{{NS_HL7}}}ClinicalDocument":
        return _document(data)
    if local_name(root) in _MASKS:
        return _mask(data, root, name)
    if tag == f"{{{NS_SOAP12}}}Header":
        return _header(root, judging)
    if _is_client_connector(root):
        return {"kind": f"client connector {local_name(root)}", "message": _values(root)}
    raise NotUnderstood(f"XML with the root element {local_name(root)}")


def _header(root: _Element, judging: Judging) -> dict[str, Any]:
    """A SOAP header alone, as gateways keep it and national systems get it."""
    security = tuple(root.iterchildren(f"{{{NS_WSSE}}}Security"))
    inside = [one for block in security for one in block.iterchildren(f"{{{NS_SAML}}}Assertion")]
    treatment = any(header.kind_of(one) is Kind.TRC for one in inside)
    return {"kind": "SOAP header", "assertions": _caller(security, root, treatment, judging)}


def _is_client_connector(root: _Element) -> bool:
    return str(root.tag).startswith(tuple(f"{{{namespace}}}" for namespace in _CLIENT_CONNECTOR))


def _values(element: _Element) -> object:
    """Local names and texts, nested; a name that stands several times becomes a list."""
    inside = list(children(element))
    if not inside:
        return text_of(element)
    found: dict[str, Any] = {}
    for one in inside:
        found.setdefault(local_name(one), []).append(_values(one))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _token_request(root: _Element) -> dict[str, Any]:
    next_of_kin = next(root.iter(f"{{{sts.NS_NOK}}}NoKParameters"), None) is not None
    service: sts.Service = "NOK" if next_of_kin else "TRC"
    return {"kind": f"token request {service}", "message": sts.read_request(root, service)}


def _envelope(root: _Element, attachments: Attachments, judging: Judging) -> dict[str, Any]:
    body_tag = _first_in_body(root)
    if body_tag == f"{{{sts.NS_WST}}}RequestSecurityToken":
        return _token_request(root)
    if body_tag in _REQUESTS:
        envelope = soap.read_request(root)
    else:
        related = root.find(f"*/{{{NS_WSA}}}RelatesTo")
        try:
            envelope = soap.read_response(root, message_id=text_of(related))
        except soap.PeerFault as fault:
            said = {"kind": fault.kind, "subcode": fault.subcode, "text": fault.text, "code": fault.code}
            return {"kind": "SOAP fault", "fault": said}
    kind, read = _BODIES.get(str(envelope.body.tag), ("", None))
    if read is None:
        raise NotUnderstood(f"a SOAP message with the body {local_name(envelope.body)}")
    addressing = {
        "action": envelope.action,
        "message_id": envelope.message_id,
        "relates_to": envelope.relates_to,
        "to": envelope.to,
        "notes": envelope.notes,
    }
    found: dict[str, Any] = {"kind": kind, "addressing": {name: value for name, value in addressing.items() if value}}
    if envelope.security:
        treatment = envelope.body.tag in _NEEDS_TREATMENT
        found["assertions"] = _caller(envelope.security, envelope.root, treatment, judging)
    found["message"] = read(envelope.body, attachments)
    return found


def _first_in_body(root: _Element) -> str:
    for namespace in (NS_SOAP12, NS_SOAP11):
        body = child(root, f"{{{namespace}}}Body")
        first = body.find("*") if body is not None else None
        if first is not None:
            return str(first.tag)
    return ""


def _caller(security: Sequence[_Element], root: _Element, needs_treatment: bool, judging: Judging) -> object:
    """The assertions of a message: judged all together with a trust store, else each described."""
    if judging.trust is None:
        return [_described(one) for block in security for one in block.iterfind(f"{{{NS_SAML}}}Assertion")]
    caller = verify.verify(
        security,
        root,
        needs_treatment=needs_treatment,
        trust=judging.trust,
        peer=None,
        rules=VerificationRules(),
        at=judging.at,
    )
    return {
        "is_verified": True,
        "country": caller.country,
        "signer": _named(caller.hcp_signer.certificate),
        "hcp": caller.hcp,
        "trc": caller.trc,
        "nok": caller.nok,
        "warnings": caller.warnings,
    }


def _assertion(element: _Element, judging: Judging) -> object:
    if judging.trust is None:
        return _described(element)
    judged: VerifiedAssertion = verify.verify_assertion(
        element, trust=judging.trust, rules=VerificationRules(), at=judging.at
    )
    return {
        "is_verified": True,
        "kind": header.kind_of(element).name,
        "country": judged.signer.country,
        "signer": _named(judged.signer.certificate),
        "revocation": judged.signer.revocation,
        "claims": judged.claims,
        "warnings": judged.warnings,
    }


def _described(element: _Element) -> dict[str, Any]:
    """An assertion as it stands: what it calls itself, and the certificate that came with it. Nothing is verified."""
    conditions = child(element, f"{{{NS_SAML}}}Conditions")
    described: dict[str, Any] = {
        "is_verified": False,
        "kind": header.kind_of(element).name,
        "id": element.get("ID", ""),
        "issuer": text_of(child(element, f"{{{NS_SAML}}}Issuer")),
        "issued": element.get("IssueInstant", ""),
        "not_before": "" if conditions is None else conditions.get("NotBefore", ""),
        "not_on_or_after": "" if conditions is None else conditions.get("NotOnOrAfter", ""),
    }
    parts = signature.check_structure(element, VerificationRules().signature)
    try:
        described["signer"] = _named(x509.load_der_x509_certificate(signature.certificate_der(parts)))
    except ValueError:
        described["signer"] = "not a certificate"
    return described


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _document(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "CDA", "level": level(data), "size": len(data)}
    if found["level"] == "L1":
        pdf = pdf_of(data)
        found["pdf_size"] = len(pdf) if pdf is not None else 0
    return found


def _mask(data: bytes, root: _Element, name: str) -> dict[str, Any]:
    mask = read_mask(data, _country_of_mask(root, name))
    return {"kind": "search mask", "mask": mask}


def _country_of_mask(root: _Element, name: str) -> CountryCode:
    """The country a mask says it is of; else two letters at the start of the file's name."""
    inside = [root, *root.iter()]
    codes = [element.get("code", "") for element in inside if local_name(element) == "country"]
    named = _FILE_OF_COUNTRY.match(name)
    for candidate in (*codes, *named.groups()) if named else codes:
        try:
            return country_code(candidate)
        except ValueError:
            continue
    raise NotUnderstood("a search mask without a country: name the file after it, for example HR.xml")


def refusal(error: Exception) -> dict[str, str]:
    """What the gateway would say of the bytes: a declared code where there is one, always a reason."""
    match error:
        case NcpError():
            said = {"code": error.code, "reason": error.reason, "message": error.message, "context": error.context}
            return {name: value for name, value in said.items() if value}
        case XmlRefused() | MaskRefused():
            return {"reason": error.reason}
        case _:
            return {"reason": "kind.unknown", "message": str(error)}
