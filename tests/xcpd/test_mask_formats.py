"""The dialects in which countries write what their numbers look like."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcpd.mask_formats import read_format, read_letters

pytestmark = pytest.mark.attack


@pytest.mark.parametrize(
    ("source", "fits", "does_not"),
    [
        (r"\d{9}", ["123456789"], ["12345678", "1234567890", "12345678a", "12345678٩", "123456789\n", "x123456789"]),
        (r"^\d{6}-?\d{4}$", ["041000-9234", "0410009234"], ["041000--9234", "041000-923"]),
        ("(.*?)", ["", "anything at all"], []),
        ("^.{1,}$", ["x", "x y"], [""]),
        (".{1,}$", ["x"], [""]),
        ("/^[a-z0-9]+$/i", ["Ab1"], ["a b", "a-b", ""]),
        ("/^[a-z0-9]+$/", ["ab1"], ["Ab1"]),
        (r"[a-zA-Z|\d]{7,12}", ["AB12345", "123456789012"], ["AB1234", "1234567890123"]),
        (r"\d{6}[-+A]\d{3}[\d|A-Z]", ["131052-308T", "131052A3081"], ["131052B308T", "131052-308t"]),
        ("[A-Z]{2}|[0-9]{3}", ["AB", "123"], ["AB123", "A"]),
        ("YYYY-MM-DD", ["1970-04-09"], ["1970-4-9", "19700409", "YYYY-MM-DD"]),
        ("yyyyMMdd", ["19700409"], ["1970-04-09"]),
        ("dd.mm.yyyy", ["09.04.1970"], ["1970.04.09", "09-04-1970"]),
        ("dd.dd.yyyy", ["dd.dd.yyyy", "ddxddxyyyy"], ["09.04.1970"]),
        ("", ["", "anything"], []),
        ("  ", ["anything"], []),
    ],
)
def test_a_format_matches_the_whole_value(source: str, fits: list[str], does_not: list[str]) -> None:
    form, warning = read_format(source)
    assert warning == ""
    assert [value for value in fits if not form.accepts(value)] == []
    assert [value for value in does_not if form.accepts(value)] == []


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        ("(", "format.not_compiled"),
        (r"(a)\1", "format.not_compiled"),
        ("(?!x).*", "format.not_compiled"),
        ("(((a{1,100}){1,100}){1,100})", "format.not_compiled"),
        ("a\ud800", "format.not_compiled"),
        ("/[a-z]/ix", "format.flags"),
        ("x" * 501, "format.too_long"),
    ],
)
def test_a_format_that_cannot_be_used_says_so(source: str, warning: str) -> None:
    form, told = read_format(source)
    assert told == warning
    if warning != "format.flags":
        assert not form.checks and form.accepts("anything")


def test_a_pattern_made_to_take_for_ever_does_not() -> None:
    for source in ("(a+)+$", "(a|aa)+$", "(.*)*x", r"([a-zA-Z]+)*\d"):
        form, _ = read_format(source)
        started = time.perf_counter()
        assert not form.accepts("a" * 199 + "!")
        assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("source", "shortest", "longest", "fits", "does_not"),
    [
        ("LLLLLLNNLNNLNNNL", 16, 16, ["RSSMRA70A01H501S", "rssmra70a01h501s"], ["RSSMRA70A01H501", "RSSMRA70A01H5011"]),
        ("NNNN.NN.NN", 10, 10, ["1970.04.09"], ["1970-04-09", "197004.09x"]),
        ("NNNNN", -1, -1, ["12345"], ["1234", "1234٥"]),
        ("", 3, -1, ["abc"], ["ab"]),
        ("", -1, 2, ["ab", ""], ["abc"]),
        ("", -1, -1, ["", "anything"], []),
    ],
)
def test_the_letters_and_lengths_of_old_masks(
    source: str, shortest: int, longest: int, fits: list[str], does_not: list[str]
) -> None:
    form, warning = read_letters(source, shortest, longest)
    assert warning == ""
    assert [value for value in fits if not form.accepts(value)] == []
    assert [value for value in does_not if form.accepts(value)] == []


def test_other_letters_in_an_old_mask_leave_the_lengths() -> None:
    form, warning = read_letters("XXNN", 4, 4)
    assert warning == "format.letters"
    assert form.accepts("abcd") and not form.accepts("abc")


def test_no_value_is_longer_than_a_trait_may_be() -> None:
    assert not read_format("")[0].accepts("x" * 201)
    assert not read_format("(.*?)")[0].accepts("x" * 201)
    assert not read_format("\\d+")[0].accepts("\ud800")


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_pattern_and_any_value_give_an_answer(source: str, value: str) -> None:
    for form, _ in (read_format(source), read_format(f"/{source}/i"), read_letters(source, -1, 80)):
        assert form.accepts(value) in (True, False)
