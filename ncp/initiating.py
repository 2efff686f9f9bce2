"""NCP-B, the Initiating Gateway. Every question takes these steps, in this order:

1 verify the portal's assertions against our own country's anchors
2 check the question: the traits that the country asks for, the patient of the TRC and no other
3 find the peer      4 write the question      5 send it, the only I/O      6 read the answer, of any version
7 decide what may be shown: one certain person, documents that came without an error, of this very patient

Assertions of the portal travel on as the bytes that were verified. Nothing leaves the country before 1 and 2 passed.
Every outcome that is not an answer is a declared error that names the gateway that failed.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lxml.etree import _Element

import saml_assertions.issue
import saml_assertions.verify
import xca.delivered
import xca.outcomes
import xca.query
import xca.retrieve
import xcpd.outcomes
import xcpd.read
import xcpd.write
from ncp.exchange import Capture, Exchange, Service
from ncp.http_out import Outgoing
from ncp.peer_calls import PeerCalls
from ncp.storage.persons import ConfirmedPersons
from ncp.wire import mtom, soap, xml
from ncp.wire.errors import AccessError, Code, NcpError, PeerError, RequestError
from ncp.wire.ids import II, CountryCode, Oid, urn_oid, urn_uuid
from ncp.wire.soap import Envelope, PeerFault
from ncp.wire.times import to_hl7
from ncp.wire.xml import XmlLimits, XmlRefused
from saml_assertions.claims import TrcClaims, VerifiedCaller
from saml_assertions.issue import NextOfKin, Professional
from saml_assertions.memory import AssertionMemory
from saml_assertions.rules import VerificationRules
from trust_store.keys import KeyPair
from trust_store.peers import Peer, PeerDirectory, PeerService
from trust_store.store import TrustStore
from xca import facts as xca_facts
from xca.facts import ORIGINAL_CLINICAL_DOCUMENTS, ClassCode
from xca.messages import CrossGatewayQuery, DocumentFilter, DocumentRequest
from xca.outcomes import DocumentList
from xcpd import facts as xcpd_facts
from xcpd.mask_fields import IdentifierRules
from xcpd.messages import PatientDiscovery, PatientSearch
from xcpd.outcomes import PatientMatch

T = TypeVar("T")

LARGE = 1024 * 1024
"""Bytes from which an answer is read in a thread: the worker's loop has other patients to serve meanwhile."""


@dataclass(frozen=True, slots=True)
class NcpB:
    """What the initiating role needs; made once per configuration by ``ncp.wiring``."""

    country: CountryCode
    home: Oid
    trust: TrustStore
    seal: KeyPair
    peers: PeerDirectory
    calls: PeerCalls
    persons: ConfirmedPersons
    assertions: AssertionMemory
    own_rules: VerificationRules
    minimum_quality: int = 90
    repeat_after_fault: bool = False
    capture: Capture | None = None
    answer_limits: XmlLimits = field(default_factory=lambda: XmlLimits(size=70 * 1024 * 1024, long_text=True))
    parts: int = 50


@dataclass(frozen=True, slots=True)
class PortalHeader:
    """The ``wsse:Security`` blocks of a portal's message and the envelope they stand in."""

    security: Sequence[_Element]
    root: _Element


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document fit to be shown: its bytes, ``L1``, ``L3`` or ``PDF``, and what the reader has to be told."""

    request: DocumentRequest
    content: bytes
    mime_type: str
    level: str
    warnings: tuple[str, ...]


async def find_patient(
    country: CountryCode,
    search: PatientSearch,
    rules: IdentifierRules | None,
    header: PortalHeader,
    ncp: NcpB,
    exchange: Exchange,
) -> PatientMatch:
    """ITI-55 Cross Gateway Patient Discovery. ``rules`` are those of the country's search mask, where one is known."""
    caller = _verify(header, ncp, exchange, needs_treatment=False)  # 1
    _check_traits(search, rules, exchange)  # 2
    peer, url = ncp.peers.find(country, PeerService.DISCOVERY)  # 3
    discovery = PatientDiscovery(  # 4
        id=II(str(uuid.uuid4()), f"{uuid.uuid4().int % 10**10:010d}"),
        creation_time=to_hl7(exchange.at),
        sender=ncp.home,
        receiver=peer.home_community_id,
        query_id=II(str(uuid.uuid4())),
        search=search.for_country(country),
    )
    body = xcpd.write.write_discovery(discovery)
    answer = await _ask(peer, url, _DISCOVERY, body, _assertions(caller, treatment=False), ncp, exchange)  # 5
    with _said_by(country), exchange.step("answer"):  # 6
        response = xcpd.read.read_discovery_response(answer.envelope.body)
    with _said_by(country), exchange.step("one person"):  # 7
        match = xcpd.outcomes.interpret(discovery, response, country=country, minimum_quality=ncp.minimum_quality)
        exchange.patient = match.person.id
        exchange.notes.extend(match.warnings)
    ncp.persons.remember(country, match.person, exchange.at)
    return match


