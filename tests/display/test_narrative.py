"""The narrative as HTML: all its words, in their order, as a browser's parser reads them; none of its markup."""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.semantics.display.html import Html
from ncp.semantics.display.narrative import Narratives
from ncp.semantics.display.words import words_for
from ncp.semantics.read_cda import read_cda
from tests.shared import shared_files

V3 = "urn:hl7-org:v3"
ADDED = ("[supprimé] ", "[ajouté] ", " [image non affichée]")
NAMES = (
    *("paragraph", "content", "list", "item", "caption", "table", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("col", "colgroup", "br", "sub", "sup", "footnote", "footnoteRef", "renderMultiMedia", "unknown", "title"),
    # Names that HTML gives a meaning of its own.
    *("script", "style", "textarea", "svg", "math", "plaintext", "select", "option", "a", "p", "li", "b"),
)


def html_of(text: etree._Element) -> bytes:
    html = Html()
    html.open("html")
    html.open("body")
    Narratives(html, words_for("fr"), {}).write(text, "hr-HR")
    html.close("body")
    html.close("html")
    return html.bytes()


def squeezed(text: str) -> str:
    return "".join(text.split())


def shown(html: bytes) -> str:
    """The words as a browser reads them, those of the page itself taken out."""
    root = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False, transport_encoding="utf-8")
    words = squeezed("".join(root.find("body").itertext()))
    for own in ADDED:
        words = words.replace(squeezed(own), "")
    return words


def words_in(text: etree._Element) -> str:
    return squeezed("".join(text.xpath("descendant::text()")))


@pytest.mark.parametrize("path", shared_files("samples/cda", "*.xml"), ids=lambda path: path.name)
def test_all_words_of_every_narrative_of_the_samples(path: Path) -> None:
    for section in read_cda(path.read_bytes()).all_sections():
        if section.narrative is not None:
            element = section.narrative.element
            assert shown(html_of(element)) == words_in(element)


_WORD = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="[]"), min_size=1, max_size=6)


def _element(name: str, pieces: list[object], attributes: dict[str, str]) -> etree._Element:
    made = etree.Element(f"{{{V3}}}{name}", attributes)
    for piece in pieces:
        if isinstance(piece, str):
            if len(made):
                made[-1].tail = (made[-1].tail or "") + piece
            else:
                made.text = (made.text or "") + piece
        else:
            made.append(piece)
    return made


_ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["ID", "styleCode", "language", "colspan", "rowspan", "scope", "onclick", "style", "href", "revised"]
    ),
    st.one_of(st.sampled_from(["delete", "insert", "2", "Bold Italics", "row", "hr-HR"]), _WORD),
    max_size=3,
)
TREES = st.recursive(
    _WORD,
    lambda inside: st.builds(_element, st.sampled_from(NAMES), st.lists(inside, max_size=5), _ATTRIBUTES),
    max_leaves=25,
)


@given(st.lists(TREES, max_size=6))
@settings(max_examples=300, deadline=None)
def test_all_words_of_any_tree_in_their_order(pieces: list[object]) -> None:
    """Also where a browser would move them: between rows, after a caption, in lists."""
    text = etree.fromstring(etree.tostring(_element("text", pieces, {})))
    html = html_of(text)
    assert shown(html) == words_in(text)
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    parser.parse(b"<!DOCTYPE html>" + html.split(b"\n", 1)[1], transport_encoding="utf-8")
    assert [error for _, error, _ in parser.errors] == []


@pytest.mark.attack
def test_a_style_repeated_a_million_times_is_written_once() -> None:
    text = etree.fromstring(f'<text xmlns="{V3}"><content styleCode="{"Bold " * 300_000}">x</content></text>')
    assert len(html_of(text)) < 500


def test_styles_come_from_a_fixed_table_whatever_their_case() -> None:
    written = '<content styleCode="BOLD border-bottom:2px italics &quot;onclick=1">x</content>'
    html = html_of(etree.fromstring(f'<text xmlns="{V3}">{written}</text>')).decode()
    assert '<span class="bold italics">x</span>' in html and "onclick" not in html and "2px" not in html


@pytest.mark.parametrize("language", ["hr-HR", "fr"])
def test_the_language_of_a_piece_is_kept(language: str) -> None:
    html = html_of(etree.fromstring(f'<text xmlns="{V3}"><content language="{language}">x</content></text>')).decode()
    assert f'<span lang="{language}">x</span>' in html


@pytest.mark.attack
def test_controls_that_turn_words_round_are_visible() -> None:
    text = etree.fromstring(f'<text xmlns="{V3}">dose \u202e05\u202c mg\u200b</text>')
    assert "dose [U+202E]05[U+202C] mg[U+200B]" in html_of(text).decode()
