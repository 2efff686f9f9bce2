"""A CDA document as the store takes it: its metadata read out of the document itself, and checked.

Knows where CDA R2 keeps what a DocumentEntry needs, which bodies a class may have, how the two representations of one
document are told to belong together. Leaves codes, sections and narrative to whoever shows them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from lxml.etree import _Element

from ncp.connector.store import traits
from ncp.connector.store.patients import SERVED, PatientFile
from ncp.wire.ids import II, oid
from ncp.wire.times import to_dtm
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, child, children, parse, path, text_of
from xca.facts import LOINC, ORIGINAL_CLINICAL_DOCUMENTS, ClassCode, FormatCode
from xca.messages import Author, Coded
from xcpd.messages import PatientSearch

MAXIMUM_SIZE = 50 * 1024 * 1024
"""Bytes of one document: what a message of the profile carries by default (``docs/connector.md``)."""

MAXIMUM_BODY = 20 * 1024 * 1024
"""Bytes of the PDF or image inside a level 1 document."""

_ELEMENTS = 2_000_000
_UNIQUE_ID_MAX = 128
_SLOT_MAX = 256
_TITLE_MAX = 128

_NORMAL = Coded("N", "2.16.840.1.113883.5.25", "Normal")

# Titles are constants of the profile, in English, so that they tell nothing of the patient.
_TITLES = {
    ClassCode.PATIENT_SUMMARY: "Patient Summary",
    ClassCode.HOSPITAL_DISCHARGE: "OrCD Hospital Discharge Summary",
    ClassCode.LABORATORY: "OrCD Laboratory Report",
    ClassCode.IMAGING_REPORT: "OrCD Diagnostic Imaging Study",
    ClassCode.IMAGE: "OrCD Medical Image",
}
_DESCRIPTIONS = {
    "L3": "Patient Summary (CDA L3 / Structured body)",
    "L1": "Patient Summary (CDA L1 / PDF body)",
}
_ORCD_FORMATS = {
    "application/pdf": FormatCode.ORCD_PDF,
    "image/png": FormatCode.ORCD_PNG,
    "image/jpeg": FormatCode.ORCD_JPEG,
}
_MAGIC = {"application/pdf": b"%PDF-", "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}

_TIME = re.compile(r"(\d{4}(?:\d\d){0,5})(?:\.\d{1,6})?([+-]\d{4})?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


class DocumentRefused(Exception):
    """``field`` is a CDA element, ``reason`` and ``remedy`` sentences without data of the patient."""

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True, repr=False)
class ClinicalDocument:
    """One representation, ``level`` ``L3`` or ``L1``; ``parents`` the ids it was transformed from."""

    content: bytes
    id: II
    level: str
    class_code: str
    format_code: str
    creation_time: str
    service_start_time: str
    language: str
    title: str
    description: str
    confidentiality: Coded
    authors: tuple[Author, ...]
    parents: frozenset[II]
    set_id: tuple[II, str] | None
    patient_ids: tuple[II, ...]
    traits: PatientSearch

    def __repr__(self) -> str:
        return f"ClinicalDocument({self.level}, {len(self.content)} bytes)"

    @property
    def unique_id(self) -> str:
        """documentUniqueId: ``root^extension``, or ``root``."""
        return f"{self.id.root}^{self.id.extension}" if self.id.extension else self.id.root

    @property
    def hash(self) -> str:
        """SHA-1 as XDS metadata ask for it; it protects nothing."""
        return hashlib.sha1(self.content, usedforsecurity=False).hexdigest()


def read_document(content: bytes, *, zone: tzinfo = UTC, maximum_size: int = MAXIMUM_SIZE) -> ClinicalDocument:
    """Read one CDA document. ``zone`` is the country's, for times that have none. Raises ``DocumentRefused``."""
    root = _root(content, maximum_size)
    class_code = _class_code(root)
    level, format_code = _body(root, class_code)
    identifier = _id(root)
    titles = text_of(child(root, _q("title")))
    return ClinicalDocument(
        content=content,
        id=identifier,
        level=level,
        class_code=class_code,
        format_code=format_code,
        creation_time=_time(child(root, _q("effectiveTime")), "effectiveTime", zone),
        service_start_time=_service_start(root, zone) if class_code in ORIGINAL_CLINICAL_DOCUMENTS else "",
        language=_language(root),
        title=_TITLES[ClassCode(class_code)],
        description=_DESCRIPTIONS[level] if class_code == ClassCode.PATIENT_SUMMARY else titles[:_TITLE_MAX],
        confidentiality=_confidentiality(root),
        authors=tuple(_author(element) for element in root.iterchildren(_q("author"))),
        parents=_parents(root),
        set_id=_set_id(root),
        patient_ids=_patient_ids(root),
        traits=_traits(root),
    )


