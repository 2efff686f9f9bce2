"""Small invented summaries as CDA, piece by piece, and what a page says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

import html5lib

from ncp.semantics.display.page import write_page
from ncp.semantics.display.plain import write_text
from ncp.semantics.display.view import Layout, Provenance
from ncp.semantics.model import PatientSummary
from ncp.semantics.naming import Names
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.release import Release

SHOWN = datetime(2026, 5, 1, 12, tzinfo=UTC)
SNOMED, LOINC, ATC, ICD = (
    "2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.1",
    "2.16.840.1.113883.6.73",
    "1.3.6.1.4.1.12559.11.10.1.3.1.44.2",
)
ABSENT = "2.16.840.1.113883.5.1150.1"
ROOT = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:pharm="urn:hl7-org:pharm" xmlns:epsos="urn:epsos-org:ep:medication">'
)
HEADER = (
    '<id root="1.2.3" extension="doc-1"/><code code="60591-5" codeSystem="2.16.840.1.113883.6.1"/>'
    '<title>Sažetak</title><effectiveTime value="20260401"/><languageCode code="hr-HR"/>'
    '<recordTarget><patientRole><id root="1.2.3.4" extension="99"/><addr><city>Split</city><country>HR</country></addr>'
    "<patient><name><given>Ana</given><family>Horvat</family></name>"
    '<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19800102"/>'
    "</patient></patientRole></recordTarget>"
)


def document(*sections: str, header: str = HEADER) -> bytes:
    """A level 3 document of these sections."""
    parts = "".join(f"<component>{section}</component>" for section in sections)
    body = f"<component><structuredBody>{parts}</structuredBody></component>"
    return f"{ROOT}{header}{body}</ClinicalDocument>".encode()


def section(loinc: str, *entries: str, text: str = "", title: str = "Naslov", more: str = "") -> str:
    made = "".join(f"<entry>{entry}</entry>" for entry in entries)
    narrative = f"<text>{text}</text>" if text else ""
    return (
        f'<section><code code="{loinc}" codeSystem="{LOINC}"/><title>{title}</title>{narrative}{made}{more}</section>'
    )


def code(name: str, code: str = "", system: str = SNOMED, display: str = "", more: str = "", kind: str = "") -> str:
    """A coded element; ``kind`` is its ``xsi:type``."""
    attributes = "".join(
        f" {key}={quoteattr(value)}"
        for key, value in (("xsi:type", kind), ("code", code), ("codeSystem", system if code else ""))
        if value
    )
    shown = f" displayName={quoteattr(display)}" if display else ""
    return f"<{name}{attributes}{shown}>{more}</{name}>"


def said(loinc: str, value: str, relation: str = "SUBJ", system: str = SNOMED, display: str = "") -> str:
    """An observation about another one: severity, status, certainty…"""
    inner = f'<observation><code code="{loinc}"/>{code("value", value, system, display, kind="CD")}</observation>'
    return f'<entryRelationship typeCode="{relation}">{inner}</entryRelationship>'


def concern(observation: str, status: str = "active") -> str:
    return (
        f'<act><code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{status}"/>'
        f'<entryRelationship typeCode="SUBJ">{observation}</entryRelationship></act>'
    )


def problem(value: str, more: str = "", attributes: str = "") -> str:
    return concern(f'<observation{attributes}><code code="64572001" codeSystem="{SNOMED}"/>{value}{more}</observation>')


def allergy(agent: str, more: str = "", attributes: str = "", value: str = "") -> str:
    entity = f"<participantRole><playingEntity>{agent}</playingEntity></participantRole>"
    return concern(
        f'<observation{attributes}><code code="609328004" codeSystem="{SNOMED}"/>{value}'
        f'<participant typeCode="CSM">{entity}</participant>{more}</observation>'
    )


def medicine(name: str, more: str = "", status: str = "active", inside: str = "", attributes: str = "") -> str:
    material = f"<manufacturedMaterial><name>{escape(name)}</name>{inside}</manufacturedMaterial>"
    return (
        f'<substanceAdministration{attributes}><statusCode code="{status}"/>{more}'
        f"<consumable><manufacturedProduct>{material}</manufacturedProduct></consumable></substanceAdministration>"
    )


def read(content: bytes) -> PatientSummary:
    return read_cda(content)


def names_of(summary: PatientSummary, release: Release, language: str) -> Names:
    own = summary.header.language
    return Names(release, language, own.code if own is not None else "")


def page(
    content: bytes, release: Release, language: str = "fr-FR", layout: Layout = Layout.TRANSLATED, **about: object
) -> bytes:
    summary = read_cda(content)
    provenance = Provenance(SHOWN, **about)  # type: ignore[arg-type]
    return write_page(summary, names=names_of(summary, release, language), about=provenance, layout=layout)


def text(content: bytes, release: Release, language: str = "fr-FR", *, details: bool = False) -> str:
    summary = read_cda(content)
    names = names_of(summary, release, language)
    return write_text(summary, names=names, about=Provenance(SHOWN), details=details)


class Shown:
    """A page as a browser's parser reads it."""

    def __init__(self, html: bytes) -> None:
        self.html = html
        parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), strict=False, namespaceHTMLElements=False)
        self.root = parser.parse(html, transport_encoding="utf-8")
        self.errors = [error for _, error, _ in parser.errors]

    def words(self, element: object = None) -> str:
        """All words, white space collapsed; without style and title."""
        root = self.root.find("body") if element is None else element
        return " ".join(" ".join(root.itertext()).split())  # type: ignore[union-attr]

    def rows(self, group: str = "") -> list[str]:
        """The words of each row of the tables of entries, without its details."""
        return [
            self.words(row)
            for table in self.root.iter("table")
            if "entries" in (table.get("class") or "") and group in (table.get("class") or "")
            for body in table.iter("tbody")
            for row in body.findall("tr")
            if "more" not in (row.get("class") or "")
        ]

    def section(self, number: int = 1) -> str:
        return next(self.words(one) for one in self.root.iter("section") if one.get("id") == f"s{number}")

    def alerts(self) -> str:
        return next(self.words(one) for one in self.root.iter("section") if one.get("id") == "alerts")
