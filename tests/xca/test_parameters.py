"""Quoting of stored query parameters (ITI TF-2 3.18.4.1.2.3.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.xca import unhurried
from xca.parameters import read_codes, read_quoted, write_list, write_quoted

LOINC = "2.16.840.1.113883.6.1"


@pytest.mark.parametrize(
    ("value", "strings"),
    [
        ("'a'", ("a",)),
        ("('a')", ("a",)),
        ("('a','b')", ("a", "b")),
        ("( 'a' , 'b' )", ("a", "b")),
        ("  'a'\n", ("a",)),
        ("'O''Brien'", ("O'Brien",)),
        ("('O''Brien','''')", ("O'Brien", "'")),
        ("''", ("",)),
        ("'X|Y'", ("X|Y",)),
        ("'a,b'", ("a,b",)),
        ("'(a)'", ("(a)",)),
        ("' a '", (" a ",)),
    ],
)
def test_a_value_is_read_by_its_quotes(value: str, strings: tuple[str, ...]) -> None:
    assert read_quoted(value) == strings


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "'a",
        "a'",
        "'",
        "'''",
        "'a'b",
        "'a' 'b'",
        "'a','b'",
        "()",
        "('a'",
        "'a')",
        "('a',)",
        "(,'a')",
        "('a''b')('c')",
        "('a');'b'",
        "(a)",
        "('a')x",
        "((('a')))",
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"quoted|list|strings"):
        read_quoted(value)


@unhurried
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_what_is_written_is_read_back(texts: list[str]) -> None:
    assert read_quoted(write_list(texts)) == tuple(texts)
    assert read_quoted(write_quoted(texts[0])) == (texts[0],)


@unhurried
@given(st.text(st.sampled_from("'(),ab |^"), max_size=30))
def test_hostile_values_are_read_or_refused_and_nothing_else(value: str) -> None:
    try:
        strings = read_quoted(value)
    except ValueError:
        return
    assert all(isinstance(text, str) for text in strings)


@pytest.mark.parametrize(
    "values",
    [
        [f"('34105-7^^{LOINC}','11502-2^^{LOINC}')"],
        [f"('34105-7^^{LOINC},11502-2^^{LOINC}')"],
        [f"('34105-7^^{LOINC}')", f"('11502-2^^{LOINC}')"],
        [f"('34105-7^^{LOINC}','11502-2^^{LOINC}','34105-7^^{LOINC}')"],
        [f"'34105-7^^{LOINC}'", f"'11502-2^^{LOINC}'"],
    ],
    ids=["IHE, OpenNCP from 8.0.2", "OpenNCP 5.2 to 8.0.1", "several values", "a code twice", "no parentheses"],
)
def test_class_codes_come_in_every_spelling_of_the_peers(values: list[str]) -> None:
    assert read_codes(values, LOINC) == ("34105-7", "11502-2")


@pytest.mark.parametrize(
    "value",
    ["('34105-7')", "('34105-7^^1.2.3')", "('34105-7^^')", f"('^^{LOINC}')", "34105-7", f"('34105-7^^{LOINC},')"],
)
def test_a_code_needs_its_coding_scheme(value: str) -> None:
    with pytest.raises(ValueError, match=r"code|string"):
        read_codes([value], LOINC)
