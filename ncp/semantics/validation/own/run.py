"""All our own rules over one document: in milliseconds, without any file, in an order that stays."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.absence import ABSENT_SYSTEM
from ncp.semantics.model import SectionKind
from ncp.semantics.terminology.release import Release
from ncp.semantics.understand import SECTION_KINDS
from ncp.semantics.validation.findings import LISTED_PER_RULE, Finding, Findings, Origin
from ncp.semantics.validation.own import sections
from ncp.semantics.validation.own.body import BODY, PDF_RULES, check_pdf
from ncp.semantics.validation.own.entries import ENTRIES
from ncp.semantics.validation.own.header import HEADER
from ncp.semantics.validation.own.rules import ERROR, NAMESPACES, Rule, Table
from ncp.semantics.validation.own.sections import MISSING, SECTION
from ncp.semantics.validation.own.value_sets import VALUE_SETS, check_value_sets
from ncp.semantics.validation.own.values import VALUE_RULES, check_values
from ncp.semantics.validation.places import Places
from ncp.wire.xml import NS_HL7

SUMMARY_CODE = "60591-5"
"""LOINC, patient summary document. Other kinds are checked for header, body and values only."""

NO_DOCUMENT = Rule("document.format", ERROR, "This is no clinical document.", "CDA R2 4.2")

RULES: tuple[Rule, ...] = (
    NO_DOCUMENT,
    *HEADER,
    *BODY,
    *PDF_RULES,
    *SECTION,
    *sections.SINGLE,
    *(rule for rules in ENTRIES.values() for rule in rules),
    *VALUE_RULES,
    *VALUE_SETS,
)
"""Every rule of ours, in the order of the page."""

_HEADER_AND_BODY = Table(HEADER + BODY)
_OF_SECTION = Table(SECTION)
_OF_KIND: dict[SectionKind | None, Table] = {kind: Table(SECTION + rules) for kind, rules in ENTRIES.items()}

_ORDER = {rule.id: place for place, rule in enumerate(RULES)}

_SECTION = f"{{{NS_HL7}}}section"
_CODE = f"{{{NS_HL7}}}code"
_ENTRY = f"{{{NS_HL7}}}entry"
_LOINC = "2.16.840.1.113883.6.1"
_EVERYTHING = etree.XPath(
    "boolean(h:entry/*[h:value[$system = @codeSystem][not(contains(@code, '-food-') or contains(@code, '-medication-')"
    " or contains(@code, '-environmental-'))]"
    " or h:code[$system = @codeSystem] or h:participant/h:participantRole/h:playingDevice/h:code[$system = @codeSystem]"
    " or h:entryRelationship/h:observation/h:value[$system = @codeSystem][not(contains(@code, '-food-') or"
    " contains(@code, '-medication-') or contains(@code, '-environmental-'))]])",
    namespaces=NAMESPACES,
)


def check(root: _Element, release: Release | None = None, each: int = LISTED_PER_RULE) -> Findings:
    """What breaks our rules in a document that ``ncp.wire.xml.parse`` read. Changes nothing in it.

    ``release``: value-set membership is looked at when one is given. ``each``: how many findings of one rule are
    listed with their places; the rest is counted. Raises nothing.
    """
    listed = _Listed(root, each)
    if root.tag != f"{{{NS_HL7}}}ClinicalDocument":
        listed.add(NO_DOCUMENT, root)
        return listed.findings()
    _all(listed, _HEADER_AND_BODY.check(root))
    _all(listed, check_pdf(root))
    code = root.find(_CODE)
    if code is None or code.get("code", SUMMARY_CODE) == SUMMARY_CODE:
        _sections(listed, root)
    _all(listed, check_values(root))
    if release is not None:
        _all(listed, check_value_sets(root, release))
    return listed.findings()


class _Listed:
    """Findings as they come; the places of those that are only counted are never worked out."""

    def __init__(self, root: _Element, each: int) -> None:
        self._places = Places(root)
        self._each = each
        self._found: dict[str, list[Finding]] = {}
        self._more: dict[str, int] = {}

    def add(self, rule: Rule, element: _Element) -> None:
        found = self._found.setdefault(rule.id, [])
        if len(found) >= self._each:
            self._more[rule.id] = self._more.get(rule.id, 0) + 1
            return
        line = element.sourceline or 0
        found.append(Finding(Origin.OWN, rule.id, rule.severity, self._places.of(element), rule.text, line))

    def findings(self) -> Findings:
        rules = sorted(self._found, key=_ORDER.__getitem__)
        return Findings(
            tuple(one for rule in rules for one in self._found[rule]),
            (),
            tuple((rule, self._more[rule]) for rule in rules if rule in self._more),
            (Origin.OWN,),
        )


def _all(listed: _Listed, found: Iterator[tuple[Rule, _Element]]) -> None:
    for rule, element in found:
        listed.add(rule, element)


def _sections(listed: _Listed, root: _Element) -> None:
    body = root.find(f"{{{NS_HL7}}}component/{{{NS_HL7}}}structuredBody")
    if body is None:
        return
    seen: set[SectionKind] = set()
    for section in body.iter(_SECTION):
        code = section.find(_CODE)
        kind = SECTION_KINDS.get(code.get("code", "").strip()) if code is not None else None
        _all(listed, _OF_KIND.get(kind, _OF_SECTION).check(section))
        if code is None or not code.get("code"):
            continue
        if code.get("codeSystem", _LOINC) != _LOINC:
            listed.add(sections.SECTION_SYSTEM, section)
        if kind is None:
            listed.add(sections.UNKNOWN, section)
            continue
        if kind in seen:
            listed.add(sections.REPEATED, section)
        seen.add(kind)
        entries = sum(1 for _ in section.iterchildren(_ENTRY))
        if entries == 0 and kind in sections.NEEDS_ENTRY:
            listed.add(sections.NO_ENTRY, section)
        elif entries > 1 and _EVERYTHING(section, system=ABSENT_SYSTEM):
            listed.add(sections.ONLY_ABSENT, section)
    for kind, rule in MISSING.items():
        if kind not in seen:
            listed.add(rule, body)
