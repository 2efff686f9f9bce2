"""Nothing that a document says runs, loads, moves or opens anything: tried in a real browser, with and without headers.

Without the headers, and without the page's own policy, nothing but the way the page is written protects the reader.
"""

from __future__ import annotations

from functools import cache

import pytest

from ncp.semantics.display import html
from ncp.semantics.display.view import Layout
from ncp_client import headers
from tests.shared import shared_files
from tests.support import pages
from tests.support.browser import Answer, Browser, Finding, Site, record
from tests.support.hostile_documents import GROUPS, SWALLOWERS, VECTORS, Hostile, hostile_documents, level_1

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.attack]

HTML = {"Content-Type": "text/html; charset=utf-8"}
NAMES = [f"{kind}-{turn}" for kind in ("words", "everything") for turn in range(GROUPS)]


@cache
def hostile() -> dict[str, Hostile]:
    return {each.name: each for each in hostile_documents()}


def bare(content: bytes, browser: Browser, site: Site) -> list[Finding]:
    """What a page does with nothing to protect the reader."""
    site.answers["/bare"] = Answer(pages.without_policy(content), HTML)
    return record(browser, f"{site.url}/bare").findings


def strict(content: bytes, browser: Browser, site: Site) -> list[Finding]:
    """What a page does, or tries, under the headers of a portal."""
    site.answers["/strict"] = Answer(content, headers.page())
    return record(browser, f"{site.url}/strict").findings


def test_there_are_vectors_enough_and_none_twice() -> None:
    assert len({*VECTORS, *SWALLOWERS}) == len(VECTORS) + len(SWALLOWERS) >= 150
    assert min(each.places for each in hostile().values()) > 500


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_document_does_nothing_without_any_policy(name: str, browser: Browser, site: Site) -> None:
    assert bare(pages.page(hostile()[name].content), browser, site) == []


@pytest.mark.parametrize("name", NAMES[:: 2 * GROUPS - 1])
def test_a_hostile_document_tries_nothing_that_a_policy_would_stop(name: str, browser: Browser, site: Site) -> None:
    assert strict(pages.page(hostile()[name].content, "en", layout=Layout.PRINT), browser, site) == []


def test_the_same_document_does_much_on_a_page_that_forgets_to_escape(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: one sign less is escaped, and the browser tells."""
    monkeypatch.setitem(html._ESCAPED, "<", "<")
    document = hostile()["words-0"].content
    found = bare(pages.page(document), browser, site)
    assert {"script", "request"} <= {each.kind for each in found}


def test_what_is_no_pdf_but_says_so_shows_nothing_of_itself(browser: Browser, site: Site) -> None:
    for content, media_type in (
        (b"<script>ran('1')</script>", "application/pdf"),
        (b"%PDF-1.7<script>ran('2')</script>", "image/svg+xml\" onload=\"ran('3')"),
    ):
        assert bare(pages.page(level_1(content, media_type)), browser, site) == []


def test_documents_of_countries_do_nothing_either(browser: Browser, site: Site) -> None:
    for path in shared_files("samples/cda", "*.xml")[::20]:
        assert bare(pages.page(path.read_bytes()), browser, site) == [], path.name
