"""The portal as professionals meet it: a real browser, and everything real behind it.

Every test fails too when a page asks another host, breaks its content security policy, or writes an error.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.support.portal_browser import Person, browser
from tests.support.web import PATIENT, Stack, stack

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.timeout(120)]

NAME = "Šimić-Đurđević"


def _expect(locator: Any) -> Any:
    """Waits until it holds: the page says it a moment after the answer has come."""
    from playwright.sync_api import expect

    return expect(locator)


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
    _expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("999990011")
    field.press("Tab")
    problem.wait_for(state="detached")
    _expect(field).not_to_have_attribute("aria-invalid", "true")
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


# How a search can end


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_nobody_is_found_and_the_traits_can_be_changed(person: Open, scripts: bool) -> None:
    doctor = person(scripts=scripts)
    doctor.log_in()
    doctor.choose()
    doctor.find("999999999", end="/outcome")
    assert doctor.t("outcome.todo") in doctor.main
    doctor.page.get_by_role("link", name=doctor.t("outcome.edit")).click()
    doctor.wait("/traits")
    doctor.find(PATIENT)
    assert NAME in doctor.main


def test_a_patient_who_refused_is_not_shown(person: Open) -> None:
    doctor = person()
    doctor.log_in()
    doctor.choose()
    doctor.page.locator("#trait-1").fill("999990099")
    doctor.button("traits.search").click()
    doctor.wait("/(identity|outcome)")
    if doctor.path.endswith("/identity"):
        doctor.consult(end="/outcome")
    assert doctor.t("outcome.todo") in doctor.main
    assert doctor.page.locator(".summary").count() == 0


def test_a_patient_of_whom_there_is_only_the_original_file(person: Open) -> None:
    doctor = person()
    doctor.log_in()
    doctor.read("999990055", end="/pdf")
    assert doctor.page.locator("iframe.pdf").count() == 1
    assert doctor.t("summary.structured_missing") in doctor.main


def test_a_patient_of_whom_there_is_no_original_file(person: Open) -> None:
    doctor = person()
    doctor.log_in()
    doctor.read("999990044")
    assert "Novak" in doctor.main and doctor.t("summary.pdf_missing") in doctor.main


def test_the_whole_journey_without_scripts(person: Open) -> None:
    doctor = person(scripts=False)
    page = doctor.page
    doctor.log_in("paul-multisite")
    doctor.wait("/place")
    page.get_by_label("CENTRE HOSPITALIER DE TEST").check()
    doctor.button("form.next").click()
    doctor.wait("/search")
    doctor.choose()
    page.locator("#trait-1").fill("12")
    doctor.button("traits.search").click()
    page.locator(".alert-error").wait_for()
    doctor.find()
    doctor.button("identity.consult").click()
    page.locator(".alert-error").wait_for()
    assert doctor.t("identity.problem_consent") in doctor.main
    doctor.consult()
    assert NAME in doctor.main
    for view in ("original", "both", "translated"):
        page.get_by_role("link", name=doctor.t(f"summary.view_{view}"), exact=True).click()
        doctor.wait(f"view={view}")
    page.get_by_role("link", name=doctor.t("summary.pdf"), exact=True).click()
    doctor.wait("/pdf")
    doctor.button("base.logout").click()
    doctor.wait("/signed-out")


# Nothing mixes, nothing stays


def test_two_professionals_and_two_tabs_do_not_mix(person: Open, running: Stack) -> None:
    one, two = person(), person()
    one.log_in()
    two.log_in("paul-multisite")
    two.page.get_by_label("CENTRE HOSPITALIER DE TEST").check()
    two.button("form.next").click()
    two.wait("/search")
    one.read(PATIENT)
    first = one.new_tab()
    two.read("999990044")
    one.read("999990022")
    assert "Παπαδοπούλου" in one.content() and NAME not in one.content()
    assert "Novak" in two.content() and NAME not in two.content()
    first.reload()
    assert NAME in first.content() and "Παπαδοπούλου" not in first.content()
    # Another's search does not exist, whatever is asked of it.
    for page in ("summary", "identity", "traits", "pdf", "print", "waiting", "outcome"):
        two.go(f"{one.at}/{page}")
        assert two.path == "/search" and "Παπαδοπούλου" not in two.content()
    answer = two.context.request.get(f"{running.url}{one.at}/document.pdf")
    assert answer.status == 404 and not answer.body().startswith(b"%PDF-")


def test_back_and_reload_are_safe_at_every_step(person: Open) -> None:
    doctor = person()
    doctor.log_in()
    assert doctor.reload() == "/search"
    doctor.choose()
    assert doctor.reload().endswith("/traits")
    doctor.find()
    assert doctor.reload().endswith("/identity") and NAME in doctor.main
    doctor.consult()
    assert doctor.reload().endswith("/summary") and NAME in doctor.main
    assert doctor.back().endswith(("/identity", "/summary")) and NAME in doctor.main
    assert doctor.back().endswith("/traits")
    assert doctor.back().endswith("/search")
    doctor.page.go_forward()
    doctor.find("999990044")
    assert "Novak" in doctor.main and NAME not in doctor.content()
    doctor.consult()
    assert "Novak" in doctor.main and NAME not in doctor.content()


_STORED = """async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
  (await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length]"""


def test_nothing_of_the_patient_stays(person: Open, running: Stack) -> None:
    doctor = person()
    doctor.log_in()
    doctor.choose()
    # The live check runs too.
    doctor.page.locator("#trait-1").fill(PATIENT)
    doctor.page.locator("#trait-1").press("Tab")
    assert doctor.page.evaluate(_STORED) == [0, 0, 0, 0, 0]
    doctor.find()
    assert doctor.page.evaluate(_STORED) == [0, 0, 0, 0, 0]
    doctor.consult()
    assert doctor.page.evaluate(_STORED) == [0, 0, 0, 0, 0]
    cookies = {each["name"]: each for each in doctor.context.cookies()}
    # Cookies know no ports: those of the identity provider on the same machine are seen too.
    own = {name: each for name, each in cookies.items() if not name.startswith("idp_")}
    assert set(own) <= {"portal", "language"}
    assert own["portal"]["httpOnly"] and own["portal"]["sameSite"] == "Lax" and own["portal"]["expires"] == -1
    doctor.button("base.logout").click()
    doctor.wait("/signed-out")
    assert "portal" not in {each["name"] for each in doctor.context.cookies()}
    for _ in range(4):
        doctor.back()
        assert NAME not in doctor.content() and "999990011" not in doctor.content()
    words = [PATIENT, "Šimić", "Simic", "Đurđević", "Željka", "19790423", "1979-04-23", "23/04/1979"]
    seen = unquote("\n".join([*doctor.addresses, *doctor.titles]))
    assert not [each for each in words if each.casefold() in seen.casefold()]


def test_the_logs_know_nobody(person: Open, running: Stack) -> None:
    doctor = person()
    doctor.log_in()
    doctor.read()
    doctor.choose()
    doctor.find("999999999", end="/outcome")
    words = [PATIENT, "999999999", "Šimić", "Simic", "Đurđević", "Željka", "19790423", "1979-04-23", "23/04/1979"]
    words += ["Généraliste", "Generaliste", "Claire", "899700900014", "Multisite", "899700900022"]
    for log in (running.log, running.playground.asking.folder / "gateway.log"):
        told = log.read_text(encoding="utf-8")
        assert told
        told = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), told).casefold()
        assert not [each for each in words if each.casefold() in told], log.name


# Everybody can use it


def test_no_page_has_a_barrier_that_can_be_measured(person: Open) -> None:
    doctor = person()
    found: list[str] = []
    page = doctor.page
    for path in ("/", "/faq", "/terms", "/privacy", "/accessibility", "/guide", "/session-ended", "/nowhere"):
        doctor.go(path)
        found += doctor.violations()
    doctor.go("/")
    page.locator("section.login button").click()
    page.locator(".alert-error").wait_for()
    found += doctor.violations()
    refused = person()
    refused.log_in("armand-assureur")
    assert "PRIVATE_INSURANCE" in refused.main
    found += refused.violations()
    doctor.log_in("paul-multisite")
    doctor.wait("/place")
    found += doctor.violations()
    page.get_by_label("CENTRE HOSPITALIER DE TEST").check()
    doctor.button("form.next").click()
    doctor.wait("/search")
    found += doctor.violations()
    doctor.choose()
    found += doctor.violations()
    page.locator("#trait-1").fill("12")
    doctor.button("traits.search").click()
    page.locator(".alert-error").wait_for()
    found += doctor.violations()
    doctor.find("999999999", end="/outcome")
    found += doctor.violations()
    doctor.choose()
    doctor.find()
    found += doctor.violations()
    doctor.button("identity.consult").click()
    page.locator(".alert-error").wait_for()
    found += doctor.violations()
    doctor.consult()
    for view in ("translated", "original", "both"):
        doctor.go(f"{doctor.at}/summary?view={view}")
        found += doctor.violations()
    # The page for the printer lets no script run, nor that which measures: it is tested where it is made.
    doctor.go(f"{doctor.at}/pdf")
    found += doctor.violations()
    doctor.go("/search")
    doctor.button("base.logout").click()
    doctor.wait("/signed-out")
    found += doctor.violations()
    assert not found, "\n".join(found)


def test_the_keyboard_is_enough(person: Open) -> None:
    doctor = person()
    keys = doctor.page.keyboard
    doctor.go("/")
    doctor.tab_to(".skip")
    doctor.tab_to("#terms")
    keys.press("Space")
    doctor.tab_to("section.login button")
    keys.press("Enter")
    doctor.page.locator("button[value='claire-generaliste']").wait_for()
    doctor.tab_to("button[value='claire-generaliste']")
    keys.press("Enter")
    doctor.wait("/search")
    doctor.tab_to("input[name=country][value=HR]")
    keys.press("Space")
    doctor.tab_to("main form .buttons .button")
    keys.press("Enter")
    doctor.wait("/traits")
    doctor.tab_to("#trait-1")
    keys.type(PATIENT)
    doctor.tab_to("main form .buttons .button")
    keys.press("Enter")
    doctor.wait("/identity")
    doctor.tab_to("#tick-necessary")
    keys.press("Space")
    doctor.tab_to("#tick-consent")
    keys.press("Space")
    doctor.tab_to("main form .buttons .button")
    keys.press("Enter")
    doctor.wait("/summary")
    assert NAME in doctor.main
    doctor.tab_to(".views a[href$='view=original']")
    keys.press("Enter")
    doctor.wait("view=original")


# Waiting, and its end


@contextmanager
def _standing_still(running: Stack) -> Iterator[None]:
    """The gateway of the other country takes connections and answers nothing."""
    config = str(running.playground.answering.config)
    processes = [
        int(each.parent.name) for each in Path("/proc").glob("[0-9]*/cmdline") if config in _command_line(each)
    ]
    assert processes
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


def _command_line(path: Path) -> list[str]:
    try:
        return path.read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:  # a process that has just ended
        return []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_waiting_is_shown_and_can_be_cancelled(person: Open, running: Stack, scripts: bool) -> None:
    doctor = person(scripts=scripts)
    doctor.log_in()
    doctor.choose()
    with _standing_still(running):
        doctor.find(end="/waiting")
        progress = doctor.page.locator("#progress")
        assert doctor.t("waiting.stage_send") in progress.inner_text()
        assert doctor.t("waiting.running") in progress.inner_text()
        before = doctor.page.locator(".progress-time").inner_text()
        from playwright.sync_api import expect

        # From outside of the page, whose policy lets nothing be evaluated in it.
        expect(doctor.page.locator(".progress-time")).not_to_have_text(before)
        if scripts:
            assert doctor.violations() == []
        doctor.button("waiting.cancel").click()
        doctor.wait("/(outcome|traits)")
    assert NAME not in doctor.content()
    doctor.choose()
    doctor.find()
    assert NAME in doctor.main


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A portal that waits for little."""
    extra = '[session]\nidle = "12s"\nwarning = "8s"\n[gateway]\npatience = "4s"\n'
    with stack(tmp_path_factory.mktemp("impatient"), extra=extra) as found:
        yield found


def test_a_country_that_does_not_answer_and_a_professional_who_does_nothing(chrome: Any, impatient: Stack) -> None:
    doctor = Person(chrome, impatient)
    doctor.log_in()
    doctor.choose()
    with _standing_still(impatient):
        doctor.find(end="/outcome")
        assert doctor.t("outcome.todo") in doctor.main and NAME not in doctor.content()
        assert doctor.violations() == []
    doctor.button("outcome.retry").click()
    doctor.wait("/identity")
    assert NAME in doctor.main
    # The end of the session is announced; one press, and it goes on.
    dialog = doctor.page.locator("#session-end")
    dialog.wait_for()
    assert doctor.violations() == []
    doctor.button("session.keep").click()
    dialog.wait_for(state="hidden")
    assert doctor.reload().endswith("/identity")
    # Nobody presses.
    doctor.wait("/session-ended")
    assert doctor.t("session_ended.idle") in doctor.main and NAME not in doctor.content()
    doctor.back()
    assert NAME not in doctor.content()
    doctor.close()
