"""The whole page: every entry of every document is on it, whatever is in the document."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.semantics.display import rows
from ncp.semantics.display.compose import compose
from ncp.semantics.display.page import policy
from ncp.semantics.display.view import Layout, Provenance, SectionView
from ncp.semantics.entries import Allergy, Condition, Medication
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.release import Release
from tests.shared import shared_files
from tests.support.demo_summaries import Written
from tests.support.summaries import (
    ATC,
    HEADER,
    ICD,
    SHOWN,
    Shown,
    allergy,
    code,
    document,
    medicine,
    names_of,
    page,
    problem,
    said,
    section,
    text,
)

SAMPLES = shared_files("samples/cda", "*.xml")
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "section", "footer", "h1", "h2", "h3"),
    *("h4", "div", "span", "a", "ul", "ol", "li", "dl", "dt", "dd", "br", "sub", "sup", "table", "caption", "thead"),
    *("tbody", "tfoot", "tr", "th", "td", "details", "summary"),
}
ATTRIBUTES = {"class", "id", "lang", "href", "open", "scope", "colspan", "rowspan", "role"}


def squeezed(words: str) -> str:
    return "".join(words.split())


@pytest.mark.parametrize("language", ["fr-FR", "en-GB"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_a_whole_page(path: Path, language: str, shipped: Release) -> None:
    content = path.read_bytes()
    summary = read_cda(content)
    shown = Shown(page(content, shipped, language))
    assert shown.errors == []
    # Every entry is on the page, one row at least.
    view = compose(summary, names_of(summary, shipped, language), Provenance(SHOWN))
    places = {entry.source.place for one in summary.all_sections() for entry in one.entries}
    entries = {re.match(r".*?/entry(\[\d+\])?(?=/|$)", place).group() for place in places}  # type: ignore[union-attr]
    written = {row.id.partition(".")[0] for one in sections(view.sections) for row in one.table.rows}
    assert len(written) == sum(len(one.entries) for one in summary.all_sections())
    root = etree.fromstring(content.lstrip(), etree.XMLParser(huge_tree=True))
    assert root.xpath("count(//*[local-name()='entry'])") == len(entries)
    # Every word of the narratives and every title is on it.
    words = squeezed(shown.words())
    for one in summary.all_sections():
        if one.title is not None:
            assert squeezed(one.title.text) in words
    # Nothing but what the page may be made of.
    for element in shown.root.iter():
        assert element.tag in TAGS, element.tag
        if element.tag != "meta":
            assert set(element.keys()) <= ATTRIBUTES
        assert (element.get("href") or "#").startswith("#")
    ids = [element.get("id") for element in shown.root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(element.get("href"))[1:] for element in shown.root.iter("a")}
    assert targets - {"alerts", "sections"} <= set(ids)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_plain_text_says_what_the_tables_say(path: Path, shipped: Release) -> None:
    content = path.read_bytes()
    plain = squeezed(text(content, shipped, details=True))
    for row in compose_rows(content, shipped):
        for cell in row.cells:
            for line in cell:
                for piece in line:
                    assert squeezed(piece.text) in plain or not piece.text.isprintable()


def compose_rows(content: bytes, release: Release) -> list[object]:
    summary = read_cda(content)
    view = compose(summary, names_of(summary, release, "fr-FR"), Provenance(SHOWN))
    return [row for one in sections(view.sections) for row in one.table.rows]


def sections(views: tuple[SectionView, ...]) -> list[SectionView]:
    found: list[SectionView] = []
    for one in views:
        found += [one, *sections(one.inside)]
    return found


_NAME = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
_MORE = st.lists(
    st.sampled_from(
        [
            said("66455-7", "refuted"),
            said("66455-7", "unconfirmed"),
            said("33999-4", "410516002", "REFR"),
            said("33999-4", "413322009", "REFR"),
            said("SEV", "24484000"),
            said("82606-5", "high"),
        ]
    ),
    max_size=3,
).map("".join)
_NEGATION = st.sampled_from(["", ' negationInd="true"', ' nullFlavor="UNK"'])
_SYSTEM = st.sampled_from([ICD, ATC, "1.2.3", "x"])
_STATUS = st.sampled_from(["active", "completed", "aborted", "suspended", "nonsense"])


@st.composite
def summaries(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A document with random entries, and what each of them is called in it."""
    called: list[str] = []

    def name() -> str:
        # Numbered, so that no name is found in the row of another one.
        called.append(f"Q{len(called)}Q{draw(_NAME)}")
        return called[-1]

    def coded(element: str, kind: str = "") -> str:
        words = name()
        if draw(st.booleans()):
            return code(element, "C1", draw(_SYSTEM), words, kind=kind)
        escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        inside = f"<originalText>{escaped}</originalText>"
        typed = f' xsi:type="{kind}"' if kind else ""
        return f'<{element}{typed} nullFlavor="OTH">{inside}</{element}>'

    allergies = [allergy(coded("code"), draw(_MORE), draw(_NEGATION)) for _ in range(draw(st.integers(0, 3)))]
    problems = [problem(coded("value", "CD"), draw(_MORE), draw(_NEGATION)) for _ in range(draw(st.integers(0, 3)))]
    medicines = [medicine(name(), status=draw(_STATUS)) for _ in range(draw(st.integers(0, 3)))]
    parts = [section("48765-2", *allergies), section("11450-4", *problems), section("10160-0", *medicines)]
    return document(*draw(st.permutations(parts))), called


