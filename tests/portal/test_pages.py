"""Every page of the portal: valid, without anything that its policy refuses, in both languages, usable by everybody."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from importlib import resources
from typing import Any

import html5lib
import pytest

from tests.support.browser import chromium
from tests.support.portal_pages import CASES, LANGUAGES, PACKAGE, catalogue, render

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGES = [(case, language) for case in CASES for language in LANGUAGES]
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HTML = "{http://www.w3.org/1999/xhtml}"
# Levels A and AA of WCAG 2.0 to 2.2, and good practice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize(("case", "language"), _PAGES)
def test_a_page_is_valid_and_needs_nothing_that_the_policy_refuses(case: str, language: str) -> None:
    text = render(case, language)
    tree = html5lib.HTMLParser(strict=True).parse(text)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag != f"{_HTML}style"
        for name, value in element.attrib.items():
            assert name != "style" and not name.startswith(("on", "hx-on")), (element.tag, name)
            assert not value.strip().lower().startswith(("javascript:", "data:")), (element.tag, name)
            if name == "src":
                assert value.startswith("/")
        if element.tag == f"{_HTML}script":
            assert not (element.text or "").strip() and element.attrib["src"].startswith("/static/")
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        for name in ("aria-describedby", "aria-labelledby", "for"):
            assert set(element.attrib.get(name, "").split()) <= set(ids), element.attrib
    assert len(list(tree.iter(f"{_HTML}h1"))) == 1
    assert tree.attrib["lang"] == language


@pytest.mark.parametrize("case", CASES)
def test_every_form_that_changes_something_carries_its_token(case: str) -> None:
    for form in html5lib.HTMLParser().parse(render(case, "fr")).iter(f"{_HTML}form"):
        fields = {each.attrib.get("name") for each in form.iter(f"{_HTML}input")}
        assert (form.attrib["method"] == "post") == ("csrf" in fields), form.attrib


@pytest.mark.attack
def test_what_a_country_sends_is_text() -> None:
    template, here, signed_in, own = CASES["outcome"]
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    CASES["evil"] = (template, here, signed_in, own | {"national_message": evil, "title": evil, "code": evil})
    try:
        text = render("evil", "fr")
    finally:
        del CASES["evil"]
    assert "<script>alert" not in text and "<img src=x" not in text


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    french, english = catalogue("fr"), catalogue("en")
    assert french.keys() == english.keys()
    for key, text in french.items():
        assert text.strip(), key
        assert _placeholders(text) == _placeholders(english[key]), key


def test_every_text_is_used_and_every_text_used_exists() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "templates").glob("*.html")))
    # t("a.b"), and t("a." ~ name ...) that uses all that begin so.
    whole = set(re.findall(r"""\bt\(\s*["']([a-z_.A-Z0-9]+[a-z_A-Z0-9])["']\s*[,)]""", sources))
    begun = set(re.findall(r"""\bt\(\s*["']([a-z_.A-Z0-9]+)["']\s*~""", sources))
    # The handlers: a key as it is, and f"a.{name}".
    handlers = "".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py")))
    whole |= set(re.findall(r'(?<!f)"([a-z_]+\.[a-z_A-Z0-9]+)"', handlers)) & set(catalogue("fr"))
    made = set(re.findall(r'\bf"([a-z_]+\.[a-z_]*)\{', handlers))
    begun |= {start for start in made if any(key.startswith(start) for key in catalogue("fr"))}
    keys = set(catalogue("fr"))
    assert whole <= keys
    assert all(any(key.startswith(start) for key in keys) for start in begun)
    assert {key for key in keys - whole if not key.startswith(tuple(begun))} == set()


def test_no_name_of_an_operator_is_written_in_pages_or_texts() -> None:
    for path in [*(PACKAGE / "templates").glob("*.html"), *(PACKAGE / "texts").glob("??.toml")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"sesali|agence du num|\bANS\b", text, re.IGNORECASE), path.name


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_are_told_apart() -> None:
    """Contrast of WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for the edges of what can be used (1.4.11)."""
    style = (PACKAGE / "static" / "portal.css").read_text(encoding="utf-8")
    found = dict(re.findall(r"--([a-z-]+): #([0-9a-f]{3,6})\b", style))
    colours = {name: value * 2 if len(value) == 3 else value for name, value in found.items()}

    def contrast(one: str, other: str) -> float:
        darker, lighter = sorted((_luminance(colours[one]), _luminance(colours[other])))
        return (lighter + 0.05) / (darker + 0.05)

    for text in ("ink", "soft-ink", "accent", "accent-dark", "red", "amber", "green"):
        for ground in ("paper", "ground", "accent-soft"):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for tone in ("red", "amber", "green"):
        assert contrast(tone, f"{tone}-soft") >= 4.5
    assert contrast("edge", "paper") >= 3 and contrast("edge", "ground") >= 3


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield running
        running.close()


def _answer(route: Any, text: str, here: str) -> None:
    path = route.request.url.removeprefix("http://portal.example")
    if path == here:
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"}
        route.fulfill(status=200, headers=headers, body=text)
    elif path.startswith("/static/"):
        file = PACKAGE / path.removeprefix("/")
        route.fulfill(status=200, content_type=_TYPES[file.suffix], body=file.read_bytes())
    elif path.endswith(("/document.pdf", "/progress")):
        route.fulfill(status=204, body="")
    else:
        route.abort()


def _open(browser: Any, case: str, language: str, width: int) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    here = CASES[case][1]
    page.route("**/*", lambda route: _answer(route, render(case, language), here))
    page.goto(f"http://portal.example{here}")
    return page, said


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_page_has_no_barrier_that_can_be_found_by_rule(case: str, browser: Any) -> None:
    pytest.importorskip("axe_playwright_python")
    axe = next(resources.files("axe_playwright_python").glob("**/axe.min.js")).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    for language, width in (("fr", 1280), ("en", 320)):
        page, said = _open(browser, case, language, width)
        page.evaluate(axe)
        found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", _RULES)
        problems = [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found["violations"]]
        # No sideways scrolling (WCAG 1.4.10), nothing refused by the policy, nothing kept in the browser.
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (case, width)
        assert page.evaluate("sessionStorage.length + localStorage.length") == 0
        page.close()
        assert problems == []
        assert said == []


def test_a_session_that_ends_is_announced_and_can_be_kept(browser: Any) -> None:
    page = browser.new_page()
    page.clock.install()
    here = CASES["country"][1]
    kept: list[str] = []

    def answer(route: Any) -> None:
        if route.request.url.endswith("/session/keep"):
            kept.append(route.request.post_data)
            route.fulfill(status=204, body="")
        else:
            _answer(route, render("country", "fr"), here)

    page.route("**/*", answer)
    page.goto(f"http://portal.example{here}")
    dialog = page.locator("#session-end")
    page.clock.run_for((1200 - 125) * 1000)
    assert not dialog.is_visible()
    page.clock.run_for(10_000)
    assert dialog.is_visible() and "2 minutes" in (dialog.text_content() or "")
    dialog.get_by_role("button", name="Rester connecté").click()
    _expect(page.locator("#session-end")).to_be_hidden()
    assert kept == ["csrf=token"]
    page.close()


def test_the_problems_of_a_form_get_the_focus(browser: Any) -> None:
    page, _ = _open(browser, "country-problem", "fr", 1280)
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    page.get_by_role("alert").get_by_role("link").click()
    assert page.evaluate("document.activeElement.id || location.hash") in ("country-1", "#country-1")
    page.close()


def _expect(locator: Any) -> Any:
    """Waits from outside of the page, whose policy lets nothing be evaluated in it."""
    from playwright.sync_api import expect

    return expect(locator)


def test_a_trait_is_checked_when_it_changes(browser: Any) -> None:
    page = browser.new_page()
    here = CASES["traits"][1]
    asked: list[tuple[str | None, str]] = []
    problem = '<p class="problem">Neuf chiffres</p>'

    def answer(route: Any) -> None:
        request = route.request
        if not request.url.endswith("/check"):
            _answer(route, render("traits", "fr"), here)
            return
        asked.append((request.headers.get("hx-trigger-name"), request.post_data))
        route.fulfill(status=200, content_type="text/html", body="" if "f3=Bo" in request.post_data else problem)

    page.route("**/*", answer)
    page.goto(f"http://portal.example{here}")
    name = page.get_by_label("Nom", exact=True)
    name.fill("9")
    name.blur()
    page.wait_for_selector("#problem-3 .problem")
    _expect(name).to_have_attribute("aria-invalid", "true")
    assert asked[0][0] == "f3" and "csrf=token" in asked[0][1] and "f3=9" in asked[0][1]
    name.fill("Bo")
    name.blur()
    _expect(page.locator("#problem-3")).to_have_text("")
    _expect(name).not_to_have_attribute("aria-invalid", "true")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    page.close()


def test_waiting_asks_again_and_says_each_step_once(browser: Any) -> None:
    page = browser.new_page()
    here = CASES["waiting"][1]
    fragment = (
        '<div id="progress" data-say="Lecture de la réponse" hx-get="/search/q7Xk2m/progress" hx-trigger="load" '
        'hx-swap="outerHTML">…</div>'
    )
    asked: list[str] = []

    def answer(route: Any) -> None:
        if not route.request.url.endswith("/progress"):
            _answer(route, render("waiting", "fr"), here)
            return
        asked.append(route.request.url)
        last = len(asked) > 2
        route.fulfill(
            status=204 if last else 200, content_type="text/html; charset=utf-8", body="" if last else fragment
        )

    page.route("**/*", answer)
    page.goto(f"http://portal.example{here}")
    _expect(page.locator("#progress-said")).to_have_text("Lecture de la réponse")
    page.close()
    assert len(asked) >= 2


def test_a_second_press_sends_nothing(browser: Any) -> None:
    page, _ = _open(browser, "country", "fr", 1280)
    sent = page.evaluate(
        """() => {
            const form = document.querySelector("main form");
            let sent = 0;
            addEventListener("submit", (event) => { if (!event.defaultPrevented) sent += 1; event.preventDefault(); });
            const button = form.querySelector("button");
            button.click(); button.click();
            return sent;
        }"""
    )
    page.close()
    assert sent == 1
