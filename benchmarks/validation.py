"""How long the checks of a document take beyond its parse: own rules, and the XML schema of a folder.

``python benchmarks/validation.py [--schemas FOLDER] [DOCUMENT ...]``; without documents, the full summary of the
demonstration with its entries repeated up to 160 KB. Fails when the own rules take more than twice the time of the
parse.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ncp.connector.store.patients import PatientFile
from ncp.connector.store.problems import read_toml
from ncp.connector.store.synthetic.facts import SummaryFacts
from ncp.connector.store.synthetic.summary import write_summary
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.validation.own.run import check
from ncp.semantics.validation.schema import SchemaChecks
from ncp.wire.xml import parse

DEMO = Path(__file__).resolve().parents[1] / "config/demo/patients/HR/01-full-summary"
SIZE = 160 * 1024
BOUND = 2.0
"""Time of the own rules by time of the parse, which a document has to bear anyway."""
ROUNDS = 30


def example() -> bytes:
    """The full summary, its section of medicines repeated entry by entry until it has the size."""
    patient = read_toml(PatientFile, (DEMO / "patient.toml").read_bytes(), "patient.toml")
    facts = read_toml(SummaryFacts, (DEMO / "summary.toml").read_bytes(), "summary.toml")
    content = write_summary(patient, facts)[0]
    number = 0
    while len(content) < SIZE:
        number += 1
        start = content.index(b"<entry", content.index(b'code="10160-0"'))
        stop = content.index(b"</entry>", start) + len(b"</entry>")
        entry = content[start:stop].replace(b' extension="', b' extension="%d-' % number)
        content = content[:stop] + entry + content[stop:]
    return content


def best(what: Callable[[], object]) -> float:
    """Milliseconds of processor time of the fastest of some rounds."""
    took = []
    for _ in range(ROUNDS):
        start = time.process_time()
        what()
        took.append(time.process_time() - start)
    return min(took) * 1000


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--schemas", type=Path)
    arguments.add_argument("documents", nargs="*", type=Path)
    asked = arguments.parse_args()
    schema = SchemaChecks(asked.schemas) if asked.schemas else None
    documents = [(path.name, path.read_bytes().lstrip()) for path in asked.documents] or [("example", example())]
    worst = 0.0
    print(f"{'document':40} {'KB':>6} {'parse':>7} {'own':>7} {'schema':>7}  findings")
    for name, content in documents:
        root = parse(content, DOCUMENT_LIMITS)
        reading = best(lambda content=content: parse(content, DOCUMENT_LIMITS))  # type: ignore[misc]
        own = best(lambda root=root: check(root))  # type: ignore[misc]
        by_schema = best(lambda root=root: schema.check(root)) if schema else 0.0  # type: ignore[misc,union-attr]
        worst = max(worst, own / reading)
        found = len(check(root).found)
        print(f"{name:40} {len(content) / 1024:6.0f} {reading:7.2f} {own:7.2f} {by_schema:7.2f}  {found}")
    print(f"own rules take {worst:.1f} times the parse at most; bound {BOUND}")
    return 0 if worst <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
