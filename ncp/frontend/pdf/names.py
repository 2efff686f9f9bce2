"""Which names in a PDF are a reason to refuse it or to warn of it, and what a refusal is called.

Knows the names, not where they stand: ``look`` searches bytes for them, ``structure`` objects.
Sources: ISO 32000-1, 7.11.4 (embedded files), 12.6 (actions), 12.7.8 (XFA), 13 (multimedia); ISO 32000-2, 13.7 (rich
media).
"""

from __future__ import annotations

from collections.abc import Mapping

EXTERNAL_LINK = "pdf.external_link"
EXTERNAL_FILE = "pdf.external_file"
FORM_SUBMISSION = "pdf.form_submission"
WARNINGS = frozenset((EXTERNAL_LINK, EXTERNAL_FILE, FORM_SUBMISSION))
"""What a professional is told of a PDF that may be shown: it names an address, another file, or where a form goes."""

REFUSALS = frozenset(
    (
        *("pdf.not_pdf", "pdf.too_large", "pdf.base64", "pdf.active", "pdf.encrypted", "pdf.unreadable"),
        *("pdf.too_costly", "pdf.not_examined"),
    )
)

ACTIVE = frozenset(
    (
        *("JavaScript", "Launch", "RichMedia", "EmbeddedFile", "EmbeddedFiles", "ImportData", "XFA"),
        *("Movie", "Rendition", "RichMediaExecute"),
    )
)
"""Refused wherever they stand: what runs, what carries another file, what takes one in."""
ACTIVE_KEYS = frozenset(("JS", "AA"))
"""Refused as keys. Too short to be looked for alone: in 20 MB of compressed bytes chance writes one."""
OPEN_ACTION = "OpenAction"
"""Refused unless it is an array, which only says which page to show."""

OUTSIDE: Mapping[str, str] = {
    "URI": EXTERNAL_LINK,
    "URL": EXTERNAL_LINK,
    "GoToR": EXTERNAL_FILE,
    "GoToE": EXTERNAL_FILE,
    "SubmitForm": FORM_SUBMISSION,
}


class PdfRefused(ValueError):
    """``reason`` is one of ``REFUSALS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
