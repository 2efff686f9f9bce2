# ruff: noqa: E501
"""What NCP-B may show of an ITI-39 answer: every row of the table of outcomes (docs/iti-39.md), every peer version."""

from __future__ import annotations

import base64

import pytest

from ncp.wire.errors import DocumentError, Family, NcpError, PeerError
from ncp.wire.ids import CountryCode
from ncp.wire.xml import parse
from tests.support.xca import peer_document, peer_retrieve_response
from xca.messages import DocumentRequest
from xca.outcomes import WARNING_TEXTS, DeliveredDocument, interpret_retrieve
from xca.retrieve import read_retrieve_response

FR = CountryCode("FR")
REQUEST = DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77", "urn:oid:1.2.3.4")
CONTENT = base64.b64encode(b"<ClinicalDocument/>").decode()
DOCUMENT = peer_document(CONTENT)


def shown(message: bytes) -> DeliveredDocument:
    result = interpret_retrieve(REQUEST, read_retrieve_response(parse(message), {}), country=FR)
    assert set(result.warnings) <= set(WARNING_TEXTS)
    return result


def refusal(message: bytes) -> NcpError:
    with pytest.raises((DocumentError, PeerError)) as refused:
        shown(message)
    assert refused.value.gateway == "FR"
    return refused.value


