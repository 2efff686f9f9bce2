"""What can happen between two gateways: TLS, HTTP, envelopes and faults. Every way ends in a declared error in time."""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass, replace

import pytest

from ncp_client import (
    Contract,
    CountryUnreachable,
    Gateway,
    GatewayError,
    NotPermitted,
    ProfessionalRefused,
    TechnicalError,
    Traits,
    Treatment,
)
from tests.support.consultation import CONTRACTS, PlainPortal, PortalFault
from tests.support.peer_answers import (
    DISCOVERY_ANSWER,
    OPENNCP_81,
    TENA,
    axis2_multipart,
    discovery_body,
    envelope,
    fault,
    found,
    soap,
    subject,
)
from tests.support.scripted_peer import (
    Question,
    ScriptedPeer,
    Step,
    bytes_only,
    cut_short,
    hang_up,
    say,
    stay_silent,
)

pytestmark = [pytest.mark.attack, pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

EACH_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS, ids=["v9", "v7"])
MBO = "2.16.840.1.113883.2.7.2.2"
TRAITS = Traits(identifiers=((MBO, "123456789"),))
BODY = discovery_body(OPENNCP_81, subjects=subject(TENA), response="AE")
SOAP = "application/soap+xml"
HTML = say(b"<html><h1>Izmi\xc5\xa1ljena</h1></html>", content_type="text/html", status=503)


def good(question: Question) -> bytes:
    return envelope(BODY, DISCOVERY_ANSWER, question.message_id)


def related_to(message_id: str) -> Step:
    return say(envelope(BODY, DISCOVERY_ANSWER, message_id), content_type=SOAP)


def changed(old: str, new: str) -> Step:
    """A good answer with one thing changed."""

    def made(question: Question) -> bytes:
        text = good(question).decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return say(made, content_type=SOAP)


def twice_related(question: Question) -> bytes:
    other = b"<wsa:RelatesTo>urn:uuid:00000000-0000-4000-8000-000000000000</wsa:RelatesTo></soapenv:Header>"
    return good(question).replace(b"</soapenv:Header>", other)


def long_answer(question: Question) -> bytes:
    return good(question).replace(b"</soapenv:Body>", b"<!--" + b"x" * 6_000_000 + b"--></soapenv:Body>")


@dataclass(frozen=True)
class Broken:
    """What the peer does, one step for each time that it is asked, and the code that the portal gets."""

    name: str
    steps: tuple[Step, ...]
    kind: type[GatewayError] = CountryUnreachable
    code: str = "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"


