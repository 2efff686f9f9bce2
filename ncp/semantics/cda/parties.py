"""Persons, organisations, devices and roles of CDA: names, addresses, telecoms and everything that holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lxml.etree import _Element

from ncp.semantics.cda.reading import Child, Reading, known
from ncp.semantics.cda.values import coded, identifier, interval, quantity, text, timing
from ncp.semantics.parties import (
    Address,
    Device,
    Name,
    Organisation,
    Part,
    Party,
    Person,
    Substance,
    Telecom,
)
from ncp.semantics.values import Place, Text
from ncp.wire.xml import text_of

_COMPOSED = known("use", "nullFlavor")
_PART = known("qualifier", "nullFlavor")
_TELECOM = known("value", "use", "nullFlavor")
_NULL = known("nullFlavor")
_NAMED = known("displayName", "nullFlavor")

MAX_ROLES = 12
"""Organisations in organisations, roles in roles."""


def name(reading: Reading, element: _Element, place: Place) -> Name:
    """EN, PN, ON: pieces and the text between them, in the order of the document."""
    return Name(place, *_composed(reading, element, place))


def address(reading: Reading, element: _Element, place: Place) -> Address:
    """AD."""
    return Address(place, *_composed(reading, element, place))


def _composed(reading: Reading, element: _Element, place: Place) -> tuple[Any, ...]:
    parts: list[Part] = []
    valid = None
    said = reading.said(element, place, _COMPOSED)
    _add_words(parts, place, element.text)
    if len(element):
        children = iter(reading.mixed(element, place))
        for node in element[:]:
            if isinstance(node.tag, str):
                child = next(children)
                kind, _, where = child
                if kind in ("validTime", "useablePeriod") and valid is None:
                    valid = interval(reading, node, where)
                elif len(node) and any(True for _ in node.iterchildren("*")):
                    reading.skip(child)
                else:
                    own = reading.said(node, where, _PART)
                    words = " ".join(text_of(node).split())
                    parts.append(Part(where, kind, words, own.get("qualifier", ""), own.get("nullFlavor", "")))
            _add_words(parts, place, node.tail)
    return tuple(parts), said.get("use", ""), said.get("nullFlavor", ""), valid


def _add_words(parts: list[Part], place: Place, words: str | None) -> None:
    if words and not words.isspace():
        parts.append(Part(place, "", " ".join(words.split())))


def telecom(reading: Reading, element: _Element, place: Place) -> Telecom:
    """TEL."""
    valid = None
    get = reading.said(element, place, _TELECOM).get
    for child in reading.inside(element, place):
        if child[0] == "useablePeriod" and valid is None:
            valid = interval(reading, child[1], child[2])
        else:
            reading.skip(child)
    return Telecom(place, get("value", ""), get("use", ""), get("nullFlavor", ""), valid)


def person(reading: Reading, element: _Element, place: Place) -> Person:
    """assignedPerson, associatedPerson, guardianPerson, subject…"""
    fields: dict[str, Any] = {}
    names: list[Name] = []
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "name":
            names.append(name(reading, node, where))
        elif kind == "administrativeGenderCode" and "gender" not in fields:
            fields["gender"] = coded(reading, node, where)
        elif kind == "birthTime" and "birth" not in fields:
            fields["birth"] = timing(reading, node, where)
        elif kind != "templateId":
            reading.skip(child)
    return Person(place, tuple(names), null_flavor=element.get("nullFlavor", "").strip(), **fields)


def organisation(reading: Reading, element: _Element, place: Place, depth: int = 0) -> Organisation:
    """representedOrganization, scopingOrganization, manufacturerOrganization…"""
    fields: dict[str, Any] = {}
    many: dict[str, list[Any]] = {"ids": [], "names": [], "telecoms": [], "addresses": []}
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "id":
            many["ids"].append(identifier(reading, node, where))
        elif kind == "name":
            many["names"].append(name(reading, node, where))
        elif kind == "telecom":
            many["telecoms"].append(telecom(reading, node, where))
        elif kind == "addr":
            many["addresses"].append(address(reading, node, where))
        elif kind == "standardIndustryClassCode" and "code" not in fields:
            fields["code"] = coded(reading, node, where)
        elif kind == "asOrganizationPartOf" and "part_of" not in fields and depth < MAX_ROLES:
            fields["part_of"] = _part_of(reading, node, where, depth + 1)
        elif kind != "templateId":
            reading.skip(child)
    fields |= {field: tuple(values) for field, values in many.items()}
    return Organisation(place, null_flavor=element.get("nullFlavor", "").strip(), **fields)


def _part_of(reading: Reading, element: _Element, place: Place, depth: int) -> Organisation:
    """The role ``asOrganizationPartOf`` and the whole organisation in it, as one."""
    whole = Organisation(place)
    code = None
    ids = []
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "wholeOrganization" and whole.place == place:
            whole = organisation(reading, node, where, depth)
        elif kind == "id":
            ids.append(identifier(reading, node, where))
        elif kind == "code" and code is None:
            code = coded(reading, node, where)
        elif kind != "templateId":
            reading.skip(child)
    reading.mark(element, place, "nullFlavor")
    return replace(whole, relation=code, ids=(*whole.ids, *ids))


def device(reading: Reading, element: _Element, place: Place) -> Device:
    """assignedAuthoringDevice."""
    fields: dict[str, Any] = {}
    maintainers: list[Party] = []
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "code" and "code" not in fields:
            fields["code"] = coded(reading, node, where)
        elif kind in _DEVICE_NAMES and _DEVICE_NAMES[kind] not in fields:
            fields[_DEVICE_NAMES[kind]] = device_name(reading, node, where)
        elif kind == "asMaintainedEntity":
            maintainers.append(party(reading, node, where, "maintainer"))
        elif kind != "templateId":
            reading.skip(child)
    null_flavor = element.get("nullFlavor", "").strip()
    return Device(place, null_flavor=null_flavor, maintainer=tuple(maintainers), **fields)


_DEVICE_NAMES = {"manufacturerModelName": "model", "softwareName": "software"}


def device_name(reading: Reading, element: _Element, place: Place) -> Text:
    """SC: words, or only a display name."""
    if element.get("displayName") and not text_of(element):
        reading.leaf(element, place, _NAMED)
        null_flavor = element.get("nullFlavor", "").strip()
        return Text(place, element.get("displayName", "").strip(), null_flavor=null_flavor)
    return text(reading, element, place)


def substance(reading: Reading, element: _Element, place: Place) -> Substance:
    """playingEntity, playingDevice, scopingEntity."""
    fields: dict[str, Any] = {}
    names: list[Name] = []
    quantities = []
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "code" and "code" not in fields:
            fields["code"] = coded(reading, node, where)
        elif kind == "name":
            names.append(name(reading, node, where))
        elif kind == "desc" and "description" not in fields:
            fields["description"] = text(reading, node, where)
        elif kind == "quantity":
            quantities.append(quantity(reading, node, where))
        elif kind == "birthTime" and "birth" not in fields:
            fields["birth"] = timing(reading, node, where)
        elif kind in _DEVICE_NAMES and _DEVICE_NAMES[kind] not in fields:
            fields[_DEVICE_NAMES[kind]] = device_name(reading, node, where)
        elif kind != "templateId":
            reading.skip(child)
    get = element.get
    return Substance(
        place,
        get("classCode", "").strip(),
        names=tuple(names),
        quantities=tuple(quantities),
        null_flavor=get("nullFlavor", "").strip(),
        **fields,
    )


_PERSONS = frozenset(
    {
        *("assignedPerson", "associatedPerson", "guardianPerson"),
        *("informationRecipient", "relatedPerson", "maintainingPerson"),
    }
)
_ORGANISATIONS = frozenset(
    {
        *("representedOrganization", "representedCustodianOrganization", "scopingOrganization"),
        *("guardianOrganization", "receivedOrganization", "serviceProviderOrganization"),
    }
)
_SUBSTANCES = frozenset({"playingEntity", "playingDevice", "specimenPlayingEntity"})
_ROLES = frozenset(
    {
        *("assignedAuthor", "assignedEntity", "associatedEntity", "assignedCustodian", "participantRole"),
        *("relatedEntity", "relatedSubject", "intendedRecipient", "specimenRole"),
    }
)
_CODES = {
    "functionCode": "function",
    "code": "code",
    "modeCode": "mode",
    "signatureCode": "signature",
    "awarenessCode": "awareness",
}


def party(reading: Reading, element: _Element, place: Place, part: str) -> Party:
    """A participation and the role in it, as one party: author, performer, participant, guardian and so on."""
    found = _Found()
    _take(reading, element, place, found)
    get = element.get
    return Party(
        place,
        part,
        get("typeCode", "").strip(),
        found.role_class or get("classCode", "").strip(),
        tuple(found.profiles),
        ids=tuple(found.ids),
        addresses=tuple(found.addresses),
        telecoms=tuple(found.telecoms),
        null_flavor=found.null_flavor,
        **found.one,
    )


class _Found:
    def __init__(self) -> None:
        self.one: dict[str, Any] = {}
        self.ids: list[Any] = []
        self.addresses: list[Address] = []
        self.telecoms: list[Telecom] = []
        self.profiles: list[str] = []
        self.role_class = ""
        self.null_flavor = ""
        self.role = False


def _take(reading: Reading, element: _Element, place: Place, found: _Found) -> None:
    found.null_flavor = _null_flavor(reading, element, place, found.null_flavor)
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "id":
            found.ids.append(identifier(reading, node, where))
        elif kind == "addr":
            found.addresses.append(address(reading, node, where))
        elif kind == "telecom":
            found.telecoms.append(telecom(reading, node, where))
        elif kind == "templateId":
            found.profiles.append(node.get("root", "").strip())
        elif kind in _ROLES and not found.role:
            found.role = True
            found.role_class = node.get("classCode", "").strip()
            _take(reading, node, where, found)
        else:
            _take_one(reading, child, found.one)


def _take_one(reading: Reading, child: Child, one: dict[str, Any]) -> None:
    kind, node, where = child
    if kind in _CODES and _CODES[kind] not in one:
        one[_CODES[kind]] = coded(reading, node, where)
    elif kind in ("time", "effectiveTime") and "time" not in one:
        one["time"] = timing(reading, node, where)
    elif kind in _PERSONS and "person" not in one:
        one["person"] = person(reading, node, where)
    elif kind == "assignedAuthoringDevice" and "device" not in one:
        one["device"] = device(reading, node, where)
    elif kind in _ORGANISATIONS and "organisation" not in one:
        one["organisation"] = organisation(reading, node, where)
    elif kind in _SUBSTANCES and "substance" not in one:
        one["substance"] = substance(reading, node, where)
    elif kind == "scopingEntity" and "scope" not in one:
        one["scope"] = substance(reading, node, where)
    elif kind == "subject" and "person" not in one:
        one["person"] = person(reading, node, where)
    else:
        reading.skip(child)


def _null_flavor(reading: Reading, element: _Element, place: Place, so_far: str) -> str:
    """The null flavour of the participation, else of the role; where both have one, the role's is noted."""
    own = element.get("nullFlavor", "").strip()
    if so_far and own:
        reading.mark(element, place, "nullFlavor")
    return so_far or own
