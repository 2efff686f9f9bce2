"""What a search mask asks for: fields, groups, which are required, and from typed values to a ``PatientSearch``.

Knows the rules of required fields and what may be sent for what was typed. Leaves to ``xcpd.masks`` how a mask is
written, and to the portal how a form looks. Values are identity traits: nothing here puts one into ``repr`` or an
exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, CountryCode
from xcpd.facts import GENDERS, TRAIT_MAX
from xcpd.mask_formats import ANY, FieldFormat
from xcpd.mask_pictures import Picture
from xcpd.messages import Address, PatientSearch

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_HL7_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_COUNTRY = re.compile(r"[A-Za-z]{2}")

Clause = tuple[frozenset[str], ...]
"""Alternatives, one of which has to be there as a whole."""


class Trait(Enum):
    """What a field is about; the value is the last part of its label in the current schema."""

    IDENTIFIER = "identifier"
    ACCESS_CODE = "accessCode"
    FAMILY = "familyName"
    GIVEN = "firstName"
    BIRTH_DATE = "birthDate"
    GENDER = "gender"
    STREET = "addressStreet"
    POSTAL_CODE = "addressPostalCode"
    CITY = "addressCity"
    COUNTRY = "addressCountry"
    PRESCRIPTION_ID = "ePrescriptionId"
    DISPENSATION_PIN = "dispensationPINCode"

    @property
    def is_identifier(self) -> bool:
        """Sent as ``livingSubjectId``; access codes are."""
        return self in (Trait.IDENTIFIER, Trait.ACCESS_CODE)


@dataclass(frozen=True, slots=True)
class MaskField:
    """One field. ``key`` is unique in its mask and stable as long as the country keeps its labels
    (``nationalPersonIdentifier``); ``domain`` is the root of an identifier; ``label`` stands as in the mask."""

    key: str
    trait: Trait
    label: str
    format: FieldFormat = ANY
    domain: str = ""
    mandatory: bool = False
    """As marked in the mask; what is really needed is ``PersonSearch.required``."""
    description: str = ""
    original_description: str = ""

    def to_send(self, typed: str) -> str | None:
        """What is sent for what was typed, or None when it does not fit. Case, hyphens and leading zeros stay.

        A value that fits only without its blanks (card numbers are printed in groups) is sent without them when it is
        an identifier, and as typed when it is a word.
        """
        value = typed.strip()
        if not is_clean(value):
            return None
        if self.trait is Trait.BIRTH_DATE:
            return _birth_date(value, self.format)
        if self.trait is Trait.GENDER:
            return GENDERS.get(value.upper())
        if self.trait is Trait.COUNTRY:
            return value.upper() if _COUNTRY.fullmatch(value) else None
        if self.format.accepts(value):
            return value
        without_blanks = "".join(value.split())
        if not self.format.accepts(without_blanks):
            return None
        return without_blanks if self.trait.is_identifier else value


@dataclass(frozen=True, slots=True)
class FieldOption:
    """Fields that belong together, under the country's own heading (often empty)."""

    display: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """A block of identifiers. NORMAL (``choice`` False) has one option; of a CHOICE one option is filled in."""

    choice: bool
    options: tuple[FieldOption, ...]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why values cannot be sent: ``required``, ``choice`` (none of the alternatives is complete), ``format``,
    ``unknown`` (no such field). ``fields`` names the fields concerned."""

    problem: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonSearch:
    """A form about one person: the patient, or the next of kin. ``scope`` is ``ALL``, ``PS`` or ``EP``."""

    fields: tuple[MaskField, ...]
    groups: tuple[FieldGroup, ...]
    clauses: tuple[Clause, ...]
    scope: str = "ALL"
    friendly_name: str = ""
    pictures: tuple[Picture, ...] = ()

    @property
    def required(self) -> frozenset[str]:
        """Keys without which nothing is sent, whether or not the mask marks them; alternatives are not among them."""
        return frozenset(key for clause in self.clauses if len(clause) == 1 for key in clause[0])

    def check(self, values: Mapping[str, str]) -> list[FieldProblem]:
        """Everything that keeps ``values`` (by field key) from being sent; an empty list when they can be."""
        known = {item.key: item for item in self.fields}
        filled = {key: value for key, value in values.items() if value.strip()}
        problems = [FieldProblem("unknown", (key,)) for key in filled if key not in known]
        problems += [
            FieldProblem("format", (key,))
            for key, value in filled.items()
            if key in known and known[key].to_send(value) is None
        ]
        for clause in self.clauses:
            if any(option <= filled.keys() for option in clause):
                continue
            keys = tuple(item.key for item in self.fields if any(item.key in option for option in clause))
            if len(clause) == 1:
                problems += [FieldProblem("required", (key,)) for key in keys if key not in filled]
            else:
                problems.append(FieldProblem("choice", keys))
        return problems


@dataclass(frozen=True, slots=True)
class DocumentSearch:
    """What a country wants to know before it lists documents. Serves ITI-38 and ITI-41, never ITI-55."""

    fields: tuple[MaskField, ...]
    scope: str = "ALL"
    friendly_name: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchMask:
    """The International Search Mask of one country. ``warnings`` are for the operator: what was read with doubts."""

    country: CountryCode
    patient: PersonSearch
    documents: tuple[DocumentSearch, ...] = ()
    next_of_kin: PersonSearch | None = None
    warnings: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[MaskField, ...]:
        return self.patient.fields

    @property
    def groups(self) -> tuple[FieldGroup, ...]:
        return self.patient.groups

    @property
    def scope(self) -> str:
        return self.patient.scope

    @property
    def media(self) -> tuple[Picture, ...]:
        return self.patient.pictures

    def offers(self, service: str) -> bool:
        """Whether the patient search serves ``PS`` or ``EP``."""
        return self.scope in ("ALL", service)

    def check(self, values: Mapping[str, str]) -> list[FieldProblem]:
        """See ``PersonSearch.check``."""
        return self.patient.check(values)

    def to_search(self, values: Mapping[str, str], *, ignore_format: bool = False) -> PatientSearch:
        """The traits to send for values by field key, with the country of the address that the country expects.

        Raises ``RequestError``: ``mask.required`` (ERROR_PI_MISSING_REQUIRED_FIELDS), ``mask.format`` or
        ``mask.unknown`` (ERROR_PI_INCORRECT_FORMATTING). ``ignore_format`` sends identifiers and words that do not fit
        their format as typed, where the operator lets the professional decide so.
        """
        found = {item.problem for item in self.check(values)}
        if found & {"required", "choice"}:
            raise RequestError(Code.PI_MISSING_REQUIRED_FIELDS, "mask.required")
        if "unknown" in found:
            raise RequestError(Code.PI_INCORRECT_FORMATTING, "mask.unknown")
        identifiers: list[II] = []
        traits: dict[Trait, str] = {}
        for item in self.fields:
            typed = values.get(item.key, "").strip()
            if not typed:
                continue
            value = item.to_send(typed)
            if value is None:
                if not ignore_format or not is_clean(typed) or item.trait in _FIXED:
                    raise RequestError(Code.PI_INCORRECT_FORMATTING, "mask.format")
                value = typed
            if item.trait.is_identifier:
                identifiers.append(II(item.domain, value))
            else:
                traits[item.trait] = value
        return PatientSearch(
            identifiers=tuple(identifiers),
            family=traits.get(Trait.FAMILY, ""),
            given=traits.get(Trait.GIVEN, ""),
            gender=traits.get(Trait.GENDER, ""),
            birth_date=traits.get(Trait.BIRTH_DATE, ""),
            address=Address(
                street=traits.get(Trait.STREET, ""),
                city=traits.get(Trait.CITY, ""),
                postal_code=traits.get(Trait.POSTAL_CODE, ""),
                country=traits.get(Trait.COUNTRY, ""),
            ),
        ).for_country(self.country)

    def asked(self, search: PatientSearch) -> PatientSearch:
        """The search without the demographics that this country does not ask for, identifiers as ``to_send`` has them:
        one that fits only without its blanks goes without. One that does not fit stays, for ``check_search`` to refuse.
        """
        wanted = {item.trait for item in self.fields}
        given = search.address

        def keep(trait: Trait, value: str) -> str:
            return value if trait in wanted else ""

        return PatientSearch(
            identifiers=tuple(map(self._identifier_to_send, search.identifiers)),
            family=keep(Trait.FAMILY, search.family),
            given=keep(Trait.GIVEN, search.given),
            gender=keep(Trait.GENDER, search.gender),
            birth_date=keep(Trait.BIRTH_DATE, search.birth_date),
            address=Address(
                street=keep(Trait.STREET, given.street),
                city=keep(Trait.CITY, given.city),
                postal_code=keep(Trait.POSTAL_CODE, given.postal_code),
                country=keep(Trait.COUNTRY, given.country),
            ),
        ).for_country(self.country)

    def _identifier_to_send(self, identifier: II) -> II:
        values = [
            item.to_send(identifier.extension)
            for item in self.fields
            if item.trait.is_identifier and item.domain == identifier.root
        ]
        return next((II(identifier.root, value) for value in values if value is not None), identifier)


_FIXED = frozenset({Trait.BIRTH_DATE, Trait.GENDER, Trait.COUNTRY})
"""Traits with one form on the wire, whatever a mask says."""


@dataclass(frozen=True, slots=True)
class IdentifierRules:
    """What a question about this country's patients has to hold: NCP-A checks with its own mask, NCP-B before sending.

    ``formats`` by identifier root; one that fits is enough. ``clauses`` hold identifier roots and values of ``Trait``.
    """

    formats: Mapping[str, tuple[FieldFormat, ...]]
    clauses: tuple[Clause, ...] = ()
    access_codes: frozenset[str] = frozenset()
    """Roots of access codes: proof that the patient agrees, not an identity."""


def identifier_rules(mask: SearchMask) -> IdentifierRules:
    """The rules of a mask for messages, where fields are known by root and trait."""
    tokens: dict[str, str] = {}
    formats: dict[str, tuple[FieldFormat, ...]] = {}
    for item in mask.fields:
        tokens[item.key] = item.domain if item.trait.is_identifier else item.trait.value
        if item.trait.is_identifier:
            formats[item.domain] = (*formats.get(item.domain, ()), item.format)
    return IdentifierRules(
        formats=formats,
        clauses=tuple(
            tuple(frozenset(tokens[key] for key in option) for option in clause) for clause in mask.patient.clauses
        ),
        access_codes=frozenset(item.domain for item in mask.fields if item.trait is Trait.ACCESS_CODE),
    )


def is_clean(value: str) -> bool:
    """Short enough to be a trait, and without control characters."""
    return len(value) <= TRAIT_MAX and not _CONTROL.search(value)


def _birth_date(value: str, mask_format: FieldFormat) -> str | None:
    """A day as ``1970-04-09`` or ``19700409`` → HL7 digits, when it is one and fits the mask in either spelling."""
    match = _ISO_DATE.fullmatch(value) or _HL7_DATE.fullmatch(value)
    if match is None:
        return None
    try:
        day = date(*(int(part) for part in match.groups()))
    except ValueError:
        return None
    digits = "".join(match.groups())
    if mask_format.is_date or mask_format.accepts(day.isoformat()) or mask_format.accepts(digits):
        return digits
    return None
