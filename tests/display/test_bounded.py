"""Pages of documents that hold very many of one thing take time in proportion to their number."""

from __future__ import annotations

import time

import pytest

from ncp.semantics.terminology.release import Release
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

    def seconds(count: int) -> float:
        content = document(around(one * count))
        times = []
        for _ in range(2):
            begun = time.process_time()
            page(content, empty)
            times.append(time.process_time() - begun)
        return min(times)

    # Four times as many: about four times as long, where a square would take sixteen times.
    assert seconds(32_000) < 9 * seconds(8_000) + 0.1
