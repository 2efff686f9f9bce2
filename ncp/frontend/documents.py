"""Documents as OpenNCP's client connector shows them: titles, pairs, and the class code rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ncp.wire.errors import Code, RequestError
from xca.facts import LOINC, ORIGINAL_CLINICAL_DOCUMENTS, ClassCode, FormatCode
from xca.messages import DocumentEntry

TITLES: Mapping[str, str] = {
    ClassCode.PATIENT_SUMMARY: "Patient Summary",
    ClassCode.EPRESCRIPTION: "ePrescription",
    ClassCode.EDISPENSATION: "eDispensation",
    ClassCode.EDISPENSATION_DISCARD: "eDispensation",
    ClassCode.MRO: "MRO Summary",
    ClassCode.HOSPITAL_DISCHARGE: "OrCD Hospital Discharge Summary",
    ClassCode.LABORATORY: "OrCD Laboratory Report",
    ClassCode.IMAGING_REPORT: "OrCD Diagnostic Imaging Study",
    ClassCode.IMAGE: "OrCD Medical Image",
}
UNKNOWN_TITLE = "Unknown Document Type"
QUERYABLE = frozenset((ClassCode.PATIENT_SUMMARY, ClassCode.EPRESCRIPTION, ClassCode.MRO, *ORIGINAL_CLINICAL_DOCUMENTS))

_DISPENSABLE = "1.3.6.1.4.1.19376.1.2.3"
_DISPENSABLE_OPEN = "urn:ihe:iti:xdw:2011:eventCode:open"
_ATC = "2.16.840.1.113883.6.73"
_DOSE_FORM = "0.4.0.127.0.16.1.1.2.1"
_STRENGTH = "eHDSI_Strength_CodeSystem"
_SUBSTITUTION = "2.16.840.1.113883.5.1070"
_HOSPITALISATION = "1.3.6.1.4.1.12559.11.10.1.3.1.44.2"


def class_code_of(code: str, schema: str) -> str:
    """The class code of a portal's ``genericDocumentCode``. ``RequestError`` for another schema or an unknown class."""
    if schema.strip() != LOINC:
        raise RequestError(Code.GENERIC, "class_code.schema", message="The schema of a class code must be LOINC")
    if code.strip() not in QUERYABLE:
        raise RequestError(Code.GENERIC, "class_code.unsupported", message="Class code not supported")
    return code.strip()


def class_codes_of(codes: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Class codes of one query: a single one, or several original clinical documents."""
    read = tuple(dict.fromkeys(class_code_of(code, schema) for code, schema in codes))
    if len(read) > 1 and not set(read) <= set(ORIGINAL_CLINICAL_DOCUMENTS):
        raise RequestError(
            Code.GENERIC,
            "class_code.combination",
            message="Several class codes are allowed for original clinical documents only",
        )
    if not read:
        raise RequestError(Code.GENERIC, "class_code.missing", message="A class code is needed")
    return read


def is_original_clinical(class_codes: Sequence[str]) -> bool:
    """Whether filters apply to the query."""
    return bool(class_codes) and set(class_codes) <= set(ORIGINAL_CLINICAL_DOCUMENTS)


def is_pdf(entry: DocumentEntry) -> bool:
    """Whether the entry is the level 1 representation (OpenNCP goes by the format code alone)."""
    return entry.format_code.lower() == FormatCode.PDF_L1.lower()


def format_scheme(format_code: str) -> str:
    """The coding scheme of a format code: IHE's for a PDF of level 1, else eHDSI's."""
    return "IHE PCC" if format_code.lower() == FormatCode.PDF_L1.lower() else "eHDSI formatCodes"


def paired(entries: Sequence[DocumentEntry]) -> Iterator[tuple[DocumentEntry, DocumentEntry | None]]:
    """Entries as a portal lists them, each with its other representation: level 1 directly before level 3.

    Both must name each other or one the other; an entry that names itself or one that is not there stands alone.
    """
    by_id = {entry.unique_id: entry for entry in entries}
    twin_of = {entry.unique_id: entry.twin for entry in entries if entry.twin in by_id}
    twin_of.update({twin: unique_id for unique_id, twin in tuple(twin_of.items()) if twin not in twin_of})
    written: set[str] = set()
    for entry in entries:
        if entry.unique_id in written:
            continue
        other = by_id.get(twin_of.get(entry.unique_id, ""))
        if other is None or other is entry or other.unique_id in written:
            written.add(entry.unique_id)
            yield entry, None
            continue
        first, second = (other, entry) if is_pdf(other) and not is_pdf(entry) else (entry, other)
        written.update((first.unique_id, second.unique_id))
        yield first, second
        yield second, first


@dataclass(frozen=True, slots=True)
class Events:
    """What the event codes of a prescription or a discharge say; empty where they do not."""

    atc_code: str = ""
    atc_text: str = ""
    dose_form_code: str = ""
    dose_form_text: str = ""
    strength: str = ""
    substitution: str = ""
    dispensable: bool = False
    hospitalisation_code: str = ""
    hospitalisation_text: str = ""


def events_of(entry: DocumentEntry) -> Events:
    """Event codes by their coding scheme, the first of each."""
    first = {coded.scheme: coded for coded in reversed(entry.event_codes)}
    atc, form, reason = first.get(_ATC), first.get(_DOSE_FORM), first.get(_HOSPITALISATION)
    strength, substitution, open_ = first.get(_STRENGTH), first.get(_SUBSTITUTION), first.get(_DISPENSABLE)
    return Events(
        atc_code=atc.code if atc else "",
        atc_text=atc.name if atc else "",
        dose_form_code=form.code if form else "",
        dose_form_text=form.name if form else "",
        strength=strength.code if strength else "",
        substitution=substitution.code if substitution else "",
        dispensable=open_ is not None and open_.code == _DISPENSABLE_OPEN,
        hospitalisation_code=reason.code if reason else "",
        hospitalisation_text=reason.name if reason else "",
    )
