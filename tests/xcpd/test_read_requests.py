"""Questions of every peer, read as they are."""

from __future__ import annotations

import pytest

from ncp.wire.errors import RequestError
from ncp.wire.ids import II
from tests.shared import shared
from tests.support.xcpd import body_of, element
from xcpd.messages import Address, PatientSearch
from xcpd.read import birth_date, read_discovery

KVNR = II("1.2.276.0.76.3.1.580.147", "X114428538")

REQUESTS = {
    "openncp-req-known-id": ("2.16.999.1000.990.1", "2.16.17.710.820.1000.990.1", [("2.16.999.1000.990.1", "1")], {}),
    "openncp-req-empty-parameterlist": ("2.16.999.1000.990.1", "2.16.17.710.820.1000.990.1", [], {}),
    "openncp-req-postal-code-only": (
        "2.16.999.1000.990.1",
        "2.16.17.710.820.1000.990.1",
        [],
        {"address": Address(postal_code="1")},
    ),
    "dk-soap-req-template-2026": (
        "2.16.470.1.100.1.2.1000.990.1",
        "1.2.208",
        [("1.2.208.176.1.2", "0410009234")],
        {"address": Address(country="DK")},
    ),
    "dk-soap-req-template-2024": (
        "2.16.470.1.100.1.2.1000.990.1",
        "2.16.17.710.802.1000.990.1",
        [("2.16.17.710.802.1000.990.1.500", "0201909309")],
        {"address": Address(country="DK")},
    ),
    "de-req-kvnr-accesscode-ps": (
        "101",
        "101",
        [("1.2.276.0.76.3.1.580.147", "X114428538"), ("1.2.276.0.76.4.298", "A2C4E6")],
        {},
    ),
    "de-req-kvnr-accesscode-ep": (
        "101",
        "101",
        [("1.2.276.0.76.3.1.580.147", "X114428538"), ("1.2.276.0.76.4.299", "A2C4E6")],
        {},
    ),
    "ihe-req-demographics-dicom-style": (
        "1.2.840.114350.1.13.999.567",
        "1.2.840.114350.1.13.999.234",
        [("1.2.840.114350.1.13.99997.2.3412", "1234"), ("2.16.840.1.113883.4.1", "58910")],
        {"family": "Jones", "given": "Jimmy", "gender": "M", "birth_date": "19630805"},
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_of_each_peer_is_read_whole(name: str) -> None:
    sender, receiver, identifiers, traits = REQUESTS[name]
    read = read_discovery(body_of(shared(f"samples/xcpd/{name}.xml")))
    assert (read.sender, read.receiver) == (sender, receiver)
    assert read.search == PatientSearch(tuple(II(*each) for each in identifiers), **traits)
    assert read.defects == ()
    assert read.priority == "I"


def test_the_unknown_identifier_of_openncp_comes_with_the_country() -> None:
    read = read_discovery(body_of(shared("samples/xcpd/openncp-req-unknown-id.xml")))
    assert len(read.search.identifiers) == 1
    assert read.search.address.country
    assert read.defects == ()


def test_the_ihe_request_keeps_organisation_query_id_and_degree_of_match() -> None:
    read = read_discovery(body_of(shared("samples/xcpd/ihe-req-demographics-dicom-style.xml")))
    assert read.sender_organisation == "1.2.3.928.955"
    assert read.query_id == II("1.2.840.114350.1.13.28.1.18.5.999", "18204")
    assert read.minimum_degree == 100
    assert read.version_code == ""


def test_the_echo_stands_alone_even_out_of_an_envelope_with_foreign_prefixes() -> None:
    read = read_discovery(body_of(shared("samples/xcpd/ihe-req-demographics-dicom-style.xml")))
    echo = element(read.query)
    assert echo.tag == "{urn:hl7-org:v3}queryByParameter"
    # The prefix of xsi:type must still be bound.
    name = echo.find(".//{*}livingSubjectName/{*}value")
    assert name is not None and name.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "PN"


def message(
    inside: str = '<livingSubjectId><value root="1.2.3" extension="7"/><semanticsText/></livingSubjectId>',
    *,
    head: str = '<id root="1.2" extension="3"/><interactionId extension="PRPA_IN201305UV02"/>',
    sender: str = '<sender><device><id root="1.2.3"/><asAgent><representedOrganization><id root="1.2.3"/>'
    "</representedOrganization></asAgent></device></sender>",
    query: str = '<queryId root="1.9"/>',
    control: str = "",
) -> bytes:
    control = control or (
        f"<controlActProcess><queryByParameter>{query}<parameterList>{inside}</parameterList></queryByParameter>"
        "</controlActProcess>"
    )
    return f'<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3">{head}{sender}{control}</PRPA_IN201305UV02>'.encode()


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        ({"head": '<id root="1.2"/>'}, "message.interaction"),
        ({"head": '<id root="1.2"/><interactionId extension="PRPA_IN201309UV02"/>'}, "message.interaction"),
        ({"control": "<other/>"}, "query.missing"),
        ({"control": "<controlActProcess/>"}, "query.missing"),
        (
            {"control": "<controlActProcess><queryByParameter/><queryByParameter/></controlActProcess>"},
            "query.multiple",
        ),
        ({"query": ""}, "query.query_id"),
        ({"query": '<queryId root="1.9"/><responseModalityCode code="B"/>'}, "query.modality"),
        ({"sender": '<sender><device><id root="1.2.3"/></device></sender>'}, "message.sender_organisation"),
        (
            {
                "sender": '<sender><device><asAgent><representedOrganization><id root="1.2.3"/>'
                "</representedOrganization></asAgent></device></sender>"
            },
            "message.sender_device",
        ),
        (
            {"head": '<id root="1.2"/><interactionId extension="PRPA_IN201305UV02"/><processingModeCode code="R"/>'},
            "query.processing_mode",
        ),
        (
            {"inside": '<livingSubjectBirthTime><value value="1970-04-09"/></livingSubjectBirthTime>'},
            "trait.birth_time",
        ),
        ({"inside": '<livingSubjectBirthTime><value value="19700231"/></livingSubjectBirthTime>'}, "trait.birth_time"),
    ],
)
def test_a_broken_question_is_read_and_its_defect_named(change: dict[str, str], defect: str) -> None:
    assert defect in read_discovery(element(message(**change))).defects


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3"/>', "message.body"),
        (b"<PRPA_IN201305UV02/>", "message.body"),
        (message(head=""), "message.id"),
        (message(sender="<sender/>"), "message.sender"),
    ],
)
def test_a_message_nobody_could_answer_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_discovery(element(data))
    assert refused.value.reason == reason


