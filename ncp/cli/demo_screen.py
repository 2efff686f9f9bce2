"""The demonstration in the terminal: the way from B to A drawn in text, and each step as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ncp.cli.demo_steps import Place, Rows, Step, Way, milliseconds, stations


class Screen:
    """Draws steps on a console; on one that is no terminal the same as plain lines."""

    def __init__(self, console: Console, asking: Place, answering: Place) -> None:
        self._console = console
        self._asking = asking
        self._answering = answering
        self._number = 0

    def begin(self) -> None:
        """The picture of both countries."""
        for line in picture(self._asking, self._answering):
            self._console.print(line, style="cyan", highlight=False, no_wrap=True, overflow="crop")
        self._console.print()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A moving sign while the step runs."""
        self._number += 1
        waiting = Spinner("dots", Text(f" {self._number}  {title} ..."))
        if not self._console.is_terminal:
            yield
            return
        with Live(waiting, console=self._console, transient=True):
            yield

    def show(self, step: Step) -> None:
        """What was asked, what came back, how long it took, and how far it went."""
        head = Text.assemble(
            (f" {self._number} ", "bold white on blue"),
            (f" {step.title} ", "bold"),
            (f" {milliseconds(step.seconds)} ", "green"),
        )
        way = way_of(step, self._asking, self._answering)
        body = Table.grid(padding=(0, 2))
        body.add_column(style="dim", no_wrap=True)
        body.add_column()
        for sign, rows in (("▸", step.asked), ("◂", step.answered)):
            _add(body, sign, rows)
        border = "yellow" if step.is_refusal else "blue"
        self._console.print(Panel(Group(way, body), title=head, title_align="left", border_style=border))


def _add(table: Table, sign: str, rows: Rows) -> None:
    for label, value in rows:
        table.add_row(f"{sign} {escape(label)}", escape(value))


def way_of(step: Step, asking: Place, answering: Place) -> Text:
    """``portal FR ──▶ NCP-B FR ══ ITI-55 ══▶ NCP-A HR ──▶ store HR``; what the step does not reach is dim."""
    names = stations(asking, answering)
    border = f" ══ {step.transaction} ══▶ " if step.transaction else " ═════════▶ "
    arrows = (" ──▶ ", border, " ──▶ ")
    text = Text()
    for hop, name in enumerate(names):
        is_reached = hop <= step.way.value
        if hop:
            text.append(arrows[hop - 1], style="green" if is_reached else "dim")
        text.append(name, style="bold cyan" if is_reached else "dim")
    return text


def picture(asking: Place, answering: Place) -> list[str]:
    """Both countries, drawn."""
    left, right = f"{asking.name} (country B, asks)", f"{answering.name} (country A, answers)"
    return [
        f"  {left:<35}    {right}",
        "  ┌────────┐      ┌─────────┐            ┌─────────┐      ┌─────────┐",
        "  │ portal │─────▶│  NCP-B  │═══════════▶│  NCP-A  │─────▶│  store  │",
        "  └────────┘ SOAP └─────────┘ mutual TLS └─────────┘      └─────────┘",
        "                    ITI-55 who?   ITI-38 which documents?   ITI-39 this one",
    ]


__all__ = ["Screen", "Way", "picture", "way_of"]
