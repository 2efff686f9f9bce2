"""Schematron in a process of its own: compiled once, bounded, restarted, and silent about the document."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ncp.semantics.model import Level
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.validation.findings import Origin, Severity
from ncp.semantics.validation.places import element_at
from ncp.semantics.validation.policy import Mode, Modes, Policy
from ncp.semantics.validation.schematron import cache as cache_module
from ncp.semantics.validation.schematron.cache import compiled
from ncp.semantics.validation.schematron.process import Limits
from ncp.semantics.validation.schematron.report import ReportRefused, place_of, read_report
from ncp.semantics.validation.schematron.rule_files import find_rules, kinds_of, level_of
from ncp.semantics.validation.schematron.stylesheet import RulesRefused, stylesheet
from ncp.semantics.validation.validator import Validator, rule_set
from ncp.wire.xml import parse
from tests.shared import shared
from tests.support.demo_summaries import demo_summaries

pytestmark = pytest.mark.xdist_group("schematron")

FULL = next(one.content for one in demo_summaries() if (one.name, one.level) == ("HR/01-full-summary", "L3"))
SECRET = "Šimić"  # the family name is in the document

_SCHEMA = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
 <ns uri="urn:hl7-org:v3" prefix="h"/><ns uri="http://www.w3.org/2001/XMLSchema" prefix="xs"/>
 <pattern id="names"><rule context="h:patient">
  {}
 </rule></pattern></schema>"""
_ASSERT = (
    '<assert id="no-family" role="error" test="not(h:name/h:family)">The name <value-of select="h:name"/> in <name/> is'
    ' too much.</assert><report role="warning" test="h:birthTime">Born.</report>'
)
_ENDLESS = "every $i in 1 to 1000000000, $j in 1 to 1000000 satisfies string-length(concat($i, $j, name())) gt 0"
_HANGS = f'<assert test="{_ENDLESS}">x</assert>'
_LARGE = "string-length(string-join(for $i in 1 to 2000000000 return concat(name(), $i), '')) gt 0"
_EATS = f'<assert test="{_LARGE}">x</assert>'
_FAILS = '<assert test="h:name cast as xs:integer gt 0">x</assert>'


def rules_in(folder: Path, content: str = _ASSERT, name: str = "rules.sch") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(_SCHEMA.format(content))
    return folder


def validator(
    folder: Path, cache: Path, *, patience: float = 60.0, run: float = 30.0, memory: int = 2 * 1024**3
) -> Validator:
    rules = rule_set(folder, cache, limits=Limits(memory, run), patience=patience)
    return Validator(Policy(Modes(own=Mode.OFF)), rules=rules)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Validator]:
    checks = validator(rules_in(tmp_path / "rules"), tmp_path / "cache")
    yield checks
    checks.close()


def test_findings_have_name_severity_place_and_words_of_the_rule_alone(small: Validator) -> None:
    root = parse(FULL, DOCUMENT_LIMITS)
    found = small.check(root)
    assert found.skipped == () and found.checked == (Origin.RULES,)
    error, warning = found.found
    assert (error.rule, error.severity) == ("rules.no-family", Severity.ERROR)
    assert error.text == "The name … in patient is too much."
    assert warning.severity is Severity.WARNING and warning.rule.startswith("rules.names.")
    for one in found.found:
        assert one.place == "recordTarget/patientRole/patient"
        assert one.line == element_at(root, one.place).sourceline  # type: ignore[union-attr]
        assert SECRET not in f"{one!r}"
    assert small.check(root) == found


