"""A patient summary as it is read: header, sections with narrative and entries, and what was not understood.

Independent of the format it came in. Every part is immutable, has its ``place`` in the document, and shows nothing of
itself in logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.absence import Absence, AbsenceKind
from ncp.semantics.entries import Entry
from ncp.semantics.parties import Organisation, Party, Person
from ncp.semantics.statements import Statement
from ncp.semantics.values import Coded, Datum, Identifier, Interval, Place, Point, Text, Timing


@dataclass(frozen=True, slots=True, repr=False)
class NotShown(Datum):
    """Something of the document that the model has no field for: where it is, its name, and all that it says.

    ``content`` pairs each attribute (``code/@displayName``) or element of text with its value, in document order.
    """

    what: str
    content: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Narrative(Datum):
    """The section's text for people, as the country wrote it: read it, never change the element, never copy its markup
    into a page (``docs/document-model.md``)."""

    element: _Element = field(compare=False)
    language: str = ""

    def xml(self) -> bytes:
        """The element alone, self-contained."""
        return etree.tostring(self.element, encoding="utf-8", xml_declaration=False, with_tail=False)

    @property
    def empty(self) -> bool:
        """No word in it."""
        return not _HAS_WORDS(self.element)


_HAS_WORDS = etree.XPath("boolean(normalize-space(string(.)))")


class SectionKind(StrEnum):
    """What a section is about; ``OTHER`` for every code that the profile does not list."""

    ALLERGIES = "allergies"
    PROBLEMS = "problems"
    MEDICATION = "medication"
    DEVICES = "devices"
    PROCEDURES = "procedures"
    PAST_ILLNESS = "past_illness"
    IMMUNISATIONS = "immunisations"
    PREGNANCY = "pregnancy"
    VITAL_SIGNS = "vital_signs"
    RESULTS = "results"
    FUNCTIONAL_STATUS = "functional_status"
    SOCIAL_HISTORY = "social_history"
    CARE_PLAN = "care_plan"
    ADVANCE_DIRECTIVES = "advance_directives"
    OTHER = "other"


MANDATORY = (
    SectionKind.ALLERGIES,
    SectionKind.PROBLEMS,
    SectionKind.MEDICATION,
    SectionKind.DEVICES,
    SectionKind.PROCEDURES,
)
"""What every summary of Wave 8 has."""


@dataclass(frozen=True, slots=True, repr=False)
class Section(Datum):
    kind: SectionKind
    code: Coded | None = None
    title: Text | None = None
    narrative: Narrative | None = None
    entries: tuple[Entry, ...] = ()
    ids: tuple[Identifier, ...] = ()
    profiles: tuple[str, ...] = ()
    language: Coded | None = None
    confidentiality: Coded | None = None
    parties: tuple[Party, ...] = ()
    subsections: tuple[Section, ...] = ()
    null_flavor: str = ""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The statement of each entry of the document, once (one statement may be the source of several entries)."""
        return tuple({entry.source.place: entry.source for entry in self.entries}.values())

    @property
    def absences(self) -> tuple[Absence, ...]:
        """What the section says is absent or not known. One that has no entries says that none are recorded."""
        found = tuple(entry.absence for entry in self.entries if entry.absence is not None)
        if found or self.entries:
            return found
        if self.null_flavor == "MSK":
            return (Absence(self.place, AbsenceKind.WITHHELD, null_flavor="MSK"),)
        return (Absence(self.place, AbsenceKind.NONE_RECORDED, null_flavor=self.null_flavor),)

    @property
    def contradictory(self) -> bool:
        """Says both that there is nothing (or that nothing is known) at all, and something."""
        everything = any(
            absence.scope == "" and absence.kind in (AbsenceKind.KNOWN_ABSENCE, AbsenceKind.NO_INFORMATION)
            for absence in self.absences
        )
        return everything and any(entry.absence is None and not entry.denied for entry in self.entries)


