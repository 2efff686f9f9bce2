"""An accountant of clinical documents: knows XML and places, and nothing of how the reader works.

It walks the bytes on its own, and asks of every attribute, every text, every entry and every narrative that it stands
in the model at its place (or in what the model lists as not shown), each as often as the document has it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from lxml import etree

from ncp.semantics.model import Attachment, Narrative, NotShown, PatientSummary
from ncp.semantics.values import Coded, Datum

V3 = "{urn:hl7-org:v3}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

# How a document is built rather than what it says. Where one of these carries meaning, ``MEANT`` asks for it.
STRUCTURE = {
    *("classCode", "determinerCode", "contextControlCode", "contextConductionInd", "typeCode", "moodCode"),
    *("inversionInd", "ID", f"{XSI}type", f"{XSI}schemaLocation", "nullFlavor on templateId"),
}
STRUCTURAL_ELEMENTS = {"templateId", "typeId"}
OURS = ("urn:hl7-org:v3", "urn:hl7-org:pharm", "urn:epsos-org:ep:medication", "urn:hl7-org:sdtc", "")
"""Namespaces that places do not tell apart."""
STATEMENTS = {
    *("act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest"),
    *("substanceAdministration", "supply"),
}
MEANT = {
    ("entryRelationship", "typeCode"),
    ("entryRelationship", "inversionInd"),
    ("participant", "typeCode"),
    ("relatedDocument", "typeCode"),
    ("associatedEntity", "classCode"),
    ("ingredient", "classCode"),
    ("asSpecializedKind", "classCode"),
    *((name, "moodCode") for name in STATEMENTS),
}
FLAGS = {(name, value) for name in ("negationInd", "institutionSpecified") for value in ("true", "false")}


@dataclass
class Account:
    """What the accountant found."""

    entries: int = 0
    sections: int = 0
    coded: int = 0
    values: int = 0
    texts: int = 0
    missing: list[str] = field(default_factory=list)


def data_of(thing: object) -> Iterator[Datum]:
    """Every datum of a model, once."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple):
            waiting.extend(found)
        elif is_dataclass(found) and not isinstance(found, type) and id(found) not in seen:
            seen.add(id(found))
            if isinstance(found, Datum):
                yield found
            waiting.extend(getattr(found, one.name) for one in fields(found))


def strings_of(datum: Datum) -> Iterator[str]:
    for one in fields(datum):
        if one.name == "place":
            continue
        value = getattr(datum, one.name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, bool):
            yield f"{one.name}={value}"
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, str))


def account(content: bytes, summary: PatientSummary) -> Account:
    """Compare a document with what was made of it."""
    root = etree.fromstring(content.lstrip(), etree.XMLParser(huge_tree=True, remove_comments=True, remove_pis=True))
    result = Account()
    held: dict[str, Counter[str]] = defaultdict(Counter)
    not_shown: dict[str, Counter[str]] = defaultdict(Counter)
    narratives: dict[str, Narrative] = {}
    attachments: dict[str, Attachment] = {}
    codes: dict[str, Coded] = {}
    for datum in data_of(summary):
        if isinstance(datum, NotShown):
            not_shown[datum.place].update(squeeze(value) for _, value in datum.content)
        elif isinstance(datum, Narrative):
            narratives[datum.place] = datum
        elif isinstance(datum, Coded):
            codes[datum.place] = datum
        if isinstance(datum, Attachment):
            attachments[datum.place] = datum
        if not isinstance(datum, NotShown):
            held[datum.place].update(squeeze(text) for text in strings_of(datum))
    places: dict[str, Any] = {}
    for element, place in walk(root, ""):
        places[place] = element
        name = local(element)
        if name == "section":
            result.sections += 1
        if name == "entry":
            result.entries += 1
        if name in STRUCTURAL_ELEMENTS:
            continue
        if is_narrative(element):
            narrative = narratives.get(place)
            listed = next((where for where in lineage(place) if not_shown.get(where)), "")
            if narrative is None and listed:
                # In a part that is listed as a whole: then every text of it stands there.
                texts = (squeeze(text) for text in element.itertext())
                if any(text and text not in not_shown[listed] for text in texts):
                    result.missing.append(f"{place}: the listed narrative")
                continue
            if narrative is None or canonical(narrative.element) != canonical(element):
                result.missing.append(f"{place}: the narrative")
            continue
        if place in attachments:
            if squeeze("".join(attachments[place].element.itertext())) != squeeze("".join(element.itertext())):
                result.missing.append(f"{place}: the attachment")
            continue
        if element.get("code") is not None or element.get("codeSystem") is not None:
            result.coded += 1
        for key, value in element.attrib.items():
            if key in STRUCTURE and not is_meant(element, str(key)):
                continue
            result.values += 1
            if not take(held, not_shown, place, str(key), str(value)):
                result.missing.append(f"{place}/@{key}")
        for text in (element.text, *(child.tail for child in element)):
            if text and text.strip():
                result.texts += 1
                if not take(held, not_shown, place, "text()", text):
                    result.missing.append(f"{place}/text()")
    # The other way round: nothing is said that the document does not say.
    for place, code in codes.items():
        element = places.get(place)
        written = element is not None and all(
            (element.get(attribute) or "").strip() == said
            for attribute, said in (
                ("code", code.code),
                ("codeSystem", code.system),
                ("displayName", code.display),
                ("nullFlavor", code.null_flavor),
            )
        )
        if not written:
            result.missing.append(f"{place}: a code that the document does not have")
    return result


