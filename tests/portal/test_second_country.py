"""The portal of an English-speaking country: nothing but other configuration, and no trace of the first country.

Everything is real: the gateway of Ireland with ``config/eligibility/ie.toml``, the portal with
``config/portal/ie.toml`` and its folder of texts, the provider with plain claims.
"""

from __future__ import annotations

import html
import io
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from pypdf import PdfReader

from tests.support.identity_provider import PROFESSIONALS, ROOT
from tests.support.web import PATIENT, Stack, Visitor, stack

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.timeout(120)]

DOCTOR = "grace-practitioner"
PEOPLE = tomllib.loads((PROFESSIONALS / "ie.toml").read_text(encoding="utf-8"))["people"]
EXAMPLE = tomllib.loads((ROOT / "config" / "portal" / "ie.toml").read_text(encoding="utf-8"))
MESSAGES = {
    "AUTH_FAILED": "Logging in did not succeed. Please try again.",
    "AUTH_LEVEL": "The level of authentication is not sufficient. Log in with two factors.",
    "NOT_A_PROFESSIONAL": "This service is reserved for health professionals. "
    "No health profession is linked to your account.",
    "PROFESSION_NOT_ELIGIBLE": "Your profession (Administrative staff) is not among those that may use this service.",
    "PLACE_INSUFFICIENT": "Too little is known about your place of practice. Have your registration updated.",
}
OF_FRANCE = re.compile(
    r"\b(sesali|france|french|paris|lyon|agence|numérique|santé|annuaire|pro ?sant\w+|e?-?cps|rpps|finess|rgaa|samu"
    r"|occupational medicine|private insurer|internes?)\b",
    re.IGNORECASE,
)


def _words(*names: str) -> set[str]:
    texts = " ".join((ROOT / name).read_text(encoding="utf-8") for name in names)
    return set(re.findall(r"[a-zà-ÿœ]{4,}", texts.lower()))


