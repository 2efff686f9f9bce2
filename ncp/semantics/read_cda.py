"""A CDA R2 patient summary, of any wave, level 1 or 3, into the document model.

Reads what is written and judges nothing: a document that breaks its templates is read as far as it goes, and what has
no place in the model is listed in ``PatientSummary.not_shown``. Only bytes that are no clinical document are refused.
Leaves checking the patient, opening the PDF and translating to others.
"""

from __future__ import annotations

from typing import Any

from lxml.etree import _Element

from ncp.semantics.cda.header import HeaderReader
from ncp.semantics.cda.parties import party
from ncp.semantics.cda.reading import Child, Reading, known, refused
from ncp.semantics.cda.statements import STATEMENTS, statement
from ncp.semantics.cda.values import coded, identifier, text
from ncp.semantics.model import Attachment, Level, Narrative, PatientSummary, Section
from ncp.semantics.parties import Party
from ncp.semantics.statements import Statement
from ncp.semantics.understand import entries_of, section_kind
from ncp.semantics.values import Coded, Identifier, Place
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, parse

DOCUMENT_LIMITS = XmlLimits(size=50 * 1024 * 1024, depth=100, elements=500_000, attributes=1_000_000, long_text=True)
"""As for every delivered document: a full summary has some 3 000 elements, and a level 1 holds its PDF as one text."""

MAX_SUBSECTIONS = 8
"""Sections in sections; no sample has any."""

_NULL = known("nullFlavor")
_BODY_TEXT = known("mediaType", "representation")


def read_cda(content: bytes, limits: XmlLimits = DOCUMENT_LIMITS) -> PatientSummary:
    """The summary in these bytes.

    Raises ``DocumentError``, and nothing else: ``xml.…`` as ``ncp.wire.xml.parse``, ``document.format`` (no clinical
    document), ``document.body`` (no body), ``document.references`` (references that name more than any real narrative).
    """
    try:
        # Some senders begin with line breaks; an XML declaration may only stand at the very start.
        root = parse(content.lstrip(b" \t\r\n"), limits)
    except XmlRefused as refusal:
        raise refused(refusal.reason) from None
    return read_element(root)


def read_element(root: _Element) -> PatientSummary:
    """The summary in an element that ``ncp.wire.xml.parse`` made; it must not be changed afterwards."""
    if root.tag != f"{{{NS_HL7}}}ClinicalDocument":
        raise refused("document.format")
    reading = Reading(root)
    header = HeaderReader(reading)
    level: Level | None = None
    sections: tuple[Section, ...] = ()
    attachment: Attachment | None = None
    for child in reading.parts(root, Place(""), _NULL):
        if child[0] != "component":
            header.take(child)
            continue
        for body in reading.parts(child[1], child[2]):
            if body[0] == "structuredBody" and level is None:
                level = Level.L3
                sections = _sections(reading, body)
            elif body[0] == "nonXMLBody" and level is None:
                level = Level.L1
                attachment = _attachment(reading, body)
            elif body[0] != "templateId":
                reading.skip(body)
    if level is None:
        raise refused("document.body")
    reading.mark(root, Place(""), "nullFlavor")
    return PatientSummary(Place(""), level, header.header(Place("")), sections, attachment, tuple(reading.not_shown))


def _sections(reading: Reading, body: Child) -> tuple[Section, ...]:
    reading.mark(body[1], body[2], "nullFlavor")
    sections: list[Section] = []
    for child in reading.parts(body[1], body[2], _NULL):
        if child[0] == "component":
            sections += _component(reading, child, 0)
        elif child[0] != "templateId":
            reading.skip(child)
    return tuple(sections)


def _component(reading: Reading, component: Child, depth: int) -> list[Section]:
    sections: list[Section] = []
    for child in reading.parts(component[1], component[2]):
        if child[0] == "section":
            sections.append(_section(reading, child, depth))
        elif child[0] != "templateId":
            reading.skip(child)
    return sections


def _section(reading: Reading, section: Child, depth: int) -> Section:
    _, element, place = section
    one: dict[str, Any] = {}
    ids: list[Identifier] = []
    profiles: list[str] = []
    parties: list[Party] = []
    statements: list[Statement] = []
    subsections: list[Section] = []
    narrative: tuple[_Element, Place] | None = None
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "entry":
            statements += _entry(reading, child)
        elif kind == "text" and narrative is None:
            narrative = (node, where)
        elif kind == "templateId":
            profiles.append(node.get("root", "").strip())
        elif kind == "id":
            ids.append(identifier(reading, node, where))
        elif kind == "title" and "title" not in one:
            one["title"] = text(reading, node, where)
        elif kind in _CODES and _CODES[kind] not in one:
            one[_CODES[kind]] = coded(reading, node, where)
        elif kind in ("author", "informant", "subject"):
            parties.append(party(reading, node, where, kind))
        elif kind == "component" and depth < MAX_SUBSECTIONS:
            subsections += _component(reading, child, depth + 1)
        else:
            reading.skip(child)
    code: Coded | None = one.get("code")
    language: Coded | None = one.get("language")
    section_of = section_kind(code)
    return Section(
        place,
        section_of,
        narrative=Narrative(narrative[1], narrative[0], language.code if language else "") if narrative else None,
        entries=entries_of(section_of, statements),
        ids=tuple(ids),
        profiles=tuple(profiles),
        parties=tuple(parties),
        subsections=tuple(subsections),
        null_flavor=element.get("nullFlavor", "").strip(),
        **one,
    )


_CODES = {"code": "code", "languageCode": "language", "confidentialityCode": "confidentiality"}


def _entry(reading: Reading, entry: Child) -> list[Statement]:
    """The statement of an entry; an entry without one still is one, with nothing in it but its null flavour."""
    _, element, place = entry
    made: list[Statement] = []
    for child in reading.parts(element, place, _NULL):
        if child[0] in STATEMENTS:
            made.append(statement(reading, child[1], child[2], child[0]))
        elif child[0] != "templateId":
            reading.skip(child)
    if not made:
        return [Statement(place, "", null_flavor=element.get("nullFlavor", "").strip())]
    reading.mark(element, place, "nullFlavor")
    return made


def _attachment(reading: Reading, body: Child) -> Attachment | None:
    found: Attachment | None = None
    for child in reading.parts(body[1], body[2]):
        kind, node, where = child
        if kind == "text" and found is None:
            reading.attributes(node, where, _BODY_TEXT)
            # A reference would lead outside the document; it is noted and never followed.
            for inner in reading.mixed(node, where):
                reading.skip(inner)
            media_type, packing = node.get("mediaType", "").strip(), node.get("representation", "").strip()
            found = Attachment(where, media_type, packing, node)
        elif kind != "templateId":
            reading.skip(child)
    return found
