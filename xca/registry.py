"""ebRIM as XDS uses it, to and from ``DocumentEntry``: the only place that knows Slots, Classifications and
ExternalIdentifiers (ITI TF-3 4.2; OpenNCP's builders of ExtrinsicObjects).

Writes the strict form. Reads everything by scheme UUID and forgives: what is missing or unknown stays empty, an entry
that could never be fetched is left out and noted. Leaves to ``xca.query`` what surrounds the objects, to
``xca.outcomes`` what may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5

from lxml.etree import _Element

from ncp.wire.errors import ConnectorError
from ncp.wire.ids import II, OID_MAX, Oid, parse_cx, urn_oid, urn_uuid
from ncp.wire.ids import oid as parse_oid
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

_EXTERNAL_IDENTIFIER = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier"
_COUNTRIES = "1.0.3166.1"
_NORMAL = Coded("N", "2.16.840.1.113883.5.25", "Normal")
_NOT_USED = Coded("Not Used", "eHDSI Practice Setting Codes-Not Used", "Not Used")

_DTM = re.compile(r"[0-9]{4,14}")
_STRICT_DTM = re.compile(
    "[0-9]{4}((0[1-9]|1[0-2])((0[1-9]|[12][0-9]|3[01])(([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9])?)?)?)?)?"
)
_SIZE = re.compile(r"[0-9]{1,18}")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")


# Slots


def read_slots(element: _Element) -> dict[str, tuple[str, ...]]:
    """All values by slot name; values of slots of the same name follow each other."""
    slots: dict[str, tuple[str, ...]] = {}
    for slot in element.iterchildren(f"{_RIM}Slot"):
        values = tuple(text_of(value) for value in slot.iterfind(f"{_RIM}ValueList/{_RIM}Value"))
        name = slot.get("name", "").strip()
        slots[name] = slots.get(name, ()) + values
    return slots


def write_slot(name: str, values: Iterable[str]) -> str:
    """One ``rim:Slot``. The values are written as they are, cut to the schema's 256 characters."""
    written = "".join(f"<rim:Value>{quote(value, VALUE_MAX)}</rim:Value>" for value in values)
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
    written: list[str] = []
    for entry, twin in _pairs(entries):
        written.append(_write_entry(entry, listing))
        if twin is not None:
            written.append(_write_entry(twin, listing))
            source, target = entry_uuid(twin.unique_id), entry_uuid(entry.unique_id)
            written.append(
                f'<rim:Association id="{_part(source, target)}" associationType="{XFRM}" '
                f'sourceObject="{source}" targetObject="{target}"/>'
            )
    return "".join(written)


def write_references(entries: Sequence[DocumentEntry], listing: Listing) -> str:
    """``rim:ObjectRef`` for each entry: what a query with ``returnType="ObjectRef"`` gets."""
    home = urn_oid(listing.home)
    ordered = (one for pair in _pairs(entries) for one in pair if one is not None)
    for entry in entries:
        _check_entry(entry, listing)
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


def _check_entry(entry: DocumentEntry, listing: Listing) -> None:
    """What must hold of an entry before it may leave: asked patient, ids that can be asked back, required metadata."""
    checks: Mapping[str, bool] = {
        "entry.patient": entry.patient == listing.patient,
        "entry.unique_id": _is_id(entry.unique_id, UNIQUE_ID_MAX),
        "entry.repository_id": _is_oid(entry.repository_id),
        "entry.format_code": _is_id(entry.format_code, VALUE_MAX),
        "entry.mime_type": "/" in entry.mime_type and _is_id(entry.mime_type, VALUE_MAX),
        "entry.creation_time": _STRICT_DTM.fullmatch(entry.creation_time) is not None,
        "entry.service_start_time": not entry.service_start_time
        or _STRICT_DTM.fullmatch(entry.service_start_time) is not None,
        "entry.language": _is_id(entry.language, VALUE_MAX),
        "entry.size": entry.size is None or entry.size >= 0,
        "entry.hash": not entry.hash or _SHA1.fullmatch(entry.hash) is not None,
    }
    for reason, holds in checks.items():
        if not holds:
            raise ConnectorError(generic_code(entry.class_code), reason)


