"""The report of the demonstration stands alone, escapes what it shows, and tells every step."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import html as parser
from rich.console import Console
from typer.testing import CliRunner

from ncp.cli.demo import MARKER
from ncp.cli.demo_gateways import Gateway, GatewayDied, running
from ncp.cli.demo_report import html, markdown
from ncp.cli.demo_screen import Screen, way_of
from ncp.cli.demo_steps import Consultation, Place, Step, Way, milliseconds
from ncp.cli.main import app
from ncp.settings.types import Listen

FRANCE, CROATIA = Place("FR", "France"), Place("HR", "Croatia")
STEPS = [
    Step("Which countries?", Way.GATEWAY_B, (("language", "fr-FR"),), (("HR", "Croatie"),), 0.012),
    Step(
        "Who <b>is</b> it?",
        Way.COUNTRY_A,
        (("identifier", "999"),),
        (("name", '<script>alert(1)</script> & "Šimić" [red]x[/]'),),
        2.34,
        "ITI-55",
        files=(("summary", "documents/a b.xml"),),
        is_refusal=True,
    ),
]
CONSULTATION = Consultation(FRANCE, CROATIA, datetime(2026, 7, 1, 12, tzinfo=UTC), STEPS, (("log", "gateway.log"),))


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = html(CONSULTATION)
    tree = parser.fromstring(page)
    assert not tree.xpath("//script | //link | //img | //iframe | //@src | //@onload | //@onclick")
    assert "default-src 'none'" in tree.xpath("string(//meta[@http-equiv]/@content)")
    assert not re.search(r"https?://", page)


def test_the_page_has_a_light_and_a_dark_look() -> None:
    assert "prefers-color-scheme: dark" in html(CONSULTATION)


def test_the_page_shows_every_step_with_question_answer_and_time_as_text() -> None:
    tree = parser.fromstring(html(CONSULTATION))
    text = tree.text_content()
    for expected in ("Which countries?", "Who <b>is</b> it?", "<script>alert(1)</script>", "12 ms", "2.3 s", "ITI-55"):
        assert expected in text
    assert [link.get("href") for link in tree.xpath("//a")] == ["documents/a b.xml", "gateway.log"]
    assert len(tree.xpath("//*[local-name()='svg']")) == 3


def test_a_step_that_stays_at_home_leaves_the_other_country_pale() -> None:
    first, second = parser.fromstring(html(CONSULTATION)).xpath("//section[starts-with(@id, 'step-')]")
    assert len(first.xpath(".//*[local-name()='g'][@class='off']")) == 2
    assert not second.xpath(".//*[local-name()='g'][@class='off']")
    assert "no" in second.get("class")


def test_the_same_stands_in_markdown() -> None:
    text = markdown(CONSULTATION)
    assert "## 2. Who <b>is</b> it?" in text
    assert "| 1 | Which countries? | at home | 12 ms |" in text
    assert "[summary](documents/a b.xml)" in text


def test_the_terminal_shows_question_answer_way_and_time_without_reading_markup_in_them() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    screen = Screen(console, FRANCE, CROATIA)
    screen.begin()
    for step in STEPS:
        with screen.step(step.title):
            pass
        screen.show(step)
    shown = console.export_text()
    assert "France (country B, asks)" in shown
    assert "[red]x[/]" in shown
    assert "portal FR ──▶ NCP-B FR ══ ITI-55 ══▶ NCP-A HR ──▶ store HR" in shown
    assert "2.3 s" in shown


def test_the_way_is_drawn_as_far_as_the_step_goes() -> None:
    reached = [span.style for span in way_of(STEPS[0], FRANCE, CROATIA).spans]
    assert reached.count("dim") == 4
    assert "dim" not in [span.style for span in way_of(STEPS[1], FRANCE, CROATIA).spans]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 ms"), (0.0004, "0 ms"), (1.9994, "1999 ms"), (2, "2.0 s")])
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text


def test_a_gateway_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    config = tmp_path / "ncp.toml"
    config.write_text("mode = 5\n")
    gateway = Gateway("the gateway of Croatia", config, Listen("127.0.0.1", 9), tmp_path / "gateway.log")
    with pytest.raises(GatewayDied) as caught, running([gateway]):
        pytest.fail("it cannot run")
    assert "the gateway of Croatia ended at once" in str(caught.value)
    assert "mode: " in str(caught.value)


def test_a_folder_that_is_not_of_a_demo_is_never_emptied(tmp_path: Path) -> None:
    mine = tmp_path / "documents" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "not of a demo" in done.stderr
    assert mine.read_text() == "years of work"
    assert not (tmp_path / MARKER).exists()
