"""The body of a document: exactly one, of one kind; and what a level 1 body must be.

Looks at the beginning of an embedded PDF only. Whether it is safe to show is for who shows it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from lxml.etree import _Element

from ncp.semantics.validation.own.rules import ERROR, WARNING, PathRule, Rule
from ncp.wire.xml import NS_HL7

_SOURCE = "eHDSI 1.7; CDA R2 4.3.1"
_BODY = "h:component/h:nonXMLBody"
_NEAR_THE_BEGINNING = 1024
"""Bytes in which ``%PDF-`` has to stand; Acrobat looks no further."""
MAX_PDF = 20 * 1024 * 1024
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
_WHITE = re.compile(r"\s+")
_ENOUGH = 8 * 1024
"""Characters that certainly hold those bytes, with line breaks between them."""

BODY: tuple[PathRule, ...] = (
    PathRule(
        "body.missing",
        ERROR,
        "The document has no body.",
        "CDA R2 4.3",
        "self::*[not(h:component/h:structuredBody or h:component/h:nonXMLBody)]",
    ),
    PathRule(
        "body.several",
        ERROR,
        "The document has more than one body.",
        "CDA R2 4.3",
        "self::*[count(h:component/h:structuredBody) + count(h:component/h:nonXMLBody) > 1]",
    ),
    PathRule(
        "body.sections.missing",
        ERROR,
        "The structured body has no section.",
        "CDA R2 4.3.2",
        "h:component/h:structuredBody[not(h:component/h:section)]",
    ),
    PathRule(
        "body.text.missing", ERROR, "The level 1 body holds nothing: text is missing.", _SOURCE, f"{_BODY}[not(h:text)]"
    ),
    PathRule(
        "body.media-type",
        ERROR,
        "The level 1 body is not of the media type application/pdf.",
        _SOURCE,
        f"{_BODY}/h:text[not(@mediaType='application/pdf')]",
    ),
    PathRule(
        "body.representation",
        ERROR,
        "The level 1 body does not say that it is base64 (representation B64).",
        _SOURCE,
        f"{_BODY}/h:text[not(@representation='B64')]",
    ),
    PathRule(
        "body.reference",
        ERROR,
        "The level 1 body refers to a document elsewhere; it is never fetched.",
        _SOURCE,
        f"{_BODY}/h:text[h:reference]",
    ),
)
"""About ``ClinicalDocument``."""

NOT_BASE64 = Rule("body.base64", ERROR, "The level 1 body is not base64.", _SOURCE)
NOT_PDF = Rule(
    "body.pdf", ERROR, "The level 1 body is no PDF: %PDF- is not in its first 1024 bytes.", "ISO 32000-1 7.5.2"
)
TOO_LARGE = Rule("body.size", WARNING, "The PDF is larger than 20 MB.", "docs/limits.md")

PDF_RULES = (NOT_BASE64, NOT_PDF, TOO_LARGE)

_PATH = f"{{{NS_HL7}}}component/{{{NS_HL7}}}nonXMLBody/{{{NS_HL7}}}text"


def check_pdf(root: _Element) -> Iterator[tuple[Rule, _Element]]:
    """What is wrong with the embedded PDF; nothing for a document of level 3."""
    element = root.find(_PATH)
    if element is None or element.get("representation") != "B64" or len(element):
        return
    packed = element.text or ""
    if not _BASE64.fullmatch(packed):
        yield NOT_BASE64, element
        return
    if len(packed) * 3 // 4 > MAX_PDF:
        size = (len(packed) - len(_WHITE.findall(packed))) * 3 // 4
        if size > MAX_PDF:
            yield TOO_LARGE, element
    start = _WHITE.sub("", packed[:_ENOUGH])
    try:
        # What is cut off at the end of a group stays out; padding is only at the very end of a body.
        head = base64.b64decode(start[: len(start) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        yield NOT_BASE64, element
        return
    if b"%PDF-" not in head[:_NEAR_THE_BEGINNING]:
        yield NOT_PDF, element
