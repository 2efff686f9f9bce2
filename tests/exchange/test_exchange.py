"""The record of a transaction, and the lines it becomes: complete on every path, and never a word about a person."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.exchange import Exchange, Service, Side
from ncp.observability import log as logs
from ncp.observability.exchanges import report
from ncp.wire.errors import (
    AccessError,
    Code,
    ConnectorError,
    NcpError,
    PatientError,
    PeerError,
    RequestError,
    SecurityError,
)
from ncp.wire.ids import II, CountryCode
from tests.support import connector

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SECRET = "Šimunović-123450987"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    """What ``report`` has written so far, line by line."""
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    state = logs._STATE
    before = (state.threshold, state.render, state.strict, state.descriptor)
    logs.configure("info", "json", strict=True, descriptor=descriptor)
    yield lambda: [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    state.threshold, state.render, state.strict, state.descriptor = before
    os.close(descriptor)


def exchange(**changes: Any) -> Exchange:
    made = Exchange("t-1", Side.NCP_A, AT, service=Service.QUERY, peer_country=CountryCode("FR"))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# --- the record ------------------------------------------------------------------------------------------------------


def test_a_step_is_recorded_however_it_ends() -> None:
    record = exchange()
    with record.step("good"):
        pass
    for name, error in (
        ("reason", SecurityError(Code.SEC_GENERIC, "cert.revoked")),
        ("code", ConnectorError(Code.EP_GENERIC)),
        ("unforeseen", ValueError(SECRET)),
    ):
        with pytest.raises(type(error)), record.step(name):
            raise error
    assert [(step.name, step.outcome) for step in record.steps] == [
        ("good", "ok"),
        ("reason", "cert.revoked"),
        ("code", "ERROR_EP_GENERIC"),
        ("unforeseen", "failed"),
    ]
    assert all(step.duration_ms >= 0 for step in record.steps)
    assert [step.ended for step in record.steps] == sorted(step.ended for step in record.steps)


def test_the_outcome_is_the_code_it_ended_with() -> None:
    assert exchange().outcome == "ok"
    assert exchange(error=AccessError(Code.NOT_ALLOWED, "permission.missing")).outcome == "4703"


def test_a_record_shows_itself_without_persons() -> None:
    record = exchange(patient=II("1.2", SECRET), peer_subject=SECRET, documents=(SECRET,), message_id=SECRET)
    assert repr(record) == "Exchange(t-1, NCP-A, ITI-38)"


def test_time_goes_on_until_it_is_asked() -> None:
    record = exchange()
    assert 0 <= record.duration_ms <= record.duration_ms


# --- its lines -------------------------------------------------------------------------------------------------------


def test_every_step_and_the_whole_is_a_line(lines: Lines) -> None:
    record = exchange(message_id="urn:uuid:6f1c2a54-0b7e-4a41-9a57-1f3c8d0f2b10", notes=["a", "b", "a"])
    with record.step("parse"):
        pass
    with record.step("verify"):
        pass
    report(record, status=200)
    first, second, whole = lines()
    assert [(line["event"], line["step"], line["outcome"]) for line in (first, second)] == [
        ("step", "parse", "ok"),
        ("step", "verify", "ok"),
    ]
    for line in (first, second, whole):
        assert (line["transaction"], line["service"], line["side"], line["peer_country"]) == (
            "t-1",
            "ITI-38",
            "NCP-A",
            "FR",
        )
    assert (whole["event"], whole["level"], whole["outcome"], whole["status"]) == ("transaction", "info", "ok", 200)
    assert whole["notes"] == "a b"
    assert whole["message_id"] == record.message_id


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (PatientError(Code.PI_NO_MATCH, "person.none"), "info"),
        (PatientError(Code.PI_MULTIPLE_MATCHES, "person.several"), "info"),
        (AccessError(Code.PS_NO_CONSENT, "consent"), "info"),
        (RequestError(Code.PI_INCORRECT_FORMATTING, "identifier.format"), "info"),
        (SecurityError(Code.SEC_GENERIC, "cert.revoked"), "warning"),
        (AccessError(Code.NOT_ALLOWED, "permission.missing"), "warning"),
        (ConnectorError(Code.EP_REGISTRY_NOT_ACCESSIBLE, "connector.unavailable"), "warning"),
        (NcpError(Code.GENERIC, "unexpected.KeyError"), "warning"),
    ],
)
def test_an_answer_is_no_alarm_and_a_failure_is(lines: Lines, error: NcpError, level: str) -> None:
    report(exchange(error=error), status=200)
    (line,) = lines()
    assert (line["level"], line["outcome"], line["error_code"], line["reason"]) == (
        level,
        "refused",
        error.code,
        error.reason,
    )


@pytest.mark.parametrize("reason", ["unexpected.KeyError", "connector.failed"])
def test_an_exception_is_told_by_its_place(lines: Lines, reason: str) -> None:
    report(exchange(error=NcpError(Code.GENERIC, reason, context="KeyError at ncp/x.py:1")))
    assert lines()[0]["exception"] == "KeyError at ncp/x.py:1"


def test_a_record_full_of_persons_leaves_none_of_them_in_a_line(lines: Lines) -> None:
    """Every field that may hold a person's data holds one; every text of the error too."""
    error = PeerError(Code.GENERIC, "peer.fault", message=SECRET, context=SECRET, gateway="HR")
    record = exchange(
        caller=connector.caller(patient=II("1.2", SECRET)),
        patient=II("1.2", SECRET),
        documents=(SECRET, SECRET),
        peer_subject=f"CN={SECRET}",
        error=error,
    )
    with record.step("parse"):
        pass
    report(record, status=200)
    assert all(SECRET not in json.dumps(line, ensure_ascii=False) for line in lines())
    assert lines()[-1]["documents"] == 2


