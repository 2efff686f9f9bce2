"""What the terminology catalogue costs at full size: 100,000 concepts with names in 24 languages, all invented.

    python benchmarks/terminology.py [--concepts 100000] [--folder DIR]

Prints one line per figure with its bound, and ends with 1 when a bound is broken: size on disk (200 MB), memory that a
process gains by reading (60 MB), look-up of a code never seen before and of a known one (20 µs), and the time that
building, checking and comparing take.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.compare import compare
from ncp.semantics.terminology.importing import build_release
from ncp.semantics.terminology.shipped import EU_LANGUAGES

SYSTEM, VALUE_SET = "2.25.1001", "2.25.2001"
WORDS = ("acute", "chronic", "disorder", "fracture", "lateral", "upper", "inflammation", "injury", "other", "of the")


def content(concepts: int) -> Iterator[rows.Row]:
    draw = random.Random(1)
    yield rows.System(SYSTEM, "Invented")
    yield rows.ValueSet(VALUE_SET, "Invented", "1")
    for number in range(concepts):
        code = str(10_000_000 + number * 7)
        yield rows.Concept(SYSTEM, code, "2026")
        yield rows.Member(VALUE_SET, "1", SYSTEM, code)
        for language in EU_LANGUAGES:
            text = f"{' '.join(draw.choices(WORDS, k=3))} {language} {number}"
            yield rows.Designation(SYSTEM, code, language, text)


def resident() -> float:
    """Megabytes of this process in memory."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def read(folder: Path, concepts: int) -> None:
    """In a process of its own: memory gained, and look-ups in random order, in processor time."""
    catalogue = Catalogue(folder)
    empty = resident()
    draw = random.Random(2)
    questions = [(str(10_000_000 + draw.randrange(concepts) * 7), draw.choice(EU_LANGUAGES)) for _ in range(100_000)]
    questions_memory = resident()
    catalogue.current()
    begun = time.process_time()
    for code, language in questions:
        assert catalogue.lookup(SYSTEM, code, language) is not None
    fresh = (time.process_time() - begun) / len(questions)
    known = questions[-1000:]
    begun = time.process_time()
    for _ in range(100):
        for code, language in known:
            catalogue.lookup(SYSTEM, code, language)
    again = (time.process_time() - begun) / 100_000
    begun = time.process_time()
    for code, _ in questions[:50_000]:
        assert catalogue.contains(VALUE_SET, SYSTEM, code)
    member = (time.process_time() - begun) / 50_000
    gained = resident() - questions_memory
    print(fresh * 1e6, again * 1e6, member * 1e6, gained, resident(), empty)


class Figure(NamedTuple):
    """One measured value; ``bound`` 0 where there is none."""

    name: str
    value: float
    unit: str
    bound: float = 0

    @property
    def is_broken(self) -> bool:
        return bool(self.bound) and self.value > self.bound


def measure(concepts: int, place: Path) -> list[Figure]:
    """Build a release of that size in ``place``, and measure it in a process of its own."""
    folder = ReleaseFolder(place)
    begun = time.perf_counter()
    build_release(folder, content(concepts), at=datetime.now(UTC), sources=list, name="large")
    built = time.perf_counter() - begun
    begun = time.perf_counter()
    folder.activate("large")
    activated = time.perf_counter() - begun
    begun = time.perf_counter()
    compare(folder.path("large"), folder.path("large"))
    compared = time.perf_counter() - begun
    command = [sys.executable, __file__, "--read", str(folder.folder), "--concepts", str(concepts)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    fresh, again, member, gained, whole, _ = map(float, done.stdout.split())
    return [
        Figure("size on disk", folder.path("large").stat().st_size / 1e6, "MB", 200),
        Figure("memory gained by reading", gained, "MB", 60),
        Figure("look-up, code not seen before", fresh, "µs", 20),
        Figure("look-up, known code", again, "µs", 20),
        Figure("membership in a value set", member, "µs", 20),
        Figure("build", built, "s"),
        Figure("check and activate", activated, "s"),
        Figure("compare two releases", compared, "s"),
        Figure("whole process", whole, "MB"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concepts", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read, options.concepts)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(options.concepts, options.folder or Path(temporary))
    for one in figures:
        print(f"{one.name:32} {one.value:10.2f} {one.unit:3} {f'(at most {one.bound})' if one.bound else ''}")
    return 1 if any(one.is_broken for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
