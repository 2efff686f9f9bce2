"""HL7 v3 data types as CDA R2 writes them: CD, II, TS, IVL, PIVL, EIVL, SXPR, PQ, RTO, ED, ST and the like.

``xsi:type`` is read by its local name: prefixes are free (``docs/document-model.md``). Where it is missing, the
shape of the value decides.
"""

from __future__ import annotations

from collections.abc import Callable

from lxml.etree import _Element

from ncp.semantics.cda.reading import XSI_TYPE, Reading, known, spoken
from ncp.semantics.values import (
    AtEvent,
    Coded,
    Flag,
    Identifier,
    Interval,
    Number,
    Periodic,
    Place,
    Point,
    Qualifier,
    Quantity,
    QuantityRange,
    QuantityTranslation,
    Ratio,
    Text,
    Timing,
    TimingSet,
    Value,
)

_CODED = known("code", "codeSystem", "codeSystemName", "codeSystemVersion", "displayName", "nullFlavor", "valueSet")
_QUALIFIER = known("inverted")
_TEXT = known("nullFlavor", "mediaType", "language", "value")
_REFERENCE = known("value", "nullFlavor")
_II = known("root", "extension", "nullFlavor", "assigningAuthorityName", "displayable")
_POINT = known("value", "nullFlavor", "operator", "inclusive")
_INTERVAL = known("value", "nullFlavor", "operator")
_PERIODIC = known("value", "nullFlavor", "operator", "institutionSpecified", "alignment")
_SET = known("nullFlavor", "operator")
_QUANTITY = known("value", "unit", "nullFlavor", "inclusive")
_RANGE = known("value", "unit", "nullFlavor")
_NULL = known("nullFlavor")
_PLAIN = known("value", "nullFlavor")
_UNIT = known(*_CODED, "value")
_NONE: frozenset[str] = frozenset()


def type_of(element: _Element) -> str:
    """Local name of ``xsi:type``; empty where there is none."""
    declared = element.get(XSI_TYPE)
    return str(declared).strip().rpartition(":")[2] if declared else ""


def _names_in(element: _Element) -> frozenset[str]:
    if not len(element):
        return _NONE
    return frozenset(str(node.tag).rpartition("}")[2] for node in element.iterchildren("*"))


def coded(reading: Reading, element: _Element, place: Place) -> Coded:
    """CD, CE, CV, CS."""
    original: Text | None = None
    translations: list[Coded] = []
    qualifiers: list[Qualifier] = []
    get = reading.said(element, place, _CODED).get
    for child in reading.inside(element, place):
        name, node, where = child
        if name == "originalText" and original is None:
            original = text(reading, node, where)
        elif name == "translation":
            translations.append(coded(reading, node, where))
        elif name == "qualifier":
            qualifiers.append(_qualifier(reading, node, where))
        else:
            reading.skip(child)
    return Coded(
        place,
        get("code", ""),
        get("codeSystem", ""),
        get("codeSystemName", ""),
        get("codeSystemVersion", ""),
        get("displayName", ""),
        get("nullFlavor", ""),
        original,
        tuple(translations),
        tuple(qualifiers),
        get("valueSet", ""),
    )


def _qualifier(reading: Reading, element: _Element, place: Place) -> Qualifier:
    name: Coded | None = None
    value: Coded | None = None
    for child in reading.parts(element, place, _QUALIFIER):
        if child[0] == "name" and name is None:
            name = coded(reading, child[1], child[2])
        elif child[0] == "value" and value is None:
            value = coded(reading, child[1], child[2])
        else:
            reading.skip(child)
    return Qualifier(place, name, value, element.get("inverted") == "true")


def text(reading: Reading, element: _Element, place: Place) -> Text:
    """ED, ST: the words inside, or the words of the narrative that it refers to."""
    reference = ""
    if len(element):
        mixed = False
        for child in reading.mixed(element, place):
            if child[0] == "reference" and not reference:
                said = reading.leaf(child[1], child[2], _REFERENCE)
                reference = said.get("value", "")
                if "nullFlavor" in said:
                    reading.mark(child[1], child[2], "nullFlavor")
            elif child[0] in ("thumbnail", "reference"):
                reading.skip(child)
            else:
                # Words inside an element are words; what it has beside them is noted.
                mixed = True
                if any(node.keys() for node in child[1].iter("*")):
                    reading.skip(child)
        words = spoken(element) if mixed or _has_words(element) else reading.referred(reference)
    else:
        words = " ".join((element.text or "").split())
    get = reading.said(element, place, _TEXT).get
    value = get("value")
    if value is not None:
        if not words:
            # A word in the place of a number, as some documents write a value of type ST.
            words = value
        elif element.get("value"):
            reading.mark(element, place, "value")
    return Text(
        place,
        words,
        reference,
        get("nullFlavor", ""),
        get("language", ""),
        get("mediaType", ""),
    )


