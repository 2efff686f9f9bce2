"""Every element of a document that is a code, found by what it is, once each.

An element with ``code`` and ``codeSystem`` is one, wherever it stands; so is an element named as listed codes are that
has a null flavour or nothing instead. Not codes to be named: the narrative, ``translation`` itself, units and timing
events (their words belong to the display), and the plain codes (HL7 ``CS``) that admit no name.
"""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.values import type_of
from ncp.semantics.transform.elements import Matcher
from ncp.semantics.transform.paths import Surroundings
from ncp.wire.xml import NS_HL7

CODES_MAX = 50_000
"""Codes of one document; the fullest sample has 400."""

_WITH_CODE = etree.XPath(
    "descendant-or-self::*[@code][@codeSystem][not(ancestor::h:text/parent::h:section)]", namespaces={"h": NS_HL7}
)

_PLAIN = frozenset({"languageCode", "realmCode", "statusCode", "signatureCode", "event", "translation", "text"})
_TYPED = frozenset({"CD", "CE"})


class TooManyCodes(ValueError):
    """More codes than a document of a patient has."""


def codes_of(root: _Element, matcher: Matcher, around: Surroundings) -> list[_Element]:
    """The coded elements: those with a code in document order, then those without."""
    with_code: list[_Element] = _WITH_CODE(root)
    if len(with_code) > CODES_MAX:
        raise TooManyCodes
    name = around.name
    found = [one for one in with_code if name(one) not in _PLAIN]
    known = frozenset(with_code)
    wanted = [f"{{*}}{listed}" for listed in matcher.names if listed not in _PLAIN]
    for element in root.iter(*wanted) if wanted else ():
        if element in known or (element.get("code") is not None and element.get("codeSystem") is not None):
            # Taken already, or in a narrative.
            continue
        if name(element) == "value" and type_of(element) not in _TYPED and element.get("code") is None:
            # A quantity, a number, a text: what else a value can be.
            continue
        found.append(element)
        if len(found) > CODES_MAX:
            raise TooManyCodes
    return found


def is_coded_type(written: str) -> bool:
    """Whether such an ``xsi:type`` admits a name and translations: ``CD``, ``CE``, or none given."""
    return not written or written.strip().rpartition(":")[2] in _TYPED
