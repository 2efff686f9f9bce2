"""What it costs to read, translate and show a patient summary, as ratios to one bare parse of the same bytes.

Each step is measured alone, in one process and in processor time, in interleaved rounds: every round takes each step
once, so that a busy moment of the machine falls on all of them alike. The unit is ``lxml.etree.fromstring``, which any
program in this language pays at least once; a ratio to it does not depend on the machine. Also: memory that one
document adds, pages per second, a peer's stylesheet where one is at hand, and the catalogue of terminology at full size
(``terminology.py``).

    python benchmarks/semantics.py [--quick] [--check] [--write docs/performance.md]

``--check`` ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import terminology
from ncp.connector.store.patients import PatientFile
from ncp.connector.store.problems import read_toml
from ncp.connector.store.synthetic.facts import SummaryFacts
from ncp.connector.store.synthetic.summary import write_summary
from ncp.semantics.display.page import write_page
from ncp.semantics.display.plain import write_text
from ncp.semantics.display.view import Provenance
from ncp.semantics.model import Level, PatientSummary
from ncp.semantics.naming import Names
from ncp.semantics.read_cda import DOCUMENT_LIMITS, read_element
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import CodedElements, shipped
from ncp.semantics.transform.operations import translate
from ncp.wire.xml import parse
from ncp.worker import keep_what_is_built
from tests.shared import shared_files

ROOT = Path(__file__).resolve().parents[1]
PERSON = ROOT / "config" / "demo" / "patients" / "HR" / "01-full-summary"
LANGUAGE = "fr-FR"
SIZES = {"100 KB": 100_000, "5 MB": 5_000_000}
"""Synthetic summaries: the demonstration's full one, its entries repeated."""

GOAL = 15
"""Translation and page of the small summary, in bare parses of it."""

_REPEATED = (
    *("allergies", "problems", "medications", "devices", "procedures", "past_illnesses", "immunisations"),
    *("social_history", "blood_pressure", "results"),
)
SHOWN = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)

UNIT = "one bare parse (lxml)"
STEPS = {
    "parse": "parse, with all limits",
    "read": "read into the model",
    "translate": "translate codes, on the tree",
    "page": "write the page",
    "text": "write plain text",
}
TOGETHER = {
    "translate and page": ("translate", "page"),
    "translate, read and page": ("translate", "read", "page"),
    "from bytes to page": ("parse", "translate", "read", "page"),
}


