"""From an SVRL report to findings: which assertion, how grave, where; nothing of the document."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial

from lxml.etree import _Element

from ncp.semantics.cda.reading import step_name
from ncp.semantics.validation.findings import Finding, Origin, Pending, Severity
from ncp.semantics.validation.places import element_at
from ncp.semantics.validation.schematron.stylesheet import SVRL
from ncp.semantics.values import Place
from ncp.wire.xml import XmlLimits, XmlRefused, parse

LIMITS = XmlLimits(
    size=128 * 1024 * 1024, depth=50, elements=3_000_000, attributes=12_000_000, namespaces=3_000_000, long_text=True
)

MAX_TEXT = 400

_SEVERITIES = {
    "fatal": Severity.ERROR,
    "error": Severity.ERROR,
    "": Severity.ERROR,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "hint": Severity.INFORMATION,
    "info": Severity.INFORMATION,
    "information": Severity.INFORMATION,
}
_ASSERT, _REPORT, _PATTERN, _RULE, _TEXT = (
    f"{{{SVRL}}}{name}" for name in ("failed-assert", "successful-report", "active-pattern", "fired-rule", "text")
)

# A step as any of the Schematron compilers writes it: *:x[namespace-uri()='…'][2], *[local-name()='x' and …][2],
# hl7:x[2], /Q{urn:hl7-org:v3}x[2]; an attribute with @ before it.
_STEP = re.compile(
    r"/(?P<attribute>@)?"
    r"(?:Q\{[^}]*\}|\*:|[A-Za-z_][\w.-]*:)?(?P<name>[A-Za-z_][\w.-]*|\*)"
    r"(?P<filters>(?:\[(?:[^\[\]'\"]|'[^']*'|\"[^\"]*\")*\])*)"
)
_LOCAL_NAME = re.compile(r"local-name\(\)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")")
_NAMESPACE = re.compile(r"namespace-uri\(\)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")")
_NUMBER = re.compile(r"\[(\d{1,9})\]")
# ART-DECOR puts the date of a template behind its identifier.
_PUBLISHED = re.compile(r"-\d{4}-\d{2}-\d{2}T\d+")


class ReportRefused(ValueError):
    """What came back is no report."""


def read_report(svrl: bytes, root: _Element) -> Iterator[Pending]:
    """The findings of a report on the document ``root``. Raises ``ReportRefused``."""
    try:
        report = parse(svrl, LIMITS)
    except XmlRefused:
        raise ReportRefused("not XML that is read here") from None
    if report.tag != f"{{{SVRL}}}schematron-output":
        raise ReportRefused("no SVRL")
    pattern, rule = "", ""
    for element in report.iterchildren("*"):
        if element.tag == _PATTERN:
            pattern = element.get("id") or element.get("name") or ""
        elif element.tag == _RULE:
            rule = element.get("id", "")
        elif element.tag in (_ASSERT, _REPORT):
            text = " ".join(" ".join("".join(words.itertext()) for words in element.iterchildren(_TEXT)).split())
            name = _name(element, pattern or rule, text)
            yield name, partial(_finding, name, element, text, root)


def _finding(name: str, element: _Element, text: str, root: _Element) -> Finding:
    place = place_of(element.get("location", ""))
    where = element_at(root, place)
    role = (element.get("role") or element.get("flag") or "").strip().lower()
    return Finding(
        Origin.RULES,
        name,
        _SEVERITIES.get(role, Severity.ERROR if element.tag == _ASSERT else Severity.WARNING),
        place,
        text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…",
        (where.sourceline or 0) if where is not None else 0,
    )


def _name(element: _Element, pattern: str, text: str) -> str:
    """A name that stays as long as the rules do: the assertion's own, else its pattern and a digest of what it asks."""
    own = element.get("id", "")
    if own:
        return f"rules.{own}"
    digest = hashlib.sha256(f"{element.get('test', '')}\0{text}".encode()).hexdigest()[:8]
    short = _PUBLISHED.sub("", pattern.removeprefix("template-"))
    return f"rules.{short}.{digest}" if short else f"rules.{digest}"


def place_of(location: str) -> Place:
    """The place that an XPath of a report names, without its root element."""
    steps: list[str] = []
    for match in _STEP.finditer(location):
        filters = match["filters"]
        name = match["name"]
        if name == "*":
            said = _LOCAL_NAME.search(filters)
            name = next((group for group in said.groups() if group), "*") if said else "*"
        if match["attribute"]:
            steps.append(f"@{step_name(name)}")
            continue
        found = _NAMESPACE.search(filters)
        namespace = next((group for group in found.groups() if group), "") if found else ""
        name = step_name(f"{{{namespace}}}{name}" if namespace else name)
        number = _NUMBER.search(filters)
        steps.append(f"{name}[{number.group(1)}]" if number and number.group(1) != "1" else name)
    return Place("/".join(steps[1:]))
