"""How values are written: examples of UCUM 2.1 and of HL7 v3 data types R1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.semantics.validation import syntax


@pytest.mark.parametrize(
    "unit",
    ["mg", "1", "%", "mm[Hg]", "10*9/L", "/min", "{tablet}", "{cigarettes}/d", "ug/(24.h)", "kg/m2", "[iU]/mL", "m/s2",
     "mL/min/{1.73_m2}", "Cel", "cm[H2O]", "mol/(kg.s)", "10^3/uL", "/{HPF}", "(/min)", "g.m-2", "[in_i'Hg]"],
)  # fmt: skip
def test_units_of_ucum_are_units(unit: str) -> None:
    assert syntax.is_unit(unit)


@pytest.mark.parametrize(
    "unit",
    ["", "mm Hg", "mg/", "mg//L", "(mg", "mg)", "[iU", "iU]", "{a", "µg", "mg.", ".mg", "a{b{c}}", "m" * 65, "mg\n"],
)
def test_what_ucum_cannot_write_is_no_unit(unit: str) -> None:
    assert not syntax.is_unit(unit)


@pytest.mark.parametrize(
    "value",
    ["2015", "201503", "20150301", "2015030109", "201503010930", "20150301093000", "20150301093000.123",
     "20150301093000+0100", "20150301093000.1-0330", "20240229", "2015+0100", "99991231", "999912", "9999"],
)  # fmt: skip
def test_times_of_any_precision_are_times(value: str) -> None:
    assert syntax.instant(value) is not None


@pytest.mark.parametrize(
    "value",
    ["", "15", "2015-03-01", "20150230", "20151301", "201503012460", "20150301T0930", "20230229", "00000101", "NULL",
     "20150301093000+01", "20150301093000Z", "２０１５", "20150301 ", "20150301093000+9999"],
)  # fmt: skip
def test_what_is_no_time_is_none(value: str) -> None:
    assert syntax.instant(value) is None


@pytest.mark.parametrize(
    ("low", "high", "backwards"),
    [
        ("20150301", "20150228", True),
        ("20150301", "20150301", False),
        ("2015", "201501", False),
        ("201502", "2015", False),
        ("2016", "2015", True),
        ("20150301120000+0100", "20150301113000+0000", False),
        ("20150301120000+0000", "20150301123000+0100", True),
        # Without a zone on one side nobody can tell within a day.
        ("20150301120000", "20150301100000+0100", False),
        ("20150303120000", "20150301100000+0100", True),
        ("x", "2015", False),
        ("99991231", "99991230", True),
        ("20150301", "99991231", False),
        ("99991231235959+0100", "99991231235959-0100", False),
    ],
)
def test_an_interval_runs_backwards_only_when_it_certainly_does(low: str, high: str, backwards: bool) -> None:
    assert syntax.runs_backwards(low, high) is backwards


@pytest.mark.parametrize(("text", "right"), [("1", True), ("-0.5", True), ("1e3", True), (".5", True), ("1,5", False),
                                             ("", False), ("NaN", False), ("1 000", False), ("１", False)])  # fmt: skip
def test_numbers(text: str, right: bool) -> None:
    assert syntax.is_number(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [("1.2.250", True), ("2.16.840.1.113883.6.1", True), ("3.1", False), ("1.02", False), ("1", False), ("1.2.", False),
     ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", True), ("urn:oid:1.2", False), ("1." + "2." * 40 + "3", False)],
)  # fmt: skip
def test_roots_of_identifiers(text: str, right: bool) -> None:
    assert syntax.is_uid(text) is right


@given(st.text(max_size=80), st.text(max_size=30))
def test_any_text_has_an_answer(one: str, other: str) -> None:
    syntax.is_unit(one)
    syntax.instant(one)
    syntax.runs_backwards(one, other)
    syntax.is_number(one)
    syntax.is_uid(one)
    syntax.is_language(one)
