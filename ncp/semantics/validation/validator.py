"""Everything that looks at a document, joined: ``Validator.check`` for gateways of both roles and for the command.

Knows which rules of which folder are for which document, and how long each may take. Leaves to ``policy`` what becomes
of the findings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml.etree import _Element

from ncp.semantics.model import Level
from ncp.semantics.terminology.release import Release
from ncp.semantics.validation.findings import LISTED_PER_RULE, Findings, Origin, Pending, Skipped, listed, skipped
from ncp.semantics.validation.own import run as own
from ncp.semantics.validation.policy import Direction, Mode, Outcome, Policy, outcome
from ncp.semantics.validation.schema import SchemaChecks
from ncp.semantics.validation.schematron.process import Limits, RulesUnavailable, SchematronProcess
from ncp.semantics.validation.schematron.report import ReportRefused, read_report
from ncp.semantics.validation.schematron.rule_files import RuleFile, find_rules
from ncp.wire.xml import NS_HL7, serialise

LARGEST_FOR_RULES = 20 * 1024 * 1024
"""Bytes of a document that rules look at: a level 3 document has 200 KB, a level 1 its PDF."""

_CODE = f"{{{NS_HL7}}}code"
_LEVEL_3 = f"{{{NS_HL7}}}component/{{{NS_HL7}}}structuredBody"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rule files of one folder and the process that runs them. ``patience``: seconds that a document waits."""

    files: tuple[RuleFile, ...]
    process: SchematronProcess
    patience: float


class Validator:
    """Thread-safe. ``check`` never waits longer for the rules than their patience, and raises nothing."""

    def __init__(
        self,
        policy: Policy = Policy(),  # noqa: B008  frozen
        *,
        schema: SchemaChecks | None = None,
        rules: RuleSet | None = None,
        release: Callable[[], Release | None] = lambda: None,
        each: int = LISTED_PER_RULE,
    ) -> None:
        """``release`` gives the terminology release to judge value sets with; ``each`` is how many findings of one rule
        are listed."""
        self.policy = policy
        self._schema = schema
        self._rules = rules
        self._release = release
        self._each = each

    @property
    def waits(self) -> bool:
        """Whether a document may have to wait for another process."""
        return self._rules is not None

    def start(self) -> None:
        """Begin to compile the rules. Returns at once; call it after a fork, never before."""
        if self._rules is not None:
            self._rules.process.start()

    def close(self) -> None:
        """End the process that runs the rules."""
        if self._rules is not None:
            self._rules.process.close()

    def check(self, root: _Element, *, service: str = "", country: str = "") -> Findings:
        """What is found in a document that ``ncp.wire.xml.parse`` read, by everybody whose mode is not off.

        ``service`` (``PS``) and ``country`` of the peer choose the modes. The document is not changed.
        """
        modes = self.policy.modes_for(service, country)
        found = Findings()
        if modes.own is not Mode.OFF:
            found += own.check(root, self._release(), self._each)
        if self._schema is not None and modes.schema is not Mode.OFF:
            found += self._schema.check(root, self._each)
        if self._rules is not None and modes.rules is not Mode.OFF:
            found += _by_rules(self._rules, root, self._each)
        return found

    def judge(
        self, root: _Element, direction: Direction, *, service: str = "", country: str = ""
    ) -> tuple[Findings, Outcome]:
        """``check``, and what to do about it."""
        findings = self.check(root, service=service, country=country)
        return findings, outcome(findings, self.policy.modes_for(service, country), direction)


def rule_set(
    folder: Path,
    cache: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  frozen
    patience: float,
    progress: Callable[[str], None] = lambda step: None,
) -> RuleSet:
    """The rules of a folder. Nothing is compiled yet. Raises ``RulesRefused``."""
    files = find_rules(folder)
    return RuleSet(files, SchematronProcess(files, cache, limits, progress), patience)


def fitting(files: tuple[RuleFile, ...], root: _Element) -> tuple[RuleFile, ...]:
    """The rule files for a document, by its level and its code."""
    code = root.find(_CODE)
    level = Level.L3 if root.find(_LEVEL_3) is not None else Level.L1
    return tuple(one for one in files if one.fits(level, "" if code is None else code.get("code", "")))


def _by_rules(rules: RuleSet, root: _Element, each: int) -> Findings:
    files = fitting(rules.files, root)
    if not files:
        return skipped(Origin.RULES, "validation.no_rules", "No rule file is for a document of this kind and level.")
    # Written anew by us: whatever was odd about the sender's bytes does not reach SaxonC.
    document = serialise(root)
    if len(document) > LARGEST_FOR_RULES:
        return skipped(Origin.RULES, "validation.size", "The document is too large for the rules.")
    found: list[Pending] = []
    missed: list[Skipped] = []
    for one in files:
        try:
            found += read_report(rules.process.run(one, document, rules.patience), root)
        except RulesUnavailable as unavailable:
            missed.append(Skipped(Origin.RULES, unavailable.reason, unavailable.text))
        except ReportRefused:
            missed.append(Skipped(Origin.RULES, "validation.failed", f"{one.name} wrote no report that can be read."))
    looked = listed(Origin.RULES, found, each)
    if len(missed) == len(files):
        looked = Findings()
    return looked + Findings(skipped=tuple(missed))
