"""Pictures of the portal's steps, for the documentation: ``python -m tests.portal_screenshots FOLDER``.

Starts the whole demonstration (two gateways, identity provider, portal) and walks through it in Chromium, on a desktop
(1280 pixels wide) and on a tablet (820): French all steps, English three. Each picture is one screen in few colours, at
most 120 KB. The people and patients are the invented ones of the demonstration.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import chromium
from tests.support.web import DOCTOR, PATIENT, Stack, stack

SIZES = {"desktop": (1280, 900), "tablet": (820, 1100)}
LARGEST = 120 * 1024
CLINICAL = '.summary :is(h2, h3):has-text("Allergies")'
SEVERAL_PLACES, REFUSED = "paul-multisite", "armand-assureur"
NOBODY, NO_CONSENT = "999999999", "999990099"
NUMBER = "main form.traits input[type=text]"
SEARCH = "main form.traits button.button"
CONSULT = "main form[action$=consult] button.button"


@dataclass(frozen=True)
class Camera:
    """Takes pictures of one page into ``folder``; ``ending`` tells size and language."""

    page: Page
    folder: Path
    ending: str

    def take(self, step: str, *, to: str = "") -> None:
        """The screen as it is, or scrolled until the element ``to`` is at its top."""
        if to:
            self.page.locator(to).first.evaluate("e => e.scrollIntoView({block: 'start', behavior: 'instant'})")
        path = self.folder / f"{step}-{self.ending}.png"
        path.write_bytes(small(self.page.screenshot()))
        sys.stdout.write(f"{path}  {path.stat().st_size // 1024} KB\n")

    def log_in(self, url: str, person: str, *, seen: bool = False) -> None:
        """From the home page to where the login leads; ``seen``: with a picture of both pages."""
        self.home(url)
        if seen:
            self.take("home")
        self.page.check("#terms")
        self.click('main form[action="/login"] button')
        if seen:
            self.take("login")
        self.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        self.click(f'button[value="{person}"]')

    def home(self, url: str) -> None:
        """The home page, once the portal has heard that the countries' gateways answer."""
        self.page.goto(url)
        for _ in range(60):
            if self.page.locator(".state-green").count():
                return
            self.page.wait_for_timeout(1000)
            self.page.reload()
        raise SystemExit("no country became available")

    def click(self, what: str) -> None:
        self.page.click(what)
        self.page.wait_for_load_state()

    def search(self, number: str) -> None:
        """Asks the first country for the person with the number; waits for what comes of it."""
        self.page.goto(self.page.url.split("/search")[0].split("/place")[0] + "/search")
        self.page.check("#country-1")
        self.click("main form button.button")
        self.find(number)

    def find(self, number: str) -> None:
        self.page.fill(NUMBER, number)
        self.page.click(SEARCH)
        self.page.wait_for_url(lambda url: url.endswith(("/identity", "/outcome")))

    def consult(self) -> None:
        self.page.check("#tick-necessary")
        self.page.check("#tick-consent")
        self.page.click(CONSULT)
        self.page.wait_for_url(lambda url: url.endswith(("/summary", "/outcome")))


def small(png: bytes) -> bytes:
    """The picture in as few colours as fit. Rare colours count as much as frequent ones: flags and states stay true."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (128, 64, 32, 16):
        written = io.BytesIO()
        few = image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
        if len(written.getvalue()) <= LARGEST:
            break
    return written.getvalue()


def journey(camera: Camera, running: Stack) -> None:
    """Every step in French."""
    page, take = camera.page, camera.take
    camera.log_in(running.url, SEVERAL_PLACES, seen=True)
    page.check("#place-1")
    take("place")
    camera.click("main button.button")
    page.check("#country-1")
    take("country")
    camera.click("main form button.button")
    page.fill(NUMBER, "12")
    page.keyboard.press("Tab")
    page.locator("main .problem:visible").first.wait_for()
    page.locator("main .where img").first.evaluate("e => e.decode()")
    take("traits")
    page.fill(NUMBER, PATIENT)
    with asleep(running):
        page.click(SEARCH)
        page.wait_for_url("**/waiting")
        page.wait_for_timeout(3200)
        take("waiting")
    page.wait_for_url("**/identity")
    take("identity")
    camera.click(CONSULT)
    take("identity-missing")
    camera.consult()
    take("summary")
    take("summary-sections", to=CLINICAL)
    page.goto(page.url + "?view=both")
    take("summary-both", to=CLINICAL)
    summary = page.url.partition("?")[0]
    page.goto(summary.replace("/summary", "/print"))
    page.emulate_media(media="print")
    take("print")
    page.emulate_media(media="screen")
    page.goto(summary.replace("/summary", "/pdf"))
    page.wait_for_timeout(6000)  # what shows PDFs is a program of its own: nothing tells when it has drawn
    take("pdf")
    camera.search(NOBODY)
    take("outcome-nobody")
    camera.search(NO_CONSENT)
    if page.url.endswith("/identity"):  # the country may refuse when it is asked for the person, or for the summary
        camera.consult()
    take("outcome-consent")
    page.goto(f"{running.url}/faq")
    take("faq")


def english(camera: Camera, running: Stack) -> None:
    """Three steps in English."""
    camera.home(running.url)
    camera.take("home")
    camera.log_in(running.url, DOCTOR)
    camera.search(PATIENT)
    camera.take("identity")
    camera.consult()
    camera.take("summary")


def turned_away(camera: Camera, running: Stack) -> None:
    """A login that is refused, and a session that has ended."""
    camera.log_in(running.url, REFUSED)
    camera.take("refused")
    camera.page.goto(f"{running.url}/session-ended?why=idle")
    camera.take("session-ended")


@contextlib.contextmanager
def asleep(running: Stack) -> Iterator[None]:
    """The gateway of the country that is asked answers nothing within the block, as one that is slow."""
    configs = {str(each.config) for each in running.playground.countries if each is not running.playground.asking}
    numbers = [number for number in _processes() if configs & set(_command(number))]
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in numbers:
            os.kill(number, signal.SIGCONT)


def _processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]


def _command(number: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_text(errors="replace").split("\0")
    return []


@contextlib.contextmanager
def seen(browser: Browser, folder: Path, size: str, language: str) -> Iterator[Camera]:
    """A browser's window in which nobody has been yet."""
    width, height = SIZES[size]
    with browser.new_context(locale=language, viewport={"width": width, "height": height}) as context:
        ending = size if language.startswith("fr") else f"en-{size}"
        yield Camera(context.new_page(), folder, ending)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.portal_screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=SIZES, help="pictures of this size")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as below, stack(Path(below)) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for size in [given.only] if given.only else SIZES:
            for walk, language in ((journey, "fr-FR"), (turned_away, "fr-FR"), (english, "en-GB")):
                with seen(browser, given.folder, size, language) as camera:
                    walk(camera, running)
        browser.close()


if __name__ == "__main__":
    main()