@given(made=summaries())
@settings(max_examples=150, deadline=None)
def test_every_allergy_problem_and_medicine_is_on_the_page(made: tuple[bytes, list[str]], shipped: Release) -> None:
    content, called = made
    kinds = (Allergy, Condition, Medication)
    assert sum(isinstance(e, kinds) for s in read_cda(content).sections for e in s.entries) == len(called)
    for layout in Layout:
        shown = Shown(page(content, shipped, layout=layout))
        rows_shown = [squeezed(row) for row in shown.rows()]
        assert len(rows_shown) == len(called)
        left = list(rows_shown)
        for name in sorted(called, key=len, reverse=True):
            row = next(row for row in left if squeezed(" ".join(name.split())) in row)
            left.remove(row)


def test_an_entry_that_cannot_be_laid_out_is_shown_raw_and_the_rest_goes_on(
    shipped: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out = rows.Rows._condition

    def broken(self: rows.Rows, entry: Condition) -> rows.Drafts:
        if entry.problem is not None and entry.problem.display == "Krivo":
            raise RuntimeError("no layout")
        return lay_out(self, entry)

    monkeypatch.setattr(rows.Rows, "_condition", broken)
    wrong = problem(code("value", "1", "1.2.3", "Krivo", kind="CD"))
    right = problem(code("value", "2", "1.2.3", "Pravo", kind="CD"))
    shown = Shown(page(document(section("11450-4", wrong, right)), shipped))
    assert [("Affichage simplifié" in row, "Pravo" in row) for row in shown.rows()] == [(False, True), (True, False)]
    assert "Krivo" in shown.section()


def test_an_entry_of_an_unknown_kind_and_what_the_model_has_no_field_for_are_shown(shipped: Release) -> None:
    strange = (
        '<act><code code="1" codeSystem="1.2" displayName="Čudno"/><strange other="vrijednost">riječi</strange></act>'
    )
    unknown = section("99999-9", strange, text="Sasvim novo", title="Nova rubrika")
    shown = Shown(page(document(section("11450-4", strange), unknown), shipped)).words()
    for words in ("Čudno", "vrijednost", "riječi", "Sasvim novo", "Nova rubrika"):
        assert words in shown


def test_sections_inside_sections_stand_inside_them(shipped: Release) -> None:
    inner = f"<component>{section('99999-9', text='unutra', title='Podrubrika')}</component>"
    shown = Shown(page(document(section("11450-4", title="Rubrika", more=inner)), shipped))
    assert "unutra" in shown.section(1) and "Podrubrika" in shown.section(1)


def test_the_policy_of_the_page_names_its_own_style(shipped: Release) -> None:
    shown = Shown(page(document(section("11450-4")), shipped))
    (meta,) = [one for one in shown.root.iter("meta") if one.get("http-equiv")]
    assert meta.get("content") == policy()
    (style,) = shown.root.iter("style")
    digest = base64.b64encode(hashlib.sha256((style.text or "").encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy() and "unsafe" not in policy()


def test_the_demonstration_s_documents_are_all_translated(demo: list[Written], shipped: Release) -> None:
    for written in demo:
        if written.level != "L3":
            continue
        words = Shown(page(written.content, shipped)).words()
        assert "Tous les éléments codés sont traduits." in words, re.findall("[0-9]+ éléments? codés?[^.]*", words)


def test_an_older_last_update_says_how_old(shipped: Release) -> None:
    event = (
        "<documentationOf><serviceEvent><effectiveTime><high value='20240315'/></effectiveTime></serviceEvent>"
        "</documentationOf>"
    )
    shown = Shown(page(document(section("11450-4"), header=HEADER + event), shipped))
    assert "15/03/2024" in shown.words() and "il y a plus de 2 ans" in shown.words()
    assert "Dernière mise à jour Information indisponible" in Shown(page(document(section("11450-4")), shipped)).words()
