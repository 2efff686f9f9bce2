"""Logins over the real front end: a gateway process, mutual TLS, the client library, signed tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree

from ncp_client import (
    CountryUnreachable,
    Gateway,
    GatewayError,
    LoggedIn,
    Login,
    NotEligible,
    NotPermitted,
    Professional,
    Situation,
    Traits,
)
from tests.eligibility.conftest import DIRECTORY_KEY, France, Services
from tests.eligibility.test_directory import bundle, card, practitioner
from tests.support.logins import NUMBER, SUBJECT, Provider, activity, exercice, token_claims, user_info
from tests.support.peer_answers import TENA

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("logins")]
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
DOCTOR = exercice("10", "C", activity(), skill="SM54")
TWO = exercice("10", "C", activity(), activity(sector="SA23"), activity(sector="SA01", name="HOPITAL B"), skill="SM54")


@pytest.fixture
def portal(france: France) -> Iterator[Gateway]:
    with france.portal() as gateway:
        yield gateway


def login(services: Services, *exercices: dict[str, Any], claims: dict[str, Any] | None = None, **values: Any) -> Login:
    described = user_info(*(exercices or (DOCTOR,)), **(claims or {}))
    return Login(services.provider.sign(token_claims(**values)), json.dumps(described))


def refused(gateway: Gateway, wrong: Login, **options: Any) -> NotEligible:
    with pytest.raises(NotEligible) as failure:
        gateway.log_in_with(wrong, **options)
    return failure.value


def assertion(result: LoggedIn) -> etree._Element:
    assert result.session is not None
    return etree.fromstring(result.session.hcp_assertion)


def attribute(result: LoggedIn, name: str) -> str:
    (found,) = [each for each in assertion(result).iter(f"{SAML}Attribute") if each.get("Name", "").endswith(name)]
    return "".join(found.itertext())


def test_one_situation_is_a_session_at_once(portal: Gateway, services: Services) -> None:
    authenticated = datetime.now(UTC) - timedelta(minutes=7)
    result = portal.log_in_with(login(services, auth_time=int(authenticated.timestamp())))
    place = Situation("0.0", "Médecin", "CABINET EXEMPLE", "2 R DE LA PAIX, 35000 RENNES")
    assert (result.name, result.identifier) == ("Camille EXEMPLE", NUMBER)
    assert (result.situations, result.situation) == ((place,), place)
    root = assertion(result)
    assert root.findtext(f"{SAML}Issuer") == "urn:idp:FR:countryB"
    assert root.findtext(f"{SAML}Subject/{SAML}NameID") == NUMBER
    assert root.findtext(f".//{SAML}AuthnContextClassRef") == CLASSES + "SmartcardPKI"
    statement = root.find(f"{SAML}AuthnStatement")
    assert statement is not None
    instant = datetime.fromisoformat(statement.get("AuthnInstant", ""))
    assert abs(instant - authenticated) < timedelta(seconds=1)
    assert attribute(result, "subject:npi") == NUMBER
    assert attribute(result, "environment:locality") == "CABINET EXEMPLE, 2 R DE LA PAIX, 35000 RENNES"
    assert attribute(result, "healthcare-facility-type") == "Resident Physician"
    assert "PRD-006" in attribute(result, "hl7:permission")


def test_the_gateway_accepts_the_session(portal: Gateway, services: Services) -> None:
    result = portal.log_in_with(login(services))
    assert result.session is not None
    traits = Traits(identifiers=((TENA.root or "", TENA.extension or ""),))
    with pytest.raises(CountryUnreachable):
        # Nobody listens at the other country: the question was let through as far as that.
        result.session.find_patient("HR", traits)


def test_of_several_situations_one_is_chosen(portal: Gateway, services: Services) -> None:
    asked = portal.log_in_with(login(services, TWO), language="en-GB")
    assert [each.id for each in asked.situations] == ["0.0", "0.2"]
    assert asked.session is None and asked.situation is None
    assert {each.profession for each in asked.situations} == {"Doctor"}
    chosen = portal.log_in_with(login(services, TWO), asked.situations[1], purpose="EMERGENCY")
    assert chosen.situation is not None and chosen.situation.place == "HOPITAL B"
    assert attribute(chosen, "healthcare-facility-type") == "Hospital"
    assert b'code="EMERGENCY"' in etree.tostring(assertion(chosen))


def test_a_situation_that_is_not_offered_chooses_nothing(portal: Gateway, services: Services) -> None:
    with pytest.raises(GatewayError) as failure:
        portal.log_in_with(login(services, TWO), Situation("0.1", "", "", ""))
    assert not isinstance(failure.value, NotEligible)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "33 acr missing": ({"acr": ...}, "AUTH_LEVEL"),
    "33 acr eidas0": ({"acr": "eidas0"}, "AUTH_LEVEL"),
    "34 audience": ({"audience": "other"}, "AUTH_FAILED"),
    "34 expired": ({"exp": 1_700_000_000, "iat": 1_699_999_000}, "AUTH_FAILED"),
    "35 sub": ({"sub": SUBJECT + "2"}, "AUTH_FAILED"),
    "another person": ({"preferred_username": "899700000002"}, "AUTH_FAILED"),
    "45 authMode unknown": ({"authMode": "PASSWORD"}, "AUTH_LEVEL"),
}


@pytest.mark.parametrize(("claims", "code"), REFUSED.values(), ids=REFUSED)
def test_tokens_that_are_refused(portal: Gateway, services: Services, claims: dict[str, Any], code: str) -> None:
    assert refused(portal, login(services, **claims)).code == code


@pytest.mark.attack
def test_34_tokens_that_nobody_signed(portal: Gateway, services: Services) -> None:
    described = json.dumps(user_info(DOCTOR))
    claims = token_claims()
    head, body, signature = services.provider.sign(claims).split(".")
    for token in (
        Provider().sign(claims),
        services.provider.sign_with_public_key(claims),
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"eyJhbGciOiJub25lIn0.{body}.AA",
        services.provider.sign(claims, kid="new"),
    ):
        assert refused(portal, Login(token, described)).code == "AUTH_FAILED"


def test_35_a_user_info_without_subject(portal: Gateway, services: Services) -> None:
    assert refused(portal, login(services, claims={"sub": None})).code == "AUTH_FAILED"


@pytest.mark.attack
@pytest.mark.parametrize("given", ["nope", "[]", "[" * 50_000, '{"sub": "a", "sub": "b"}'], ids=lambda given: given[:9])
def test_36_a_user_info_that_is_none(portal: Gateway, services: Services, given: str) -> None:
    assert refused(portal, Login(services.provider.sign(token_claims()), given)).code == "UNREADABLE_CLAIMS"


def test_36_exercices_as_object(portal: Gateway, services: Services) -> None:
    wrong = login(services, claims={"SubjectRefPro": {"exercices": {}}})
    assert refused(portal, wrong).code == "UNREADABLE_CLAIMS"
    nothing = login(services, exercice("10", "C", activities=None))
    assert refused(portal, nothing).code == "NO_PRACTICE_SITUATION"


def test_45_no_means_of_authentication_is_refused(portal: Gateway, services: Services) -> None:
    assert refused(portal, login(services, authMode=..., claims={"authMode": ""})).code == "AUTH_LEVEL"
    # The user info counts where the token does not say.
    assert portal.log_in_with(login(services, authMode=...)).session is not None


def test_a_refusal_speaks_the_language_that_was_asked_for(portal: Gateway, services: Services) -> None:
    psychologist = login(services, exercice("93"))
    french = refused(portal, psychologist)
    assert french.code == "PROFESSION_NOT_ELIGIBLE"
    assert french.message.startswith("Votre profession (Psychologue) ne fait pas partie")
    assert refused(portal, psychologist, language="en").message.startswith("Your profession (Psychologist) is not")


def test_portals_and_what_they_may(france: France, services: Services) -> None:
    who = Professional(
        identifier="1",
        name="A",
        role="221",
        facility_type="Hospital",
        locality="X",
        authentication_class=CLASSES + "SmartcardPKI",
        authenticated=datetime.now(UTC),
    )
    with france.portal() as gateway:
        assert gateway.log_in(who).hcp_assertion
    with france.portal("tokens only") as gateway:
        assert gateway.log_in_with(login(services)).session is not None
        with pytest.raises(NotPermitted):
            gateway.log_in(who)
    with france.portal("reader") as gateway, pytest.raises(NotPermitted):
        gateway.log_in_with(login(services))
    with france.portal("pharmacies") as gateway:
        assert refused(gateway, login(services)).code == "AUTH_FAILED"
        with pytest.raises(NotPermitted):
            gateway.log_in_with(login(services, audience="pharmacies"))
        pharmacist = exercice("21", "C", activity(section="A", sector="SA33"))
        both = gateway.log_in_with(login(services, DOCTOR, pharmacist, audience="pharmacies"))
        assert [each.profession for each in both.situations] == ["Pharmacien"] and both.session is not None


def test_the_log_has_every_login_with_its_code_and_nobody_in_it(
    france: France, portal: Gateway, services: Services
) -> None:
    failure = refused(portal, login(services, exercice("10", "C", activity(sector="SA23"))))
    portal.log_in_with(login(services))
    portal.log_in_with(login(services, TWO))
    lines = [json.loads(line) for line in france.log.splitlines()]
    told = [line for line in lines if line["event"] == "transaction" and line["service"] == "HCP"]
    (line,) = [line for line in told if line["transaction"] == failure.reference]
    assert (line["outcome"], line["error_code"], line["reason"]) == ("refused", "PRIVATE_INSURANCE", "eligibility.X5")
    assert any("login.accepted" in line["notes"] and line["outcome"] == "ok" for line in told)
    assert any("login.to_choose" in line["notes"] and line["outcome"] == "ok" for line in told)
    for secret in (NUMBER, "EXEMPLE", "Camille", SUBJECT, "RENNES", "eyJ"):
        assert secret not in france.log


def test_the_keys_of_the_provider_are_not_asked_for_at_each_login(
    france: France, portal: Gateway, services: Services
) -> None:
    portal.log_in_with(login(services))
    before = len([path for path, _ in services.asked if path == "/certs"])
    for _ in range(5):
        portal.log_in_with(login(services))
    assert len([path for path, _ in services.asked if path == "/certs"]) == before


def test_43_the_directory_decides(france_with_directory: France, services: Services) -> None:
    with france_with_directory.portal() as gateway:
        application = login(services, authMode="e-CPS")
        services.directory = bundle(practitioner(card(end="2099-01-01"), number=NUMBER))
        result = gateway.log_in_with(application)
        assert assertion(result).findtext(f".//{SAML}AuthnContextClassRef") == CLASSES + "MobileTwoFactorContract"
        assert services.asked[-1] == (f"/fhir/Practitioner?identifier={NUMBER}", DIRECTORY_KEY)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        services.directory = bundle(practitioner(card(end="2099-01-01", opposed=yesterday), number=NUMBER))
        assert refused(gateway, application).code == "CARD_INVALID"
        services.directory = None
        failure = refused(gateway, application)
        assert failure.code == "DIRECTORY_UNAVAILABLE"
        assert re.search("Annuaire Santé ne répond pas", failure.message)


def test_41_45_the_means_of_authentication_by_configuration(france_with_directory: France, services: Services) -> None:
    services.directory = bundle(practitioner(number=NUMBER))
    with france_with_directory.portal() as gateway:
        silent = login(services, authMode=..., claims={"authMode": None})
        assert assertion(gateway.log_in_with(silent)).findtext(f".//{SAML}AuthnContextClassRef") == (
            CLASSES + "SmartcardPKI"
        )
        assert refused(gateway, login(services)).code == "AUTH_LEVEL"
