"""What formats mean in words: expected shapes are those that the patterns of published masks spell out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcpd.mask_formats import read_format, read_letters
from xcpd.mask_shapes import CAPITALS, DIGITS, LETTERS, example_of, shape_of


def runs_of(source: str) -> list[tuple[frozenset[str], int, int]] | None:
    shape = shape_of(read_format(source)[0])
    return None if shape is None else [(run.characters, run.least, run.most) for run in shape.runs]


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        (r"\d{9}", [(DIGITS, 9, 9)]),
        ("([0-9]{11})", [(DIGITS, 11, 11)]),
        ("[0-9]+", [(DIGITS, 1, -1)]),
        (r"[a-zA-Z|\d]{7,12}", [(LETTERS | DIGITS, 7, 12)]),
        ("[0-9]{7}[A-Z]", [(DIGITS, 7, 7), (CAPITALS, 1, 1)]),
        (r"\d{6}[A-Z]{2}", [(DIGITS, 6, 6), (CAPITALS, 2, 2)]),
        (r"^\d{6}-?\d{4}$", [(DIGITS, 6, 6), (frozenset("-"), 0, 1), (DIGITS, 4, 4)]),
        ("[0-9]{6}-[0-9]{5}", [(DIGITS, 6, 6), (frozenset("-"), 1, 1), (DIGITS, 5, 5)]),
        ("/^[a-z0-9]+$/i", [(LETTERS | DIGITS, 1, -1)]),
        (
            "[0-9]{5}([0-9]{2}|2[AB])[0-9]{8}",
            [(DIGITS, 5, 5), (DIGITS | {"A", "B"}, 2, 2), (DIGITS, 8, 8)],
        ),
        ("", None),
        ("(.*?)", None),
        ("^.{1,}$", None),
        ("YYYY-MM-DD", None),
        ("a|bc", None),
        ("(ab)+", None),
        ("[^a]", None),
        (r"\bx", None),
    ],
)
def test_the_formats_that_countries_publish(source: str, runs: object) -> None:
    assert runs_of(source) == runs


@pytest.mark.parametrize(
    ("source", "example"),
    [(r"\d{9}", "123456789"), ("[0-9]{7}[A-Z]", "1234567A"), ("[0-9]{6}-[0-9]{5}", "123456-78901"), (r"\d{41}", "")],
)
def test_examples(source: str, example: str) -> None:
    checked = read_format(source)[0]
    shape = shape_of(checked)
    assert shape is not None
    assert example_of(shape, checked) == example


def test_old_letters_have_no_shape() -> None:
    assert shape_of(read_letters("", 3, 9)[0]) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    "source", ["(" * 150 + ")" * 150, "(a" * 60, "[a" * 90, "a{999}{999}", "(" * 10 + "a" + ")" * 10]
)
def test_hostile_patterns_say_nothing(source: str) -> None:
    assert runs_of(source) is None


@given(st.text(alphabet=r"^$.|()[]{}?*+\-,0129adwAZz/: ", max_size=60), st.text(max_size=20))
def test_no_pattern_breaks_it_and_every_example_fits(source: str, value: str) -> None:
    checked = read_format(source)[0]
    shape = shape_of(checked)
    if shape is not None:
        shape.is_only_length(value)
        example = example_of(shape, checked)
        assert not example or checked.accepts(example)
