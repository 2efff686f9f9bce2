"""Medicines and vaccines: ``manufacturedProduct`` with either medication extension.

The extensions of Wave 6 (``urn:hl7-org:pharm``) and of the waves before (``urn:epsos-org:ep:medication``) differ in
element names too; documents mix both, so both are read everywhere, by local name.
"""

from __future__ import annotations

from typing import Any

from lxml.etree import _Element

from ncp.semantics.cda.parties import name, organisation
from ncp.semantics.cda.reading import Reading, known
from ncp.semantics.cda.values import amount_or_ratio, coded, identifier, quantity, text, timing
from ncp.semantics.statements import CombinedPart, Ingredient, MaterialKind, Package, Product
from ncp.semantics.values import Place

_NULL = known("nullFlavor")
_MAX_PACKAGES = 8
_MAX_PARTS = 4

_MATERIALS = frozenset({"manufacturedMaterial", "manufacturedLabeledDrug"})


def product(reading: Reading, element: _Element, place: Place) -> Product:
    """``consumable``, or the ``product`` of a supply: the first manufactured product in it."""
    fields = _Fields()
    for child in reading.parts(element, place):
        kind, node, where = child
        if kind == "manufacturedProduct" and not fields.seen:
            fields.seen = True
            _manufactured(reading, node, where, fields)
        elif kind != "templateId":
            reading.skip(child)
    return fields.product(place)


class _Fields:
    def __init__(self) -> None:
        self.seen = False
        self.one: dict[str, Any] = {}
        self.many: dict[str, list[Any]] = {
            key: [] for key in ("ids", "names", "packages", "kinds", "ingredients", "parts")
        }

    def product(self, place: Place) -> Product:
        fields: dict[str, Any] = {key: tuple(values) for key, values in self.many.items()}
        return Product(place, **fields, **self.one)


def _manufactured(reading: Reading, element: _Element, place: Place, fields: _Fields) -> None:
    _null_flavor(reading, element, place, fields)
    material = False
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "id":
            fields.many["ids"].append(identifier(reading, node, where))
        elif kind in _MATERIALS and not material:
            material = True
            _material(reading, node, where, fields, 0)
        elif kind == "manufacturerOrganization" and "manufacturer" not in fields.one:
            fields.one["manufacturer"] = organisation(reading, node, where)
        elif kind == "marketingAuthorizationHolder" and "authorisation_holder" not in fields.one:
            fields.one["authorisation_holder"] = organisation(reading, node, where)
        elif kind != "templateId":
            reading.skip(child)


def _material(reading: Reading, element: _Element, place: Place, fields: _Fields, depth: int) -> None:
    one, many = fields.one, fields.many
    _null_flavor(reading, element, place, fields)
    for child in reading.parts(element, place, _NULL):
        kind, node, where = child
        if kind == "code" and "code" not in one:
            one["code"] = coded(reading, node, where)
        elif kind == "name":
            many["names"].append(name(reading, node, where))
        elif kind == "desc" and "description" not in one:
            one["description"] = text(reading, node, where)
        elif kind == "formCode" and "form" not in one:
            one["form"] = coded(reading, node, where)
        elif kind == "lotNumberText" and "lot" not in one:
            one["lot"] = text(reading, node, where)
        elif kind == "expirationTime" and "expires" not in one:
            one["expires"] = timing(reading, node, where)
        elif kind == "asContent":
            many["packages"].append(_package(reading, node, where, 0))
        elif kind == "asSpecializedKind":
            many["kinds"].append(_kind(reading, node, where))
        elif kind == "ingredient":
            many["ingredients"].append(_ingredient(reading, node, where))
        elif kind == "part" and depth < _MAX_PARTS:
            many["parts"].append(_part(reading, node, where, depth + 1))
        elif kind == "id":
            many["ids"].append(identifier(reading, node, where))
        elif kind != "templateId":
            reading.skip(child)


