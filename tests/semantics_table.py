"""What the model makes of documents, one line each: ``python -m tests.semantics_table [FILE…]``.

Without files, all shared samples. Numbers only: sections, entries by kind, coded elements, what is not shown.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from ncp.semantics.model import PatientSummary
from ncp.semantics.read_cda import read_cda
from ncp.semantics.values import Coded
from tests.shared import shared_files
from tests.support.semantics import data_of

SHORT = {
    "Allergy": "allergy",
    "Condition": "condition",
    "Medication": "medication",
    "ImplantedDevice": "device",
    "Procedure": "procedure",
    "Immunisation": "immunisation",
    "Habit": "habit",
    "PregnancyStatus": "pregnancy",
    "PregnancyOutcome": "outcome",
    "Measurements": "measurements",
    "OtherEntry": "other",
}


def kinds_of(summary: PatientSummary) -> Counter[str]:
    """Entries by kind, absence statements apart."""
    entries = (entry for section in summary.all_sections() for entry in section.entries)
    return Counter(SHORT[type(e).__name__] + (" absent" if e.absence is not None else "") for e in entries)


def row(path: Path) -> tuple[str, ...]:
    summary = read_cda(path.read_bytes())
    sections = list(summary.all_sections())
    statements = sum(len(section.statements) for section in sections)
    codes = sum(1 for datum in data_of(summary) if isinstance(datum, Coded))
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds_of(summary).items()))
    shown = (summary.level.value, summary.header.nature.value, len(sections), statements, codes, len(summary.not_shown))
    return (path.stem, *map(str, shown), kinds)


HEAD = ("document", "level", "nature", "sections", "entries", "coded", "not shown", "entries by kind")


def main(files: list[Path]) -> None:
    rows = [HEAD, *(row(path) for path in files)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEAD) - 1)]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1], sep="  ")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or shared_files("samples/cda", "*.xml"))
