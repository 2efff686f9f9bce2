"""What becomes of documents on their way to a reader, in numbers, one line each.

    python -m tests.semantics_table [--markdown] [FILE…]

Without files, all shared samples. Each is read, translated into French and into English with the terminology that the
program brings, and shown. Columns: level; sections; entries as the document has them; coded elements of the model;
coded elements with a name in French and in English after translation; those that the French page marks as not
translated; parts listed as not shown; warnings of the translation into French and of the page; bytes of that page.
Numbers only: nothing of a document is printed but its file name.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from ncp.semantics.coding import CodeState
from ncp.semantics.display.compose import compose
from ncp.semantics.display.page import page_of
from ncp.semantics.display.view import Layout, Provenance, SectionView
from ncp.semantics.display.words import words_for
from ncp.semantics.model import PatientSummary
from ncp.semantics.naming import ENGLISH, Names
from ncp.semantics.read_cda import DOCUMENT_LIMITS, read_element
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import CodedElements, shipped
from ncp.semantics.transform.operations import translate
from ncp.semantics.transform.result import Transformation
from ncp.semantics.values import Coded
from ncp.wire.errors import DocumentError
from ncp.wire.xml import XmlRefused, parse
from tests.shared import shared_files
from tests.support.semantics import data_of

AT = datetime(2026, 5, 1, tzinfo=UTC)
FRENCH = "fr-FR"

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


@dataclass(frozen=True)
class Row:
    """One document; the names of the fields are the heads of the columns."""

    document: str
    level: str
    sections: int = 0
    entries: int = 0
    coded: int = 0
    to_french: int = 0
    to_english: int = 0
    untranslated: int = 0
    not_shown: int = 0
    warnings: int = 0
    page_bytes: int = 0
    by_kind: str = ""


HEAD = tuple(one.name.replace("_", " ") for one in fields(Row))


def kinds_of(summary: PatientSummary) -> Counter[str]:
    """Entries by kind, absence statements apart."""
    entries = (entry for section in summary.all_sections() for entry in section.entries)
    return Counter(SHORT[type(e).__name__] + (" absent" if e.absence is not None else "") for e in entries)


def row(path: Path, release: Release, elements: CodedElements) -> Row:
    """The line of one document; a refused one has its reason in the place of its level."""
    data = path.read_bytes().lstrip()
    try:
        summaries = {language: _translated(data, language, release, elements) for language in (ENGLISH, FRENCH)}
    except (XmlRefused, DocumentError) as refused:
        return Row(path.stem, refused.reason)
    (_, english), (summary, french) = summaries[ENGLISH], summaries[FRENCH]
    language = summary.header.language
    names = Names(release, FRENCH, language.code if language is not None else "")
    view = compose(summary, names, Provenance(AT))
    sections = list(summary.all_sections())
    return Row(
        path.stem,
        summary.level.value,
        len(sections),
        sum(len(section.statements) for section in sections),
        sum(isinstance(datum, Coded) for datum in data_of(summary)),
        _named(french),
        _named(english),
        view.untranslated,
        len(summary.not_shown),
        len(french.warnings) + french.dropped + len(view.warnings) + sum(map(_warnings, view.sections)),
        len(page_of(view, words_for(FRENCH), Layout.TRANSLATED)),
        ", ".join(f"{kind} {count}" for kind, count in sorted(kinds_of(summary).items())),
    )


def _translated(
    data: bytes, language: str, release: Release, elements: CodedElements
) -> tuple[PatientSummary, Transformation]:
    root = parse(data, DOCUMENT_LIMITS)
    result = translate(root, language, release=release, elements=elements, source=data)
    return read_element(root), result


def _named(result: Transformation) -> int:
    """Coded elements that stand in the language asked for."""
    return sum(result.counts.get(state, 0) for state in (CodeState.TRANSLATED, CodeState.SAME))


def _warnings(section: SectionView) -> int:
    return len(section.warnings) + sum(map(_warnings, section.inside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="a table for a page of the documentation")
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ensure_shipped(ReleaseFolder(Path(folder)), AT)
        release, elements = Catalogue(Path(folder)).current(), shipped()
        files = options.files or shared_files("samples/cda", "*.xml")
        rows = [tuple(map(str, astuple(row(path, release, elements)))) for path in files]
    if options.markdown:
        for line in (HEAD, ("---",) * len(HEAD), *rows):
            print(f"| {' | '.join(line[:-1])} |")
        return
    widths = [max(len(line[column]) for line in (HEAD, *rows)) for column in range(len(HEAD) - 1)]
    for line in (HEAD, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1], sep="  ")


if __name__ == "__main__":
    main()
