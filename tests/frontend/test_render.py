"""Documents for display: nothing of them but their words."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.frontend import render
from ncp.wire.errors import DocumentError
from tests.shared import shared_files

SECTION = (
    "<component><section><code code='48765-2'/><title>Allergies &amp; more</title><text>{}</text></section></component>"
)
CDA = (
    "<ClinicalDocument xmlns='urn:hl7-org:v3'><title>Sažetak &lt;b&gt;</title><languageCode code='hr-HR'/>"
    "<effectiveTime value='20200319101500+0100'/><recordTarget><patientRole><id root='1.2' extension='157'/>"
    "<patient><name><given>Ana</given><given>Marija</given><family>Novak</family></name>"
    "<administrativeGenderCode code='F'/><birthTime value='19850319'/></patient></patientRole></recordTarget>"
    "<component><structuredBody>{}</structuredBody></component></ClinicalDocument>"
)
ALLOWED = frozenset(
    (
        *("html", "head", "meta", "title", "body", "header", "h1", "h2", "h3", "h4", "h5", "h6", "main"),
        *("dl", "dt", "dd", "section", "div", "p", "span", "ul", "ol", "li", "br", "sub", "sup", "small"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "b", "i", "u", "em", "del", "ins"),
    )
)
ALLOWED_ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "colspan", "rowspan", "scope"}


class Page(HTMLParser):
    """Tags, attributes and words of a page; refuses what is not on the list."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert {name for name, _ in attrs} <= ALLOWED_ATTRIBUTES
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def page(narrative: str, language: str = "en") -> Page:
    return Page(render.original(CDA.format(SECTION.format(narrative)).encode(), language))


def test_the_header_tells_who_and_when() -> None:
    words = " ".join(page("x", "fr-FR").words)
    for expected in ("Ana Marija Novak", "157", "Féminin", "1985-03-19", "2020-03-19", "Information indisponible"):
        assert expected in words
    assert "Sažetak <b>" in words


def test_narrative_keeps_its_shape() -> None:
    shown = page(
        "<table><thead><tr><th scope='col'>What</th></tr></thead><tbody><tr><td colspan='2'>Peanut</td></tr></tbody>"
        "</table><list listType='ordered'><item>one</item></list><paragraph>a<br/>b <content styleCode='Bold'>c"
        "</content></paragraph>"
    )
    tags = [tag for tag, _ in shown.tags]
    for expected in ("table", "thead", "th", "td", "ol", "li", "p", "br", "b"):
        assert expected in tags
    assert ("td", {"colspan": "2"}) in shown.tags
    assert ("th", {"scope": "col"}) in shown.tags


@pytest.mark.parametrize(
    "narrative",
    [
        "<script>alert(1)</script>",
        "<paragraph onclick='alert(1)' style='x' class='y' ID='z'>a</paragraph>",
        "<linkHtml href='javascript:alert(1)'>here</linkHtml>",
        "<renderMultiMedia referencedObject='m'/>",
        "<h:iframe xmlns:h='http://www.w3.org/1999/xhtml' src='http://evil.example'/>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<td colspan='1&quot; onclick=&quot;x' rowspan='-1' scope='&gt;'>a</td>",
        "<img src='x' onerror='alert(1)'/>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>",
        "<list><caption>c</caption><item>i</item></list>",
    ],
)
def test_nothing_but_words_and_listed_elements_comes_through(narrative: str) -> None:
    shown = page(narrative)
    assert not any("src" in attributes or "href" in attributes for _, attributes in shown.tags)


def test_no_word_is_lost() -> None:
    words = page(
        "first<!-- no --><unknown a='1'>second<deep>third</deep></unknown>fourth<?x y?>fifth"
        "<content revised='delete'>sixth</content><linkHtml href='http://example.org/'>seventh</linkHtml>"
    ).words
    for word in ("first", "second", "third", "sixth", "seventh", "(http://example.org/)"):
        assert any(word in each for each in words), word
    assert "fourthfifth" in "".join(words)
    assert "no" not in words


def test_an_empty_section_says_so() -> None:
    assert "No text in this section" in " ".join(page("").words)


@pytest.mark.parametrize("path", shared_files("samples/cda", "*.xml"), ids=lambda path: path.name)
def test_every_word_of_every_sample_narrative_is_shown(path: Path) -> None:
    content = path.read_bytes()
    root = etree.fromstring(content)
    hl7 = {"h": "urn:hl7-org:v3"}
    if not root.xpath("h:component/h:structuredBody", namespaces=hl7):
        pytest.skip("level 1: has no coded body")
    shown = "".join(Page(render.original(content, "fr")).words)
    for text in root.xpath("//h:section/h:text", namespaces=hl7):
        etree.strip_tags(text, etree.Comment, etree.ProcessingInstruction)
        for part in text.itertext():
            assert "".join(part.split()) in shown


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.4", b"<a/>", b"<!DOCTYPE a><a/>", b"\xff\xfe", b"<ClinicalDocument/>"]
)
def test_what_is_no_clinical_document_is_a_declared_error(content: bytes) -> None:
    with pytest.raises(DocumentError):
        render.original(content, "en")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_give_a_safe_page_or_a_declared_error(data: st.DataObject) -> None:
    message = bytearray(CDA.format(SECTION.format("<table><tr><td>a</td></tr></table>")).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=5))
    with contextlib.suppress(DocumentError):
        Page(render.original(bytes(message), "en"))


def test_a_style_that_is_repeated_a_million_times_is_written_once() -> None:
    shown = page("<content styleCode='" + "Bold " * 1_000_000 + "xBold Italics'>x</content>")
    assert [tag for tag, _ in shown.tags].count("b") == [tag for tag, _ in shown.tags].count("i") == 1


def test_a_coded_document_too_large_for_a_page_is_a_declared_error() -> None:
    with pytest.raises(DocumentError, match=r"xml\.too_large"):
        page("x" * (20 * 1024 * 1024))
