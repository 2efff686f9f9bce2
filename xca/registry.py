"""ebRIM as XDS uses it, to and from ``DocumentEntry``: the only place that knows Slots, Classifications and
ExternalIdentifiers (ITI TF-3 4.2; OpenNCP's builders of ExtrinsicObjects).

Writes the strict form. Reads everything by scheme UUID and forgives: what is missing or unknown stays empty, an entry
that could never be fetched is left out and noted. Leaves to ``xca.query`` what surrounds the objects, to
``xca.outcomes`` what may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import NAMESPACE_OID, UUID, uuid5

from lxml.etree import _Element

from ncp.wire.errors import ConnectorError
from ncp.wire.ids import II, OID_MAX, Oid, parse_cx, urn_oid, urn_uuid
from ncp.wire.xml import children, text_of
from xca.facts import (
    APPROVED,
    EHDSI_FORMATS,
    FORMAT_NAMES,
    LOINC,
    NS_RIM,
    STABLE_DOCUMENT,
    TEXT_MAX,
    TITLE_MAX_BYTES,
    TITLES,
    UNIQUE_ID_MAX,
    VALUE_MAX,
    XFRM,
    ClassCode,
    FormatCode,
    known_format,
)
from xca.markup import cut_bytes, quote
from xca.messages import Association, Author, Coded, DocumentEntry
from xca.outcomes import generic_code

_RIM = f"{{{NS_RIM}}}"

_CLASS = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
_TYPE = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
_FORMAT = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
_CONFIDENTIALITY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
_FACILITY = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"
_PRACTICE_SETTING = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead"
_AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_EVENT = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
_PATIENT_ID = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
_UNIQUE_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"

_COUNTRIES = "1.0.3166.1"
_NORMAL = Coded("N", "2.16.840.1.113883.5.25", "Normal")
_NOT_USED = ("Not Used", "eHDSI Practice Setting Codes-Not Used", "Not Used")

_DTM = re.compile(r"[0-9]{4,14}")
_STRICT_DTM = re.compile(
    "[0-9]{4}((0[1-9]|1[0-2])((0[1-9]|[12][0-9]|3[01])(([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9])?)?)?)?)?"
)
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_SIZE = re.compile(r"[0-9]{1,18}")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")


# Slots


def read_slots(element: _Element) -> dict[str, tuple[str, ...]]:
    """All values by slot name; values of slots of the same name follow each other."""
    slots: dict[str, list[str]] = {}
    for slot in element.iterchildren(f"{_RIM}Slot"):
        _add_slot(slots, slot)
    return {name: tuple(values) for name, values in slots.items()}


def _add_slot(slots: dict[str, list[str]], slot: _Element) -> None:
    values = slots.setdefault(slot.get("name", "").strip(), [])
    values.extend(text_of(value) for value in slot.iter(f"{_RIM}Value"))


def write_slot(name: str, *values: str) -> str:
    """One ``rim:Slot``. The values are cut to the schema's 256 characters."""
    written = "".join([f"<rim:Value>{quote(value, VALUE_MAX)}</rim:Value>" for value in values])
    return f'<rim:Slot name="{name}"><rim:ValueList>{written}</rim:ValueList></rim:Slot>'


# Writing


@dataclass(frozen=True, slots=True, repr=False)
class Listing:
    """What every entry of one answer has in common: the patient as asked, this community, its country."""

    patient: II
    home: Oid
    country: str
    country_name: str = ""

    def __repr__(self) -> str:
        return f"Listing({self.country})"


def entry_uuid(unique_id: str) -> str:
    """The entryUUID of a document: always the same for the same documentUniqueId (UUIDv5)."""
    return urn_uuid(uuid5(NAMESPACE_OID, unique_id))