def _is_id(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and text.isprintable() and text.strip() == text


def _is_oid(text: str) -> bool:
    try:
        return parse_oid(text) == text and len(text) <= OID_MAX
    except ValueError:
        return False


def _write_entry(entry: DocumentEntry, listing: Listing) -> str:
    _check_entry(entry, listing)
    id_ = entry_uuid(entry.unique_id)
    uuid = UUID(id_)
    patient = listing.patient.as_cx()
    title = cut_bytes(TITLES.get(entry.class_code, entry.title), TITLE_MAX_BYTES)
    scheme, name = _format_name(entry)
    slots = [("sourcePatientId", patient)]
    if entry.size is not None:
        slots.append(("size", str(entry.size)))
    if entry.hash:
        slots.append(("hash", entry.hash.lower()))
    slots.append(("creationTime", entry.creation_time))
    slots.append(("repositoryUniqueId", entry.repository_id))
    slots.append(("languageCode", entry.language))
    if entry.service_start_time:
        slots.append(("serviceStartTime", entry.service_start_time))
    description = _description(entry, title)
    class_code = Coded(entry.class_code, LOINC, title)
    classifications = [
        (_CONFIDENTIALITY, entry.confidentiality if entry.confidentiality.code else _NORMAL),
        (_CLASS, class_code),
        (_TYPE, class_code),
        (_FACILITY, entry.facility or Coded(listing.country, _COUNTRIES, listing.country_name or listing.country)),
        (_PRACTICE_SETTING, _NOT_USED),
        (_FORMAT, Coded(known_format(entry.format_code) or entry.format_code, scheme, name)),
    ]
    return "".join(
        (
            f'<rim:ExtrinsicObject id="{id_}" lid="{id_}" home="{urn_oid(listing.home)}" '
            f'mimeType="{quote(entry.mime_type)}" objectType="{STABLE_DOCUMENT}" status="{APPROVED}">',
            *(write_slot(slot, (value,)) for slot, value in slots),
            _write_string("Name", title),
            _write_string("Description", description) if description else "",
            '<rim:VersionInfo versionName="1.1"/>',
            *(_write_classification(uuid, id_, 0, kind, coded) for kind, coded in classifications),
            *(_write_author(uuid, id_, n, author) for n, author in enumerate(entry.authors)),
            *(
                _write_classification(uuid, id_, n, _EVENT, coded)
                for n, coded in enumerate(entry.event_codes)
                if coded.code and coded.scheme
            ),
            _write_identifier(uuid, id_, _PATIENT_ID, "XDSDocumentEntry.patientId", patient),
            _write_identifier(uuid, id_, _UNIQUE_ID, "XDSDocumentEntry.uniqueId", entry.unique_id),
            "</rim:ExtrinsicObject>",
        )
    )


def _format_name(entry: DocumentEntry) -> tuple[str, str]:
    known = known_format(entry.format_code)
    return FORMAT_NAMES[known] if known else (EHDSI_FORMATS, entry.format_code)


def _description(entry: DocumentEntry, title: str) -> str:
    """Of summaries a fixed text: OpenNCP writes the patient's id into it, which is nobody's business in a list."""
    if entry.class_code in (ClassCode.PATIENT_SUMMARY, ClassCode.MRO):
        return f"{title} ({'CDA L1 / PDF body' if is_pdf(entry) else 'CDA L3 / Structured body'})"
    return entry.description


def _part(owner: str | UUID, name: str) -> str:
    """The id of a part of an object, derived from the object's own: the same answer is always the same bytes."""
    return urn_uuid(uuid5(owner if isinstance(owner, UUID) else UUID(owner), name))


def _write_string(element: str, text: str) -> str:
    return f'<rim:{element}><rim:LocalizedString value="{quote(text, TEXT_MAX)}"/></rim:{element}>'


def _write_classification(uuid: UUID, id_: str, number: int, scheme: str, coded: Coded) -> str:
    # Every Classification has a Slot, and a Name: OpenNCP as client takes Slot[0] of each and fails without.
    return (
        f'<rim:Classification id="{_part(uuid, f"{scheme} {number}")}" classificationScheme="{scheme}" '
        f'classifiedObject="{id_}" nodeRepresentation="{quote(coded.code, VALUE_MAX)}">'
        f"{write_slot('codingScheme', (coded.scheme,))}{_write_string('Name', coded.name or coded.code)}"
        "</rim:Classification>"
    )


def _write_author(uuid: UUID, id_: str, number: int, author: Author) -> str:
    slots = [
        ("authorPerson", (author.person,) if author.person else ()),
        ("authorInstitution", (author.institution,) if author.institution else ()),
        ("authorSpecialty", tuple(specialty for specialty in author.specialties if specialty)),
    ]
    if not author.person and not author.institution:
        return ""
    return (
        f'<rim:Classification id="{_part(uuid, f"{_AUTHOR} {number}")}" classificationScheme="{_AUTHOR}" '
        f'classifiedObject="{id_}" nodeRepresentation="">'
        + "".join(write_slot(name, values) for name, values in slots if values)
        + "</rim:Classification>"
    )


def _write_identifier(uuid: UUID, id_: str, scheme: str, name: str, value: str) -> str:
    return (
        f'<rim:ExternalIdentifier id="{_part(uuid, scheme)}" registryObject="{id_}" identificationScheme="{scheme}" '
        f'value="{quote(value, VALUE_MAX)}" objectType="{_EXTERNAL_IDENTIFIER}">'
        f"{_write_string('Name', name)}</rim:ExternalIdentifier>"
    )


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
    slots = read_slots(element)
    codes: dict[str, list[Coded]] = {}
    authors: list[Author] = []
    for classification in element.iterchildren(f"{_RIM}Classification"):
        scheme = _scheme(classification.get("classificationScheme", ""))
        if scheme == _AUTHOR:
            author = _read_author(classification)
            if author is not None:
                authors.append(author)
        else:
            codes.setdefault(scheme, []).append(_read_coded(classification))
    unique_id, patient_id = _read_identifiers(element)
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
        title=_read_string(element, "Name"),
        description=_read_string(element, "Description"),
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


def _scheme(urn: str) -> str:
    bare = urn.strip().lower()
    return bare if bare.startswith("urn:uuid:") else f"urn:uuid:{bare}"


def _first(slots: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next((value for value in slots.get(name, ()) if value), "")


def _code(codes: Mapping[str, list[Coded]], scheme: str) -> Coded:
    return codes[scheme][0] if scheme in codes else Coded("", "")


def _read_coded(classification: _Element) -> Coded:
    return Coded(
        classification.get("nodeRepresentation", "").strip()[:VALUE_MAX],
        _first(read_slots(classification), "codingScheme")[:VALUE_MAX],
        _read_string(classification, "Name"),
    )


def _read_author(classification: _Element) -> Author | None:
    slots = read_slots(classification)
    author = Author(
        _first(slots, "authorPerson")[:VALUE_MAX],
        _first(slots, "authorInstitution")[:VALUE_MAX],
        tuple(value[:VALUE_MAX] for value in slots.get("authorSpecialty", ()) if value),
    )
    return author if author != Author() else None


def _read_identifiers(element: _Element) -> tuple[str, str]:
    """documentUniqueId and patient id: by scheme, else by name, which is all that OpenNCP as client looks at."""
    by_scheme: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for identifier in element.iterchildren(f"{_RIM}ExternalIdentifier"):
        value = identifier.get("value", "").strip()
        by_scheme.setdefault(_scheme(identifier.get("identificationScheme", "")), value)
        by_name.setdefault(_read_string(identifier, "Name").lower(), value)
    return (
        by_scheme.get(_UNIQUE_ID) or by_name.get("xdsdocumententry.uniqueid", ""),
        by_scheme.get(_PATIENT_ID) or by_name.get("xdsdocumententry.patientid", ""),
    )


def _read_patient(cx: str) -> II:
    """The patient of an entry. What is there but no CX stays whole in the extension, so that it equals nobody."""
    try:
        return parse_cx(cx)
    except ValueError:
        return II("", cx[:VALUE_MAX])


def _read_string(element: _Element, name: str) -> str:
    for localized in element.iterfind(f"{_RIM}{name}/{_RIM}LocalizedString"):
        value = localized.get("value", "").strip()
        if value:
            return value[:TEXT_MAX]
    return ""