BROKEN = [
    # TCP and HTTP
    Broken("hangs up, twice", (hang_up, hang_up)),
    Broken("502, twice", (HTML, HTML)),
    Broken("504 without a body, twice", (say(b"", content_type=SOAP, status=504),) * 2),
    Broken("cut in the middle of the answer", (cut_short(good, 800),)),
    Broken("cut in the middle of the HTTP header, twice", (bytes_only(b"HTTP/1.1 200 OK\r\nContent-Ty"),) * 2),
    Broken("not HTTP", (bytes_only(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),)),
    Broken("500 with HTML", (say(b"<html>Izmisljena</html>", content_type="text/html", status=500),)),
    Broken("404", (say(b"no such service", content_type="text/plain", status=404),)),
    Broken("200 with HTML", (say(b"<html/>", content_type="text/html"),)),
    Broken("a redirect", (say(good, content_type=SOAP, status=307, headers={"Location": "https://127.0.0.1:9/"}),)),
    Broken("a good body under HTTP 400", (say(good, content_type=SOAP, status=400),)),
    Broken("nothing", (say(b"", content_type=SOAP),)),
    Broken("too much", (say(long_answer, content_type=SOAP),)),
    Broken(
        "a bomb",
        (say(gzip.compress(b" " * 60_000_000), content_type=SOAP, headers={"Content-Encoding": "gzip"}),),
    ),
    Broken("an encoding of no list", (say(good, content_type=SOAP, headers={"Content-Encoding": "br"}),)),
    Broken("gzip that is none", (say(good, content_type=SOAP, headers={"Content-Encoding": "gzip"}),)),
    # XML and envelope
    Broken("not XML", (say(b"patient 123456789 not found", content_type=SOAP),)),
    Broken("half XML", (say(lambda question: good(question)[:-40], content_type=SOAP),)),
    Broken(
        "a DTD",
        (
            say(
                lambda question: b"<!DOCTYPE x [<!ENTITY e 'x'>]>" + good(question).partition(b"?>")[2],
                content_type=SOAP,
            ),
        ),
    ),
    Broken("no envelope", (say(BODY.encode(), content_type=SOAP),)),
    Broken("an empty body", (soap("", DISCOVERY_ANSWER),)),
    Broken("two bodies", (soap(BODY + BODY, DISCOVERY_ANSWER),)),
    Broken("multipart without its root", (say(good, content_type='multipart/related; boundary="x"; start="<no>"'),)),
    Broken("related to another question", (related_to("urn:uuid:00000000-0000-4000-8000-000000000000"),)),
    Broken("related to ours and to another one", (say(twice_related, content_type=SOAP),)),
    Broken("a question instead of an answer", (changed("PRPA_IN201306UV02 xmlns", "PRPA_IN201305UV02 xmlns"),)),
    # faults
    Broken("a fault of Axis2", (fault(),)),
    Broken("a fault of CXF", (fault('Cannot invoke "String.length()" because "x" is null', stack="cxf"),)),
    Broken("a fault under HTTP 200", (fault(status=200),)),
    Broken("a fault of an unknown action", (fault("The endpoint reference (EPR) cannot be found", value="Sender"),)),
    Broken(
        "a MustUnderstand fault", (fault("Must Understand check failed for header Security", value="MustUnderstand"),)
    ),
    Broken("a subcode of WS-Addressing", (fault("told", value="Sender", subcode="wsa:ActionMismatch"),)),
    Broken("a fault with a code in Subcode (OpenNCP 8.1)", (fault("told", subcode="4703"),), NotPermitted, "4703"),
    Broken(
        "a fault with a code in Detail",
        (fault("told", detail="<Fault><Subcode><Value>ERROR_HPI_GENERIC</Value></Subcode></Fault>"),),
        ProfessionalRefused,
        "ERROR_HPI_GENERIC",
    ),
    Broken(
        "a fault with a prefixed code",
        (fault("told", subcode="ns1:ERROR_PI_INTERNAL_ERROR"),),
        TechnicalError,
        "ERROR_PI_INTERNAL_ERROR",
    ),
    Broken(
        "Germany, in Subcode",
        (fault("told", value="Sender", subcode="de:HPMissingAttributes", status=400),),
        NotPermitted,
        "4703",
    ),
    Broken(
        "Germany, in Reason",
        (fault("Invalid  security token", value="Sender", stack="bare", status=400),),
        NotPermitted,
        "4703",
    ),
    Broken("a fault that quotes a patient", (fault("Izmišljena 123456789: no such patient", subcode="x:y"),)),
]


