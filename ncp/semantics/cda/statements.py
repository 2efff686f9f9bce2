"""Clinical statements of CDA: every act of the schema with all its parts, relations and participants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lxml.etree import _Element

from ncp.semantics.cda.parties import party
from ncp.semantics.cda.products import product
from ncp.semantics.cda.reading import MAX_NESTING, Child, Reading, known
from ncp.semantics.cda.values import (
    amount,
    coded,
    identifier,
    interval,
    quantity,
    ratio,
    text,
    timing,
    value,
)
from ncp.semantics.parties import Party
from ncp.semantics.statements import ReferenceRange, Relation, Statement
from ncp.semantics.values import Place

STATEMENTS = frozenset(
    {
        *("act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest"),
        *("substanceAdministration", "supply"),
    }
)
"""What an ``entry`` may hold."""

EXTERNALS = frozenset(
    {"externalAct", "externalDocument", "externalObservation", "externalProcedure", "order", "consent", "criterion"}
)

_STATEMENT = known("negationInd", "nullFlavor")
_RELATION = known("negationInd", "nullFlavor")
_VALUE = known("value")

_ONE: dict[str, tuple[str, Callable[[Reading, _Element, Place], Any]]] = {
    "code": ("code", coded),
    "text": ("text", text),
    "title": ("title", text),
    "statusCode": ("status", coded),
    "priorityCode": ("priority", coded),
    "confidentialityCode": ("confidentiality", coded),
    "languageCode": ("language", coded),
    "routeCode": ("route", coded),
    "doseQuantity": ("dose", amount),
    "rateQuantity": ("rate", amount),
    "maxDoseQuantity": ("max_dose", ratio),
    "administrationUnitCode": ("unit", coded),
    "quantity": ("quantity", quantity),
    "repeatNumber": ("repeats", amount),
    "expectedUseTime": ("supply_period", interval),
    "consumable": ("product", product),
    "product": ("product", product),
}

_MANY: dict[str, tuple[str, Callable[[Reading, _Element, Place], Any]]] = {
    "id": ("ids", identifier),
    "value": ("values", value),
    "effectiveTime": ("times", timing),
    "interpretationCode": ("interpretations", coded),
    "methodCode": ("methods", coded),
    "targetSiteCode": ("sites", coded),
    "approachSiteCode": ("approach_sites", coded),
}

_PARTIES = frozenset(
    {"author", "performer", "informant", "participant", "subject", "specimen", "responsibleParty", "consenter"}
)
_RELATIONS = frozenset({"entryRelationship", "component", "reference", "precondition"})

_PLAIN_ATTRIBUTES = {"sequenceNumber": "sequence", "priorityNumber": "priority"}


def statement(reading: Reading, element: _Element, place: Place, kind: str) -> Statement:
    """One act. ``kind`` is its element name."""
    one: dict[str, Any] = {}
    many: dict[str, list[Any]] = {}
    parties: list[Party] = []
    relations: list[Relation] = []
    ranges: list[ReferenceRange] = []
    profiles: list[str] = []
    for child in reading.parts(element, place, _STATEMENT):
        name, node, where = child
        if name == "templateId":
            profiles.append(node.get("root", "").strip())
        elif (single := _ONE.get(name)) is not None and single[0] not in one:
            one[single[0]] = single[1](reading, node, where)
        elif (several := _MANY.get(name)) is not None:
            many.setdefault(several[0], []).append(several[1](reading, node, where))
        elif name in _RELATIONS:
            _relation(reading, child, relations)
        elif name in _PARTIES:
            parties.append(party(reading, node, where, name))
        elif name == "referenceRange":
            ranges.append(_range(reading, node, where))
        else:
            reading.skip(child)
    get = element.get
    negated = get("negationInd", "").strip()
    if negated not in ("", "true", "false", "1", "0"):
        reading.mark(element, place, "negationInd")
    fields: dict[str, Any] = {field: tuple(values) for field, values in many.items()}
    return Statement(
        place,
        kind,
        get("classCode", "").strip(),
        get("moodCode", "").strip(),
        negated in ("true", "1"),
        get("nullFlavor", "").strip(),
        tuple(profiles),
        parties=tuple(parties),
        relations=tuple(relations),
        ranges=tuple(ranges),
        **fields,
        **one,
    )


def _relation(reading: Reading, child: Child, relations: list[Relation]) -> None:
    """entryRelationship, component of an organizer, reference, precondition."""
    kind, element, place = child
    if reading.nesting >= MAX_NESTING:
        reading.skip(child)
        return
    reading.nesting += 1
    extra: dict[str, Any] = {}
    made: list[Statement] = []
    for inner in reading.parts(element, place, _RELATION):
        name, node, where = inner
        if name in STATEMENTS or name in EXTERNALS:
            made.append(statement(reading, node, where, name))
        elif name in _PLAIN_ATTRIBUTES and _PLAIN_ATTRIBUTES[name] not in extra:
            extra[_PLAIN_ATTRIBUTES[name]] = node.get("value", "").strip()
            reading.leaf(node, where, _VALUE)
        elif name != "templateId":
            reading.skip(inner)
    reading.nesting -= 1
    negated = element.get("negationInd", "").strip()
    if negated not in ("", "true", "false", "1", "0"):
        reading.mark(element, place, "negationInd")
    null_flavor = element.get("nullFlavor", "").strip()
    if negated in ("true", "1"):
        # Said of the relation, it holds for what is related: no reader has to ask twice.
        made = [replace(act, negated=True) for act in made]
    if not made:
        # Nothing belongs here after all; what the relation itself says must still be seen.
        made.append(Statement(place, ""))
    for act in made:
        relations.append(
            Relation(
                place if len(made) == 1 else act.place,
                kind,
                element.get("typeCode", "").strip() or _TYPES.get(kind, ""),
                act,
                element.get("inversionInd", "").strip(),
                negated in ("true", "1"),
                null_flavor=null_flavor,
                **extra,
            )
        )


_TYPES = {"component": "COMP", "reference": "REFR", "precondition": "PRCN"}


def _range(reading: Reading, element: _Element, place: Place) -> ReferenceRange:
    """``referenceRange`` and its ``observationRange``, as one."""
    one: dict[str, Any] = {}
    values: list[Any] = []
    inside = False
    waiting = [(element, place)]
    while waiting:
        holder, holder_place = waiting.pop()
        for child in reading.parts(holder, holder_place):
            name, node, where = child
            if name == "observationRange" and not inside:
                inside = True
                waiting.append((node, where))
            elif name == "code" and "code" not in one:
                one["code"] = coded(reading, node, where)
            elif name == "text" and "text" not in one:
                one["text"] = text(reading, node, where)
            elif name == "value":
                values.append(value(reading, node, where))
            elif name == "interpretationCode" and "interpretation" not in one:
                one["interpretation"] = coded(reading, node, where)
            elif name != "templateId":
                reading.skip(child)
    return ReferenceRange(place, values=tuple(values), **one)
