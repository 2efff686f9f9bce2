"""Every element of a document that is a code, found by what it is, once each.

An element with ``code`` and ``codeSystem`` is one, wherever it stands; so is an element named as listed codes are that
has a null flavour or nothing instead. Not codes to be named: the narrative, ``translation`` itself, units and timing
events (their words belong to the display), and the plain codes (HL7 ``CS``) that admit no name.
"""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.reading import NS_EPSOS, NS_PHARM, NS_SDTC
from ncp.semantics.cda.values import type_of
from ncp.semantics.transform.elements import Matcher
from ncp.semantics.transform.paths import Surroundings
from ncp.wire.xml import NS_HL7

CODES_MAX = 50_000
"""Codes of one document; the fullest sample has 400."""

_WITH_CODE = etree.XPath(
    "descendant-or-self::*[@code][not(ancestor::h:text/parent::h:section)]", namespaces={"h": NS_HL7}
)
_NAMESPACES = (NS_HL7, NS_PHARM, NS_EPSOS, NS_SDTC)

_PLAIN = frozenset({"languageCode", "realmCode", "statusCode", "signatureCode", "event", "translation", "text"})
_CODED_TYPES = frozenset({"CD", "CE", ""})
_TYPED = frozenset({"CD", "CE"})


class TooManyCodes(ValueError):
    """More codes than a document of a patient has."""


def codes_of(root: _Element, matcher: Matcher, around: Surroundings) -> list[_Element]:
    """The coded elements: those with a code in document order, then those without."""
    with_code: list[_Element] = _WITH_CODE(root)
    if len(with_code) > CODES_MAX:
        raise TooManyCodes
    name = around.name
    found = [one for one in with_code if one.get("codeSystem") is not None and name(one) not in _PLAIN]
    wanted = [f"{{*}}{listed}" for listed in matcher.names if listed not in _PLAIN]
    for element in root.iter(*wanted) if wanted else ():
        if element.get("code") is not None and element.get("codeSystem") is not None:
            continue
        if name(element) == "value" and type_of(element) not in _TYPED and element.get("code") is None:
            # A quantity, a number, a text: what else a value can be.
            continue
        found.append(element)
        if len(found) > CODES_MAX:
            raise TooManyCodes
    return found


def is_coded_type(element: _Element) -> bool:
    """Whether its ``xsi:type`` admits a name and translations: ``CD``, ``CE``, or none given."""
    return type_of(element) in _CODED_TYPES


class Places:
    """Where elements stand, in the words of ``values.Place``, each worked out once."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._known: dict[_Element, str] = {}
        self._numbers: dict[_Element, int] = {}
        self._tags: dict[str, tuple[str, ...]] = {}

    def of(self, element: _Element) -> str:
        known = self._known.get(element)
        if known is not None:
            return known
        parent = element.getparent()
        if parent is None:
            return ""
        name = self._around.name(element)
        number = self._numbers.get(element)
        if number is None:
            # All of that name at once: counting before each would take the square of their number.
            tags = self._tags.get(name)
            if tags is None:
                tags = self._tags[name] = tuple(f"{{{namespace}}}{name}" for namespace in _NAMESPACES)
            for number, child in enumerate(parent.iterchildren(*tags), start=1):
                self._numbers[child] = number
            number = self._numbers.get(element, 1)
        above = self.of(parent)
        step = name[:64] if number == 1 else f"{name[:64]}[{number}]"
        place = self._known[element] = f"{above}/{step}" if above else step
        return place
