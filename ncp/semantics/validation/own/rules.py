"""What one of our own rules is: a name that stays, a severity, plain words, its source, and how to find what breaks it.

A ``PathRule`` is an XPath that selects the offenders, so that the search runs in libxml2 and a rule reads as what it
forbids. Paths go down by children only, so that the time for one stays in proportion to the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.reading import NS_EPSOS, NS_PHARM
from ncp.semantics.validation.findings import Severity
from ncp.wire.xml import NS_HL7, NS_XSI

NAMESPACES = {"h": NS_HL7, "p": NS_PHARM, "e": NS_EPSOS, "xsi": NS_XSI}

ERROR, WARNING, INFORMATION = Severity.ERROR, Severity.WARNING, Severity.INFORMATION

SUMMARY = "1.3.6.1.4.1.12559.11.10.1.3.1."
"""Arc of the eHDSI templates; sources are written ``eHDSI 3.17`` for the template ``SUMMARY + "3.17"``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``source`` is what asks for it, as the page of rules shows it."""

    id: str
    severity: Severity
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class PathRule(Rule):
    """``path`` is taken from the element that the table of the rule is about, and selects elements.

    Where it has several paths (``|``), each is searched by itself: joining two sets of nodes takes libxml2 the product
    of their sizes, which a hostile document can make large.
    """

    path: str
    searches: tuple[etree.XPath, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        searches = (etree.XPath(path, namespaces=NAMESPACES, smart_strings=False) for path in self.path.split(" | "))
        object.__setattr__(self, "searches", tuple(searches))

    def select(self, element: _Element) -> list[_Element]:
        """What breaks the rule."""
        return [found for search in self.searches for found in search(element)]


class Table:
    """Rules about the same kind of element. Nearly every element keeps all of them, which one search tells."""

    def __init__(self, rules: tuple[PathRule, ...]) -> None:
        self._rules = rules
        any_of = " or ".join(f"boolean({path})" for rule in rules for path in rule.path.split(" | "))
        self._any = etree.XPath(any_of, namespaces=NAMESPACES)

    def check(self, element: _Element) -> Iterator[tuple[Rule, _Element]]:
        """Each rule that the element breaks, with what breaks it."""
        if self._any(element):
            for rule in self._rules:
                for offender in rule.select(element):
                    yield rule, offender
