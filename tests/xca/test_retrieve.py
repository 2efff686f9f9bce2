"""ITI-39 as written and as read: requests, answers, both forms of a document."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import ConnectorError, PeerError, RequestError
from ncp.wire.ids import Oid
from ncp.wire.xml import parse
from tests.support.xca import (
    HOME,
    XDSB,
    assert_valid,
    broken_retrieve_rules,
    documents,
    mutated,
    peer_document,
    peer_retrieve_response,
    registry_errors,
    requests,
    unhurried,
)
from xca.messages import (
    CrossGatewayRetrieve,
    CrossGatewayRetrieveResponse,
    DocumentRequest,
    RegistryError,
    ResponseStatus,
    RetrievedDocument,
    Severity,
)
from xca.outcomes import transcoding_failed, transformation_error
from xca.retrieve import read_retrieve, read_retrieve_response, write_retrieve, write_retrieve_response

REQUEST = DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77", f"urn:oid:{HOME}")
XOP = "{http://www.w3.org/2004/08/xop/include}Include"


def request(*documents_: str) -> bytes:
    inside = "".join(f"<x:DocumentRequest>{document}</x:DocumentRequest>" for document in documents_)
    opened = '<x:RetrieveDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007">'
    return f"{opened}{inside}</x:RetrieveDocumentSetRequest>".encode()


def ids(unique_id: str = "1.2.3^4", repository: str = "1.2.3", home: str | None = None) -> str:
    return (
        "" if home is None else f"<x:HomeCommunityId>{home}</x:HomeCommunityId>"
    ) + f"<x:RepositoryUniqueId>{repository}</x:RepositoryUniqueId><x:DocumentUniqueId>{unique_id}</x:DocumentUniqueId>"


def read(message: bytes, home: str | None = HOME) -> CrossGatewayRetrieve:
    return read_retrieve(parse(message), home=None if home is None else Oid(home))


def refusal(message: bytes) -> tuple[str, str]:
    with pytest.raises(RequestError) as refused:
        read(message)
    return refused.value.code, refused.value.reason


def answer(message: bytes, **attachments: bytes) -> CrossGatewayRetrieveResponse:
    return read_retrieve_response(parse(message), {f"{name}@x": data for name, data in attachments.items()})


# The request


def test_the_request_of_the_profile_is_written_to_the_letter() -> None:
    # The form that every OpenNCP version accepts (docs/iti-39.md).
    expected = (
        '<xdsb:RetrieveDocumentSetRequest xmlns:xdsb="urn:ihe:iti:xds-b:2007"><xdsb:DocumentRequest>'
        "<xdsb:HomeCommunityId>urn:oid:1.2.3.4</xdsb:HomeCommunityId>"
        "<xdsb:RepositoryUniqueId>1.2.3.4.77</xdsb:RepositoryUniqueId>"
        "<xdsb:DocumentUniqueId>1.2.3.4.88^PS-0001</xdsb:DocumentUniqueId>"
        "</xdsb:DocumentRequest></xdsb:RetrieveDocumentSetRequest>"
    )
    for home in ("1.2.3.4", "urn:oid:1.2.3.4"):
        assert write_retrieve(DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77", home)).decode() == expected


@unhurried
@given(requests)
def test_what_is_written_is_read_back(asked: DocumentRequest) -> None:
    assert read(write_retrieve(asked)) == CrossGatewayRetrieve((asked,))


@unhurried
@given(requests)
def test_every_request_is_valid_against_the_schema(asked: DocumentRequest) -> None:
    assert_valid(write_retrieve(asked))


def test_ids_are_kept_character_for_character_for_the_echo() -> None:
    (asked,) = read(request(ids(" 1.2.3^<!-- -->4&#10;", "1234"))).requests
    assert asked.document_unique_id == " 1.2.3^4\n"
    echo, _ = write_retrieve_response([RetrievedDocument(asked, "text/xml", b"x")], [], home=Oid(HOME), inline=True)
    assert etree.fromstring(echo).findtext(f".//{XDSB}DocumentUniqueId") == " 1.2.3^4\n"


def test_several_documents_may_be_asked_for() -> None:
    assert [one.document_unique_id for one in read(request(ids("1"), ids("2"), ids("3"))).requests] == ["1", "2", "3"]


def test_an_empty_or_missing_id_is_left_to_be_an_unknown_document() -> None:
    assert read(request(ids(""))).requests == (DocumentRequest("", "1.2.3"),)
    assert read(request("")).requests == (DocumentRequest("", ""),)


@pytest.mark.parametrize("home", [None, "", HOME, f"urn:oid:{HOME}", f" urn:oid:{HOME} "])
def test_our_own_home_or_none_is_accepted(home: str | None) -> None:
    assert len(read(request(ids(home=home))).requests) == 1


@pytest.mark.parametrize("home", ["urn:oid:1.2.3", "1.2.3", "nonsense"])
def test_another_community_is_refused_even_for_one_of_several(home: str) -> None:
    assert refusal(request(ids(), ids(home=home))) == ("XDSUnknownCommunity", "retrieve.home")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"<x/>", "retrieve.body"),
        (request(), "retrieve.empty"),
        (request(*[ids()] * 50), "retrieve.too_many"),
        (request(ids("x" * 257)), "retrieve.too_long"),
        (request(ids(repository="x" * 257)), "retrieve.too_long"),
        (request(ids(home=f"urn:oid:{HOME}" + " " * 257)), "retrieve.too_long"),
    ],
)
def test_a_request_that_no_document_answers_is_refused(message: bytes, reason: str) -> None:
    assert refusal(message) == ("4204", reason)


def test_as_many_documents_as_one_message_can_carry_are_accepted() -> None:
    assert len(read(request(*[ids()] * 49)).requests) == 49


# The answer as written


def test_the_answer_of_the_profile_is_written_to_the_letter() -> None:
    # One document as an attachment (docs/iti-39.md).
    document = RetrievedDocument(
        DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77", "urn:oid:1.2.3.4"), "text/xml", b"<x/>"
    )
    written, ((content_id, content_type, data),) = write_retrieve_response(
        [document], [], home=Oid("1.2.3.4"), inline=False
    )
    assert written.decode() == (
        '<xdsb:RetrieveDocumentSetResponse xmlns:xdsb="urn:ihe:iti:xds-b:2007" '
        'xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0">'
        '<rs:RegistryResponse status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success">'
        "</rs:RegistryResponse>"
        "<xdsb:DocumentResponse><xdsb:HomeCommunityId>urn:oid:1.2.3.4</xdsb:HomeCommunityId>"
        "<xdsb:RepositoryUniqueId>1.2.3.4.77</xdsb:RepositoryUniqueId>"
        "<xdsb:DocumentUniqueId>1.2.3.4.88^PS-0001</xdsb:DocumentUniqueId><xdsb:mimeType>text/xml</xdsb:mimeType>"
        '<xdsb:Document><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" '
        f'href="cid:{content_id}"/></xdsb:Document></xdsb:DocumentResponse></xdsb:RetrieveDocumentSetResponse>'
    )
    assert (content_type, data) == ("text/xml;charset=UTF-8", b"<x/>")


def test_a_failed_transcoding_is_the_worked_failure() -> None:
    # What OpenNCP sends when a required code has no mapping, with our location and highestSeverity.
    expected = """<xdsb:RetrieveDocumentSetResponse xmlns:xdsb="urn:ihe:iti:xds-b:2007"
        xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0">
     <rs:RegistryResponse status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure">
      <rs:RegistryErrorList highestSeverity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error">
       <rs:RegistryError errorCode="4505" codeContext="Required coded element was not transcoded"
         severity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error" location="urn:oid:1.2.3.4"/>
       <rs:RegistryError errorCode="ERROR_PS_MISSING_EXPECTED_MAPPING"
         codeContext="A needed code mapping is missing for the patient summary. [Required coded element was not transcoded]"
         severity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error" location="urn:oid:1.2.3.4"/>
      </rs:RegistryErrorList>
     </rs:RegistryResponse>
    </xdsb:RetrieveDocumentSetResponse>"""  # noqa: E501
    errors = transcoding_failed("60591-5", [transformation_error("4505", Severity.ERROR)])
    written, attachments = write_retrieve_response([], errors, home=Oid("1.2.3.4"), inline=False)
    remove_blanks = etree.XMLParser(remove_blank_text=True)
    assert etree.tostring(etree.fromstring(written), method="c14n2", strip_text=True) == etree.tostring(
        etree.fromstring(expected, remove_blanks), method="c14n2", strip_text=True
    )
    assert attachments == []


@unhurried
@given(st.lists(documents, max_size=4), st.lists(registry_errors, max_size=3), st.booleans())
def test_every_answer_is_read_back_and_pleases_the_checkers(
    delivered: list[RetrievedDocument], errors: list[RegistryError], inline: bool
) -> None:
    if not delivered and not errors:
        return
    written, attachments = write_retrieve_response(delivered, errors, home=Oid(HOME), inline=inline)
    assert broken_retrieve_rules(written, home=HOME) == []
    again = read_retrieve_response(parse(written), {content_id: data for content_id, _, data in attachments})
    assert (list(again.documents), list(again.errors), again.notes) == (delivered, errors, ())
    assert len(attachments) == (0 if inline else len(delivered))


@unhurried
@given(st.lists(documents, min_size=1, max_size=3), st.lists(registry_errors, max_size=3), st.booleans())
def test_every_answer_is_valid_against_the_schema(
    delivered: list[RetrievedDocument], errors: list[RegistryError], inline: bool
) -> None:
    assert_valid(write_retrieve_response(delivered, errors, home=Oid(HOME), inline=inline)[0])


def test_the_checker_notices_broken_answers() -> None:
    good = write_retrieve_response(
        [RetrievedDocument(REQUEST, "text/xml", b"x")], [RegistryError("4703", "x")], home=Oid(HOME), inline=True
    )[0].decode()
    assert broken_retrieve_rules(good.encode(), home=HOME) == []
    for old, new, rule in (
        ("PartialSuccess", "Partial", "status"),
        (ResponseStatus.PARTIAL_SUCCESS.value, ResponseStatus.FAILURE.value, "a failure has no document"),
        (f"<xdsb:HomeCommunityId>urn:oid:{HOME}", f"<xdsb:HomeCommunityId>{HOME}", "home of a document"),
        ("mimeType", "mimetype", "children of DocumentResponse"),
        (">eA==<", "><", "content"),
        ('errorCode="4703"', 'errorCode=""', "errorCode"),
    ):  # fmt: skip
        assert old in good, old
        assert rule in broken_retrieve_rules(good.replace(old, new).encode(), home=HOME), rule


@pytest.mark.parametrize(
    ("count", "severities", "status"),
    [
        (1, [], ResponseStatus.SUCCESS),
        (1, [Severity.WARNING], ResponseStatus.SUCCESS),
        (1, [Severity.ERROR], ResponseStatus.PARTIAL_SUCCESS),
        (2, [Severity.WARNING, Severity.ERROR], ResponseStatus.PARTIAL_SUCCESS),
        (0, [Severity.ERROR], ResponseStatus.FAILURE),
        (0, [Severity.WARNING], ResponseStatus.FAILURE),
    ],
)
def test_the_status_follows_from_documents_and_errors(
    count: int, severities: list[Severity], status: ResponseStatus
) -> None:
    delivered = [RetrievedDocument(REQUEST, "text/xml", b"x")] * count
    errors = [RegistryError("ERROR_PS_GENERIC", "x", severity) for severity in severities]
    written, _ = write_retrieve_response(delivered, errors, home=Oid(HOME), inline=True)
    assert etree.fromstring(written)[0].get("status") == status.value


def test_an_answer_with_nothing_in_it_is_not_written() -> None:
    with pytest.raises(ValueError, match="a document or an error"):
        write_retrieve_response([], [], home=Oid(HOME), inline=True)


def test_a_document_without_content_is_not_sent() -> None:
    with pytest.raises(ConnectorError) as refused:
        write_retrieve_response([RetrievedDocument(REQUEST, "text/xml", b"")], [], home=Oid(HOME), inline=False)
    assert refused.value.reason == "document.empty"


def test_a_request_without_home_gets_ours() -> None:
    document = RetrievedDocument(DocumentRequest("1", "2"), "text/xml", b"x")
    written, _ = write_retrieve_response([document], [], home=Oid(HOME), inline=True)
    assert etree.fromstring(written).findtext(f".//{XDSB}HomeCommunityId") == f"urn:oid:{HOME}"


def test_the_same_document_twice_has_two_attachments() -> None:
    document = RetrievedDocument(REQUEST, "text/xml", b"x")
    _, attachments = write_retrieve_response([document, document], [], home=Oid(HOME), inline=False)
    assert len({content_id for content_id, _, _ in attachments}) == 2


@pytest.mark.parametrize(
    ("mime_type", "part_type"),
    [
        ("text/xml", "text/xml;charset=UTF-8"),
        ("application/pdf", "application/pdf"),
        ("text/xml\r\nX-Header: y", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_nothing_but_a_media_type_gets_into_a_part_header(mime_type: str, part_type: str) -> None:
    document = RetrievedDocument(REQUEST, mime_type, b"x")
    _, ((content_id, content_type, _),) = write_retrieve_response([document], [], home=Oid(HOME), inline=False)
    assert content_type == part_type
    assert content_id.isascii()
    assert len(content_id) + len("Content-ID: <>") < 300


# The answer as read

INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'
BASE64 = base64.b64encode(b"<ClinicalDocument/>").decode()


@pytest.mark.parametrize(
    "content",
    [
        BASE64,
        f"\r\n      {BASE64[:8]}\n\t{BASE64[8:]}  \n",
        f"<!-- x -->{BASE64[:8]}<?pi x?>{BASE64[8:]}",
        INCLUDE.format("1@x"),
        f"\n  {INCLUDE.format('1@x')}\n",
        INCLUDE.format("1%40x"),
        f"<!-- x -->{INCLUDE.format('1@x')}",
        INCLUDE.format("1@x").replace("cid:", "CID:"),
    ],
    ids=["base64", "broken lines", "comments", "include", "blanks", "percent", "comment beside", "upper case"],
)
def test_a_document_is_read_in_every_form(content: str) -> None:
    response = answer(
        peer_retrieve_response("Success", documents=peer_document(content)), **{"1": b"<ClinicalDocument/>"}
    )
    (document,) = response.documents
    assert document.content == b"<ClinicalDocument/>"
    assert document.request == DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77", "urn:oid:1.2.3.4")
    assert (document.mime_type, response.status, response.notes) == ("text/xml", ResponseStatus.SUCCESS, ())


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("", "document.empty"),
        ("  \n ", "document.empty"),
        ("not base64!", "document.base64"),
        ("QUJD=QUJD", "document.base64"),
        ("QUJ", "document.base64"),
        ("QUJDé", "document.base64"),
        (INCLUDE.format("2@x"), "document.attachment"),
        (INCLUDE.format("empty@x"), "document.empty"),
        (INCLUDE.format("1@x") * 2, "document.include"),
        (f"text {INCLUDE.format('1@x')}", "document.include"),
        (f"{INCLUDE.format('1@x')} text", "document.include"),
        (f"<other/>{INCLUDE.format('1@x')}", "document.include"),
        ("<other/>", "document.include"),
        (INCLUDE.format("1@x").replace("cid:", "http://"), "document.include"),
        (INCLUDE.format("1@x").replace("cid:1@x", ""), "document.include"),
        ('<Include href="cid:1@x"/>', "document.include"),
    ],
)
def test_a_document_that_cannot_be_had_is_missing_and_noted(content: str, note: str) -> None:
    message = peer_retrieve_response("Success", documents=peer_document(content))
    response = answer(message, **{"1": b"<ClinicalDocument/>", "empty": b""})
    assert (response.documents, response.notes) == ((), (note,))


def test_an_answer_without_a_document_element_is_read() -> None:
    message = peer_retrieve_response(
        "Success", documents=peer_document("").replace("<xdsb:Document></xdsb:Document>", "")
    )
    assert answer(message).notes == ("document.empty",)


def test_one_attachment_belongs_to_one_document() -> None:
    both = peer_document(INCLUDE.format("1@x"), "1") + peer_document(INCLUDE.format("1@x"), "2")
    response = answer(peer_retrieve_response("Success", documents=both), **{"1": b"x"})
    assert [document.request.document_unique_id for document in response.documents] == ["1"]
    assert response.notes == ("document.attachment",)


def test_attachments_may_be_views_and_keep_their_angle_brackets() -> None:
    message = peer_retrieve_response("Success", documents=peer_document(INCLUDE.format("1@x")))
    response = read_retrieve_response(parse(message), {"<1@x>": memoryview(b"abc")})
    assert response.documents[0].content == b"abc"
    assert isinstance(response.documents[0].content, bytes)


@pytest.mark.parametrize("content", [base64.b64encode(b"x" * 101).decode(), INCLUDE.format("1@x")])
def test_a_document_beyond_the_limit_is_missing(content: str) -> None:
    message = parse(peer_retrieve_response("Success", documents=peer_document(content)))
    assert read_retrieve_response(message, {"1@x": b"x" * 101}, max_bytes=100).notes == ("document.too_large",)
    assert len(read_retrieve_response(message, {"1@x": b"x" * 101}, max_bytes=101).documents) == 1


def test_ids_of_an_on_demand_document_are_read() -> None:
    more = (
        "<xdsb:NewRepositoryUniqueId>1.2.3.9</xdsb:NewRepositoryUniqueId>"
        "<xdsb:NewDocumentUniqueId>1.2.3^new</xdsb:NewDocumentUniqueId>"
    )
    (document,) = answer(peer_retrieve_response("Success", documents=peer_document(BASE64, more=more))).documents
    assert (document.new_document_unique_id, document.new_repository_unique_id) == ("1.2.3^new", "1.2.3.9")
    assert (document.request.document_unique_id, document.request.repository_unique_id) == (
        "1.2.3.4.88^PS-0001",
        "1.2.3.4.77",
    )


def test_a_missing_status_or_registry_response_is_no_status() -> None:
    assert answer(peer_retrieve_response(None)).status is None
    bare = b'<x:RetrieveDocumentSetResponse xmlns:x="urn:ihe:iti:xds-b:2007"/>'
    assert answer(bare) == CrossGatewayRetrieveResponse(None)


def test_another_element_is_no_answer() -> None:
    with pytest.raises(PeerError) as refused:
        answer(b"<x/>")
    assert refused.value.reason == "response.body"


@unhurried
@given(st.data(), st.lists(documents, min_size=1, max_size=3), st.booleans())
def test_mutated_answers_are_read_or_refused_and_nothing_else(
    data: st.DataObject, delivered: list[RetrievedDocument], inline: bool
) -> None:
    written, attachments = write_retrieve_response(
        delivered, [RegistryError("4505", "x")], home=Oid(HOME), inline=inline
    )
    message = mutated(data, written)
    if message is not None:
        with contextlib.suppress(PeerError):
            read_retrieve_response(message, {content_id: bytes_ for content_id, _, bytes_ in attachments})


@unhurried
@given(st.data(), requests)
def test_mutated_requests_are_read_or_refused_and_nothing_else(data: st.DataObject, asked: DocumentRequest) -> None:
    message = mutated(data, write_retrieve(asked))
    if message is not None:
        with contextlib.suppress(RequestError):
            read_retrieve(message, home=Oid(HOME))
