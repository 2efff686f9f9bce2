"""NCP-B where no other test reaches: large answers beside other work, token requests, the probe of peers."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from lxml.etree import _Element

import xca.retrieve
from ncp import initiating
from ncp.consultation import Consultations
from ncp.exchange import Exchange, Side
from ncp.frontend.port import Call, PortalIdentity
from ncp.http_out import Answer, CallLimits, Outgoing
from ncp.initiating import NcpB, PortalHeader
from ncp.peer_calls import PeerCalls, PeerState
from ncp.peer_probe import PeerProbe
from ncp.semantics.terminology.catalogue import Catalogue
from ncp.storage.persons import ConfirmedPersons
from ncp.storage.state import State
from ncp.wire import soap
from ncp.wire.errors import NcpError
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.xml import NS_WSSE, parse
from saml_assertions.memory import AssertionMemory
from saml_assertions.rules import VerificationRules
from tests.support.assertions import AT, honest_trust, message, seal, seal_of, unsigned_hcp, unsigned_trc
from trust_store.peers import Peer, PeerDirectory, PeerHabits, PeerService
from xca.messages import DocumentRequest, RetrievedDocument
from xcpd.messages import PatientSearch

FR, HR = CountryCode("FR"), CountryCode("HR")
HOME = Oid("1.2.3")
PATIENT = II("1.2.999.50", "TEST-0001")
WANTED = DocumentRequest("1.2.3.4", "1.2.3", "urn:oid:1.2.3")
SEAL = seal_of("FR")
CDA = (
    b'<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.3.4"/><recordTarget><patientRole>'
    b'<id root="1.2.999.50" extension="TEST-0001"/></patientRole></recordTarget><component><structuredBody>%s'
    b"</structuredBody></component></ClinicalDocument>"
)


class Country:
    """Country A at the other end: answers every question with one document."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def prefers_plain(self, url: str) -> bool:
        return True

    async def post(self, country: CountryCode, url: str, write: Callable[[], Outgoing]) -> Answer:
        sent = write()
        body, _ = xca.retrieve.write_retrieve_response(
            [RetrievedDocument(WANTED, "text/xml", self._document)], [], home=HOME, inline=True
        )
        answer = soap.write_response(body, action="urn:x", message_id="urn:uuid:2", relates_to=sent.message_id)
        return Answer(200, "application/soap+xml", answer, sent, False, None)


def ncp_b(folder: Path, document: bytes = b"") -> NcpB:
    peer = Peer(
        country=HR,
        name="Croatia",
        home_community_id=HOME,
        endpoints={PeerService.RETRIEVE: "https://hr.example/"},
        offers=frozenset({"PS"}),
        habits=PeerHabits(),
    )
    return NcpB(
        country=FR,
        home=Oid("1.2.4"),
        trust=cast(Any, honest_trust()),
        seal=cast(Any, SEAL),
        peers=PeerDirectory({HR: peer}),
        calls=cast(PeerCalls, Country(document)),
        persons=ConfirmedPersons(State(folder)),
        assertions=AssertionMemory(),
        own_rules=VerificationRules(country=FR),
    )


def portal_header(*assertions: bytes) -> PortalHeader:
    root = parse(message(*assertions))
    return PortalHeader(tuple(root.iter(f"{{{NS_WSSE}}}Security")), root)


@pytest.mark.parametrize(("size", "aside"), [(1000, False), (2_000_000, True)])
def test_a_large_answer_is_read_beside_the_loop_and_a_small_one_in_it(
    tmp_path: Path, size: int, aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[bool] = set()
    read = xca.retrieve.read_retrieve_response

    def noting(body: _Element, attachments: Any) -> Any:
        threads.add(threading.current_thread() is not threading.main_thread())
        return read(body, attachments)

    monkeypatch.setattr(xca.retrieve, "read_retrieve_response", noting)
    ncp = ncp_b(tmp_path, CDA % (b"<a>%s</a>" % (b"x" * size)))
    header = portal_header(seal(unsigned_hcp(), SEAL), seal(unsigned_trc(), SEAL))
    exchange = Exchange("t", Side.NCP_B, AT)
    fetched = asyncio.run(initiating.fetch_document(HR, WANTED, header, ncp, exchange))
    assert (fetched.level, fetched.warnings) == ("L3", ())
    assert threads == {aside}
    assert [step.outcome for step in exchange.steps] == ["ok"] * 5


def test_a_token_request_that_names_no_purpose_gets_the_professionals(tmp_path: Path) -> None:
    exchange = Exchange("t", Side.NCP_B, AT)
    header = portal_header(seal(unsigned_hcp(), SEAL))
    trc = initiating.confirm_treatment(PATIENT, "", None, header, ncp_b(tmp_path), exchange)
    assert b'code="TREATMENT"' in trc


def test_a_portal_is_not_told_where_in_the_code_something_failed(tmp_path: Path) -> None:
    async def asked() -> NcpError:
        consultations = Consultations(
            ncp_b(tmp_path),
            cast(Any, None),
            cast(Any, None),
            {},
            asyncio.get_running_loop(),
            patience=1.0,
            catalogue=Catalogue(tmp_path),
        )
        call = Call((), parse(b"<a/>"), PortalIdentity("p", "0", False, frozenset()), "r")
        search = PatientSearch(identifiers=(PATIENT,))
        with pytest.raises(NcpError) as failed:
            await asyncio.to_thread(consultations.find_patient, call, HR, search)
        return failed.value

    error = asyncio.run(asked())
    assert error.reason.startswith("unexpected.")
    assert (error.code, error.context) == ("ERROR_GENERIC", "")


def test_an_address_that_cannot_be_looked_up_does_not_end_the_probing_of_the_others() -> None:
    def peer(country: str, host: str) -> Peer:
        return Peer(
            country=CountryCode(country),
            name=country,
            home_community_id=HOME,
            endpoints={PeerService.DISCOVERY: f"https://{host}/"},
            offers=frozenset(),
            habits=PeerHabits(),
        )

    peers = PeerDirectory({HR: peer("HR", "a" * 70 + ".example"), FR: peer("FR", "127.0.0.1:9")})
    context = ssl.create_default_context()
    contexts = {HR: context, FR: context}

    async def probed() -> list[PeerState]:
        calls = PeerCalls(contexts, CallLimits(), lambda: datetime.now(UTC))
        probe = PeerProbe(peers, contexts, calls)
        await probe.start()
        for _ in range(100):
            if calls.contact(HR) and calls.contact(FR):
                break
            await asyncio.sleep(0.05)
        await probe.stop()
        states = [contact.state for contact in (calls.contact(HR), calls.contact(FR)) if contact]
        await calls.close()
        return states

    assert asyncio.run(probed()) == [PeerState.RED, PeerState.RED]