def check_patient(document: ClinicalDocument, patient: PatientFile) -> None:
    """Refuse a document that names somebody else: by identifier, or by name, gender or birth date."""
    own = {identifier.as_ii() for identifier in patient.identifiers}
    roots = {identifier.root for identifier in own}
    field = "recordTarget/patientRole/id"
    if not own.intersection(document.patient_ids):
        raise DocumentRefused(field, "none of the patient's identifiers", "Check whose document it is")
    if any(identifier.root in roots and identifier not in own for identifier in document.patient_ids):
        raise DocumentRefused(field, "an identifier of somebody else", "Check whose document it is")
    if traits.contradicts(document.traits, patient.person(), patient.names()):
        raise DocumentRefused(
            "recordTarget/patientRole/patient",
            "name, gender or birth date contradict patient.toml",
            "Check whose document it is, or correct patient.toml; other spellings belong in other_names",
        )


def pair(documents: Sequence[ClinicalDocument]) -> tuple[dict[str, str], bool]:
    """Unique id → unique id of its other representation, both ways; and whether some pair was not clear.

    An L3 and an L1 of one class belong together when they were transformed from the same document, or one from the
    other, or are the same version of one set. A link that fits more than one document is left out: never guessed.
    """
    linked = {
        (left.unique_id, right.unique_id)
        for left in documents
        for right in documents
        if left.level == "L3" and right.level == "L1" and left.class_code == right.class_code and _linked(left, right)
    }
    sources = [left for left, _ in linked]
    targets = [right for _, right in linked]
    clear = [(left, right) for left, right in linked if sources.count(left) == 1 and targets.count(right) == 1]
    twins = dict(clear) | {right: left for left, right in clear}
    return twins, len(clear) < len(linked)


def _linked(structured: ClinicalDocument, pdf: ClinicalDocument) -> bool:
    return (
        bool(structured.parents & pdf.parents)
        or structured.id in pdf.parents
        or pdf.id in structured.parents
        or (structured.set_id is not None and structured.set_id == pdf.set_id)
    )


def _q(name: str) -> str:
    return f"{{{NS_HL7}}}{name}"


def _root(content: bytes, maximum_size: int) -> _Element:
    limits = XmlLimits(size=maximum_size, elements=_ELEMENTS, attributes=2 * _ELEMENTS, long_text=True)
    try:
        root = parse(content, limits)
    except XmlRefused as error:
        remedies = {
            "xml.malformed": "Validate the file against the CDA schema",
            "xml.dtd": "Remove the document type declaration",
            "xml.encoding": "Save the file as UTF-8",
            "xml.too_large": f"Documents over {maximum_size} bytes cannot be exchanged",
            "xml.too_deep": "Reduce the nesting",
        }
        raise DocumentRefused("", str(error).partition(": ")[2], remedies[error.reason]) from None
    if root.tag != _q("ClinicalDocument"):
        raise DocumentRefused("", "no ClinicalDocument of urn:hl7-org:v3", "Put CDA documents here only")
    return root


def _class_code(root: _Element) -> str:
    code = child(root, _q("code"))
    value = "" if code is None else code.get("code", "")
    if value not in SERVED or code is None or code.get("codeSystem") != LOINC:
        raise DocumentRefused(
            "code", "not a document class of this store", f"The store holds LOINC {', '.join(SERVED)}"
        )
    return value


def _body(root: _Element, class_code: str) -> tuple[str, str]:
    """Level and format code; the body must be one that the class may have."""
    component = child(root, _q("component"))
    summary = class_code == ClassCode.PATIENT_SUMMARY
    if child(component, _q("structuredBody")) is not None:
        if not summary:
            raise DocumentRefused("component/structuredBody", "an original document", "Deliver it as PDF or image")
        return "L3", FormatCode.PATIENT_SUMMARY_L3
    text = path(component, NS_HL7, "nonXMLBody", "text")
    if text is None:
        raise DocumentRefused("component", "neither structuredBody nor nonXMLBody/text", "Add a body")
    media = text.get("mediaType", "").partition(";")[0].strip().lower()
    formats = {"application/pdf": FormatCode.PDF_L1} if summary else _ORCD_FORMATS
    if media not in formats or (media != "application/pdf" and class_code != ClassCode.IMAGE):
        raise DocumentRefused("nonXMLBody/text/@mediaType", "not a format of this class", "Use application/pdf")
    _check_embedded(text, media)
    return "L1", formats[media]


