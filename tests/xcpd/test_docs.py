"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.xcpd import MBO
from xcpd import masks, outcomes
from xcpd.outcomes import ANY_OTHER, OUTCOMES, Outcome, place_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "iti-55.md").read_text()


def documented(row: Outcome) -> list[str]:
    return [
        str(row.number),
        row.condition,
        ", ".join(f"`{reason}`" for reason in row.reasons) or "–",
        f"{row.reason.value} ({place_of(row.reason)})",
        str(row.code) if row.code else ", ".join(row.codes),
        f"{row.acknowledgement.value} / {row.query_response.value}",
        row.tell,
    ]


def test_the_table_of_outcomes_is_the_one_in_the_code() -> None:
    table = PAGE.split("<!-- outcomes -->")[1].split("<!-- /outcomes -->")[0].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    assert rows == [documented(row) for row in (*OUTCOMES, ANY_OTHER)]


def test_every_internal_reason_of_the_module_is_in_the_table() -> None:
    constants = {
        value
        for name, value in vars(outcomes).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", value)
    }
    assert constants <= {reason for row in OUTCOMES for reason in row.reasons}
    assert all(f"`{constant}`" in PAGE for constant in constants)


def test_every_warning_about_a_mask_is_explained() -> None:
    source = "".join(Path(str(masks.__file__)).with_name(name).read_text() for name in ("masks.py", "mask_formats.py"))
    raised = set(re.findall(r'"((?:format|field|scope|validation|access_code)\.[a-z_]+)"', source))
    page = (DOCS / "search-masks.md").read_text()
    assert {warning for warning in raised if f"`{warning}" not in page} == set()
    assert len(raised) >= 8
    assert MBO in page
