"""One section of a summary, neutral of how it is shown: rows for the narrative and the PDF, entries for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ncp.connector.store.synthetic.labels import Labels
from ncp.connector.store.synthetic.markup import Markup, el
from ncp.wire.ids import II
from xca.facts import LOINC

E = "1.3.6.1.4.1.12559.11.10.1.3.1"
"""Arc of the eHDSI templates."""

PCC = "1.3.6.1.4.1.19376.1.5.3.1"
"""Arc of the IHE PCC templates."""

CCD = "2.16.840.1.113883.10.20.1"
"""Arc of the CCD templates."""


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One line of a table; ``id`` is what an entry points to."""

    id: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """``key`` names title and template, ``columns`` the headings; ``note`` stands where there are no rows."""

    key: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    entries: tuple[Markup, ...]
    note: Row | None = None


_SECTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "allergies": ("48765-2", "Allergies and adverse reactions", (f"{E}.2.12",)),
    "problems": ("11450-4", "Problem list", (f"{E}.2.9", f"{CCD}.11")),
    "medications": ("10160-0", "History of medication use", (f"{E}.2.3", f"{CCD}.8")),
    "devices": ("46264-8", "History of medical device use", (f"{E}.2.4", f"{CCD}.7")),
    "procedures": ("47519-4", "History of procedures", (f"{E}.2.11",)),
    "past_illnesses": ("11348-0", "History of past illness", (f"{E}.2.10",)),
    "immunisations": ("11369-6", "History of immunizations", (f"{E}.2.15", f"{CCD}.6")),
    "social_history": ("29762-2", "Social history", (f"{E}.2.13", f"{CCD}.15")),
    "pregnancy": ("10162-6", "History of pregnancies", (f"{E}.2.7",)),
    "vital_signs": ("8716-3", "Vital signs", (f"{E}.2.6",)),
    "results": ("30954-2", "Relevant diagnostic tests and laboratory data", (f"{E}.2.5",)),
    "care_plan": ("18776-5", "Plan of treatment", (f"{E}.2.8", f"{CCD}.10")),
    "advance_directives": ("42348-3", "Advance directives", (f"{E}.2.16",)),
}
"""LOINC code, its English name and templates per section; the order of the document."""

ORDER = tuple(_SECTIONS)


def write_section(section: Section, labels: Labels) -> Markup:
    code, name, templates = _SECTIONS[section.key]
    return el(
        "component",
        el(
            "section",
            *(el("templateId", root=template) for template in templates),
            el("code", code=code, codeSystem=LOINC, codeSystemName="LOINC", displayName=name),
            el("title", labels.sections[section.key]),
            el("text", _table(section, labels) if section.rows else _note(section)),
            *(el("entry", entry, typeCode="DRIV") for entry in section.entries),
        ),
    )


def _note(section: Section) -> Markup:
    note = section.note or Row("", ("",))
    return el("paragraph", el("content", note.cells[0], ID=note.id or None))


def _table(section: Section, labels: Labels) -> Markup:
    head = el("tr", *(el("th", labels.columns[column]) for column in section.columns))
    rows = (el("tr", *(el("td", cell) for cell in row.cells), ID=row.id) for row in section.rows)
    return el("table", el("thead", head), el("tbody", *rows))


def templates(*roots: str) -> Markup:
    return Markup("".join(el("templateId", root=root) for root in roots))


def reference(row: str) -> Markup:
    """``text`` that points to a row of the narrative."""
    return el("text", el("reference", value=f"#{row}"))


def entry_id(document: II, name: str) -> Markup:
    return el("id", root=document.root, extension=f"{document.extension}.{name}")


def low(since: str | None, until: str | None = None) -> Markup:
    return el(
        "effectiveTime",
        el("low", value=since) if since else el("low", nullFlavor="UNK"),
        el("high", value=until) if until else None,
    )


def loinc(tag: str, code: str, name: str) -> Markup:
    return el(tag, code=code, codeSystem=LOINC, codeSystemName="LOINC", displayName=name)


def observation(*content: str | None) -> Markup:
    return el("observation", *content, classCode="OBS", moodCode="EVN")


def related(kind: str, content: Markup, inversion: str | None = None) -> Markup:
    return el("entryRelationship", content, typeCode=kind, inversionInd=inversion)


def completed() -> Markup:
    return el("statusCode", code="completed")


def quantity(tag: str, text: str, xsi_type: str | None = None) -> Markup:
    """A physical quantity from ``500 mg``."""
    value, unit = text.split(" ", 1)
    return el(tag, xsi_type=xsi_type, value=value, unit=unit)


def absent(tag: str, code: str, xsi_type: str | None = None) -> Markup:
    """A statement that nothing is known, or that nothing is there (IPS absent and unknown data)."""
    words = code.replace("-", " ").replace("info", "information").capitalize()
    return el(
        tag,
        xsi_type=xsi_type,
        code=code,
        codeSystem="2.16.840.1.113883.5.1150.1",
        codeSystemName="IPS absent and unknown data",
        displayName=words,
    )


def absence_row(key: str, code: str, labels: Labels) -> Row:
    general = labels.general
    return Row(f"{key}-0", (general["nothing" if code.endswith("-info") else "none"],))


def rows_of(prefix: str, cells: Sequence[tuple[str, ...]]) -> tuple[Row, ...]:
    return tuple(Row(f"{prefix}-{number}", line) for number, line in enumerate(cells, start=1))


def plain(text: str) -> str:
    """A quantity for people: without the brackets of UCUM annotations."""
    return text.removesuffix(" 1").translate(str.maketrans("", "", "{}[]"))
