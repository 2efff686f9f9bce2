"""What NCP-B may show of an ITI-38 answer: every row of the table of outcomes (docs/iti-38.md), every peer version."""

from __future__ import annotations

import pytest

from ncp.wire.errors import (
    AccessError,
    Code,
    ConnectorError,
    DocumentError,
    Family,
    NcpError,
    PeerError,
    RequestError,
)
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.xml import parse
from tests.support.xca import (
    EP,
    HOME,
    ORCD,
    PATIENT,
    PS,
    peer_association,
    peer_entry,
    peer_query_response,
    query,
)
from xca.facts import TRANSFORMATION_TEXTS
from xca.messages import CrossGatewayQuery, RegistryError, Severity
from xca.outcomes import (
    WARNING_TEXTS,
    DocumentList,
    error_entry,
    generic_code,
    interpret_query,
    not_found,
    tells_nothing_found,
    transcoding_failed,
    transformation_error,
)
from xca.query import read_query_response

FR = CountryCode("FR")
ENTRY = peer_entry()
NOTHING = "peer.nothing_found"
REFUSED = "peer.refused"
NO_REASON = "peer.no_reason"


def shown(message: bytes, asked: CrossGatewayQuery | None = None) -> DocumentList:
    result = interpret_query(asked or query(), read_query_response(parse(message)), country=FR)
    assert set(result.warnings) <= set(WARNING_TEXTS)
    return result


def refusal(message: bytes, asked: CrossGatewayQuery | None = None) -> NcpError:
    with pytest.raises((DocumentError, PeerError)) as refused:
        shown(message, asked)
    assert refused.value.gateway == "FR"
    return refused.value


