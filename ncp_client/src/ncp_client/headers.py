"""The response headers with which a portal serves what the gateway rendered: the HTML page and the PDF.

They hold even if something in the page or the file were not as harmless as it should be: nothing runs, nothing is
loaded from anywhere, nothing is sent anywhere, nothing is kept. Sources: W3C Content Security Policy Level 3; WHATWG
HTML 7.6 (sandboxing); RFC 6266 (``Content-Disposition``); RFC 9111 5.2.2.5 (``no-store``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SOURCE = re.compile(r"'self'|https://(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?|http://localhost(?::\d{1,5})?")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.(?:html|pdf)")


def page(framed_by: Sequence[str] = (), *, file_name: str = "summary.html") -> dict[str, str]:
    """Headers for a ``Rendered`` of ``text/html``.

    The page carries its style in itself and needs nothing else. ``framed_by`` lists who may frame it: ``'self'`` or
    origins; nobody by default. Raises ``ValueError`` for what is no origin and for a file name that could name a person
    or break the header.
    """
    policy = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"{_ancestors(framed_by)}"
    )
    return _headers("text/html; charset=utf-8", policy, _file_name(file_name, ".html"), inline=True)


def pdf(framed_by: Sequence[str] = (), *, inline: bool = True, file_name: str = "summary.pdf") -> dict[str, str]:
    """Headers for a ``Rendered`` of ``application/pdf``. ``inline`` for the frame that shows it; False for a download.

    ``sandbox`` here, not as an attribute of the frame: Chromium's viewer works with the one and not with the other.
    Raises ``ValueError`` like ``page``.
    """
    policy = f"sandbox; default-src 'none'; {_ancestors(framed_by)}"
    return _headers("application/pdf", policy, _file_name(file_name, ".pdf"), inline=inline)


def _headers(media_type: str, policy: str, file_name: str, *, inline: bool) -> dict[str, str]:
    return {
        "Content-Type": media_type,
        "Content-Security-Policy": policy,
        "Content-Disposition": f'{"inline" if inline else "attachment"}; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-site",
    }


def _ancestors(framed_by: Sequence[str]) -> str:
    if isinstance(framed_by, str) or not all(_SOURCE.fullmatch(each) for each in framed_by):
        raise ValueError("framed_by lists 'self' and origins such as https://portal.example")
    return "frame-ancestors " + (" ".join(framed_by) or "'none'")


def _file_name(file_name: str, ending: str) -> str:
    if not _FILE_NAME.fullmatch(file_name) or not file_name.endswith(ending):
        raise ValueError(f"a file name of letters, digits, - and _ that ends in {ending}")
    return file_name
