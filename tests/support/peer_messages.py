"""What another country's gateway sends to NCP-A, written here by hand: assertions, envelopes, questions.

Templates only, from ITI TF-2 3.38, 3.39, 3.55 and the published samples of peers; nothing of it comes from our writers,
so that what our readers take is not only what our writers write. ``tests.support.assertions`` gives the assertions.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from tests.support import assertions
from tests.support.assertions import HCP_ID, NOK_ID, SUBJECT_ID, TRC_ID, Seal, attribute

DISCOVERY = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
QUERY = "urn:ihe:iti:2007:CrossGatewayQuery"
RETRIEVE = "urn:ihe:iti:2007:CrossGatewayRetrieve"

HR, FR = "2.16.17.710.840.1000.990.1", "2.16.17.710.790.1000.990.1"
MBO = "2.16.840.1.113883.2.7.2.2"
PS, EP, LABORATORY, DISCHARGE = "60591-5", "57833-6", "11502-2", "34105-7"

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


# --- assertions ------------------------------------------------------------------------------------------------------


def instant(at: datetime) -> str:
    """As SAML writes a time: UTC, milliseconds, ``Z``."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class LogIn:
    """One log-in of a professional: texts of her assertions, which share their references, and the seal that signs.

    ``hcp``, ``trc`` and ``nok`` are unsigned text to be changed with ``str.replace``; ``sign`` seals what it is given.
    Times are those of the clock: the HCP assertion began ten minutes ago, TRC and NOK five.
    """

    seal: Seal
    country: str = "FR"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    serial: str = field(default_factory=lambda: uuid.uuid4().hex)

    def hcp(self, **attributes: str) -> str:
        return self._stamped(assertions.unsigned_hcp(self.country, **attributes))

    def trc(self, patient: tuple[str, str], /, **changes: str) -> str:
        """``patient`` is (root, extension)."""
        value = escape(f"{patient[1]}^^^&{patient[0]}&ISO")
        return self._stamped(
            assertions.unsigned_trc(self.country, **{"patient": attribute(SUBJECT_ID, value), **changes})
        )

    def nok(self, patient: tuple[str, str], /, **changes: str) -> str:
        value = escape(f"{patient[1]}^^^&{patient[0]}&ISO")
        return self._stamped(
            assertions.unsigned_nok(self.country, **{"patient": attribute(SUBJECT_ID, value), **changes})
        )

    def sign(self, text: str) -> bytes:
        return assertions.seal(text, self.seal)

    def professional(self, **attributes: str) -> tuple[bytes, ...]:
        """What ITI-55 carries."""
        return (self.sign(self.hcp(**attributes)),)

    def treating(self, patient: tuple[str, str], **attributes: str) -> tuple[bytes, ...]:
        """What ITI-38 and ITI-39 carry."""
        return (self.sign(self.hcp(**attributes)), self.sign(self.trc(patient)))

    def _stamped(self, text: str) -> str:
        begun, confirmed = self.at - timedelta(minutes=10), self.at - timedelta(minutes=5)
        times = {
            "2026-03-02T08:00:00.000Z": begun,
            "2026-03-02T12:00:00.000Z": begun + timedelta(hours=4),
            "2026-03-02T08:05:00.000Z": confirmed,
            "2026-03-02T10:05:00.000Z": confirmed + timedelta(hours=2),
        }
        for written, time in times.items():
            text = text.replace(written, instant(time))
        for constant, letter in ((HCP_ID, "h"), (TRC_ID, "t"), (NOK_ID, "n")):
            text = text.replace(constant, self.id_of(letter))
        return text

    def id_of(self, letter: str) -> str:
        """The ID of the ``h``, ``t`` or ``n`` assertion."""
        return f"_{letter}{self.serial}"


# --- envelopes -------------------------------------------------------------------------------------------------------


def message_id() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def security(*inside: bytes, attributes: str = "") -> bytes:
    return f'<wsse:Security xmlns:wsse="{WSSE}"{attributes}>'.encode() + b"".join(inside) + b"</wsse:Security>"


def addressing(action: str, id_: str, *, to: str = "https://ncp-a.example.hr/services") -> bytes:
    """The blocks as OpenNCP up to 8.1 sends them."""
    return (
        f'<wsa:To xmlns:wsa="{WSA}" env:mustUnderstand="1">{to}</wsa:To>'
        f'<wsa:Action xmlns:wsa="{WSA}" env:mustUnderstand="1">{action}</wsa:Action>'
        f'<wsa:MessageID xmlns:wsa="{WSA}">{escape(id_)}</wsa:MessageID>'
        f'<wsa:ReplyTo xmlns:wsa="{WSA}"><wsa:Address>{WSA}/anonymous</wsa:Address></wsa:ReplyTo>'
    ).encode()


def envelope(body: bytes, *header: bytes) -> bytes:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><env:Envelope xmlns:env=\"{SOAP}\"><env:Header>".encode()
        + b"".join(header)
        + b"</env:Header><env:Body>"
        + body
        + b"</env:Body></env:Envelope>"
    )


def message(action: str, body: bytes, *assertions_: bytes, id_: str | None = None) -> bytes:
    """A whole request with addressing; ``id_`` is the MessageID, a fresh one when not given."""
    return envelope(body, addressing(action, id_ or message_id()), security(*assertions_))


# --- ITI-55 ----------------------------------------------------------------------------------------------------------


def trait(name: str, value: str, semantics: str = "") -> str:
    """One parameter; ``value`` is the inside of the ``value`` element's tag or the whole element."""
    whole = value if value.startswith("<value") else f"<value {value}/>"
    return f"<{name}>{whole}<semanticsText>{semantics}</semanticsText></{name}>"


