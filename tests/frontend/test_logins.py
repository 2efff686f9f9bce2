"""``issueHcpAssertion`` in its two forms, as bytes: what each gives back, and what neither may be."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from lxml import etree

from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.frontend.contracts import OWN
from tests.support.frontend import HCP, SmallNcpB
from tests.support.portal import ENV, Caller, envelope

E = f"{{{ENV}}}"
X = f"{{{OWN.namespace}}}"
PROFESSIONAL = (
    "<identifier>1</identifier><name>A</name><role>221</role><facilityType>Hospital</facilityType>"
    "<locality>L</locality><authenticationClass>c</authenticationClass>"
    "<authenticated>2026-03-02T08:00:00Z</authenticated>"
)
LOGIN = f"<idToken>a.b.c</idToken><userInfo>{base64.b64encode(b'{}').decode()}</userInfo>"


@pytest.fixture
def caller(front_end_of: Callable[..., Caller]) -> Caller:
    return front_end_of()


def asked(caller: Caller, body: str) -> etree._Element:
    message = envelope(f'<issueHcpAssertion xmlns="{OWN.namespace}">{body}</issueHcpAssertion>')
    status, root = caller.post(OWN.paths[0], message)
    found = root.find(f"{E}Body")
    assert found is not None and (status == 200) == (found.find(f"{E}Fault") is None)
    return found[0]


def test_the_old_form_answers_the_assertion_and_nothing_else(caller: Caller) -> None:
    (assertion,) = asked(caller, f"<professional>{PROFESSIONAL}</professional>")
    assert assertion.tag == f"{X}assertion" and base64.b64decode(assertion.text or "") == HCP


def test_a_login_answers_who_it_is_and_which_situations_there_are(caller: Caller, ncp_b: SmallNcpB) -> None:
    answer = asked(caller, f"<login>{LOGIN}</login>")
    assert [each.tag.removeprefix(X) for each in answer] == ["name", "identifier", "situation", "situation"]
    assert ncp_b.the("log_in")[1].language == "fr"  # of the front end, where the portal names none
    chosen = asked(caller, f"<login>{LOGIN}<situation>0.0</situation></login>")
    assert [each.tag.removeprefix(X) for each in chosen] == [
        "assertion",
        "name",
        "identifier",
        "situation",
        "situation",
        "chosen",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"<professional>{PROFESSIONAL}</professional><login>{LOGIN}</login>",
        f"<login>{LOGIN}</login><login>{LOGIN}</login>",
        "<login><idToken>a.b.c</idToken></login>",
        f"<login>{LOGIN}<language>not a language!</language></login>",
        f"<login>{LOGIN}<situation>{'0' * 65}</situation></login>",
    ],
    ids=["nothing", "both", "twice", "no user info", "language", "long"],
)
def test_anything_else_is_refused_before_anybody_is_asked(body: str, caller: Caller, ncp_b: SmallNcpB) -> None:
    assert asked(caller, body).tag == f"{E}Fault"
    assert ncp_b.asked == []


def test_a_refusal_says_in_which_language_it_is(caller: Caller, ncp_b: SmallNcpB) -> None:
    ncp_b.failure = NotEligible(Refusal.PRIVATE_INSURANCE, "eligibility.X5", message="Non & <non>", language="fr")
    fault = asked(caller, f"<login>{LOGIN}</login>")
    (text,) = fault.findall(f"{E}Reason/{E}Text")
    assert (text.get("{http://www.w3.org/XML/1998/namespace}lang"), text.text) == ("fr", "Non & <non>")
    assert fault.findtext(f"{E}Code/{E}Subcode/{E}Value") == "PRIVATE_INSURANCE"
    assert fault.findtext(f"{E}Detail/{X}error/{X}code") == "PRIVATE_INSURANCE"