def take(held: dict[str, Counter[str]], not_shown: dict[str, Counter[str]], place: str, key: str, value: str) -> bool:
    """Find the value at its place, or up to two levels above; what is found is used up."""
    said = squeeze(value)
    if (key, value.strip()) in FLAGS:
        said = {"negationInd": "negated", "institutionSpecified": "times_per_period"}[key] + f"={value == 'true'}"
    if not said:
        return True
    # An attribute listed by itself first, so that it takes no equal value of its neighbours.
    exact = not_shown[f"{place}/{step(key)}"]
    if exact[squeeze(value)]:
        exact[squeeze(value)] -= 1
        return True
    where = place
    for _ in range(3):
        here = held[where]
        if here[said]:
            here[said] -= 1
            return True
        # A text between elements is one piece of a longer one.
        if key == "text()" and any(said in text for text in here):
            return True
        if not where:
            break
        where = where.rpartition("/")[0]
    where = f"{place}/{step(key)}"
    while where:
        if not_shown[where][squeeze(value)]:
            not_shown[where][squeeze(value)] -= 1
            return True
        # As above: what stands between elements is listed as one text.
        if key == "text()" and any(squeeze(value) in text for text in not_shown[where]):
            return True
        where = where.rpartition("/")[0]
    return False


def lineage(place: str) -> Iterator[str]:
    """The place and those round it, innermost first."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def is_meant(element: Any, key: str) -> bool:
    name, parent = local(element), element.getparent()
    # The inner one of two elements of that name only says that it is a material.
    return (name, key) in MEANT and (name != "ingredient" or local(parent) != "ingredient")


def walk(element: Any, place: str) -> Iterator[tuple[Any, str]]:
    """Every element with its place; not into narratives."""
    yield element, place
    if is_narrative(element):
        return
    numbers: Counter[str] = Counter()
    for child in element.iterchildren("*"):
        numbers[local(child)] += 1
        number = numbers[local(child)]
        step = local(child) if number == 1 else f"{local(child)}[{number}]"
        yield from walk(child, f"{place}/{step}" if place else step)


def is_narrative(element: Any) -> bool:
    parent = element.getparent()
    return local(element) == "text" and parent is not None and local(parent) == "section"


def step(key: str) -> str:
    """As places name an attribute or the text of an element: those of a foreign namespace are marked, as elements."""
    if key == "text()":
        return key
    namespace, _, name = key.rpartition("}")
    return f"@{name[:64]}" if namespace[1:] in OURS else f"@*{name[:64]}"


def local(element: Any) -> str:
    """As places name elements: those of a foreign namespace are marked."""
    name = etree.QName(element)
    return name.localname[:64] if (name.namespace or "") in OURS else f"*{name.localname[:64]}"


def squeeze(text: str) -> str:
    return " ".join(text.split())


def canonical(element: Any) -> bytes:
    try:
        return etree.tostring(element, method="c14n", with_comments=False, exclusive=True, with_tail=False)
    except etree.C14NError:
        # A relative namespace name has no canonical form; then the words have to be the same.
        return str(element.xpath("string()")).encode()
