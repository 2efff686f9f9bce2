"""Walking a CDA so that nothing is passed over: whatever no reader takes is listed.

Readers ask ``Reading.parts`` for the children of an element and take each by name; the element's attributes that they
do not name, text where none belongs and children that they leave are noted as ``NotShown`` with all their content.
Every document is read here while somebody waits: what lxml makes anew at each question is asked for once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.model import NotShown
from ncp.semantics.values import Place
from ncp.wire.errors import Code, DocumentError
from ncp.wire.xml import NS_HL7, NS_XSI

NS_PHARM = "urn:hl7-org:pharm"
"""Medication extension of Wave 6 and later."""
NS_EPSOS = "urn:epsos-org:ep:medication"
"""Medication extension up to Wave 5."""
NS_SDTC = "urn:hl7-org:sdtc"
"""HL7 extensions of the Structured Documents work group."""

XSI_TYPE = f"{{{NS_XSI}}}type"

STRUCTURAL = frozenset(
    {
        *("typeCode", "classCode", "determinerCode", "contextControlCode", "contextConductionInd", "inversionInd"),
        *("moodCode", "ID"),
        XSI_TYPE,
        f"{{{NS_XSI}}}schemaLocation",
        f"{{{NS_XSI}}}noNamespaceSchemaLocation",
    }
)
"""Attributes that say how the document is built. Where one carries meaning, its reader takes it."""


def known(*names: str) -> frozenset[str]:
    """The attributes that a reader takes, and those that say how the document is built."""
    return STRUCTURAL.union(names)


MAX_NESTING = 16
"""Statements inside statements; the deepest sample has four."""

_RESOLVED_MAX = 20_000_000
"""Characters of narrative that references may name in all: every reference of a real document together names a fraction
of its narrative, while a few bytes could ask for the same megabyte again and again."""

_NAME_MAX = 64
_IDENTITIES = frozenset({"templateId", "typeId"})
_BLOCKS = frozenset(
    "paragraph list item caption table thead tbody tfoot tr th td br footnote title".split()  # noqa: SIM905
)

Child = tuple[str, _Element, Place]
"""Local name, element, place. Elements of a foreign namespace have a name that no reader knows."""


class Reading:
    """The state of reading one document."""

    def __init__(self, root: _Element) -> None:
        self.not_shown: list[NotShown] = []
        self._root = root
        self._names: dict[object, str] = {}
        self._ids: dict[str, Any] | None = None
        self._texts: dict[str, str] = {}
        self._resolved = 0
        self.nesting = 0

    # Places and children

    def parts(self, element: _Element, place: Place, known: frozenset[str] = STRUCTURAL) -> list[Child]:
        """The child elements; unknown attributes and text between the children are noted."""
        self.attributes(element, place, known)
        return self.inside(element, place)

    def said(self, element: _Element, place: Place, known: frozenset[str]) -> dict[str, str]:
        """The attributes, trimmed; unknown ones are noted. Asking for all at once is cheaper than for each."""
        said = {}
        for key, value in element.items():
            said[key] = value.strip()
        if not known.issuperset(said):
            self.attributes(element, place, known)
        return said

    def inside(self, element: _Element, place: Place) -> list[Child]:
        """The child elements; text between them is noted."""
        found: list[Child] = []
        stray: list[str] | None = None
        text = element.text
        if text is not None and not text.isspace():
            stray = [text]
        if len(element):
            # A slice costs a third of iterating over the element.
            nodes = element[:]
            found = self._named(nodes, place)
            for child in found:
                # Read by its attributes alone, everywhere.
                if child[0] in _IDENTITIES and (len(child[1]) or child[1].text):
                    self.skip(child)
            for node in nodes:
                tail = node.tail
                if tail is not None and not tail.isspace():
                    stray = stray or []
                    stray.append(tail)
        if stray:
            self._stray(stray, place)
        return found

    def _stray(self, pieces: list[str], place: Place) -> None:
        words = "".join(pieces).strip()
        if words:
            self.not_shown.append(NotShown(Place(f"{place}/text()"), "text", (("text()", words),)))

    def mixed(self, element: _Element, place: Place) -> list[Child]:
        """The child elements of mixed content; its text and its attributes are the reader's."""
        return self._named(element[:], place)

    def _named(self, nodes: list[_Element], place: Place) -> list[Child]:
        names = self._names
        counts: dict[str, int] = {}
        prefix = f"{place}/" if place else ""
        # Any for the places: calling ``Place`` for each of them does nothing but take time.
        found: list[Any] = []
        for node in nodes:
            tag = node.tag
            try:
                name = names[tag]
            except KeyError:
                if not isinstance(tag, str):
                    # A comment or a processing instruction.
                    continue
                name = names[tag] = step_name(tag)
            if name in counts:
                number = counts[name] = counts[name] + 1
                found.append((name, node, f"{prefix}{name}[{number}]"))
            else:
                counts[name] = 1
                found.append((name, node, prefix + name))
        return found

    def attributes(self, element: _Element, place: Place, known: frozenset[str]) -> None:
        """Note the attributes that no reader takes."""
        keys = element.keys()
        if not keys or known.issuperset(keys):
            return
        for key, value in element.items():
            if key not in known:
                name = step_name(str(key))
                self.not_shown.append(NotShown(Place(f"{place}/@{name}"), f"@{name}", ((f"@{name}", str(value)),)))

    def leaf(self, element: _Element, place: Place, known: frozenset[str]) -> dict[str, str]:
        """The attributes of an element of which nothing else is taken, trimmed."""
        said = self.said(element, place, known)
        if len(element) or element.text:
            for child in self.inside(element, place):
                self.skip(child)
        return said

    def skip(self, child: Child) -> None:
        """Note a child that nobody takes, with all that is in it."""
        name, element, place = child
        self.not_shown.append(NotShown(place, name, tuple(_content(element))))

    def mark(self, element: _Element, place: Place, attribute: str) -> None:
        """Note an attribute that a reader knows and cannot make sense of."""
        value = element.get(attribute)
        if value is not None:
            self.not_shown.append(NotShown(Place(f"{place}/@{attribute}"), f"@{attribute}", ((attribute, str(value)),)))

    # The narrative

    def referred(self, reference: str) -> str:
        """The words of the narrative that ``#id`` names; empty for a reference that leads nowhere or outside."""
        if not reference.startswith("#"):
            return ""
        name = reference[1:]
        known = self._texts.get(name)
        if known is None:
            element = self._element(name)
            known = self._texts[name] = "" if element is None else spoken(element, self._limit())
            self._resolved += len(known)
        return known

    def _limit(self) -> int:
        left = _RESOLVED_MAX - self._resolved
        if left <= 0:
            raise refused("document.references")
        return left

    def _element(self, name: str) -> _Element | None:
        if self._ids is None:
            # The first one wins where an ID stands twice.
            self._ids = {}
            for found in _IDS(self._root):
                self._ids.setdefault(str(found), found)
        identity = self._ids.get(name)
        return None if identity is None else identity.getparent()