def test_traits_are_found_by_name_under_any_prefix_between_comments_and_strangers() -> None:
    data = message().replace(b'xmlns="urn:hl7-org:v3"', b'xmlns:x="urn:hl7-org:v3" xmlns:y="urn:other"')
    for name in (b"PRPA_IN201305UV02", b"id ", b"id/", b"interactionId", b"sender", b"device", b"asAgent"):
        data = data.replace(b"<" + name, b"<x:" + name).replace(b"</" + name, b"</x:" + name)
    for name in (b"representedOrganization", b"controlActProcess", b"queryByParameter", b"queryId", b"parameterList"):
        data = data.replace(b"<" + name, b"<x:" + name).replace(b"</" + name, b"</x:" + name)
    for name in (b"livingSubjectId", b"value", b"semanticsText"):
        data = data.replace(b"<" + name, b"<x:" + name).replace(b"</" + name, b"</x:" + name)
    data = data.replace(b"<x:parameterList>", b"<x:parameterList><!-- c --><y:livingSubjectId/><x:unknown/><?p i?>")
    read = read_discovery(element(data))
    assert read.search.identifiers == (II("1.2.3", "7"),)
    assert read.defects == ()


def test_several_given_names_are_joined_and_values_are_not_cut_at_comments() -> None:
    read = read_discovery(
        element(
            message(
                "<livingSubjectName><value><given> Ana </given><given>Ma<!-- x -->rija</given><family>Primjer</family>"
                "</value></livingSubjectName>"
            )
        )
    )
    assert (read.search.family, read.search.given) == ("Primjer", "Ana Marija")


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("<streetName>Ulica 1</streetName>", "Ulica 1"),
        ("<streetAddressLine>Ulica 1</streetAddressLine>", "Ulica 1"),
        ("<streetName>Ulica</streetName><houseNumber>1</houseNumber>", "Ulica 1"),
        ("<streetAddressLine>Ulica 1</streetAddressLine><streetName>Ulica 1</streetName>", "Ulica 1"),
        ("<streetAddressLine>Kat 2</streetAddressLine><streetName>Ulica</streetName>", "Kat 2, Ulica"),
    ],
)
def test_both_ways_to_write_a_street_are_read(address: str, street: str) -> None:
    inside = f"<patientAddress><value>{address}</value></patientAddress>"
    assert read_discovery(element(message(inside))).search.address.street == street


