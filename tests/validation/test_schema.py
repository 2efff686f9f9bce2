"""The XML schema: the right one for a document, compiled once, and findings that quote nothing."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.validation import schema as module
from ncp.semantics.validation.findings import Severity
from ncp.semantics.validation.places import element_at
from ncp.semantics.validation.schema import SchemaChecks, SchemaFolderRefused
from ncp.wire.xml import parse
from tests.shared import shared, shared_files
from tests.support.demo_summaries import demo_summaries

_SMALL = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:hl7-org:v3"
 xmlns="urn:hl7-org:v3" elementFormDefault="qualified">
 <xs:element name="ClinicalDocument"><xs:complexType><xs:sequence>
  <xs:element name="id" maxOccurs="unbounded"><xs:complexType><xs:attribute name="root" use="required"
    type="xs:language"/></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element></xs:schema>"""


@pytest.fixture
def small(tmp_path: Path) -> SchemaChecks:
    (tmp_path / "CDA.xsd").write_text(_SMALL)
    return SchemaChecks(tmp_path)


def document(content: str) -> bytes:
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3">{content}</ClinicalDocument>'.encode()


def test_what_is_right_is_found_right(small: SchemaChecks) -> None:
    found = small.check(parse(document('<id root="fr"/>')))
    assert found.found == () and [origin.value for origin in found.checked] == ["schema"]


def test_a_finding_names_rule_element_line_and_never_the_value(small: SchemaChecks) -> None:
    root = parse(document('<id root="fr"/>\n<id root="Anna Horvat 1979"/>\n<name>Anna Horvat</name>'))
    found = small.check(root).found
    assert [(one.place, one.line, one.severity) for one in found] == [
        ("id[2]", 2, Severity.ERROR),
        ("name", 3, Severity.ERROR),
    ]
    assert found[0].rule == "schema.cvc-datatype-valid-1-2-1"
    assert found[1].text.endswith("Element name. Expected: id.")
    assert all("Horvat" not in f"{one!r}" and "1979" not in f"{one!r}" for one in found)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no CDA_Pharma.xsd"),
        ({"CDA.xsd": "no schema at all"}, "not XML"),
        ({"CDA.xsd": "<a/>"}, "is no schema that can be used"),
        (
            {"CDA.xsd": _SMALL.replace("<xs:element", "<xs:include schemaLocation='gone.xsd'/><xs:element", 1)},
            "is no schema that can be used",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_a_remedy(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(SchemaFolderRefused, match=said) as refused:
        SchemaChecks(tmp_path)
    assert refused.value.remedy


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaFolderRefused, match="there is no folder"):
        SchemaChecks(tmp_path / "gone")


def test_a_document_with_too_many_elements_is_not_looked_at(
    small: SchemaChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ELEMENTS", 3)
    found = small.check(parse(document("<id/>" * 4)))
    assert found.found == () and [one.reason for one in found.skipped] == ["validation.size"]


@pytest.mark.attack
def test_thousands_of_errors_are_counted_and_few_are_listed(small: SchemaChecks) -> None:
    found = small.check(parse(document("<id/>" * 5_000)))
    assert found.count(Severity.ERROR) == 5_000 and len(found.found) < 50


def test_one_schema_serves_many_threads(small: SchemaChecks) -> None:
    counts: list[int] = []

    def look(wrong: int) -> None:
        for _ in range(20):
            found = small.check(parse(document('<id root="fr"/>' + "<id/>" * wrong)))
            counts.append(found.count(Severity.ERROR) - wrong)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [0] * 80


def test_the_demonstration_is_valid() -> None:
    checks = SchemaChecks(shared("schemas/cda"))
    for one in demo_summaries():
        assert checks.check(parse(one.content, DOCUMENT_LIMITS)).found == ()


def test_samples_are_as_valid_as_their_list_says() -> None:
    """Six of 56 are valid against neither schema."""
    checks = SchemaChecks(shared("schemas/cda"))
    invalid = Counter[str]()
    for path in shared_files("samples/cda", "*.xml"):
        root = parse(path.read_bytes().lstrip(), DOCUMENT_LIMITS)
        for one in checks.check(root).found:
            invalid[path.name] += 1
            assert element_at(root, one.place) is not None
    assert set(invalid) == {
        "epsos_es_pivot.xml",
        "epsos_mt_0092129_L3.xml",
        "w2_be_fr_mock_2-5678.xml",
        "w3_pt_goiter.xml",
        "w3_pt_heart_failure.xml",
        "w6_pt_mock_bad-mapping.xml",
    }