_IDS = etree.XPath("//*/@ID")
"""The attributes, each of which knows its element: to ask for the elements by a condition costs three times as much."""


def refused(reason: str) -> DocumentError:
    """The document is not shown at all."""
    return DocumentError(Code.HQI_GENERIC, reason, message="The document cannot be read.")


def spoken(element: _Element, limit: int = _RESOLVED_MAX) -> str:
    """The words of a piece of narrative in one line: cells and paragraphs apart, white space collapsed.

    What a revision took out stands between ``[-`` and ``-]``: it must not be read as said (HL7 CDA R2 4.3.5.2).
    Raises ``DocumentError`` (``document.references``) above ``limit`` characters.
    """
    if not len(element) and element.get("revised") != "delete":
        words = element.text or ""
        if len(words) > limit:
            raise refused("document.references")
        return " ".join(words.split())
    pieces: list[str] = []
    size = 0
    # What is still to be said, the next one last; None is the end of a block. (``iterwalk`` and ``itertext`` of lxml
    # take the square of the number of comments that follow each other.)
    waiting: list[_Element | str | None] = [element]
    while waiting:
        one = waiting.pop()
        if one is None:
            pieces.append(" ")
        elif isinstance(one, str):
            pieces.append(one)
            size += len(one)
            if size > limit:
                raise refused("document.references")
        elif isinstance(one.tag, str):
            if one.get("revised") == "delete":
                pieces.append(" [-")
                waiting.append("-] ")
            if one.tag.rpartition("}")[2] in _BLOCKS:
                pieces.append(" ")
                waiting.append(None)
            for node in reversed(one[:]):
                waiting += (node.tail, node) if node.tail else (node,)
            if one.text:
                waiting.append(one.text)
    return " ".join("".join(pieces).split())


def step_name(tag: str) -> str:
    """The name of an element or attribute in a place."""
    namespace, _, local = tag.rpartition("}")
    if namespace[1:] in ("", NS_HL7, NS_PHARM, NS_EPSOS, NS_SDTC):
        return local[:_NAME_MAX]
    # A name no reader knows; the same for each prefix that the document may choose.
    return f"*{local[:_NAME_MAX]}"


def _content(element: _Element) -> Iterable[tuple[str, str]]:
    """Every attribute and text of a subtree, as (where, what)."""
    waiting: list[_Element | tuple[str, str]] = [element]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            yield one
        elif isinstance(one.tag, str):
            name = step_name(one.tag)
            for key, value in one.items():
                yield f"{name}/@{step_name(str(key))}", str(value)
            if one.text and not one.text.isspace():
                yield name, one.text.strip()
            for node in reversed(one[:]):
                if node.tail and not node.tail.isspace():
                    waiting.append((name, node.tail.strip()))
                waiting.append(node)
