"""Finding, describing and fetching documents; and the file behind them being away."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import sqlite3
from pathlib import Path

import pytest

from ncp.connector.store.connector import StoreConnector
from ncp.wire.errors import ConnectorError
from ncp.wire.ids import II
from tests.support.connector import (
    HOME,
    LAB,
    PS,
    REPOSITORY,
    Folder,
    about,
    cda,
    connector,
    description,
    discovery,
    mbo,
    query,
    retrieval,
)
from xca.messages import Author, Coded, DocumentEntry, DocumentFilter
from xcpd.messages import PatientSearch

HORVAT = mbo("999990033")
CARD = II("2.25.55370812054444987338823703851406647484", "80191-0003")


def listed(
    store: StoreConnector, patient: II, *classes: str, narrow: DocumentFilter | None = None
) -> list[DocumentEntry]:
    return list(asyncio.run(store.find_documents(query(patient, *classes, narrow=narrow))))


def described(store: StoreConnector, patient: II, unique_id: str, repository: str = REPOSITORY) -> DocumentEntry | None:
    return asyncio.run(store.describe_document(description(patient, unique_id, repository)))


def fetched(store: StoreConnector, entry: DocumentEntry) -> bytes:
    return asyncio.run(store.fetch_document(retrieval(entry)))


def test_a_summary_is_listed_as_l3_and_l1_each_naming_the_other(store: StoreConnector) -> None:
    structured, pdf = listed(store, HORVAT)
    assert (structured.format_code, pdf.format_code) == ("urn:epSOS:ps:ps:2010", "urn:ihe:iti:xds-sd:pdf:2008")
    assert (structured.twin, pdf.twin) == (pdf.unique_id, structured.unique_id)
    assert structured.unique_id != pdf.unique_id


def test_an_entry_says_what_the_document_says_and_names_nobody_in_its_titles(store: StoreConnector) -> None:
    structured, _ = listed(store, HORVAT)
    content = fetched(store, structured)
    assert structured.unique_id == "2.25.275682283335724979468586095762074939319^HR-0003"
    assert (structured.home_community_id, structured.repository_id, structured.patient) == (HOME, REPOSITORY, HORVAT)
    assert (structured.size, structured.hash) == (len(content), hashlib.sha1(content).hexdigest())
    assert structured.creation_time == "20250120091500", "UTC, one hour behind +0100"
    assert (structured.class_code, structured.mime_type, structured.language) == (PS, "text/xml", "hr-HR")
    assert (structured.title, structured.description) == (
        "Patient Summary",
        "Patient Summary (CDA L3 / Structured body)",
    )
    assert structured.confidentiality == Coded("N", "2.16.840.1.113883.5.25", "normal")
    assert structured.facility == Coded("HR", "1.0.3166.1", "Croatia")
    assert structured.authors == (Author("Nikola Babić", "Dom zdravlja Rijeka", ("Medical doctors",)),)
    assert "Babić" not in repr(structured.authors)


@pytest.mark.parametrize(("extension", "formats"), [("999990044", ["L3"]), ("999990055", ["L1"])])
def test_a_missing_twin_is_normal(store: StoreConnector, extension: str, formats: list[str]) -> None:
    entries = listed(store, mbo(extension))
    assert ["L3" if ":ps:" in entry.format_code else "L1" for entry in entries] == formats
    assert [entry.twin for entry in entries] == [""]


def test_only_the_asked_classes_are_listed(store: StoreConnector) -> None:
    (report,) = listed(store, HORVAT, LAB)
    assert (report.class_code, report.format_code) == (LAB, "urn:eHDSI:orcd:pdf:2021")
    assert (report.title, report.description) == ("OrCD Laboratory Report", "Nalaz laboratorija")
    assert len(listed(store, HORVAT, PS)) == 2
    assert listed(store, HORVAT, "18748-4") == []


def test_a_patient_is_the_same_under_each_of_her_identifiers(store: StoreConnector) -> None:
    assert {entry.patient for entry in listed(store, CARD)} == {CARD}
    assert [entry.unique_id for entry in listed(store, CARD)] == [entry.unique_id for entry in listed(store, HORVAT)]
    entry = described(store, CARD, listed(store, HORVAT)[0].unique_id)
    assert entry is not None
    assert entry.patient == CARD


def test_an_unknown_patient_has_no_documents(store: StoreConnector) -> None:
    assert listed(store, mbo("123456789")) == []


def test_filters_are_inclusive_and_narrow_original_documents_only(store: StoreConnector) -> None:
    (report,) = listed(store, HORVAT, LAB)
    assert report.size is not None
    assert report.creation_time == "20250110150000"

    def left(**bounds: object) -> int:
        return len(listed(store, HORVAT, LAB, narrow=DocumentFilter(**bounds)))  # type: ignore[arg-type]

    assert left(maximum_size=report.size) == 1
    assert left(maximum_size=report.size - 1) == 0
    assert left(created_after="2025-01-10T15:00:00Z") == 1
    assert left(created_after="2025-01-10T15:00:01Z") == 0
    assert left(created_before="2025-01-10T15:00:00Z") == 1
    assert left(created_before="2025-01-10T14:59:59Z") == 0
    assert left(created_after="2025-01-10T16:00:00+01:00", created_before="2025-01-10T16:00:00+01:00") == 1
    summaries = listed(store, HORVAT, PS, narrow=DocumentFilter(maximum_size=1, created_before="1999-01-01T00:00:00Z"))
    assert len(summaries) == 2


def test_a_document_dated_to_the_day_is_not_excluded_by_an_hour_of_that_day(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    (place / "lab.xml").write_bytes(cda(class_code=LAB, body="pdf", created="20250110"))
    assert folder.load(database).ok
    store = connector(database)
    for bounds in ({"created_after": "2025-01-10T23:00:00Z"}, {"created_before": "2025-01-10T01:00:00Z"}):
        assert len(listed(store, mbo("999990000"), LAB, narrow=DocumentFilter(**bounds))) == 1
    assert not listed(store, mbo("999990000"), LAB, narrow=DocumentFilter(created_after="2025-01-11T00:00:00Z"))


@pytest.mark.parametrize("instant", ["yesterday", "2025-01-10", "2025-01-10T15:00:00", "2025-13-10T15:00:00Z"])
def test_a_filter_that_cannot_be_evaluated_is_refused_and_not_ignored(store: StoreConnector, instant: str) -> None:
    with pytest.raises(ConnectorError, match=r"4204: query\.filter"):
        listed(store, HORVAT, LAB, narrow=DocumentFilter(created_after=instant))


def test_describing_tells_the_owner_without_the_content(store: StoreConnector) -> None:
    theirs = listed(store, HORVAT)[0]
    other = described(store, mbo("999990011"), theirs.unique_id)
    assert other is not None
    assert other.patient == HORVAT, "access decides that this is not the caller's patient"
    assert described(store, HORVAT, theirs.unique_id) == theirs


def test_an_unknown_document_or_another_repository_is_not_described(store: StoreConnector) -> None:
    unique_id = listed(store, HORVAT)[0].unique_id
    assert described(store, HORVAT, f"{unique_id}x") is None
    assert described(store, HORVAT, "") is None
    assert described(store, HORVAT, unique_id, repository=f"{REPOSITORY}.1") is None


def test_every_listed_document_can_be_fetched(store: StoreConnector) -> None:
    for number in range(1, 8):
        for entry in listed(store, mbo(f"9999900{number}{number}")):
            assert len(fetched(store, entry)) == entry.size


def test_a_document_that_changed_owner_or_class_since_it_was_permitted_is_gone(store: StoreConnector) -> None:
    entry = listed(store, HORVAT)[0]
    for changed in (
        dataclasses.replace(entry, patient=mbo("999990011")),
        dataclasses.replace(entry, class_code=LAB),
        dataclasses.replace(entry, unique_id="1.2.3^nothing"),
    ):
        with pytest.raises(ConnectorError, match=r"ERROR_GENERIC_DOCUMENT_MISSING: document\.gone"):
            fetched(store, changed)


def test_the_connector_answers_again_after_it_was_closed(store: StoreConnector) -> None:
    async def story() -> int:
        await store.probe()
        await store.close()
        await store.close()
        return len(await store.find_documents(query(HORVAT)))

    assert asyncio.run(story()) == 2


def test_a_missing_file_is_a_declared_failure_of_every_question(tmp_path: Path) -> None:
    store = connector(tmp_path / "none.sqlite3")
    entry = DocumentEntry("1.2^3", REPOSITORY, HOME, HORVAT, PS, "")
    questions = {
        "4104": lambda: store.probe(),
        "ERROR_PI_REGISTRY_NOT_AVAILABLE": lambda: store.identify(discovery(PatientSearch((HORVAT,)))),
        "ERROR_PS_REGISTRY_NOT_AVAILABLE": lambda: store.find_documents(query(HORVAT)),
        "ERROR_ORCD_GENERIC": lambda: store.consent(about(HORVAT, LAB)),
    }
    for code, question in questions.items():
        with pytest.raises(ConnectorError) as caught:
            asyncio.run(question())  # type: ignore[no-untyped-call]
        assert (caught.value.code, caught.value.reason) == (code, "connector.unavailable")
        assert str(tmp_path) not in f"{caught.value} {caught.value.context}"
    with pytest.raises(ConnectorError, match=r"connector\.unavailable"):
        fetched(store, entry)
    assert not (tmp_path / "none.sqlite3").exists()


def test_a_file_that_is_no_store_or_of_a_newer_schema_is_refused(tmp_path: Path, demo_database: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE something (x)")
    connection.close()
    newer = tmp_path / "newer.sqlite3"
    newer.write_bytes(demo_database.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    (tmp_path / "text.sqlite3").write_text("not a database, but long enough to be looked at as one" * 20)
    for name in ("other", "newer", "text"):
        with pytest.raises(ConnectorError, match=r"connector\.unavailable"):
            asyncio.run(connector(tmp_path / f"{name}.sqlite3").probe())


def test_the_answering_side_cannot_write(store: StoreConnector) -> None:
    asyncio.run(store.probe())
    assert store._loop_connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._loop_connection.execute("DELETE FROM patient")