class Nature(StrEnum):
    """How the document came to be."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Level(StrEnum):
    """``L3`` with structured sections, ``L1`` with a PDF."""

    L1 = "L1"
    L3 = "L3"


@dataclass(frozen=True, slots=True, repr=False)
class LanguageSkill(Datum):
    """A language of the patient."""

    language: Coded | None = None
    mode: Coded | None = None
    proficiency: Coded | None = None
    preferred: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Patient(Datum):
    """``role`` holds identifiers (the first is the primary one), addresses and contacts; ``person`` names, sex and
    birth."""

    role: Party
    person: Person
    guardians: tuple[Party, ...] = ()
    languages: tuple[LanguageSkill, ...] = ()
    ids: tuple[Identifier, ...] = ()
    provider: Organisation | None = None
    birth_place: Party | None = None
    characteristics: tuple[Coded, ...] = ()
    """Civil status, religion, race, ethnic group, where a country sends them."""


@dataclass(frozen=True, slots=True, repr=False)
class ServiceEvent(Datum):
    """What the document records: care from–until. The end of it is the date of the last update."""

    ids: tuple[Identifier, ...] = ()
    code: Coded | None = None
    time: Timing | None = None
    performers: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class RelatedDocument(Datum):
    """``XFRM``: the national source that this document was made of; ``APND``, ``RPLC``: what it adds to or replaces."""

    type_code: str
    ids: tuple[Identifier, ...] = ()
    set_id: Identifier | None = None
    version: str = ""
    code: Coded | None = None
    text: Text | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Header(Datum):
    id: Identifier | None = None
    code: Coded | None = None
    title: Text | None = None
    created: Timing | None = None
    confidentiality: Coded | None = None
    language: Coded | None = None
    set_id: Identifier | None = None
    version: str = ""
    realms: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    patients: tuple[Patient, ...] = ()
    authors: tuple[Party, ...] = ()
    custodian: Party | None = None
    legal_authenticators: tuple[Party, ...] = ()
    participants: tuple[Party, ...] = ()
    others: tuple[Party, ...] = ()
    """Data enterers, authenticators, recipients, informants."""
    events: tuple[ServiceEvent, ...] = ()
    related: tuple[RelatedDocument, ...] = ()
    acts: tuple[Statement, ...] = ()
    """Encounters, orders and consents that the document is tied to."""

    @property
    def patient(self) -> Patient | None:
        return self.patients[0] if self.patients else None

    @property
    def last_update(self) -> Timing | None:
        """When the content last changed: the end of the service event, else its one time; never the creation."""
        for event in self.events:
            time = event.time
            if isinstance(time, Interval):
                if time.high is not None and time.high.value:
                    return time.high
                if time.value:
                    return time
            elif isinstance(time, Point) and time.value:
                return time
        return None

    @property
    def nature(self) -> Nature:
        """By who wrote it: persons, devices or both. A gateway that passed it on is no author of its content."""
        authors = tuple(author for author in self.authors if not _is_gateway(author)) or self.authors
        persons = any(author.person is not None for author in authors)
        devices = any(author.device is not None for author in authors)
        if persons and devices:
            return Nature.MIXED
        if persons:
            return Nature.MANUAL
        return Nature.AUTOMATIC if devices else Nature.UNKNOWN

    @property
    def preferred_professionals(self) -> tuple[Party, ...]:
        return tuple(p for p in self.participants if _is_preferred(p))

    @property
    def contacts(self) -> tuple[Party, ...]:
        """Participants beside the preferred professionals: emergency contact, next of kin…"""
        return tuple(p for p in self.participants if not _is_preferred(p))


def _is_preferred(party: Party) -> bool:
    return party.function is not None and party.function.code == "PCP"


def _is_gateway(author: Party) -> bool:
    organisation, device = author.organisation, author.device
    named = [name.text for name in organisation.names] if organisation else []
    if device is not None:
        named += [words.text for words in (device.software, device.model) if words is not None]
    return any("national contact point" in text.casefold() or "ncpeh" in text.casefold() for text in named)


@dataclass(frozen=True, slots=True, repr=False)
class Attachment(Datum):
    """The body of a level 1 document, still packed."""

    media_type: str
    representation: str
    element: _Element = field(compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class PatientSummary(Datum):
    """The whole document. ``not_shown`` lists what has no field in the model; nothing else is missing."""

    level: Level
    header: Header
    sections: tuple[Section, ...] = ()
    attachment: Attachment | None = None
    not_shown: tuple[NotShown, ...] = ()

    def all_sections(self) -> Iterator[Section]:
        """Sections and their subsections, in the order of the document."""
        waiting = list(reversed(self.sections))
        while waiting:
            section = waiting.pop()
            yield section
            waiting.extend(reversed(section.subsections))

    @property
    def missing_sections(self) -> tuple[SectionKind, ...]:
        """Mandatory sections that a level 3 document does not have."""
        there = {section.kind for section in self.all_sections()}
        return tuple(kind for kind in MANDATORY if kind not in there) if self.level is Level.L3 else ()

    def not_shown_below(self, place: Place) -> tuple[NotShown, ...]:
        """What was not understood inside one part of the document."""
        return tuple(item for item in self.not_shown if item.place == place or item.place.startswith(f"{place}/"))