MAPPING = "ERROR_PS_MISSING_EXPECTED_MAPPING"
ROWS = [
    ("unknown document, OpenNCP 6 on", "PartialSuccess", [("XDSMissingDocument", "E")], "", "nothing_found", "XDSMissingDocument"),
    ("unknown document, Germany", "Failure", [("ERROR_GENERIC_DOCUMENT_MISSING", "E")], "", "nothing_found", "ERROR_GENERIC_DOCUMENT_MISSING"),
    ("rights, OpenNCP to 8.0: PartialSuccess without document", "PartialSuccess", [("4703", "E")], "", "refused", "4703"),
    ("HCP field bad, OpenNCP 8.0: with document", "PartialSuccess", [("ERROR_PS_INCORRECT_FORMATTING", "E")], DOCUMENT, "refused", "ERROR_PS_INCORRECT_FORMATTING"),
    ("bad signature, OpenNCP 7.1", "PartialSuccess", [("ERROR_SEC_GENERIC", "E")], "", "refused", "ERROR_SEC_GENERIC"),
    ("no consent, OpenNCP to 7", "Failure", [("4701", "E")], "", "refused", "4701"),
    ("no consent, OpenNCP 8 on", "Failure", [("ERROR_PS_NO_CONSENT", "E")], "", "refused", "ERROR_PS_NO_CONSENT"),
    ("country unknown", "Failure", [("4703", "E")], "", "refused", "4703"),
    ("national error", "Failure", [("ERROR_PS_INTERNAL_ERROR", "E")], "", "refused", "ERROR_PS_INTERNAL_ERROR"),
    ("transcoding failed: the code behind tells", "Failure", [("4505", "E"), (MAPPING, "E")], "", "refused", MAPPING),
    ("transcoding failed, only its own codes", "Failure", [("4505", "E")], "", "refused", "4505"),
    ("exception while building", "Failure", [("ERROR_PS_GENERIC", "E")], "", "refused", "ERROR_PS_GENERIC"),
    ("failure with a document", "Failure", [("ERROR_PS_GENERIC", "E")], DOCUMENT, "refused", "ERROR_PS_GENERIC"),
    ("failure with a document and a warning", "Failure", [("2502", "W")], DOCUMENT, "refused", "2502"),
    ("failure with a document and nothing else", "Failure", [], DOCUMENT, "no_reason", "ERROR_GENERIC"),
    ("no status", None, [], DOCUMENT, "no_reason", "ERROR_GENERIC"),
    ("no status, with an error", None, [("4703", "E")], DOCUMENT, "refused", "4703"),
    ("success with an Error and a document", "Success", [("4703", "E")], DOCUMENT, "refused", "4703"),
    ("severity left out counts as Error", "Success", [("4703", "")], DOCUMENT, "refused", "4703"),
    ("a transcoding Error hides no other", "PartialSuccess", [("2502", "E"), ("4703", "E")], DOCUMENT, "refused", "4703"),
    ("warnings but no document", "Success", [("WARNING_PS_MISSING_BASIC_DATA", "W")], "", "refused", "WARNING_PS_MISSING_BASIC_DATA"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "errors", "documents", "reason", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_answer_that_shows_nothing(
    status: str | None, errors: list[tuple[str, str]], documents: str, reason: str, code: str
) -> None:
    error = refusal(peer_retrieve_response(status, *errors, documents=documents))
    assert (error.reason, error.code) == (f"peer.{reason}", code)


@pytest.mark.parametrize(
    ("status", "errors", "warnings"),
    [
        ("Success", [], ()),
        ("Success", [("WARNING_PS_MISSING_BASIC_DATA", "W")], ("peer.warning",)),
        ("Success", [("2502", "W"), ("2504", "W")], ("peer.transformation",)),
        ("PartialSuccess", [("2502", "E")], ("peer.transformation",)),
        ("PartialSuccess", [("4505", "E")], ("peer.transformation",)),
        ("PartialSuccess", [], ()),
        ("Success", [("4701", "W")], ("peer.warning",)),
    ],
)
def test_a_document_is_shown_with_what_came_beside_it(
    status: str, errors: list[tuple[str, str]], warnings: tuple[str, ...]
) -> None:
    result = shown(peer_retrieve_response(status, *errors, documents=DOCUMENT))
    assert result.document.content == b"<ClinicalDocument/>"
    assert result.warnings == warnings
    assert [error.code for error in result.reported] == [code for code, _ in errors]


@pytest.mark.parametrize("status", ["Success", "PartialSuccess"])
def test_no_document_and_no_error_is_a_missing_document(status: str) -> None:
    error = refusal(peer_retrieve_response(status))
    assert (error.reason, error.code, error.family) == (
        "document.missing",
        "ERROR_GENERIC_DOCUMENT_MISSING",
        Family.NOT_FOUND,
    )


def test_a_document_that_cannot_be_read_is_an_error_of_its_own() -> None:
    error = refusal(peer_retrieve_response("Success", documents=peer_document("not base64!")))
    assert (error.reason, error.context, error.family) == ("document.unreadable", "document.base64", Family.CONTENT)


def test_another_document_than_the_one_asked_is_never_shown() -> None:
    other = peer_document(CONTENT, "1.2.3.4.88^PS-0002")
    error = refusal(peer_retrieve_response("Success", documents=other))
    assert isinstance(error, PeerError)
    assert error.reason == "document.other_id"
    assert "PS-000" not in f"{error!r} {error.message} {error.context}"


@pytest.mark.parametrize("asked", [" 1.2.3.4.88^PS-0001\n", "1.2.3.4.88^PS-0001"])
def test_white_space_around_the_id_makes_no_other_document(asked: str) -> None:
    message = peer_retrieve_response("Success", documents=peer_document(CONTENT, asked))
    assert shown(message).document.content == b"<ClinicalDocument/>"


@pytest.mark.parametrize("asked", ["1.2.3.4.88^ps-0001", "1.2.3.4.88", "1.2.3.4.88^PS-00010", ""])
def test_a_similar_id_is_another_document(asked: str) -> None:
    message = peer_retrieve_response("Success", documents=peer_document(CONTENT, asked))
    assert refusal(message).reason == "document.other_id"


def test_of_several_documents_the_one_asked_for_is_shown() -> None:
    other = peer_document(base64.b64encode(b"%PDF-").decode(), "1.2.3.4.88^PS-0001-PDF")
    for documents in (other + DOCUMENT, DOCUMENT + other, DOCUMENT + DOCUMENT):
        result = shown(peer_retrieve_response("Success", documents=documents))
        assert result.document.content == b"<ClinicalDocument/>"
        assert result.warnings == ("document.several",)


def test_the_document_id_does_not_get_into_the_context() -> None:
    message = peer_retrieve_response("Failure", ("4701", "E")).replace(b"told by the peer", b"no 1.2.3.4.88^PS-0001")
    assert "PS-0001" not in refusal(message).context


def test_a_delivered_document_does_not_show_itself() -> None:
    assert "PS-0001" not in repr(shown(peer_retrieve_response("Success", documents=DOCUMENT)))
