"""OpenNCP's token service (WS-Trust): TRC and NOK assertions for portals made for OpenNCP.

``saml_assertions.sts`` reads and writes its messages; this file joins them to the port. Verification of the HCP
assertion and issuing are the port's.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from lxml.etree import _Element

from ncp.frontend import replies
from ncp.frontend.contracts import OWN
from ncp.frontend.port import Accompaniment, Call, NcpB, PortalIdentity, Treatment
from ncp.wire.errors import Code, NcpError, RequestError
from ncp.wire.soap import MESSAGE_ID_MAX
from ncp.wire.times import from_saml, utc_now
from ncp.wire.xml import NS_SAML, NS_SOAP12, NS_WSA, NS_WSSE, XmlLimits, XmlRefused, parse, path, text_of
from saml_assertions import sts

PATHS: Mapping[str, sts.Service] = {
    "/TRC-STS/STSServiceService": "TRC",
    "/TRC-STS/SecurityTokenService": "TRC",
    "/TRC-STS/NextOfKinService": "NOK",
    "/TRC-STS/NextOfKinTokenService": "NOK",
}
"""Paths of OpenNCP 7 and of 8 and 9, and what is issued there."""


def open_envelope(body: bytes, limits: XmlLimits) -> _Element:
    """The request as a tree. Raises ``StsFault`` for bytes that are none."""
    try:
        return parse(body, limits)
    except XmlRefused as refused:
        raise sts.StsFault(refused.reason, sts.BROKEN_ENVELOPE) from None


def issue(root: _Element, service: sts.Service, ncp_b: NcpB, portal: PortalIdentity, reference: str) -> bytes:
    """The answer with a signed assertion. Raises ``NcpError``; ``write_fault`` says it in the service's own words."""
    request = sts.read_request(root, service)
    call = Call(request.security, root, portal, reference)
    if request.next_of_kin is not None:
        asked = Accompaniment(next_of_kin=request.next_of_kin, purpose=request.purpose, patient=request.patient)
        assertion = ncp_b.confirm_next_of_kin(call, asked)
    elif request.patient is not None:
        assertion = ncp_b.confirm_treatment(
            call,
            Treatment(
                patient=request.patient,
                purpose=request.purpose,
                prescription_id=request.prescription_id,
                dispensation_pin=request.dispensation_pin,
            ),
        )
    else:
        raise RequestError(Code.GENERIC, "sts.patient", message=sts.NO_PATIENT)
    conditions = path(parse(assertion), NS_SAML, "Conditions")
    if conditions is None:
        raise RequestError(Code.GENERIC, "sts.conditions")
    return sts.write_response(
        assertion,
        created=from_saml(conditions.get("NotBefore", "")),
        expires=from_saml(conditions.get("NotOnOrAfter", "")),
        message_id=f"urn:uuid:{uuid.uuid4()}",
        relates_to=request.message_id,
    )


def write_fault(error: NcpError, root: _Element | None, reference: str) -> bytes:
    """The fault as OpenNCP's portals know it: ``env:Receiver`` and the fault string of the service as Reason."""
    header = None if root is None else root.find(f"{{{NS_SOAP12}}}Header")
    if not isinstance(error, sts.StsFault):
        assertion = None if header is None else header.find(f"{{{NS_WSSE}}}Security/{{{NS_SAML}}}Assertion")
        error = sts.fault_of(error, assertion, utc_now())
    message_id = "" if header is None else text_of(header.find(f"{{{NS_WSA}}}MessageID"))
    return replies.write_fault(
        error,
        OWN,
        "",
        message_id=f"urn:uuid:{uuid.uuid4()}",
        relates_to=message_id if len(message_id) <= MESSAGE_ID_MAX else "",
        reference=reference,
    )