async def list_documents(
    country: CountryCode,
    patient: II,
    class_codes: Sequence[str],
    document_filter: DocumentFilter,
    header: PortalHeader,
    ncp: NcpB,
    exchange: Exchange,
) -> DocumentList:
    """ITI-38 Cross Gateway Query."""
    caller = _verify(header, ncp, exchange, needs_treatment=True)  # 1
    _bind(patient, caller, exchange)  # 2
    _one_kind(class_codes)
    peer, url = ncp.peers.find(country, PeerService.QUERY)  # 3
    query = CrossGatewayQuery(patient, tuple(class_codes), document_filter)  # 4
    body = xca.query.write_query(query)
    answer = await _ask(peer, url, _QUERY, body, _assertions(caller, treatment=True), ncp, exchange)  # 5
    with _said_by(country), exchange.step("answer"):  # 6
        response = xca.query.read_query_response(answer.envelope.body)
    with _said_by(country), exchange.step("documents"):  # 7
        found = xca.outcomes.interpret_query(query, response, country=country)
        exchange.documents = tuple(entry.unique_id for entry in found.documents)
        exchange.notes.extend(found.warnings)
    return found


async def fetch_document(
    country: CountryCode, wanted: DocumentRequest, header: PortalHeader, ncp: NcpB, exchange: Exchange
) -> Fetched:
    """ITI-39 Cross Gateway Retrieve, one document per call. The question names no patient: the TRC assertion does."""
    caller = _verify(header, ncp, exchange, needs_treatment=True)  # 1
    patient = exchange.patient = _treatment(caller).patient  # 2
    exchange.documents = (wanted.document_unique_id,)
    peer, url = ncp.peers.find(country, PeerService.RETRIEVE)  # 3
    if wanted.home_community_id:
        wanted = replace(wanted, home_community_id=urn_oid(wanted.home_community_id))
    body = xca.retrieve.write_retrieve(wanted)  # 4
    mtom_request = peer.habits.mtom_request
    answer = await _ask(  # 5
        peer, url, _RETRIEVE, body, _assertions(caller, treatment=True), ncp, exchange, mtom_request=mtom_request
    )
    person = ncp.persons.recall(country, patient, exchange.at)

    def shown() -> Fetched:
        with _said_by(country), exchange.step("answer"):  # 6
            response = xca.retrieve.read_retrieve_response(answer.envelope.body, answer.attachments)
        with _said_by(country), exchange.step("document"):  # 7
            delivered = xca.outcomes.interpret_retrieve(wanted, response, country=country, patient=patient)
            document = delivered.document
            level = xca.delivered.level(document.content)
            about = xca.delivered.check_patient(
                document.content, wanted, patient, person, new_unique_id=document.new_document_unique_id
            )
            return Fetched(wanted, document.content, document.mime_type, level, (*delivered.warnings, *about))

    fetched = await _read(answer.size, shown)
    exchange.notes.extend(fetched.warnings)
    return fetched


def issue_hcp(who: Professional, ncp: NcpB, exchange: Exchange) -> bytes:
    """HCP assertion for a professional whom a trusted front end has authenticated (SAML Core 2.3.3)."""
    exchange.service = Service.HCP_ASSERTION
    with exchange.step("issue"):
        return saml_assertions.issue.issue_hcp(
            who, country=ncp.country, home=ncp.home, signer=ncp.seal, id=_assertion_id(), at=exchange.at
        )


def confirm_treatment(
    patient: II,
    purpose: str,
    country: CountryCode | None,
    header: PortalHeader,
    ncp: NcpB,
    exchange: Exchange,
    *,
    prescription_id: str = "",
    dispensation_pin: str = "",
) -> bytes:
    """TRC assertion. The patient attribute fits the version of the country's gateway, both names when unknown.

    ``purpose`` may be empty, as in requests to OpenNCP's token service: then the HCP assertion's counts.
    """
    exchange.service = Service.TRC_ASSERTION
    caller = _verify(header, ncp, exchange, needs_treatment=False)
    peer = ncp.peers.get(country) if country else None
    with exchange.step("issue"):
        exchange.patient = patient
        return saml_assertions.issue.issue_trc(
            caller.hcp,
            patient,
            purpose=purpose or caller.hcp.purpose,
            country=ncp.country,
            signer=ncp.seal,
            id=_assertion_id(),
            at=exchange.at,
            patient_attribute=peer.habits.patient_attribute if peer else "both",
            prescription_id=prescription_id,
            dispensation_pin=dispensation_pin,
        )


