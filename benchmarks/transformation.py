"""How long a document's codes take: transcoding and translating one CDA file, without reading and writing XML.

    python benchmarks/transformation.py FILE [--language fr-FR]

Prints the best and the median of a hundred runs in milliseconds, beside the time of parsing and of serialising.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.transform import operations
from ncp.semantics.transform.elements import shipped
from ncp.semantics.transform.writing import serialise_document
from ncp.wire.xml import parse

RUNS = 100


def main() -> None:
    """Measure, and print one line per operation."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--language", default="fr-FR")
    given = arguments.parse_args()
    content = given.file.read_bytes().lstrip(b" \t\r\n")
    with tempfile.TemporaryDirectory() as folder:
        ensure_shipped(ReleaseFolder(Path(folder)), datetime.now(UTC))
        release, elements = Catalogue(Path(folder)).current(), shipped()
        both: dict[str, Callable[[object], object]] = {
            "transcode": lambda root: operations.transcode(root, release=release, elements=elements, source=content),
            "translate": lambda root: operations.translate(
                root, given.language, release=release, elements=elements, source=content
            ),
        }
        for name, operation in both.items():
            parsing, working, writing = [], [], []
            for _ in range(RUNS):
                begun = time.perf_counter()
                root = parse(content, DOCUMENT_LIMITS)
                parsed = time.perf_counter()
                operation(root)
                worked = time.perf_counter()
                serialise_document(root, content)
                written = time.perf_counter()
                parsing.append(parsed - begun)
                writing.append(written - worked)
                working.append(worked - parsed - writing[-1])
            for what, seconds in (("parse", parsing), (name, working), ("serialise", writing)):
                best, usual = min(seconds) * 1000, statistics.median(seconds) * 1000
                print(f"{what:>10}  best {best:6.2f} ms  median {usual:6.2f} ms")


if __name__ == "__main__":
    main()
