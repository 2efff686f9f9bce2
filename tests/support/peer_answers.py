"""Answers as other countries' gateways write them, composed by hand from what is known of each version.

Nothing of our own writers is used. A ``Shape`` is how a version wraps and colours its answers: Axis2 up to OpenNCP 8.1,
CXF from 9 on, Germany's simulator. Sources: konateq/ehealth, tags 5.2.9 to 8.1.1 and master of May 2025;
ncp-docker-dev-AT/eHDSI_ehealth (7.1); gematik/NCPeH-Simulation-API; Axis2 1.8.1 and CXF 3.6.4.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from tests.support.scripted_peer import Question, Step, say

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
DISCOVERY_ANSWER = "urn:hl7-org:v3:PRPA_IN201306UV02:CrossGatewayPatientDiscovery"
QUERY_ANSWER = "urn:ihe:iti:2007:CrossGatewayQueryResponse"
RETRIEVE_ANSWER = "urn:ihe:iti:2007:CrossGatewayRetrieveResponse"
FAULT = "http://www.w3.org/2005/08/addressing/soap/fault"

IHE_REASONS = "1.3.6.1.4.1.19376.1.2.27.3"
EHDSI_REASONS = "1.3.6.1.4.1.12559.11.10.1.3.2.2.1"


@dataclass(frozen=True)
class Shape:
    """``stack``: ``axis2``, ``cxf`` or ``bare`` (no WS-Addressing). ``status``: what queryAck says of a success and of
    "nobody", "" where there is no statusCode. ``issue``: detectedIssueEvent/code."""

    name: str
    stack: str = "axis2"
    success: str = "AE"
    nobody: str = "AE"
    has_status: bool = True
    has_code: bool = True
    issue: str = "ActAdministrativeDetectedIssueCode"
    nobody_text: tuple[str, str] = ("No patient found.", "NF")


OPENNCP_52 = Shape("OpenNCP 5.2", success="OK", nobody="NF", has_status=False, has_code=False)
OPENNCP_70 = Shape(
    "OpenNCP 7.0",
    success="OK",
    nobody="NF",
    nobody_text=(
        "The identification and authentication used in the Country of Treatment (Country B) are not correctly provided "
        "or does not match any existing patient.",
        "No patient found.",
    ),
)
OPENNCP_71 = Shape("OpenNCP 7.1")
OPENNCP_80 = Shape(
    "OpenNCP 8.0",
    nobody_text=("No patient found.", "eu.europa.ec.sante.openncp.XCPDServiceImpl.fill(XCPDServiceImpl.java:412)"),
)
OPENNCP_81 = replace(OPENNCP_80, name="OpenNCP 8.1", issue="_ActAdministrativeDetectedIssueManagementCode")
OPENNCP_9 = replace(OPENNCP_81, name="OpenNCP 9 snapshot", stack="cxf")
DENMARK = replace(OPENNCP_9, name="Denmark")
GERMANY = Shape(
    "Germany",
    stack="bare",
    success="",
    nobody="NF",
    has_status=False,
    nobody_text=("Patient Identification Error", "Zur angegebenen Kennung wurde keine Person gefunden."),
)
SHAPES = (OPENNCP_52, OPENNCP_70, OPENNCP_71, OPENNCP_80, OPENNCP_81, OPENNCP_9, DENMARK, GERMANY)


# --- envelopes -------------------------------------------------------------------------------------------------------


def envelope(body: str | bytes, action: str, relates_to: str, stack: str = "axis2") -> bytes:
    """The answer round a body; ``relates_to`` empty leaves RelatesTo out."""
    content = body.decode() if isinstance(body, bytes) else body
    relates = f"<wsa:RelatesTo>{relates_to}</wsa:RelatesTo>" if relates_to else ""
    message_id = "<wsa:MessageID>urn:uuid:aaaaaaaa-0000-4000-8000-000000000002</wsa:MessageID>"
    if stack == "axis2":
        return (
            f"<?xml version='1.0' encoding='UTF-8'?><soapenv:Envelope xmlns:soapenv=\"{ENV}\">"
            f'<soapenv:Header xmlns:wsa="{WSA}"><wsa:Action>{action}</wsa:Action>{message_id}{relates}</soapenv:Header>'
            f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
        ).encode()
    if stack == "cxf":
        return (
            f'<soap:Envelope xmlns:soap="{ENV}"><soap:Header xmlns:wsa="{WSA}"><wsa:Action>{action}</wsa:Action>'
            f'{message_id}<wsa:To soap:mustUnderstand="true">{WSA}/anonymous</wsa:To>{relates}</soap:Header>'
            f"<soap:Body>{content}</soap:Body></soap:Envelope>"
        ).encode()
    return f'<S:Envelope xmlns:S="{ENV}"><S:Body>{content}</S:Body></S:Envelope>'.encode()


def soap(body: str | bytes, action: str, shape: Shape = OPENNCP_81, *, status: int = 200) -> Step:
    """A plain SOAP answer of a version."""
    types = {
        "axis2": f'application/soap+xml; charset=UTF-8; action="{action}"',
        "cxf": "application/soap+xml;charset=UTF-8",
        "bare": "application/soap+xml",
    }

    def made(question: Question) -> bytes:
        return envelope(body, action, question.message_id, shape.stack)

    return say(made, content_type=types[shape.stack], status=status)


def fault(
    text: str = "java.lang.NullPointerException: at eu.europa.ec.sante.X.y(X.java:12)",
    *,
    value: str = "Receiver",
    subcode: str = "",
    detail: str = "",
    stack: str = "axis2",
    status: int = 500,
) -> Step:
    """A SOAP fault; ``subcode`` as written, ``detail`` the inside of Detail."""
    below = f"<e:Subcode><e:Value>{subcode}</e:Value></e:Subcode>" if subcode else ""
    inside = f"<e:Detail>{detail}</e:Detail>" if detail else ""
    body = (
        f'<e:Fault xmlns:e="{ENV}"><e:Code><e:Value>e:{value}</e:Value>{below}</e:Code>'
        f'<e:Reason><e:Text xml:lang="en">{escape(text)}</e:Text></e:Reason>{inside}</e:Fault>'
    )

    def made(question: Question) -> bytes:
        return envelope(body, FAULT, question.message_id, stack)

    return say(made, status=status)


# --- ITI-55 ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Somebody:
    """A patient as a partner names her. ``root`` None: no root attribute."""

    root: str | None = "2.16.840.1.113883.2.7.2.2"
    extension: str | None = "123456789"
    family: str = "Izmišljena"
    given: tuple[str, ...] = ("Tena",)
    gender: str = "F"
    birth: str = "19700409"
    quality: str = "100"
    city: str = "Izmišljengrad"
    custodian: str = "2.16.17.710.840.1000.990.1"


TENA = Somebody()


def subject(who: Somebody) -> str:
    """One ``controlActProcess/subject`` in the default namespace."""
    root = "" if who.root is None else f" root={quoteattr(who.root)}"
    identifier = "" if who.extension is None else f"<id extension={quoteattr(who.extension)}{root}/>"
    given = "".join(f"<given>{escape(one)}</given>" for one in who.given)
    birth = f'<birthTime value="{who.birth}"/>' if who.birth else ""
    return (
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><id nullFlavor="NA"/>'
        '<statusCode code="active"/><subject1 typeCode="SBJ"><patient classCode="PAT">'
        f'{identifier}<statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE">'
        f"<name><family>{escape(who.family)}</family>{given}</name>"
        f'<administrativeGenderCode code="{who.gender}"/>{birth}'
        f"<addr><city>{escape(who.city)}</city><country>HR</country></addr></patientPerson>"
        '<subjectOf1><queryMatchObservation classCode="OBS" moodCode="EVN"><code code="IHE_PDQ"/>'
        f'<value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" value="{who.quality}" xsi:type="INT"/>'
        "</queryMatchObservation></subjectOf1></patient></subject1>"
        f'<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="{who.custodian}"/>'
        '<code code="NotHealthDataLocator" codeSystem="1.3.6.1.4.1.19376.1.2.27.2"/></assignedEntity></custodian>'
        "</registrationEvent></subject>"
    )


def discovery_body(
    shape: Shape,
    *,
    subjects: str = "",
    acknowledgement: str = "AA",
    code: str = "",
    text: str = "",
    location: str = "",
    reason: str = "",
    system: str = IHE_REASONS,
    place: str = "mitigatedBy",
    response: str = "",
    target: str = '<id extension="5566778899" root="cccccccc-0000-4000-8000-000000000001"/>',
) -> str:
    """PRPA_IN201306UV02 of a version; the parts that nobody reads are left out where Germany leaves them out."""
    said = ""
    if text or code:
        coded = f'<code code="{code}"/>' if code and shape.has_code else ""
        said = (
            f"<acknowledgementDetail>{coded}<text>{escape(text)}</text><location>{escape(location)}</location>"
            "</acknowledgementDetail>"
        )
    why = ""
    if reason:
        inner = "detectedIssueManagement" if place == "mitigatedBy" else "actOrderRequired"
        why = (
            '<reasonOf typeCode="RSON"><detectedIssueEvent classCode="ALRT" moodCode="EVN">'
            f'<code code="{shape.issue}" codeSystem="2.16.840.1.113883.5.4"/><{place}><{inner}>'
            f'<code code="{reason}" codeSystem="{system}"/></{inner}></{place}></detectedIssueEvent></reasonOf>'
        )
    status = f'<statusCode code="{response}"/>' if shape.has_status else ""
    answered = f'<queryResponseCode code="{response}"/>' if response else ""
    device = (
        '<{0} typeCode="{1}"><device classCode="DEV" determinerCode="INSTANCE"><id root="{2}"/></device></{0}>'.format
    )
    ends = "" if shape.stack == "bare" else device("receiver", "RCV", "2.16.17.710.790.1000.990.1")
    ends += "" if shape.stack == "bare" else device("sender", "SND", "2.16.17.710.840.1000.990.1")
    return (
        '<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">'
        '<id extension="1020304002" root="bbbbbbbb-0000-4000-8000-000000000002"/>'
        '<creationTime value="20250314091530.611+0000"/>'
        '<interactionId extension="PRPA_IN201306UV02" root="2.16.840.1.113883.1.6"/>'
        f'{ends}<acknowledgement><typeCode code="{acknowledgement}"/><targetMessage>{target}</targetMessage>{said}'
        '</acknowledgement><controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE201306UV02"/>'
        f'{subjects}{why}<queryAck>{status}<queryId root="1.263507841149"/>{answered}</queryAck>'
        "</controlActProcess></PRPA_IN201306UV02>"
    )


def found(*persons: Somebody, shape: Shape = OPENNCP_81) -> Step:
    """The persons, as this version tells of them."""
    body = discovery_body(shape, subjects="".join(map(subject, persons)), response=shape.success)
    return soap(body, DISCOVERY_ANSWER, shape)


def nobody(shape: Shape = OPENNCP_81) -> Step:
    """ "No match" as this version says it."""
    text, location = shape.nobody_text
    body = discovery_body(
        shape,
        code="ERROR_PI_NO_MATCH",
        text=text,
        location=location,
        reason="AnswerNotAvailable",
        response=shape.nobody,
    )
    return soap(body, DISCOVERY_ANSWER, shape)


def refused(reason: str, code: str, *, text: str = "told", location: str = "x.y.Z(Z.java:1)", **more: str) -> Step:
    """An answer without a person, ``acknowledgement`` AE unless told otherwise."""
    values = {"acknowledgement": "AE", "response": "AE", "system": EHDSI_REASONS} | more
    body = discovery_body(OPENNCP_81, code=code, text=text, location=location, reason=reason, **values)
    return soap(body, DISCOVERY_ANSWER, OPENNCP_81)


# --- ITI-39 ----------------------------------------------------------------------------------------------------------


def lines_of(data: bytes) -> str:
    """Base64 with line breaks and blanks, as Germany writes it."""
    text = base64.b64encode(data).decode()
    return "\n" + "".join(f"      {text[at : at + 60]}\r\n" for at in range(0, len(text), 60)) + "    "


def axis2_multipart(
    body: bytes, attachments: Sequence[tuple[str, bytes]], *, note: Callable[[bytes], bytes] = lambda data: data
) -> Step:
    """An MTOM answer as Axis2 writes it, also for one part: CRLF, upper-case MIMEBoundary, text/xml attachments."""
    boundary = "MIMEBoundary_6f0e2d1c8a1e4b5a9c7d"
    content_type = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<0.6f0e2d1c@apache.org>"; '
        f'start-info="application/soap+xml"; action="{RETRIEVE_ANSWER}"'
    )

    def made(question: Question) -> bytes:
        root = envelope(body, RETRIEVE_ANSWER, question.message_id)
        head = 'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"'
        parts = [(head, "0.6f0e2d1c@apache.org", root)]
        parts += [("Content-Type: text/xml;charset=UTF-8", name, data) for name, data in attachments]
        return note(_multipart(boundary, parts))

    return say(made, content_type=content_type)


def cxf_multipart(body: bytes, attachments: Sequence[tuple[str, bytes]]) -> Step:
    """An MTOM answer as CXF writes it: uuid boundary, a preamble line break, the action escaped in start-info."""
    boundary = "uuid:0b6f2a4e-6a3c-4f0e-9b3e-1d5c7a9e2f10"
    content_type = (
        f'multipart/related; type="application/xop+xml"; boundary="{boundary}"; '
        'start="<root.message@cxf.apache.org>"; '
        f'start-info="application/soap+xml; action=\\"{RETRIEVE_ANSWER}\\""'
    )

    def made(question: Question) -> bytes:
        root = envelope(body, RETRIEVE_ANSWER, question.message_id, "cxf")
        head = (
            f'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml; action={RETRIEVE_ANSWER}"'
        )
        parts = [(head, "root.message@cxf.apache.org", root)]
        parts += [("Content-Type: application/octet-stream", name, data) for name, data in attachments]
        return b"\r\n" + _multipart(boundary, parts)

    return say(made, content_type=content_type)


def _multipart(boundary: str, parts: Sequence[tuple[str, str, bytes]]) -> bytes:
    written = b""
    for head, content_id, data in parts:
        written += (
            f"--{boundary}\r\n{head}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n"
        ).encode()
        written += data + b"\r\n"
    return written + f"--{boundary}--\r\n".encode()


def included(content_id: str) -> str:
    """The inside of Document for an attachment; the blank space round it is as peers write it."""
    return f'\n<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{content_id}"/>\n'