def confirm_next_of_kin(
    next_of_kin: NextOfKin, patient: II | None, purpose: str, header: PortalHeader, ncp: NcpB, exchange: Exchange
) -> bytes:
    """NOK assertion for somebody who accompanies the patient; ``purpose`` as in ``confirm_treatment``."""
    exchange.service = Service.NOK_ASSERTION
    caller = _verify(header, ncp, exchange, needs_treatment=False)
    with exchange.step("issue"):
        exchange.patient = patient
        return saml_assertions.issue.issue_nok(
            caller.hcp,
            next_of_kin,
            patient,
            purpose=purpose or caller.hcp.purpose,
            country=ncp.country,
            signer=ncp.seal,
            id=_assertion_id(),
            at=exchange.at,
        )


def verified(header: PortalHeader, ncp: NcpB, exchange: Exchange) -> VerifiedCaller:
    """The professional behind a portal's call that leaves the country for nothing (showing a document)."""
    return _verify(header, ncp, exchange, needs_treatment=False)


def _verify(header: PortalHeader, ncp: NcpB, exchange: Exchange, *, needs_treatment: bool) -> VerifiedCaller:
    with exchange.step("verify"):
        caller = saml_assertions.verify.verify(
            header.security,
            header.root,
            needs_treatment=needs_treatment,
            trust=ncp.trust,
            peer=None,
            rules=ncp.own_rules,
            at=exchange.at,
            memory=ncp.assertions,
        )
        exchange.caller = caller
        exchange.notes.extend(caller.warnings)
    return caller


def _check_traits(search: PatientSearch, rules: IdentifierRules | None, exchange: Exchange) -> None:
    """What the country would refuse anyway does not leave. An identifier of a kind that it does not use is not "nobody
    found": the country was not asked."""
    if rules is None:
        return
    with exchange.step("traits"):
        try:
            xcpd.outcomes.check_search(search, rules, demographics_allowed=not rules.formats)
        except RequestError as error:
            if error.reason == xcpd.outcomes.IDENTIFIER_ROOT:
                raise RequestError(Code.PI_INCORRECT_FORMATTING, error.reason) from None
            raise


def _bind(patient: II, caller: VerifiedCaller, exchange: Exchange) -> None:
    exchange.patient = patient
    if _treatment(caller).patient != patient:
        raise AccessError(Code.PATIENT_NOT_OF_TRC, "trc.patient")


def _treatment(caller: VerifiedCaller) -> TrcClaims:
    if caller.trc is None:
        raise AccessError(Code.ASSERTION_NOT_VALID, "trc.missing")
    return caller.trc


def _one_kind(class_codes: Sequence[str]) -> None:
    """Several classes in one question are for original clinical documents only, as every OpenNCP client holds it."""
    known = set(ClassCode)
    if not class_codes or any(code not in known for code in class_codes):
        raise RequestError(Code.SERVICE_SIGNIFIER_UNKNOWN, "query.class_code")
    if len(class_codes) > 1 and not set(class_codes) <= set(ORIGINAL_CLINICAL_DOCUMENTS):
        raise RequestError(Code.SERVICE_SIGNIFIER_UNKNOWN, "query.class_codes.mixed")


def _assertions(caller: VerifiedCaller, *, treatment: bool) -> Sequence[bytes]:
    """NOK, HCP, then TRC: up to OpenNCP 8.0 the last assertion that is not the HCP's counts as the TRC."""
    return caller.assertions if treatment or caller.trc is None else caller.assertions[:-1]


@dataclass(frozen=True, slots=True)
class _Opened:
    """An answer taken apart; ``size`` in bytes as it came."""

    envelope: Envelope
    attachments: Mapping[str, bytes | memoryview]
    size: int


async def _read(size: int, reading: Callable[[], T]) -> T:
    """What ``reading`` makes of an answer of that size, aside from the loop when that takes long."""
    return reading() if size < LARGE else await asyncio.to_thread(reading)


@dataclass(frozen=True, slots=True)
class _Transaction:
    """``action`` of the question, and the element that answers it."""

    action: str
    answer: str


