"""What becomes of findings: numbers and texts of OpenNCP, the declared refusal, and whose mode counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.cli.explain import explain
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.validation.configured import policy_of, validator
from ncp.semantics.validation.findings import Finding, Findings, Origin, Severity
from ncp.semantics.validation.policy import Direction, Mode, Modes, Policy, outcome
from ncp.semantics.validation.schematron.stylesheet import RulesRefused
from ncp.semantics.validation.validator import Validator
from ncp.semantics.values import Place
from ncp.settings import load
from ncp.wire.errors import Code
from ncp.wire.xml import parse
from tests.support.demo_summaries import demo_summaries
from tests.support.settings import CORRECT
from tests.support.spoilt import LEVEL_3

FULL = next(one.content for one in demo_summaries() if (one.name, one.level) == ("HR/01-full-summary", "L3"))


def findings(*errors: Origin, severity: Severity = Severity.ERROR, rule: str = "a.rule") -> Findings:
    return Findings(tuple(Finding(origin, rule, severity, Place("id"), "A rule is broken.", 1) for origin in errors))


@pytest.mark.parametrize(
    ("origin", "direction", "code", "text"),
    [
        (Origin.SCHEMA, Direction.INPUT, "2401", "XSD validation of input document failed"),
        (Origin.RULES, Direction.INPUT, "2402", "Schematron validation of input document failed"),
        (Origin.OWN, Direction.INPUT, "2403", "MDA validation of input document failed"),
        (Origin.SCHEMA, Direction.OUTPUT, "2404", "XSD validation of output document failed"),
        (Origin.RULES, Direction.OUTPUT, "2405", "Schematron validation of output document failed"),
        (Origin.OWN, Direction.OUTPUT, "2406", "MDA validation of output document failed"),
    ],
)
def test_an_error_becomes_the_warning_that_openncp_gives(
    origin: Origin, direction: Direction, code: str, text: str
) -> None:
    found = outcome(findings(origin), Modes(), direction)
    assert found.refusal is None
    assert [(one.code, one.text, one.context) for one in found.warnings] == [(code, text, "a.rule")]
    assert explain(code).is_known


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFORMATION])
def test_what_is_no_error_has_no_consequence(severity: Severity) -> None:
    found = outcome(findings(*Origin, severity=severity), Modes.all(Mode.REFUSE), Direction.INPUT)
    assert found.warnings == () and found.refusal is None


def test_who_did_not_look_says_nothing_against_a_document() -> None:
    from ncp.semantics.validation.findings import skipped

    found = outcome(skipped(Origin.RULES, "validation.busy", "x"), Modes.all(Mode.REFUSE), Direction.INPUT)
    assert found == outcome(Findings(), Modes(), Direction.INPUT)


@pytest.mark.parametrize(
    ("origin", "rule", "code", "reason"),
    [
        (Origin.OWN, "header.id.missing", Code.HQI_GENERIC, "validation.own"),
        (Origin.OWN, "section.allergies.missing", Code.PS_MISSING_BASIC_SECTIONS, "validation.sections"),
        (Origin.OWN, "section.entry.missing", Code.PS_MISSING_BASIC_SECTIONS, "validation.sections"),
        (Origin.SCHEMA, "schema.cvc-elt-1", Code.HQI_GENERIC, "validation.schema"),
        (Origin.RULES, "rules.x", Code.HQI_GENERIC, "validation.rules"),
    ],
)
def test_a_refusal_is_declared(origin: Origin, rule: str, code: Code, reason: str) -> None:
    refusal = outcome(findings(origin, rule=rule), Modes.all(Mode.REFUSE), Direction.OUTPUT).refusal
    assert refusal is not None and (refusal.code, refusal.reason, refusal.context) == (code.value, reason, rule)
    assert explain(reason).is_known and code.value in explain(reason).told


def test_the_mode_of_the_peer_counts_before_that_of_the_service() -> None:
    policy = Policy(Modes(), {"PS": Mode.REFUSE}, {"FR": Mode.OFF})
    assert policy.modes_for() == Modes()
    assert policy.modes_for("PS", "DE") == Modes.all(Mode.REFUSE)
    assert policy.modes_for("PS", "FR") == Modes.all(Mode.OFF)
    assert policy.modes_for("EP", "DE") == Modes()


def test_nobody_looks_when_everything_is_off() -> None:
    root = parse(FULL, DOCUMENT_LIMITS)
    LEVEL_3["section.allergies.missing"](root)
    checks = Validator(Policy(peers={"FR": Mode.OFF, "DE": Mode.REFUSE}))
    assert checks.check(root, country="FR") == Findings()
    found, what = checks.judge(root, Direction.INPUT, service="PS", country="DE")
    assert found.errors and what.refusal is not None and what.refusal.reason == "validation.sections"
    assert [one.code for one in what.warnings] == ["2403"]


def configuration(folder: Path, text: str) -> Path:
    path = folder / "ncp.toml"
    path.write_text(CORRECT + text)
    return path


def test_the_validator_is_made_from_the_settings(tmp_path: Path) -> None:
    settings = load(
        configuration(tmp_path, '\n[validation]\nown = "refuse"\n[validation.services]\nPS = "off"\n'), environment={}
    )
    assert policy_of(settings).modes == Modes(own=Mode.REFUSE)
    assert policy_of(settings).services == {"PS": Mode.OFF}
    checks = validator(settings)
    root = parse(FULL, DOCUMENT_LIMITS)
    assert checks.check(root).found == () and checks.check(root).checked == (Origin.OWN,)
    assert checks.check(root, service="PS").checked == ()
    checks.start()
    checks.close()


def test_a_folder_without_rules_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    settings = load(configuration(tmp_path, '\n[validation]\nrules_folder = "rules"\n'), environment={})
    with pytest.raises(RulesRefused):
        validator(settings)
