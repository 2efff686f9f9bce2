"""The log holds only what the allow list names, one write per line, and never a word about a person."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.observability import log as module
from ncp.observability.log import ForbiddenField, configure, logger, lost_lines, where
from ncp.wire.errors import Code, PatientError
from ncp.wire.ids import II
from xcpd.messages import PatientSearch, Person

ROOT = Path(__file__).resolve().parents[2]
PERSON = Person(id=II("1.2.3", "MBO-123456789"), family="Horvatić", given="Marija", birth_date="19700409")
PERSONAL = ("Horvat", "Marija", "MBO-123456789", "19700409")


class Lines:
    """A pipe that the log writes to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]

    def text(self) -> str:
        os.write(self.writing, b"\0")
        data = b""
        while not data.endswith(b"\0"):
            data += os.read(self.reading, 65536)
        return data[:-1].decode()


@pytest.fixture
def lines() -> Iterator[Lines]:
    pipe = Lines()
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield pipe
    configure()
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    os.close(pipe.reading)
    os.close(pipe.writing)


def test_a_line_is_json_with_time_level_and_event(lines: Lines) -> None:
    configure(descriptor=lines.writing)
    logger(side="A").info("xcpd.answered", peer_country="FR", outcome="match", duration_ms=12.5)
    (line,) = lines.read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("ts"))
    assert line == {
        "level": "info",
        "event": "xcpd.answered",
        "side": "A",
        "peer_country": "FR",
        "outcome": "match",
        "duration_ms": 12.5,
    }


def test_the_text_form_has_one_line_too(lines: Lines) -> None:
    configure(format="text", descriptor=lines.writing)
    logger().warning("peer.slow", peer_country="FR", reason="two\nlines")
    text = lines.text()
    assert text.count("\n") == 1
    assert text.split(" ", 1)[1] == 'warning peer.slow peer_country=FR reason="two\\nlines"\n'


def test_a_bound_logger_adds_its_fields_and_leaves_the_first_alone(lines: Lines) -> None:
    configure(descriptor=lines.writing)
    first = logger(side="B")
    second = first.bind(transaction="t-1")
    second.info("step.one")
    first.info("step.two")
    one, two = lines.read()
    assert one["transaction"] == "t-1"
    assert one["side"] == "B"
    assert "transaction" not in two


@pytest.mark.parametrize(
    ("level", "written"),
    [("debug", "dbg inf wrn err"), ("info", "inf wrn err"), ("warning", "wrn err"), ("error", "err")],
)
def test_the_level_can_change_while_running(lines: Lines, level: Any, written: str) -> None:
    log = logger()
    configure(level, descriptor=lines.writing)
    log.debug("dbg")
    log.info("inf")
    log.warning("wrn")
    log.error("err")
    assert [line["event"] for line in lines.read()] == written.split()


@pytest.mark.parametrize(
    "fields",
    [
        {"patient": "Horvatić"},
        {"outcome": PERSON},
        {"reason": II("1.2.3", "MBO-123456789")},
        {"notes": ["MBO-123456789"]},
        {"message_id": b"bytes"},
        {"reason": PatientError(Code.PI_NO_MATCH, "no_match")},
        {"step": PatientSearch(family="Horvatić")},
    ],
)
def test_other_fields_and_other_values_are_refused_and_in_production_dropped_with_a_marker(
    lines: Lines, fields: dict[str, Any]
) -> None:
    configure(descriptor=lines.writing, strict=True)
    with pytest.raises(ForbiddenField) as caught:
        logger().info("xcpd.answered", side="A", **fields)
    assert not any(word in str(caught.value) for word in PERSONAL)
    configure(descriptor=lines.writing, strict=False)
    logger().info("xcpd.answered", side="A", **fields)
    (line,) = lines.read()
    assert line["side"] == "A"
    assert line["dropped"] == next(iter(fields))
    assert not any(word in json.dumps(line, ensure_ascii=False) for word in PERSONAL)


@pytest.mark.parametrize("event", ["Patient Horvatić found", "", "a..b", f"{PERSON.family}"])
def test_an_event_is_a_name_and_never_a_text(lines: Lines, event: str) -> None:
    configure(descriptor=lines.writing, strict=True)
    with pytest.raises(ForbiddenField) as caught:
        logger().info(event)
    assert "Horvat" not in str(caught.value)
    configure(descriptor=lines.writing, strict=False)
    logger().info(event)
    (line,) = lines.read()
    assert line["event"] == "log.event_refused"


def _fail(text: str) -> None:
    raise ValueError(text)


