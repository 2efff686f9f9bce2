"""ITI-39 over the wire: several documents, other people's documents, every way a document may travel."""

from __future__ import annotations

from typing import Any

import pytest

from ncp.access import AccessPolicy
from ncp.wire.errors import Code, ConnectorError, DocumentError
from ncp.wire.ids import II, CountryCode
from tests.support.assertions import PERMISSION, attribute
from tests.support.peer_messages import EP, HR, LABORATORY, RETRIEVE, message, multipart, retrieve, soap_type
from tests.support.peer_wire import XCA_PATH, XDSB, Answer, check
from tests.support.scripted_gateway import L1, L3, OTHER, PATIENT, PERSON, REPOSITORY, ScriptedGateway, entry

pytestmark = pytest.mark.xdist_group("ncp-a")

UNKNOWN = ("ERROR_GENERIC_DOCUMENT_MISSING", "E")
ONE = retrieve((L3, REPOSITORY))
ALL_STEPS = ["describe_document", "consent", "fetch_document"]


def ask(gateway: ScriptedGateway, body: bytes, *assertions: bytes, country: str = "FR", **http: Any) -> Answer:
    assertions = assertions or gateway.log_in(country).treating(PATIENT)
    return gateway.peer(country).ask(RETRIEVE, message(RETRIEVE, body, *assertions), **http)


def permissions(*codes: str) -> str:
    return attribute(PERMISSION, *(f"{PERMISSION}:{code}" for code in codes))


# --- results ---------------------------------------------------------------------------------------------------------


def test_a_document_is_delivered_byte_by_byte_with_its_ids_as_asked(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, ONE)
    assert (answer.xds_status, answer.errors) == ("Success", [])
    assert answer.documents == {L3: ncp_a.connector.contents[L3]}
    (response,) = answer.content.findall(f"{XDSB}DocumentResponse")
    told = [response.findtext(f"{XDSB}{name}") for name in ("HomeCommunityId", "RepositoryUniqueId", "mimeType")]
    assert told == [f"urn:oid:{HR}", REPOSITORY, "text/xml"]
    assert ncp_a.connector.asked == ALL_STEPS
    described, fetched = ncp_a.connector.calls[0][1], ncp_a.connector.calls[2][1]
    assert (described.patient, fetched.document.unique_id) == (II(*PATIENT), L3)


def test_several_documents_are_delivered_together(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, retrieve((L3, REPOSITORY), (L1, REPOSITORY)))
    assert answer.xds_status == "Success"
    assert answer.documents == {L3: ncp_a.connector.contents[L3], L1: ncp_a.connector.contents[L1]}
    assert len(answer.parts) == 3


def test_one_unknown_among_several_makes_a_partial_success(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, retrieve(("1.2.3^nothing", REPOSITORY), (L3, REPOSITORY)))
    assert (answer.xds_status, answer.errors) == ("PartialSuccess", [UNKNOWN])
    assert list(answer.documents) == [L3]


def test_the_same_document_twice_is_answered_twice(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, retrieve((L3, REPOSITORY), (L3, REPOSITORY)))
    assert answer.xds_status == "Success"
    assert len(answer.content.findall(f"{XDSB}DocumentResponse")) == 2
    assert len(answer.parts) == 3