FRENCH = _words("portal/src/ncp_portal/texts/fr.toml", "portal/src/ncp_portal/texts/failures.fr.toml") - _words(
    "portal/src/ncp_portal/texts/en.toml",
    "portal/src/ncp_portal/texts/failures.en.toml",
    "config/portal/texts-ie/en.toml",
    "config/display/en.toml",
)
"""Words that the French pages use and no English text does."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("second"), asking="IE") as found:
        yield found


class _Reader(Visitor):
    """A visitor whose browser asks for French, and who looks at each page for what must not be there."""

    def look(self, *expected: str, status: int = 200, has_brand: bool = True) -> None:
        page = self.page.text
        assert self.page.status_code == status, self.page.url
        assert '<html lang="en">' in page
        seen = html.unescape(re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.S))
        attributes = " ".join(re.findall(r'(?:alt|title|aria-label|placeholder)="([^"]*)"', seen))
        # A notice exists in every language, French too.
        seen = re.sub(r"<option\b.*?</option>", " ", seen, flags=re.S)
        shown = re.sub(r"<[^>]+>", " ", seen) + " " + attributes
        assert not OF_FRANCE.findall(shown), self.page.url
        assert not set(re.findall(r"[a-zà-ÿœ]{4,}", shown.lower())) & FRENCH, self.page.url
        if has_brand:
            assert EXAMPLE["brand"]["name"] in shown
            assert EXAMPLE["brand"]["organisation"] in shown
        missing = [each for each in expected if each not in re.sub(r"\s+", " ", shown)]
        assert not missing, self.page.url


@pytest.fixture
def visitor(running: Stack) -> Iterator[_Reader]:
    with _Reader(running.url) as made:
        yield made


def test_a_doctor_reads_a_summary_in_english(visitor: _Reader) -> None:
    visitor.get("/")
    visitor.look("Welcome to Summary Abroad", "Log in with my professional account", "Croatia", "Terms of Use")
    visitor.log_in(DOCTOR)
    visitor.look("Grace Practitioner", "TEST-00001", "Example Street Practice", "country of residence")
    visitor.choose()
    visitor.look("Identity traits of the patient", "Social security number")
    visitor.post(f"{visitor.at}/traits")
    visitor.look("Error:", "Social security number", status=422)
    visitor.find()
    visitor.look("Šimić-Đurđević", "23/04/1979", "Female")
    identity = visitor.path
    visitor.post(f"{visitor.at}/consult")
    visitor.look("Confirm that you have gathered the patient's consent.", status=422)
    visitor.get(identity)
    visitor.consult()
    assert visitor.path.endswith("/summary")
    visitor.look("Patient summary", "Allergies", "Croatian", "Nature")
    at = visitor.at
    for address in ("summary?view=both", "summary?view=original", "print", "pdf"):
        visitor.get(f"{at}/{address}")
        # What is printed is the summary alone.
        visitor.look(has_brand=address != "print")
    assert visitor.http.get(f"{visitor.url}{at}/document.pdf").content.startswith(b"%PDF-")
    visitor.get("/search")
    visitor.post("/logout")


def test_the_search_that_finds_nobody_and_the_country_that_gives_nothing_say_so_in_english(visitor: _Reader) -> None:
    visitor.log_in(DOCTOR)
    for number, says in (("999999999", "What to do?"), ("999990099", "What to do?")):
        visitor.choose()
        visitor.find(number)
        assert visitor.path.endswith("/outcome")
        visitor.look(says, status=visitor.page.status_code)


@pytest.mark.parametrize("name", ["terms", "privacy", "accessibility", "faq", "guide", "signed-out", "session-ended"])
def test_the_pages_for_everybody_are_those_of_the_country(visitor: _Reader, name: str) -> None:
    visitor.get(f"/{name}")
    visitor.look()


def test_the_terms_are_the_countrys_and_their_acceptance_is_on_disk(running: Stack, visitor: _Reader) -> None:
    visitor.get("/terms")
    visitor.look("to read, in English, the patient summary", "your professional regulator", "Version 2026-1")
    visitor.log_in("nora-nurse")
    record = running.playground.asking.folder / "portal" / "terms.jsonl"
    accepted = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    assert ("2026-1", "TEST-00003") in [(line["version"], line["professional"]) for line in accepted]


def test_without_the_tick_the_terms_are_asked_for_again(visitor: _Reader) -> None:
    visitor.page = visitor.http.post(f"{visitor.url}/login", data={"terms": ""})
    visitor.look("tick the box to accept the Terms of Use", status=422)


def test_a_page_that_is_not_there_and_a_login_that_is_broken_off_are_said_in_english(visitor: _Reader) -> None:
    visitor.get("/nowhere")
    visitor.look("There is no page at this address.", status=404)
    visitor.get("/login/callback?error=access_denied&state=x")
    visitor.look(status=403)


def test_no_other_language_is_offered_and_none_can_be_chosen(visitor: _Reader) -> None:
    visitor.get("/")
    assert 'name="language" value="fr"' not in visitor.page.text
    visitor.post("/language", language="fr", back="/")
    visitor.get("/")
    visitor.look("Welcome to Summary Abroad")


def test_the_notice_for_the_patient_does_not_speak_of_another_country(visitor: _Reader) -> None:
    answer = visitor.http.get(f"{visitor.url}/notice", params={"country": "HR", "language": "en"})
    assert answer.headers["content-type"] == "application/pdf"
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "Ireland" in text
    assert "Croatia" in text
    assert not OF_FRANCE.findall(text)


@pytest.mark.parametrize("person", [pytest.param(each, id=each["id"]) for each in PEOPLE])
def test_everybody_meets_what_is_expected(visitor: _Reader, person: dict[str, Any]) -> None:
    visitor.log_in(person["id"])
    if person["expects"] == "in":
        assert visitor.path == "/search"
        visitor.look(person["user_info"]["name"], person["identifier"], person["user_info"]["organisation"])
        return
    code = person["expects"]
    visitor.look(MESSAGES[code], code, status=403)
    anchor = "login" if code.startswith("AUTH_") else "eligibility"
    assert f'href="/faq#{anchor}"' in visitor.page.text


def test_the_assertion_says_role_and_place_of_the_country(running: Stack, visitor: _Reader) -> None:
    """What crosses the border of whom asks: the message as the other country has it."""
    visitor.log_in("nora-nurse")
    visitor.choose()
    visitor.find(PATIENT)
    sent = [path.read_text(encoding="utf-8") for path in running.playground.answering.messages.glob("*request*")]
    (assertion,) = [each for each in sent if "TEST-00003" in each][:1]
    assert 'code="2221"' in assertion
    assert "St Example's Hospital, Dublin" in html.unescape(assertion)
    assert "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI" in assertion
    assert "urn:oid:2.16.17.710.813.1000.990.1" in assertion
