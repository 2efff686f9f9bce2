"""Values anywhere in a document: codes, times, quantities, identifiers, references to the narrative.

The elements of interest are picked by a few searches over the whole tree; each is then looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.reading import XSI_TYPE
from ncp.semantics.validation import syntax
from ncp.semantics.validation.own.rules import ERROR, INFORMATION, NAMESPACES, WARNING, Rule
from ncp.wire.xml import NS_HL7

_TYPES = "HL7 v3 data types R1"
_PS = "eHDSI 1.3"

SYSTEM_MISSING = Rule("code.system.missing", ERROR, "A code does not say which code system it is of.", f"{_TYPES}, CD")
SYSTEM_FORM = Rule("code.system.form", WARNING, "codeSystem is not an object identifier.", f"{_TYPES}, CD")
DISPLAY_MISSING = Rule("code.display.missing", WARNING, "A code has no displayName.", "eHDSI data type CD.EPSOS")
NULL_AND_CODE = Rule(
    "code.null", WARNING, "An element has both a code and a null flavour.", f"{_TYPES}, ANY.nullFlavor"
)
NULL_UNKNOWN = Rule("null.unknown", ERROR, "nullFlavor is none of HL7's.", "HL7 code system 2.16.840.1.113883.5.1008")
TYPE_MISSING = Rule("value.type.missing", WARNING, "The value of an observation has no xsi:type.", "CDA R2, XML ITS")
TYPE_UNKNOWN = Rule("value.type.unknown", ERROR, "The xsi:type of a value is no data type of CDA.", "CDA R2, XML ITS")
TIME_FORM = Rule(
    "time.form", ERROR, "A time cannot be read: not YYYYMMDDhhmmss±zzzz or a beginning of it.", f"{_TYPES}, TS"
)
TIME_ORDER = Rule("time.order", ERROR, "An interval begins after its end.", f"{_TYPES}, IVL")
NUMBER_FORM = Rule("quantity.number", ERROR, "The value of a quantity is not a number.", f"{_TYPES}, PQ, INT, REAL")
NUMBER_ORDER = Rule(
    "quantity.order", WARNING, "The low end of a range of quantities is above its high end.", f"{_TYPES}, IVL"
)
UNIT_FORM = Rule("quantity.unit", WARNING, "A unit is not written as UCUM writes units.", "UCUM; eHDSI value set 42.16")
UNIT_MISSING = Rule("quantity.unit.missing", WARNING, "A physical quantity has no unit.", f"{_TYPES}, PQ")
ID_ROOT = Rule("id.root.missing", ERROR, "An id has neither a root nor a null flavour.", f"{_TYPES}, II")
ID_FORM = Rule(
    "id.root.form", WARNING, "The root of an id is neither an object identifier nor a UUID.", f"{_TYPES}, II"
)
ID_REPEATED = Rule("id.repeated", WARNING, "Two entries have the same id.", "CDA R2 4.3.8")
LANGUAGE_FORM = Rule(
    "language.form", WARNING, "A language is not written as language and country (fr-FR).", "eHDSI value set 42.6"
)
TELECOM_FORM = Rule("telecom.form", INFORMATION, "A telecom has no scheme (tel:, mailto:).", f"{_TYPES}, TEL")
REFERENCE_BROKEN = Rule("reference.broken", INFORMATION, "A reference leads nowhere in the narrative.", "CDA R2 4.3.5")
REFERENCE_OUTSIDE = Rule(
    "reference.outside", INFORMATION, "A reference leads out of the document; it is never followed.", "CDA R2 4.3.5"
)
ANCHOR_REPEATED = Rule(
    "reference.repeated", ERROR, "An ID stands more than once, so that references to it are ambiguous.", "XML 1.0 3.3.1"
)
NAMESPACE_OLD = Rule(
    "medication.namespace", INFORMATION, "Medication is written in the namespace of Wave 5 and before.", "eHDSI 3.4"
)

VALUE_RULES = (
    SYSTEM_MISSING,
    SYSTEM_FORM,
    DISPLAY_MISSING,
    NULL_AND_CODE,
    NULL_UNKNOWN,
    TYPE_MISSING,
    TYPE_UNKNOWN,
    TIME_FORM,
    TIME_ORDER,
    NUMBER_FORM,
    NUMBER_ORDER,
    UNIT_FORM,
    UNIT_MISSING,
    ID_ROOT,
    ID_FORM,
    ID_REPEATED,
    LANGUAGE_FORM,
    TELECOM_FORM,
    REFERENCE_BROKEN,
    REFERENCE_OUTSIDE,
    ANCHOR_REPEATED,
    NAMESPACE_OLD,
)

Found = Iterator[tuple[Rule, _Element]]

_NULLS = frozenset(
    "NI INV DER OTH NINF PINF UNC MSK NA UNK ASKU NAV NASK QS TRC NP".split()  # noqa: SIM905
)

_DATA_TYPES = frozenset(
    (
        *("ANY", "BL", "BN", "ED", "ST", "SC", "CD", "CE", "CV", "CS", "CO", "II", "BIN"),
        *("TS", "IVL_TS", "PIVL_TS", "EIVL_TS", "SXPR_TS", "SXCM_TS", "PQ", "IVL_PQ", "INT", "IVL_INT", "REAL"),
        *("IVL_REAL", "MO", "RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "RTO_MO_PQ", "TEL", "AD", "EN", "PN", "ON", "TN"),
        *("GLIST_PQ", "GLIST_TS", "SLIST_PQ", "SLIST_TS"),
    )
)
_TIMED = frozenset(
    {
        "effectiveTime",
        "time",
        "birthTime",
        "existenceTime",
        "expirationTime",
        "dateTime",
        "availabilityTime",
        "useablePeriod",
        "validTime",
        "phase",
        "comp",
    }
)
_ENDS = frozenset({"low", "high", "center"})
_TIMED_TYPES = frozenset({"TS", "IVL_TS", "SXCM_TS", "PIVL_TS", "EIVL_TS", "IVXB_TS"})
_NUMBERED_TYPES = frozenset({"PQ", "INT", "REAL", "MO", "IVL_PQ", "IVL_INT", "IVL_REAL", "CO"})
_QUANTITIES = frozenset(
    {
        "doseQuantity",
        "rateQuantity",
        "maxDoseQuantity",
        "numerator",
        "denominator",
        "period",
        "quantity",
        "capacityQuantity",
        "width",
        "sequenceNumber",
        "repeatNumber",
    }
)

# Codes of one fixed code system, where CDA has the data type CS.
_CS = frozenset({"statusCode", "languageCode", "signatureCode", "realmCode", "modeCode", "event"})


def _search(path: str) -> etree.XPath:
    return etree.XPath(path, namespaces=NAMESPACES, smart_strings=False)


# Attributes first: asking every element of a document whether it has one takes twice as long. Those that are found
# know their elements.
_CODES = etree.XPath(
    "//@code[not(../@codeSystem) or not(../@displayName) or ../@nullFlavor][not(parent::h:statusCode)]",
    namespaces=NAMESPACES,
)
_SYSTEMS = _search("//@codeSystem")
_NULL = _search("//@nullFlavor")
_UNITS = _search("//@unit")
_VALUED = etree.XPath("//@value[not(../@unit)][not(parent::h:reference)]", namespaces=NAMESPACES)
_NUMBERS = _search("//@value[../@unit]")
_WITH_NUMBER = _search("//*[@value][@unit]")
_OBSERVED = _search("//h:observation/h:value")
_IDS = _search("//h:id")
_LANGUAGES = _search("//h:languageCode/@code")
_ANCHORS = _search("//@ID")
_REFERENCES = _search("//h:reference[@value][not(../../self::h:externalDocument)]")
_ENTRY_IDS = _search("//h:entry/*/h:id[@root]")
_HIGH_ENDS = _search("//h:high[@value]")
_OLD_MEDICATION = _search("(//e:*)[1]")

# Only asked for when a set of values has a wrong one in it.
_WITH_SYSTEM = _search("//*[@codeSystem]")
_WITH_NULL = _search("//*[@nullFlavor]")
_WITH_UNIT = _search("//*[@unit]")
_WITH_LANGUAGE = _search("//h:languageCode[@code]")
_WITH_ANCHOR = _search("//*[@ID]")


def check_values(root: _Element) -> Found:
    """Every value that breaks a rule, in no particular order."""
    yield from _codes(root)
    yield from _of_set(root, NULL_UNKNOWN, _NULL, _WITH_NULL, "nullFlavor", lambda text: text in _NULLS)
    yield from _of_set(root, SYSTEM_FORM, _SYSTEMS, _WITH_SYSTEM, "codeSystem", syntax.is_oid)
    yield from _of_set(root, UNIT_FORM, _UNITS, _WITH_UNIT, "unit", syntax.is_unit)
    yield from _of_set(root, LANGUAGE_FORM, _LANGUAGES, _WITH_LANGUAGE, "code", syntax.is_language)
    yield from _types(root)
    yield from _times_and_numbers(root)
    yield from _ranges(root)
    yield from _identifiers(root)
    yield from _references(root)
    for element in _OLD_MEDICATION(root):
        yield NAMESPACE_OLD, element


def _of_set(
    root: _Element, rule: Rule, values: etree.XPath, holders: etree.XPath, name: str, right: Callable[[str], bool]
) -> Found:
    """Look at each different value once; look for who has it only when it is wrong."""
    wrong = {value for value in set(values(root)) if not right(value.strip())}
    if wrong:
        for element in holders(root):
            if element.get(name) in wrong:
                yield rule, element


def _codes(root: _Element) -> Found:
    for attribute in _CODES(root):
        element = attribute.getparent()
        keys = element.keys()
        if "nullFlavor" in keys:
            yield NULL_AND_CODE, element
        name = str(element.tag).rpartition("}")[2]
        if name in _CS:
            continue
        if "codeSystem" not in keys:
            yield SYSTEM_MISSING, element
        if "displayName" not in keys:
            yield DISPLAY_MISSING, element


def _types(root: _Element) -> Found:
    for element in _OBSERVED(root):
        declared = element.get(XSI_TYPE)
        if declared is None:
            if element.get("nullFlavor") is None:
                yield TYPE_MISSING, element
            continue
        kind = declared.strip().rpartition(":")[2]
        if kind not in _DATA_TYPES:
            yield TYPE_UNKNOWN, element
        elif kind == "PQ" and element.get("value") is not None and element.get("unit") is None:
            yield UNIT_MISSING, element


def _times_and_numbers(root: _Element) -> Found:
    # What has a unit is a number: each different one is looked at once.
    yield from _of_set(root, NUMBER_FORM, _NUMBERS, _WITH_NUMBER, "value", syntax.is_number)
    kind_of = _KINDS.get
    for value in _VALUED(root):
        element = value.getparent()
        kind = kind_of(element.tag, _OTHER)
        # Most values are right whatever they are: a date is a number too.
        if kind is _OTHER and _either(value):
            continue
        name = str(element.tag).rpartition("}")[2]
        if kind is _TELECOM:
            if ":" not in value:
                yield TELECOM_FORM, element
        elif kind is _TIME or _is_time(element, name):
            if syntax.instant(value.strip()) is None:
                yield TIME_FORM, element
        elif _is_number(element, name) and not syntax.is_number(value.strip()):
            yield NUMBER_FORM, element


@lru_cache(4096)
def _either(value: str) -> bool:
    """Right as a time and as a number."""
    return syntax.instant(value) is not None and syntax.is_number(value)


_TELECOM, _TIME, _OTHER = range(3)
_KINDS: dict[object, int] = {
    f"{{{NS_HL7}}}telecom": _TELECOM,
    **{f"{{{NS_HL7}}}{name}": _TIME for name in _TIMED},
}


def _is_time(element: _Element, name: str) -> bool:
    if name in _TIMED:
        return True
    around = element
    if name in _ENDS:
        parent = element.getparent()
        if parent is None:
            return False
        around, name = parent, str(parent.tag).rpartition("}")[2]
        if name in _TIMED:
            return True
    return name == "value" and _type(around) in _TIMED_TYPES


def _is_number(element: _Element, name: str) -> bool:
    if name in _QUANTITIES:
        return True
    around = element
    if name in _ENDS:
        parent = element.getparent()
        if parent is None:
            return False
        around, name = parent, str(parent.tag).rpartition("}")[2]
        if name in _QUANTITIES:
            return True
    return name == "value" and _type(around) in _NUMBERED_TYPES


def _type(element: _Element) -> str:
    declared = element.get(XSI_TYPE)
    return declared.strip().rpartition(":")[2] if declared else ""


_LOW = f"{{{NS_HL7}}}low"


def _ranges(root: _Element) -> Found:
    for high in _HIGH_ENDS(root):
        around = high.getparent()
        low = around.find(_LOW) if around is not None else None
        if around is None or low is None:
            continue
        first, last = low.get("value", "").strip(), high.get("value", "").strip()
        if not first or not last:
            continue
        if _is_time(low, "low"):
            if syntax.runs_backwards(first, last):
                yield TIME_ORDER, around
        elif (
            low.get("unit") == high.get("unit")
            and syntax.is_number(first)
            and syntax.is_number(last)
            and float(first) > float(last)
        ):
            yield NUMBER_ORDER, around


def _identifiers(root: _Element) -> Found:
    for element in _IDS(root):
        own = element.get("root")
        if own is None:
            if element.get("nullFlavor") is None:
                yield ID_ROOT, element
        elif not syntax.is_uid(own.strip()):
            yield ID_FORM, element
    seen: dict[tuple[str, str | None], _Element] = {}
    for element in _ENTRY_IDS(root):
        # One entry may repeat an id of its own; two entries may not share one.
        entry = element.getparent()
        first = seen.setdefault((element.get("root", ""), element.get("extension")), element)
        if first is not element and first.getparent() is not entry:
            yield ID_REPEATED, element


def _references(root: _Element) -> Found:
    anchors = _ANCHORS(root)
    known = set(anchors)
    if len(known) != len(anchors):
        seen: set[str] = set()
        for element in _WITH_ANCHOR(root):
            name = str(element.get("ID"))
            if name in seen:
                yield ANCHOR_REPEATED, element
            seen.add(name)
    for element in _REFERENCES(root):
        value = element.get("value", "").strip()
        if not value.startswith("#"):
            yield REFERENCE_OUTSIDE, element
        elif value[1:] not in known:
            yield REFERENCE_BROKEN, element
