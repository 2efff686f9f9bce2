"""Pages for tests: a document as the reader sees it, with the names that the program brings."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ncp.semantics.display.page import write_page
from ncp.semantics.display.view import Layout, Provenance
from ncp.semantics.naming import Names
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_OWN_POLICY = re.compile(rb"<meta[^>]*Content-Security-Policy[^>]*>")


@cache
def shipped() -> Release:
    """The release that the program brings."""
    folder = ReleaseFolder(Path(tempfile.mkdtemp(prefix="terminology-")))
    ensure_shipped(folder, AT)
    return Catalogue(folder.folder).current()


def page(
    document: bytes, language: str = "fr-FR", *, layout: Layout = Layout.TRANSLATED, release: Release | None = None
) -> bytes:
    """The page of a document."""
    summary = read_cda(document)
    spoken = summary.header.language.code if summary.header.language else ""
    names = Names(release or shipped(), language, spoken)
    return write_page(summary, names=names, about=Provenance(shown=AT, received=AT), layout=layout)


def without_policy(page: bytes) -> bytes:
    """The page with nothing but its escaping to protect the reader."""
    bare, count = _OWN_POLICY.subn(b"", page)
    assert count == 1
    return bare
