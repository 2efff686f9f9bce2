"""Loading folders: what is taken, what is refused and how it is said, all or nothing, again and again."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ncp.connector.store.database import open_writer
from ncp.connector.store.documents import DocumentRefused, read_document
from ncp.connector.store.load import LoadRefused, load
from ncp.connector.store.patients import PatientFile
from ncp.connector.store.problems import Refused, read_toml
from ncp.connector.store.synthetic.facts import SummaryFacts
from tests.connector.conftest import DEMO
from tests.support.connector import LAB, MBO, Folder, cda, connector, discovery, mbo, pdf, query, retrieval
from xca.messages import Author, DocumentEntry
from xcpd.messages import PatientSearch

ANA = mbo("999990000")


def problems(folder: Folder, database: Path, **options: object) -> list[tuple[str, str]]:
    """File and field of every problem; checks that each names a reason and a remedy and no patient data."""
    report = folder.load(database, **options)
    for problem in report.problems:
        assert problem.reason
        assert problem.remedy
        for secret in ("Testić", "Ana", "19700409", "999990000"):
            assert secret not in str(problem)
    return [(problem.file, problem.field) for problem in report.problems]


def entries(database: Path, *classes: str) -> list[DocumentEntry]:
    return list(asyncio.run(connector(database).find_documents(query(ANA, *classes))))


def count(database: Path, table: str) -> int:
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def test_a_cda_is_stored_byte_for_byte_and_described_by_itself(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda())
    report = folder.load(database)
    assert (report.ok, report.added, report.documents, report.size) == (True, 1, 1, len(cda()))
    (entry,) = entries(database)
    assert (entry.unique_id, entry.creation_time, entry.language) == ("1.2.3^D1", "20250310081500", "hr-HR")
    assert entry.confidentiality.code == "R"
    assert entry.authors == (Author("Iva Ivić", "Klinika", ("Medical doctors",)),)
    assert asyncio.run(connector(database).fetch_document(retrieval(entry))) == cda()


def test_loading_again_changes_nothing_and_a_change_replaces(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda())
    folder.load(database)
    before = database.read_bytes()
    report = folder.load(database)
    assert (report.added, report.replaced, report.unchanged) == (0, 0, 1)
    assert database.read_bytes() == before
    (place / "summary.xml").write_bytes(cda(created="20250401"))
    folder.patient("1", consent="")
    assert folder.load(database).replaced == 1
    assert [entry.creation_time for entry in entries(database)] == ["20250401"]
    assert (count(database, "patient"), count(database, "content"), count(database, "consent")) == (1, 1, 0)


def test_a_removed_document_leaves_no_trace_in_the_file(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda(extra="<!--a sentence nobody shall keep-->"))
    folder.load(database)
    assert b"nobody shall keep" in database.read_bytes()
    (place / "summary.xml").unlink()
    folder.load(database)
    assert entries(database) == []
    assert b"nobody shall keep" not in database.read_bytes()


def test_a_patient_is_loaded_whole_or_not_at_all_and_others_are_loaded(folder: Folder, database: Path) -> None:
    first = folder.patient("1")
    (first / "summary.xml").write_bytes(cda())
    folder.patient("2", identifiers=f'[{{ root = "{MBO}", extension = "2" }}]')
    folder.load(database)
    folder.patient("1", birth_date='"1971"')
    folder.patient("2", identifiers=f'[{{ root = "{MBO}", extension = "2" }}]', family='"Nova"')
    report = folder.load(database)
    assert (report.refused, report.replaced) == (1, 1)
    (person,) = asyncio.run(connector(database).identify(discovery(PatientSearch((ANA,)))))
    assert person.birth_date == "19700409", "what was loaded before stays"
    assert len(entries(database)) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"identifiers": ""}, "identifiers"),
        ({"identifiers": "[]"}, "identifiers"),
        ({"identifiers": '[{ root = "x", extension = "1" }]'}, "identifiers.0.root"),
        ({"identifiers": '[{ root = "1.2" }]'}, "identifiers.0.extension"),
        ({"family": ""}, "family"),
        ({"family": '""'}, "family"),
        ({"given": "7"}, "given"),
        ({"gender": '"X"'}, "gender"),
        ({"birth_date": '"1970-04-09"'}, "birth_date"),
        ({"birth_date": "1970-04-09"}, "birth_date"),
        ({"birth_date": '"19701309"'}, "birth_date"),
        ({"deceased": "true"}, "deceased"),
        ({"consent": '[{ allow = "yes" }]'}, "consent.0.allow"),
        ({"consent": "[{}]"}, "consent.0.allow"),
        ({"consent": '[{ allow = true, countries = ["Croatia"] }]'}, "consent.0.countries.0"),
        ({"consent": "[{ allow = true, countries = [] }]"}, "consent.0.countries"),
        ({"consent": '[{ allow = true, classes = ["57833-6"] }]'}, "consent.0.classes.0"),
        ({"address": '{ country = "Croatia" }'}, "address.country"),
        ({"nickname": '"Ani"'}, "nickname"),
    ],
)
def test_a_wrong_key_is_named_with_file_and_remedy(
    folder: Folder, database: Path, changes: dict[str, str], field: str
) -> None:
    folder.patient("1", **changes)
    assert problems(folder, database) == [("1/patient.toml", field)]


@pytest.mark.parametrize("text", ["family = ", "family = 'x'\nfamily = 'y'", "[[", "\x00"])
def test_a_file_that_is_no_toml_is_named_with_its_line(folder: Folder, database: Path, text: str) -> None:
    folder.patient("1", text)
    ((file, _),) = problems(folder, database)
    assert file == "1/patient.toml"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"patient": [(MBO, "999990001")]}, "recordTarget/patientRole/id"),
        ({"patient": [("1.2.3", "999990000")]}, "recordTarget/patientRole/id"),
        ({"patient": [(MBO, "999990000"), (MBO, "7")]}, "recordTarget/patientRole/id"),
        ({"patient": []}, "recordTarget/patientRole/id"),
        ({"names": "<family>Drugić</family>"}, "recordTarget/patientRole/patient"),
        ({"birth": "19700410"}, "recordTarget/patientRole/patient"),
        ({"birth": "soon"}, "recordTarget/patientRole/patient"),
        ({"gender": "M"}, "recordTarget/patientRole/patient"),
        ({"class_code": "57833-6"}, "code"),
        ({"class_code": ""}, "code"),
        ({"identifier": 'nullFlavor="NI"'}, "id"),
        ({"identifier": 'root="urn:x" extension="1"'}, "id/@root"),
        ({"identifier": f'root="1.2.3" extension="{"x" * 123}"'}, "id"),
        ({"identifier": 'root="1.2.3" extension="a^b"'}, "id"),
        ({"created": "10.3.2025"}, "effectiveTime"),
        ({"created": "20250230"}, "effectiveTime"),
        ({"created": "00010101000000+1400"}, "effectiveTime"),
        ({"created": "202503101261+0100"}, "effectiveTime"),
        ({"created": "20250310120000+9999"}, "effectiveTime"),
        ({"body": ""}, "component"),
        ({"body": "<nonXMLBody/>"}, "component"),
        ({"body": '<nonXMLBody><text mediaType="image/png"/></nonXMLBody>'}, "nonXMLBody/text/@mediaType"),
        (
            {
                "body": '<nonXMLBody><text mediaType="application/pdf"><reference value="file:///etc/passwd"/></text></nonXMLBody>'
            },
            "nonXMLBody/text",
        ),
        (
            {"body": '<nonXMLBody><text mediaType="application/pdf" representation="B64">????</text></nonXMLBody>'},
            "nonXMLBody/text",
        ),
        (
            {"body": '<nonXMLBody><text mediaType="application/pdf" representation="B64">AAAA</text></nonXMLBody>'},
            "nonXMLBody/text",
        ),
        ({"class_code": LAB}, "component/structuredBody"),
    ],
)
def test_a_document_that_cannot_be_this_patients_or_be_listed_is_refused(
    folder: Folder, database: Path, document: dict[str, object], field: str
) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda(**document))  # type: ignore[arg-type]
    assert problems(folder, database) == [("1/summary.xml", field)]
    assert count(database, "patient") == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain text",
        b"<ClinicalDocument/>",
        cda()[:-20],
        cda().replace(b"<ClinicalDocument ", b"<!DOCTYPE x [<!ENTITY a 'b'>]><ClinicalDocument "),
        cda().decode().encode("utf-16"),
        b"<a>" * 200 + b"</a>" * 200,
    ],
)
def test_bytes_that_are_no_safe_cda_are_refused_by_file(folder: Folder, database: Path, content: bytes) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(content)
    assert problems(folder, database) == [("1/summary.xml", "")]


def test_every_problem_of_a_patient_is_told_at_once(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "a.xml").write_bytes(cda(created="x"))
    (place / "b.xml").write_bytes(b"<b/>")
    (place / "c.docx").write_bytes(b"word")
    (place / "d.pdf").write_bytes(pdf())
    assert sorted(problems(folder, database)) == [
        ("1/a.xml", "effectiveTime"),
        ("1/b.xml", ""),
        ("1/c.docx", ""),
        ("1/d.pdf", ""),
    ]


def test_a_file_over_the_limit_is_refused_unread(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda(padding=10_000))
    assert problems(folder, database, maximum_size=10_000) == [("1/summary.xml", "")]
    assert problems(folder, database, maximum_size=20_000) == []


def test_times_are_utc_and_without_a_zone_they_are_the_countrys(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    shown = {"20250310": "20250310", "20250310233000": "20250310223000", "202503100015+0100": "202503092315"}
    for number, created in enumerate(shown):
        document = cda(f'root="1.2.3" extension="{created}"', created=created)
        (place / f"{number}.xml").write_bytes(document)
    assert folder.load(database, zone=timezone(timedelta(hours=1))).ok
    assert {entry.unique_id.partition("^")[2]: entry.creation_time for entry in entries(database)} == shown


@pytest.mark.parametrize(
    ("structured", "image"),
    [
        ({"parent": 'root="1.2.9" extension="S"'}, {"parent": 'root="1.2.9" extension="S"'}),
        ({}, {"parent": 'root="1.2.3" extension="L3"'}),
        ({"parent": 'root="1.2.3" extension="L1"'}, {}),
        (
            {"set_id": '<setId root="1.9" extension="s"/><versionNumber value="2"/>'},
            {"set_id": '<setId root="1.9" extension="s"/><versionNumber value="2"/>'},
        ),
    ],
)
def test_representations_of_one_document_are_linked(
    folder: Folder, database: Path, structured: dict[str, str], image: dict[str, str]
) -> None:
    place = folder.patient("1")
    (place / "z.xml").write_bytes(cda('root="1.2.3" extension="L3"', **structured))  # type: ignore[arg-type]
    (place / "a.xml").write_bytes(cda('root="1.2.3" extension="L1"', body="pdf", **image))  # type: ignore[arg-type]
    (place / "b.xml").write_bytes(cda('root="1.2.3" extension="L3-other"', created="2026"))
    assert folder.load(database).ok
    listed = [(entry.unique_id, entry.twin) for entry in entries(database)]
    assert listed == [("1.2.3^L3-other", ""), ("1.2.3^L3", "1.2.3^L1"), ("1.2.3^L1", "1.2.3^L3")]


def test_similar_identifiers_or_another_version_link_nothing(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    version = '<setId root="1.9" extension="s"/><versionNumber value="{}"/>'
    (place / "a.xml").write_bytes(cda('root="1.2.3" extension="D1"', set_id=version.format(1)))
    (place / "b.xml").write_bytes(cda('root="1.2.3" extension="D1.1"', body="pdf", set_id=version.format(2)))
    assert folder.load(database).ok
    assert [entry.twin for entry in entries(database)] == ["", ""]


def test_a_link_that_fits_several_documents_is_left_out_with_a_warning(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    parent = 'root="1.2.9" extension="S"'
    for name, body in (("a", "structured"), ("b", "structured"), ("c", "pdf")):
        (place / f"{name}.xml").write_bytes(cda(f'root="1.2.3" extension="{name}"', body=body, parent=parent))
    report = folder.load(database)
    assert report.ok
    assert [warning.field for warning in report.warnings] == ["relatedDocument"]
    assert [entry.twin for entry in entries(database)] == ["", "", ""]


def test_two_representations_with_one_id_are_refused(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "a.xml").write_bytes(cda())
    (place / "b.xml").write_bytes(cda(body="pdf"))
    assert problems(folder, database) == [("1", "id")]


def test_an_identifier_or_document_id_of_another_patient_is_refused(folder: Folder, database: Path) -> None:
    first = folder.patient("1")
    (first / "a.xml").write_bytes(cda())
    folder.patient("2")
    assert problems(folder, database) == [("2/patient.toml", "identifiers.0")]
    folder.patient("2", identifiers=f'[{{ root = "{MBO}", extension = "2" }}]')
    (folder.path / "2/a.xml").write_bytes(cda(patient=[(MBO, "2")]))
    assert problems(folder, database) == [("2", "id")]
    assert count(database, "patient") == 1


def test_a_pdf_beside_its_cda_becomes_the_l1_of_it(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "summary.xml").write_bytes(cda(parent='root="1.2.9" extension="S"'))
    (place / "summary.pdf").write_bytes(pdf())
    assert folder.load(database).ok
    structured, image = entries(database)
    assert (structured.twin, image.twin) == (image.unique_id, structured.unique_id)
    assert (image.unique_id, image.format_code) == ("1.2.3^D1.1", "urn:ihe:iti:xds-sd:pdf:2008")
    assert (image.language, image.creation_time, image.authors) == (
        structured.language,
        structured.creation_time,
        structured.authors,
    )


def test_a_pdf_alone_needs_facts_and_a_false_pdf_is_refused(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "report.pdf").write_bytes(pdf())
    assert problems(folder, database) == [("1/report.pdf", "")]
    facts = (DEMO / "HR/03-two-identifiers/laboratory.pdf.toml").read_text(encoding="utf-8")
    (place / "report.pdf.toml").write_text(facts, encoding="utf-8")
    assert problems(folder, database) == []
    assert [entry.class_code for entry in entries(database, LAB)] == [LAB]
    (place / "report.pdf").write_bytes(b"GIF89a" + b"x" * 2000 + b"%PDF-1.4")
    assert problems(folder, database) == [("1/report.pdf", "nonXMLBody/text")]


def test_invented_facts_are_for_invented_patients_only(folder: Folder, database: Path) -> None:
    place = folder.patient("1", test="false")
    (place / "summary.toml").write_bytes((DEMO / "HR/04-no-pdf/summary.toml").read_bytes())
    assert problems(folder, database) == [("1/summary.toml", "")]


def test_a_wrong_code_in_invented_facts_is_named(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    facts = (DEMO / "HR/04-no-pdf/summary.toml").read_text(encoding="utf-8")
    (place / "summary.toml").write_text(facts.replace("sct 420134006", "snomed 420134006"), encoding="utf-8")
    assert problems(folder, database) == [("1/summary.toml", "allergies.0.type")]


def test_progress_is_told_for_every_patient_without_a_name(folder: Folder, database: Path) -> None:
    folder.patient("1")
    folder.patient("2", birth_date='"x"')
    told: list[tuple[int, int, str]] = []
    load(folder.path, database, lambda *step: told.append(step))
    assert told == [(1, 2, "1: added"), (2, 2, "2: refused")]


def test_a_folder_without_patients_or_a_database_that_is_none_stops_everything(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="no folder"):
        load(tmp_path / "none", tmp_path / "db.sqlite3")
    with pytest.raises(LoadRefused, match=r"patient\.toml"):
        load(folder.path, tmp_path / "db.sqlite3")
    folder.patient("1")
    (tmp_path / "text.sqlite3").write_text("no database at all, just some text " * 40)
    with pytest.raises(LoadRefused, match="cannot be opened"):
        load(folder.path, tmp_path / "text.sqlite3")
    with sqlite3.connect(tmp_path / "other.sqlite3") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(LoadRefused, match="not a document store"):
        load(folder.path, tmp_path / "other.sqlite3")
    open_writer(tmp_path / "newer.sqlite3").close()
    with sqlite3.connect(tmp_path / "newer.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LoadRefused, match="newer program"):
        load(folder.path, tmp_path / "newer.sqlite3")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_documents_are_read_or_refused_as_declared(data: st.DataObject) -> None:
    content = bytearray(cda(body=data.draw(st.sampled_from(["structured", "pdf"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        document = read_document(bytes(content))
    except DocumentRefused as refused:
        assert refused.reason
        assert refused.remedy
    else:
        assert document.creation_time.isdigit()
        assert len(document.unique_id) <= 128


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_toml_or_refused_as_declared(data: bytes) -> None:
    for model in (PatientFile, SummaryFacts):
        with pytest.raises(Refused):
            read_toml(model, data, "x.toml")
