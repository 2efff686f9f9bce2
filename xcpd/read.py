"""Reads ITI-55 messages of every peer version: by element name, in any order, under any prefix.

Knows where the values stand and which oddities of senders to step over; comments, processing instructions and unknown
elements are ignored. Leaves to ``xcpd.outcomes`` what a value means: nothing here is looked up or decided, so that even
a broken question can be answered.

Sources: ITI TF-2 3.55.4; OpenNCP (konateq/ehealth, tags 5.2.9 to 8.1.1); gematik/NCPeH-Simulation-API.
"""

from __future__ import annotations

import re
from datetime import date

from lxml.etree import _Element

from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, Oid
from ncp.wire.xml import NS_HL7, children, local_name, serialise, text_of
from xcpd.facts import BODY, GENDERS, INTERACTION, RESPONSE_BODY, TRIGGER
from xcpd.messages import Address, PatientDiscovery, PatientDiscoveryResponse, PatientSearch, Person

_HL7 = f"{{{NS_HL7}}}"
_TS = re.compile(r"([0-9]{4}|[0-9]{6}|[0-9]{8})(?:(?<=[0-9]{8})[0-9]{1,6}(?:\.[0-9]+)?)?(?:[+-][0-9]{1,4})?")
_QUALITY = re.compile(r"([0-9]{1,3})(?:\.[0-9]*)?")

_SINGLE_TRAITS = frozenset(
    {"livingSubjectAdministrativeGender", "livingSubjectBirthTime", "livingSubjectName", "patientAddress"}
)
"""Traits that are read; of each the first one counts, as in OpenNCP."""

REALTIME_MODES = frozenset({"", "T", "I"})
"""``processingModeCode``: current processing; initial load is taken for it (some senders confuse them)."""


def read_discovery(body: _Element) -> PatientDiscovery:
    """PRPA_IN201305UV02 → ``PatientDiscovery``.

    Raises ``RequestError`` only where no answer can be built: ``message.body`` (another element), ``message.id``,
    ``message.sender`` (nobody to answer to). Everything else that is wrong is a name in ``defects``.
    """
    if body.tag != BODY:
        raise RequestError(Code.PI_GENERIC, "message.body")
    message_id = _ii(_at(body, "id"))
    if not message_id.root and not message_id.extension:
        raise RequestError(Code.PI_GENERIC, "message.id")
    device = _at(body, "sender", "device")
    sender = _ii(_at(device, "id")).root
    organisation = _ii(_at(device, "asAgent", "representedOrganization", "id")).root
    if not sender and not organisation:
        raise RequestError(Code.PI_GENERIC, "message.sender")

    defects = _frame_defects(body)
    problems: list[str] = []
    if not sender:
        defects.append("message.sender_device")
    if not organisation:
        defects.append("message.sender_organisation")
    controls = _all(body, "controlActProcess")
    queries = _all(controls[0], "queryByParameter") if controls else []
    query = queries[0] if queries else None
    parameters = _all(query, "parameterList")
    if max(len(controls), len(queries), len(parameters)) > 1:
        defects.append("query.multiple")
    if query is None:
        defects.append("query.missing")
    query_id = _ii(_at(query, "queryId"))
    if query is not None and not query_id.root and not query_id.extension:
        defects.append("query.query_id")
    priority = _code(_at(query, "responsePriorityCode")) or "I"
    if _code(_at(query, "responseModalityCode")) not in ("", "R"):
        defects.append("query.modality")

    return PatientDiscovery(
        id=message_id,
        creation_time=_attribute(_at(body, "creationTime"), "value"),
        sender=Oid(sender or organisation),
        sender_organisation="" if organisation == sender else organisation,
        receiver=Oid(_ii(_at(body, "receiver", "device", "id")).root),
        query_id=query_id,
        search=_search(parameters[0] if parameters else None, problems, defects),
        priority=priority,
        minimum_degree=_minimum_degree(_at(query, "matchCriterionList", "minimumDegreeMatch", "value"), problems),
        version_code=_code(_at(body, "versionCode")),
        query=b"" if query is None else serialise(query),
        problems=tuple(dict.fromkeys(problems)),
        defects=tuple(dict.fromkeys(defects)),
    )


