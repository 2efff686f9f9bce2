"""A rendered page in parts: nothing of the summary is lost, its style is what the policy allows, others are refused."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from ncp.semantics.display.view import Layout
from ncp_client.embedding import Embedded, embedded
from tests.support.demo_summaries import Written, demo_summaries
from tests.support.pages import page

SUMMARIES = [each for each in demo_summaries() if b"nonXMLBody" not in each.content]
PAGE = (
    '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>t</title><style>.a{color:red}</style></head>'
    '<body class="both"><header><h1>N</h1></header><main><h2>Š</h2><p>x &lt;b&gt; &amp; y</p></main>'
    "<footer>f</footer></body></html>"
)


def words(markup: str) -> str:
    """What is read, without white space."""
    return "".join(html.fromstring(f"<div>{markup}</div>").text_content().split())


def part(content: bytes, name: str) -> str:
    found = re.search(rb"<%b\b[^>]*>.*</%b>" % (name.encode(), name.encode()), content, re.S)
    assert found is not None
    return found[0].decode("utf-8")


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("written", SUMMARIES, ids=lambda each: f"{each.name}-{each.level}")
def test_every_word_of_a_summary_is_in_its_parts(written: Written, layout: Layout) -> None:
    content = page(written.content, layout=layout)
    found = embedded(content)
    assert words(found.main) == words(part(content, "main")) != ""
    assert words(found.banner) == words(part(content, "header")) != ""
    assert found.banner.count("<h1") == 1 and "<h1" not in found.main
    ids = re.findall(r'\bid="([^"]*)"', found.banner + found.main + found.footer)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]*)"', found.banner + found.main):
        assert target in ids, "a link within the summary leads somewhere"


def test_the_style_is_what_the_policy_allows() -> None:
    found = embedded(page(SUMMARIES[0].content))
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert found.style_source == f"'sha256-{digest}'"
    assert found.style.encode() in page(SUMMARIES[0].content), "to the byte"
    assert "@import" not in found.style and "url(" not in found.style and "</" not in found.style


def test_parts_are_taken_as_they_are() -> None:
    found = embedded(PAGE.encode())
    assert found == Embedded(
        kind="both",
        style=".a{color:red}",
        banner="<header><h1>N</h1></header>",
        main="<h2>Š</h2><p>x &lt;b&gt; &amp; y</p>",
        footer="f",
    )
    assert "N" not in repr(found).replace("Embedded", "")


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT src=//evil.example></SCRIPT>",
    "<p onclick=alert(1)>x</p>",
    "<p ONMOUSEOVER='x'>x</p>",
    "<p style='color:red'>x</p>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='https://evil.example'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/logout'>x</a>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>1</script></svg>",
    "<math href='javascript:1'>x</math>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<form action='https://evil.example'><input name=csrf></form>",
    "<button formaction='https://evil.example'>x</button>",
    "<object data='x'></object>",
    "<embed src='x'>",
    "<base href='https://evil.example'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='//evil.example'>",
    "<style>*{display:none}</style>",
    "<template><script>1</script></template>",
    "<noscript><p title='</noscript><script>1</script>'></noscript>",
    "<!-- --!><script>1</script> -->",
    "<textarea></main><script>1</script></textarea>",
]


@pytest.mark.attack
@pytest.mark.parametrize("evil", HOSTILE)
@pytest.mark.parametrize("place", ["<p>x", "<h1>N", "f</footer>"])
def test_a_page_in_which_something_runs_loads_or_leads_away_is_refused(evil: str, place: str) -> None:
    with pytest.raises(ValueError):
        embedded(PAGE.replace(place, evil + place).encode())


@pytest.mark.attack
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"%PDF-1.7",
        b"<html></html>",
        b"<p>x</p>",
        PAGE.replace("<style>", "<style></style><style>").encode(),
        PAGE.replace("<main>", "<div>").replace("</main>", "</div>").encode(),
        PAGE.replace("<style>.a{color:red}</style>", "").encode(),
        b"\x00" * 1000,
        b"\xff\xfe" + PAGE.encode("utf-16-le"),
    ],
)
def test_what_is_no_page_of_the_gateway_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        embedded(content)


@pytest.mark.attack
@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PAGE) - 1), st.binary(max_size=12), st.integers(0, 12))
def test_a_spoilt_page_is_refused_or_harmless(at: int, put: bytes, gone: int) -> None:
    content = PAGE.encode()
    try:
        found = embedded(content[:at] + put + content[at + gone :])
    except ValueError:
        return
    whole = html.fromstring(f"<div>{found.banner}{found.main}{found.footer}</div>")
    for element in whole.iter():
        assert isinstance(element.tag, str) and element.tag not in ("script", "style", "iframe", "form", "img")
        assert not any(name.startswith("on") or name == "style" for name in element.attrib)


@pytest.mark.attack
def test_a_page_nested_deeply_is_read_or_refused() -> None:
    try:
        found = embedded(PAGE.replace("<p>x", "<div>" * 50_000 + "<p>x").encode())
    except ValueError:
        return
    assert "x" in found.main