def _check_embedded(text: _Element, media: str) -> None:
    field = "nonXMLBody/text"
    if text.get("representation") != "B64" or any(True for _ in children(text)):
        raise DocumentRefused(field, "not embedded as base64", 'Embed the file with representation="B64"')
    try:
        data = base64.b64decode("".join(text_of(text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise DocumentRefused(field, "not base64", "Encode the file again") from None
    if len(data) > MAXIMUM_BODY:
        raise DocumentRefused(field, f"more than {MAXIMUM_BODY} bytes", "Reduce the file, for example its images")
    if _MAGIC[media] not in data[:1024]:
        raise DocumentRefused(field, "the embedded file is not what mediaType says", "Embed the right file")


def _id(root: _Element) -> II:
    identifier = _ii(child(root, _q("id")))
    remedy = f"Write root (an OID) and extension, together at most {_UNIQUE_ID_MAX - 1} characters"
    if identifier is None:
        raise DocumentRefused("id", "no root", remedy)
    try:
        oid(identifier.root)
    except ValueError:
        raise DocumentRefused("id/@root", "not an object identifier", remedy) from None
    if len(identifier.root) + len(identifier.extension) >= _UNIQUE_ID_MAX or "^" in identifier.extension:
        raise DocumentRefused("id", "cannot be a document unique id", remedy)
    return identifier


def _ii(element: _Element | None) -> II | None:
    root = "" if element is None else element.get("root", "").strip()
    return II(root, element.get("extension", "").strip()) if root and element is not None else None


def _time(element: _Element | None, field: str, zone: tzinfo) -> str:
    """DTM digits in UTC. A date without a time stays the date that was written."""
    match = _TIME.fullmatch("" if element is None else element.get("value", "").strip())
    if match is None:
        raise DocumentRefused(field, "no HL7 time", "Write it as in 20250310091500+0100")
    digits, offset = match.group(1), match.group(2)
    shown = digits + "00000101000000"[len(digits) :]
    try:
        if offset:
            minutes = int(offset[1:3]) * 60 + int(offset[3:5])
            zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
        at = datetime.strptime(shown, "%Y%m%d%H%M%S").replace(tzinfo=zone)
        return digits if len(digits) <= 8 else to_dtm(at)[: len(digits)]
    except (ValueError, OverflowError):
        raise DocumentRefused(field, "no date of the calendar", "Write it as in 20250310091500+0100") from None


def _service_start(root: _Element, zone: tzinfo) -> str:
    start = path(root, NS_HL7, "documentationOf", "serviceEvent", "effectiveTime", "low")
    return _time(start, "serviceEvent/effectiveTime/low", zone) if start is not None and start.get("value") else ""


def _language(root: _Element) -> str:
    code = child(root, _q("languageCode"))
    value = "" if code is None else code.get("code", "").strip()
    if not _LANGUAGE.fullmatch(value):
        raise DocumentRefused("languageCode", "no language tag", "Write the language of the narrative, as in hr-HR")
    return value


def _confidentiality(root: _Element) -> Coded:
    code = child(root, _q("confidentialityCode"))
    if code is None or not code.get("code"):
        return _NORMAL
    return Coded(code.get("code", ""), code.get("codeSystem") or _NORMAL.scheme, code.get("displayName", ""))


def _author(element: _Element) -> Author:
    assigned = child(element, _q("assignedAuthor"))
    function = child(element, _q("functionCode"))
    role = "" if function is None else function.get("displayName", "") or function.get("code", "")
    return Author(
        person=_name(path(assigned, NS_HL7, "assignedPerson", "name"))[:_SLOT_MAX],
        institution=text_of(path(assigned, NS_HL7, "representedOrganization", "name"))[:_SLOT_MAX],
        specialties=(role[:_SLOT_MAX],) if role else (),
    )


def _name(element: _Element | None) -> str:
    """The parts in document order, or the text where there are none."""
    if element is None:
        return ""
    return " ".join(part for part in map(text_of, children(element)) if part) or text_of(element)


def _parents(root: _Element) -> frozenset[II]:
    found = (
        _ii(identifier)
        for related in root.iterchildren(_q("relatedDocument"))
        if related.get("typeCode") == "XFRM"
        for parent in related.iterchildren(_q("parentDocument"))
        for identifier in parent.iterchildren(_q("id"))
    )
    return frozenset(identifier for identifier in found if identifier is not None)


def _set_id(root: _Element) -> tuple[II, str] | None:
    identifier = _ii(child(root, _q("setId")))
    version = child(root, _q("versionNumber"))
    return None if identifier is None else (identifier, "" if version is None else version.get("value", ""))


def _patient_ids(root: _Element) -> tuple[II, ...]:
    role = path(root, NS_HL7, "recordTarget", "patientRole")
    found = () if role is None else tuple(_ii(identifier) for identifier in role.iterchildren(_q("id")))
    return tuple(identifier for identifier in found if identifier is not None)


def _traits(root: _Element) -> PatientSearch:
    patient = path(root, NS_HL7, "recordTarget", "patientRole", "patient")
    name = child(patient, _q("name"))
    gender = child(patient, _q("administrativeGenderCode"))
    birth = child(patient, _q("birthTime"))
    parts = {
        part: "" if name is None else " ".join(text_of(element) for element in name.iterchildren(_q(part)))
        for part in ("family", "given")
    }
    return PatientSearch(
        family=parts["family"],
        given=parts["given"],
        gender="" if gender is None else gender.get("code", ""),
        birth_date="" if birth is None else birth.get("value", ""),
    )