def identifier(root: str, extension: str) -> str:
    return trait("livingSubjectId", f"root={quoteattr(root)} extension={quoteattr(extension)}", "LivingSubject.id")


def _name(written: str) -> str:
    return written[1 : written.index(">")]


COUNTRY_TRAIT = trait("patientAddress", "<value><country>HR</country></value>", "Patient.addr")


def discovery(*traits: str, receiver: str = HR, sender: str = FR, query_id: str = "") -> bytes:
    """PRPA_IN201305UV02 as OpenNCP from 5.2.5 sends it; traits in the order of the schema, by name."""

    def device(role: str, code: str, oid: str) -> str:
        return (
            f'<{role} typeCode="{code}"><device classCode="DEV" determinerCode="INSTANCE"><id root="{oid}"/>'
            '<asAgent classCode="AGNT"><representedOrganization classCode="ORG" determinerCode="INSTANCE">'
            f'<id root="{oid}"/></representedOrganization></asAgent></device></{role}>'
        )

    return (
        '<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">'
        f'<id root="{uuid.uuid4()}" extension="4821930567"/><creationTime value="20260314091530.204+0000"/>'
        '<versionCode code="V3PR1"/>'
        '<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201305UV02"/>'
        '<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="AL"/>'
        + device("receiver", "RCV", receiver)
        + device("sender", "SND", sender)
        + '<controlActProcess classCode="CACT" moodCode="EVN">'
        '<code code="PRPA_TE201305UV02" codeSystemName="2.16.840.1.113883.1.6"/>'
        '<authorOrPerformer typeCode="AUT"><assignedPerson classCode="ASSIGNED"/></authorOrPerformer>'
        f'<queryByParameter><queryId root="{query_id or uuid.uuid4()}"/><statusCode code="new"/>'
        '<responseModalityCode code="R"/><responsePriorityCode code="I"/><matchCriterionList/>'
        f"<parameterList>{''.join(sorted(traits, key=_name))}</parameterList></queryByParameter></controlActProcess>"
        "</PRPA_IN201305UV02>"
    ).encode()


# --- ITI-38 ----------------------------------------------------------------------------------------------------------


def slot(name: str, *values: str) -> str:
    written = "".join(f"<rim:Value>{escape(value)}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{written}</rim:ValueList></rim:Slot>'


PATIENT_SLOT, CLASS_SLOT = "$XDSDocumentEntryPatientId", "$XDSDocumentEntryClassCode"
STATUS_SLOT = slot("$XDSDocumentEntryStatus", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')")


def class_slot(*codes: str) -> str:
    return slot(CLASS_SLOT, "(" + ",".join(f"'{code}^^2.16.840.1.113883.6.1'" for code in codes) + ")")


def patient_slot(patient: tuple[str, str]) -> str:
    return slot(PATIENT_SLOT, f"'{patient[1]}^^^&{patient[0]}&ISO'")


def adhoc_query(
    *slots: str,
    id_: str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d",
    home: str = "",
    return_type: str = "LeafClass",
) -> bytes:
    attribute_ = f" home={quoteattr(home)}" if home else ""
    return (
        '<query:AdhocQueryRequest xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">'
        f'<query:ResponseOption returnComposedObjects="true" returnType="{return_type}"/>'
        f'<rim:AdhocQuery id="{id_}"{attribute_}>{"".join(slots)}</rim:AdhocQuery></query:AdhocQueryRequest>'
    ).encode()


def documents_of(patient: tuple[str, str], *codes: str, more: str = "") -> bytes:
    """The usual query: documents of a patient in some classes."""
    return adhoc_query(patient_slot(patient), STATUS_SLOT, class_slot(*(codes or (PS,))), more)


# --- ITI-39 ----------------------------------------------------------------------------------------------------------


def retrieve(*wanted: tuple[str, str] | tuple[str, str, str]) -> bytes:
    """Documents by (unique id, repository id) or (unique id, repository id, home community id)."""
    written = ""
    for unique_id, repository, *home in wanted:
        of = home[0] if home else f"urn:oid:{HR}"
        community = f"<xdsb:HomeCommunityId>{of}</xdsb:HomeCommunityId>" if of else ""
        written += (
            f"<xdsb:DocumentRequest>{community}"
            f"<xdsb:RepositoryUniqueId>{escape(repository)}</xdsb:RepositoryUniqueId>"
            f"<xdsb:DocumentUniqueId>{escape(unique_id)}</xdsb:DocumentUniqueId></xdsb:DocumentRequest>"
        )
    return (
        f'<xdsb:RetrieveDocumentSetRequest xmlns:xdsb="urn:ihe:iti:xds-b:2007">{written}'
        "</xdsb:RetrieveDocumentSetRequest>"
    ).encode()


# --- HTTP ------------------------------------------------------------------------------------------------------------


def soap_type(action: str) -> str:
    return f'application/soap+xml; charset=UTF-8; action="{action}"'


def multipart(
    envelope_: bytes, action: str, *, attachments: Sequence[tuple[str, bytes]] = (), boundary: str = "MIMEBoundary_0f1e"
) -> tuple[str, bytes]:
    """Content-Type and body as Axis2 writes an MTOM message."""
    kind = 'application/xop+xml; charset=UTF-8; type="application/soap+xml"'
    parts = [(kind, "0.0f1e@apache.org", envelope_)]
    parts += [("text/xml", content_id, data) for content_id, data in attachments]
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: <{content_id}>\r\n\r\n".encode()
        + data
        + b"\r\n"
        for kind, content_id, data in parts
    )
    header = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<0.0f1e@apache.org>"; '
        f'start-info="application/soap+xml"; action="{action}"'
    )
    return header, body + f"--{boundary}--\r\n".encode()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()
