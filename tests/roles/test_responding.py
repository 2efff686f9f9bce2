"""NCP-A fails closed: what the country was asked, and in which order, for every check that a message does not pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

import xca.query
import xca.retrieve
import xcpd.write
from ncp.access import AccessPolicy
from ncp.exchange import Exchange, Side
from ncp.responding import NcpA, Reply, Request, respond
from ncp.wire import soap
from ncp.wire.ids import II, CountryCode, Oid
from saml_assertions.memory import AssertionMemory
from saml_assertions.replay import InMemoryReplayMemory, ReplayGuard
from tests.support.assertions import (
    AT,
    PERMISSION,
    RESOURCE_ID,
    HonestTrust,
    attribute,
    honest_trust,
    seal,
    seal_of,
    tls_peer,
    unsigned_hcp,
    unsigned_trc,
)
from xca import facts as xca_facts
from xca.messages import CrossGatewayQuery, DocumentEntry, DocumentRequest
from xcpd import facts as xcpd_facts
from xcpd.mask_fields import IdentifierRules
from xcpd.mask_formats import FieldFormat
from xcpd.messages import PatientDiscovery, PatientSearch, Person

HR, HOME = CountryCode("HR"), Oid("1.2.999.2")
PATIENT = II("1.2.999.50", "TEST-0001")
OTHER = II("1.2.999.50", "TEST-0002")
REPOSITORY = "1.2.999.2"
DOCUMENT = "1.2.3.4.5"
SUMMARY = "60591-5"
SEAL = seal_of("FR")


def entry(**changes: Any) -> DocumentEntry:
    made = DocumentEntry(
        unique_id=DOCUMENT,
        repository_id=REPOSITORY,
        home_community_id=HOME,
        patient=PATIENT,
        class_code=SUMMARY,
        format_code="urn:epSOS:ps:ps:2010",
        mime_type="text/xml",
        creation_time="20260301",
        language="hr-HR",
    )
    return replace(made, **changes)


@dataclass
class Country:
    """A national system that notes what it is asked."""

    consents: bool = True
    described: DocumentEntry | None = field(default_factory=entry)
    listed: Sequence[DocumentEntry] = field(default_factory=lambda: (entry(),))
    asked: list[str] = field(default_factory=list)

    async def identify(self, permitted: Any) -> tuple[Person, ...]:
        self.asked.append("identify")
        return (Person(PATIENT, "Horvat", "Marija", birth_date="19700409"),)

    async def consent(self, patient: Any) -> bool:
        self.asked.append("consent")
        return self.consents

    async def find_documents(self, permitted: Any) -> tuple[DocumentEntry, ...]:
        self.asked.append("find")
        return tuple(self.listed)

    async def describe_document(self, permitted: Any) -> DocumentEntry | None:
        self.asked.append("describe")
        return self.described

    async def fetch_document(self, permitted: Any) -> bytes:
        self.asked.append("fetch")
        return b"<ClinicalDocument/>"


DISCOVERY = xcpd.write.write_discovery(
    PatientDiscovery(
        id=II("1.2.3", "1"),
        creation_time="20260302083000",
        sender=Oid("1.2.999.1"),
        receiver=HOME,
        query_id=II("1.2.3.4"),
        search=PatientSearch(identifiers=(PATIENT,)),
    )
)
QUERY = xca.query.write_query(CrossGatewayQuery(PATIENT, (SUMMARY,)))
RETRIEVE = xca.retrieve.write_retrieve(DocumentRequest(DOCUMENT, REPOSITORY, HOME))
TRANSACTIONS = {
    "ITI-55": (xcpd_facts.ACTION, DISCOVERY, ["identify", "consent"]),
    "ITI-38": (xca_facts.QUERY_ACTION, QUERY, ["consent", "find"]),
    "ITI-39": (xca_facts.RETRIEVE_ACTION, RETRIEVE, ["describe", "consent", "fetch"]),
}
HCP, TRC = seal(unsigned_hcp(), SEAL), seal(unsigned_trc(), SEAL)


def ask(
    what: str,
    country: Country,
    *,
    hcp: bytes = HCP,
    trc: bytes = TRC,
    body: bytes = b"",
    trust: HonestTrust | None = None,
    peer: str = "FR",
    **options: Any,
) -> tuple[Reply, Exchange]:
    action, usual, _ = TRANSACTIONS[what]
    assertions = [each for each in ((hcp,) if what == "ITI-55" else (hcp, trc)) if each]
    data = soap.write_request(
        body or usual, action=action, message_id="urn:uuid:1", to="https://hr.example/", assertions=assertions
    )
    ncp = NcpA(
        country=HR,
        home=HOME,
        trust=cast(Any, trust or honest_trust("FR")),
        connector=cast(Any, country),
        replay=ReplayGuard(InMemoryReplayMemory()),
        assertions=AssertionMemory(),
        identifiers=IdentifierRules({PATIENT.root: (FieldFormat(""),)}),
        **options,
    )
    exchange = Exchange("t", Side.NCP_A, AT)
    request = Request(tls_peer(peer), data, soap.SOAP_CONTENT_TYPE(action), "", "")
    return asyncio.run(respond(request, ncp, exchange)), exchange


def reason_of(exchange: Exchange) -> str:
    assert exchange.error is not None
    return exchange.error.reason


@pytest.mark.parametrize("what", TRANSACTIONS)
def test_a_good_question_is_asked_of_the_country_in_this_order(what: str) -> None:
    country = Country()
    _, exchange = ask(what, country)
    assert (exchange.error, country.asked) == (None, TRANSACTIONS[what][2])


def revoking() -> HonestTrust:
    trust = honest_trust("FR")
    trust.revoked.add(SEAL.der)
    return trust


WITHOUT = seal(unsigned_hcp(permissions=attribute(PERMISSION, f"{PERMISSION}:PRD-099")), SEAL)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no assertion": ({"hcp": b"", "trc": b""}, "hcp.missing"),
    "a changed assertion": ({"hcp": HCP.replace(b"Camille", b"Camilla")}, "sig.digest"),
    "a revoked signer": ({"trust": revoking()}, "cert.revoked"),
    "another country's assertion": ({"peer": "BE", "trust": honest_trust("FR", "BE")}, "cert.country"),
    "no permission": ({"hcp": WITHOUT}, "permission.missing"),
    "a role that is refused": ({"policy": AccessPolicy(refused_roles=frozenset({"221"}))}, "role.refused"),
    "a country that is refused": ({"refused_countries": frozenset({CountryCode("FR")})}, "country.not_approved"),
}


@pytest.mark.parametrize("what", TRANSACTIONS)
@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_the_country_is_asked_nothing_before_every_check_has_passed(
    what: str, changes: dict[str, Any], reason: str
) -> None:
    country = Country()
    reply, exchange = ask(what, country, **changes)
    # A header block without assertions is not written at all.
    assert reason_of(exchange) in (reason, "header.missing" if reason == "hcp.missing" else reason)
    assert country.asked == []
    assert b"Horvat" not in b"".join(reply.chunks)


OF_OTHER = seal(unsigned_trc(patient=attribute(RESOURCE_ID, "TEST-0002^^^&amp;1.2.999.50&amp;ISO")), SEAL)


def test_the_documents_of_a_patient_without_her_confirmation_are_not_asked_for() -> None:
    country = Country()
    _, exchange = ask("ITI-38", country, trc=OF_OTHER)
    assert (reason_of(exchange), country.asked) == ("trc.patient", [])


@pytest.mark.parametrize("what", ["ITI-38", "ITI-39"])
def test_without_a_confirmed_treatment_nothing_is_asked(what: str) -> None:
    country = Country()
    _, exchange = ask(what, country, trc=b"")
    assert (reason_of(exchange), country.asked) == ("trc.missing", [])


@pytest.mark.parametrize("what", TRANSACTIONS)
def test_without_consent_nothing_is_listed_fetched_or_named(what: str) -> None:
    country = Country(consents=False)
    reply, exchange = ask(what, country)
    assert reason_of(exchange) == "consent"
    assert country.asked == TRANSACTIONS[what][2][: TRANSACTIONS[what][2].index("consent") + 1]
    assert b"Horvat" not in b"".join(reply.chunks) and DOCUMENT.encode() not in b"".join(reply.chunks)


DESCRIBED: dict[str, tuple[DocumentEntry | None, str]] = {
    "unknown": (None, "document.unknown"),
    "of another patient": (entry(patient=OTHER), "trc.patient"),
    "of another repository": (entry(repository_id="1.2.9"), "document.unknown"),
    "another document than the one asked for": (entry(unique_id="1.2.3.4.6"), "document.unknown"),
    "of a class that nobody may fetch": (entry(class_code="99999-9"), "permission.missing"),
}


@pytest.mark.parametrize(("described", "reason"), DESCRIBED.values(), ids=DESCRIBED.keys())
def test_a_document_that_is_not_the_one_permitted_is_not_fetched(described: DocumentEntry | None, reason: str) -> None:
    country = Country(described=described)
    _, exchange = ask("ITI-39", country)
    assert (reason_of(exchange), country.asked) == (reason, ["describe"])


@pytest.mark.parametrize(
    ("other", "reason"), [({"patient": OTHER}, "entry.patient"), ({"class_code": "34105-7"}, "entry.class_code")]
)
def test_an_entry_of_somebody_else_or_another_class_never_leaves(other: dict[str, Any], reason: str) -> None:
    reply, exchange = ask("ITI-38", Country(listed=(entry(), entry(unique_id="1.2.3.4.6", **other))))
    assert reason_of(exchange) == reason
    assert DOCUMENT.encode() not in b"".join(reply.chunks)


@pytest.mark.parametrize("what", TRANSACTIONS)
def test_an_unforeseen_failure_of_the_country_is_an_answer_without_its_words(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Country, patient: Any) -> bool:
        raise RuntimeError("Horvat")

    monkeypatch.setattr(Country, "consent", fail)
    reply, exchange = ask(what, Country())
    assert (reason_of(exchange), reply.status) == ("connector.failed", 200)
    assert b"Horvat" not in b"".join(reply.chunks)
