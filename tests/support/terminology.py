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


def build(folder: Path, content: Iterable[rows.Row], *, base: str = "", name: str = "", strict: bool = False) -> ImportReport:
    """A release in that folder, not activated."""
    note = SourceNote("invented")
    return build_release(
        ReleaseFolder(folder), content, at=AT, sources=lambda: [note], base=base, name=name, strict=strict
    )


def small(word: str = "", *, codes: int = 3) -> list[rows.Row]:
    """A code system, a value set of all its codes, names in two languages, one national mapping."""
    content: list[rows.Row] = [rows.System(SYSTEM, "Invented"), rows.ValueSet(VALUE_SET, "eInvented", "1", "2026-01-01")]
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
                    "concept": [{"code": "1001", "display": "invented one"}, {"code": "1002", "display": "invented two"}],
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


DUMP = r"""-- MariaDB dump
DROP TABLE IF EXISTS `code_system`;
CREATE TABLE `code_system` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `oid` varchar(255) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `description` varchar(4000) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `oid` (`oid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `code_system` WRITE;
INSERT INTO `code_system` VALUES (1,'2.25.1001 ','Invented','a (b), c; d'),(2,'1.2.250.1.999.1','National',NULL);
UNLOCK TABLES;
INSERT INTO `code_system_concept` (`id`,`code`,`definition`,`status`,`status_date`,`code_system_version_id`) VALUES
(10,'C1',NULL,'Current','2024-01-01 00:00:00',5),(11,'C2','it''s; a \'test\'','Retired',NULL,5),(12,'N1',NULL,'Current',NULL,6);
INSERT INTO `code_system_version` (`id`,`full_name`,`local_name`,`effective_date`,`status`,`code_system_id`) VALUES (5,'Invented 2024','2024','2024-01-01 00:00:00','Current',1),(6,'National 1','1',NULL,'Current',2);
INSERT INTO `designation` (`id`,`designation`,`language_code`,`type`,`is_preferred`,`status`,`status_date`,`code_system_concept_id`) VALUES (1,'L\'abdomen aigu','fr-FR','PN',1,'Current',NULL,10),(2,'Acute abdomen','en-GB','PN',1,'Current',NULL,10),(3,'other','en-GB',NULL,0,'Current',NULL,10),(4,'','en-GB',NULL,1,'Current',NULL,11),(5,'lost','en-GB',NULL,1,'Current',NULL,99);
INSERT INTO `transcoding_association` (`id`,`transcoding_association_id`,`quality`,`status`,`status_date`,`source_concept_id`,`target_concept_id`) VALUES (1,1,NULL,'Valid',NULL,12,10);
INSERT INTO `value_set` (`id`,`oid`,`epsos_name`,`description`,`parent_code_system_id`) VALUES (1,'2.25.2001','eInvented',NULL,NULL);
INSERT INTO `value_set_version` (`id`,`version_name`,`effective_date`,`status`,`value_set_id`) VALUES (1,'8.1.0','2024-04-22 00:00:00','Current',1);
INSERT INTO `x_concept_value_set` VALUES (10,1),(11,1);
CREATE TABLE `x_concept_value_set` (
  `code_system_concept_id` bigint(20) NOT NULL,
  `value_set_version_id` bigint(20) NOT NULL
) ENGINE=InnoDB;
"""
"""A dump with what real ones have: quotes of both kinds, brackets in texts, several rows a statement, odd rows."""
