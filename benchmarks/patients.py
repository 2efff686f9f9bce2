"""Patients with documents of given sizes for the benchmark: one invented summary, padded in its narrative."""

from __future__ import annotations

from pathlib import Path

SIZES = {"10 KB": 10 * 1024, "1 MB": 1024 * 1024, "10 MB": 10 * 1024 * 1024}
"""Bytes of each document, at least: the invented summary itself has some 12 KB."""

_PATIENT = """\
identifiers = [{{ root = "2.16.840.1.113883.2.7.2.2", extension = "{extension}" }}]
family = "Primjer"
given = "Ana"
gender = "F"
birth_date = "19700409"
test = true

[[consent]]
allow = true
"""


def write_patients(folder: Path) -> dict[str, tuple[str, str]]:
    """A folder of patients per country. Returns size name → identifier and unique id of its document."""
    found: dict[str, tuple[str, str]] = {}
    for number, (name, size) in enumerate(SIZES.items()):
        extension = f"99999001{number + 1}"
        place = folder / "HR" / f"{number:02d}"
        place.mkdir(parents=True)
        (place / "patient.toml").write_text(_PATIENT.format(extension=extension), encoding="utf-8")
        (place / "summary.xml").write_bytes(_document(extension, f"BENCH-{number}", size))
        found[name] = (extension, f"2.25.275628370121233371547^BENCH-{number}")
    other = folder / "FR" / "00"
    other.mkdir(parents=True)
    (other / "patient.toml").write_text(
        _PATIENT.format(extension="0").replace("2.16.840.1.113883.2.7.2.2", "1.2.250.1.213.1.4.8"), encoding="utf-8"
    )
    return found


def _document(extension: str, number: str, size: int) -> bytes:
    head = f"""<ClinicalDocument xmlns="urn:hl7-org:v3"><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="1.3.6.1.4.1.12559.11.10.1.3.1.1.3"/><id root="2.25.275628370121233371547" extension="{number}"/>
<code code="60591-5" codeSystem="2.16.840.1.113883.6.1" displayName="Patient Summary"/><title>Sažetak</title>
<effectiveTime value="20260110091500+0100"/><confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
<languageCode code="hr-HR"/><recordTarget><patientRole><id root="2.16.840.1.113883.2.7.2.2" extension="{extension}"/>
<patient><name><given>Ana</given><family>Primjer</family></name><administrativeGenderCode code="F"
 codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19700409"/></patient></patientRole></recordTarget>
<author><time value="20260110091500+0100"/><assignedAuthor><id root="2.25.1" extension="1"/></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="2.25.1"/></representedCustodianOrganization>
</assignedCustodian></custodian><component><structuredBody><component><section>
<code code="48765-2" codeSystem="2.16.840.1.113883.6.1"/><title>Alergije</title><text>"""
    tail = "</text></section></component></structuredBody></component></ClinicalDocument>"
    line = "<paragraph>Nema poznatih alergija; izmišljeni tekst za mjerenje.</paragraph>\n"
    missing = max(0, size - len(head.encode()) - len(tail))
    return (head + line * (missing // len(line.encode()) + 1) + tail).encode()