# Rows of the table: situation, peer, its answer, what is to come of it. An answer also holds a document where the peer
# leaks one, and none may ever be shown.
ROWS = [
    ("no PS, OpenNCP to 7.1", "Success", [("1102", "W")], "", NOTHING, "1102"),
    ("no PS, OpenNCP 8 and 9", "Success", [("ERROR_PS_NOT_FOUND", "W")], "", NOTHING, "ERROR_PS_NOT_FOUND"),
    ("no eP, OpenNCP 5.2.0", "Success", [("1101", "W")], "", NOTHING, "1101"),
    ("no eP, OpenNCP 5.2.6 to 7.1", "Failure", [("1101", "W")], "", NOTHING, "1101"),
    ("no eP, OpenNCP 8 and 9", "Failure", [("ERROR_EP_NOT_FOUND", "W")], "", NOTHING, "ERROR_EP_NOT_FOUND"),
    ("no OrCD, all", "Success", [("1104", "W")], "", NOTHING, "1104"),
    ("no MRO, OpenNCP to 5.2", "Success", [("1100", "W")], "", NOTHING, "1100"),
    ("no MRO, OpenNCP 6 and 7", "Success", [("1103", "W")], "", NOTHING, "1103"),
    (
        "none, Germany",
        "Failure",
        [("ERROR_GENERIC_DOCUMENT_MISSING", "E")],
        "",
        NOTHING,
        "ERROR_GENERIC_DOCUMENT_MISSING",
    ),
    ("none, IHE code", "Failure", [("XDSMissingDocument", "E")], "", NOTHING, "XDSMissingDocument"),
    ("none, without a status", None, [("ERROR_PS_NOT_FOUND", "W")], "", NOTHING, "ERROR_PS_NOT_FOUND"),
    ("registry down, all: a Warning", "Failure", [("4103", "W")], "", REFUSED, "4103"),
    ("OrCD registry down, OpenNCP 6 on", "Failure", [("ERROR_ORCD_GENERIC", "E")], "", REFUSED, "ERROR_ORCD_GENERIC"),
    ("national error", "Failure", [("ERROR_PS_MISSING_BASIC_DATA", "E")], "", REFUSED, "ERROR_PS_MISSING_BASIC_DATA"),
    ("patient not of TRC, OpenNCP to 5.2", "Failure", [("1102", "W")], "", NOTHING, "1102"),
    ("patient not of TRC, OpenNCP 6 to 8.0.1", "Success", [("1102", "W")], ENTRY, NOTHING, "1102"),
    ("patient not of TRC, ours", "Failure", [("4206", "E")], "", REFUSED, "4206"),
    (
        "HCP field missing, OpenNCP 6 and 7",
        "Success",
        [("ERROR_HPI_GENERIC", "E")],
        ENTRY,
        REFUSED,
        "ERROR_HPI_GENERIC",
    ),
    (
        "HCP field missing, OpenNCP 8.0",
        "Success",
        [("ERROR_PS_MISSING_REQUIRED_FIELDS", "E")],
        ENTRY,
        REFUSED,
        "ERROR_PS_MISSING_REQUIRED_FIELDS",
    ),
    ("not allowed, OpenNCP to 5.2", "Failure", [("4703", "E")], "", REFUSED, "4703"),
    ("not allowed, OpenNCP 6 to 8.0.0", "Success", [("4703", "E")], ENTRY, REFUSED, "4703"),
    ("not allowed, OpenNCP 7.1.3: no status", None, [("4703", "E")], "", REFUSED, "4703"),
    ("not allowed, OpenNCP 8.0.1 on: nothing at all", None, [], "", NO_REASON, "ERROR_GENERIC"),
    ("nothing at all, with documents", None, [], ENTRY, NO_REASON, "ERROR_GENERIC"),
    ("no consent, OpenNCP to 5.2", "Failure", [("4701", "E")], "", REFUSED, "4701"),
    ("no consent, OpenNCP 6 and 7", "Success", [("4701", "E")], ENTRY, REFUSED, "4701"),
    ("no consent, OpenNCP 8", "Success", [("ERROR_PS_NO_CONSENT", "E")], ENTRY, REFUSED, "ERROR_PS_NO_CONSENT"),
    ("class code missing, OpenNCP to 5.2", "Failure", [("4202", "E")], "", REFUSED, "4202"),
    (
        "class not served, OpenNCP 6 on: Success",
        "Success",
        [("ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN", "E")],
        "",
        REFUSED,
        "ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN",
    ),
    ("other exception, OpenNCP 9", "Failure", [("ERROR_GENERIC", "E")], "", REFUSED, "ERROR_GENERIC"),
    ("failure without any entry", "Failure", [], ENTRY, NO_REASON, "ERROR_GENERIC"),
    ("failure: the first Error tells", "Failure", [("2502", "W"), ("4104", "E"), ("4703", "E")], "", REFUSED, "4104"),
    ("failure: else the first entry", "Failure", [("2502", "W"), ("4103", "W")], "", REFUSED, "2502"),
    ("severity left out counts as Error", "Success", [("4703", "")], ENTRY, REFUSED, "4703"),
    ("empty code", "Failure", [("", "E")], "", REFUSED, "ERROR_GENERIC"),
    ("unknown code, Error", "Success", [("ERROR_NEW_THING", "E")], ENTRY, REFUSED, "ERROR_NEW_THING"),
    ("not found beside a real error", "Success", [("1102", "W"), ("4703", "E")], ENTRY, REFUSED, "4703"),
    (
        "partial success for one class",
        "PartialSuccess",
        [("ERROR_PS_GENERIC", "E")],
        ENTRY,
        REFUSED,
        "ERROR_PS_GENERIC",
    ),
    ("a transcoding Error hides no other", "Success", [("4505", "E"), ("4703", "E")], ENTRY, REFUSED, "4703"),
]


