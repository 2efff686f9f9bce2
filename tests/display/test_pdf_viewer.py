"""How a portal has to frame a PDF so that Chromium shows it: by the header, not by an attribute of the frame."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from ncp_client import headers
from tests.support import pdf_files
from tests.support.browser import Answer, Browser, Page, Site

pytestmark = pytest.mark.xdist_group("browser")

RED = pdf_files.table(pdf_files.objects(more={pdf_files.CONTENT: pdf_files.stream(b"1 0 0 rg 0 0 595 842 re f")}))
PORTAL = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-src 'self'",
}
PATIENCE = 15.0


def is_shown(browser: Browser, url: str, seconds: float) -> bool:
    """Whether the page of the PDF is on the screen: it is red all over."""
    with Page(browser) as page:
        page.open(url)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            counted = shot.resize((60, 45)).getcolors(60 * 45) or []
            if sum(count for count, (red, green, blue) in counted if red > 200 > 60 > max(green, blue)) > 100:
                return True
            browser.listen(0.2)
        return False


@pytest.fixture
def portal(site: Site) -> Site:
    site.answers["/summary.pdf"] = Answer(RED, headers.pdf(["'self'"]))
    site.answers["/frame"] = Answer(b"<!DOCTYPE html><iframe src=/summary.pdf width=800 height=600></iframe>", PORTAL)
    site.answers["/sandboxed-frame"] = Answer(
        b"<!DOCTYPE html><iframe sandbox='allow-scripts allow-same-origin' src=/summary.pdf width=800 height=600>"
        b"</iframe>",
        PORTAL,
    )
    site.answers["/foreign.pdf"] = Answer(RED, headers.pdf(["https://portal.example"]))
    site.answers["/foreign-frame"] = Answer(
        b"<!DOCTYPE html><iframe src=/foreign.pdf width=800 height=600></iframe>", PORTAL
    )
    return site


def test_the_viewer_works_under_the_header(browser: Browser, portal: Site) -> None:
    assert is_shown(browser, f"{portal.url}/frame", PATIENCE)


def test_the_viewer_does_not_work_in_a_frame_with_the_attribute(browser: Browser, portal: Site) -> None:
    assert not is_shown(browser, f"{portal.url}/sandboxed-frame", 3)


def test_nobody_else_may_frame_it(browser: Browser, portal: Site) -> None:
    assert not is_shown(browser, f"{portal.url}/foreign-frame", 3)
