"""Documents made fit to be shown: the narrative of a coded document as safe HTML. PDFs: ``ncp.frontend.pdf``.

Pure: bytes in, bytes out. HTML is written element by element from an allow-list, so nothing of the document but its
text survives: no attribute, address, style, script or reference to anything outside. Whatever is not known is shown by
its text, never left out. Coded entries and their translation are not for this file.

Sources: HL7 CDA R2 4.3.5 (narrative block); ``docs/front-end-developer.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from lxml.etree import _Element

from ncp.frontend import days
from ncp.wire.errors import Code, DocumentError
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, children, local_name, parse, path, text_of

HTML = "text/html; charset=utf-8"
NARRATIVE_MAX = 20 * 1024 * 1024
"""Bytes of a coded document that is written as a page; the largest seen has 1 MB."""
CDA_LIMITS = XmlLimits(size=50 * 1024 * 1024, elements=150_000, attributes=300_000, long_text=True)
"""A full summary has some 3 000 elements; each of these costs its share of a page."""

LABELS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "patient": "Patient",
        "id": "Identifier",
        "gender": "Sex",
        "birth": "Date of birth",
        "address": "Address",
        "document": "Document",
        "created": "Created",
        "language": "Language",
        "author": "Author",
        "custodian": "Custodian",
        "unknown": "Information not available",
        "empty": "No text in this section",
        "image": "image not shown",
        "F": "Female",
        "M": "Male",
        "UN": "Undifferentiated",
    },
    "fr": {
        "patient": "Patient",
        "id": "Identifiant",
        "gender": "Sexe",
        "birth": "Date de naissance",
        "address": "Adresse",
        "document": "Document",
        "created": "Créé le",
        "language": "Langue",
        "author": "Auteur",
        "custodian": "Dépositaire",
        "unknown": "Information indisponible",
        "empty": "Aucun texte dans cette rubrique",
        "image": "image non affichée",
        "F": "Féminin",
        "M": "Masculin",
        "UN": "Indéterminé",
    },
}
"""Words of the page itself, by language; English for every other one."""

_CONTAINERS = {
    "paragraph": "p",
    "content": "span",
    "item": "li",
    "caption": "caption",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tfoot": "tfoot",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "sub": "sub",
    "sup": "sup",
    "footnote": "small",
    "footnoteRef": "sup",
}
_STYLES = {"Bold": "b", "Italics": "i", "Underline": "u", "Emphasis": "em"}
_SPAN_MAX = 1000
_HEADING_MAX = 6


def original(content: bytes, language: str) -> bytes:
    """Header and narrative of a coded CDA as one HTML page, in the document's own words; ``language`` (BCP 47) is that
    of the labels. Raises ``DocumentError`` ERROR_UI_TRANSFORMATION when it is no CDA with a structured body."""
    if len(content) > NARRATIVE_MAX:
        raise DocumentError(Code.UI_TRANSFORMATION, "xml.too_large", message="The document is too large to be shown")
    root = _document(content)
    body = path(root, NS_HL7, "component", "structuredBody")
    if body is None:
        raise DocumentError(Code.UI_TRANSFORMATION, "view.not_structured", message="The document has no coded body")
    return _page(root, body, language).encode()


def _document(content: bytes) -> _Element:
    try:
        root = parse(content, CDA_LIMITS)
    except XmlRefused as refused:
        raise DocumentError(Code.UI_TRANSFORMATION, refused.reason, message="The document cannot be read") from None
    if root.tag != f"{{{NS_HL7}}}ClinicalDocument":
        raise DocumentError(Code.UI_TRANSFORMATION, "view.not_cda", message="The document is not a clinical document")
    return root


# --- the page --------------------------------------------------------------------------------------------------------


def _page(root: _Element, body: _Element, language: str) -> str:
    labels = LABELS.get(language.partition("-")[0].lower(), LABELS["en"])
    page_language = "fr" if labels is LABELS["fr"] else "en"
    title = text_of(root.find(f"{{{NS_HL7}}}title")) or labels["document"]
    document_language = _tag(path(root, NS_HL7, "languageCode"))
    sections = "".join(
        _section(section, labels, 2)
        for component in body.iterchildren(f"{{{NS_HL7}}}component")
        for section in component.iterchildren(f"{{{NS_HL7}}}section")
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{page_language}"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        f"<title>{escape(labels['document'])}</title></head><body>"
        f"<header><h1{_lang(document_language)}>{escape(title)}</h1>{_header(root, labels)}</header>"
        f"<main{_lang(document_language)}>{sections}</main></body></html>\n"
    )


def _header(root: _Element, labels: Mapping[str, str]) -> str:
    role = path(root, NS_HL7, "recordTarget", "patientRole")
    patient = path(role, NS_HL7, "patient")
    gender = (_attribute(path(patient, NS_HL7, "administrativeGenderCode"), "code")).upper()
    rows = (
        ("patient", _name(path(patient, NS_HL7, "name"))),
        ("id", _attribute(path(role, NS_HL7, "id"), "extension")),
        ("gender", labels.get(gender, gender)),
        ("birth", days.partial_day(_attribute(path(patient, NS_HL7, "birthTime"), "value").partition("+")[0])),
        ("address", _words(path(role, NS_HL7, "addr"))),
        ("created", days.partial_day(_attribute(path(root, NS_HL7, "effectiveTime"), "value").partition("+")[0])),
        ("language", _attribute(path(root, NS_HL7, "languageCode"), "code")),
        ("author", _author(root)),
        (
            "custodian",
            _words(path(root, NS_HL7, "custodian", "assignedCustodian", "representedCustodianOrganization", "name")),
        ),
    )
    return (
        "<dl>"
        + "".join(f"<dt>{escape(labels[key])}</dt><dd>{escape(value or labels['unknown'])}</dd>" for key, value in rows)
        + "</dl>"
    )


def _author(root: _Element) -> str:
    names = []
    for author in root.iterchildren(f"{{{NS_HL7}}}author"):
        assigned = path(author, NS_HL7, "assignedAuthor")
        person = _name(path(assigned, NS_HL7, "assignedPerson", "name"))
        device = _words(path(assigned, NS_HL7, "assignedAuthoringDevice", "softwareName"))
        organisation = _words(path(assigned, NS_HL7, "representedOrganization", "name"))
        names.append(", ".join(part for part in (person or device, organisation) if part))
    return "; ".join(name for name in names if name)


def _name(name: _Element | None) -> str:
    """Parts of a name in the order prefix, given, family, suffix; the plain text of a name without parts."""
    if name is None:
        return ""
    parts = [
        text_of(part)
        for kind in ("prefix", "given", "family", "suffix")
        for part in name.iterchildren(f"{{{NS_HL7}}}{kind}")
    ]
    return " ".join(part for part in parts if part) or _words(name)


def _words(element: _Element | None) -> str:
    """Every text below an element, joined by single blanks."""
    return "" if element is None else " ".join(" ".join(_texts(element)).split())


def _texts(element: _Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            yield from _texts(child)
        yield child.tail or ""


def _attribute(element: _Element | None, name: str) -> str:
    return "" if element is None else (element.get(name) or "").strip()


# --- sections and narrative ------------------------------------------------------------------------------------------


def _section(section: _Element, labels: Mapping[str, str], level: int) -> str:
    heading = min(level, _HEADING_MAX)
    title = text_of(section.find(f"{{{NS_HL7}}}title"))
    code = section.find(f"{{{NS_HL7}}}code")
    title = title or _attribute(code, "displayName") or _attribute(code, "code") or labels["document"]
    text = section.find(f"{{{NS_HL7}}}text")
    narrative = "" if text is None else _inner(text, labels)
    if not narrative.strip():
        narrative = f"<p>{escape(labels['empty'])}</p>"
    inner = "".join(
        _section(nested, labels, level + 1)
        for component in section.iterchildren(f"{{{NS_HL7}}}component")
        for nested in component.iterchildren(f"{{{NS_HL7}}}section")
    )
    language = _lang(_tag(section.find(f"{{{NS_HL7}}}languageCode")))
    return f"<section{language}><h{heading}>{escape(title)}</h{heading}><div>{narrative}</div>{inner}</section>"


def _inner(element: _Element, labels: Mapping[str, str]) -> str:
    """Text and children of a narrative element; comments and processing instructions are stepped over."""
    parts = [escape(element.text or "")]
    for child in element:
        if isinstance(child.tag, str):
            parts.append(_narrative(child, labels))
        parts.append(escape(child.tail or ""))
    return "".join(parts)


def _narrative(element: _Element, labels: Mapping[str, str]) -> str:
    name = local_name(element)
    inner = _inner(element, labels)
    if name == "br":
        return "<br>"
    if name in ("col", "colgroup"):
        return ""
    if name == "list":
        tag = "ol" if element.get("listType") == "ordered" else "ul"
        return f"<{tag}>{_list(element, labels)}</{tag}>"
    if name == "renderMultiMedia":
        return f"{inner}<em>[{escape(labels['image'])}]</em>"
    if name == "linkHtml":
        address = element.get("href") or ""
        return f"{inner} ({escape(address)})" if address and address not in inner else inner
    tag = _CONTAINERS.get(name, "span")
    return f"<{tag}{_spans(element, tag)}>{_styled(element, inner)}</{tag}>"


def _list(element: _Element, labels: Mapping[str, str]) -> str:
    """Items of a list. A caption becomes the first item, for HTML lists have none."""
    return "".join(
        f"<li><b>{_inner(child, labels)}</b></li>" if local_name(child) == "caption" else _narrative(child, labels)
        for child in children(element)
    )


def _styled(element: _Element, inner: str) -> str:
    """Bold and the like; what a revision took out or put in stays visible as such."""
    # Each style once: a document that repeats one a million times would be written a million times longer.
    for style in dict.fromkeys((element.get("styleCode") or "").split()):
        tag = _STYLES.get(style)
        if tag:
            inner = f"<{tag}>{inner}</{tag}>"
    revised = {"delete": "del", "insert": "ins"}.get(element.get("revised") or "")
    return f"<{revised}>{inner}</{revised}>" if revised else inner


def _spans(element: _Element, tag: str) -> str:
    """``colspan``, ``rowspan`` and ``scope`` of cells, when they are what they must be."""
    if tag not in ("th", "td"):
        return ""
    spans = ""
    for name in ("colspan", "rowspan"):
        value = element.get(name) or ""
        if value.isascii() and value.isdigit() and 0 < int(value[:5]) <= _SPAN_MAX:
            spans += f' {name}="{int(value[:5])}"'
    scope = element.get("scope")
    return spans + (f' scope="{scope}"' if scope in ("row", "col", "rowgroup", "colgroup") else "")


def _tag(code: _Element | None) -> str:
    """A language code fit for ``lang``; empty otherwise."""
    value = _attribute(code, "code")
    return value if value.replace("-", "").isalnum() and value.isascii() and len(value) <= 20 else ""


def _lang(language: str) -> str:
    return f' lang="{language}"' if language else ""