def _null_flavor(reading: Reading, element: _Element, place: Place, fields: _Fields) -> None:
    own = element.get("nullFlavor", "").strip()
    if own and fields.one.setdefault("null_flavor", own) != own:
        reading.mark(element, place, "nullFlavor")


def _package(reading: Reading, element: _Element, place: Place, depth: int) -> Package:
    """``asContent`` with the package in it, as one."""
    one: dict[str, Any] = {}
    names: list[Any] = []
    outer: list[Package] = []
    package = False
    waiting = [(element, place)]
    while waiting:
        holder, holder_place = waiting.pop()
        own = holder.get("nullFlavor", "").strip()
        if own and one.setdefault("null_flavor", own) != own:
            reading.mark(holder, holder_place, "nullFlavor")
        for child in reading.parts(holder, holder_place, _NULL):
            kind, node, where = child
            if kind in ("containerPackagedProduct", "containerPackagedMedicine") and not package:
                package = True
                waiting.append((node, where))
            elif kind == "code" and "code" not in one:
                one["code"] = coded(reading, node, where)
            elif kind == "formCode" and "form" not in one:
                one["form"] = coded(reading, node, where)
            elif kind == "quantity" and "content" not in one:
                one["content"] = amount_or_ratio(reading, node, where)
            elif kind == "capacityQuantity" and "capacity" not in one:
                one["capacity"] = quantity(reading, node, where)
            elif kind == "name":
                names.append(name(reading, node, where))
            elif kind == "asContent" and depth < _MAX_PACKAGES:
                outer.append(_package(reading, node, where, depth + 1))
            elif kind != "templateId":
                reading.skip(child)
    return Package(place, names=tuple(names), outer=tuple(outer), **one)


def _kind(reading: Reading, element: _Element, place: Place) -> MaterialKind:
    one, names = _code_and_names(
        reading,
        element,
        place,
        ("generalizedMaterialKind", "generalizedMedicineClass"),
    )
    return MaterialKind(place, element.get("classCode", "").strip(), names=names, **one)


def _ingredient(reading: Reading, element: _Element, place: Place) -> Ingredient:
    one, names = _code_and_names(reading, element, place, ("ingredientSubstance", "ingredient"))
    return Ingredient(place, element.get("classCode", "").strip(), names=names, **one)


def _code_and_names(
    reading: Reading, element: _Element, place: Place, inner: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """A role and the one thing in it that has code and names, as one."""
    one: dict[str, Any] = {}
    names: list[Any] = []
    inside = False
    waiting = [(element, place)]
    while waiting:
        holder, holder_place = waiting.pop()
        own = holder.get("nullFlavor", "").strip()
        if own and one.setdefault("null_flavor", own) != own:
            reading.mark(holder, holder_place, "nullFlavor")
        for child in reading.parts(holder, holder_place, _NULL):
            kind, node, where = child
            if kind in inner and not inside:
                inside = True
                waiting.append((node, where))
            elif kind == "code" and "code" not in one:
                one["code"] = coded(reading, node, where)
            elif kind == "name":
                names.append(name(reading, node, where))
            elif kind == "quantity" and "strength" not in one and "ingredientSubstance" in inner:
                one["strength"] = amount_or_ratio(reading, node, where)
            elif kind != "templateId":
                reading.skip(child)
    return one, tuple(names)


def _part(reading: Reading, element: _Element, place: Place, depth: int) -> CombinedPart:
    amount = None
    inside: Product | None = None
    for child in reading.parts(element, place):
        kind, node, where = child
        if kind == "quantity" and amount is None:
            amount = amount_or_ratio(reading, node, where)
        elif kind in ("partProduct", "partMedicine") and inside is None:
            fields = _Fields()
            _material(reading, node, where, fields, depth)
            inside = fields.product(where)
        elif kind != "templateId":
            reading.skip(child)
    return CombinedPart(place, amount, inside)
