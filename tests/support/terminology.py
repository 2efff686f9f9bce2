"""Invented terminology in the shapes of the real sources, and small catalogues made of it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import ReleaseFolder
from ncp.semantics.terminology.importing import ImportReport, SourceNote, build_release

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SYSTEM, NATIONAL, VALUE_SET = "2.25.1001", "1.2.250.1.999.1", "2.25.2001"


def build(
    folder: Path, content: Iterable[rows.Row], *, base: str = "", name: str = "", strict: bool = False
) -> ImportReport:
    """A release in that folder, not activated."""
    note = SourceNote("invented")
    return build_release(
        ReleaseFolder(folder), content, at=AT, sources=lambda: [note], base=base, name=name, strict=strict
    )


def small(word: str = "", *, codes: int = 3) -> list[rows.Row]:
    """A code system, a value set of all its codes, names in two languages, one national mapping."""
    content: list[rows.Row] = [
        rows.System(SYSTEM, "Invented"),
        rows.ValueSet(VALUE_SET, "eInvented", "1", "2026-01-01"),
    ]
    for number in range(codes):
        code = f"C{number}"
        content += [
            rows.Concept(SYSTEM, code, "2026"),
            rows.Member(VALUE_SET, "1", SYSTEM, code),
            rows.Designation(SYSTEM, code, "en-GB", f"name{word} {number}"),
            rows.Designation(SYSTEM, code, "fr-FR", f"nom{word} {number}"),
        ]
    content.append(rows.Mapping(NATIONAL, "N1", SYSTEM, "C1"))
    return content


def code_system(**changes: Any) -> dict[str, Any]:
    """A CodeSystem as the French national package shapes them: French display, OID as identifier, nested concepts."""
    return {
        "resourceType": "CodeSystem",
        "url": "https://example.eu/CodeSystem/forms",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{SYSTEM} "}],
        "version": "2024-06-20",
        "name": "Forms",
        "status": "active",
        "date": "2024-06-20",
        "content": "complete",
        "concept": [
            {
                "code": "F1",
                "display": "comprimé",
                "designation": [{"language": "en", "value": "tablet"}],
                "concept": [{"code": "F2", "display": "comprimé pelliculé"}],
            },
            {"code": "F3", "display": "gelée", "property": [{"code": "status", "valueCode": "deprecated"}]},
        ],
        **changes,
    }


def value_set(**changes: Any) -> dict[str, Any]:
    """A ValueSet as the European package shapes them: enumerated compose, English display."""
    return {
        "resourceType": "ValueSet",
        "id": "eInvented-8.1.0",
        "url": "http://terminology.example.eu/ValueSet/eInvented",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{VALUE_SET}"}],
        "version": "8.1.0",
        "name": "eInvented",
        "status": "active",
        "compose": {
            "include": [
                {
                    "system": "http://snomed.info/sct",
                    "version": "2023",
                    "concept": [
                        {"code": "1001", "display": "invented one"},
                        {"code": "1002", "display": "invented two"},
                    ],
                }
            ]
        },
        **changes,
    }


def package(path: Path, resources: dict[str, Any], **files: bytes) -> Path:
    """A FHIR package (.tgz) of these resources; ``files`` are added by their very names."""
    manifest = {"name": "invented.terminology", "version": "1.0.0", "license": "CC0-1.0"}
    content = {"package/package.json": json.dumps(manifest).encode()}
    content |= {f"package/{name}.json": json.dumps(body).encode() for name, body in resources.items()}
    content |= files
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


DUMP = (Path(__file__).parents[1] / "terminology" / "repository.sql").read_text(encoding="utf-8")
"""A dump with what real ones have: quotes of both kinds, brackets in texts, several rows a statement, odd rows."""
