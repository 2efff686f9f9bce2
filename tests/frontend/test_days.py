"""Birth dates are days, whatever clock a portal wrote them with."""

from __future__ import annotations

import contextlib
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.frontend.days import day_of, filter_instant, instant_of, midnight_of, partial_day

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1970-04-09T00:00:00+01:00", "19700409"),
        ("1970-04-09T00:00:00Z", "19700409"),
        ("1970-04-09T00:00:00-11:00", "19700409"),
        ("1970-04-09T00:00:00.000", "19700409"),
        ("1970-04-08T23:00:00Z", "19700409"),
        ("1970-04-08T22:59:59Z", "19700408"),
        ("2000-07-08T22:30:00.000Z", "20000709"),
        ("1970-04-09T12:00:00", "19700409"),
        ("1970-04-09", "19700409"),
        (" 1970-04-09T00:00:00+01:00 ", "19700409"),
    ],
)
def test_a_birth_date_is_read_as_the_day_that_was_meant(written: str, day: str) -> None:
    assert day_of(written, PARIS) == day


@pytest.mark.parametrize(
    "text", ["", "1970", "1970-13-01T00:00:00Z", "1970-02-30", "09/04/1970", "1970-04-09T25:00:00Z", "١٩٧٠-04-09"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a|month|day|hour"):
        day_of(text, PARIS)


@pytest.mark.parametrize(
    ("digits", "written"),
    [
        ("19700409", "1970-04-09T00:00:00+01:00"),
        ("20000709", "2000-07-09T00:00:00+02:00"),
        ("19850319120000", "1985-03-19T00:00:00+01:00"),
        ("1970", ""),
        ("197004", ""),
        ("19700231", ""),
        ("", ""),
    ],
)
def test_a_birth_date_is_written_with_the_offset_of_its_day(digits: str, written: str) -> None:
    assert midnight_of(digits, PARIS) == written


@given(
    st.dates(min_value=date(1850, 1, 1), max_value=date(2100, 1, 1)),
    st.sampled_from(["Europe/Paris", "Europe/Zagreb", "Atlantic/Azores", "Europe/Dublin", "Pacific/Apia", "UTC"]),
)
def test_a_day_survives_writing_and_reading_in_any_zone(day: date, zone: str) -> None:
    digits = day.strftime("%Y%m%d")
    assert day_of(midnight_of(digits, ZoneInfo(zone)), ZoneInfo("Europe/Paris")) == digits


def test_partial_dates_stay_partial() -> None:
    assert [partial_day(each) for each in ("1970", "197004", "19700409", "x", "")] == [
        "1970",
        "1970-04",
        "1970-04-09",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("dtm", "written"),
    [
        ("20200319101500", "2020-03-19T10:15:00Z"),
        ("202003191015", "2020-03-19T10:15:00Z"),
        ("20200319", "2020-03-19T00:00:00Z"),
        ("2020", "2020-01-01T00:00:00Z"),
        ("20201319", ""),
        ("soon", ""),
    ],
)
def test_document_times_are_utc(dtm: str, written: str) -> None:
    assert instant_of(dtm) == written


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2021-06-01T00:00:00+02:00", "2021-05-31T22:00:00Z"),
        ("2021-06-01T00:00:00", "2021-05-31T22:00:00Z"),
        ("2021-06-01T00:00:00.5Z", "2021-06-01T00:00:00Z"),
    ],
)
def test_filters_without_a_zone_mean_the_countrys(text: str, instant: str) -> None:
    assert filter_instant(text, PARIS) == instant


@given(st.text(max_size=40))
def test_any_text_is_a_day_or_a_value_error(text: str) -> None:
    for read in (lambda: day_of(text, PARIS), lambda: filter_instant(text, PARIS)):
        with contextlib.suppress(ValueError):
            read()
