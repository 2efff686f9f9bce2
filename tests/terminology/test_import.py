"""Every format becomes the same catalogue; odd rows are refused by place and reason; a broken file leaves nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.semantics.terminology import bounded, csv_tables, cts, fhir, ltr, rows, shipped, sources, xml_lists
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release
from ncp.semantics.terminology.rows import ImportRefused
from tests.shared import shared, shared_files
from tests.support.terminology import (
    AT,
    DUMP,
    NATIONAL,
    SYSTEM,
    VALUE_SET,
    build,
    code_system,
    package,
    small,
    value_set,
)

SNOMED = "2.16.840.1.113883.6.96"


def imported(folder: Path, source: Path, language: str = "en") -> tuple[Release, tuple[rows.Refused, ...]]:
    content, _ = sources.read(source, language=language)
    report = build(folder, content, name="imported")
    return Release(ReleaseFolder(folder).path("imported")), report.refused


def text(release: Release, system: str, code: str, language: str) -> str | None:
    found = release.lookup(system, code, language)
    return found.text if found else None


def test_a_fhir_package_brings_systems_nested_concepts_languages_and_statuses(tmp_path: Path) -> None:
    source = package(tmp_path / "p.tgz", {"CodeSystem-forms": code_system(), "ValueSet-e": value_set()})
    release, refused = imported(tmp_path / "c", source, "fr")
    assert refused == ()
    assert text(release, SYSTEM, "F2", "fr-FR") == "comprimé pelliculé"
    assert text(release, "https://example.eu/CodeSystem/forms", "F1", "en") == "tablet"
    concept = release.concept(SYSTEM, "F3", "2024-06-20")
    assert concept is not None and (concept.status, concept.version_loaded) == ("deprecated", True)
    found = release.value_set(VALUE_SET)
    assert found is not None and (found.name, found.version, found.size) == ("eInvented", "8.1.0", 2)
    assert release.contains(VALUE_SET, SNOMED, "1001") is True


def test_a_value_set_of_a_whole_system_of_the_package_and_an_expansion_are_enumerated(tmp_path: Path) -> None:
    whole = value_set(
        compose={
            "include": [{"system": "https://example.eu/CodeSystem/forms|2024"}],
            "exclude": [{"system": "https://example.eu/CodeSystem/forms", "concept": [{"code": "F3"}]}],
        }
    )
    contains = [
        {"system": "http://loinc.org", "code": "1-8", "display": "x", "contains": [{"code": "no", "abstract": True}]}
    ]
    expanded = value_set(identifier=[{"value": "urn:oid:2.25.7"}], expansion={"total": 1, "contains": contains})
    source = package(tmp_path / "p.tgz", {"a": whole, "b": expanded, "c": code_system()})
    release, refused = imported(tmp_path / "c", source)
    assert refused == ()
    assert set(release.members(VALUE_SET)) == {(SYSTEM, "F1"), (SYSTEM, "F2")}
    assert set(release.members("2.25.7")) == {("2.16.840.1.113883.6.1", "1-8")}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"compose": {"include": [{"system": "http://snomed.info/sct", "filter": [{"op": "is-a"}]}]}},
            "value_set.not_enumerated",
        ),
        ({"compose": {"include": [{"valueSet": ["http://x"]}]}}, "value_set.not_enumerated"),
        ({"compose": {"include": [{"system": "http://snomed.info/sct"}]}}, "value_set.not_enumerated"),
        ({"expansion": {"total": 5, "contains": []}}, "value_set.expansion_incomplete"),
        ({"compose": None}, "value_set.no_content"),
        ({"language": "not a tag!"}, "language.malformed"),
    ],
)
def test_a_value_set_that_cannot_be_taken_whole_is_refused_whole(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    source = package(tmp_path / "p.tgz", {"bad": value_set(**changes), "good": code_system()})
    release, refused = imported(tmp_path / "c", source)
    assert [row.reason for row in refused] == [reason]
    assert release.value_set(VALUE_SET) is None


def test_concept_maps_bundles_and_supplements_are_read(tmp_path: Path) -> None:
    element = {
        "code": "N1",
        "target": [{"code": "F1", "equivalence": "wider"}, {"code": "F2", "equivalence": "narrower"}],
    }
    unknown = {"code": "N2", "target": [{"code": "nowhere", "equivalence": "equal"}]}
    concept_map = {
        "resourceType": "ConceptMap",
        "group": [
            {
                "source": f"urn:oid:{NATIONAL}",
                "target": "https://example.eu/CodeSystem/forms",
                "element": [element, unknown, {"code": "N3", "target": [{"equivalence": "unmatched"}]}],
            }
        ],
    }
    supplement = code_system(
        content="supplement",
        supplements="https://example.eu/CodeSystem/forms|1",
        language="hr-HR",
        concept=[{"code": "F1", "display": "tableta"}],
    )
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": one} for one in (concept_map, supplement, code_system(), {"resourceType": "Patient"})],
    }
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    release, refused = imported(tmp_path / "c", file)
    assert text(release, SYSTEM, "F1", "hr-HR") == "tableta"
    assert [(one.target_code, one.status) for one in release.mappings(NATIONAL, "N1")] == [
        ("F1", "valid"),
        ("F2", "narrower"),
    ]
    assert [row.reason for row in refused] == ["mapping.target_unknown"]


def test_a_dump_of_opennc_ps_repository_is_read_with_versions_statuses_and_mappings(tmp_path: Path) -> None:
    file = tmp_path / "ltrdb.sql"
    file.write_text(DUMP, encoding="utf-8")
    release, refused = imported(tmp_path / "c", file)
    assert text(release, SYSTEM, "C1", "fr-FR") == "L'abdomen aigu"
    assert text(release, SYSTEM, "C1", "en-GB") == "Acute abdomen"
    concept = release.concept(SYSTEM, "C2", "2024")
    assert concept is not None and (concept.status, concept.version_loaded) == ("retired", True)
    mapping = release.map(NATIONAL, "N1")
    assert mapping is not None and (mapping.target_code, mapping.is_valid) == ("C1", True)
    found = release.value_set(VALUE_SET, "8.1.0")
    assert found is not None and (found.size, found.effective) == (2, "2024-04-22")
    assert [(row.place, row.line, row.reason) for row in refused] == [
        ("ltrdb.sql:designation", 4, "text.empty"),
        ("ltrdb.sql:designation", 5, "concept.unknown"),
    ]


def test_the_tables_of_the_repository_as_csv_give_the_same_release_as_the_dump(tmp_path: Path) -> None:
    dump = ltr.Dump(DUMP, "dump")
    folder = tmp_path / "tables"
    folder.mkdir()
    for table in dump.tables:
        records = [record for _, record in dump.records(table)]
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(records[0])
            writer.writerows([["NULL" if value is None else value for value in record.values()] for record in records])
    from_dump = build(tmp_path / "a", ltr.read_dump(DUMP, "dump")).manifest
    from_tables = build(tmp_path / "b", sources.read(folder)[0]).manifest
    assert from_tables.digest == from_dump.digest


def test_exporter_files_and_svs_lists_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "EpsosRepository"
    folder.mkdir()
    (folder / f"{VALUE_SET}.xml").write_text(
        f'<ValueSet oid="{VALUE_SET}" name="eInvented">'
        f'<concept codeSystem="{SYSTEM}" codeSystemName="Invented" code="A">'
        '<designation lang="en-GB">Moderate</designation><designation lang="fr-FR">Modéré</designation>'
        '<designation lang="xx_">?</designation></concept></ValueSet>',
        encoding="utf-8",
    )
    (folder / "svs.xml").write_text(
        '<RetrieveValueSetResponse xmlns="urn:ihe:iti:svs:2008">'
        '<ValueSet id="2.25.9" displayName="N" version="20240101">'
        f'<ConceptList xml:lang="fr-FR"><Concept code="B" codeSystem="{SYSTEM}" displayName="Deux"/></ConceptList>'
        "</ValueSet></RetrieveValueSetResponse>",
        encoding="utf-8",
    )
    release, refused = imported(tmp_path / "c", folder)
    assert (text(release, SYSTEM, "A", "fr-FR"), text(release, SYSTEM, "B", "fr")) == ("Modéré", "Deux")
    assert release.contains(VALUE_SET, SYSTEM, "A") and release.contains("2.25.9", SYSTEM, "B", "20240101")
    assert [row.reason for row in refused] == ["language.malformed"]


def test_csv_files_are_told_apart_by_their_header_and_bad_lines_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "d.csv").write_text(
        f"code_system_oid,code,lang,designation,status\n{SYSTEM} ,A,fr-FR,  Un\u00a0nom ,\n{SYSTEM},A,fr-FR\n"
        f"{SYSTEM},,fr,x,\n{SYSTEM},B,fr,a\u202eb,\n",
        encoding="utf-8",
    )
    (folder / "m.csv").write_text(
        f"source_system_oid,source_code,target_system_oid,target_code,status,comment\n{NATIONAL},N,{SYSTEM},A,Valid,ok\n"
    )
    (folder / "v.csv").write_text(
        f"value_set_oid,value_set_name,version,code_system_oid,code\n{VALUE_SET},e,1,{SYSTEM},A\n"
    )
    release, refused = imported(tmp_path / "c", folder)
    assert text(release, SYSTEM, "A", "fr-FR") == "Un nom"
    assert release.map(NATIONAL, "N") is not None and release.contains(VALUE_SET, SYSTEM, "A", "1")
    assert [(row.place, row.line, row.reason) for row in refused] == [
        ("d.csv", 3, "text.missing"),
        ("d.csv", 4, "code.empty"),
        ("d.csv", 5, "text.control_character"),
    ]


class CentralServer:
    """Speaks what tsam-sync asks: form log-in with redirect, catalogue, pages of concepts."""

    def __init__(self, concepts: int = 260, password: str = "secret") -> None:
        self.concepts, self.password, self.asked, self.logged_in = concepts, password, [], False

    def fetch(self, method: str, address: str, form: bytes | None) -> cts.Answer:
        parts = urlsplit(address)
        self.asked.append(parts.path)
        if parts.path == "/cts/login" and method == "POST" and form is not None:
            self.logged_in = parse_qs(form.decode())["password"] == [self.password]
            return cts.Answer(302, b"", "/cts/home" if self.logged_in else "https://cts.example.eu/cts/login?error")
        if not self.logged_in:
            return cts.Answer(302, b"", "/cts/login")
        if parts.path == "/cts/api/sync/valuesetcatalog":
            version = {
                "versionId": "8.1.0",
                "effectiveDate": "2024-04-22T00:00:00",
                "valueSet": {"id": VALUE_SET, "name": "e"},
            }
            return cts.Answer(200, json.dumps({"name": "MTC", "valueSetVersions": [version]}).encode())
        if parts.path == f"/cts/api/sync/valueset/{VALUE_SET}/valuesetdefinition/8.1.0/entries":
            query = parse_qs(parts.query)
            page, size = int(query["page"][0]), int(query["maxtoreturn"][0])
            numbers = range(page * size, min((page + 1) * size, self.concepts))
            return cts.Answer(200, json.dumps([self.concept(number) for number in numbers]).encode())
        return cts.Answer(404, b"")

    def concept(self, number: int) -> dict[str, object]:
        def home(oid: str) -> dict[str, object]:
            return {"versionId": 2024, "codeSystem": {"id": oid, "name": "n"}}

        source = {"code": f"N{number}", "codeSystemVersion": home(NATIONAL), "designations": []}
        names = [{"name": f"Nom {number}", "language": "fr-FR", "type": "Preferred"}]
        mappings = [{"source": source}] if number < 2 else None
        return {"code": f"C{number}", "codeSystemVersion": home(SYSTEM), "designations": names, "mappings": mappings}


def test_a_central_terminology_server_is_read_page_by_page(tmp_path: Path) -> None:
    server = CentralServer()
    report = build(tmp_path, cts.read("https://cts.example.eu/cts/", "u", "secret", server.fetch), name="cts")
    release = Release(ReleaseFolder(tmp_path).path("cts"))
    found = release.value_set(VALUE_SET, "8.1.0")
    assert found is not None and found.size == 260 and report.refused_count == 0
    assert len(server.asked) == 4
    assert text(release, SYSTEM, "C259", "fr-FR") == "Nom 259"
    mapping = release.map(NATIONAL, "N1")
    assert mapping is not None and mapping.target_code == "C1"
    concept = release.concept(SYSTEM, "C1", "2024")
    assert concept is not None and concept.version_loaded


@pytest.mark.parametrize(("password", "concepts"), [("wrong", 5), ("secret", 0)])
def test_a_central_server_that_refuses_or_has_nothing_leaves_no_release(
    tmp_path: Path, password: str, concepts: int
) -> None:
    server = CentralServer(concepts)
    if password == "secret":
        answers = server.fetch
        server_fetch = lambda *call: cts.Answer(500, b"") if "entries" in call[1] else answers(*call)  # noqa: E731
    else:
        server_fetch = server.fetch
    with pytest.raises(ImportRefused):
        build(tmp_path, cts.read("https://cts.example.eu/cts", "u", password, server_fetch))
    assert list(tmp_path.iterdir()) == []


def _tar(path: Path, name: str, data: bytes, **changes: object) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        for key, value in changes.items():
            setattr(member, key, value)
        archive.addfile(member, io.BytesIO(data))
    return path


def test_hostile_files_are_refused_in_words_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FILE_MAX", 100_000)
    monkeypatch.setattr(sources, "TOTAL_MAX", 1_000_000)
    files = {
        "traversal": _tar(tmp_path / "traversal.tgz", "package/../../x.json", b"{}"),
        "absolute": _tar(tmp_path / "absolute.tgz", "/etc/x.json", b"{}"),
        "bomb": _tar(tmp_path / "bomb.tgz", "package/x.txt", bytes(5_000_000)),
        "large": _tar(tmp_path / "large.tgz", "package/x.json", bytes(200_000)),
        "only a link": _tar(tmp_path / "link.tgz", "package/x.json", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    }
    longest = tarfile.TarInfo("x")
    longest.type, longest.size = tarfile.XHDTYPE, 900_000
    (tmp_path / "pax.tar").write_bytes(longest.tobuf() + bytes(900_096))
    files["long header"] = tmp_path / "pax.tar"
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", bytes(5_000_000))
    files["zip bomb"] = tmp_path / "bomb.zip"
    for name, data in {
        "deep.json": b'{"resourceType":"CodeSystem","concept":' + b"[" * 90_000,
        "cut.json": b'{"resourceType":"CodeSystem"',
        "nan.json": b'{"resourceType":"CodeSystem","x":NaN}',
        "latin.json": '{"x":"é"}'.encode("latin-1"),
        "empty.json": b"{}",
        "dtd.xml": b'<!DOCTYPE x [<!ENTITY e "e">]><ValueSet oid="1.2">&e;</ValueSet>',
        "other.xml": b"<html/>",
        "odd.csv": b"a,b\n1,2\n",
        "quote.csv": b'code_system_oid,code,lang,designation\n1.2,A,fr,"open\n',
        "broken.sql": DUMP.replace("(10,'C1'", "(10,('C1'").encode(),
        "other.sql": b"CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n",
        "not.gz": b"plain",
        "program.exe": b"MZ",
        "short.tgz": gzip.compress(b"\x01" * 100),
    }.items():
        (tmp_path / name).write_bytes(data)
        files[name] = tmp_path / name
    for name, file in files.items():
        with pytest.raises(ImportRefused) as refused:
            build(tmp_path / "c", sources.read(file)[0])
            pytest.fail(f"{name} was accepted")
        assert "passwd" not in str(refused.value)
    assert list((tmp_path / "c").iterdir()) == []


def test_a_tree_of_concepts_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    concept: dict[str, object] = {"code": "x"}
    for _ in range(fhir.TREE_DEPTH + 1):
        concept = {"code": "x", "concept": [concept]}
    with pytest.raises(ImportRefused, match="deeper"):
        build(tmp_path, fhir.read([fhir.Resource("x", code_system(concept=[concept]))]))


def test_strict_makes_no_release_of_a_file_with_a_refused_row(tmp_path: Path) -> None:
    content = [*small(), rows.Mapping(NATIONAL, "N", SYSTEM, "nowhere")]
    with pytest.raises(ImportRefused, match=r"mapping\.target_unknown"):
        build(tmp_path, content, strict=True)
    assert list(tmp_path.iterdir()) == []


FIELDS = ["resourceType", "concept", "code", "display", "designation", "value", "language", "compose", "include"]
FIELDS += ["system", "identifier", "url", "expansion", "contains", "group", "element", "target", "property"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["CodeSystem", "ValueSet", "ConceptMap", "Bundle"]),
    body=st.dictionaries(
        st.sampled_from(
            ["url", "concept", "compose", "expansion", "group", "entry", "identifier", "version", "language", "content"]
        ),
        json_values,
        max_size=6,
    ),
)
def test_whatever_a_resource_holds_it_becomes_rows_or_refusals(kind: str, body: dict[str, object]) -> None:
    for row in fhir.read([fhir.Resource("x", {**body, "resourceType": kind})]):
        assert isinstance(row, tuple)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300), cut=st.integers(0, len(DUMP)), noise=st.text(max_size=10))
def test_bytes_of_any_kind_are_refused_or_read(data: bytes, cut: int, noise: str) -> None:
    for reader in (
        lambda: csv_tables.read(b"code_system_oid,code,lang,designation\n" + data, "x"),
        lambda: ltr.read_dump(DUMP[:cut] + noise + DUMP[cut:], "x"),
        lambda: ltr.read_dump(DUMP[:cut], "x"),
        lambda: xml_lists.read(bounded.read_xml(data, "x"), "x"),
        lambda: iter([bounded.read_json(data, "x")]),
    ):
        try:
            list(reader())
        except ImportRefused:
            continue


def test_the_shipped_content_names_the_open_value_sets_in_french_and_countries_in_every_language(
    tmp_path: Path,
) -> None:
    folder = ReleaseFolder(tmp_path)
    name = ensure_shipped(folder, AT)
    assert folder.active() == name and ensure_shipped(folder, AT) == name
    release = Catalogue(tmp_path).current()
    arc = "1.3.6.1.4.1.12559.11.10.1.3.1.42"
    # Sizes of the published lists (docs/terminology.md).
    sizes = {
        1: 39,
        6: 380,
        9: 3,
        21: 2,
        26: 18,
        32: 6,
        34: 3,
        38: 54,
        39: 2,
        40: 11,
        41: 25,
        47: 5,
        48: 2,
        57: 3,
        64: 5,
    }
    assert {n: getattr(release.value_set(f"{arc}.{n}"), "size", None) for n in sizes} == sizes
    for value_set_known in release.value_sets:
        for system, code in release.members(value_set_known.oid):
            found = release.lookup(system, code, "fr-FR")
            assert found is not None and found.language == "fr-FR", (value_set_known.name, code)
    for language in shipped.EU_LANGUAGES:
        found = release.lookup("1.0.3166.1", "GR", language)
        assert found is not None and found.language.startswith(language)
    assert text(release, "1.0.3166.1", "GR", "el-GR") == "Ελλάδα"
    assert text(release, "1.0.3166.1", "HRV", "hr") == "Hrvatska"


def test_the_shipped_value_sets_hold_the_codes_of_the_published_lists(tmp_path: Path) -> None:
    folder = ReleaseFolder(tmp_path)
    release = Release(folder.path(ensure_shipped(folder, AT)))
    compared = 0
    for file in shared_files("schemas/cda/schematron-wave8/include", "voc-*-DYNAMIC.xml"):
        root = bounded.read_xml(file.read_bytes(), file.name)
        oid = file.name.split("-")[1]
        if release.value_set(oid) is None:
            continue
        published = {(e.get("codeSystem"), e.get("code")) for e in root.iter("{*}concept") if e.get("code")}
        if published:
            compared += 1
            ours = set(release.members(oid))
            assert {code for _, code in published} <= {code for _, code in ours}, oid
    if not compared:
        shared("schemas/cda/schematron-wave8/include")
        pytest.skip("no published list of a shipped value set")