@EACH_CONTRACT
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_broken_answer_is_a_declared_error_that_names_the_country(
    case: Broken, contract: Contract, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(*case.steps)
    with pytest.raises(case.kind) as raised:
        portals[contract].session(hcp).find_patient("HR", TRAITS)
    assert (raised.value.code, raised.value.country) == (case.code, "HR")
    assert len(peers["HR"].questions) == len(case.steps)


@EACH_CONTRACT
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_broken_answer_is_a_fault_of_the_portals_version_with_nothing_of_the_answer_in_it(
    case: Broken, contract: Contract, plain: dict[Contract, PlainPortal], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(*case.steps)
    portal = plain[contract]
    portal.assertions = [hcp]
    with pytest.raises(PortalFault) as raised:
        portal.service.queryPatient(
            {"countryCode": "HR", "patientDemographics": {"patientId": [{"root": MBO, "extension": "123456789"}]}}
        )
    told = raised.value
    assert (told.status, told.code, told.subcode, told.country) == (500, case.code, case.code, "HR")
    assert told.value == (f"env:{case.code}" if contract is Contract.OPENNCP_7 else "env:Receiver")
    for foreign in ("Izmi", "123456789", "java", "NullPointer", "html", "String.length"):
        assert foreign.encode() not in told.raw, foreign


TOLERATED = [
    ("no RelatesTo", related_to("")),
    ("no addressing at all", say(envelope(BODY, DISCOVERY_ANSWER, "", "bare"), content_type=SOAP)),
    ("blank space in RelatesTo", changed("<wsa:RelatesTo>", "<wsa:RelatesTo>\n  ")),
    (
        "mustUnderstand on a stranger",
        changed("</wsa:MessageID>", '</wsa:MessageID><x xmlns="u" soapenv:mustUnderstand="1"/>'),
    ),
    ("text/xml", say(good, content_type="text/xml; charset=utf-8")),
    (
        "gzip",
        say(lambda question: gzip.compress(good(question)), content_type=SOAP, headers={"Content-Encoding": "gzip"}),
    ),
    ("a byte order mark", say(lambda question: b"\xef\xbb\xbf" + good(question), content_type=SOAP)),
    ("multipart with one part", axis2_multipart(BODY.encode(), [])),
    ("an unknown element", changed("<interactionId", "<later>news</later><interactionId")),
]


@pytest.mark.parametrize(("name", "step"), TOLERATED, ids=[name for name, _ in TOLERATED])
def test_oddities_that_harm_nobody_are_let_pass(
    name: str, step: Step, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(step)
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert (patient.family, patient.warnings) == ("Izmišljena", ())


@pytest.mark.parametrize("failure", [hang_up, HTML, say(b"", content_type=SOAP, status=503)])
def test_one_failure_without_an_answer_is_asked_again(
    failure: Step, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(failure, found(TENA))
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert patient.family == "Izmišljena"


def test_a_country_that_says_nothing_is_given_up_in_time(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    """``initiating.timeout`` is 5 s here; nothing is asked twice of somebody who may still be answering."""
    peers["HR"].plays(stay_silent)
    begin = time.monotonic()
    with pytest.raises(CountryUnreachable) as raised:
        portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert raised.value.country == "HR"
    assert 4 < time.monotonic() - begin < 9
    assert len(peers["HR"].questions) == 1


def test_a_country_that_drips_its_answer_is_given_up_in_time(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    def drip(question: Question, connection: object) -> None:
        content = good(question)
        connection.sendall(  # type: ignore[attr-defined]
            f"HTTP/1.1 200 OK\r\nContent-Type: {SOAP}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        )
        for at in range(30):
            time.sleep(0.4)
            connection.sendall(content[at : at + 1])  # type: ignore[attr-defined]

    peers["HR"].plays(drip)
    begin = time.monotonic()
    with pytest.raises(CountryUnreachable):
        portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert time.monotonic() - begin < 9


# --- who may be told anything ----------------------------------------------------------------------------------------


@EACH_CONTRACT
@pytest.mark.parametrize("country", ["AT", "CZ", "SI"])
def test_no_byte_goes_to_a_server_that_is_not_trusted_has_expired_or_is_of_another_host(
    country: str, contract: Contract, portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers[country].plays()
    with pytest.raises(CountryUnreachable) as raised:
        portals[contract].session(hcp).find_patient(country, TRAITS)
    assert (raised.value.code, raised.value.country) == ("ERROR_GENERIC_CONNECTION_NOT_POSSIBLE", country)
    assert peers[country].received == 0
    assert peers[country].questions == []


def test_a_certificate_that_is_known_itself_may_name_any_host(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["EE"].plays(found(TENA))
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("EE", TRAITS)
    assert patient.country == "EE"


@EACH_CONTRACT
def test_a_country_where_nobody_listens_is_unreachable(
    contract: Contract, portals: dict[Contract, Gateway], hcp: bytes
) -> None:
    with pytest.raises(CountryUnreachable) as raised:
        portals[contract].session(hcp).find_patient("LU", TRAITS)
    assert raised.value.country == "LU"


@EACH_CONTRACT
def test_a_country_that_is_not_configured_is_said_so(
    contract: Contract, portals: dict[Contract, Gateway], hcp: bytes
) -> None:
    with pytest.raises(GatewayError) as raised:
        portals[contract].session(hcp).find_patient("DK", TRAITS)
    assert raised.value.code == "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"


def test_the_list_of_countries_tells_how_they_are_doing(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    session = portals[Contract.OPENNCP_9].session(hcp)
    peers["HR"].plays(found(TENA))
    session.find_patient("HR", TRAITS)
    with pytest.raises(CountryUnreachable):
        session.find_patient("LU", TRAITS)
    with pytest.raises(CountryUnreachable):
        session.find_patient("AT", TRAITS)
    states = {one.code: one.state for one in portals[Contract.OPENNCP_9].countries("en")}
    assert (states["HR"], states["LU"], states["AT"]) == ("green", "red", "red")


def test_documents_of_an_untrusted_server_are_not_asked_for(
    portals: dict[Contract, Gateway],
    hcp: bytes,
    trc: bytes,
    treatments: dict[Contract, Treatment],
    peers: dict[str, ScriptedPeer],
) -> None:
    patient = replace(treatments[Contract.OPENNCP_9].patient, country="AT")
    peers["AT"].plays()
    treatment = portals[Contract.OPENNCP_9].session(hcp).treatment(patient, trc)
    with pytest.raises(CountryUnreachable):
        treatment.documents()
    assert peers["AT"].received == 0
