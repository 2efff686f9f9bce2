"""A coded document as a page or as lines of text: bytes in, bytes out, in the view that a portal asks for.

Knows limits and what becomes of bytes that are no summary; what is shown and how is ``ncp.semantics.display``. PDFs are
``ncp.frontend.pdf``.
"""

from __future__ import annotations

from collections.abc import Callable

from ncp.frontend.port import View
from ncp.semantics.display.page import write_page
from ncp.semantics.display.plain import write_text
from ncp.semantics.display.view import Layout, Provenance
from ncp.semantics.model import Header, Level
from ncp.semantics.naming import Names
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.release import Release
from ncp.wire.errors import Code, DocumentError
from ncp.wire.xml import XmlLimits

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
DOCUMENT_MAX = 20 * 1024 * 1024
"""Bytes of a coded document that is written as a page; the largest seen has 1 MB."""
CDA_LIMITS = XmlLimits(size=50 * 1024 * 1024, elements=150_000, attributes=300_000, long_text=True)
"""A full summary has some 3 000 elements; each of these costs its share of a page."""

_LAYOUTS = {
    View.TRANSLATED: Layout.TRANSLATED,
    View.ORIGINAL: Layout.ORIGINAL,
    View.BOTH: Layout.BOTH,
    View.PRINT: Layout.PRINT,
}


def shown(
    content: bytes, view: View, language: str, release: Release, about: Callable[[Header], Provenance]
) -> tuple[str, bytes]:
    """Media type and bytes of a coded CDA in a view (any but ``PDF``); ``language`` is the reader's (BCP 47), ``about``
    says of the header what the document does not.

    Raises ``DocumentError`` ERROR_UI_TRANSFORMATION: ``xml.…``, ``document.…``, ``view.not_structured`` for a document
    without a coded body.
    """
    if len(content) > DOCUMENT_MAX:
        raise DocumentError(Code.UI_TRANSFORMATION, "xml.too_large", message="The document is too large to be shown")
    try:
        summary = read_cda(content, CDA_LIMITS)
    except DocumentError as error:
        raise DocumentError(Code.UI_TRANSFORMATION, error.reason, message="The document cannot be read") from None
    if summary.level is not Level.L3:
        raise DocumentError(Code.UI_TRANSFORMATION, "view.not_structured", message="The document has no coded body")
    own = summary.header.language
    names = Names(release, language, own.code if own is not None else "")
    provenance = about(summary.header)
    if view is View.TEXT:
        return TEXT, write_text(summary, names=names, about=provenance, details=True).encode()
    return HTML, write_page(summary, names=names, about=provenance, layout=_LAYOUTS[view])
