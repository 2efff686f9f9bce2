"""ITI-38 answers as written and as read: metadata, pairs, status, errors."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import ConnectorError, PeerError
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.xml import parse
from tests.support.xca import (
    EP,
    HOME,
    ORCD,
    PATIENT,
    PS,
    QUERY,
    RIM,
    SHA1_OF_NOTHING,
    assert_valid,
    broken_response_rules,
    entry_lists,
    mutated,
    peer_association,
    peer_entry,
    peer_query_response,
    queries,
    query,
    registry_errors,
    summary,
    summary_pair,
    unhurried,
)
from xca.messages import (
    Association,
    Author,
    Coded,
    CrossGatewayQuery,
    CrossGatewayQueryResponse,
    DocumentEntry,
    RegistryError,
    ResponseStatus,
    Severity,
)
from xca.query import nothing_found, read_query_response, write_query_failure, write_query_response
from xca.registry import entry_uuid

ERROR = RegistryError("4103", "ePrescription registry could not be accessed.")


def write(asked: CrossGatewayQuery, entries: list[DocumentEntry], **more: object) -> bytes:
    return write_query_response(
        asked,
        entries,
        home=Oid(HOME),
        country=CountryCode("FR"),
        country_name="France",
        **more,  # type: ignore[arg-type]
    )


def read(message: bytes) -> CrossGatewayQueryResponse:
    return read_query_response(parse(message))


def broken(message: bytes, asked: CrossGatewayQuery) -> list[str]:
    return broken_response_rules(message, patient=asked.patient, home=HOME)


# Structure: every attribute and constant of an answer, in order (OpenNCP's builders; ITI TF-3 4.2)


def shape(element: etree._Element, names: dict[str, str]) -> object:
    """An element without its namespace prefixes, its white space and the values of part ids."""
    attributes = {
        name: names.get(value, value)
        for name, value in element.attrib.items()
        if not (name == "id" and value not in names)
    }
    return (
        etree.QName(element).text,
        attributes,
        (element.text or "").strip(),
        [shape(child, names) for child in element if isinstance(child.tag, str)],
    )


def expected_entry(name: str, unique_id: str, description: str, format_code: str, format_scheme: str, of: str) -> str:
    def classification(scheme: str, code: str, coding_scheme: str, display: str) -> str:
        return f"""<Classification id="any" classificationScheme="urn:uuid:{scheme}" classifiedObject="{name}"
            nodeRepresentation="{code}"><Slot name="codingScheme"><ValueList><Value>{coding_scheme}</Value></ValueList>
            </Slot><Name><LocalizedString value="{display}"/></Name></Classification>"""

    def slot(slot_name: str, value: str) -> str:
        return f'<Slot name="{slot_name}"><ValueList><Value>{value}</Value></ValueList></Slot>'

    def identifier(scheme: str, label: str, value: str) -> str:
        return f"""<ExternalIdentifier id="any" registryObject="{name}" identificationScheme="urn:uuid:{scheme}"
            value="{value}" objectType="urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier">
            <Name><LocalizedString value="{label}"/></Name></ExternalIdentifier>"""

    patient = "PAT-0001^^^&amp;1.2.3.4.5&amp;ISO"
    return f"""<ExtrinsicObject id="{name}" lid="{name}" home="urn:oid:{HOME}" mimeType="text/xml"
        objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
        status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
      {slot("sourcePatientId", patient)}{slot("size", "48211")}{slot("hash", SHA1_OF_NOTHING)}
      {slot("creationTime", "20250114093000")}{slot("repositoryUniqueId", "1.2.3.4.77")}{slot("languageCode", "fr-FR")}
      <Name><LocalizedString value="Patient Summary"/></Name>
      <Description><LocalizedString value="{description}"/></Description><VersionInfo versionName="1.1"/>
      {classification("f4f85eac-e6cb-4883-b524-f2705394840f", "N", "2.16.840.1.113883.5.25", "Normal")}
      {classification("41a5887f-8865-4c09-adf7-e362475b143a", PS, "2.16.840.1.113883.6.1", "Patient Summary")}
      {classification("f0306f51-975f-434e-a61c-c59651d33983", PS, "2.16.840.1.113883.6.1", "Patient Summary")}
      {classification("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "FR", "1.0.3166.1", "France")}
      {classification("cccf5598-8b07-4b77-a05e-ae952c785ead", "Not Used", "eHDSI Practice Setting Codes-Not Used", "Not Used")}
      {classification("a09d5840-386c-46f2-b5ad-9c3699a4309d", format_code, format_scheme, of)}
      {identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427", "XDSDocumentEntry.patientId", patient)}
      {identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "XDSDocumentEntry.uniqueId", unique_id)}
    </ExtrinsicObject>"""  # noqa: E501


def test_a_summary_with_two_representations_is_written_as_the_worked_answer() -> None:
    expected = f"""<query:AdhocQueryResponse xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
        xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
        status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"><RegistryObjectList>
      {
        expected_entry(
            "L3",
            "1.2.3.4.88^PS-0001",
            "Patient Summary (CDA L3 / Structured body)",
            "urn:epSOS:ps:ps:2010",
            "eHDSI formatCodes",
            "epSOS coded Patient Summary",
        )
    }
      {
        expected_entry(
            "L1",
            "1.2.3.4.88^PS-0001-PDF",
            "Patient Summary (CDA L1 / PDF body)",
            "urn:ihe:iti:xds-sd:pdf:2008",
            "IHE PCC",
            "PDF/A coded document",
        )
    }
      <Association id="any" associationType="urn:ihe:iti:2007:AssociationType:XFRM" sourceObject="L1"
        targetObject="L3"/>
      </RegistryObjectList></query:AdhocQueryResponse>"""
    written = etree.fromstring(write(query(), summary_pair()))
    ids = [entry.get("id", "") for entry in written.iter(f"{RIM}ExtrinsicObject")]
    names = dict(zip(ids, ("L3", "L1"), strict=True))
    assert shape(written, names) == shape(etree.fromstring(expected), {"L3": "L3", "L1": "L1"})


def test_a_failure_is_written_as_the_worked_refusal() -> None:
    # What a valid refusal is: Failure, an Error, an empty list.
    context = (
        "Either the security policy of country A or a privacy policy of the patient (that was given in country A) does "
        "not allow the requested operation to be performed by the HP"
    )
    expected = f"""<query:AdhocQueryResponse xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
        xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0" xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
        status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure">
      <rs:RegistryErrorList highestSeverity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error">
        <rs:RegistryError errorCode="4703" codeContext="{context}" location="urn:oid:{HOME}"
            severity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"/></rs:RegistryErrorList>
      <rim:RegistryObjectList/></query:AdhocQueryResponse>"""
    written = write_query_failure([RegistryError("4703", context)], home=Oid(HOME))
    assert shape(etree.fromstring(written), {}) == shape(etree.fromstring(expected), {})


def test_a_failure_is_valid_against_the_schema() -> None:
    assert_valid(write_query_failure([ERROR], home=Oid(HOME)))


# Properties


@st.composite
def questions_with_entries(draw: st.DrawFn) -> tuple[CrossGatewayQuery, list[DocumentEntry]]:
    asked = draw(queries())
    return asked, draw(entry_lists(asked))


@unhurried
@given(questions_with_entries(), st.lists(registry_errors, max_size=3))
def test_every_answer_pleases_the_checkers(
    given_: tuple[CrossGatewayQuery, list[DocumentEntry]], errors: list[RegistryError]
) -> None:
    asked, entries = given_
    assert broken(write(asked, entries, errors=errors), asked) == []


@unhurried
@given(questions_with_entries(), st.lists(registry_errors, max_size=3))
def test_every_answer_is_valid_against_the_schema(
    given_: tuple[CrossGatewayQuery, list[DocumentEntry]], errors: list[RegistryError]
) -> None:
    asked, entries = given_
    assert_valid(write(asked, entries, errors=errors))


@unhurried
@given(questions_with_entries())
def test_entries_and_pairs_are_read_back_as_they_were(
    given_: tuple[CrossGatewayQuery, list[DocumentEntry]],
) -> None:
    asked, entries = given_
    asked = query(*asked.class_codes, patient=asked.patient)
    response = read(write(asked, entries))
    found = {entry.unique_id: entry for entry in response.entries}
    pairs = {
        frozenset((found_id, other_id))
        for association in response.associations
        for found_id in found
        for other_id in found
        if found[found_id].entry_uuid == association.source and found[other_id].entry_uuid == association.target
    }
    assert pairs == {frozenset((entry.unique_id, entry.twin)) for entry in entries if entry.twin}
    for entry in entries:
        again = found[entry.unique_id]
        for name in DocumentEntry.__slots__:
            if name not in ("twin", "entry_uuid"):
                assert getattr(again, name) == getattr(entry, name), name
        assert again.entry_uuid == entry_uuid(entry.unique_id)


@unhurried
@given(st.lists(registry_errors, min_size=1, max_size=5))
def test_errors_are_read_back_as_they_were(errors: list[RegistryError]) -> None:
    response = read(write_query_failure(errors, home=Oid(HOME)))
    assert list(response.errors) == errors
    assert response.status is ResponseStatus.FAILURE


def test_the_checker_notices_broken_answers() -> None:
    good = write(query(), summary_pair(), errors=[RegistryError("2502", "x", Severity.WARNING)]).decode()
    assert broken(good.encode(), query()) == []
    for old, new, rule in (
        (f'location="urn:oid:{HOME}"', 'location=""', "location is the home community"),
        ('name="hash"', 'name="hush"', "slot hash"),
        ("PAT-0001", "PAT-0002", "patient is the one asked"),
        ('nodeRepresentation="FR"', 'nodeRepresentation=""', "code"),
        ("urn:uuid:f33fb8ac", "urn:uuid:00000000", "one healthcare facility type"),
        ('value="Patient Summary"', f'value="{"x" * 129}"', "title"),
        (":ResponseStatusType:Success", ":ResponseStatusType:Great", "status"),
        ("ErrorSeverityType:Warning", "ErrorSeverityType:Error", "no Error with Success"),
        ('targetObject="urn:uuid:', 'targetObject="urn:uuid:0', "association of entries of the list"),
    ):
        assert old in good, old
        assert rule in broken(good.replace(old, new).encode(), query()), rule


# Writing, case by case


def test_the_entry_uuid_is_the_same_for_the_same_document() -> None:
    first, again = (read(write(query(), [summary()])).entries[0].entry_uuid for _ in range(2))
    other = read(write(query(), [summary(unique_id="1.2.3.4.88^PS-0002")])).entries[0].entry_uuid
    assert first == again != other
    assert first[len("urn:uuid:") + 14] == "5"


def test_titles_are_constants_and_the_summary_s_description_names_nobody() -> None:
    written = write(query(), [summary(title="Resumen del paciente", description="for patient PAT-0001")])
    entry = read(written).entries[0]
    assert entry.title == "Patient Summary"
    assert entry.description == "Patient Summary (CDA L3 / Structured body)"
    assert b"for patient" not in written


@pytest.mark.parametrize(
    ("class_code", "title"),
    [
        ("57833-6", "eHDSI - ePrescription"),
        ("34105-7", "OrCD Hospital Discharge Summary"),
        ("11502-2", "OrCD Laboratory Report"),
        ("18748-4", "OrCD Diagnostic Imaging Study"),
        ("x-clinical-image", "OrCD Medical Image"),
    ],
)
def test_other_classes_have_their_title_and_the_connector_s_description(class_code: str, title: str) -> None:
    entry = read(write(query(class_code), [summary(class_code=class_code, description="Amoxicillin")])).entries[0]
    assert (entry.title, entry.description) == (title, "Amoxicillin")


def test_an_entry_without_a_description_has_no_description_element() -> None:
    assert b"Description" not in write(query(EP), [summary(class_code=EP)])


@pytest.mark.parametrize(
    ("given_code", "code", "scheme", "name"),
    [
        ("urn:epSOS:ep:pre:2010", "urn:epsos:ep:pre:2010", "eHDSI formatCodes", "epSOS coded ePrescription"),
        ("urn:epSOS:mro:mro:2013", "urn:epSOS:mro:mro:2013", "eHDSI formatCodes", "epSOS Coded MRO"),
        ("URN:IHE:ITI:XDS-SD:PDF:2008", "urn:ihe:iti:xds-sd:pdf:2008", "IHE PCC", "PDF/A coded document"),
        ("urn:eHDSI:orcd:png:2021", "urn:eHDSI:orcd:png:2021", "eHDSI formatCodes", "PNG coded document"),
        ("urn:eHDSI:orcd:jpeg:2021", "urn:eHDSI:orcd:jpeg:2021", "eHDSI formatCodes", "JPEG coded document"),
        ("urn:eHDSI:orcd:pdf:2021", "urn:eHDSI:orcd:pdf:2021", "eHDSI formatCodes", "PDF/A coded document"),
    ],
)
def test_format_codes_are_written_in_their_one_spelling(given_code: str, code: str, scheme: str, name: str) -> None:
    root = etree.fromstring(write(query(EP), [summary(class_code=EP, format_code=given_code)]))
    (found,) = root.findall(
        f".//{RIM}Classification[@classificationScheme='urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d']"
    )
    assert found.get("nodeRepresentation") == code
    assert found.findtext(f"{RIM}Slot/{RIM}ValueList/{RIM}Value") == scheme
    assert found.find(f"{RIM}Name/{RIM}LocalizedString").get("value") == name


def test_a_document_without_known_size_and_hash_invents_none() -> None:
    written = write(query(), [summary(size=None, hash="")])
    assert b'"size"' not in written
    assert b'"hash"' not in written
    assert broken(written, query()) == ["slot size", "slot hash", "size", "hash"]


def test_unknown_confidentiality_counts_as_normal() -> None:
    entry = read(write(query(), [summary(confidentiality=Coded("", ""))])).entries[0]
    assert entry.confidentiality == Coded("N", "2.16.840.1.113883.5.25", "Normal")


def test_authors_without_a_name_and_event_codes_without_a_code_are_left_out() -> None:
    entry = summary(
        class_code=EP,
        authors=(Author(specialties=("General practice",)), Author("Dr Muster", "Clinic", ("Surgery", ""))),
        event_codes=(Coded("", "1.2.3"), Coded("10 mg", "eHDSI_Strength_CodeSystem")),
    )
    written = write(query(EP), [entry])
    again = read(written).entries[0]
    assert again.authors == (Author("Dr Muster", "Clinic", ("Surgery",)),)
    assert again.event_codes == (Coded("10 mg", "eHDSI_Strength_CodeSystem", "10 mg"),)
    assert broken(written, query(EP)) == []


def test_long_texts_are_cut_to_what_the_schema_allows() -> None:
    entry = summary(
        class_code=EP,
        description="é" * 2000,
        authors=(Author("x" * 400),),
        event_codes=(Coded("y" * 400, "z" * 400, "n" * 2000),),
    )
    assert broken(write(query(EP), [entry]), query(EP)) == []


def test_characters_that_xml_cannot_carry_are_left_out() -> None:
    entry = summary(class_code=EP, description="a\x00b\x0b\ud800c\uffff\td")
    assert read(write(query(EP), [entry])).entries[0].description == "abc\td"


def test_pairs_are_written_structured_first_whatever_their_order() -> None:
    structured, pdf = summary_pair()
    between = summary(unique_id="1.2.3.4.88^PS-0002")
    names = [
        etree.QName(element).localname
        for element in etree.fromstring(write(query(), [pdf, between, structured])).find(f"{RIM}RegistryObjectList")
    ]
    assert names == ["ExtrinsicObject", "ExtrinsicObject", "Association", "ExtrinsicObject"]
    assert write(query(), [pdf, structured]) == write(query(), [structured, pdf])


def test_a_twin_that_is_not_there_or_is_itself_gets_no_association() -> None:
    for twin in ("1.2.3.4.88^PS-0009", "1.2.3.4.88^PS-0001"):
        assert b"Association" not in write(query(), [summary(twin=twin)])


def test_a_document_listed_twice_is_written_once() -> None:
    assert len(read(write(query(), [summary(), summary(size=1)])).entries) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patient": II("1.2.3.4.5", "PAT-0002")}, "entry.patient"),
        ({"patient": II("1.2.3.4.6", "PAT-0001")}, "entry.patient"),
        ({"class_code": EP}, "entry.class_code"),
        ({"unique_id": ""}, "entry.unique_id"),
        ({"unique_id": "x" * 129}, "entry.unique_id"),
        ({"unique_id": "1.2.3\n4"}, "entry.unique_id"),
        ({"unique_id": "1.2.3\ud800"}, "entry.unique_id"),
        ({"repository_id": ""}, "entry.repository_id"),
        ({"repository_id": "1234"}, "entry.repository_id"),
        ({"repository_id": "1." + "2" * 64}, "entry.repository_id"),
        ({"format_code": ""}, "entry.format_code"),
        ({"mime_type": "xml"}, "entry.mime_type"),
        ({"creation_time": ""}, "entry.creation_time"),
        ({"creation_time": "20251314"}, "entry.creation_time"),
        ({"creation_time": "2025-01-14"}, "entry.creation_time"),
        ({"service_start_time": "soon"}, "entry.service_start_time"),
        ({"language": ""}, "entry.language"),
        ({"size": -1}, "entry.size"),
        ({"hash": "abc"}, "entry.hash"),
    ],
)
@pytest.mark.parametrize("return_type", ["LeafClass", "ObjectRef"])
def test_an_entry_that_must_not_leave_stops_the_answer(
    changes: dict[str, object], reason: str, return_type: str
) -> None:
    with pytest.raises(ConnectorError) as refused:
        write(query(return_type=return_type), [summary(), summary(**{"unique_id": "1.2.3.4.88^2", **changes})])
    assert refused.value.reason == reason
    assert "PAT-000" not in repr(refused.value)


def test_object_references_name_entries_and_nothing_else() -> None:
    asked = query(return_type="ObjectRef")
    written = write(asked, summary_pair())
    listed = etree.fromstring(written).find(f"{RIM}RegistryObjectList")
    assert [dict(one.attrib) for one in listed] == [
        {"id": entry_uuid(entry.unique_id), "home": f"urn:oid:{HOME}"} for entry in summary_pair()
    ]


def test_a_question_for_deprecated_documents_only_gets_none() -> None:
    asked = query(statuses=("urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",))
    response = read(write(asked, [summary()]))
    assert (response.status, response.entries) == (ResponseStatus.SUCCESS, ())


# Status and errors: the "Do" column of the table of outcomes

WARNING = Severity.WARNING


def outcome(message: bytes) -> tuple[str, list[tuple[str, str]], int]:
    """Status, (code, severity), number of objects: read here, not by our reader."""
    root = etree.fromstring(message)
    return (
        root.get("status", "").rpartition(":")[2],
        [
            (error.get("errorCode", ""), error.get("severity", "").rpartition(":")[2])
            for error in root.iter("{*}RegistryError")
        ],
        len(root.find(f"{RIM}RegistryObjectList")),
    )


def test_documents_found() -> None:
    assert outcome(write(query(), [summary()])) == ("Success", [], 1)


@pytest.mark.parametrize(
    ("class_code", "code", "text"),
    [
        (PS, "ERROR_PS_NOT_FOUND", "No patient summary is registered for the given patient."),
        (EP, "ERROR_EP_NOT_FOUND", "No ePrescription is registered for the given patient."),
        *(
            (
                code,
                "1104",
                "There is no original clinical data of the requested type registered for the given patient.",
            )
            for code in ORCD
        ),
    ],
)
def test_no_document_of_a_class(class_code: str, code: str, text: str) -> None:
    message = write(query(class_code), [])
    assert outcome(message) == ("Success", [(code, "Warning")], 0)
    assert etree.fromstring(message).find(".//{*}RegistryError").get("codeContext") == text
    assert write(query(class_code), [], errors=nothing_found([class_code])) == message


def test_no_document_of_several_classes_is_said_once() -> None:
    assert outcome(write(query(*ORCD), [])) == ("Success", [("1104", "Warning")], 0)


def test_a_registry_that_is_down_is_a_failure() -> None:
    assert outcome(write(query(EP), [], errors=[ERROR])) == ("Failure", [("4103", "Error")], 0)


def test_an_error_of_one_class_lists_nothing_even_if_there_are_documents() -> None:
    assert outcome(write(query(), [summary()], errors=[ERROR])) == ("Failure", [("4103", "Error")], 0)


def test_an_error_beside_a_class_that_worked_is_a_partial_success() -> None:
    asked = query("34105-7", "11502-2")
    error = RegistryError("ERROR_ORCD_GENERIC", "x")
    entry = summary(class_code="11502-2")
    assert outcome(write(asked, [entry], errors=[error])) == ("PartialSuccess", [("ERROR_ORCD_GENERIC", "Error")], 1)
    nothing = nothing_found(["11502-2"])
    assert outcome(write(asked, [], errors=[error, *nothing])) == (
        "PartialSuccess",
        [("ERROR_ORCD_GENERIC", "Error"), ("1104", "Warning")],
        0,
    )
    assert outcome(write(asked, [], errors=[error])) == ("Failure", [("ERROR_ORCD_GENERIC", "Error")], 0)


def test_nothing_found_is_never_said_beside_documents() -> None:
    # A client hides the documents of an answer whose errors all say "not found".
    asked = query(PS, EP)
    assert outcome(write(asked, [summary()], errors=nothing_found([EP]))) == ("Success", [], 1)


def test_a_failure_that_the_caller_declares_lists_nothing() -> None:
    message = write(query(), [summary()], errors=[ERROR], status=ResponseStatus.FAILURE)
    assert outcome(message) == ("Failure", [("4103", "Error")], 0)


def test_a_failure_needs_an_error() -> None:
    with pytest.raises(ValueError, match="needs an error"):
        write_query_failure([], home=Oid(HOME))
    with pytest.raises(ValueError, match="needs an error"):
        write(query(), [summary()], status=ResponseStatus.FAILURE)


def test_the_highest_severity_of_warnings_is_warning() -> None:
    (error_list,) = etree.fromstring(write(query(), [])).findall("{*}RegistryErrorList")
    assert error_list.get("highestSeverity") == "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning"


# Reading what peers send


def test_missing_and_unknown_parts_never_break_a_list() -> None:
    bare = """<rim:ExtrinsicObject id="x"><rim:Slot name="repositoryUniqueId"><rim:ValueList>
        <rim:Value>1234</rim:Value></rim:ValueList></rim:Slot><rim:Slot name="unheardOf"/><rim:Slot/>
        <rim:Classification/><rim:Classification classificationScheme="urn:uuid:unknown" nodeRepresentation="y"/>
        <rim:Classification classificationScheme="urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"/>
        <rim:ExternalIdentifier value="1.2.3"><rim:Name>
        <rim:LocalizedString value="xdsdocumententry.UNIQUEID"/></rim:Name></rim:ExternalIdentifier>
        </rim:ExtrinsicObject>"""
    response = read(peer_query_response("Success", objects=bare + "<rim:Folder/><x/>" + peer_entry()))
    first, second = response.entries
    assert (first.unique_id, first.repository_id, first.patient) == ("1.2.3", "1234", II("", ""))
    assert (first.title, first.class_code, first.creation_time, first.size, first.authors) == ("", "", "", None, ())
    assert first.facility is None
    assert second.unique_id == "1.2.3.4.88^PS-0001"
    assert response.notes == ()


def test_the_class_code_may_stand_in_the_type_code_only() -> None:
    entry = peer_entry().replace("41a5887f-8865-4c09-adf7-e362475b143a", "f0306f51-975f-434e-a61c-c59651d33983")
    assert read(peer_query_response("Success", objects=entry)).entries[0].class_code == PS


def test_schemes_are_read_in_any_letter_case_and_without_their_prefix() -> None:
    entry = peer_entry().replace(
        "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "2E82C1F6-A085-4C72-9DA3-8640A32E42AB"
    )
    entry = entry.replace("XDSDocumentEntry.uniqueId", "")
    assert read(peer_query_response("Success", objects=entry)).entries[0].unique_id == "1.2.3.4.88^PS-0001"


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2025", "2025"),
        ("20250114", "20250114"),
        ("20250114093000", "20250114093000"),
        ("20250114093000.000+0100", "20250114093000"),
        ("2025-01-14", "2025"),
        ("today", ""),
        ("", ""),
    ],
)
def test_creation_times_of_4_to_14_digits_are_read(value: str, time: str) -> None:
    entry = peer_entry().replace("20250114093000", value)
    assert read(peer_query_response("Success", objects=entry)).entries[0].creation_time == time


def test_an_entry_that_could_never_be_fetched_is_left_out_and_noted() -> None:
    without_id = peer_entry(unique_id="")
    without_repository = peer_entry().replace("1.2.3.4.77", " ")
    endless = peer_entry(unique_id="x" * 257)
    response = read(peer_query_response("Success", objects=without_id + without_repository + endless + peer_entry()))
    assert len(response.entries) == 1
    assert response.notes == ("entry.unique_id", "entry.repository_id")


def test_object_references_are_noted() -> None:
    response = read(peer_query_response("Success", objects='<rim:ObjectRef id="urn:uuid:1" home="urn:oid:1.2"/>'))
    assert response.entries == ()
    assert response.notes == ("entry.references_only",)


def test_associations_are_read_as_they_stand() -> None:
    response = read(peer_query_response("Success", objects=peer_association("urn:uuid:A", " urn:uuid:b ")))
    assert response.associations == (Association("urn:uuid:a", "urn:uuid:b"),)


def test_a_missing_or_unknown_status_is_none() -> None:
    assert read(peer_query_response(None)).status is None
    odd = peer_query_response("Success").replace(b"ResponseStatusType:Success", b"ResponseStatusType:Maybe")
    assert read(odd).status is None


def test_an_error_without_severity_is_an_error_and_its_text_may_stand_inside() -> None:
    message = peer_query_response("Failure", ("4703", ""), ("1102", "W"))
    assert [error.severity for error in read(message).errors] == [Severity.ERROR, Severity.WARNING]
    old = message.replace(b' codeContext="told by the peer" location="x.y.Z:12"/>', b">told inside</rs:RegistryError>")
    assert read(old).errors[0].context == "told inside"


def test_endless_texts_of_a_peer_are_cut() -> None:
    message = peer_query_response("Failure", ("4703", "E"))
    error = read(message.replace(b"told by the peer", b"x" * 9000).replace(b"x.y.Z:12", b"y" * 9000)).errors[0]
    assert (len(error.context), len(error.location)) == (2000, 2000)


def test_attributes_of_paging_do_not_matter() -> None:
    message = peer_query_response("Success", objects=peer_entry()).replace(
        b" status=", b' startIndex="0" totalResultCount="1" requestId="urn:x" status='
    )
    assert len(read(message).entries) == 1


def test_an_answer_without_an_object_list_is_read() -> None:
    message = peer_query_response("Failure", ("1101", "W")).replace(
        b"<rim:RegistryObjectList></rim:RegistryObjectList>", b""
    )
    assert read(message).entries == ()


def test_another_element_is_no_answer() -> None:
    with pytest.raises(PeerError) as refused:
        read(b"<x/>")
    assert refused.value.reason == "response.body"
    assert etree.fromstring(peer_query_response("Success")).tag == f"{QUERY}AdhocQueryResponse"


def test_values_that_name_the_patient_do_not_show_themselves() -> None:
    response = read(peer_query_response("Success", objects=peer_entry()))
    assert PATIENT.extension not in repr(response) + repr(response.entries) + repr(response.entries[0].patient)


@unhurried
@given(st.data())
def test_mutated_answers_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    asked = data.draw(queries())
    message = mutated(data, write(asked, data.draw(entry_lists(asked, minimum=1))))
    if message is not None:
        with contextlib.suppress(PeerError):
            read_query_response(message)
