"""A professional in front of a real browser: Debian's Chromium, with a record of everything that must not happen.

Knows how a page of the portal is used by hand, and what no page may do: ask another host than the portal and the
identity provider, break the content security policy, write an error to the console, throw. Leaves to the tests what
is on the pages. Nothing of the portal is imported but its catalogue of texts is read, so that one test can be written
for both languages. Source of the events: https://playwright.dev/python/docs/api/class-browsercontext.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.browser import chromium
from tests.support.web import DOCTOR, PATIENT, Stack

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

_TEXTS = Path(__file__).resolve().parents[2] / "portal" / "src" / "ncp_portal" / "texts"
_VIEWER = "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/"
"""The browser's own viewer of PDF files."""
_BY_STATUS = "Failed to load resource: the server responded with a status of"
_WATCH = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error('policy: ' + event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sourceFile));
"""
PATIENCE_MS = 20_000
DESKTOP = {"width": 1280, "height": 900}
_OPTIONS = ("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1", "--disable-gpu")


@contextmanager
def browser() -> Iterator[Any]:
    """One browser for many tests; skips the test, saying why, where there is none."""
    executable = chromium()
    options = [*_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=executable, args=options)
        try:
            yield launched
        finally:
            launched.close()


@cache
def _catalogue(language: str) -> dict[str, Any]:
    return tomllib.loads((_TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


def text(language: str, key: str) -> str:
    """A text of the interface, as ``base.logout``."""
    table, _, name = key.partition(".")
    return str(_catalogue(language)[table][name])


class Person:
    """Somebody with a browser of their own: no cookie is shared with anybody.

    ``problems`` is what the browser told of what must not happen; ``close`` fails the test if there is any.
    """

    def __init__(self, launched: Any, stack: Stack, *, language: str = "fr", scripts: bool = True, **more: Any) -> None:
        self.stack = stack
        self.language = language
        self._origins = {stack.url, "{0.scheme}://{0.netloc}".format(urlsplit(stack.web.issuer))}
        self._documents: set[str] = set()
        self.problems: list[str] = []
        self.addresses: list[str] = []
        self.titles: list[str] = []
        self.context = launched.new_context(
            locale={"fr": "fr-FR", "en": "en-GB"}[language], java_script_enabled=scripts, viewport=DESKTOP, **more
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(_WATCH)
        self.context.on("request", self._on_request)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.problems.append(f"thrown: {error.error}"))
        self.page = self.context.new_page()

    def close(self) -> None:
        self.context.close()
        assert not self.problems, "\n".join(self.problems)

    def _on_request(self, request: Any) -> None:
        url = request.url
        if request.resource_type == "document":
            self._documents.add(url)
        self.addresses.append(url)
        own = url.startswith((_VIEWER, "about:", "chrome:"))
        if not own and not any(url.startswith(f"{origin}/") for origin in self._origins):
            self.problems.append(f"request: {request.method} {url}")

    def _on_console(self, message: Any) -> None:
        address = str(message.location.get("url", ""))
        # The browser notes every page that has a status from 400 on, and a refused form is such a page.
        is_noted = message.text.startswith(_BY_STATUS) and address in self._documents
        if message.type in ("error", "warning") and not is_noted:
            self.problems.append(f"console: {message.text} at {address}")

    # What is on the page

    def t(self, key: str) -> str:
        return text(self.language, key)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def at(self) -> str:
        """The address of the search that the page is about."""
        return "/".join(self.path.split("/")[:3])

    @property
    def heading(self) -> str:
        self.titles.append(self.page.title())
        return str(self.page.locator("h1").first.inner_text())

    @property
    def main(self) -> str:
        return re.sub(r"[ \t\r\n]+", " ", str(self.page.locator("main").inner_text()))

    def button(self, key: str) -> Any:
        return self.page.get_by_role("button", name=self.t(key))

    def go(self, path: str) -> Any:
        return self.page.goto(self.stack.url + path)

    def wait(self, path: str) -> None:
        """Until the page is at that place; ``path`` is a regular expression of the end."""
        self.page.wait_for_url(re.compile(rf"{re.escape(self.stack.url)}.*{path}(\?.*)?$"))
        self.titles.append(self.page.title())

    # The steps of a consultation

    def log_in(self, person: str = DOCTOR) -> None:
        """From the home page to wherever the login leads, by the pages of the identity provider."""
        self.go("/")
        self.page.locator("#terms").check()
        self.page.locator("section.login button").click()
        button = self.page.locator(f"button[value='{person}']")
        button.wait_for(state="attached")
        # The provider groups those who may not enter in lists that are closed at first.
        if not button.is_visible():
            self.page.locator("details", has=button).locator("summary").click()
        button.click()
        self.page.wait_for_url(f"{self.stack.url}/**")

    def choose(self, country: str = "HR") -> None:
        self.go("/search")
        self.page.locator(f"input[name=country][value={country}]").check()
        self.button("form.next").click()
        self.wait("/traits")

    def find(self, number: str = PATIENT, end: str = "/identity") -> None:
        self.page.locator("#trait-1").fill(number)
        self.button("traits.search").click()
        self.wait(end)

    def consult(self, end: str = "/summary") -> None:
        self.page.locator("#tick-necessary").check()
        self.page.locator("#tick-consent").check()
        self.button("identity.consult").click()
        self.wait(end)

    def read(self, number: str = PATIENT, end: str = "/summary") -> None:
        """The whole way for somebody who is logged in."""
        self.choose()
        self.find(number)
        self.consult(end)

    def reload(self) -> str:
        """Where the page is after it was asked for again."""
        self.page.reload()
        return self.path

    def back(self) -> str:
        """Where the browser's back button leads."""
        self.page.go_back()
        return self.path

    def new_tab(self) -> Any:
        """Another tab of the same browser becomes the one that is used; the one before is returned."""
        before, self.page = self.page, self.context.new_page()
        return before

    def content(self) -> str:
        return str(self.page.content())

    # The keyboard alone

    def tab_to(self, selector: str, *, most: int = 90) -> None:
        """Presses Tab until the element has the focus, which must be seen on it."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
                return
        raise AssertionError(f"{selector} cannot be reached by Tab on {self.path}")

    # Accessibility

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.2, levels A and AA: rule and elements."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
        rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
        found = axe.Axe().run(self.page, options={**rules, "resultTypes": ["violations"]}).response["violations"]
        return [
            f"{self.path}: {each['id']} {node['target']} {node['html'][:150]}"
            for each in found
            for node in each["nodes"]
            # Original text that scrolls sideways takes the focus in Chromium (130) and Firefox by itself; axe asks for
            # a tabindex, which pages of documents do not have.
            if not (each["id"] == "scrollable-region-focusable" and 'class="narrative"' in node["html"])
        ]