@pytest.mark.parametrize(
    ("status", "errors", "objects", "reason", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_answer_that_shows_nothing(
    status: str | None, errors: list[tuple[str, str]], objects: str, reason: str, code: str
) -> None:
    error = refusal(peer_query_response(status, *errors, objects=objects))
    assert (error.reason, error.code) == (reason, code)


def test_documents_found_are_shown() -> None:
    result = shown(peer_query_response("Success", objects=ENTRY))
    assert [entry.unique_id for entry in result.documents] == ["1.2.3.4.88^PS-0001"]
    assert (result.warnings, result.reported) == ((), ())


def test_an_empty_success_is_an_empty_list() -> None:
    assert shown(peer_query_response("Success")).documents == ()


def test_operation_not_implemented_is_nothing_found() -> None:
    assert refusal(peer_query_response("Success", ("ERROR_PS_NOT_FOUND", "W"))).family is Family.NOT_FOUND


def test_warnings_are_kept_beside_the_documents() -> None:
    result = shown(peer_query_response("Success", ("WARNING_PS_MISSING_BASIC_DATA", "W"), objects=ENTRY))
    assert len(result.documents) == 1
    assert result.warnings == ("peer.warning",)
    assert [error.code for error in result.reported] == ["WARNING_PS_MISSING_BASIC_DATA"]


@pytest.mark.parametrize("severity", ["E", "W"])
@pytest.mark.parametrize("code", ["4500", "4505", "4512", "2401", "2502", "2510"])
def test_entries_of_the_transcoding_step_hide_nothing(code: str, severity: str) -> None:
    result = shown(peer_query_response("Success", (code, severity), objects=ENTRY))
    assert len(result.documents) == 1
    assert result.warnings == ("peer.transformation",)


def test_a_partial_success_for_several_classes_shows_the_documents_with_the_error() -> None:
    asked = query("34105-7", "11502-2")
    message = peer_query_response(
        "PartialSuccess", ("ERROR_ORCD_GENERIC", "E"), objects=peer_entry(class_code="11502-2")
    )
    result = shown(message, asked)
    assert len(result.documents) == 1
    assert result.warnings == ("peer.partial",)
    assert refusal(peer_query_response("Success", ("ERROR_ORCD_GENERIC", "E"), objects=ENTRY), asked).reason == REFUSED


def test_a_partial_success_without_errors_is_a_list() -> None:
    assert len(shown(peer_query_response("PartialSuccess", objects=ENTRY)).documents) == 1


# What is in the list


def test_an_entry_of_another_patient_is_dropped_and_reported_and_the_rest_stays() -> None:
    other = peer_entry("1.2.3.4.88^PS-0666", patient="PAT-0666^^^&amp;1.2.3.4.5&amp;ISO")
    other_root = peer_entry("1.2.3.4.88^PS-0667", patient="PAT-0001^^^&amp;9.9.9&amp;ISO")
    no_cx = peer_entry("1.2.3.4.88^PS-0668", patient="PAT-0001")
    result = shown(peer_query_response("Success", objects=other + ENTRY + other_root + no_cx))
    assert [entry.unique_id for entry in result.documents] == ["1.2.3.4.88^PS-0001"]
    assert result.warnings == ("entry.other_patient",)


def test_the_insured_person_s_number_before_the_access_code_counts_as_the_patient() -> None:
    german = query(patient=II("1.2.3.4.5", "X110571344|ABC123"))
    for listed in ("X110571344", "X110571344|ABC123"):
        entry = peer_entry(patient=f"{listed}^^^&amp;1.2.3.4.5&amp;ISO")
        assert len(shown(peer_query_response("Success", objects=entry), german).documents) == 1
    for listed in ("X110571344|XYZ999", "ABC123", "X11057134"):
        entry = peer_entry(patient=f"{listed}^^^&amp;1.2.3.4.5&amp;ISO")
        assert shown(peer_query_response("Success", objects=entry), german).documents == ()


def test_the_leniency_works_one_way_only() -> None:
    entry = peer_entry(patient="PAT-0001|ABC^^^&amp;1.2.3.4.5&amp;ISO")
    assert shown(peer_query_response("Success", objects=entry)).documents == ()


def test_an_entry_that_names_no_patient_is_shown() -> None:
    assert len(shown(peer_query_response("Success", objects=peer_entry(patient=""))).documents) == 1


def test_the_source_patient_id_stands_in_for_a_missing_patient_id() -> None:
    slot = '<rim:Slot name="sourcePatientId"><rim:ValueList><rim:Value>{}</rim:Value></rim:ValueList></rim:Slot>'
    other = slot.format("PAT-0666^^^&amp;1.2.3.4.5&amp;ISO")
    entry = peer_entry(patient="").replace("<rim:Name>", other + "<rim:Name>", 1)
    assert shown(peer_query_response("Success", objects=entry)).documents == ()


def test_a_document_listed_twice_is_shown_once_the_first() -> None:
    result = shown(peer_query_response("Success", objects=ENTRY + peer_entry(mime_type="application/pdf")))
    assert [entry.mime_type for entry in result.documents] == ["text/xml"]
    assert result.warnings == ("entry.duplicate",)


def test_an_entry_of_another_class_is_shown_with_a_warning() -> None:
    result = shown(peer_query_response("Success", objects=peer_entry(class_code=EP)))
    assert (len(result.documents), result.warnings) == (1, ("entry.other_class",))


def test_an_endless_list_ends() -> None:
    entries = "".join(peer_entry(f"1.2.3^{n}") for n in range(1001))
    result = shown(peer_query_response("Success", objects=entries))
    assert (len(result.documents), result.warnings) == (1000, ("entry.too_many",))


def test_what_the_reader_left_out_is_warned_of() -> None:
    result = shown(peer_query_response("Success", objects=ENTRY + peer_entry(unique_id="")))
    assert result.warnings == ("entry.unique_id",)


# Pairs

UUIDS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in range(4)]
THREE = "".join(peer_entry(f"1.2.3^{n}", uuid=UUIDS[n]) for n in range(3))


def twins(*associations: str) -> list[str]:
    result = shown(peer_query_response("Success", objects=THREE + "".join(associations)))
    return [entry.twin for entry in result.documents]


def test_pairs_come_from_associations_in_either_direction() -> None:
    assert twins(peer_association(UUIDS[1], UUIDS[0])) == ["1.2.3^1", "1.2.3^0", ""]
    assert twins(peer_association(UUIDS[0], UUIDS[1])) == ["1.2.3^1", "1.2.3^0", ""]


def test_similar_ids_are_no_pair() -> None:
    assert twins() == ["", "", ""]


@pytest.mark.parametrize(
    "association",
    [
        peer_association(UUIDS[0], UUIDS[0]),
        peer_association(UUIDS[0], UUIDS[3]),
        peer_association(UUIDS[0], UUIDS[1], "urn:ihe:iti:2007:AssociationType:RPLC"),
        peer_association("", ""),
    ],
    ids=["with itself (OpenNCP, OrCD)", "with something not listed", "another kind", "empty"],
)
def test_other_associations_pair_nothing(association: str) -> None:
    assert twins(association) == ["", "", ""]


def test_an_entry_has_one_twin_the_first_that_is_named() -> None:
    pairs = (peer_association(UUIDS[1], UUIDS[0]), peer_association(UUIDS[2], UUIDS[0]))
    assert twins(*pairs) == ["1.2.3^1", "1.2.3^0", ""]


# What is told of a refusal


def test_a_refusal_tells_our_own_text_and_the_peer_s_only_to_operators() -> None:
    error = refusal(peer_query_response("Failure", ("4701", "E")))
    assert error.message == Code.NO_CONSENT.text
    assert error.context == "told by the peer"
    assert "told by the peer" not in str(error)


def test_an_unknown_code_is_told_by_its_family() -> None:
    error = refusal(peer_query_response("Failure", ("ERROR_XY_NO_CONSENT", "E")))
    assert error.family is Family.CONSENT
    assert error.message == "The patient has not allowed this at home."


def test_the_patient_s_id_and_line_breaks_do_not_get_into_the_context() -> None:
    message = peer_query_response("Failure", ("4701", "E")).replace(
        b"told by the peer", b"no consent of PAT-0001&#10;ERROR fake log line " + b"x" * 3000
    )
    context = refusal(message).context
    assert "PAT-0001" not in context
    assert "\n" not in context
    assert len(context) == 500


@pytest.mark.parametrize("code", ["PAT-0001", "x" * 300, "ERROR_PS_GENERIC\nfake", "Erika Muster", "error_ps"])
def test_a_code_that_is_none_does_not_get_into_an_exception(code: str) -> None:
    error = refusal(peer_query_response("Failure", (code.replace("\n", "&#10;"), "E")))
    assert error.code == "ERROR_GENERIC"


@pytest.mark.parametrize(
    "code", ["ERROR_PS_NOT_FOUND", "ERROR_XY_NOT_FOUND", "1100", "1104", "1109", "XDSMissingDocument"]
)
def test_codes_that_tell_nothing_was_found(code: str) -> None:
    assert tells_nothing_found(code)


@pytest.mark.parametrize("code", ["", "110", "11000", "1001", "4103", "ERROR_NOT_FOUND_AT_ALL", "XDSUnknownPatientId"])
def test_codes_that_tell_something_else(code: str) -> None:
    assert not tells_nothing_found(code)


# The codes of our own answers


@pytest.mark.parametrize(
    ("class_code", "generic", "missing"),
    [
        (PS, "ERROR_PS_GENERIC", "ERROR_PS_NOT_FOUND"),
        (EP, "ERROR_EP_GENERIC", "ERROR_EP_NOT_FOUND"),
        *((code, "ERROR_ORCD_GENERIC", "1104") for code in ORCD),
        ("56445-0", "ERROR_GENERIC", "1103"),
        ("", "ERROR_GENERIC", "1100"),
    ],
)
def test_every_class_has_its_codes(class_code: str, generic: str, missing: str) -> None:
    assert (generic_code(class_code), not_found(class_code)) == (generic, missing)


def test_an_error_entry_carries_code_text_severity_and_home() -> None:
    entry = error_entry(AccessError(Code.PATIENT_NOT_OF_TRC, "trc.patient", context="operators only"), home=Oid(HOME))
    assert entry == RegistryError(
        "4206",
        "The patient identifier in the query differs from the patient identifier in the TRC assertion",
        Severity.ERROR,
        f"urn:oid:{HOME}",
    )


def test_a_national_message_stands_behind_a_caret() -> None:
    error = ConnectorError(Code.PS_REGISTRY_NOT_AVAILABLE, "connector.down", message="Wartung bis 6 Uhr")
    assert error_entry(error, home=Oid(HOME)).context == (
        "The national PS registry service is unavailable.^Wartung bis 6 Uhr"
    )
    unknown = ConnectorError("ERROR_NATIONAL_ONLY", "connector.refused", message="closed")
    assert error_entry(unknown, home=Oid(HOME)).context == "closed"


def test_an_error_entry_may_name_its_document() -> None:
    error = RequestError(Code.DOCUMENT_MISSING, "document.unknown")
    assert error_entry(error, home=Oid(HOME), document="1.2.3^4").context == (
        "The document requested was not found (1.2.3^4)"
    )


@pytest.mark.parametrize(
    ("class_code", "code", "text"),
    [
        (PS, "ERROR_PS_MISSING_EXPECTED_MAPPING", "A needed code mapping is missing for the patient summary."),
        (EP, "ERROR_EP_MISSING_EXPECTED_MAPPING", "A needed code mapping is missing for the prescription."),
        ("11502-2", "4203", "The requested encoding cannot be provided due to a transcoding error."),
    ],
)
def test_a_failed_transcoding_says_so_behind_its_entries(class_code: str, code: str, text: str) -> None:
    warning = transformation_error("2502", Severity.WARNING)
    cause = transformation_error("4505", Severity.ERROR)
    *entries, last = transcoding_failed(class_code, [warning, cause])
    assert entries == [warning, cause]
    assert (last.code, last.context) == (code, f"{text} [Required coded element was not transcoded]")
    assert last.severity is Severity.ERROR


def test_transformation_codes_are_those_of_the_translation_layer() -> None:
    expected = (*range(4500, 4514), *range(2401, 2407), *range(2500, 2511))
    assert set(TRANSFORMATION_TEXTS) == {str(code) for code in expected}


def test_a_list_does_not_show_its_patient() -> None:
    assert PATIENT.extension not in repr(shown(peer_query_response("Success", objects=ENTRY)))
