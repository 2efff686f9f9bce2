"""Names, order, counts and attributes of an assertion's elements: what the SAML schema would refuse (step 5).

A table of the element types of SAML Core 2 that the profile knows. The schema files of OASIS are not shipped, so this
check is always on; a compiled ``ehdsi-assertion.xsd`` can be handed in beside it. ds:Signature is left to
``signature``, values to ``read_claims``.

Stricter than the schema where the profile names nothing: no extension points of SAML's own namespace (Statement,
Condition, AuthzDecisionStatement, BaseID, encrypted elements), because nobody would know what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ncp.wire.errors import Code, SecurityError
from ncp.wire.xml import NS_DS, NS_SAML, NS_XOP, NS_XSI

_SAML: Final = f"{{{NS_SAML}}}"
_DS: Final = f"{{{NS_DS}}}"
_XSI: Final = f"{{{NS_XSI}}}"
_IGNORED_ATTRIBUTES = frozenset({f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"})
_VALUE_ATTRIBUTES = _IGNORED_ATTRIBUTES | {f"{_XSI}type", f"{_XSI}nil"}

# Lexical form only; whether the instant exists and has a zone is a question of time (step 12).
_DATE_TIME = re.compile(r"[ \t\r\n]*\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?[ \t\r\n]*", re.ASCII)

Check = Callable[[str], bool]


def _any(_: str) -> bool:
    return True


def _date_time(value: str) -> bool:
    return _DATE_TIME.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class _Group:
    """Children of these names stand together at this place."""

    names: tuple[str, ...]
    needed: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    """Groups one after the other, ready to be checked child by child."""

    groups: tuple[_Group, ...]
    place: Mapping[str, int]
    needed: int


def _order(*groups: _Group) -> _Order:
    place = {name: number for number, group in enumerate(groups) for name in group.names}
    return _Order(groups, place, sum(1 << number for number, group in enumerate(groups) if group.needed))


@dataclass(frozen=True, slots=True)
class _Type:
    """An element's attributes and children. No ``order``: text only. ``open_content``: anything not of SAML."""

    attributes: Mapping[str, Check]
    required: tuple[str, ...] = ()
    order: _Order | None = None
    foreign_attributes: bool = False
    open_content: bool = False


def _one(name: str) -> _Group:
    return _Group((name,), needed=True)


def _optional(name: str) -> _Group:
    return _Group((name,))


def _many(*names: str, needed: bool = False) -> _Group:
    return _Group(names, needed, many=True)


_NAME_ID = _Type({"NameQualifier": _any, "SPNameQualifier": _any, "Format": _any, "SPProvidedID": _any})
_TEXT = _Type({})