def read_discovery_response(body: _Element) -> PatientDiscoveryResponse:
    """PRPA_IN201306UV02 → ``PatientDiscoveryResponse``. ``RequestError`` ``message.body`` for any other element.

    A subject without a patient id is left out and noted: it names nobody whose documents could be asked for.
    """
    if body.tag != RESPONSE_BODY:
        raise RequestError(Code.PI_GENERIC, "message.body")
    acknowledgement = _at(body, "acknowledgement")
    detail = _at(acknowledgement, "acknowledgementDetail")
    control = _at(body, "controlActProcess")
    reason = _reason(control)
    answered = _at(control, "queryAck", "queryId")
    problems: list[str] = []
    persons = []
    for subject in _all(control, "subject"):
        patient = _at(subject, "registrationEvent", "subject1", "patient")
        identifier = _patient_id(patient)
        if patient is None or not identifier.extension:
            problems.append("subject.without_id")
            continue
        custodian = _at(subject, "registrationEvent", "custodian", "assignedEntity", "id")
        persons.append(_person(patient, identifier, _ii(custodian).root, problems))
    return PatientDiscoveryResponse(
        id=_ii(_at(body, "id")),
        target_message=_ii(_at(acknowledgement, "targetMessage", "id")),
        acknowledgement=_acknowledgement(acknowledgement),
        query_response=_code(_at(control, "queryAck", "queryResponseCode")),
        persons=tuple(persons),
        reason=_code(reason),
        reason_system=_attribute(reason, "codeSystem"),
        code=_code(_at(detail, "code")),
        text=text_of(_at(detail, "text")),
        location=text_of(_at(detail, "location")),
        query_id=_ii(answered) if answered is not None else None,
        problems=tuple(dict.fromkeys(problems)),
    )


def _frame_defects(body: _Element) -> list[str]:
    """What the transmission wrapper gets wrong so badly that the question cannot be trusted to be one."""
    defects = []
    if _ii(_at(body, "interactionId")).extension != INTERACTION:
        defects.append("message.interaction")
    if _code(_at(body, "processingModeCode")) not in REALTIME_MODES:
        defects.append("query.processing_mode")
    if _code(_at(body, "controlActProcess", "code")) not in ("", TRIGGER):
        defects.append("message.trigger")
    return defects


def _search(parameters: _Element | None, problems: list[str], defects: list[str]) -> PatientSearch:
    seen: set[str] = set()
    for parameter in () if parameters is None else children(parameters):
        trait = local_name(parameter)
        if trait in seen:
            problems.append("trait.repeated")
        if trait in _SINGLE_TRAITS:
            seen.add(trait)
        elif trait != "livingSubjectId":
            problems.append("trait.ignored")
    name = _trait(parameters, "livingSubjectName")
    return PatientSearch(
        identifiers=tuple(_identifiers(parameters, problems)),
        family=_joined(name, "family"),
        given=_joined(name, "given"),
        gender=_gender(_trait(parameters, "livingSubjectAdministrativeGender"), problems),
        birth_date=_searched_birth_date(_trait(parameters, "livingSubjectBirthTime"), defects),
        address=_address(_trait(parameters, "patientAddress")),
    )


def _trait(parameters: _Element | None, name: str) -> _Element | None:
    """``value`` of the first parameter of that name; semanticsText is often empty and never looked at."""
    return _at(parameters, name, "value")


def _identifiers(parameters: _Element | None, problems: list[str]) -> list[II]:
    found = []
    for parameter in _all(parameters, "livingSubjectId"):
        values = _all(parameter, "value")
        if len(values) > 1:
            # Read as further identifiers of the same person: the narrower question.
            problems.append("identifier.several_values")
        for value in values:
            identifier = _ii(value)
            if not identifier.root and not identifier.extension and value.get("nullFlavor"):
                continue
            if not identifier.root or not identifier.extension:
                problems.append("identifier.incomplete")
            found.append(identifier)
    return found


def _searched_birth_date(value: _Element | None, defects: list[str]) -> str:
    """The birth date to compare with. One that cannot be read must not widen the search: it is a defect."""
    if value is None or (value.get("nullFlavor") and not value.get("value")):
        return ""
    digits = birth_date(_attribute(value, "value"))
    if not digits:
        defects.append("trait.birth_time")
    return digits


