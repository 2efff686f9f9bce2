"""The invented summaries of the demonstration, written anew from their facts, with the facts beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ncp.connector.store.patients import PatientFile
from ncp.connector.store.problems import read_toml
from ncp.connector.store.synthetic.facts import SummaryFacts
from ncp.connector.store.synthetic.summary import write_summary

PATIENTS = Path(__file__).resolve().parents[2] / "config/demo/patients"


@dataclass(frozen=True)
class Written:
    """One document and what it was made of."""

    name: str
    level: str
    patient: PatientFile
    facts: SummaryFacts
    content: bytes


def demo_summaries() -> Iterator[Written]:
    for path in sorted(PATIENTS.glob("*/*/summary.toml")):
        patient = read_toml(PatientFile, (path.parent / "patient.toml").read_bytes(), "patient.toml")
        facts = read_toml(SummaryFacts, path.read_bytes(), "summary.toml")
        if facts.generated_results:
            # Its size takes seconds to write, and it says nothing that the others do not.
            continue
        name = f"{path.parent.parent.name}/{path.parent.name}"
        for level, content in zip(facts.formats, write_summary(patient, facts), strict=True):
            yield Written(name, level, patient, facts, content)
