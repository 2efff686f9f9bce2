"""Pages of documents that hold very many of one thing take time in proportion to their number."""

from __future__ import annotations

import pytest

from ncp.semantics.terminology.release import Release
from tests.support.proportion import assert_in_proportion
from tests.support.summaries import document, page, problem, section

pytestmark = pytest.mark.attack

MANY_TRANSLATIONS = "<translation code='1' codeSystem='2.3' displayName='x'/>"
MANY_COMMENTS = "<!---->y "

FLOODS = {
    "translations of one code": (
        lambda much: section("11450-4", problem(f"<value code='a'>{much}</value>")),
        MANY_TRANSLATIONS,
    ),
    "comments in a link": (
        lambda much: section("11450-4", text=f"<linkHtml href='x:y'>{much}</linkHtml>"),
        MANY_COMMENTS,
    ),
    "comments in a column": (lambda much: section("11450-4", text=f"<table><col>{much}</col></table>"), MANY_COMMENTS),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_page_takes_time_in_proportion(kind: str, empty: Release) -> None:
    around, one = FLOODS[kind]
    assert_in_proportion(lambda count: page(document(around(one * count)), empty), 8_000)