def test_identifiers_that_lack_a_part_are_kept_for_the_refusal_and_null_ones_dropped() -> None:
    inside = (
        '<livingSubjectId><value root="1.2.3"/></livingSubjectId>'
        '<livingSubjectId><value extension="7"/></livingSubjectId>'
        '<livingSubjectId><value nullFlavor="NI"/></livingSubjectId>'
    )
    read = read_discovery(element(message(inside)))
    assert read.search.identifiers == (II("1.2.3"), II("", "7"))
    assert "identifier.incomplete" in read.problems


def test_two_values_in_one_identifier_narrow_the_search_and_are_noted() -> None:
    inside = '<livingSubjectId><value root="1.2" extension="7"/><value root="1.3" extension="8"/></livingSubjectId>'
    read = read_discovery(element(message(inside)))
    assert read.search.identifiers == (II("1.2", "7"), II("1.3", "8"))
    assert "identifier.several_values" in read.problems


@pytest.mark.parametrize(
    ("code", "gender"), [("F", "F"), ("male", "M"), ("UNDIFFERENTIATED", "UN"), ("UN", "UN"), ("X", ""), ("", "")]
)
def test_gender_codes_and_words_are_read_and_others_ignored(code: str, gender: str) -> None:
    inside = (
        f'<livingSubjectAdministrativeGender><value code="{code}"/><semanticsText/></livingSubjectAdministrativeGender>'
    )
    read = read_discovery(element(message(inside)))
    assert read.search.gender == gender
    assert ("gender.unknown" in read.problems) is (code == "X")


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("1970", "1970"),
        ("197004", "197004"),
        ("19700409", "19700409"),
        ("197004090030+0200", "19700409"),
        ("19700409003000.000-0500", "19700409"),
        ("19700409+01", "19700409"),
        ("19", ""),
        ("19701", ""),
        ("1970040", ""),
        ("19700432", ""),
        ("19000229", ""),
        ("00000101", ""),
        ("1970-04-09", ""),
        ("١٩٧٠", ""),
        ("", ""),
    ],
)
def test_birth_dates_keep_the_day_that_was_written_and_never_become_another(written: str, date: str) -> None:
    assert birth_date(written) == date


def test_the_second_of_a_trait_that_may_come_once_is_ignored_and_noted() -> None:
    inside = (
        '<livingSubjectBirthTime><value value="19700409"/></livingSubjectBirthTime>'
        '<livingSubjectBirthTime><value value="19800409"/></livingSubjectBirthTime><mothersMaidenName/>'
    )
    read = read_discovery(element(message(inside)))
    assert read.search.birth_date == "19700409"
    assert set(read.problems) == {"trait.repeated", "trait.ignored"}


def test_nothing_that_was_read_shows_itself() -> None:
    read = read_discovery(element(message('<livingSubjectId><value root="1.2" extension="SECRET"/></livingSubjectId>')))
    assert "SECRET" not in repr(read) + repr(read.search) + repr(read.search.identifiers)
