"""The recorder of the browser sees what a page does. Were it blind, every page would pass for harmless."""

from __future__ import annotations

import pytest

from ncp_client import headers
from tests.support.browser import Answer, Browser, Finding, Page, Site, record

pytestmark = pytest.mark.xdist_group("browser")

HTML = {"Content-Type": "text/html; charset=utf-8"}
HEAD = "<!DOCTYPE html><html lang=en><title>x</title>"
# What can stand on one page: the markup, the kind of the finding, and words of it.
TOGETHER = {
    "a script": ("<script>ran('s1')</script>", "script", "ran(s1)"),
    "a handler of the mouse": ("<p onmouseover=\"ran('s2')\">x</p>", "script", "ran(s2)"),
    "a handler of the focus": ("<a tabindex=0 onfocus=\"ran('s3')\">x</a>", "script", "ran(s3)"),
    "a handler of an opened part": ("<details ontoggle=ran('s4')><summary>x</summary></details>", "script", "ran(s4)"),
    "a handler in a closed part": ("<details><summary>x</summary><p onclick=ran('s5')>x</details>", "script", "(s5)"),
    "an address that is a script": ("<a href=\"javascript:ran('s6')\">x</a>", "script", "ran(s6)"),
    "a handler of a key": ("<p onkeydown=\"ran('s7')\">x</p>", "script", "ran(s7)"),
    "a handler of anything": ("<p ontouchstart=\"ran('s0')\">x</p>", "script", "ran(s0)"),
    "a broken picture": ("<img src=x: onerror=\"ran('s8')\">", "script", "ran(s8)"),
    "a handler in a drawing": ("<svg><g onclick=\"ran('s9')\"/></svg>", "script", "ran(s9)"),
    "a script that fails": ("<script>nobody()</script>", "script", "Uncaught"),
    "a dialog": ("<script>alert('d1')</script>", "dialog", "d1"),
    "words on the console": ("<script>console.log('x')</script>", "console", "log"),
    "a picture from elsewhere": ("<img src='//hostile.invalid/r1'>", "request", "hostile.invalid/r1"),
    "a picture from here": ("<p style='background:url(/r2)'>x</p>", "request", "/r2"),
    "a style sheet": ("<link rel=stylesheet href=/r3.css>", "request", "/r3.css"),
    "a font": ("<style>@font-face{font-family:x;src:url(/r4)}b{font-family:x}</style><b>x</b>", "request", "/r4"),
    "an embedded file": ("<object data='/r5'></object>", "request", "/r5"),
    "a frame": ("<iframe srcdoc=x></iframe>", "frame", "attached"),
}
ALONE = {
    "a script that calls nobody": ("<script>var x = 1</script>", "script", "/page"),
    "another page by itself": ("<meta http-equiv=refresh content='0;url=/other'>", "navigation", "/other"),
    "another page by a click": ("<a href='https://hostile.invalid/2'>x</a>", "navigation", "hostile.invalid/2"),
    "a form": ("<form action=/other><button>x</button></form>", "navigation", "/other"),
    "a window": ("<a target=_blank href='https://hostile.invalid/3'>x</a>", "window", "hostile.invalid/3"),
    "a download": ("<a download href='data:text/plain,x'>x</a>", "download", "data:text/plain"),
}
ALL = HEAD + "".join(body for body, _, _ in TOGETHER.values())


def unseen(found: list[Finding], expected: dict[str, tuple[str, str, str]]) -> list[str]:
    return [
        what
        for what, (_, kind, words) in expected.items()
        if not any(each.kind == kind and words in each.what for each in found)
    ]


def test_what_a_page_does_is_on_record(browser: Browser, site: Site) -> None:
    site.answers["/page"] = Answer(ALL.encode(), HTML)
    found = record(browser, f"{site.url}/page").findings
    assert unseen(found, TOGETHER) == []


@pytest.mark.parametrize("what", ALONE)
def test_where_a_page_leads_is_on_record(what: str, browser: Browser, site: Site) -> None:
    site.answers["/page"] = Answer((HEAD + ALONE[what][0]).encode(), HTML)
    assert unseen(record(browser, f"{site.url}/page").findings, {what: ALONE[what]}) == []


def test_the_portals_headers_stop_all_of_it_and_the_attempts_are_on_record(browser: Browser, site: Site) -> None:
    site.asked.clear()
    site.answers["/page"] = Answer(ALL.encode(), headers.page())
    found = record(browser, f"{site.url}/page").findings
    assert not [each for each in found if each.kind in ("script", "dialog", "window", "download")]
    assert site.asked == []
    stopped = [each.what for each in found if each.kind == "console"]
    assert any("Blocked script execution" in each for each in stopped)
    assert all(any(path in each for each in stopped) for path in ("/r1", "/r2", "/r3", "/r5"))


def test_a_page_that_does_nothing_has_no_record(browser: Browser, site: Site) -> None:
    body = "<style>p{color:red}</style><details><summary>x</summary><p id=a>y</details><a href='#a'>z</a><input>"
    site.answers["/page"] = Answer((HEAD + body).encode(), HTML)
    recorded = record(browser, f"{site.url}/page")
    assert recorded.findings == []
    assert recorded.elements >= 9


def test_what_one_page_did_is_not_on_the_record_of_the_next(browser: Browser, site: Site) -> None:
    site.answers["/page"] = Answer((HEAD + "<script>ran('1')</script>").encode(), HTML)
    assert record(browser, f"{site.url}/page").findings
    site.answers["/page"] = Answer(HEAD.encode(), HTML)
    assert not record(browser, f"{site.url}/page").findings


def test_a_real_mouse_reaches_what_is_on_the_screen(browser: Browser, site: Site) -> None:
    body = "<p style='margin-top:3000px'><button onclick='ran(String(event.isTrusted))'>x</button>"
    site.answers["/page"] = Answer((HEAD + body).encode(), HTML)
    with Page(browser) as page:
        page.open(f"{site.url}/page")
        page.provoke()
        browser.listen(0.1)
        assert {"ran(true)", "ran(false)"} <= {each.what for each in page.findings()}
