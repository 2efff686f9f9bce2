"""Every invented professional of France at the portal's door: who enters, and what everybody else reads.

The people and what is expected of each are data (``config/demo/professionals/fr.toml``); the words of the refusals are
those that were agreed for the service (docs/eligibility.md, "The codes").
"""

from __future__ import annotations

import html
import re
import tomllib
from typing import Any

import pytest

from tests.support.identity_provider import PROFESSIONALS
from tests.support.web import Stack, Visitor

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.timeout(120)]

FILE = tomllib.loads((PROFESSIONALS / "fr.toml").read_text(encoding="utf-8"))
UNKNOWN = "Information indisponible"
UPDATE = " Faites mettre à jour vos données auprès de votre ordre ou de votre autorité d'enregistrement."
MESSAGES = {
    "AUTH_FAILED": "La connexion avec Pro Santé Connect n'a pas abouti. Veuillez recommencer.",
    "AUTH_LEVEL": "Le niveau d'authentification n'est pas suffisant. "
    "Connectez-vous avec votre carte CPS ou votre application e-CPS.",
    "NOT_A_PROFESSIONAL": "Sesali est réservé aux professionnels de santé. "
    "Aucune profession de santé n'est associée à votre identifiant dans l'Annuaire Santé.",
    "PROFESSION_NOT_ELIGIBLE": "Votre profession (…) ne fait pas partie des catégories de professionnels habilités à "
    "utiliser Sesali.",
    "STUDENT_NOT_ELIGIBLE": "L'accès des étudiants à Sesali est réservé aux internes en médecine, en pharmacie et en "
    "odontologie.",
    "PHARMACIST_SECTION": "L'accès des pharmaciens à Sesali est réservé aux pharmaciens d'officine, hospitaliers et "
    "biologistes.",
    "OCCUPATIONAL_MEDICINE": "La spécialité de médecine du travail n'est pas habilitée à utiliser Sesali.",
    "NO_PRACTICE_SITUATION": "Aucune situation d'exercice n'est enregistrée à votre nom dans l'Annuaire Santé."
    + UPDATE,
    "NO_PRACTICE_MODE": "Le mode d'exercice de votre situation n'est pas renseigné dans l'Annuaire Santé." + UPDATE,
    "PLACE_INSUFFICIENT": "Les informations sur votre lieu d'exercice sont insuffisantes dans l'Annuaire Santé."
    + UPDATE,
    "PRIVATE_INSURANCE": "L'exercice pour une assurance privée ne permet pas d'utiliser Sesali.",
    "UNREADABLE_CLAIMS": "Vos données professionnelles n'ont pas pu être lues. Veuillez contacter l'assistance.",
}
"""In the one about the profession, its name stands where the three dots are."""
NOT_HEARD = {
    "nonce", "nonce_missing", "audience", "issuer", "signature", "unsigned", "shared_secret", "expired", "sub",
    "user_info_not_json", "user_info_unavailable",
}  # fmt: skip
"""Where nothing was said about the person, or nothing of it may be believed (OpenID Connect Core 3.1.3.7, 5.3.2)."""


def _people(*, admitted: bool) -> list[Any]:
    return [
        pytest.param(person, id=person["id"]) for person in FILE["people"] if (person["expects"] == "in") is admitted
    ]


def _name(person: dict[str, Any]) -> str:
    """As pages show it: no marks that turn the direction of writing, and not endless."""
    claims = person.get("user_info", {})
    name = " ".join(f"{claims.get('given_name', '')} {claims.get('family_name', '')}".split())
    return re.sub("[\u202a-\u202e]", "", name)[:250]


def _facts(page: str) -> list[str]:
    """The values of the list of facts, as they are read."""
    return [
        html.unescape(re.sub(r"<[^>]+>", "", each)).strip() for each in re.findall(r"<dd[^>]*>(.*?)</dd>", page, re.S)
    ]


@pytest.mark.parametrize("person", _people(admitted=True))
def test_whoever_may_enters_and_sees_name_and_number(running: Stack, person: dict[str, Any]) -> None:
    with Visitor(running.url) as visitor:
        visitor.log_in(person["id"])
        assert visitor.page.status_code == 200
        if visitor.path == "/place":
            situations = re.findall(r'name="situation" value="([^"]+)"', visitor.page.text)
            assert len(situations) > 1
            visitor.post("/place", situation=situations[0])
        assert visitor.path == "/search", visitor.text
        shown = html.unescape(visitor.page.text)
        assert _name(person) in shown
        assert person["identifier"] in shown


@pytest.mark.parametrize("person", _people(admitted=False))
def test_whoever_may_not_reads_why_and_what_to_do(running: Stack, person: dict[str, Any]) -> None:
    code = person["expects"]
    with Visitor(running.url) as visitor:
        visitor.log_in(person["id"])
        page = visitor.page.text
        assert visitor.page.status_code == 403
        (told,) = re.findall(r'class="alert-lead">(.*?)</p>', page)
        assert re.sub(r"\([^()]{4,90}\)", "(…)", html.unescape(told)) == MESSAGES[code]
        is_heard = person.get("spoil") not in NOT_HEARD
        name, identifier, shown_code = _facts(page)
        assert name == (_name(person) if is_heard else UNKNOWN)
        assert identifier == (person["identifier"] if is_heard else UNKNOWN)
        assert shown_code == code
        anchor = "login" if code.startswith("AUTH_") else "eligibility"
        assert f'href="/faq#{anchor}"' in page
        # Nothing has begun: the search is as far away as before.
        visitor.get("/search")
        assert visitor.path in ("/", "/session-ended")


def test_the_answers_that_refusals_link_to_exist(running: Stack) -> None:
    with Visitor(running.url) as visitor:
        page = visitor.get("/faq").text
        assert 'id="login"' in page
        assert 'id="eligibility"' in page


def test_nobody_of_them_is_in_the_log_of_the_portal(running: Stack) -> None:
    """After all of them: neither name nor number; codes are."""
    log = running.log.read_text(encoding="utf-8")
    assert '"code": "OCCUPATIONAL_MEDICINE"' in log
    assert not [person["id"] for person in FILE["people"] if person["identifier"] in log or _name(person) in log]
