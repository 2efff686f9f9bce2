"""The page is what it seems: valid HTML that every parser reads the same way, made of known elements and attributes.

html5lib follows the parsing rules of WHATWG HTML 13.2 and reports every departure from them.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import html5lib
import pytest
from lxml import etree

from ncp.semantics.display.view import Layout
from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from tests.shared import shared_files
from tests.support import pages, terminology
from tests.support.demo_summaries import demo_summaries
from tests.support.hostile_documents import V3, VECTORS, hostile_documents

ELEMENTS = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "section", "footer"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "span", "a", "ul", "ol", "li", "dl", "dt", "dd", "br"),
        *("b", "i", "u", "em", "strong", "small", "del", "ins", "sub", "sup"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary"),
    )
)
"""Nothing that runs, loads, embeds, sends or opens a window."""
EVERYWHERE = frozenset(("class", "id", "lang", "dir", "role", "title"))
ATTRIBUTES = {
    "meta": {"charset", "http-equiv", "content", "name"},
    "a": {"href"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
    "details": {"open"},
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_HTML = "{http://www.w3.org/1999/xhtml}"


def checked(page: bytes) -> etree._Element:
    """The tree of a page; fails for an error of syntax, and for what is not on the lists."""
    parser = html5lib.HTMLParser(html5lib.treebuilders.getTreeBuilder("lxml"))
    tree = parser.parse(page, transport_encoding="utf-8")
    assert parser.errors == []
    ids: Counter[str] = Counter()
    for element in tree.iter():
        assert isinstance(element.tag, str), "no comment, no instruction"
        name = element.tag.removeprefix(_HTML)
        assert name in ELEMENTS
        assert {*element.attrib} <= EVERYWHERE | ATTRIBUTES.get(name, set())
        ids.update(filter(None, [element.get("id")]))
        if language := element.get("lang"):
            assert _LANGUAGE.fullmatch(language)
    assert max(ids.values(), default=1) == 1
    for link in tree.iter(f"{_HTML}a"):
        assert (link.get("href") or "").startswith("#")
        assert (link.get("href") or "")[1:] in ids
    for meta in tree.iter(f"{_HTML}meta"):
        assert (meta.get("http-equiv") or "Content-Security-Policy") == "Content-Security-Policy"
    assert len([*tree.iter(f"{_HTML}style")]) == 1
    return tree.getroot() if hasattr(tree, "getroot") else tree


def words_of(root: etree._Element) -> str:
    return " ".join("".join(root.find(f"{_HTML}body").itertext()).split())


@pytest.mark.parametrize("language", ["fr-FR", "en"])
def test_the_pages_of_the_demonstration_are_valid(language: str) -> None:
    for each in demo_summaries():
        checked(pages.page(each.content, language))


@pytest.mark.parametrize("layout", Layout)
def test_every_layout_is_valid(layout: Layout) -> None:
    checked(pages.page(next(demo_summaries()).content, layout=layout))


SAMPLES = shared_files("samples/cda", "*.xml")


@pytest.mark.skipif(not SAMPLES, reason="shared/samples/cda is not beside the project (set NCP_SHARED to its folder)")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_pages_of_the_samples_are_valid(path: Path) -> None:
    checked(pages.page(path.read_bytes(), "fr-FR"))


@pytest.mark.attack
@pytest.mark.parametrize("name", ["words-0", "everything-1"])
def test_the_page_of_a_hostile_document_is_made_of_the_same_things(name: str) -> None:
    # html5lib takes its time: the shortest document of the demonstration, with everything added that one may have.
    shortest = min((each.content for each in demo_summaries() if each.level == "L3"), key=len)
    (hostile,) = (each for each in hostile_documents(shortest) if each.name == name)
    style = checked(pages.page(next(demo_summaries()).content)).find(f".//{_HTML}style").text
    root = checked(pages.page(hostile.content))
    assert root.find(f".//{_HTML}style").text == style
    assert "hostile" not in root.find(f".//{_HTML}title").text
    # Names of the document could take the place of the page's own (``id="alerts"``), or of a script's.
    for element in root.iter():
        for attribute in ("class", "id", "href", "role"):
            assert re.fullmatch(r"[#a-z0-9 _-]*", element.get(attribute) or ""), attribute


@pytest.mark.attack
def test_every_vector_can_be_read_as_what_it_is() -> None:
    """Nothing hidden: a vector in the narrative is read on the page as it was written, controls as their numbers."""
    document = etree.fromstring(next(demo_summaries()).content)
    text = next(document.iter(f"{{{V3}}}text"))
    for vector in VECTORS:
        etree.SubElement(text, f"{{{V3}}}paragraph").text = vector
    shown = words_of(checked(pages.page(etree.tostring(document, encoding="UTF-8"))))
    plain = [each for each in VECTORS if each.isascii()]
    assert len(plain) > 200
    assert [each for each in plain if " ".join(each.split()) not in shown] == []


@pytest.mark.attack
def test_turned_and_hidden_words_are_made_visible() -> None:
    document = etree.fromstring(next(demo_summaries()).content)
    text = next(document.iter(f"{{{V3}}}text"))
    controls = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff"
    etree.SubElement(text, f"{{{V3}}}paragraph").text = f"a{controls}b"
    shown = words_of(checked(pages.page(etree.tostring(document, encoding="UTF-8"))))
    assert not {*shown} & {*controls}
    assert all(f"{ord(each):04X}" in shown for each in controls)


@pytest.mark.attack
def test_names_of_an_imported_catalogue_are_text_too(tmp_path: Path) -> None:
    document = next(demo_summaries()).content
    coded = {
        (each.get("codeSystem"), each.get("code"))
        for each in etree.fromstring(document).iter("*")
        if each.get("codeSystem") and each.get("code")
    }
    content: list[rows.Row] = [rows.System(system, f"<script>{system}</script>") for system in {s for s, _ in coded}]
    for number, (system, code) in enumerate(sorted(coded)):
        content += [
            rows.Concept(system, code, "1"),
            rows.Designation(system, code, "fr-FR", VECTORS[number % len(VECTORS)]),
        ]
    folder = tmp_path / "releases"
    ReleaseFolder(folder).activate(terminology.build(folder, content).manifest.release)
    root = checked(pages.page(document, release=Catalogue(folder).current()))
    assert "ran(String(" in words_of(root)