def test_a_compiled_stylesheet_is_used_as_it_is_and_quotes_nothing_either(tmp_path: Path) -> None:
    made = stylesheet(rules_in(tmp_path / "source") / "rules.sch")
    folder = tmp_path / "rules"
    folder.mkdir()
    # As another tool would have compiled it, with what quotes the document still in it.
    quoting = made.replace("…".encode(), b"").replace(
        b"<svrl:text>", b'<svrl:text><xsl:value-of xmlns:xsl="http://www.w3.org/1999/XSL/Transform" select="."/>'
    )
    (folder / "rules.xsl").write_bytes(quoting)
    checks = validator(folder, tmp_path / "cache")
    try:
        found = checks.check(parse(FULL, DOCUMENT_LIMITS))
    finally:
        checks.close()
    assert [one.severity for one in found.found] == [Severity.ERROR, Severity.WARNING]
    assert all(SECRET not in f"{one!r}" for one in found.found)


def test_rules_are_compiled_once_and_kept_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (rules,) = find_rules(rules_in(tmp_path / "rules"))
    kept = tmp_path / "cache"
    path = compiled(rules, kept)
    content = path.read_bytes()
    monkeypatch.setattr(cache_module, "stylesheet", lambda *_: pytest.fail("compiled again"))
    assert compiled(rules, kept) == path and path.read_bytes() == content
    assert [file.name for file in kept.iterdir()] == [f"{rules.digest}.xsl"]


def test_a_change_of_anything_the_rules_read_makes_other_rules(tmp_path: Path) -> None:
    folder = rules_in(tmp_path / "rules")
    (folder / "include").mkdir()
    digests = [find_rules(folder)[0].digest]
    (folder / "include/voc.xml").write_text("<a/>")
    digests.append(find_rules(folder)[0].digest)
    (folder / "include/voc.xml").write_text("<b/>")
    digests.append(find_rules(folder)[0].digest)
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("name", "level", "kinds"),
    [
        ("epsos-PatientSummary.sch", Level.L3, ("60591-5",)),
        ("epsos-PatientSummary_L1.sch", Level.L1, ("60591-5",)),
        ("epsos-ePrescription.sch", Level.L3, ("57833-6",)),
        ("epsos-eDispensation.sch", Level.L3, ("60593-1",)),
        ("xds_sd.sch", Level.L1, ()),
        ("PatientSummary.sch", Level.L3, ("60591-5",)),
        ("national rules.xsl", Level.L3, ()),
        ("HL7-L12.sch", Level.L3, ()),
    ],
)
def test_the_name_of_a_file_says_what_it_is_for(name: str, level: Level, kinds: tuple[str, ...]) -> None:
    assert (level_of(name), kinds_of(name)) == (level, kinds)


def test_a_document_that_no_rules_are_for_is_not_looked_at(tmp_path: Path) -> None:
    checks = validator(rules_in(tmp_path / "rules", name="epsos-ePrescription.sch"), tmp_path / "cache")
    found = checks.check(parse(FULL, DOCUMENT_LIMITS))
    assert [one.reason for one in found.skipped] == ["validation.no_rules"] and found.checked == ()
    checks.close()


