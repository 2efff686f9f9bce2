"""The summary as a PDF/A-2u in the language of the document: what a level 1 document embeds.

fpdf2 with embedded fonts (``config/fonts``: Latin, Greek, Cyrillic). The same content gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources

from fpdf import FPDF
from fpdf.enums import DocumentCompliance, XPos, YPos
from fpdf.fonts import FontFace

from ncp.connector.store.patients import PatientFile
from ncp.connector.store.synthetic.facts import DocumentFacts
from ncp.connector.store.synthetic.labels import Labels, shown_date
from ncp.connector.store.synthetic.markup import el
from ncp.connector.store.synthetic.section import Section

_FAMILY = "DejaVu"
_HEADING_ROOM = 30
"""Millimetres that a heading and the first rows of its table need together."""


class _Pages(FPDF):
    def __init__(self, facts: DocumentFacts, labels: Labels) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4", enforce_compliance=DocumentCompliance.PDFA_2U)
        self._footing = f"{facts.organisation.name}  ·  {labels.general['page']}"
        self.set_lang(facts.language)
        self.set_title(facts.title)
        day = facts.created[:8] + "00000101"[len(facts.created[:8]) :]
        created = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        self.set_creation_date(created)
        self.set_xmp_metadata(_metadata(facts, created))
        self.set_margin(15)
        self.set_auto_page_break(True, 18)
        for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
            with resources.as_file(resources.files("config") / "fonts" / f"{name}.ttf") as file:
                self.add_font(_FAMILY, style, file)

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font(_FAMILY, "", 7)
        self.cell(0, 5, f"{self._footing} {self.page_no()}", align="C")

    def line_of(self, text: str, size: float, style: str = "", height: float = 5) -> None:
        self.set_font(_FAMILY, style, size)
        self.multi_cell(0, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _metadata(facts: DocumentFacts, created: datetime) -> str:
    """The XMP packet of PDF/A; the library's own would hold the time of writing."""
    at = created.isoformat(timespec="seconds")
    namespaces = {
        "xmlns:rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        "xmlns:xmp": "http://ns.adobe.com/xap/1.0/",
        "xmlns:pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    }
    description = el(
        "rdf:Description",
        el("xmp:CreateDate", at),
        el("xmp:ModifyDate", at),
        el("pdfaid:part", "2"),
        el("pdfaid:conformance", "U"),
        el("dc:title", el("rdf:Alt", el("rdf:li", facts.title, **{"xml:lang": "x-default"}))),
        **{"rdf:about": ""},
    )
    return el("x:xmpmeta", el("rdf:RDF", description, **namespaces), **{"xmlns:x": "adobe:ns:meta/"})


def write_pdf(patient: PatientFile, facts: DocumentFacts, sections: Sequence[Section], labels: Labels) -> bytes:
    """One PDF with the patient's identity and every section."""
    pages = _Pages(facts, labels)
    pages.add_page()
    pages.line_of(facts.title, 16, "B", 9)
    general = labels.general
    identity = (
        (general["title_patient"], " ".join(filter(None, (patient.prefix, patient.given, patient.family)))),
        (general["born"], shown_date(patient.birth_date)),
        (general["identifier"], ", ".join(identifier.extension for identifier in patient.identifiers)),
        (general["created"], shown_date(facts.created[:8])),
        (general["updated"], shown_date(facts.updated)),
        (general["by"], facts.organisation.name),
    )
    for label, value in identity:
        pages.line_of(f"{label}: {value}", 9)
    for section in sections:
        if pages.will_page_break(_HEADING_ROOM):
            pages.add_page()
        pages.ln(3)
        pages.line_of(labels.sections[section.key], 11, "B", 7)
        if section.rows:
            _table(pages, section, labels)
        elif section.note is not None:
            pages.line_of(section.note.cells[0], 9)
    return bytes(pages.output())


def _table(pages: _Pages, section: Section, labels: Labels) -> None:
    # Columns that say nothing about anybody only make the others narrow.
    used = [n for n, _ in enumerate(section.columns) if any(row.cells[n] for row in section.rows)]
    pages.set_font(_FAMILY, "", 7)
    heading = FontFace(family=_FAMILY, emphasis="BOLD", size_pt=7, fill_color=(225, 232, 240))
    with pages.table(headings_style=heading, line_height=4, text_align="LEFT", padding=0.8) as table:
        head = table.row()
        for n in used:
            head.cell(labels.columns[section.columns[n]])
        for row in section.rows:
            line = table.row()
            for n in used:
                line.cell(row.cells[n])
