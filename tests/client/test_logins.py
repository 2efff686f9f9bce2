"""Logging in with what the identity provider gave: situations, a session for one of them, refusals with their code."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ncp.eligibility.refusals import NotEligible as Refused
from ncp.eligibility.refusals import Refusal
from ncp_client import Gateway, GatewayError, Login, NotEligible, NotPermitted, Situation
from ncp_client.errors import NOT_ELIGIBLE_CODES
from tests.support.frontend import HCP, Certificates, SmallNcpB, front_end, portal, serve

LOGIN = Login("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", '{"family_name": "Élisée", "odd": "\\u0000"}')


@pytest.fixture
def gateway(url: str, certificates: Certificates) -> Iterator[Gateway]:
    with opened(url, certificates) as gateway:
        yield gateway


def opened(url: str, certificates: Certificates) -> Gateway:
    return Gateway(
        url,
        certificate=certificates.path("portal.pem"),
        key=certificates.path("portal.key"),
        trust=certificates.path("ca.pem"),
    )


def test_a_login_with_several_situations_asks_which_one(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    result = gateway.log_in_with(LOGIN, language="en")
    assert (result.name, result.identifier) == ("Camille Exemplaire", "899700209937")
    assert result.situations == (
        Situation("0.0", "Médecin", "Cabinet A", "1 R DE PARIS, 75009 PARIS"),
        Situation("0.2", "Médecin", "Hôpital B", ""),
    )
    assert result.situation is None and result.session is None
    _, asked = ncp_b.the("log_in")
    assert asked.id_token == LOGIN.id_token
    assert asked.user_info == LOGIN.user_info.encode()
    assert (asked.situation, asked.purpose, asked.language) == ("", "TREATMENT", "en")


def test_a_chosen_situation_gives_a_session(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    wanted = Situation("0.2", "Médecin", "Hôpital B", "")
    result = gateway.log_in_with(LOGIN, wanted, purpose="EMERGENCY")
    assert result.situation == wanted
    assert result.session is not None and result.session.hcp_assertion == HCP
    _, asked = ncp_b.the("log_in")
    assert (asked.situation, asked.purpose, asked.language) == ("0.2", "EMERGENCY", "fr")


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_is_not_eligible_with_its_text(refusal: Refusal, gateway: Gateway, ncp_b: SmallNcpB) -> None:
    text = "« L'accès » & <plus>"
    ncp_b.failure = Refused(refusal, "rule", message=text, language="fr")
    with pytest.raises(NotEligible) as refused:
        gateway.log_in_with(LOGIN)
    assert (refused.value.code, refused.value.message) == (refusal.value, text)
    assert refused.value.reference


def test_the_client_knows_every_code_of_the_gateway() -> None:
    assert frozenset(Refusal) == NOT_ELIGIBLE_CODES


def test_a_purpose_and_sizes_are_checked(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    with pytest.raises(GatewayError, match="ERROR_GENERIC"):
        gateway.log_in_with(LOGIN, purpose="MARKETING")
    for wrong in (Login("", "{}"), Login("x" * 16_385, "{}"), Login("x.y.z", " " * 262_145)):
        with pytest.raises(GatewayError, match="ERROR_GENERIC"):
            gateway.log_in_with(wrong)
    assert ncp_b.asked == []


def test_a_portal_that_may_not_ask_for_assertions_may_not_log_in(certificates: Certificates, ncp_b: SmallNcpB) -> None:
    app = front_end(ncp_b, portal(certificates.fingerprint("portal"), may_issue_hcp=False))
    with serve(app, certificates) as url, opened(url, certificates) as gateway, pytest.raises(NotPermitted):
        gateway.log_in_with(LOGIN)
    assert ncp_b.asked == []


def test_a_login_shows_nothing_of_itself(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        result = gateway.log_in_with(LOGIN)
    shown = repr(LOGIN) + repr(result) + repr(result.situations) + caplog.text
    for secret in (LOGIN.id_token, "Élisée", "Camille", "899700209937", "Cabinet A"):
        assert secret not in shown
