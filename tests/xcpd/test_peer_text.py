"""Texts of partners before they are shown or logged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcpd.peer_text import clean, sentence_and_place

pytestmark = pytest.mark.attack


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("No patient found.", "No patient found."),
        ("Patient Identification generic error^The card has expired.", "The card has expired."),
        ("description^", "description"),
        ("eu.europa.ec.sante.openncp.core.XCPDServiceImpl.respond(XCPDServiceImpl.java:712)", ""),
        ("XCPDServiceImpl.java:712", ""),
        ("java.lang.NullPointerException: no registry answers", "no registry answers"),
        ("NoPatientIdDiscoveredException: nobody there", "nobody there"),
        (
            "Nobody there.\n\tat a.b.C.d(C.java:1)\n\tat a.b.C.e(Native Method)\nCaused by: x.y.Z: secret",
            "Nobody there.",
        ),
        ('Traceback (most recent call last):\n  File "/srv/app/x.py", line 3\nNobody.', "Nobody."),
        ("cannot open /etc/openncp/keys.jks now", "cannot open now"),
        ("number 123456789 unknown", "number … unknown"),
        ("number 279-03 512/151 unknown", "number … unknown"),
        ("call 112", "call 112"),
        ("ask www.example.org for help", "ask for help"),
        ("a\x00b\u202ec\u2028d", "a b c d"),
        ("", ""),
    ],
)
def test_what_looks_like_code_or_names_a_person_is_taken_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_hidden_values_go_whatever_their_letter_case_and_parts_of_words_stay() -> None:
    assert clean("MARIJA and marijana", ["Marija"]) == "… and marijana"


@pytest.mark.parametrize(
    ("text", "location", "expected"),
    [
        (
            "Patient Identification Error",
            "No match with an existing patient.",
            ("No match with an existing patient.", "Patient Identification Error"),
        ),
        ("No patient found.", "NF", ("No patient found.", "NF")),
        ("No patient found.", "The registry says so.", ("No patient found.", "The registry says so.")),
        ("", "The registry says nothing.", ("The registry says nothing.", "")),
        ("", "NF", ("", "NF")),
        ("Patient Identification Error", "XCPD 7f3a", ("Patient Identification Error", "XCPD 7f3a")),
    ],
)
def test_the_sentence_is_found_wherever_the_partner_puts_it(
    text: str, location: str, expected: tuple[str, str]
) -> None:
    assert sentence_and_place(text, location) == expected


@settings(deadline=None)
@given(st.text(), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_becomes_one_short_line(text: str, hide: list[str]) -> None:
    cleaned = clean(text, hide)
    assert len(cleaned) <= 400
    assert "\n" not in cleaned and "\x00" not in cleaned
