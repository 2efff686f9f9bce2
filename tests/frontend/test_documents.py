"""How documents are listed."""

from __future__ import annotations

from ncp.frontend.documents import TITLES, UNKNOWN_TITLE, paired
from tests.support.frontend import entry

PDF = "urn:ihe:iti:xds-sd:pdf:2008"


def listed(*entries: object) -> list[tuple[str, str | None]]:
    return [(one.unique_id, two.unique_id if two else None) for one, two in paired(entries)]  # type: ignore[arg-type]


def test_level_1_comes_directly_before_its_level_3_in_any_order() -> None:
    l3, other, l1 = entry("a", "b"), entry("c"), entry("b", "a", format_code=PDF)
    expected = [("b", "a"), ("a", "b"), ("c", None)]
    assert listed(l3, other, l1) == expected
    assert listed(l1, l3, other) == expected


def test_one_link_is_enough() -> None:
    assert listed(entry("a"), entry("b", "a", format_code=PDF.upper())) == [("b", "a"), ("a", "b")]


def test_links_to_oneself_or_to_nothing_are_dropped() -> None:
    assert listed(entry("a", "a"), entry("b", "nowhere")) == [("a", None), ("b", None)]


def test_a_third_one_that_names_a_pair_stands_alone() -> None:
    assert listed(entry("a", "b"), entry("b", "a", format_code=PDF), entry("c", "a")) == [
        ("b", "a"),
        ("a", "b"),
        ("c", None),
    ]


def test_no_entry_is_lost_or_listed_twice() -> None:
    ring = [entry("a", "b"), entry("b", "c"), entry("c", "a"), entry("d", "b")]
    assert sorted(one for one, _ in listed(*ring)) == ["a", "b", "c", "d"]


def test_titles_are_openncps() -> None:
    assert TITLES["60591-5"] == "Patient Summary"
    assert TITLES["57833-6"] == "ePrescription"
    assert TITLES["60593-1"] == "eDispensation"
    assert TITLES["56445-0"] == "MRO Summary"
    assert TITLES["34105-7"] == "OrCD Hospital Discharge Summary"
    assert TITLES["11502-2"] == "OrCD Laboratory Report"
    assert TITLES["18748-4"] == "OrCD Diagnostic Imaging Study"
    assert TITLES["x-clinical-image"] == "OrCD Medical Image"
    assert UNKNOWN_TITLE == "Unknown Document Type"