def write_objects(entries: Sequence[DocumentEntry], listing: Listing) -> str:
    """ExtrinsicObjects, L3 before L1, each pair followed by its XFRM association; duplicates of an id are left out.

    Raises ``ConnectorError`` with a reason ``entry.…`` for an entry that breaks a rule of the metadata.
    """
    _check_entries(entries, listing)
    written: list[str] = []
    for entry, twin in _pairs(entries):
        target = uuid5(NAMESPACE_OID, entry.unique_id)
        written.append(_write_entry(entry, target, listing))
        if twin is not None:
            source = uuid5(NAMESPACE_OID, twin.unique_id)
            written.append(_write_entry(twin, source, listing))
            written.append(
                f'<rim:Association id="{_part(source.int, XFRM)}" associationType="{XFRM}" '
                f'sourceObject="{urn_uuid(source)}" targetObject="{urn_uuid(target)}"/>'
            )
    return "".join(written)


def write_references(entries: Sequence[DocumentEntry], listing: Listing) -> str:
    """``rim:ObjectRef`` for each entry: what a query with ``returnType="ObjectRef"`` gets."""
    _check_entries(entries, listing)
    home = urn_oid(listing.home)
    ordered = (one for pair in _pairs(entries) for one in pair if one is not None)
    return "".join(f'<rim:ObjectRef id="{entry_uuid(entry.unique_id)}" home="{home}"/>' for entry in ordered)


def _pairs(entries: Sequence[DocumentEntry]) -> Iterator[tuple[DocumentEntry, DocumentEntry | None]]:
    """Each document once, with the entry that names it as its twin or is named by it; (XML, PDF) where that shows."""
    by_id: dict[str, DocumentEntry] = {}
    for entry in entries:
        by_id.setdefault(entry.unique_id, entry)
    twins: dict[str, str] = {}
    for entry in by_id.values():
        other = by_id.get(entry.twin)
        if other is None or other is entry or entry.unique_id in twins or other.unique_id in twins:
            continue
        twins[entry.unique_id], twins[other.unique_id] = other.unique_id, entry.unique_id
    done: set[str] = set()
    for entry in by_id.values():
        if entry.unique_id in done:
            continue
        twin = by_id.get(twins.get(entry.unique_id, ""))
        if twin is not None:
            done.add(twin.unique_id)
            if is_pdf(entry) and not is_pdf(twin):
                entry, twin = twin, entry
        yield entry, twin


def is_pdf(entry: DocumentEntry) -> bool:
    """Whether the entry says it is a PDF representation: by its format code (in any letter case) or media type."""
    return known_format(entry.format_code) is FormatCode.PDF_L1 or entry.mime_type.lower() == "application/pdf"


def _check_entries(entries: Sequence[DocumentEntry], listing: Listing) -> None:
    for entry in entries:
        if (reason := _broken_rule(entry, listing)) is not None:
            raise ConnectorError(generic_code(entry.class_code), reason)


def _broken_rule(entry: DocumentEntry, listing: Listing) -> str | None:
    """What must hold of an entry before it may leave: asked patient, ids that can be asked back, required metadata."""
    if entry.patient != listing.patient:
        return "entry.patient"
    if not _is_id(entry.unique_id, UNIQUE_ID_MAX):
        return "entry.unique_id"
    if len(entry.repository_id) > OID_MAX or not _OID.fullmatch(entry.repository_id):
        return "entry.repository_id"
    if not _is_id(entry.format_code, VALUE_MAX):
        return "entry.format_code"
    if "/" not in entry.mime_type or not _is_id(entry.mime_type, VALUE_MAX):
        return "entry.mime_type"
    if not _STRICT_DTM.fullmatch(entry.creation_time):
        return "entry.creation_time"
    if entry.service_start_time and not _STRICT_DTM.fullmatch(entry.service_start_time):
        return "entry.service_start_time"
    if not _is_id(entry.language, VALUE_MAX):
        return "entry.language"
    if entry.size is not None and entry.size < 0:
        return "entry.size"
    if entry.hash and not _SHA1.fullmatch(entry.hash):
        return "entry.hash"
    return None


