"""One gateway as it is operated: ``ncp serve`` with two workers, its store and log; France is made of templates.

What needs a national system in a special state is in the other modules; here is what only the whole process shows.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from ncp.cli.demo_files import Playground, write_playground
from ncp.cli.demo_gateways import Gateway, running
from tests.support.assertions import Seal, seal
from tests.support.peer_messages import (
    DISCOVERY,
    MBO,
    QUERY,
    RETRIEVE,
    LogIn,
    discovery,
    documents_of,
    identifier,
    message,
    message_id,
    multipart,
    retrieve,
    soap_type,
)
from tests.support.peer_wire import XCPD_PATH, Answer, H, PeerLine, head
from tests.support.server import read_answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200), pytest.mark.xdist_group("ncp-a process")]

ANA, REFUSED, FRENCH_ONLY, NOBODY = "999990011", "999990099", "999990108", "999990000"
REPOSITORY_SLOT = "repositoryUniqueId"
RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
PERSONAL = (
    ANA, REFUSED, FRENCH_ONLY, NOBODY, "Šimić", "Đurđević", "Željka", "Božić", "Lucija", "Vuković", "19790423",
    "Camille", "Exemple", "899700000001", "Rennes", "Čakovec",
)  # fmt: skip


@dataclass
class Croatia:
    """The running gateway, and France's way to it."""

    playground: Playground
    log_file: Path

    def seal(self, country: str) -> Seal:
        folder = self.playground.folder / "pki" / country.lower()
        key = load_pem_private_key((folder / "seal.key.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return Seal(key, x509.load_pem_x509_certificate((folder / "seal.pem").read_bytes()))

    def line(self, identity: str = "fr/tls-client") -> PeerLine:
        pki = self.playground.folder / "pki"
        context = ssl.create_default_context(cafile=str(pki / "hr" / "tls-ca.pem"))
        context.load_cert_chain(pki / f"{identity}.pem", pki / f"{identity}.key.pem")
        address = self.playground.answering.server
        return PeerLine((address.host, address.port), context)

    def log_in(self) -> LogIn:
        return LogIn(self.seal("FR"))

    def discover(self, number: str, login: LogIn | None = None) -> Answer:
        who = (login or self.log_in()).professional()
        return self.line().ask(DISCOVERY, message(DISCOVERY, discovery(identifier(MBO, number)), *who))

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        health = self.playground.answering.health
        connection = http.client.HTTPConnection(health.host, health.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()


@pytest.fixture(scope="module")
def croatia(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Croatia]:
    folder = tmp_path_factory.mktemp("croatia")
    playground = write_playground(folder, datetime.now(UTC), workers=2, key_bits=2048)
    log = folder / "gateway.log"
    country = playground.answering
    with running([Gateway(country.name, country.config, country.health, log)]):
        yield Croatia(playground, log)


@pytest.fixture(autouse=True)
def clean(croatia: Croatia) -> Iterator[None]:
    """After every test the gateway is ready, has a good answer, and its whole log names nobody."""
    yield
    assert croatia.is_ready()
    assert croatia.discover(ANA).acknowledged == ("AA", "OK")
    log = croatia.log()
    assert [value for value in PERSONAL if value in log or json.dumps(value)[1:-1] in log] == []
    assert "Traceback" not in log
    for line in log.splitlines():
        assert json.loads(line)["event"]


def listed(answer: Answer) -> dict[str, dict[str, str]]:
    """Slots of each entry by unique id."""
    found = {}
    for entry in answer.content.iter(f"{RIM}ExtrinsicObject"):
        slots = {slot.get("name"): slot.findtext(f".//{RIM}Value") for slot in entry.findall(f"{RIM}Slot")}
        (unique_id,) = (
            each.get("value")
            for each in entry.findall(f"{RIM}ExternalIdentifier")
            if each.get("identificationScheme") == "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
        )
        found[unique_id] = slots
    return found


def test_a_consultation_from_the_number_to_the_documents(croatia: Croatia) -> None:
    login = croatia.log_in()
    found = croatia.discover(ANA, login)
    (patient,) = found.persons
    assert patient.findtext(f".//{H}family") == "Šimić-Đurđević"
    id_ = patient.find(f"{H}id")
    who = (id_.get("root"), id_.get("extension"))
    treating = login.treating(who)

    entries = listed(croatia.line().ask(QUERY, message(QUERY, documents_of(who), *treating)))
    assert len(entries) == 2
    wanted = [(unique_id, slots[REPOSITORY_SLOT]) for unique_id, slots in entries.items()]
    content_type, body = multipart(message(RETRIEVE, retrieve(*wanted), *treating), RETRIEVE)
    answer = croatia.line().ask(RETRIEVE, body, content_type=content_type)
    assert (answer.xds_status, set(answer.documents)) == ("Success", set(entries))
    for unique_id, content in answer.documents.items():
        # The list speaks of the document as it is stored; it is transcoded when it is fetched.
        assert int(entries[unique_id]["size"]) > 0 and re.fullmatch("[0-9a-f]{40}", entries[unique_id]["hash"])
        document = etree.fromstring(content)
        id_ = document.find(f"{H}id")
        assert unique_id == "^".join(filter(None, (id_.get("root"), id_.get("extension"))))
        owners = [(each.get("root"), each.get("extension")) for each in document.iterfind(f".//{H}patientRole/{H}id")]
        assert who in owners


def test_who_refused_is_not_named_and_has_no_documents(croatia: Croatia) -> None:
    assert croatia.discover(REFUSED).refusal[:3] == ("InsufficientRights", "mitigatedBy", "WARNING_PI_NO_CONSENT")
    who = (MBO, REFUSED)
    answer = croatia.line().ask(QUERY, message(QUERY, documents_of(who), *croatia.log_in().treating(who)))
    assert (answer.xds_status, answer.errors) == ("Failure", [("ERROR_PS_NO_CONSENT", "E")])


def test_consent_for_one_class_is_none_for_another(croatia: Croatia) -> None:
    who = (MBO, FRENCH_ONLY)
    for class_code, expected in (("60591-5", "Success"), ("57833-6", "Failure")):
        request = message(QUERY, documents_of(who, class_code), *croatia.log_in().treating(who))
        assert croatia.line().ask(QUERY, request).xds_status == expected


def test_nobody_is_nobody(croatia: Croatia) -> None:
    assert croatia.discover(NOBODY).refusal == (
        "AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF",
    )  # fmt: skip


@pytest.mark.attack
def test_the_documents_of_one_are_not_fetched_for_another(croatia: Croatia) -> None:
    who, other = (MBO, ANA), (MBO, FRENCH_ONLY)
    entries = listed(croatia.line().ask(QUERY, message(QUERY, documents_of(who), *croatia.log_in().treating(who))))
    wanted = [(unique_id, slots[REPOSITORY_SLOT]) for unique_id, slots in entries.items()]
    answer = croatia.line().ask(RETRIEVE, message(RETRIEVE, retrieve(*wanted), *croatia.log_in().treating(other)))
    assert answer.xds_status == "Failure"
    assert set(answer.errors) == {("ERROR_GENERIC_DOCUMENT_MISSING", "E")}
    assert answer.documents == {}


@pytest.mark.attack
def test_the_seal_of_another_country_is_refused(croatia: Croatia) -> None:
    """R4 on the other side: Croatia's own seal over France's line."""
    hcp = seal(croatia.log_in().hcp(), croatia.seal("HR"))
    answer = croatia.line().ask(DISCOVERY, message(DISCOVERY, discovery(identifier(MBO, ANA)), hcp))
    assert answer.refusal[2] == "4703"


@pytest.mark.attack
def test_workers_share_what_they_saw(croatia: Croatia) -> None:
    """R1b: the replay is refused by whichever worker gets it."""
    id_, who = message_id(), croatia.log_in().professional()
    first = message(DISCOVERY, discovery(identifier(MBO, ANA)), *who, id_=id_)
    assert croatia.line().ask(DISCOVERY, first).acknowledged == ("AA", "OK")
    assert croatia.line().ask(DISCOVERY, first).acknowledged == ("AA", "OK")
    for _ in range(8):
        other = message(DISCOVERY, discovery(identifier(MBO, NOBODY)), *who, id_=id_)
        assert croatia.line().ask(DISCOVERY, other).refusal[2] == "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"


@pytest.mark.attack
def test_of_one_message_id_sent_at_once_with_two_questions_one_is_answered(croatia: Croatia) -> None:
    who = croatia.log_in().professional()
    for _ in range(3):
        id_ = message_id()
        requests = [message(DISCOVERY, discovery(identifier(MBO, ANA)), *who, id_=id_) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda request: croatia.line().ask(DISCOVERY, request), requests))
        assert sorted(bool(answer.persons) for answer in answers) == [False, False, False, True]


@pytest.mark.attack
@pytest.mark.parametrize("size", [1_000_000, 10_000_000])
def test_large_messages(croatia: Croatia, size: int) -> None:
    request = message(DISCOVERY, discovery(identifier(MBO, ANA)), *croatia.log_in().professional())
    request = request.replace(b"<env:Body>", b" " * size + b"<env:Body>")
    with croatia.line().connect() as connection:
        connection.sendall(head(XCPD_PATH, {"Content-Type": soap_type(DISCOVERY), "Content-Length": len(request)}))
        if size < 2_000_000:
            connection.sendall(request)
        status, _, _ = read_answer(connection)
    assert status == (200 if size < 2_000_000 else 413)


@pytest.mark.attack
def test_what_is_no_message(croatia: Croatia) -> None:
    request = message(DISCOVERY, discovery(identifier(MBO, ANA)), *croatia.log_in().professional())
    for body in (
        b"",
        b"<no/>",
        request[:-100],
        request.replace(b"<env:Envelope", b'<!DOCTYPE x [<!ENTITY a "b">]><env:Envelope', 1),
        request.replace(ANA.encode(), b"\x00"),
        b"\xff\xfe" + request.decode().encode("utf-16-le"),
    ):
        answer = croatia.line().post(XCPD_PATH, body, {"Content-Type": "application/soap+xml"})
        assert answer.status == 400
        assert answer.fault[0] == "Sender"


@pytest.mark.attack
def test_cut_connections(croatia: Croatia) -> None:
    request = message(DISCOVERY, discovery(identifier(MBO, ANA)), *croatia.log_in().professional())
    whole = head(XCPD_PATH, {"Content-Type": soap_type(DISCOVERY), "Content-Length": len(request)}) + request
    for part in (0, 5, 200, len(whole) - 1, len(whole)):
        connection = croatia.line().connect()
        connection.sendall(whole[:part])
        connection.close()


@pytest.mark.attack
def test_without_a_trusted_certificate_nobody_gets_in(croatia: Croatia) -> None:
    pki = croatia.playground.folder / "pki" / "hr"
    context = ssl.create_default_context(cafile=str(pki / "tls-ca.pem"))
    line = PeerLine(croatia.line().address, context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        line.post(XCPD_PATH, b"<no/>", {"Content-Type": "application/soap+xml"})
    with pytest.raises((ssl.SSLError, ConnectionError)):
        croatia.line("fr/seal").post(XCPD_PATH, b"<no/>", {"Content-Type": "application/soap+xml"})


def test_every_exchange_has_one_line_that_says_how_it_ended(croatia: Croatia) -> None:
    id_ = message_id()
    request = message(DISCOVERY, discovery(identifier(MBO, NOBODY)), *croatia.log_in().professional(), id_=id_)
    croatia.line().ask(DISCOVERY, request)
    (line,) = (json.loads(each) for each in croatia.log().splitlines() if id_ in each and '"transaction","' in each)
    assert (line["service"], line["peer_country"], line["outcome"], line["error_code"], line["reason"]) == (
        "ITI-55", "FR", "refused", "ERROR_PI_NO_MATCH", "person.none",
    )  # fmt: skip
    steps = [json.loads(each) for each in croatia.log().splitlines() if line["transaction"] in each]
    assert [step["step"] for step in steps if step["event"] == "step"] == [
        "parse", "envelope", "question", "verify", "replay", "check", "permit", "identify",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f-]{36}", line["transaction"])