@pytest.mark.parametrize(
    "message_id",
    [SECRET, f"urn:uuid:{SECRET}", "123450987^^^&2.16.840.1.113883.2.7.2.2&ISO", "Ana Marija\n{}", "x" * 500],
)
@pytest.mark.parametrize("name", ["message_id", "relates_to"])
def test_a_message_id_that_is_none_is_not_repeated(lines: Lines, message_id: str, name: str) -> None:
    """A peer writes what it likes there; only what cannot be a name or a number of a person is repeated."""
    report(exchange(**{name: message_id}))
    assert lines()[0][name] == "not-a-uuid"


@pytest.mark.parametrize(
    "message_id",
    [
        "urn:uuid:6f1c2a54-0b7e-4a41-9a57-1f3c8d0f2b10",
        "uuid:6F1C2A54-0B7E-4A41-9A57-1F3C8D0F2B10",
        "6f1c2a54-0b7e-4a41-9a57-1f3c8d0f2b10",
        "",
    ],
)
def test_a_message_id_of_the_usual_form_is_told(lines: Lines, message_id: str) -> None:
    report(exchange(message_id=message_id))
    assert lines()[0]["message_id"] == message_id


@given(st.text(max_size=80))
def test_whatever_a_message_id_is_a_line_is_one_line(text: str) -> None:
    read, write = os.pipe()
    state = logs._STATE
    before = (state.threshold, state.render, state.strict, state.descriptor)
    logs.configure("info", "json", strict=True, descriptor=write)
    try:
        report(exchange(message_id=text, relates_to=text))
    finally:
        state.threshold, state.render, state.strict, state.descriptor = before
        os.close(write)
    with os.fdopen(read, "rb") as pipe:
        (line,) = pipe.read().splitlines()
    assert json.loads(line)["event"] == "transaction"


def test_no_field_of_the_record_is_forgotten_by_these_tests() -> None:
    """A new field is either told (and then tested here) or silent; this list makes somebody decide."""
    told = {
        "transaction", "side", "service", "peer_country", "portal", "message_id", "relates_to", "error", "notes",
        "steps", "documents", "started",
    }  # fmt: skip
    silent = {"at", "peer_subject", "caller", "patient", "consent", "transformations"}
    assert {field.name for field in fields(Exchange)} <= told | silent
