"""What is inside a delivered document, before anything of it is shown: its level, its patient, its PDF.

Trusts the bytes, not the media type beside them: ``%PDF`` is a PDF, a ClinicalDocument is level 3 (structuredBody) or
level 1 (nonXMLBody). Leaves the content of a summary to ``ncp.semantics``.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, Protocol

from lxml.etree import _Element

from ncp.wire.errors import Code, DocumentError
from ncp.wire.ids import II
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, children, parse, path, text_of
from xca.facts import DOCUMENT_MAX_BYTES
from xca.messages import DocumentRequest, same_patient

Level = Literal["L1", "L3", "PDF"]

DOCUMENT_LIMITS = XmlLimits(size=DOCUMENT_MAX_BYTES, depth=100, elements=500_000, attributes=1_000_000, long_text=True)
"""A full summary has some 3 000 elements; the size is that of a message, since an L1 holds its PDF as one text."""

PDF_MAX_BYTES = 20 * 1024 * 1024

_PDF_MARK = b"%PDF-"
_MARK_WITHIN = 1024
"""A PDF may start with other bytes, but its mark stands in the first 1024 (ISO 32000-1, Annex H.3.4.1)."""


class ConfirmedPerson(Protocol):
    """The person confirmed by discovery, as far as a document is compared with her."""

    def agrees(self, family: str, birth_date: str) -> bool:
        """Whether family name and birth date (HL7 digits) are known on both sides and fit (``family_words``)."""
        ...


def level(content: bytes) -> Level:
    """``PDF`` for a bare PDF, ``L3`` or ``L1`` for a CDA by its body.

    Raises ``DocumentError``: ``document.format`` (neither), ``document.body`` (a CDA without a body), ``xml.…``.
    """
    return "PDF" if _is_pdf(content) else _level_of(_clinical_document(content))


def check_patient(
    content: bytes, request: DocumentRequest, patient: II, person: ConfirmedPerson | None, *, new_unique_id: str = ""
) -> list[str]:
    """That the document is about ``patient``; warnings to show with it, by their names in ``outcomes.WARNING_TEXTS``.

    A CDA that names the patient's id is hers. One that does not is refused, unless family name and birth date both
    agree with the ``person`` confirmed. ``new_unique_id`` is the id of a document made on demand, when there is one.

    Raises ``DocumentError``: ``document.other_patient``, ``document.format``, ``document.body``, ``xml.…``.
    """
    if _is_pdf(content):
        return ["document.patient_not_named"]
    document = _clinical_document(content)
    _level_of(document)
    warnings: list[str] = []
    roles = [role for target in _all(document, "recordTarget") for role in _all(target, "patientRole")]
    ids = [II(id_.get("root", "").strip(), id_.get("extension", "").strip()) for r in roles for id_ in _all(r, "id")]
    if not any(same_patient(patient, id_) for id_ in ids):
        if person is None or not any(_agrees(role, person) for role in roles):
            raise DocumentError(
                Code.GENERIC,
                "document.other_patient",
                message="The document that came is about another person, so it is not shown.",
            )
        warnings.append("document.patient_id_differs")
    if not {_document_id(document)} & {request.document_unique_id.strip(), new_unique_id or None}:
        warnings.append("document.id_differs")
    return warnings


def pdf_of(content: bytes, *, max_bytes: int = PDF_MAX_BYTES) -> bytes | None:
    """The PDF of a bare PDF or of a level 1 document; None where there is none (level 3, an image).

    Raises ``DocumentError``: ``document.pdf`` (not decodable, no PDF, a reference), ``document.too_large``, and as
    ``level``.
    """
    if _is_pdf(content):
        data = content
    else:
        document = _clinical_document(content)
        if _level_of(document) == "L3":
            return None
        text = path(document, NS_HL7, "component", "nonXMLBody", "text")
        if text is None:
            raise _refused("document.pdf")
        if text.get("mediaType", "").strip().lower() in ("image/png", "image/jpeg"):
            return None
        data = _embedded(text, max_bytes)
    if len(data) > max_bytes:
        raise _refused("document.too_large")
    return data


def _embedded(text: _Element, max_bytes: int) -> bytes:
    if text.get("mediaType", "").strip().lower() != "application/pdf" or text.get("representation") != "B64":
        raise _refused("document.pdf")
    if any(True for _ in children(text)):
        # A reference would have to be followed to somewhere that nobody vouches for.
        raise _refused("document.pdf")
    packed = text_of(text).encode("utf-8").translate(None, b" \t\r\n")
    if len(packed) // 4 * 3 > max_bytes + 2:
        raise _refused("document.too_large")
    try:
        data = base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise _refused("document.pdf") from None
    if _PDF_MARK not in data[:_MARK_WITHIN]:
        raise _refused("document.pdf")
    return data


def _refused(reason: str) -> DocumentError:
    return DocumentError(Code.HQI_GENERIC, reason, message="The document cannot be read.")


def _is_pdf(content: bytes) -> bool:
    start = content[:_MARK_WITHIN]
    return _PDF_MARK in start and not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _clinical_document(content: bytes) -> _Element:
    # The German samples begin with line breaks; an XML declaration may only stand at the very start.
    start = content[:_MARK_WITHIN].lstrip(b" \t\r\n")
    if not start.startswith((b"<", b"\xef\xbb\xbf")):
        raise _refused("document.format")
    try:
        document = parse(content.lstrip(b" \t\r\n"), DOCUMENT_LIMITS)
    except XmlRefused as refused:
        raise _refused(refused.reason) from None
    if document.tag != f"{{{NS_HL7}}}ClinicalDocument":
        raise _refused("document.format")
    return document


def _level_of(document: _Element) -> Literal["L1", "L3"]:
    component = path(document, NS_HL7, "component")
    if path(component, NS_HL7, "structuredBody") is not None:
        return "L3"
    if path(component, NS_HL7, "nonXMLBody") is not None:
        return "L1"
    raise _refused("document.body")


def _document_id(document: _Element) -> str:
    id_ = path(document, NS_HL7, "id")
    if id_ is None:
        return ""
    root, extension = id_.get("root", "").strip(), id_.get("extension", "").strip()
    return f"{root}^{extension}" if extension else root


def _all(element: _Element, name: str) -> Iterator[_Element]:
    return element.iterchildren(f"{{{NS_HL7}}}{name}")


# Comparing with the person confirmed


def _agrees(role: _Element, person: ConfirmedPerson) -> bool:
    """Both family name and birth date are there on both sides and agree; anything less proves nothing."""
    patient = path(role, NS_HL7, "patient")
    birth = path(patient, NS_HL7, "birthTime")
    if patient is None or birth is None:
        return False
    born = _DATE.match(birth.get("value", "").strip())
    if born is None:
        return False
    families = (" ".join(map(text_of, _all(name, "family")))[:_FAMILY_MAX] for name in _all(patient, "name"))
    return any(person.agrees(family, born.group()) for family in families)


_DATE = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,2}")
_FAMILY_MAX = 1000
"""Characters of a family name that are compared."""


def family_words(family: str) -> frozenset[str]:
    """The words of a family name without case and accents: two registers spell and cut double names differently."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", family) if not unicodedata.combining(c))
    return frozenset(word for word in re.split(r"[\s'’-]+", bare.casefold()) if word)
