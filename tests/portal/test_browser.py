"""The portal as professionals meet it: a real browser, and everything real behind it.

Every test fails too when a page asks another host, breaks its content security policy, or writes an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.portal_browser import Person, browser
from tests.support.web import Stack

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.timeout(120)]

NAME = "Šimić-Đurđević"
Open = Callable[..., Person]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as launched:
        yield launched


@pytest.fixture
def person(chrome: Any, running: Stack) -> Iterator[Open]:
    """Opens browsers without anything in them; closed, and their records looked at, in the end."""
    opened: list[Person] = []

    def open_one(**more: Any) -> Person:
        opened.append(Person(chrome, running, **more))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def _has_focus(person: Person, selector: str) -> bool:
    return bool(person.page.locator(selector).first.evaluate("element => element === document.activeElement"))


def _pdf_of(person: Person, press: Any) -> bytes:
    """The file that a button opens in a window of its own, as the browser itself asks for it."""
    with person.context.expect_page() as opened, person.context.expect_event("response") as answered:
        press.click()
    answer = answered.value
    assert answer.status == 200 and answer.headers["content-type"] == "application/pdf"
    content = person.context.request.get(answer.url).body()
    opened.value.close()
    return bytes(content)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_whole_journey(person: Open, language: str) -> None:
    doctor = person(language=language)
    page = doctor.page
    doctor.go("/")
    assert page.locator("html").get_attribute("lang") == language
    # The terms are not accepted yet: what is missing is said, and has the focus.
    page.locator("section.login button").click()
    page.locator(".alert-error").wait_for()
    assert _has_focus(doctor, ".alert-error") and doctor.t("home.terms_problem") in doctor.main
    assert page.title().startswith(doctor.t("form.title_problem"))
    page.locator(".alert-error a").click()
    assert _has_focus(doctor, "#terms")
    page.locator("#terms").check()
    page.locator("section.login button").click()
    page.locator("button[value='paul-multisite']").click()
    # Three places of practice.
    doctor.wait("/place")
    assert doctor.heading == doctor.t("place.title") and page.locator("input[name=situation]").count() == 3
    doctor.button("form.next").click()
    page.locator(".alert-error").wait_for()
    page.get_by_label("CENTRE HOSPITALIER DE TEST").check()
    doctor.button("form.next").click()
    doctor.wait("/search")
    assert "CENTRE HOSPITALIER DE TEST" in page.locator(".who").inner_text()
    doctor.button("form.next").click()
    page.locator(".alert-error").wait_for()
    assert _has_focus(doctor, ".alert-error") and doctor.t("country.problem") in doctor.main
    page.locator("input[value=HR]").check()
    doctor.button("form.next").click()
    # The field says what is wrong as soon as it is left, and stops when it is right.
    doctor.wait("/traits")
    field, problem = page.locator("#trait-1"), page.locator("#problem-1 .problem")
    field.fill("12")
    field.press("Tab")
    problem.wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("999990011")
    field.press("Tab")
    problem.wait_for(state="detached")
    assert field.get_attribute("aria-invalid") is None
    doctor.button("traits.search").click()
    doctor.wait("/identity")
    assert NAME in doctor.main and "23/04/1979" in doctor.main and doctor.t("sex.F") in doctor.main
    doctor.button("identity.consult").click()
    page.locator(".alert-error").wait_for()
    assert _has_focus(doctor, ".alert-error")
    assert doctor.t("identity.problem_necessary") in doctor.main and doctor.t("identity.problem_consent") in doctor.main
    page.go_back()
    page.locator("#notice-language").select_option("hr")
    assert _pdf_of(doctor, doctor.button("notice.download")).startswith(b"%PDF-")
    doctor.consult()
    # Structured and translated, original text, both.
    assert NAME in doctor.main
    translated = page.locator(".summary").inner_text()
    page.get_by_role("link", name=doctor.t("summary.view_original"), exact=True).click()
    doctor.wait("view=original")
    original = page.locator(".summary").inner_text()
    page.get_by_role("link", name=doctor.t("summary.view_both"), exact=True).click()
    doctor.wait("view=both")
    assert len({translated, original, page.locator(".summary").inner_text()}) == 3
    # The original file, in a frame that nothing blocks.
    page.get_by_role("link", name=doctor.t("summary.pdf"), exact=True).click()
    doctor.wait("/pdf")
    frame = page.frame(url=lambda url: url.endswith("/document.pdf"))
    assert frame is not None and "chrome-error" not in frame.url
    page.go_back()
    with doctor.context.expect_page() as opened:
        page.get_by_role("link", name=doctor.t("summary.print")).click()
    opened.value.wait_for_load_state()
    assert NAME in opened.value.locator("body").inner_text()
    opened.value.close()
    page.get_by_role("link", name=doctor.t("base.new_search")).click()
    doctor.wait("/search")
    doctor.button("base.logout").click()
    doctor.wait("/signed-out")
    assert doctor.heading.endswith(doctor.t("signed_out.title"))