TYPES: Mapping[str, _Type] = {
    f"{_SAML}Assertion": _Type(
        {"Version": _any, "ID": _any, "IssueInstant": _date_time},
        required=("Version", "ID", "IssueInstant"),
        order=_order(
            _one(f"{_SAML}Issuer"),
            _optional(f"{_DS}Signature"),
            _optional(f"{_SAML}Subject"),
            _optional(f"{_SAML}Conditions"),
            _optional(f"{_SAML}Advice"),
            _many(f"{_SAML}AuthnStatement", f"{_SAML}AttributeStatement"),
        ),
    ),
    f"{_SAML}Issuer": _NAME_ID,
    f"{_SAML}NameID": _NAME_ID,
    f"{_SAML}Subject": _Type({}, order=_order(_optional(f"{_SAML}NameID"), _many(f"{_SAML}SubjectConfirmation"))),
    f"{_SAML}SubjectConfirmation": _Type(
        {"Method": _any},
        required=("Method",),
        order=_order(_optional(f"{_SAML}NameID"), _optional(f"{_SAML}SubjectConfirmationData")),
    ),
    f"{_SAML}SubjectConfirmationData": _Type(
        {"NotBefore": _date_time, "NotOnOrAfter": _date_time, "Recipient": _any, "InResponseTo": _any, "Address": _any},
        foreign_attributes=True,
        open_content=True,
    ),
    f"{_SAML}Conditions": _Type(
        {"NotBefore": _date_time, "NotOnOrAfter": _date_time},
        order=_order(_many(f"{_SAML}AudienceRestriction", f"{_SAML}OneTimeUse", f"{_SAML}ProxyRestriction")),
    ),
    f"{_SAML}AudienceRestriction": _Type({}, order=_order(_many(f"{_SAML}Audience", needed=True))),
    f"{_SAML}OneTimeUse": _Type({}, order=_order()),
    f"{_SAML}ProxyRestriction": _Type({"Count": _any}, order=_order(_many(f"{_SAML}Audience"))),
    f"{_SAML}Audience": _TEXT,
    f"{_SAML}Advice": _Type({}, order=_order(_many(f"{_SAML}AssertionIDRef", f"{_SAML}AssertionURIRef"))),
    f"{_SAML}AssertionIDRef": _TEXT,
    f"{_SAML}AssertionURIRef": _TEXT,
    f"{_SAML}AuthnStatement": _Type(
        {"AuthnInstant": _date_time, "SessionIndex": _any, "SessionNotOnOrAfter": _date_time},
        required=("AuthnInstant",),
        order=_order(_optional(f"{_SAML}SubjectLocality"), _one(f"{_SAML}AuthnContext")),
    ),
    f"{_SAML}SubjectLocality": _Type({"Address": _any, "DNSName": _any}, order=_order()),
    f"{_SAML}AuthnContext": _Type(
        {},
        order=_order(
            _optional(f"{_SAML}AuthnContextClassRef"),
            _optional(f"{_SAML}AuthnContextDeclRef"),
            _many(f"{_SAML}AuthenticatingAuthority"),
        ),
    ),
    f"{_SAML}AuthnContextClassRef": _TEXT,
    f"{_SAML}AuthnContextDeclRef": _TEXT,
    f"{_SAML}AuthenticatingAuthority": _TEXT,
    f"{_SAML}AttributeStatement": _Type({}, order=_order(_many(f"{_SAML}Attribute", needed=True))),
    f"{_SAML}Attribute": _Type(
        {"Name": _any, "NameFormat": _any, "FriendlyName": _any},
        required=("Name",),
        order=_order(_many(f"{_SAML}AttributeValue")),
        foreign_attributes=True,
    ),
}
_VALUE = f"{_SAML}AttributeValue"
_NIL = f"{_XSI}nil"
_NOT_IN_VALUES = (etree.Comment, etree.ProcessingInstruction, f"{_SAML}*", f"{_DS}*", f"{{{NS_XOP}}}*")
_WHITE_SPACE = " \t\r\n"
_SIGNATURE = f"{_DS}Signature"


class _Broken(Exception):
    """The element is not of its type."""


def check(assertion: _Element, schema: etree.XMLSchema | None = None) -> None:
    """Raises ``SecurityError`` ``schema.invalid`` when the assertion is not one by SAML Core 2 and the profile."""
    try:
        _check(assertion)
    except _Broken:
        raise SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "schema.invalid") from None
    if schema is not None and not schema.validate(assertion):
        raise SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "schema.invalid")


def _check(element: _Element) -> None:
    kind = TYPES.get(str(element.tag))
    if kind is None:
        raise _Broken
    attributes = element.items()
    for name, value in attributes:
        check_value = kind.attributes.get(name)
        if check_value is None:
            if name not in _IGNORED_ATTRIBUTES and not (kind.foreign_attributes and _is_foreign(name)):
                raise _Broken
        elif not check_value(value):
            raise _Broken
    if kind.required and any(element.get(name) is None for name in kind.required):
        raise _Broken
    if kind.order is not None:
        _check_order(element, kind.order)
    elif kind.open_content:
        _check_open(element)
    elif len(element):
        raise _Broken


def _check_order(element: _Element, order: _Order) -> None:
    text = element.text
    if text and text.strip(_WHITE_SPACE):
        raise _Broken
    last, seen = -1, 0
    for child in element:
        tag = child.tag
        place = order.place.get(tag)  # type: ignore[arg-type] # a comment's tag is a function, and in no table
        if place is None or place < last or (place == last and not order.groups[place].many):
            raise _Broken
        last = place
        seen |= 1 << place
        tail = child.tail
        if tail and tail.strip(_WHITE_SPACE):
            raise _Broken
        if tag == _VALUE:
            _check_value(child)
        elif tag != _SIGNATURE:
            _check(child)
    if seen & order.needed != order.needed:
        raise _Broken


def _is_foreign(name: str) -> bool:
    """A qualified attribute name that is neither SAML's nor XML Schema's."""
    return name[0] == "{" and not name.startswith((_SAML, _XSI))


def _check_value(value: _Element) -> None:
    for name, text in value.items():
        if name not in _VALUE_ATTRIBUTES or (name == _NIL and text.strip() not in ("false", "0")):
            raise _Broken
    if len(value):
        _check_open(value)


def _check_open(element: _Element) -> None:
    """Any content but SAML's own, a signature, or a pointer to bytes outside (``xop:Include``)."""
    for inner in element.iterdescendants(*_NOT_IN_VALUES):
        if inner.tag != f"{_SAML}NameID":
            raise _Broken
