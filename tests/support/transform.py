"""A catalogue of invented codes, and small documents of every kind to transform with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import ReleaseFolder
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import shipped
from ncp.semantics.transform.operations import transcode_document, translate_document
from ncp.semantics.transform.result import Transformation
from tests.support.terminology import build

VS = "1.3.6.1.4.1.12559.11.10.1.3.1.42"
TEMPLATE = "1.3.6.1.4.1.12559.11.10.1.3.1.3"
LOINC, SNOMED, GENDER = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.96", "2.16.840.1.113883.5.1"
NATIONAL = "1.2.250.1.999.1"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

Name = tuple[str, str, str, str]


def names(system: str, code: str, **words: str) -> Iterable[rows.Row]:
    """One concept and its names; ``en`` and ``fr`` stand for the tags in use."""
    yield rows.Concept(system, code)
    for language, text in words.items():
        tag = {"en": "en-GB", "fr": "fr-FR", "pt": "pt-PT", "de": "de-DE"}[language]
        yield rows.Designation(system, code, tag, text)


def member(number: int, system: str, code: str) -> Iterable[rows.Row]:
    yield rows.ValueSet(f"{VS}.{number}", f"set {number}", "1", "2026-01-01")
    yield rows.Member(f"{VS}.{number}", "1", system, code)


def basis() -> list[rows.Row]:
    """What every document needs: its own code and the gender, with names."""
    return [
        rows.System(LOINC, "LOINC"),
        rows.System(SNOMED, "SNOMED CT"),
        rows.System(NATIONAL, "Nat-Diag"),
        *names(LOINC, "60591-5", en="Patient summary Document", fr="Résumé du patient"),
        *member(32, LOINC, "60591-5"),
    ]


def release(folder: Path, content: Iterable[rows.Row], *, bare: bool = False) -> Release:
    """A release with these rows, on top of the basis."""
    made = build(folder, [*([] if bare else basis()), *content], name="invented").manifest.release
    return Release(ReleaseFolder(folder).path(made))


CODE = f'<code code="60591-5" codeSystem="{LOINC}" codeSystemName="LOINC" displayName="Patient summary Document"/>'


def document(inner: str = "", *, code: str = CODE, header: str = "") -> bytes:
    """A clinical document of level 3 with these sections or entries."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="{XSI}"'
        f' xmlns:pharm="urn:hl7-org:pharm"><id root="1.2.3" extension="doc"/>{code}{header}'
        f"<component><structuredBody><component>{inner}</component></structuredBody></component></ClinicalDocument>"
    ).encode()


def problem(value: str) -> bytes:
    """A document with one problem; ``value`` is what the observation says."""
    return document(
        f'<section><entry><act><templateId root="{TEMPLATE}.15"/><entryRelationship typeCode="SUBJ">'
        f'<observation><templateId root="{TEMPLATE}.7"/>{value}</observation></entryRelationship></act></entry>'
        "</section>"
    )


def allergy(code: str) -> bytes:
    """A document with one allergy; ``code`` is its kind."""
    return document(
        f'<section><entry><act><templateId root="{TEMPLATE}.16"/><entryRelationship typeCode="SUBJ">'
        f'<observation><templateId root="{TEMPLATE}.17"/>{code}</observation></entryRelationship></act></entry>'
        "</section>"
    )


def transcoded(content: bytes, with_release: Release, *, strict: bool = False) -> Transformation:
    return transcode_document(content, release=with_release, elements=shipped(), strict=strict)


def translated(
    content: bytes, with_release: Release, language: str = "fr-FR", *, strict: bool = False
) -> Transformation:
    return translate_document(content, language, release=with_release, elements=shipped(), strict=strict)


def found(content: bytes, path: str) -> etree._Element:
    """The one element of that path; ``h:`` stands for HL7, ``p:`` for the medication extension."""
    namespaces = {"h": "urn:hl7-org:v3", "p": "urn:hl7-org:pharm", "e": "urn:epsos-org:ep:medication"}
    elements = etree.fromstring(content).xpath(path, namespaces=namespaces)
    assert isinstance(elements, list) and len(elements) == 1, f"{len(elements)} elements"
    return elements[0]


def plain(xml: str) -> bytes:
    """In canonical form, for comparing what was written with what the specification shows."""
    return etree.canonicalize(xml, strip_text=True).encode()


def shown(element: etree._Element) -> bytes:
    """An element as ``plain`` gives the same words: without the namespaces round it."""
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    for noise in (' xmlns="urn:hl7-org:v3"', f' xmlns:xsi="{XSI}"', ' xmlns:pharm="urn:hl7-org:pharm"'):
        text = text.replace(noise, "")
    return plain(text)