# What goes wrong with rules


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no XML <", "not XML"),
        ("<html/>", "neither a Schematron schema nor a stylesheet"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "neither a Schematron schema"),
        (_SCHEMA.format("<assert test=\"doc('https://example.eu/voc.xml')\">x</assert>"), "remote address"),
    ],
)
def test_a_file_that_is_no_rules_is_refused_by_name(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "rules.sch"
    path.write_text(content)
    with pytest.raises(RulesRefused, match=said) as refused:
        stylesheet(path)
    assert str(path) in str(refused.value) and refused.value.remedy


def test_rules_that_cannot_be_compiled_are_said_and_not_tried_again(tmp_path: Path) -> None:
    folder = rules_in(tmp_path / "rules", '<assert test="this is (no XPath">x</assert>')
    checks = validator(folder, tmp_path / "cache")
    try:
        for _ in range(2):
            found = checks.check(parse(FULL, DOCUMENT_LIMITS))
            (skipped,) = found.skipped
            assert skipped.reason == "validation.rules_refused" and "rules.sch" in skipped.text
    finally:
        checks.close()


@pytest.mark.parametrize("inside", ["", "notes.txt"])
def test_a_folder_without_rules_is_refused(tmp_path: Path, inside: str) -> None:
    if inside:
        (tmp_path / inside).write_text("x")
    with pytest.raises(RulesRefused, match="holds no rules"):
        find_rules(tmp_path)
    with pytest.raises(RulesRefused, match="no such folder"):
        find_rules(tmp_path / "gone")


def test_rules_that_fail_on_a_document_say_so_without_quoting_it(tmp_path: Path) -> None:
    checks = validator(rules_in(tmp_path / "rules", _FAILS), tmp_path / "cache")
    try:
        (skipped,) = checks.check(parse(FULL, DOCUMENT_LIMITS)).skipped
    finally:
        checks.close()
    assert skipped.reason == "validation.failed" and SECRET not in f"{skipped!r}"


# What may be tried


@pytest.mark.attack
def test_a_rule_that_hangs_does_not_hold_an_answer_and_its_process_is_ended(tmp_path: Path) -> None:
    folder = rules_in(tmp_path / "rules", _HANGS)
    checks = validator(folder, tmp_path / "cache", patience=30, run=1.0)
    try:
        (died,) = checks.check(parse(FULL, DOCUMENT_LIMITS)).skipped
        assert died.reason == "validation.died"
        start = time.monotonic()
        checks._rules.process._not_before = 0.0  # type: ignore[union-attr]
        slow = Validator(checks.policy, rules=_with_patience(checks, 0.2))
        (skipped,) = slow.check(parse(FULL, DOCUMENT_LIMITS)).skipped
        assert time.monotonic() - start < 3 and skipped.reason in ("validation.slow", "validation.starting")
    finally:
        checks.close()
    assert checks._rules.process.pid == 0  # type: ignore[union-attr]


def _with_patience(checks: Validator, patience: float) -> object:
    from dataclasses import replace

    return replace(checks._rules, patience=patience)  # type: ignore[type-var]


@pytest.mark.attack
def test_a_process_that_is_killed_in_the_middle_is_started_again(tmp_path: Path) -> None:
    rules_in(tmp_path / "rules", _HANGS, "a-PatientSummary.sch")
    checks = validator(tmp_path / "rules", tmp_path / "cache", run=60.0)
    seen: list[str] = []

    def ask() -> None:
        seen.extend(one.reason for one in checks.check(parse(FULL, DOCUMENT_LIMITS)).skipped)

    asking = threading.Thread(target=ask)
    asking.start()
    first = _pid_that_runs(checks)
    os.kill(first, signal.SIGKILL)
    asking.join(10)
    assert seen == ["validation.died"]
    # Not before a pause, and then anew.
    assert checks.check(parse(FULL, DOCUMENT_LIMITS)).skipped[0].reason in ("validation.paused", "validation.died")
    time.sleep(1.1)
    asking = threading.Thread(target=ask)
    asking.start()
    second = _pid_that_runs(checks)
    assert second != first
    checks.close()
    asking.join(10)
    assert not Path(f"/proc/{second}").exists()


def _pid_that_runs(checks: Validator) -> int:
    """The process, once it has compiled and is busy with a document."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        pid = checks._rules.process.pid  # type: ignore[union-attr]
        if pid and checks._rules.process._ready:  # type: ignore[union-attr]
            time.sleep(0.3)
            return int(pid)
        time.sleep(0.05)
    raise AssertionError("the process did not start")


@pytest.mark.attack
def test_a_rule_that_eats_memory_ends_its_process_and_nothing_else(tmp_path: Path) -> None:
    checks = validator(rules_in(tmp_path / "rules", _EATS), tmp_path / "cache", memory=256 * 1024**2)
    try:
        (skipped,) = checks.check(parse(FULL, DOCUMENT_LIMITS)).skipped
        assert skipped.reason in ("validation.died", "validation.failed")
    finally:
        checks.close()


@pytest.mark.attack
def test_what_reaches_the_rules_is_what_the_hardened_parser_wrote(small: Validator) -> None:
    odd = FULL.replace(b"<recordTarget>", b"<!-- x --><?pi y?><recordTarget>", 1)
    assert small.check(parse(odd, DOCUMENT_LIMITS)).found[0].rule == "rules.no-family"


@pytest.mark.attack
def test_rules_reach_no_network_even_where_the_address_is_made_up_while_they_run(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        test = f"doc-available(concat('ht', 'tp://127.0.0.1:{port}/', name()))"
        folder = rules_in(tmp_path / "rules", f'<assert id="remote" test="{test}">x</assert>')
        checks = validator(folder, tmp_path / "cache")
        try:
            found = checks.check(parse(FULL, DOCUMENT_LIMITS))
        finally:
            checks.close()
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    assert [one.rule for one in found.found] == ["rules.remote"] or found.skipped[0].reason == "validation.failed"


@pytest.mark.attack
def test_more_documents_than_can_wait_are_let_go_at_once(tmp_path: Path) -> None:
    checks = validator(rules_in(tmp_path / "rules", _HANGS), tmp_path / "cache", patience=0.5, run=20.0)
    root = parse(FULL, DOCUMENT_LIMITS)
    reasons: list[str] = []
    threads = [
        threading.Thread(target=lambda: reasons.extend(one.reason for one in checks.check(root).skipped))
        for _ in range(20)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert time.monotonic() - start < 5
    assert len(reasons) == 20 and "validation.busy" in reasons
    checks.close()


@pytest.mark.attack
@pytest.mark.parametrize("svrl", [b"", b"<a/>", b"<!DOCTYPE a><a/>", b"x" * 100])
def test_what_is_no_report_is_refused(svrl: bytes) -> None:
    with pytest.raises(ReportRefused):
        list(read_report(svrl, parse(FULL, DOCUMENT_LIMITS)))


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/*[local-name()='ClinicalDocument' and namespace-uri()='urn:hl7-org:v3']/*[local-name()='id'"
         " and namespace-uri()='urn:hl7-org:v3'][2]", "id[2]"),
        ("/*:ClinicalDocument[namespace-uri()='urn:hl7-org:v3'][1]/*:id[namespace-uri()='urn:hl7-org:v3'][1]", "id"),
        ("/Q{urn:hl7-org:v3}ClinicalDocument[1]/Q{urn:hl7-org:v3}component[3]/@typeCode", "component[3]/@typeCode"),
        ("/h:ClinicalDocument/h:code", "code"),
        ("/*[local-name()='ClinicalDocument']/*[local-name()='x' and namespace-uri()='urn:strange']", "*x"),
        ("/", ""),
        ("", ""),
        ("]]['", ""),
    ],
)  # fmt: skip
def test_locations_of_every_compiler_become_places(location: str, place: str) -> None:
    assert place_of(location) == place


# The published rules of Wave 8


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_rules_of_wave_8_find_in_samples_what_their_list_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = shared("schemas/cda/schematron-wave8")
    samples = shared("samples/cda")
    # All workers of a run have the same folder above.
    kept = tmp_path_factory.getbasetemp().parent / "ncp-compiled-rules"
    checks = validator(folder, kept, patience=240)
    wanted = {
        "w8_ie_murphy_valid.xml": 0,
        "w8_it_L3.xml": 2,
        "w7_pt_mock_2-5678_absence.xml": 2,
        "w8_mt_L3_pivot.xml": 13,
        "w8_it_L1.xml": 0,
    }
    try:
        counted = {}
        for name in wanted:
            root = parse((samples / name).read_bytes().lstrip(), DOCUMENT_LIMITS)
            found = checks.check(root)
            assert found.skipped == ()
            assert all(element_at(root, one.place) is not None for one in found.found)
            counted[name] = found.count(Severity.ERROR)
        own = [checks.check(parse(FULL, DOCUMENT_LIMITS)).found]
    finally:
        checks.close()
    assert counted == wanted
    assert own == [()]
