"""A whole invented summary: every section in its order, written as CDA L3, or as L1 with a PDF of the same content."""

from __future__ import annotations

import base64

from ncp.connector.store.patients import PatientFile
from ncp.connector.store.synthetic import conditions, measurements, medication
from ncp.connector.store.synthetic.facts import DocumentFacts, SummaryFacts
from ncp.connector.store.synthetic.header import write_document
from ncp.connector.store.synthetic.labels import labels_of
from ncp.connector.store.synthetic.markup import Markup, el
from ncp.connector.store.synthetic.pdf import write_pdf
from ncp.connector.store.synthetic.section import Section, write_section
from xca.facts import ClassCode

_SECTIONS = (
    conditions.allergies,
    conditions.problems,
    medication.medications,
    conditions.devices,
    conditions.procedures,
    conditions.past_illnesses,
    medication.immunisations,
    measurements.social_history,
    measurements.pregnancy,
    measurements.vital_signs,
    measurements.results,
    measurements.care_plan,
    measurements.advance_directives,
)


def write_summary(patient: PatientFile, facts: SummaryFacts) -> list[bytes]:
    """The representations that ``facts.formats`` asks for. The same facts give the same bytes."""
    labels = labels_of(facts.language)
    sections: list[Section] = [made for make in _SECTIONS if (made := make(facts, labels)) is not None]
    written = []
    if "L3" in facts.formats:
        body = el("structuredBody", *(write_section(section, labels) for section in sections))
        written.append(write_document(patient, facts, ClassCode.PATIENT_SUMMARY, "L3", body))
    if "L1" in facts.formats:
        pdf = write_pdf(patient, facts, sections, labels)
        written.append(write_document(patient, facts, ClassCode.PATIENT_SUMMARY, "L1", embedded(pdf)))
    return written


def wrap_pdf(patient: PatientFile, facts: DocumentFacts, class_code: str, pdf: bytes) -> bytes:
    """A PDF of its own as a CDA L1."""
    return write_document(patient, facts, class_code, "L1", embedded(pdf))


def embedded(pdf: bytes) -> Markup:
    """The body of an L1 document."""
    content = Markup(base64.b64encode(pdf).decode())
    text = el("text", content, mediaType="application/pdf", representation="B64")
    return el("nonXMLBody", text, classCode="DOCBODY", moodCode="EVN")