def _has_words(element: _Element) -> bool:
    text = element.text
    if text is not None and not text.isspace():
        return bool(text)
    for node in element[:]:
        tail = node.tail
        if tail and not tail.isspace():
            return True
    return False


def identifier(reading: Reading, element: _Element, place: Place) -> Identifier:
    """II."""
    get = reading.leaf(element, place, _II).get
    return Identifier(
        place,
        get("root", ""),
        get("extension", ""),
        get("nullFlavor", ""),
        get("assigningAuthorityName", ""),
        get("displayable", ""),
    )


# Times


def point(reading: Reading, element: _Element, place: Place) -> Point:
    """TS, IVXB_TS."""
    get = reading.leaf(element, place, _POINT).get
    return Point(
        place,
        get("value", ""),
        get("nullFlavor", ""),
        get("operator", ""),
        get("inclusive", ""),
    )


def interval(reading: Reading, element: _Element, place: Place) -> Interval:
    """IVL_TS."""
    low = high = center = None
    width = None
    get = reading.said(element, place, _INTERVAL).get
    for child in reading.inside(element, place):
        name, node, where = child
        if name == "low" and low is None:
            low = point(reading, node, where)
        elif name == "high" and high is None:
            high = point(reading, node, where)
        elif name == "center" and center is None:
            center = point(reading, node, where)
        elif name == "width" and width is None:
            width = quantity(reading, node, where)
        else:
            reading.skip(child)
    return Interval(
        place,
        low,
        high,
        width,
        center,
        get("value", ""),
        get("nullFlavor", ""),
        get("operator", ""),
    )


def _periodic(reading: Reading, element: _Element, place: Place) -> Periodic:
    period = phase = None
    get = reading.said(element, place, _PERIODIC).get
    for child in reading.inside(element, place):
        if child[0] == "period" and period is None:
            period = quantity(reading, child[1], child[2])
        elif child[0] == "phase" and phase is None:
            phase = interval(reading, child[1], child[2])
        else:
            reading.skip(child)
    return Periodic(
        place,
        period,
        phase,
        get("institutionSpecified", "") in ("true", "1"),
        get("alignment", ""),
        get("nullFlavor", ""),
        get("operator", ""),
        get("value", ""),
    )


def _at_event(reading: Reading, element: _Element, place: Place) -> AtEvent:
    event: Coded | None = None
    offset: QuantityRange | Quantity | None = None
    get = reading.said(element, place, _SET).get
    for child in reading.inside(element, place):
        if child[0] == "event" and event is None:
            event = coded(reading, child[1], child[2])
        elif child[0] == "offset" and offset is None:
            offset = amount(reading, child[1], child[2])
        else:
            reading.skip(child)
    return AtEvent(place, event, offset, get("nullFlavor", ""), get("operator", ""))


def _timing_set(reading: Reading, element: _Element, place: Place) -> TimingSet:
    parts: list[Timing] = []
    get = reading.said(element, place, _SET).get
    for child in reading.inside(element, place):
        # A set of sets is not written by anybody; one level bounds the recursion.
        if child[0] == "comp" and type_of(child[1]) != "SXPR_TS":
            parts.append(timing(reading, child[1], child[2]))
        else:
            reading.skip(child)
    return TimingSet(place, tuple(parts), get("nullFlavor", ""), get("operator", ""))


_TIMINGS: dict[str, Callable[[Reading, _Element, Place], Timing]] = {
    "TS": point,
    "SXCM_TS": point,
    "IVL_TS": interval,
    "PIVL_TS": _periodic,
    "EIVL_TS": _at_event,
    "SXPR_TS": _timing_set,
}


def timing(reading: Reading, element: _Element, place: Place) -> Timing:
    """A time of any type; without ``xsi:type``, by its parts."""
    read = _TIMINGS.get(type_of(element))
    if read is None:
        names = _names_in(element)
        if not names:
            read = point
        elif names & {"period", "phase"}:
            read = _periodic
        elif "event" in names:
            read = _at_event
        elif "comp" in names:
            read = _timing_set
        else:
            read = interval
    return read(reading, element, place)


# Quantities


def quantity(reading: Reading, element: _Element, place: Place) -> Quantity:
    """PQ, IVXB_PQ."""
    translations: list[QuantityTranslation] = []
    get = reading.said(element, place, _QUANTITY).get
    for child in reading.inside(element, place):
        if child[0] == "translation":
            translations.append(_quantity_translation(reading, child[1], child[2]))
        else:
            reading.skip(child)
    return Quantity(
        place,
        get("value", ""),
        get("unit", ""),
        get("nullFlavor", ""),
        tuple(translations),
        get("inclusive", ""),
    )