MISSING: dict[str, tuple[str, str]] = {
    "unknown": ("1.2.3^nothing", REPOSITORY),
    "an empty id": ("", REPOSITORY),
    "another repository": (L3, REPOSITORY + ".1"),
    "no repository": (L3, ""),
    "a blank before the id": (" " + L3, REPOSITORY),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_document_that_is_not_there_is_missing(ncp_a: ScriptedGateway, name: str) -> None:
    answer = ask(ncp_a, retrieve(MISSING[name]))
    assert (answer.xds_status, answer.errors, answer.documents) == ("Failure", [UNKNOWN], {})
    assert "fetch_document" not in ncp_a.connector.asked
    assert "consent" not in ncp_a.connector.asked


@pytest.mark.attack
def test_a_document_of_somebody_else_looks_like_an_unknown_one(ncp_a: ScriptedGateway) -> None:
    """B9."""
    ncp_a.connector.described["1.2.3^other"] = entry("1.2.3^other", patient=OTHER)
    ncp_a.connector.contents["1.2.3^other"] = b"secret"
    theirs = ask(ncp_a, retrieve(("1.2.3^other", REPOSITORY)))
    assert ncp_a.connector.asked == ["describe_document"]
    unknown = ask(ncp_a, retrieve(("1.2.3^never", REPOSITORY)))
    assert (theirs.xds_status, theirs.errors, theirs.documents) == ("Failure", [UNKNOWN], {})

    def texts(answer: Answer) -> list[dict[str, str]]:
        return [dict(each.attrib) for each in answer.content.iter() if each.get("errorCode")]

    assert texts(theirs) == texts(unknown)
    assert '"reason":"trc.patient"' in ncp_a.log.since()


@pytest.mark.attack
def test_among_several_only_those_of_the_patient_are_delivered(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.described["1.2.3^other"] = entry("1.2.3^other", patient=OTHER)
    answer = ask(ncp_a, retrieve(("1.2.3^other", REPOSITORY), (L3, REPOSITORY)))
    assert (answer.xds_status, answer.errors, list(answer.documents)) == ("PartialSuccess", [UNKNOWN], [L3])


@pytest.mark.parametrize("home", ["urn:oid:2.16.17.710.999.1000.990.1", "nonsense"])
def test_a_document_of_another_community_is_not_known(ncp_a: ScriptedGateway, home: str) -> None:
    answer = ask(ncp_a, retrieve((L3, REPOSITORY), (L3, REPOSITORY, home)))
    assert (answer.xds_status, answer.errors) == ("Failure", [("XDSUnknownCommunity", "E")])
    assert ncp_a.connector.asked == []


def test_the_community_may_be_left_out(ncp_a: ScriptedGateway) -> None:
    assert list(ask(ncp_a, retrieve((L3, REPOSITORY, ""))).documents) == [L3]


@pytest.mark.parametrize("count", [0, 50])
def test_no_document_and_too_many_are_refused(ncp_a: ScriptedGateway, count: int) -> None:
    answer = ask(ncp_a, retrieve(*[(L3, REPOSITORY)] * count))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4204", "E")])
    assert ncp_a.connector.asked == []


@pytest.mark.parametrize(
    ("class_code", "code"),
    [("60591-5", "ERROR_PS_NO_CONSENT"), (EP, "ERROR_EP_NO_CONSENT"), (LABORATORY, "4701")],
)
def test_without_consent_nothing_is_fetched(ncp_a: ScriptedGateway, class_code: str, code: str) -> None:
    ncp_a.connector.described[L3] = entry(L3, class_code)
    ncp_a.connector.allowed = False
    answer = ask(ncp_a, ONE)
    assert (answer.xds_status, answer.errors, answer.documents) == ("Failure", [(code, "E")], {})
    assert ncp_a.connector.asked == ["describe_document", "consent"]


@pytest.mark.attack
def test_a_class_that_is_not_permitted_is_not_fetched(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.described[L3] = entry(L3, EP)
    only_summary = permissions("PRD-003", "PRD-005", "PRD-010", "PRD-016")
    answer = ask(ncp_a, ONE, *ncp_a.log_in().treating(PATIENT, permissions=only_summary))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    assert ncp_a.connector.asked == ["describe_document"]


@pytest.mark.attack
def test_a_class_that_nobody_knows_is_not_fetched(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.described[L3] = entry(L3, "56445-0")
    answer = ask(ncp_a, ONE)
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    assert ncp_a.connector.asked == ["describe_document"]


@pytest.mark.attack
def test_without_the_permissions_of_any_class_nothing_is_described(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, ONE, *ncp_a.log_in().treating(PATIENT, permissions=permissions("PRD-006", "PRD-003")))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    ncp_a.assert_untouched(answer)


@pytest.mark.attack
def test_a_refused_role_is_told_nothing(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(policy=AccessPolicy(refused_roles=frozenset({"221"})))
    answer = ask(ncp_a, ONE)
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    assert ncp_a.connector.asked == []


FAILURES: dict[str, tuple[str, str, Exception, tuple[str, str]]] = {
    "the fetch fails": ("contents", "60591-5", RuntimeError(PERSON.family), ("ERROR_PS_GENERIC", "E")),
    "the fetch of a prescription fails": ("contents", EP, OSError("x"), ("ERROR_EP_GENERIC", "E")),
    "the fetch of a report fails": ("contents", LABORATORY, KeyError("x"), ("ERROR_ORCD_GENERIC", "E")),
    "a national code": (
        "contents",
        "60591-5",
        ConnectorError(Code.PS_REGISTRY_NOT_AVAILABLE, "x"),
        ("ERROR_PS_REGISTRY_NOT_AVAILABLE", "E"),
    ),
    "gone between description and fetch": ("contents", "60591-5", DocumentError(Code.DOCUMENT_MISSING, "x"), UNKNOWN),
    "the description fails": ("described", "60591-5", RuntimeError("123450987"), ("ERROR_GENERIC", "E")),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_national_failure_is_told_for_its_document(ncp_a: ScriptedGateway, name: str) -> None:
    where, class_code, failure, expected = FAILURES[name]
    ncp_a.connector.described["1.9"] = entry("1.9", class_code)
    getattr(ncp_a.connector, where)["1.9"] = failure
    answer = ask(ncp_a, retrieve(("1.9", REPOSITORY), (L3, REPOSITORY)))
    assert (answer.xds_status, answer.errors, list(answer.documents)) == ("PartialSuccess", [expected], [L3])
    alone = ask(ncp_a, retrieve(("1.9", REPOSITORY)))
    assert (alone.xds_status, alone.errors, alone.documents) == ("Failure", [expected], {})


def test_an_empty_document_is_a_failure_and_not_a_document(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.contents[L3] = b""
    answer = ask(ncp_a, ONE)
    assert (answer.xds_status, answer.errors, answer.documents) == ("Failure", [("ERROR_PS_GENERIC", "E")], {})


# --- how a document travels ------------------------------------------------------------------------------------------


def sent(gateway: ScriptedGateway, *, mtom: bool, **headers: str) -> Answer:
    request = message(RETRIEVE, ONE, *gateway.log_in().treating(PATIENT))
    content_type, body = multipart(request, RETRIEVE) if mtom else (soap_type(RETRIEVE), request)
    return gateway.peer().ask(RETRIEVE, body, content_type=content_type, **headers)


INLINE = ("application/soap+xml", "text/xml", "application/soap+xml, text/xml;q=0.9", "multipart/related;q=0, */*")
ATTACHED = (
    "*/*",
    "multipart/related",
    "multipart/*",
    "application/soap+xml, multipart/related",
    "application/soap+xml, text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    'multipart/related; type="application/xop+xml"',
    "Multipart/Related",
    "",
)


@pytest.mark.parametrize("accept", INLINE)
def test_a_plain_request_that_takes_no_multipart_gets_the_document_inline(ncp_a: ScriptedGateway, accept: str) -> None:
    answer = sent(ncp_a, mtom=False, Accept=accept)
    assert not answer.is_multipart
    assert answer.documents == {L3: ncp_a.connector.contents[L3]}


@pytest.mark.parametrize("accept", ATTACHED)
def test_a_plain_request_gets_multipart_otherwise(ncp_a: ScriptedGateway, accept: str) -> None:
    answer = sent(ncp_a, mtom=False, **({"Accept": accept} if accept else {}))
    assert answer.is_multipart
    assert answer.documents == {L3: ncp_a.connector.contents[L3]}


def test_accept_may_stand_on_several_lines(ncp_a: ScriptedGateway) -> None:
    answer = sent(ncp_a, mtom=False, Accept="application/soap+xml\r\nAccept: multipart/related")
    assert answer.is_multipart


@pytest.mark.parametrize("accept", ["application/soap+xml", "*/*"])
def test_a_multipart_request_gets_multipart_whatever_it_accepts(ncp_a: ScriptedGateway, accept: str) -> None:
    assert sent(ncp_a, mtom=True, Accept=accept).is_multipart


def test_a_country_may_be_set_to_inline(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(inline_for=frozenset({CountryCode("FR")}))
    assert not sent(ncp_a, mtom=False).is_multipart
    assert sent(ncp_a, mtom=True).is_multipart
    request = message(RETRIEVE, ONE, *ncp_a.log_in("BE").treating(PATIENT))
    assert ncp_a.peer("BE").ask(RETRIEVE, request).is_multipart


def test_a_refusal_is_multipart_too_when_asked_so(ncp_a: ScriptedGateway) -> None:
    """OpenNCP up to 8.1 answers every ITI-39 so, with one part."""
    ncp_a.connector.described.clear()
    answer = sent(ncp_a, mtom=True)
    assert answer.is_multipart
    assert answer.errors == [UNKNOWN]
    assert len(answer.parts) == 1


def test_the_multipart_form_is_the_one_peers_read(ncp_a: ScriptedGateway) -> None:
    answer = sent(ncp_a, mtom=True)
    content_type = answer.headers["content-type"]
    for parameter in (
        'type="application/xop+xml"',
        'start-info="application/soap+xml"',
        'action="urn:ihe:iti:2007:CrossGatewayRetrieveResponse"',
    ):
        assert parameter in content_type
    lines = answer.body.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(len(line) <= 300 for line in lines)
    assert answer.body.startswith(b"--")


def test_the_root_part_need_not_be_first_nor_named(ncp_a: ScriptedGateway) -> None:
    request = message(RETRIEVE, ONE, *ncp_a.log_in().treating(PATIENT))
    content_type, body = multipart(request, RETRIEVE)
    content_type = content_type.replace('; start="<0.0f1e@apache.org>"', "")
    answer = ncp_a.peer().ask(RETRIEVE, b"\r\n" + body, content_type=content_type)
    assert list(answer.documents) == [L3]


def test_cxf_hides_the_action_in_start_info(ncp_a: ScriptedGateway) -> None:
    request = message(RETRIEVE, ONE, *ncp_a.log_in().treating(PATIENT))
    _, body = multipart(request, RETRIEVE, boundary="uuid:0b6f2a4e")
    content_type = (
        'multipart/related; type="application/xop+xml"; boundary="uuid:0b6f2a4e"; start="<0.0f1e@apache.org>"; '
        f'start-info="application/soap+xml; action=\\"{RETRIEVE}\\""'
    )
    assert list(ncp_a.peer().ask(RETRIEVE, body, content_type=content_type).documents) == [L3]


@pytest.mark.attack
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content_type, body: (content_type, body[: len(body) // 2]),
        lambda content_type, body: (content_type.replace("MIMEBoundary_0f1e", "other"), body),
        lambda content_type, body: (content_type.replace('boundary="MIMEBoundary_0f1e"; ', ""), body),
        lambda content_type, body: (content_type.replace("0.0f1e@", "9.9@"), body),
        lambda content_type, body: (content_type, body.replace(b"Transfer-Encoding: binary", b"Transfer-Encoding: x")),
        lambda content_type, body: (content_type, (b"--MIMEBoundary_0f1e\r\n\r\nx\r\n" * 60) + body),
        lambda content_type, body: (content_type, b""),
    ],
    ids=["cut", "other boundary", "no boundary", "no such start", "unknown encoding", "60 parts", "empty"],
)
def test_a_multipart_message_that_is_none_is_a_fault(ncp_a: ScriptedGateway, spoil: Any) -> None:
    request = message(RETRIEVE, ONE, *ncp_a.log_in().treating(PATIENT))
    content_type, body = spoil(*multipart(request, RETRIEVE))
    answer = ncp_a.peer().post(XCA_PATH, body, {"Content-Type": content_type})
    check(answer, related_to=None)
    assert answer.status in (400, 413)
    assert answer.fault[0] == "Sender"
    ncp_a.assert_untouched(answer)


def test_a_large_document_arrives_whole(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.contents[L3] = b"\r\n--MIMEBoundary" + bytes(range(256)) * 40_000
    answer = ask(ncp_a, ONE)
    assert answer.documents == {L3: ncp_a.connector.contents[L3]}