_DISCOVERY = _Transaction(xcpd_facts.ACTION, xcpd_facts.RESPONSE_BODY)
_QUERY = _Transaction(xca_facts.QUERY_ACTION, xca_facts.QUERY_RESPONSE_BODY)
_RETRIEVE = _Transaction(xca_facts.RETRIEVE_ACTION, xca_facts.RETRIEVE_RESPONSE_BODY)


@contextmanager
def _said_by(country: CountryCode) -> Iterator[None]:
    """What is wrong with an answer is the failure of the gateway that gave it."""
    try:
        yield
    except NcpError as error:
        error.gateway = error.gateway or country
        raise


async def _ask(
    peer: Peer,
    url: str,
    transaction: _Transaction,
    body: bytes,
    assertions: Sequence[bytes],
    ncp: NcpB,
    exchange: Exchange,
    *,
    mtom_request: str = "never",
) -> _Opened:
    """Sends one question and opens the answer.

    A multipart question that meets a fault, or a status of HTTP without SOAP (415), is asked once more as plain SOAP,
    where the form is to be found out. A fault that names a code is an answer of somebody who read the question: it is
    not asked again.
    """
    exchange.peer_country = peer.country
    multipart = mtom_request == "always" or (mtom_request == "auto" and not ncp.calls.prefers_plain(url))
    try:
        return await _send(peer, url, transaction, body, assertions, ncp, exchange, multipart=multipart)
    except PeerError as failure:
        is_fault = isinstance(failure, PeerFault)
        if failure.code != Code.CONNECTION_NOT_POSSIBLE or not (is_fault or failure.reason == "peer.http"):
            raise
        plain = multipart and mtom_request == "auto"
        if not plain and not (is_fault and ncp.repeat_after_fault):
            raise
        exchange.notes.append("mtom.refused" if plain else "question.repeated")
        answer = await _send(peer, url, transaction, body, assertions, ncp, exchange, multipart=multipart and not plain)
        if plain:
            ncp.calls.remember_plain(url)
        return answer


async def _send(
    peer: Peer,
    url: str,
    transaction: _Transaction,
    body: bytes,
    assertions: Sequence[bytes],
    ncp: NcpB,
    exchange: Exchange,
    *,
    multipart: bool,
) -> _Opened:
    def question() -> Outgoing:
        """Written anew for a repeat: another MessageID, the same body."""
        action = transaction.action
        message_id = exchange.message_id = urn_uuid(uuid.uuid4())
        envelope = soap.write_request(body, action=action, message_id=message_id, to=url, assertions=assertions)
        content_type, chunks = soap.SOAP_CONTENT_TYPE(action), [envelope]
        if multipart:
            unique = uuid.uuid4().hex
            content_type, chunks = mtom.write_multipart(
                envelope, [], action=action, boundary=f"MIMEBoundary_{unique}", root_id=f"0.{unique}@ncp"
            )
        keep("outgoing-request", content_type, chunks)
        return Outgoing(message_id, content_type, chunks)

    def keep(what: str, content_type: str, chunks: Sequence[bytes]) -> None:
        if ncp.capture is not None:
            ncp.capture(exchange.transaction, exchange.service, what, content_type, chunks)

    with exchange.step("send"):
        reply = await ncp.calls.post(peer.country, url, question)
        keep("incoming-answer", reply.content_type, [reply.body])
        if reply.repeated:
            exchange.notes.append("question.repeated")

    def opened() -> _Opened:
        try:
            message = mtom.read_message(reply.content_type, reply.body, max_parts=ncp.parts)
            root = xml.parse(message.root, ncp.answer_limits, charset=message.charset)
        except (XmlRefused, mtom.MimeRefused) as refused:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, refused.reason, gateway=peer.country) from None
        answer = soap.read_response(root, message_id=reply.sent.message_id, gateway=peer.country)
        return _Opened(answer, message.attachments, len(reply.body))

    with exchange.step("open"):
        answer = await _read(len(reply.body), opened)
        if not 200 <= reply.status < 300:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, "peer.http", gateway=peer.country)
        if answer.envelope.body.tag != transaction.answer:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, "peer.other_answer", gateway=peer.country)
        exchange.relates_to = answer.envelope.message_id
        exchange.notes.extend(f"answer.{note}" for note in answer.envelope.notes)
    return answer


def _assertion_id() -> str:
    """An NCName of 128 random bits; never ``urn:uuid:``, which OpenNCP 7 rewrites."""
    return f"_{uuid.uuid4()}"
