"""Writes ITI-55 messages: bytes of one self-contained element that validates against the HL7 v3 schema NE2008.

Knows element order and the fixed values, and what OpenNCP's readers (5.2 to 9) need so that they do not lose the
answer: one name, one family and one given part, no birth time shorter than a day, no gender code beyond F, M and UN,
the question echoed whole, and a text, code and location in every acknowledgementDetail. Leaves to ``xcpd.outcomes``
which refusal is right and whether a person may be named at all.

Sources: ITI TF-2 3.55.4.1.2, 3.55.4.2.2; konateq/ehealth, tags 5.2.9 to 8.1.1.
"""

from __future__ import annotations

import re

from ncp.wire.errors import Code, ConnectorError, RequestError
from ncp.wire.ids import II, Oid
from xcpd.facts import (
    ACT_CODE,
    DATA_LOCATOR,
    DATA_LOCATOR_SYSTEM,
    DETECTED_ISSUE,
    INTERACTION,
    INTERACTION_ROOT,
    MATCH_OBSERVATION,
    MATCH_SYSTEM,
    RESPONSE_INTERACTION,
    RESPONSE_TRIGGER,
    TRAIT_MAX,
    TRIGGER,
    VERSION,
)
from xcpd.messages import Acknowledgement, Address, PatientDiscovery, PatientSearch, Person, QueryResponse
from xcpd.outcomes import Refusal, place_of, system_of
from xcpd.read import birth_date

_GENDERS = frozenset({"F", "M", "UN"})
# What XML 1.0 cannot carry, and control characters that nobody's name or number holds.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def write_discovery(discovery: PatientDiscovery) -> bytes:
    """PRPA_IN201305UV02, the question. Traits without a value are left out; a name is sent only with both parts.

    Raises ``RequestError`` ERROR_PI_INCORRECT_FORMATTING for a value that cannot be sent as it is:
    ``identifier.incomplete``, ``identifier.format`` or ``trait.format`` (over 200 characters, control characters, no
    HL7 date, another gender than F, M, UN). Nothing is cut or replaced: another value would be another person.
    """
    organisation = discovery.sender_organisation or discovery.sender
    return (
        '<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">'
        + _wrapper(discovery.id, discovery.creation_time, VERSION, INTERACTION, "AL")
        + _party("receiver", "RCV", discovery.receiver, discovery.receiver)
        + _party("sender", "SND", discovery.sender, organisation)
        + '<controlActProcess classCode="CACT" moodCode="EVN">'
        # OpenNCP sends the code system in codeSystemName only, IHE wants codeSystem: both.
        f'<code code="{TRIGGER}" codeSystem="{INTERACTION_ROOT}" codeSystemName="{INTERACTION_ROOT}"/>'
        '<authorOrPerformer typeCode="AUT"><assignedPerson classCode="ASSIGNED"/></authorOrPerformer>'
        "<queryByParameter>"
        f"{_ii('queryId', discovery.query_id)}"
        '<statusCode code="new"/><responseModalityCode code="R"/><responsePriorityCode code="I"/>'
        "<matchCriterionList/>"
        f"<parameterList>{_traits(discovery.search)}</parameterList>"
        "</queryByParameter></controlActProcess></PRPA_IN201305UV02>"
    ).encode()


def write_match(request: PatientDiscovery, person: Person, *, id: II, created: str, home: Oid) -> bytes:
    """PRPA_IN201306UV02 with one person: AA and OK.

    ``created`` is an HL7 TS, ``home`` the own home community id. An unknown gender, a birth date that is no full day
    and unknown parts of the address are left out; ``xcpd.outcomes.certain_person`` decides whether they may be missing.
    Raises ``ConnectorError`` ``connector.patient_id`` for a person without a usable id.
    """
    if not person.id.root or not person.id.extension or _CONTROL.search(person.id.root + person.id.extension):
        raise ConnectorError(Code.PI_INTERNAL_ERROR, "connector.patient_id")
    subject = (
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN">'
        '<id nullFlavor="NA"/><statusCode code="active"/>'
        f'<subject1 typeCode="SBJ"><patient classCode="PAT">{_ii("id", person.id)}<statusCode code="active"/>'
        f"{_patient_person(person)}"
        '<subjectOf1><queryMatchObservation classCode="OBS" moodCode="EVN">'
        f'<code code="{MATCH_OBSERVATION}" codeSystem="{MATCH_SYSTEM}"/>'
        f'<value xsi:type="INT" value="{person.match_quality:d}"/>'
        "</queryMatchObservation></subjectOf1></patient></subject1>"
        '<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED">'
        f'<id root="{_attribute(home)}"/><code code="{DATA_LOCATOR}" codeSystem="{DATA_LOCATOR_SYSTEM}"/>'
        "</assignedEntity></custodian></registrationEvent></subject>"
    )
    return _response(request, id, created, home, Acknowledgement.AA, "", subject, QueryResponse.OK)


