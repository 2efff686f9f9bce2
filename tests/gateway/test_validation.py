"""ITI-39 with validation: what the national system gives is judged before it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.transform.elements import shipped
from ncp.semantics.validation.policy import Mode, Modes, Policy
from ncp.semantics.validation.validator import Validator
from ncp.transforming import Transformer
from tests.support.demo_summaries import demo_summaries
from tests.support.peer_messages import RETRIEVE, message, retrieve
from tests.support.peer_wire import Answer
from tests.support.scripted_gateway import L3, PATIENT, REPOSITORY, ScriptedGateway
from tests.support.summaries import document, section
from tests.support.terminology import AT

pytestmark = pytest.mark.xdist_group("ncp-a")

BROKEN = document(section("11450-4"))
"""Without custodian, authenticator, four of the five sections…"""


def transformer(folder: Path, policy: Policy) -> Transformer:
    """Nobody transcodes: what happens is the validation's doing."""
    return Transformer(Catalogue(folder), None, validator=Validator(policy))


def ask(gateway: ScriptedGateway, content: bytes) -> Answer:
    gateway.connector.contents[L3] = content
    body = retrieve((L3, REPOSITORY))
    return gateway.peer("FR").ask(RETRIEVE, message(RETRIEVE, body, *gateway.log_in("FR").treating(PATIENT)))


def test_a_document_that_breaks_rules_leaves_and_the_log_names_them(ncp_a: ScriptedGateway, tmp_path: Path) -> None:
    ncp_a.configure(transformer=transformer(tmp_path, Policy(Modes(own=Mode.WARN))))
    answer = ask(ncp_a, BROKEN)
    assert (answer.xds_status, answer.documents) == ("Success", {L3: BROKEN})
    log = ncp_a.log.since()
    assert "validation.2403" in log and "Horvat" not in log


@pytest.mark.parametrize(
    "policy",
    [
        Policy(Modes(own=Mode.REFUSE)),
        Policy(Modes(own=Mode.OFF), services={"PS": Mode.REFUSE}),
        Policy(Modes(own=Mode.OFF), peers={"FR": Mode.REFUSE}),
        Policy(Modes(own=Mode.OFF), services={"PS": Mode.OFF}, peers={"FR": Mode.REFUSE}),
    ],
    ids=["everywhere", "service", "peer", "peer before service"],
)
def test_where_it_is_refused_nothing_of_it_leaves(policy: Policy, ncp_a: ScriptedGateway, tmp_path: Path) -> None:
    ncp_a.configure(transformer=transformer(tmp_path, policy))
    answer = ask(ncp_a, BROKEN)
    assert (answer.xds_status, answer.documents) == ("Failure", {})
    assert answer.errors == [("ERROR_PS_MISSING_BASIC_SECTIONS", "E")]
    assert '"reason":"validation.sections"' in ncp_a.log.since()


@pytest.mark.parametrize(
    "policy", [Policy(Modes(own=Mode.OFF)), Policy(Modes(own=Mode.REFUSE), peers={"FR": Mode.OFF})]
)
def test_where_nobody_looks_nothing_is_said(policy: Policy, ncp_a: ScriptedGateway, tmp_path: Path) -> None:
    ncp_a.configure(transformer=transformer(tmp_path, policy))
    answer = ask(ncp_a, BROKEN)
    assert answer.xds_status == "Success" and "validation" not in ncp_a.log.since()


def test_documents_that_keep_the_rules_leave_where_others_are_refused(ncp_a: ScriptedGateway, tmp_path: Path) -> None:
    ncp_a.configure(transformer=transformer(tmp_path, Policy(Modes(own=Mode.REFUSE))))
    for written in demo_summaries():
        answer = ask(ncp_a, written.content)
        assert (answer.xds_status, answer.documents) == ("Success", {L3: written.content}), written.name


def test_the_warnings_of_both_steps_stand_beside_the_document(ncp_a: ScriptedGateway, tmp_path: Path) -> None:
    ensure_shipped(ReleaseFolder(tmp_path), AT)
    both = replace(transformer(tmp_path, Policy()), elements=shipped())
    ncp_a.configure(transformer=both)
    answer = ask(ncp_a, BROKEN)
    assert answer.xds_status == "Success" and ("2403", "W") in answer.errors