def _is_id(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and text.isprintable() and text.strip() == text


def _write_entry(entry: DocumentEntry, uuid: UUID, listing: Listing) -> str:
    id_, number = urn_uuid(uuid), uuid.int
    patient = quote(listing.patient.as_cx(), VALUE_MAX)
    title = quote(cut_bytes(TITLES.get(entry.class_code, entry.title), TITLE_MAX_BYTES))
    description = quote(_description(entry), TEXT_MAX)
    class_code = quote(entry.class_code, VALUE_MAX)
    facility = entry.facility or Coded(listing.country, _COUNTRIES, listing.country_name)
    optional_slots = (
        ("" if entry.size is None else _SLOT % ("size", entry.size)),
        (_SLOT % ("hash", entry.hash.lower()) if entry.hash else ""),
        (_SLOT % ("serviceStartTime", entry.service_start_time) if entry.service_start_time else ""),
    )
    events = [coded for coded in entry.event_codes if coded.code and coded.scheme]
    return "".join(
        [
            f'<rim:ExtrinsicObject id="{id_}" lid="{id_}" home="{urn_oid(listing.home)}" '
            f'mimeType="{quote(entry.mime_type)}" objectType="{STABLE_DOCUMENT}" status="{APPROVED}">',
            _SLOT % ("sourcePatientId", patient),
            *optional_slots[:2],
            _SLOT % ("creationTime", entry.creation_time),
            _SLOT % ("repositoryUniqueId", entry.repository_id),
            _SLOT % ("languageCode", quote(entry.language)),
            optional_slots[2],
            _NAME % title,
            f'<rim:Description><rim:LocalizedString value="{description}"/></rim:Description>' if description else "",
            '<rim:VersionInfo versionName="1.1"/>',
            _write_coded(
                number, id_, _CONFIDENTIALITY, entry.confidentiality if entry.confidentiality.code else _NORMAL
            ),
            _CLASSIFICATION % (_part(number, _CLASS), _CLASS, id_, class_code, LOINC, title),
            _CLASSIFICATION % (_part(number, _TYPE), _TYPE, id_, class_code, LOINC, title),
            _write_coded(number, id_, _FACILITY, facility),
            _CLASSIFICATION % (_part(number, _PRACTICE_SETTING), _PRACTICE_SETTING, id_, *_NOT_USED),
            _write_coded(number, id_, _FORMAT, _format_of(entry)),
            *[_write_author(number, id_, n, author) for n, author in enumerate(entry.authors)],
            *[_write_coded(number, id_, _EVENT, coded, n) for n, coded in enumerate(events)],
            _IDENTIFIER % (_part(number, _PATIENT_ID), id_, _PATIENT_ID, patient, "XDSDocumentEntry.patientId"),
            _IDENTIFIER
            % (_part(number, _UNIQUE_ID), id_, _UNIQUE_ID, quote(entry.unique_id), "XDSDocumentEntry.uniqueId"),
            "</rim:ExtrinsicObject>",
        ]
    )


# Filled with values that are escaped already. Every Classification has a Slot, and all but authors a Name: OpenNCP as
# client takes Slot[0] of each and the Name of an event code, and fails without.
_SLOT = '<rim:Slot name="%s"><rim:ValueList><rim:Value>%s</rim:Value></rim:ValueList></rim:Slot>'
_NAME = '<rim:Name><rim:LocalizedString value="%s"/></rim:Name>'
_CLASSIFICATION = (
    '<rim:Classification id="%s" classificationScheme="%s" classifiedObject="%s" nodeRepresentation="%s">'
    f"{_SLOT.replace('%s', 'codingScheme', 1)}{_NAME}</rim:Classification>"
)
_IDENTIFIER = (
    '<rim:ExternalIdentifier id="%s" registryObject="%s" identificationScheme="%s" value="%s" '
    'objectType="urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier">'
    f"{_NAME}</rim:ExternalIdentifier>"
)


def _format_of(entry: DocumentEntry) -> Coded:
    known = known_format(entry.format_code)
    if known is None:
        return Coded(entry.format_code, EHDSI_FORMATS)
    return Coded(known, *FORMAT_NAMES[known])


def _description(entry: DocumentEntry) -> str:
    """Of summaries a fixed text: OpenNCP writes the patient's id into it, which is nobody's business in a list."""
    if entry.class_code in (ClassCode.PATIENT_SUMMARY, ClassCode.MRO):
        return f"{TITLES[entry.class_code]} ({'CDA L1 / PDF body' if is_pdf(entry) else 'CDA L3 / Structured body'})"
    return entry.description


def _write_coded(number: int, id_: str, scheme: str, coded: Coded, index: int = 0) -> str:
    return _CLASSIFICATION % (
        _part(number, scheme, index),
        scheme,
        id_,
        quote(coded.code, VALUE_MAX),
        quote(coded.scheme, VALUE_MAX),
        quote(coded.name or coded.code, TEXT_MAX),
    )


def _write_author(number: int, id_: str, index: int, author: Author) -> str:
    if not author.person and not author.institution:
        return ""
    specialties = [specialty for specialty in author.specialties if specialty]
    return (
        f'<rim:Classification id="{_part(number, _AUTHOR, index)}" classificationScheme="{_AUTHOR}" '
        f'classifiedObject="{id_}" nodeRepresentation="">'
        f"{write_slot('authorPerson', author.person) if author.person else ''}"
        f"{write_slot('authorInstitution', author.institution) if author.institution else ''}"
        f"{write_slot('authorSpecialty', *specialties) if specialties else ''}</rim:Classification>"
    )


def _part(owner: int, name: str, index: int = 0) -> str:
    """The id of a part of an object, derived from the object's own: the same answer is always the same bytes."""
    digits = f"{owner ^ _mask(name, index):032x}"
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_VERSION_AND_VARIANT = 0xF << 76 | 0xC << 60


@cache
def _mask(name: str, index: int) -> int:
    """A digest of the part's name that leaves version and variant of a UUID alone when the two are combined."""
    return uuid5(NAMESPACE_OID, f"{name} {index}").int & ~_VERSION_AND_VARIANT


# Reading


def read_objects(
    container: _Element,
) -> tuple[tuple[DocumentEntry, ...], tuple[Association, ...], tuple[str, ...]]:
    """Entries, associations and notes of a RegistryObjectList, in the order of the message. Never raises.

    Notes: ``entry.unique_id`` and ``entry.repository_id`` (an entry without them is left out: it can never be
    fetched), ``entry.references_only`` (ObjectRefs where objects were asked for).
    """
    entries: list[DocumentEntry] = []
    associations: list[Association] = []
    notes: dict[str, None] = {}
    for element in children(container):
        if element.tag == f"{_RIM}ExtrinsicObject":
            entry = _read_entry(element)
            if not 0 < len(entry.unique_id) <= VALUE_MAX:
                notes["entry.unique_id"] = None
            elif not 0 < len(entry.repository_id) <= VALUE_MAX:
                notes["entry.repository_id"] = None
            else:
                entries.append(entry)
        elif element.tag == f"{_RIM}Association":
            associations.append(
                Association(
                    _reference(element.get("sourceObject", "")),
                    _reference(element.get("targetObject", "")),
                    element.get("associationType", "").strip(),
                )
            )
        elif element.tag == f"{_RIM}ObjectRef":
            notes["entry.references_only"] = None
    return tuple(entries), tuple(associations), tuple(notes)


def _reference(id_: str) -> str:
    return id_.strip().lower()


def _read_entry(element: _Element) -> DocumentEntry:
    slots: dict[str, list[str]] = {}
    codes: dict[str, list[Coded]] = {}
    authors: list[Author] = []
    identifiers: dict[str, str] = {}
    strings: dict[str, str] = {}
    for part in children(element):
        match part.tag:
            case _Tag.SLOT:
                _add_slot(slots, part)
            case _Tag.CLASSIFICATION:
                scheme = _scheme(part.get("classificationScheme", ""))
                if scheme != _AUTHOR:
                    codes.setdefault(scheme, []).append(_read_coded(part))
                elif (author := _read_author(part)) != Author():
                    authors.append(author)
            case _Tag.IDENTIFIER:
                value = part.get("value", "").strip()
                identifiers.setdefault(_scheme(part.get("identificationScheme", "")), value)
                # The name alone is what OpenNCP as client looks at.
                identifiers.setdefault(_read_name(part).lower(), value)
            case _Tag.NAME | _Tag.DESCRIPTION:
                strings.setdefault(part.tag, _read_string(part))
    unique_id = identifiers.get(_UNIQUE_ID) or identifiers.get("xdsdocumententry.uniqueid", "")
    patient_id = identifiers.get(_PATIENT_ID) or identifiers.get("xdsdocumententry.patientid", "")
    size = _first(slots, "size")
    sha1 = _first(slots, "hash")
    created = _DTM.match(_first(slots, "creationTime"))
    return DocumentEntry(
        unique_id=unique_id,
        repository_id=_first(slots, "repositoryUniqueId"),
        home_community_id=element.get("home", "").strip().removeprefix("urn:oid:"),
        patient=_read_patient(patient_id or _first(slots, "sourcePatientId")),
        class_code=_code(codes, _CLASS).code or _code(codes, _TYPE).code,
        format_code=_code(codes, _FORMAT).code,
        mime_type=element.get("mimeType", "").strip()[:VALUE_MAX],
        title=strings.get(_Tag.NAME, ""),
        description=strings.get(_Tag.DESCRIPTION, ""),
        creation_time=created.group() if created else "",
        language=_first(slots, "languageCode")[:VALUE_MAX],
        size=int(size) if _SIZE.fullmatch(size) else None,
        hash=sha1.lower() if _SHA1.fullmatch(sha1) else "",
        confidentiality=_code(codes, _CONFIDENTIALITY),
        authors=tuple(authors),
        event_codes=tuple(codes.get(_EVENT, ())),
        service_start_time=_first(slots, "serviceStartTime")[:VALUE_MAX],
        facility=_code(codes, _FACILITY) if _FACILITY in codes else None,
        entry_uuid=_reference(element.get("id", "")),
        status=element.get("status", "").strip(),
    )


class _Tag:
    SLOT = f"{_RIM}Slot"
    CLASSIFICATION = f"{_RIM}Classification"
    IDENTIFIER = f"{_RIM}ExternalIdentifier"
    NAME = f"{_RIM}Name"
    DESCRIPTION = f"{_RIM}Description"


def _scheme(urn: str) -> str:
    bare = urn.strip().lower()
    return bare if bare.startswith("urn:uuid:") else f"urn:uuid:{bare}"


def _first(slots: Mapping[str, Sequence[str]], name: str) -> str:
    return next((value for value in slots.get(name, ()) if value), "")


def _code(codes: Mapping[str, list[Coded]], scheme: str) -> Coded:
    return codes[scheme][0] if scheme in codes else Coded("", "")


def _read_coded(classification: _Element) -> Coded:
    return Coded(
        classification.get("nodeRepresentation", "").strip()[:VALUE_MAX],
        _first(read_slots(classification), "codingScheme")[:VALUE_MAX],
        _read_name(classification),
    )


def _read_author(classification: _Element) -> Author:
    slots = read_slots(classification)
    return Author(
        _first(slots, "authorPerson")[:VALUE_MAX],
        _first(slots, "authorInstitution")[:VALUE_MAX],
        tuple(value[:VALUE_MAX] for value in slots.get("authorSpecialty", ()) if value),
    )


def _read_patient(cx: str) -> II:
    """The patient of an entry. What is there but no CX stays whole in the extension, so that it equals nobody."""
    try:
        return parse_cx(cx)
    except ValueError:
        return II("", cx[:VALUE_MAX])


def _read_name(element: _Element) -> str:
    for name in element.iterchildren(_Tag.NAME):
        return _read_string(name)
    return ""


def _read_string(name: _Element) -> str:
    """The first localised string that says something."""
    for localized in name.iterchildren(f"{_RIM}LocalizedString"):
        value = localized.get("value", "").strip()
        if value:
            return value[:TEXT_MAX]
    return ""