def write_refusal(request: PatientDiscovery, refusal: Refusal, *, id: II, created: str, home: Oid) -> bytes:
    """PRPA_IN201306UV02 without a person, and why; ``refusal`` from ``xcpd.outcomes.refusal_for``."""
    severity = "W" if refusal.code.startswith("WARNING_") else "E"
    detail = (
        f'<acknowledgementDetail typeCode="{severity}"><code code="{_attribute(refusal.code)}"/>'
        f"<text>{_text(refusal.text)}</text><location>{_text(refusal.location)}</location></acknowledgementDetail>"
    )
    reason = f'<code code="{refusal.reason.value}" codeSystem="{system_of(refusal.reason)}"/>'
    if place_of(refusal.reason) == "triggerFor":
        reason = (
            f'<triggerFor typeCode="TRIG"><actOrderRequired classCode="ACT" moodCode="RQO">{reason}'
            "</actOrderRequired></triggerFor>"
        )
    else:
        reason = (
            f'<mitigatedBy typeCode="MITGT"><detectedIssueManagement classCode="ACT" moodCode="EVN">{reason}'
            "</detectedIssueManagement></mitigatedBy>"
        )
    reason_of = (
        '<reasonOf typeCode="RSON"><detectedIssueEvent classCode="ALRT" moodCode="EVN">'
        f'<code code="{DETECTED_ISSUE}" codeSystem="{ACT_CODE}"/>{reason}</detectedIssueEvent></reasonOf>'
    )
    return _response(request, id, created, home, refusal.acknowledgement, detail, reason_of, refusal.query_response)


def _response(
    request: PatientDiscovery,
    id: II,
    created: str,
    home: Oid,
    acknowledgement: Acknowledgement,
    detail: str,
    outcome: str,
    query_response: QueryResponse,
) -> bytes:
    head = (
        '<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' ITSVersion="XML_1.0">'
        + _wrapper(id, created, request.version_code, RESPONSE_INTERACTION, "NE")
        + _party("receiver", "RCV", request.sender, request.sender_organisation or request.sender)
        + _party("sender", "SND", home, home)
        + f'<acknowledgement><typeCode code="{acknowledgement.value}"/>'
        f"<targetMessage>{_ii('id', request.id)}</targetMessage>{detail}</acknowledgement>"
        '<controlActProcess classCode="CACT" moodCode="EVN">'
        f'<code code="{RESPONSE_TRIGGER}" codeSystem="{INTERACTION_ROOT}"/>{outcome}'
        f'<queryAck>{_ii("queryId", request.query_id)}<statusCode code="deliveredResponse"/>'
        f'<queryResponseCode code="{query_response.value}"/></queryAck>'
    )
    # The question goes back byte by byte: OpenNCP's readers look into the echo when there is no subject.
    return head.encode() + request.query + b"</controlActProcess></PRPA_IN201306UV02>"


def _wrapper(id: II, created: str, version: str, interaction: str, accept: str) -> str:
    return (
        f'{_ii("id", id)}<creationTime value="{_attribute(created)}"/>'
        + (f'<versionCode code="{_attribute(version)}"/>' if version else "")
        + f'<interactionId root="{INTERACTION_ROOT}" extension="{interaction}"/>'
        f'<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="{accept}"/>'
    )


