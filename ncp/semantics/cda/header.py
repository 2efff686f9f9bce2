"""The header of a CDA: whom the document is about, who made it, what it belongs to."""

from __future__ import annotations

from typing import Any

from ncp.semantics.cda.parties import address, name, organisation, party, telecom
from ncp.semantics.cda.reading import Child, Reading, known
from ncp.semantics.cda.statements import statement
from ncp.semantics.cda.values import coded, identifier, text, timing
from ncp.semantics.model import Header, LanguageSkill, Patient, RelatedDocument, ServiceEvent
from ncp.semantics.parties import Name, Party, Person
from ncp.semantics.values import Coded, Identifier, Place

_NULL = known("nullFlavor")
_VALUE = known("value")
_CODE = known("code")

_OTHERS = frozenset({"dataEnterer", "informant", "informationRecipient", "authenticator"})
_ACTS = {"inFulfillmentOf": "order", "authorization": "consent", "componentOf": "encompassingEncounter"}
_ONE = {
    "id": ("id", identifier),
    "code": ("code", coded),
    "title": ("title", text),
    "effectiveTime": ("created", timing),
    "confidentialityCode": ("confidentiality", coded),
    "languageCode": ("language", coded),
    "setId": ("set_id", identifier),
}


class HeaderReader:
    """Takes the children of the root element one after the other."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._one: dict[str, Any] = {}
        self._many: dict[str, list[Any]] = {}

    def take(self, child: Child) -> None:
        """A child of ClinicalDocument other than its component."""
        kind, node, where = child
        reading = self._reading
        if kind in _ONE and _ONE[kind][0] not in self._one:
            field, read = _ONE[kind]
            self._one[field] = read(reading, node, where)
        elif kind == "versionNumber" and "version" not in self._one:
            self._one["version"] = node.get("value", "").strip()
            reading.leaf(node, where, _VALUE)
        elif kind == "templateId":
            self._add("profiles", node.get("root", "").strip())
        elif kind == "realmCode":
            self._add("realms", node.get("code", "").strip())
            reading.leaf(node, where, _CODE)
        elif kind == "recordTarget":
            self._record_target(child)
        elif kind == "author":
            self._add("authors", party(reading, node, where, kind))
        elif kind == "custodian" and "custodian" not in self._one:
            self._one["custodian"] = party(reading, node, where, kind)
        elif kind == "legalAuthenticator":
            self._add("legal_authenticators", party(reading, node, where, kind))
        elif kind == "participant":
            self._add("participants", party(reading, node, where, kind))
        elif kind in _OTHERS:
            self._add("others", party(reading, node, where, kind))
        elif kind == "documentationOf":
            self._documentation(child)
        elif kind == "relatedDocument":
            self._related(child)
        elif kind in _ACTS:
            self._act(child)
        elif kind != "typeId":
            reading.skip(child)

    def header(self, place: Place) -> Header:
        fields: dict[str, Any] = {field: tuple(values) for field, values in self._many.items()}
        return Header(place, **fields, **self._one)

    def _add(self, field: str, value: object) -> None:
        self._many.setdefault(field, []).append(value)

    # The patient

    def _record_target(self, child: Child) -> None:
        """One ``recordTarget`` and its ``patientRole``."""
        for inner in self._reading.parts(child[1], child[2]):
            if inner[0] == "patientRole":
                self._add("patients", self._patient(inner))
            elif inner[0] != "templateId":
                self._reading.skip(inner)

    def _patient(self, child: Child) -> Patient:
        reading = self._reading
        _, element, place = child
        ids: list[Identifier] = []
        addresses = []
        telecoms = []
        fields: dict[str, Any] = {}
        for inner in reading.parts(element, place, _NULL):
            kind, node, where = inner
            if kind == "id":
                ids.append(identifier(reading, node, where))
            elif kind == "addr":
                addresses.append(address(reading, node, where))
            elif kind == "telecom":
                telecoms.append(telecom(reading, node, where))
            elif kind == "patient" and "person" not in fields:
                fields |= self._person(inner)
            elif kind == "providerOrganization" and "provider" not in fields:
                fields["provider"] = organisation(reading, node, where)
            elif kind != "templateId":
                reading.skip(inner)
        role = Party(
            place,
            "patient",
            ids=tuple(ids),
            addresses=tuple(addresses),
            telecoms=tuple(telecoms),
            null_flavor=element.get("nullFlavor", "").strip(),
        )
        return Patient(place, role, **({"person": Person(place)} | fields))

    def _person(self, child: Child) -> dict[str, Any]:
        reading = self._reading
        _, element, place = child
        one: dict[str, Any] = {}
        names: list[Name] = []
        ids: list[Identifier] = []
        guardians: list[Party] = []
        languages: list[LanguageSkill] = []
        characteristics: list[Coded] = []
        birth_place: Party | None = None
        for inner in reading.parts(element, place, _NULL):
            kind, node, where = inner
            if kind == "name":
                names.append(name(reading, node, where))
            elif kind == "administrativeGenderCode" and "gender" not in one:
                one["gender"] = coded(reading, node, where)
            elif kind == "birthTime" and "birth" not in one:
                one["birth"] = timing(reading, node, where)
            elif kind == "guardian":
                guardians.append(party(reading, node, where, kind))
            elif kind == "languageCommunication":
                languages.append(self._language(inner))
            elif kind in _CHARACTERISTICS:
                characteristics.append(coded(reading, node, where))
            elif kind == "birthplace" and birth_place is None:
                birth_place = self._birth_place(inner)
            elif kind == "id":
                ids.append(identifier(reading, node, where))
            elif kind != "templateId":
                reading.skip(inner)
        person = Person(place, tuple(names), null_flavor=element.get("nullFlavor", "").strip(), **one)
        return {
            "person": person,
            "guardians": tuple(guardians),
            "languages": tuple(languages),
            "characteristics": tuple(characteristics),
            "birth_place": birth_place,
            "ids": tuple(ids),
        }

    def _language(self, child: Child) -> LanguageSkill:
        reading = self._reading
        one: dict[str, Any] = {}
        for inner in reading.parts(child[1], child[2]):
            kind, node, where = inner
            if kind in _SKILLS and _SKILLS[kind] not in one:
                one[_SKILLS[kind]] = coded(reading, node, where)
            elif kind == "preferenceInd" and "preferred" not in one:
                one["preferred"] = node.get("value", "").strip()
                reading.leaf(node, where, _VALUE)
            elif kind != "templateId":
                reading.skip(inner)
        return LanguageSkill(child[2], **one)

    def _birth_place(self, child: Child) -> Party:
        """``birthplace/place``: names of places are rare; addresses are what is written."""
        reading = self._reading
        addresses = []
        waiting = [(child[1], child[2])]
        for holder, holder_place in waiting:
            for inner in reading.parts(holder, holder_place):
                kind, node, where = inner
                if kind == "place" and len(waiting) == 1:
                    waiting.append((node, where))
                elif kind == "addr":
                    addresses.append(address(reading, node, where))
                else:
                    reading.skip(inner)
        return Party(child[2], "birthplace", addresses=tuple(addresses))

    # What the document belongs to

    def _documentation(self, child: Child) -> None:
        for inner in self._reading.parts(child[1], child[2]):
            if inner[0] == "serviceEvent":
                self._add("events", self._event(inner))
            elif inner[0] != "templateId":
                self._reading.skip(inner)

    def _event(self, child: Child) -> ServiceEvent:
        reading = self._reading
        one: dict[str, Any] = {}
        ids: list[Identifier] = []
        performers: list[Party] = []
        for inner in reading.parts(child[1], child[2]):
            kind, node, where = inner
            if kind == "id":
                ids.append(identifier(reading, node, where))
            elif kind == "code" and "code" not in one:
                one["code"] = coded(reading, node, where)
            elif kind == "effectiveTime" and "time" not in one:
                one["time"] = timing(reading, node, where)
            elif kind == "performer":
                performers.append(party(reading, node, where, kind))
            elif kind != "templateId":
                reading.skip(inner)
        return ServiceEvent(child[2], tuple(ids), performers=tuple(performers), **one)

    def _related(self, child: Child) -> None:
        reading = self._reading
        for inner in reading.parts(child[1], child[2]):
            if inner[0] != "parentDocument":
                if inner[0] != "templateId":
                    reading.skip(inner)
                continue
            one: dict[str, Any] = {}
            ids: list[Identifier] = []
            for part in reading.parts(inner[1], inner[2]):
                kind, node, where = part
                if kind == "id":
                    ids.append(identifier(reading, node, where))
                elif kind == "setId" and "set_id" not in one:
                    one["set_id"] = identifier(reading, node, where)
                elif kind == "versionNumber" and "version" not in one:
                    one["version"] = node.get("value", "").strip()
                    reading.leaf(node, where, _VALUE)
                elif kind == "code" and "code" not in one:
                    one["code"] = coded(reading, node, where)
                elif kind == "text" and "text" not in one:
                    one["text"] = text(reading, node, where)
                elif kind != "templateId":
                    reading.skip(part)
            self._add("related", RelatedDocument(child[2], child[1].get("typeCode", "").strip(), tuple(ids), **one))

    def _act(self, child: Child) -> None:
        """Order, consent, encounter: acts that the whole document stands in."""
        reading = self._reading
        for inner in reading.parts(child[1], child[2]):
            if inner[0] == _ACTS[child[0]]:
                self._add("acts", statement(reading, inner[1], inner[2], inner[0]))
            elif inner[0] != "templateId":
                reading.skip(inner)


_CHARACTERISTICS = frozenset({"maritalStatusCode", "religiousAffiliationCode", "raceCode", "ethnicGroupCode"})
_SKILLS = {"languageCode": "language", "modeCode": "mode", "proficiencyLevelCode": "proficiency"}