def birth_date(text: str) -> str:
    """Year, year and month, or full date of an HL7 TS as digits; empty when it is none. Time and zone are dropped:
    the day is the one that was written down, wherever that was."""
    match = _TS.fullmatch(text.strip())
    if match is None:
        return ""
    digits = match.group(1)
    try:
        date(int(digits[:4]), int(digits[4:6] or "1"), int(digits[6:8] or "1"))
    except ValueError:
        return ""
    return digits


def _person(patient: _Element, identifier: II, custodian: str, problems: list[str]) -> Person:
    who = _at(patient, "patientPerson")
    name = _at(who, "name")
    return Person(
        id=identifier,
        family=_joined(name, "family"),
        given=_joined(name, "given"),
        prefix=_joined(name, "prefix"),
        gender=_gender(_at(who, "administrativeGenderCode"), problems),
        birth_date=birth_date(_attribute(_at(who, "birthTime"), "value")),
        address=_address(_at(who, "addr")),
        match_quality=_match_quality(patient, problems),
        home_community=custodian.removeprefix("urn:oid:"),
    )


def _patient_id(patient: _Element | None) -> II:
    """The first ``id`` that has an extension; exactly as received, for it goes into the TRC assertion and into XCA."""
    for element in _all(patient, "id"):
        extension = element.get("extension") or ""
        if extension.strip():
            return II((element.get("root") or "").strip(), extension)
    return II("")


def _match_quality(patient: _Element, problems: list[str]) -> int:
    value = _at(patient, "subjectOf1", "queryMatchObservation", "value")
    if value is None or value.get("nullFlavor"):
        return 100
    match = _QUALITY.fullmatch(_attribute(value, "value"))
    if match is None or int(match.group(1)) > 100:
        problems.append("match_quality.unreadable")
        return 0
    return int(match.group(1))


def _minimum_degree(value: _Element | None, problems: list[str]) -> int | None:
    if value is None:
        return None
    match = _QUALITY.fullmatch(_attribute(value, "value"))
    if match is None:
        problems.append("minimum_degree.unreadable")
        return None
    return int(match.group(1))


def _acknowledgement(acknowledgement: _Element | None) -> str:
    """``typeCode`` is an element; the attribute of other HL7 v3 flavours is read where the element is absent."""
    return _code(_at(acknowledgement, "typeCode")) or _attribute(acknowledgement, "typeCode")


def _reason(control: _Element | None) -> _Element | None:
    """The code inside mitigatedBy, else inside triggerFor, of the first detected issue that has one."""
    for wanted in (("mitigatedBy", "detectedIssueManagement", "code"), ("triggerFor", "actOrderRequired", "code")):
        for reason in _all(control, "reasonOf"):
            found = _at(reason, "detectedIssueEvent", *wanted)
            if found is not None and found.get("code"):
                return found
    return None


def _gender(element: _Element | None, problems: list[str]) -> str:
    code = _code(element)
    gender = GENDERS.get(code.upper(), "")
    if code and not gender:
        problems.append("gender.unknown")
    return gender


def _address(element: _Element | None) -> Address:
    if element is None:
        return Address()
    return Address(
        street=_street(element),
        city=_joined(element, "city"),
        postal_code=_joined(element, "postalCode"),
        country=_joined(element, "country"),
    )


def _street(address: _Element) -> str:
    """streetAddressLine, then streetName with its houseNumber; a part that says the same twice is taken once."""
    lines = [text_of(line) for line in _all(address, "streetAddressLine")]
    lines.append(" ".join(filter(None, (_joined(address, "streetName"), _joined(address, "houseNumber")))))
    return ", ".join(dict.fromkeys(filter(None, lines)))


def _joined(element: _Element | None, name: str) -> str:
    return " ".join(filter(None, (text_of(part) for part in _all(element, name))))


def _at(element: _Element | None, *names: str) -> _Element | None:
    """Down by first children of these names. ``iterchildren`` costs a third of ``find``, and this is the hot path."""
    for name in names:
        if element is None:
            return None
        element = next(element.iterchildren(_HL7 + name), None)
    return element


def _all(element: _Element | None, name: str) -> list[_Element]:
    return [] if element is None else list(element.iterchildren(_HL7 + name))


def _attribute(element: _Element | None, name: str) -> str:
    return "" if element is None else (element.get(name) or "").strip()


def _code(element: _Element | None) -> str:
    return _attribute(element, "code")


def _ii(element: _Element | None) -> II:
    return II(_attribute(element, "root"), _attribute(element, "extension"))