def synthetic(size: int) -> bytes:
    """A level 3 summary of at least ``size`` bytes from the writer of the demonstration."""
    patient = read_toml(PatientFile, (PERSON / "patient.toml").read_bytes(), "patient.toml")
    facts = read_toml(SummaryFacts, (PERSON / "summary.toml").read_bytes(), "summary.toml")
    facts = facts.model_copy(update={"formats": ("L3",)})
    once, twice = (len(_written(patient, facts, times)) for times in (1, 2))
    return _written(patient, facts, max(1, 1 + -(-(size - once) // (twice - once))))


def _written(patient: PatientFile, facts: SummaryFacts, times: int) -> bytes:
    repeated = {name: getattr(facts, name) * times for name in _REPEATED}
    return write_summary(patient, facts.model_copy(update=repeated))[0]


@dataclass(frozen=True)
class Tools:
    """What every document needs and no document changes."""

    release: Release
    elements: CodedElements

    @classmethod
    def made(cls, folder: Path) -> Tools:
        ensure_shipped(ReleaseFolder(folder), SHOWN)
        return cls(Catalogue(folder).current(), shipped())

    def names(self, summary: PatientSummary) -> Names:
        language = summary.header.language
        return Names(self.release, LANGUAGE, language.code if language is not None else "")

    def page(self, data: bytes) -> bytes:
        """All of it, as a portal does it."""
        root = parse(data, DOCUMENT_LIMITS)
        translate(root, LANGUAGE, release=self.release, elements=self.elements, source=data)
        summary = read_element(root)
        return write_page(summary, names=self.names(summary), about=Provenance(SHOWN))


@dataclass
class Times:
    """Milliseconds of processor time of each step, one per round."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def step(self, name: str, do: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        begun = time.process_time()
        done = do(*arguments, **named)
        self.taken.setdefault(name, []).append((time.process_time() - begun) * 1000)
        return done

    def median(self, *names: str) -> float:
        return sum(statistics.median(self.taken[name]) for name in names)

    def percentile95(self, name: str) -> float:
        ordered = sorted(self.taken[name])
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]

    def ratio(self, *names: str) -> float:
        """Median over the rounds of what these steps took, in units of the same round."""
        rounds = zip(self.taken["unit"], *(self.taken[name] for name in names), strict=True)
        return statistics.median(sum(rest) / unit for unit, *rest in rounds)


def measure(data: bytes, tools: Tools, rounds: int, sheets: dict[str, etree.XSLT]) -> Times:
    """Every step once per round; the first round warms up and is not counted."""
    times = Times()
    for number in range(rounds + 1):
        if number == 1:
            times = Times()
        tree = times.step("unit", etree.fromstring, data)
        root = times.step("parse", parse, data, DOCUMENT_LIMITS)
        times.step("translate", translate, root, LANGUAGE, release=tools.release, elements=tools.elements, source=data)
        summary = times.step("read", read_element, root)
        about = Provenance(SHOWN)
        times.step("page", write_page, summary, names=tools.names(summary), about=about)
        times.step("text", write_text, summary, names=tools.names(summary), about=about)
        for name, sheet in sheets.items():
            times.step(name, sheet, tree)
    return times


def stylesheets(tell: Callable[[str], None]) -> dict[str, etree.XSLT]:
    """Peers' stylesheets that turn a CDA into a page, beside the project (``stylesheets/*.xsl``)."""
    found = {}
    for path in shared_files("stylesheets", "*.xsl"):
        try:
            found[f"a peer's stylesheet, {path.stem}"] = etree.XSLT(etree.parse(path))
        except (etree.XSLTParseError, etree.XMLSyntaxError) as error:
            tell(f"{path.name} cannot be used here: {type(error).__name__}")
    return found


def peak(data: bytes, folder: Path) -> float:
    """Megabytes that one document adds on its way to a page, to a process that has shown another one before."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [sys.executable, __file__, "--peak", file.name, "--folder", str(folder)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _print_peak(document: Path, folder: Path) -> None:
    tools = Tools.made(folder)
    tools.page(synthetic(1))
    data = document.read_bytes()
    before = terminology.resident()
    tools.page(data)
    high = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(high.split()[1]) / 1024 - before)


def table(title: str, data: bytes, times: Times, added: float) -> list[str]:
    """One document's rows."""
    lines = [
        f"**{title}**: {len(data):,} bytes, {sum(1 for _ in etree.fromstring(data).iter()):,} nodes; "
        f"{1000 / times.median(*TOGETHER['from bytes to page']):.1f} pages per second and core from bytes to page; "
        f"that adds at most {added:.0f} MB of memory.",
        "",
        "| step | ms (median) | ms (p95) | bare parses |",
        "|---|---|---|---|",
        f"| {UNIT} | {times.median('unit'):.2f} | {times.percentile95('unit'):.2f} | 1 |",
    ]
    steps = {**STEPS, **{name: name for name in times.taken if name not in STEPS and name != "unit"}}
    lines += [
        f"| {words} | {times.median(name):.2f} | {times.percentile95(name):.2f} | {times.ratio(name):.1f} |"
        for name, words in steps.items()
    ]
    lines += [
        f"| *{words}* | {times.median(*names):.2f} | | {times.ratio(*names):.1f} |" for words, names in TOGETHER.items()
    ]
    return [*lines, ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds, a small catalogue; ratios are rough")
    parser.add_argument("--check", action="store_true", help="end with 1 when a goal is missed")
    parser.add_argument("--write", type=Path, help="put the result into this page, between its two marks")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        _print_peak(options.peak, options.folder)
        return 0
    tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    lines = [f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {sys.version.split()[0]}, into {LANGUAGE}.", ""]
    goals: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="ncp-bench-") as temporary:
        folder = Path(temporary)
        tools = Tools.made(folder / "shipped")
        sheets = stylesheets(tell)
        keep_what_is_built()
        for name, size in SIZES.items():
            data = synthetic(size)
            rounds = max(3, min(200, 30_000_000 // len(data)) // (10 if options.quick else 1))
            tell(f"synthetic summary of {name}: {rounds} rounds")
            times = measure(data, tools, rounds, sheets)
            lines += table(f"Synthetic summary of {name}", data, times, peak(data, folder / "shipped"))
            if name == "100 KB":
                value = times.ratio(*TOGETHER["translate and page"])
                goals.append((f"translate and page of {name}: {value:.1f} bare parses, at most {GOAL}", value <= GOAL))
        lines += _samples(tools, 2 if options.quick else 10, tell)
        lines += (
            [] if sheets else ["No peer's stylesheet was at hand to compare with (`shared/stylesheets/*.xsl`).", ""]
        )
        concepts = 5_000 if options.quick else 100_000
        tell(f"catalogue of {concepts} concepts in 24 languages: building takes a minute or two")
        figures = terminology.measure(concepts, folder / "large")
    lines += [
        f"**Catalogue** of {concepts:,} concepts with names in 24 languages:",
        "",
        "| | | at most |",
        "|---|---|---|",
    ]
    lines += [f"| {one.name} | {one.value:.1f} {one.unit} | {one.bound or ''} |" for one in figures]
    goals += [
        (f"{one.name}: {one.value:.1f} {one.unit}, at most {one.bound}", not one.is_broken)
        for one in figures
        if one.bound
    ]
    lines += ["", "Goals:", "", *(f"* {words}: {'met' if met else '**missed**'}" for words, met in goals)]
    result = "\n".join(lines)
    print(result)
    if options.write:
        page = options.write.read_text()
        begin, end = "<!-- semantics -->", "<!-- end of semantics -->"
        before, after = page.split(begin)[0], page.split(end)[1]
        options.write.write_text(f"{before}{begin}\n{result}\n{end}{after}")
    return 1 if options.check and not all(met for _, met in goals) else 0


def _samples(tools: Tools, rounds: int, tell: Callable[[str], None]) -> list[str]:
    """Other people's summaries of level 3, all of them together."""
    together: list[tuple[float, float]] = []
    for path in shared_files("samples/cda", "*.xml"):
        data = path.read_bytes().lstrip()
        if read_element(parse(data, DOCUMENT_LIMITS)).level is Level.L3:
            times = measure(data, tools, rounds, {})
            together.append((times.ratio("translate", "page"), times.ratio(*TOGETHER["from bytes to page"])))
    if not together:
        return ["No samples of other countries were at hand (`shared/samples/cda`).", ""]
    tell(f"{len(together)} samples of other countries")
    alone, whole = (sorted(column) for column in zip(*together, strict=True))
    return [
        f"{len(together)} samples of other countries: translate and page in {statistics.median(alone):.1f} bare parses "
        f"({alone[0]:.1f} to {alone[-1]:.1f}), from bytes to page in {statistics.median(whole):.1f} "
        f"({whole[0]:.1f} to {whole[-1]:.1f}).",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