def test_an_exception_is_told_by_type_and_place_without_its_text(lines: Lines) -> None:
    configure(descriptor=lines.writing)
    try:
        _fail("Horvatić MBO-123456789")
    except ValueError as error:
        logger().error("request.failed", exception=where(error))
    (line,) = lines.read()
    assert re.fullmatch(r"ValueError at observability/test_log\.py:\d+", line["exception"])


def _about(person: Person) -> str:
    return f"about {person.family}"


def test_libraries_are_heard_without_the_values_they_fill_in(lines: Lines) -> None:
    configure(descriptor=lines.writing, libraries=True)
    logging.getLogger("zeep.transports").warning("sent %s", "Horvatić")
    logging.getLogger("some.library").warning(_about(PERSON))
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request %d", 17)
    try:
        _fail("Horvatić")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    text = lines.text()
    assert not any(word in text for word in PERSONAL)
    sent, about, invalid, failed = [json.loads(line) for line in text.splitlines()]
    assert (sent["event"], sent["library"]) == ("library.warning", "zeep.transports")
    assert about["event"] == "library.warning"
    assert "text" not in about
    assert invalid["text"] == "Invalid HTTP request %d"
    assert failed["event"] == "library.error"
    assert failed["exception"].startswith("ValueError at")


def test_what_libraries_do_every_day_is_no_line_of_ours(lines: Lines) -> None:
    configure("debug", descriptor=lines.writing, libraries=True)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 17)
    logging.getLogger("httpx2").info("HTTP Request: POST %s", "https://example.org/")
    logger().info("server.serving", listener="peers", address="127.0.0.1:8443", workers=2)
    (serving,) = [json.loads(line) for line in lines.text().splitlines()]
    assert (serving["event"], serving["listener"], serving["workers"]) == ("server.serving", "peers", 2)


@given(st.text(), st.text(max_size=5000), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_plain_value_gives_one_line_of_json_that_fits_into_one_write(
    reason: str, notes: str, size: int, duration: float
) -> None:
    pipe = Lines()
    try:
        configure(descriptor=pipe.writing)
        logger().info("x", reason=reason, notes=notes, size=size, duration_ms=duration, step=notes, outcome=notes)
        text = pipe.text()
    finally:
        configure()
        os.close(pipe.reading)
        os.close(pipe.writing)
    assert text.count("\n") == 1
    assert len(text.encode()) <= 4096
    line = json.loads(text)
    assert line["size"] == size
    assert line["reason"] == reason if len(reason) <= 48 else line["reason"][:40] == reason[:40]


def test_lines_of_several_processes_on_one_pipe_do_not_mix() -> None:
    program = (
        "import sys; from ncp.observability.log import logger; log = logger(worker=int(sys.argv[1]))\n"
        "for _ in range(2000): log.info('step', reason='x' * 200, notes=sys.argv[1] * 200)"
    )
    reading, writing = os.pipe()
    workers = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], stdout=writing, cwd=ROOT) for number in (1, 2, 3)
    ]
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = [json.loads(line) for line in pipe]
    assert [worker.wait(30) for worker in workers] == [0, 0, 0]
    assert len(found) == 6000
    assert all(line["notes"] == str(line["worker"]) * 200 for line in found)


def test_a_log_that_cannot_be_written_does_not_stop_the_work() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    before = lost_lines()
    configure(descriptor=writing)
    logger().info("nobody.listens")
    configure()
    os.close(writing)
    assert lost_lines() == before + 1


def test_a_line_takes_less_than_twenty_microseconds_and_a_filtered_one_next_to_nothing() -> None:
    log = logger(side="A", service="xcpd", transaction="0" * 36)
    with open(os.devnull, "wb") as nowhere:
        configure(descriptor=nowhere.fileno())
        line = _fastest(lambda: log.info("xcpd.answered", peer_country="FR", outcome="match", duration_ms=1.5))
        filtered = _fastest(lambda: log.debug("xcpd.answered", peer_country="FR", outcome="match", duration_ms=1.5))
        configure()
    # Three times the goal, so that a busy machine does not fail the suite; `make bench` holds the goal itself.
    assert line < 60e-6
    assert filtered < line / 5


def _fastest(call: Any) -> float:
    best = 1.0
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(500):
            call()
        best = min(best, (time.perf_counter() - begin) / 500)
    return best


def test_no_allowed_field_is_meant_for_a_person_or_a_message() -> None:
    assert not {"patient", "name", "family", "given", "birth_date", "msg", "body", "request"} & module.ALLOWED
