"""Messages of OpenNCP, Germany, Denmark and IPF, each with the reading that it must get."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from ncp.wire.errors import DocumentError, PeerError, RequestError
from ncp.wire.ids import II, CountryCode
from ncp.wire.xml import NS_SOAP12, XmlLimits, child, children, parse
from tests.shared import shared, shared_files
from tests.support.xca import PS
from xca.delivered import check_patient, level, pdf_of
from xca.messages import CrossGatewayQuery, DocumentRequest, ResponseStatus, Severity
from xca.outcomes import interpret_query, interpret_retrieve
from xca.query import read_query, read_query_response
from xca.retrieve import read_retrieve, read_retrieve_response

DE = CountryCode("DE")
GERMAN_ROOT = "1.2.276.0.76.3.1.580.147"


def body(name: str) -> _Element:
    """The body element of a sample, out of its envelope where it has one."""
    root = parse(shared(f"samples/xca/{name}").read_bytes(), XmlLimits(long_text=True))
    inside = child(root, f"{{{NS_SOAP12}}}Body")
    return root if inside is None else next(children(inside))


@pytest.mark.parametrize(
    ("name", "patient", "class_code"),
    [
        ("openncp_iti38_request_ep.xml", II("2.16.17.710.811", "041082-995W"), "57833-6"),
        ("de_iti38_request_ps.xml", II(GERMAN_ROOT, "X110571344|ABC123"), PS),
        ("de_iti38_request_ep.xml", II(GERMAN_ROOT, "X110571344|ABC123"), "57833-6"),
        ("dk_iti38_envelope_request_ps.xml", II("1.2.208.176.1.2", "0410009234"), PS),
        ("dk_iti38_envelope_request_ep.xml", II("1.2.208.176.1.2", "0410009234"), "57833-6"),
    ],
)
def test_a_query_is_read(name: str, patient: II, class_code: str) -> None:
    assert read_query(body(name), home=None) == CrossGatewayQuery(patient, (class_code,))


def test_a_query_for_the_retired_overview_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        read_query(body("openncp_iti38_request_mro.xml"), home=None)
    assert refused.value.code == "ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN"


OPENNCP_HOME = "urn:oid:2.16.999.1000.990.1"


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        (
            "openncp_iti39_request_ep.xml",
            DocumentRequest("1.2.246.556.12001.4.93.1.1^6.1", "1234", OPENNCP_HOME),
        ),
        (
            "dk_iti39_envelope_request_ep.xml",
            DocumentRequest("1.2.208.176.7.2.3^507397226156101L3", "1.2.208.176.7.2.3"),
        ),
    ],
)
def test_a_retrieve_is_read(name: str, request_: DocumentRequest) -> None:
    assert read_retrieve(body(name), home=None).requests == (request_,)


@pytest.mark.parametrize(
    "name",
    [
        "openncp_iti39_request_mro.xml",
        "openncp_iti39_request_mro_pdf.xml",
        "openncp_iti39_request_unknown_document.xml",
    ],
)
def test_a_retrieve_of_openncp_s_tests_is_read_as_the_markup_says(name: str) -> None:
    element = body(name)
    (request_,) = read_retrieve(element, home=None).requests
    told = {etree.QName(part).localname: part.text for part in element.iter("*")}
    assert request_ == DocumentRequest(told["DocumentUniqueId"], told["RepositoryUniqueId"], told["HomeCommunityId"])


def test_the_german_list_is_read() -> None:
    response = read_query_response(body("de_iti38_response_ps.xml"))
    assert (response.status, response.errors, response.notes) == (ResponseStatus.SUCCESS, (), ())
    structured, pdf = response.entries
    assert structured.unique_id == "2.16.17.710.813.1000.990.1.1^PS.XML"
    assert structured.repository_id == pdf.repository_id == "2.16.620.1.101.10.3.29.54290"
    assert structured.home_community_id == pdf.home_community_id == "1.2.276.0.76.4.291"
    assert structured.patient == pdf.patient == II(GERMAN_ROOT, "X114428538")
    assert (structured.class_code, pdf.class_code) == (PS, PS)
    assert (structured.format_code, pdf.format_code) == ("urn:epSOS:ps:ps:2010", "urn:ihe:iti:xds-sd:pdf:2008")
    assert (structured.mime_type, pdf.mime_type) == ("text/xml", "application/pdf")
    assert (structured.language, pdf.language) == ("de-DE", "en-GB")
    assert (structured.size, structured.hash, structured.creation_time) == (54321, "", "20170914133309")
    assert structured.facility is not None
    assert (structured.facility.code, structured.facility.name) == ("CY", "CYPRUS")
    assert (structured.confidentiality.code, structured.authors, structured.event_codes) == ("N", (), ())


def test_the_german_list_is_paired_for_its_patient_and_empty_for_another() -> None:
    response = read_query_response(body("de_iti38_response_ps.xml"))
    for extension in ("X114428538", "X114428538|ABC123"):
        result = interpret_query(CrossGatewayQuery(II(GERMAN_ROOT, extension), (PS,)), response, country=DE)
        assert [entry.twin for entry in result.documents] == [
            "2.16.17.710.813.1000.990.1.1^PS.PDF",
            "2.16.17.710.813.1000.990.1.1^PS.XML",
        ]
        assert result.warnings == ()
    # The simulator answers the request sample with the list of somebody else.
    asked = read_query(body("de_iti38_request_ps.xml"), home=None)
    result = interpret_query(asked, response, country=DE)
    assert (result.documents, result.warnings) == ((), ("entry.other_patient",))


def test_the_german_failures_say_that_nothing_was_found() -> None:
    answer = read_query_response(body("de_iti38_response_failure_missing.xml"))
    assert (answer.status, answer.entries) == (ResponseStatus.FAILURE, ())
    assert [(e.code, e.severity, e.location) for e in answer.errors] == [
        ("ERROR_GENERIC_DOCUMENT_MISSING", Severity.ERROR, "")
    ]
    with pytest.raises(DocumentError) as refused:
        interpret_query(CrossGatewayQuery(II("1.2", "x"), (PS,)), answer, country=DE)
    assert refused.value.reason == "peer.nothing_found"
    retrieved = read_retrieve_response(body("de_iti39_response_failure_missing.xml"), {})
    with pytest.raises(DocumentError) as refused:
        interpret_retrieve(DocumentRequest("1", "2"), retrieved, country=DE)
    assert (refused.value.reason, refused.value.code) == ("peer.nothing_found", "ERROR_GENERIC_DOCUMENT_MISSING")


def test_two_german_documents_are_read_from_broken_base64_lines() -> None:
    response = read_retrieve_response(body("de_iti39_response_inline_two_documents.xml"), {})
    structured, pdf = response.documents
    assert (response.status, response.notes) == (ResponseStatus.SUCCESS, ())
    assert (structured.mime_type, pdf.mime_type) == ("text/xml", "application/pdf")
    assert (level(structured.content), level(pdf.content)) == ("L3", "PDF")
    assert (pdf_of(structured.content), pdf_of(pdf.content)) == (None, pdf.content)
    result = interpret_retrieve(pdf.request, response, country=DE)
    assert result.document is pdf
    assert result.warnings == ("document.several",)


def test_the_german_document_names_the_patient_without_the_access_code() -> None:
    response = read_retrieve_response(body("de_iti39_response_inline_level3.xml"), {})
    (document,) = response.documents
    assert level(document.content) == "L3"
    root = etree.fromstring(document.content.strip())
    id_ = root.findall("{*}recordTarget/{*}patientRole/{*}id")[0]
    asked = II(id_.get("root", ""), f"{id_.get('extension')}|ABC123")
    # Its own id is not the one the list gave it, which is noted.
    assert check_patient(document.content, document.request, asked, None) == ["document.id_differs"]
    with pytest.raises(DocumentError) as refused:
        check_patient(document.content, document.request, II(GERMAN_ROOT, "X999999999"), None)
    assert refused.value.reason == "document.other_patient"


OTHERS = [
    "openncp_iti41_request_edispensation.xml",
    "openncp_iti41_request_consent_legacy.xml",
    "openncp_iti41_request_hcer_legacy.xml",
    "de_iti41_request_edispensation.xml",
    "de_iti41_response_success.xml",
    "dk_iti38_soap_header_openncp.xml",
    "ipf_submitobjects_ebrs30.xml",
]


@pytest.mark.parametrize("name", OTHERS)
def test_messages_of_other_transactions_are_refused_as_such(name: str) -> None:
    element = body(name)
    for read in (read_query, read_retrieve):
        with pytest.raises(RequestError) as refused:
            read(element, home=None)
        assert refused.value.reason in ("query.body", "retrieve.body")
    with pytest.raises(PeerError):
        read_query_response(element)
    with pytest.raises(PeerError):
        read_retrieve_response(element, {})


def test_the_full_entry_of_ipf_is_read_inside_a_list() -> None:
    rim = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
    objects = body("ipf_submitobjects_ebrs30.xml").find(f"{rim}RegistryObjectList")
    assert objects is not None
    answer = etree.fromstring(
        b'<q:AdhocQueryResponse xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        b'status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"/>'
    )
    answer.append(objects)
    # As it was submitted it has no repository yet.
    response = read_query_response(answer)
    assert (response.entries, response.notes) == ((), ("entry.repository_id",))
    assert response.associations != ()
    entry_element = objects.find(f"{rim}ExtrinsicObject")
    assert entry_element is not None
    slot = etree.SubElement(entry_element, f"{rim}Slot", name="repositoryUniqueId")
    etree.SubElement(etree.SubElement(slot, f"{rim}ValueList"), f"{rim}Value").text = "1.2.3"

    (entry,) = read_query_response(answer).entries

    said = {
        name.get("value"): name.getparent().getparent().get("value")  # type: ignore[union-attr]
        for name in entry_element.iterfind(f"{rim}ExternalIdentifier/{rim}Name/{rim}LocalizedString")
    }
    assert entry.unique_id == said["XDSDocumentEntry.uniqueId"]
    assert entry.patient.as_cx() == said["XDSDocumentEntry.patientId"]
    codes = {
        one.get("classificationScheme"): one.get("nodeRepresentation")
        for one in entry_element.iterfind(f"{rim}Classification")
    }
    assert entry.class_code == codes["urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"]
    assert entry.format_code == codes["urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"]
    author_scheme = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
    authors = entry_element.findall(f"{rim}Classification[@classificationScheme='{author_scheme}']")
    assert len(entry.authors) == len(authors) > 0
    assert entry.authors[0].person == authors[0].findtext(f"{rim}Slot[@name='authorPerson']/{rim}ValueList/{rim}Value")


@pytest.mark.skipif(not shared_files("samples/xca", "*.xml"), reason="shared/samples/xca is not beside the project")
def test_every_sample_has_a_reading_here() -> None:
    names = {path.name for path in shared_files("samples/xca", "*.xml")}
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in names if name not in source} == set()