def _party(element: str, type_code: str, device: str, organisation: str) -> str:
    return (
        f'<{element} typeCode="{type_code}"><device classCode="DEV" determinerCode="INSTANCE">'
        f'<id root="{_attribute(device)}"/><asAgent classCode="AGNT">'
        '<representedOrganization classCode="ORG" determinerCode="INSTANCE">'
        f'<id root="{_attribute(organisation)}"/></representedOrganization></asAgent></device></{element}>'
    )


def _traits(search: PatientSearch) -> str:
    """The parameters in schema order, which is alphabetical."""
    parts = []
    if search.gender:
        if search.gender not in _GENDERS:
            raise _unsendable("trait.format")
        parts.append(
            _parameter(
                "livingSubjectAdministrativeGender",
                f'<value code="{search.gender}"/>',
                "LivingSubject.administrativeGender",
            )
        )
    if search.birth_date:
        if birth_date(search.birth_date) != search.birth_date:
            raise _unsendable("trait.format")
        parts.append(
            _parameter("livingSubjectBirthTime", f'<value value="{search.birth_date}"/>', "LivingSubject.birthTime")
        )
    for identifier in search.identifiers:
        root, extension = _sendable(identifier.root, "identifier"), _sendable(identifier.extension, "identifier")
        if not root or not extension:
            raise _unsendable("identifier.incomplete")
        parts.append(_parameter("livingSubjectId", _ii("value", II(root, extension)), "LivingSubject.id"))
    family, given = _sendable(search.family), _sendable(search.given)
    if family and given:
        name = f"<value><family>{_text(family)}</family><given>{_text(given)}</given></value>"
        parts.append(_parameter("livingSubjectName", name, "LivingSubject.name"))
    address = search.address
    if address:
        fields = (
            ("streetName", address.street),
            ("city", address.city),
            ("country", address.country),
            ("postalCode", address.postal_code),
        )
        inside = "".join(_part(name, _sendable(value)) for name, value in fields)
        parts.append(_parameter("patientAddress", f"<value>{inside}</value>", "Patient.addr"))
    return "".join(parts)


def _parameter(name: str, value: str, semantics: str) -> str:
    return f"<{name}>{value}<semanticsText>{semantics}</semanticsText></{name}>"


def _sendable(value: str, kind: str = "trait") -> str:
    """The trimmed value of a trait; nothing but the surrounding blanks may change on its way."""
    trimmed = value.strip()
    if len(trimmed) > TRAIT_MAX or _CONTROL.search(trimmed):
        raise _unsendable(f"{kind}.format")
    return trimmed


def _unsendable(reason: str) -> RequestError:
    return RequestError(Code.PI_INCORRECT_FORMATTING, reason)


def _patient_person(person: Person) -> str:
    full_date = birth_date(person.birth_date)
    name = _part("family", person.family) + _part("given", person.given)
    return (
        '<patientPerson classCode="PSN" determinerCode="INSTANCE">'
        + (f"<name>{name}</name>" if name else '<name nullFlavor="UNK"/>')
        + (f'<administrativeGenderCode code="{person.gender}"/>' if person.gender in _GENDERS else "")
        + (f'<birthTime value="{full_date}"/>' if len(full_date) == 8 else "")
        + _addr(person.address)
        + "</patientPerson>"
    )


def _addr(address: Address) -> str:
    fields = (
        ("streetAddressLine", address.street),
        ("city", address.city),
        ("postalCode", address.postal_code),
        ("country", address.country),
    )
    inside = "".join(_part(name, value) for name, value in fields)
    return f"<addr>{inside}</addr>" if inside else ""


def _part(name: str, value: str) -> str:
    value = _text(value.strip())
    return f"<{name}>{value}</{name}>" if value else ""


def _ii(element: str, value: II) -> str:
    if not value.root and not value.extension:
        return f'<{element} nullFlavor="NI"/>'
    root = f' root="{_attribute(value.root)}"' if value.root else ""
    extension = f' extension="{_attribute(value.extension)}"' if value.extension else ""
    return f"<{element}{root}{extension}/>"


def _text(value: str) -> str:
    if not value.isprintable():
        value = _UNWRITABLE.sub(" ", value)
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("\r", "&#13;")


def _attribute(value: str) -> str:
    return _text(value).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
