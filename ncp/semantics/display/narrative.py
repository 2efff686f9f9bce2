"""The narrative of a section as HTML: written anew from its grammar, never copied (HL7 CDA R2 4.3.5).

Every text of the narrative is in the result, in its order, whatever element it stands in. Nothing else of it survives
but spans of cells, languages, and styles from a fixed table. Where HTML would move a text (words between the rows of a
table), it gets a row or a cell of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.display.html import Html, Tag
from ncp.semantics.display.words import Words

SPAN_MAX = 1000
_STYLES = {
    **{name: name for name in ("bold", "italics", "underline", "emphasis", "lrule", "rrule", "toprule", "botrule")},
    "xmono": "mono",
}
_SCOPES = frozenset({"row", "col", "rowgroup", "colgroup"})
_ROW_GROUPS: dict[str, Tag] = {"thead": "thead", "tbody": "tbody", "tfoot": "tfoot"}
_CELLS: dict[str, Tag] = {"th": "th", "td": "td"}
_PLAIN: dict[str, tuple[Tag, str]] = {
    "paragraph": ("div", "p"),
    "content": ("span", ""),
    "sub": ("sub", ""),
    "sup": ("sup", ""),
    "footnote": ("span", "footnote"),
    "footnoteRef": ("sup", ""),
    "caption": ("div", "caption"),
    "title": ("div", "caption"),
    "item": ("div", "p"),
    # Parts of a table without their table.
    **dict.fromkeys(("thead", "tbody", "tfoot", "tr", "th", "td"), ("div", "")),
}

_Inside = Callable[[_Element], None]

_ALL_TEXT = etree.XPath("string()")
"""``itertext`` of lxml takes the square of the number of comments in a row."""


class Narratives:
    """The narratives of one page. ``anchors`` gives the elements that rows point to a new id, by their ``ID``."""

    def __init__(self, html: Html, words: Words, anchors: Mapping[str, str]) -> None:
        self._html = html
        self._words = words.narrative
        self._anchors = dict(anchors)
        self._names: dict[object, str] = {}

    def write(self, text: _Element, language: str) -> None:
        """A ``text`` element, where flow content may stand."""
        self._wrap("div", "narrative", text, self._flow, language)

    def _name(self, element: _Element) -> str:
        tag = element.tag
        known = self._names.get(tag)
        if known is None:
            known = self._names[tag] = str(tag).rpartition("}")[2]
        return known

    def _flow(self, element: _Element) -> None:
        if element.text:
            self._html.text(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self._child(child)
            if child.tail:
                self._html.text(child.tail)

    def _child(self, child: _Element) -> None:
        name = self._name(child)
        if name == "table":
            self._table(child)
        elif name == "list":
            self._wrap("ol" if child.get("listType") == "ordered" else "ul", "", child, self._items)
        elif name == "br":
            self._html.line_break()
            self._flow(child)
        elif name == "renderMultiMedia":
            self._wrap("span", "medium", child, self._medium)
        elif name == "linkHtml":
            self._wrap("span", "link", child, self._address)
        else:
            tag, kind = _PLAIN.get(name, ("span", ""))
            self._wrap(tag, kind, child, self._flow)

    def _medium(self, element: _Element) -> None:
        self._flow(element)
        self._html.text(f" [{self._words['image']}]")

    def _address(self, element: _Element) -> None:
        """What a link says, and where it would lead: as text."""
        self._flow(element)
        address = (element.get("href") or "").strip()
        if address and address not in str(_ALL_TEXT(element)):
            self._html.text(f" [{self._words['link']}: {address}]")

    def _wrap(self, tag: Tag, kind: str, element: _Element, inside: _Inside, language: str = "") -> None:
        """An element around what ``inside`` writes of it: class, language, anchor, revision; spans of a cell."""
        html = self._html
        if not element.keys():
            html.open(tag, kind, language)
            inside(element)
            html.close(tag)
            return
        get = element.get
        attributes: dict[str, str] = {}
        name = get("ID")
        # Once each: the first one wins where an ID stands twice.
        if name and (anchor := self._anchors.pop(name, "")):
            attributes["id"] = anchor
        if tag in ("td", "th"):
            attributes.update(_spans(element, tag))
        if styles := get("styleCode"):
            # Each style once: a document that repeats one a million times would be written a million times longer.
            named = (style for style in dict.fromkeys(styles.lower().split()) if style in _STYLES)
            kind = " ".join(filter(None, (kind, *(_STYLES[style] for style in named))))
        revised = get("revised")
        if revised in ("delete", "insert"):
            kind = f"{kind} revised-{revised}".strip()
        html.open(tag, kind, get("language") or language, **attributes)
        if revised in ("delete", "insert") and tag in ("span", "div", "td", "th", "li", "caption", "sub", "sup"):
            html.element("span", f"[{self._words[revised]}] ", "revision")
        inside(element)
        html.close(tag)

    # Lists and tables: only what may stand there, the rest gets a place of its own

    def _items(self, element: _Element) -> None:
        for text, child in _pieces(element):
            if child is None:
                if _has_words(text):
                    self._html.element("li", text)
            elif self._name(child) == "item":
                self._wrap("li", "", child, self._flow)
            else:
                self._html.open("li")
                self._child(child)
                self._html.close("li")

    def _table(self, element: _Element) -> None:
        self._wrap("table", "", element, self._parts)

    def _parts(self, table: _Element) -> None:
        html = self._html
        first, in_body = True, False
        for text, child in _pieces(table):
            if child is None and not _has_words(text):
                continue
            name = self._name(child) if child is not None else ""
            if child is not None and name == "caption" and first:
                # The caption goes first in HTML: only one that is first may be one.
                self._wrap("caption", "", child, self._flow)
                first = False
                continue
            if name in ("col", "colgroup") and not (child is not None and _has_words(str(_ALL_TEXT(child)))):
                continue
            first = False
            if child is not None and (group := _ROW_GROUPS.get(name)):
                if in_body:
                    html.close("tbody")
                    in_body = False
                self._wrap(group, "", child, self._rows)
                continue
            if not in_body:
                html.open("tbody")
                in_body = True
            self._row(text, child, name)
        if in_body:
            html.close("tbody")

    def _rows(self, group: _Element) -> None:
        for text, child in _pieces(group):
            if child is not None or _has_words(text):
                self._row(text, child, self._name(child) if child is not None else "")

    def _row(self, text: str, child: _Element | None, name: str) -> None:
        """A row; of anything else, a row with one cell."""
        if child is not None and name == "tr":
            self._wrap("tr", "", child, self._cells)
            return
        self._html.open("tr")
        self._lone(text, child)
        self._html.close("tr")

    def _cells(self, row: _Element) -> None:
        for text, child in _pieces(row):
            if child is not None and (cell := _CELLS.get(self._name(child))):
                self._wrap(cell, "", child, self._flow)
            elif child is not None or _has_words(text):
                self._lone(text, child)

    def _lone(self, text: str, child: _Element | None) -> None:
        self._html.open("td")
        if child is None:
            self._html.text(text)
        else:
            self._child(child)
        self._html.close("td")


def _pieces(element: _Element) -> Iterator[tuple[str, _Element | None]]:
    """Texts and child elements in their order."""
    if element.text:
        yield element.text, None
    for child in element:
        if isinstance(child.tag, str):
            yield "", child
        if child.tail:
            yield child.tail, None


def _has_words(text: str | None) -> bool:
    return bool(text) and not str(text).isspace()


def _spans(element: _Element, tag: Tag) -> Iterator[tuple[str, str]]:
    """``colspan``, ``rowspan`` and ``scope``, when they are what they must be."""
    for name in ("colspan", "rowspan"):
        value = (element.get(name) or "").strip()
        if value.isascii() and value.isdigit() and 1 < int(value[:5]) <= SPAN_MAX:
            yield name, str(int(value[:5]))
    scope = element.get("scope")
    if scope in _SCOPES and tag == "th":
        yield "scope", scope