def _quantity_translation(reading: Reading, element: _Element, place: Place) -> QuantityTranslation:
    original: Text | None = None
    get = reading.said(element, place, _UNIT).get
    for child in reading.inside(element, place):
        if child[0] == "originalText" and original is None:
            original = text(reading, child[1], child[2])
        else:
            reading.skip(child)
    unit = Coded(
        place,
        get("code", ""),
        get("codeSystem", ""),
        get("codeSystemName", ""),
        get("codeSystemVersion", ""),
        get("displayName", ""),
        get("nullFlavor", ""),
        original,
        value_set=get("valueSet", ""),
    )
    return QuantityTranslation(place, get("value", ""), unit)


def amount(reading: Reading, element: _Element, place: Place) -> Quantity | QuantityRange:
    """PQ or IVL_PQ, by its parts."""
    names = _names_in(element)
    if names & {"low", "high", "width", "center"}:
        return quantity_range(reading, element, place)
    return quantity(reading, element, place)


def quantity_range(reading: Reading, element: _Element, place: Place) -> QuantityRange:
    """IVL_PQ, IVL_INT, IVL_REAL."""
    ends: dict[str, Quantity] = {}
    get = reading.said(element, place, _RANGE).get
    for child in reading.inside(element, place):
        if child[0] in ("low", "high", "width", "center") and child[0] not in ends:
            ends[child[0]] = quantity(reading, child[1], child[2])
        else:
            reading.skip(child)
    return QuantityRange(
        place,
        ends.get("low"),
        ends.get("high"),
        ends.get("width"),
        ends.get("center"),
        get("nullFlavor", ""),
        get("value", ""),
        get("unit", ""),
    )


def ratio(reading: Reading, element: _Element, place: Place) -> Ratio:
    """RTO and its kinds."""
    numerator = denominator = None
    get = reading.said(element, place, _NULL).get
    for child in reading.inside(element, place):
        if child[0] == "numerator" and numerator is None:
            numerator = quantity(reading, child[1], child[2])
        elif child[0] == "denominator" and denominator is None:
            denominator = quantity(reading, child[1], child[2])
        else:
            reading.skip(child)
    return Ratio(place, numerator, denominator, get("nullFlavor", ""))


def amount_or_ratio(reading: Reading, element: _Element, place: Place) -> Quantity | Ratio:
    """PQ or RTO, by its parts."""
    if _names_in(element) & {"numerator", "denominator"}:
        return ratio(reading, element, place)
    return quantity(reading, element, place)


# Any value


def _number(reading: Reading, element: _Element, place: Place) -> Number:
    said = reading.leaf(element, place, _PLAIN)
    return Number(place, said.get("value", ""), said.get("nullFlavor", ""))


def _flag(reading: Reading, element: _Element, place: Place) -> Flag:
    said = reading.leaf(element, place, _PLAIN)
    return Flag(place, said.get("value", ""), said.get("nullFlavor", ""))


_VALUES: dict[str, Callable[[Reading, _Element, Place], Value]] = {
    **dict.fromkeys(("CD", "CE", "CV", "CS", "CO"), coded),
    **dict.fromkeys(("ED", "ST", "SC"), text),
    **dict.fromkeys(("PQ", "MO"), quantity),
    **dict.fromkeys(("IVL_PQ", "IVL_INT", "IVL_REAL"), quantity_range),
    **dict.fromkeys(("RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "RTO_MO_PQ"), ratio),
    **dict.fromkeys(("INT", "REAL"), _number),
    **dict.fromkeys(("BL", "BN"), _flag),
    "II": identifier,
    **_TIMINGS,
}


def value(reading: Reading, element: _Element, place: Place) -> Value:
    """What an observation found, of any type; without a known ``xsi:type``, by its shape."""
    read = _VALUES.get(type_of(element))
    return (read or _by_shape(element))(reading, element, place)


def _by_shape(element: _Element) -> Callable[[Reading, _Element, Place], Value]:
    names = _names_in(element)
    keys = element.keys()
    if "code" in keys or "codeSystem" in keys or names & {"translation", "qualifier", "originalText"}:
        return coded
    if names & {"numerator", "denominator"}:
        return ratio
    if names & {"low", "high", "width", "center"}:
        return quantity_range if any(node.get("unit") is not None for node in element.iterchildren("*")) else interval
    if names & {"period", "event", "comp"}:
        return timing
    if "unit" in keys:
        return quantity
    if "value" in keys or names or (element.text and not element.text.isspace()):
        return text
    return coded
