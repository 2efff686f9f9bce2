"""ITI-55: what a portal gets for every answer that another country's gateway may give."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest
from lxml import etree

from ncp_client import (
    ConsentMissing,
    Contract,
    CountryUnreachable,
    Gateway,
    GatewayError,
    IdentificationError,
    MultipleMatches,
    NotPermitted,
    ProfessionalRefused,
    TechnicalError,
    Traits,
    TryLater,
)
from tests.shared import shared
from tests.support.consultation import CONTRACTS, PlainPortal, PortalFault
from tests.support.peer_answers import (
    DISCOVERY_ANSWER,
    EHDSI_REASONS,
    GERMANY,
    IHE_REASONS,
    OPENNCP_9,
    OPENNCP_71,
    OPENNCP_81,
    SHAPES,
    TENA,
    Shape,
    discovery_body,
    found,
    nobody,
    refused,
    soap,
    subject,
)
from tests.support.scripted_peer import ScriptedPeer, Step

pytestmark = [pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

MBO = "2.16.840.1.113883.2.7.2.2"
TRAITS = Traits(identifiers=((MBO, TENA.extension or ""),))
PERSONAL = ("Izmišljena", "Tena", "Izmišljengrad", "19700409", "1970-04-09", "123456789", "Druga")
EACH_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS, ids=["v9", "v7"])


@dataclass(frozen=True)
class Refused:
    """An answer that shows nobody: what the portal is told. ``code`` "" where any code of that type will do."""

    name: str
    answer: Step
    kind: type[GatewayError]
    code: str = ""
    says: str = ""


OTHER = replace(TENA, extension="987654321", family="Druga")

NOBODY = [
    *(Refused(f"nobody, {shape.name}", nobody(shape), IdentificationError, "ERROR_PI_NO_MATCH") for shape in SHAPES),
    Refused("match quality 89", found(replace(TENA, quality="89")), IdentificationError, "ERROR_PI_NO_MATCH"),
    Refused(
        "match quality that is none", found(replace(TENA, quality="high")), IdentificationError, "ERROR_PI_NO_MATCH"
    ),
    Refused(
        "NF and nothing else",
        soap(discovery_body(OPENNCP_71, response="NF"), DISCOVERY_ANSWER),
        IdentificationError,
        "ERROR_PI_NO_MATCH",
    ),
]
REFUSALS = [
    Refused("two persons", found(TENA, OTHER), MultipleMatches, "ERROR_PI_MULTIPLE_MATCHES"),
    Refused(
        "one id, two birth dates",
        found(TENA, replace(TENA, birth="19700410")),
        MultipleMatches,
        "ERROR_PI_MULTIPLE_MATCHES",
    ),
    Refused(
        "one id, two names, one of them twice",
        found(TENA, TENA, replace(TENA, family="Druga")),
        MultipleMatches,
        "ERROR_PI_MULTIPLE_MATCHES",
    ),
    Refused(
        "one extension, two roots",
        found(TENA, replace(TENA, root="1.2.3")),
        MultipleMatches,
        "ERROR_PI_MULTIPLE_MATCHES",
    ),
    Refused(
        "one person and one without an id",
        found(TENA, replace(OTHER, extension=None)),
        MultipleMatches,
        "ERROR_PI_MULTIPLE_MATCHES",
    ),
    Refused(
        "several, and the country says so itself",
        refused("AdditionalDemographicsRequested", "ERROR_PI_MULTIPLE_MATCHES", place="triggerFor"),
        MultipleMatches,
        "ERROR_PI_MULTIPLE_MATCHES",
    ),
    Refused("a person without an id", found(replace(TENA, extension=None)), GatewayError),
    Refused("rights", refused("InsufficientRights", "4703"), NotPermitted, "4703"),
    Refused("role", refused("InsufficientRights", "ERROR_HPI_GENERIC"), ProfessionalRefused, "ERROR_HPI_GENERIC"),
    Refused("weak log-in", refused("InsufficientRights", "4702"), ProfessionalRefused, "4702"),
    Refused(
        "no consent",
        refused("InsufficientRights", "WARNING_PI_NO_CONSENT", acknowledgement="AA"),
        ConsentMissing,
        "WARNING_PI_NO_CONSENT",
    ),
    Refused(
        "busy",
        refused("ResponderBusy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", system=IHE_REASONS),
        TryLater,
        "ERROR_PI_REGISTRY_NOT_AVAILABLE",
    ),
    Refused("national system down", refused("NationalInfrastructure", "ERROR_PI_GENERIC"), TryLater),
    Refused("exception", refused("InternalError", "ERROR_PI_GENERIC", system=IHE_REASONS), TechnicalError),
    Refused(
        "demographics not allowed",
        refused("DemographicsQueryNotAllowed", "ERROR_PI_GENERIC", place="triggerFor", acknowledgement="AA"),
        IdentificationError,
        "ERROR_PI_GENERIC",
    ),
    Refused(
        "more details wanted",
        refused(
            "AdditionalDemographicsRequested",
            "ERROR_PI_MISSING_REQUIRED_FIELDS",
            place="triggerFor",
            acknowledgement="AA",
            response="OK",
        ),
        IdentificationError,
        "ERROR_PI_MISSING_REQUIRED_FIELDS",
    ),
    Refused(
        "a code that no list has",
        refused("", "ERROR_PI_NEVER_SEEN", text="The register is being moved."),
        IdentificationError,
        "ERROR_PI_NEVER_SEEN",
        "The register is being moved.",
    ),
    Refused(
        "a text that quotes whom it was asked for",
        refused("InternalError", "ERROR_PI_GENERIC", text="Nothing on 123456789 there^Za 123456789 nema podataka"),
        TechnicalError,
        says="nema podataka",
    ),
    Refused("a fault in a good answer", soap("<x xmlns='urn:other'/>", DISCOVERY_ANSWER), CountryUnreachable),
]


@EACH_CONTRACT
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_person_is_shown_whatever_version_names_her(
    shape: Shape, contract: Contract, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(found(TENA, shape=shape))
    (patient,) = portals[contract].session(hcp).find_patient("HR", TRAITS)
    assert (patient.root, patient.extension) == (MBO, "123456789")
    assert (patient.family, patient.given, patient.gender, patient.birth_date) == (
        "Izmišljena",
        "Tena",
        "F",
        "1970-04-09",
    )
    assert (patient.city, patient.address_country) == ("Izmišljengrad", "HR")
    assert patient.warnings == ()


@EACH_CONTRACT
@pytest.mark.parametrize("case", NOBODY, ids=lambda case: case.name)
def test_nobody_is_an_empty_list(
    case: Refused, contract: Contract, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(case.answer)
    assert portals[contract].session(hcp).find_patient("HR", TRAITS) == []
    assert len(peers["HR"].questions) == 1


@EACH_CONTRACT
@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_a_typed_error_that_names_the_country(
    case: Refused, contract: Contract, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(case.answer)
    with pytest.raises(case.kind) as raised:
        portals[contract].session(hcp).find_patient("HR", TRAITS)
    assert not case.code or raised.value.code == case.code
    assert raised.value.country == "HR"
    assert case.says in raised.value.message
    assert len(raised.value.reference) == 36
    assert len(peers["HR"].questions) == 1, "an answer is not asked for again"


@EACH_CONTRACT
@pytest.mark.parametrize("case", NOBODY + REFUSALS, ids=lambda case: case.name)
def test_a_plain_portal_finds_the_code_where_its_version_looks_and_no_person_anywhere(
    case: Refused,
    contract: Contract,
    plain: dict[Contract, PlainPortal],
    hcp: bytes,
    peers: dict[str, ScriptedPeer],
) -> None:
    peers["HR"].plays(case.answer)
    portal = plain[contract]
    portal.assertions = [hcp]
    with pytest.raises(PortalFault) as raised:
        portal.service.queryPatient(
            {
                "countryCode": "HR",
                "patientDemographics": {"patientId": [{"root": MBO, "extension": TENA.extension}]},
            }
        )
    told = raised.value
    assert told.status == 500
    assert told.value == (f"env:{told.code}" if contract is Contract.OPENNCP_7 else "env:Receiver")
    assert told.subcode == told.code
    assert not case.code or told.code == case.code
    assert told.kind == f"{{{contract.value[0]}}}NoPatientIdDiscoveredException"
    assert told.country == "HR"
    assert case.says in told.text
    assert ".java" not in told.raw.decode()
    assert [word for word in PERSONAL if word.encode() in told.raw] == []


def test_german_sentences_for_people_are_the_message(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    """Germany writes a constant into ``text`` and the sentence into ``location``."""
    answer = discovery_body(
        GERMANY,
        code="ERROR_PI_GENERIC",
        text="Patient Identification Error",
        location="Das Konto wird gerade umgezogen.",
    )
    peers["HR"].plays(soap(answer, DISCOVERY_ANSWER, GERMANY))
    with pytest.raises(IdentificationError) as raised:
        portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert raised.value.message == "Das Konto wird gerade umgezogen."


@pytest.mark.parametrize(
    ("who", "traits", "shown", "warnings"),
    [
        (replace(TENA, birth="1970"), {}, {"birth_date": "1970"}, ("birth_date.partial",)),
        (replace(TENA, birth="197004"), {}, {"birth_date": "1970-04"}, ("birth_date.partial",)),
        (replace(TENA, birth="19700409113000+0100"), {}, {"birth_date": "1970-04-09"}, ()),
        (replace(TENA, birth=""), {}, {"birth_date": ""}, ()),
        (replace(TENA, birth="yesterday"), {}, {"birth_date": ""}, ()),
        (replace(TENA, gender="UN"), {"gender": "F"}, {"gender": "UN"}, ()),
        (replace(TENA, gender="X"), {"gender": "F"}, {"gender": ""}, ()),
        (TENA, {"gender": "M"}, {"gender": "F"}, ("gender.contradiction",)),
        (TENA, {"birth_date": dt.date(1970, 4, 10)}, {"birth_date": "1970-04-09"}, ("birth_date.contradiction",)),
        (replace(TENA, birth="1971"), {"birth_date": dt.date(1970, 4, 9)}, {"birth_date": "1971"}, None),
        (replace(TENA, quality="95"), {}, {"family": "Izmišljena"}, ("match_quality.low",)),
        (replace(TENA, given=("Tena", "Ana")), {}, {"given": "Tena Ana"}, ()),
        (replace(TENA, root=None), {}, {"root": MBO, "extension": "123456789"}, ()),
        (replace(TENA, extension="X110571344|ABC123"), {}, {"extension": "X110571344|ABC123"}, ()),
        (replace(TENA, extension="987654321"), {}, {"extension": "987654321"}, ()),
        (replace(TENA, custodian="1.9.9"), {}, {"family": "Izmišljena"}, ()),
    ],
)
def test_a_person_is_shown_as_told_with_what_the_professional_must_know(
    who: object,
    traits: dict[str, object],
    shown: dict[str, str],
    warnings: tuple[str, ...] | None,
    portals: dict[Contract, Gateway],
    hcp: bytes,
    peers: dict[str, ScriptedPeer],
) -> None:
    """Asked of a country without a mask, so that every trait is sent."""
    peers["PT"].plays(found(who))  # type: ignore[arg-type]
    session = portals[Contract.OPENNCP_9].session(hcp)
    (patient,) = session.find_patient("PT", replace(TRAITS, **traits))  # type: ignore[arg-type]
    assert {name: getattr(patient, name) for name in shown} == shown
    assert set(patient.warnings) == (
        {"birth_date.contradiction", "birth_date.partial"} if warnings is None else set(warnings)
    )


def test_the_same_person_twice_is_one_person(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(found(TENA, TENA, replace(TENA, quality="96")))
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert patient.family == "Izmišljena"
    assert patient.warnings == ("match_quality.low",), "of the same one, the lowest quality counts"


def test_a_comment_in_an_answer_does_not_cut_a_name_or_an_id(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    body = discovery_body(OPENNCP_81, subjects=subject(TENA)).replace("Izmišljena", "Izmi<!-- x -->šljena")
    peers["HR"].plays(soap(body, DISCOVERY_ANSWER))
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert patient.family == "Izmišljena"


SAMPLES = [
    ("composed-openncp70-match-ok.xml", True, ""),
    ("composed-openncp71-81-match-ae.xml", True, ""),
    ("composed-openncp70-nf.xml", False, "ERROR_PI_NO_MATCH"),
    ("composed-openncp71-nf-as-ae.xml", False, "ERROR_PI_NO_MATCH"),
    ("composed-openncp52-nf-no-code.xml", False, "ERROR_PI_NO_MATCH"),
    ("composed-openncp71-demographics-not-allowed.xml", False, "ERROR_PI_GENERIC"),
    ("de-resp-match.xml", True, ""),
    ("de-resp-nf-no-match.xml", False, "ERROR_PI_NO_MATCH"),
    ("de-resp-nf-no-record.xml", False, "ERROR_PI_NO_MATCH"),
    # AnswerNotAvailable with NF is "nobody", whatever code stands beside it.
    ("de-resp-nf-defective-identity.xml", False, "ERROR_PI_NO_MATCH"),
    ("de-resp-nf-incomplete-identity.xml", False, "ERROR_PI_NO_MATCH"),
]


@EACH_CONTRACT
@pytest.mark.parametrize(("sample", "is_found", "code"), SAMPLES, ids=[name for name, *_ in SAMPLES])
def test_messages_of_other_peoples_gateways(
    sample: str,
    is_found: bool,
    code: str,
    contract: Contract,
    portals: dict[Contract, Gateway],
    hcp: bytes,
    peers: dict[str, ScriptedPeer],
) -> None:
    """The bodies as they were published, in an envelope of today that relates to our question."""
    root = etree.parse(str(shared(f"samples/xcpd/{sample}"))).getroot()
    body = next(root.iter("{urn:hl7-org:v3}PRPA_IN201306UV02"))
    shape = GERMANY if sample.startswith("de-") else OPENNCP_9
    peers["PT"].plays(soap(etree.tostring(body), DISCOVERY_ANSWER, shape))
    session = portals[contract].session(hcp)
    if is_found:
        (patient,) = session.find_patient("PT", TRAITS)
        hl7 = {"h": "urn:hl7-org:v3"}
        told = body.find(".//h:patientPerson", hl7)
        identifier = body.find(".//h:patient/h:id", hl7)
        assert told is not None
        assert identifier is not None
        assert patient.family == told.findtext("h:name/h:family", namespaces=hl7)
        assert patient.given == told.findtext("h:name/h:given", namespaces=hl7)
        born = told.find("h:birthTime", hl7)
        assert born is not None
        assert patient.birth_date.replace("-", "") == born.get("value")
        assert patient.extension == identifier.get("extension")
        assert patient.root == (identifier.get("root") or MBO)
    elif code == "ERROR_PI_NO_MATCH":
        assert session.find_patient("PT", TRAITS) == []
    else:
        with pytest.raises(IdentificationError) as raised:
            session.find_patient("PT", TRAITS)
        assert (raised.value.country, raised.value.code) == ("PT", code)


def test_reasons_of_the_other_code_system_are_read_too(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    for system in (IHE_REASONS, EHDSI_REASONS):
        peers["HR"].plays(refused("InsufficientRights", "4703", system=system))
        with pytest.raises(NotPermitted):
            portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
