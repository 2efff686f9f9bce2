"""The PDF of a document, as far as the gateway itself goes: where it stands, that it is one, that it is not too large.

Looks at the header alone; what is inside is a stranger's, and is looked into in another process (``examiner``).
Sources: HL7 CDA R2 4.3.1 (``nonXMLBody``); ISO 32000-1, Annex H.3.4.1 (the header may stand in the first 1024 bytes).
"""

from __future__ import annotations

import base64
import binascii

from ncp.frontend.pdf.examiner import Examiner
from ncp.frontend.pdf.names import PdfRefused
from ncp.wire.errors import Code, DocumentError
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, children, parse, path, text_of

PDF = "application/pdf"
SIZE_MAX = 20 * 1024 * 1024
CDA_LIMITS = XmlLimits(size=50 * 1024 * 1024, elements=150_000, attributes=300_000, long_text=True)
_MARK = b"%PDF-"
_MARK_WITHIN = 1024
_BLANKS = b" \t\r\n"


def pdf_of(content: bytes, examiner: Examiner, *, size_max: int = SIZE_MAX) -> tuple[bytes, tuple[str, ...]]:
    """The PDF in a CDA of level 1, or ``content`` itself when it is one, and names of what a professional should be
    warned of (``names.WARNINGS``).

    Raises ``DocumentError``: ERROR_PS_PDF_FORMAT_NOT_PROVIDED ``view.no_pdf`` when there is none, else
    ERROR_UI_TRANSFORMATION with a reason of ``names.REFUSALS``, or that of the XML.
    """
    try:
        data = content if _is_pdf(content) else _embedded(content, size_max)
        if len(data) > size_max:
            raise PdfRefused("pdf.too_large")
        if not _is_pdf(data):
            raise PdfRefused("pdf.not_pdf")
        return data, examiner.examine(data)
    except PdfRefused as refused:
        raise DocumentError(Code.UI_TRANSFORMATION, refused.reason, message="The PDF cannot be shown safely") from None


def _is_pdf(data: bytes) -> bool:
    start = data[:_MARK_WITHIN]
    return _MARK in start and not start.lstrip(b"\xef\xbb\xbf" + _BLANKS).startswith(b"<")


def _embedded(content: bytes, size_max: int) -> bytes:
    try:
        # An XML declaration may only stand at the very start.
        root = parse(content.lstrip(_BLANKS), CDA_LIMITS)
    except XmlRefused as refused:
        raise DocumentError(Code.UI_TRANSFORMATION, refused.reason, message="The document cannot be read") from None
    text = path(root, NS_HL7, "component", "nonXMLBody", "text")
    if (
        root.tag != f"{{{NS_HL7}}}ClinicalDocument"
        or text is None
        or (text.get("mediaType") or "").strip().lower() != PDF
        or (text.get("representation") or "").strip() != "B64"
        or any(True for _ in children(text))
    ):
        raise DocumentError(Code.PS_PDF_FORMAT_NOT_PROVIDED, "view.no_pdf")
    packed = text_of(text).encode("utf-8").translate(None, _BLANKS).rstrip(b"=")
    if len(packed) // 4 * 3 > size_max + 2:
        raise PdfRefused("pdf.too_large")
    try:
        # Encoders forget the padding, or write it twice; any other stray character may hide a part of the file.
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        raise PdfRefused("pdf.base64") from None
