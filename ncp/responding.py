"""NCP-A, the Responding Gateway. Every answer takes these steps, in this order:

1 one hardened parse          2 open the envelope         3 the TLS peer is a known country
4 verify every assertion      5 signer's country = peer   6 read the question, check its structure
7 permit: role, permission, purpose, patient binding      8 consent
9 only now ask the country    10 (retrieve) the document is transcoded to the pivot
11 write the answer           12 the exchange record, on every path out

Steps 3 and 5 are checks of ``trust_store`` and ``saml_assertions.verify``; what they prove travels in types:
``TlsPeer`` → ``VerifiedCaller`` → ``PermittedPatient`` → ``PermittedQuery``, and the connector takes nothing less.
``respond`` holds the one ``try``: a failure is written in the transaction's own way, a broken envelope is a SOAP Fault.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lxml.etree import _Element

import saml_assertions.verify
import xca.outcomes
import xca.query
import xca.retrieve
import xcpd.outcomes
import xcpd.read
import xcpd.write
from ncp import access
from ncp.access import AccessPolicy
from ncp.connector import NationalConnector
from ncp.exchange import Exchange, Service
from ncp.observability.log import where
from ncp.semantics.transform.kinds import kind_of
from ncp.semantics.transform.result import Transformation
from ncp.transforming import LARGE, Transformer, is_transformed
from ncp.wire import mtom, soap, xml
from ncp.wire.errors import AccessError, Code, ConnectorError, DocumentError, NcpError, PatientError, RequestError
from ncp.wire.ids import II, CountryCode, Oid, urn_uuid
from ncp.wire.soap import Envelope, SoapFault
from ncp.wire.times import to_hl7
from ncp.wire.xml import XmlLimits, XmlRefused
from saml_assertions.claims import VerifiedCaller
from saml_assertions.memory import AssertionMemory
from saml_assertions.replay import ReplayGuard, body_digest
from saml_assertions.rules import VerificationRules
from trust_store.store import TrustStore
from trust_store.types import TlsPeer
from xca import facts as xca_facts
from xca.messages import (
    CrossGatewayRetrieve,
    DocumentEntry,
    DocumentRequest,
    RegistryError,
    RetrievedDocument,
    Severity,
)
from xcpd import facts as xcpd_facts
from xcpd.mask_fields import IdentifierRules
from xcpd.messages import PatientDiscovery, Person

T = TypeVar("T")

REFUSAL_SECONDS = 0.05
"""Nobody found, no consent and a wrong second identifier must not be told apart by the clock (``docs/iti-55.md``):
each of them is answered this long after the country was asked."""


@dataclass(frozen=True, slots=True)
class NcpA:
    """What the responding role needs; made once per configuration by ``ncp.wiring``."""

    country: CountryCode
    home: Oid
    trust: TrustStore
    connector: NationalConnector
    replay: ReplayGuard
    assertions: AssertionMemory
    identifiers: IdentifierRules
    policy: AccessPolicy = field(default_factory=AccessPolicy)
    rules: Mapping[CountryCode, VerificationRules] = field(default_factory=dict)
    default_rules: VerificationRules = field(default_factory=VerificationRules)
    refused_countries: frozenset[CountryCode] = frozenset()
    inline_for: frozenset[CountryCode] = frozenset()
    demographics_allowed: bool = False
    birth_time_optional: bool = False
    limits: XmlLimits = xml.MESSAGE_LIMITS
    parts: int = 50
    transformer: Transformer | None = None
    """None where the country's own system sends the pivot."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request from another gateway, body read within its limit, TLS peer already accepted."""

    peer: TlsPeer
    body: bytes
    content_type: str
    soap_action: str = ""
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; ``chunks`` are sent one after the other."""

    status: int
    content_type: str
    chunks: list[bytes]


async def respond(request: Request, ncp: NcpA, exchange: Exchange) -> Reply:
    """Answers whatever came. Never raises: every failure is an answer, and is in ``exchange.error``."""
    envelope: Envelope | None = None
    try:
        with exchange.step("parse"):
            message = mtom.read_message(request.content_type, request.body, max_parts=ncp.parts)
            root = _parse(message.root, ncp.limits, message.charset)
        with exchange.step("envelope"):
            action = message.action or soap.unquoted_action(request.soap_action)
            envelope = soap.read_request(root, http_action=action, media=message.media)
            exchange.message_id = envelope.message_id
            exchange.notes.extend(envelope.notes)
            service, answer = _transaction(envelope)
            exchange.service = service
        return await answer(_Asked(request, envelope, message.is_multipart), ncp, exchange)
    except NcpError as error:
        exchange.error = error
        return _fault(error, envelope)
    except Exception as error:
        exchange.error = unexpected(error)
        return _fault(exchange.error, envelope)


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    envelope: Envelope
    multipart: bool


async def _discovery(asked: _Asked, ncp: NcpA, exchange: Exchange) -> Reply:
    """ITI-55 Cross Gateway Patient Discovery."""
    with exchange.step("question"):
        discovery = xcpd.read.read_discovery(asked.envelope.body)
    created = to_hl7(exchange.at)
    answer_id = II(str(uuid.uuid4()), _ten_digits())
    try:
        person = await _identify(asked, discovery, ncp, exchange)
        body = xcpd.write.write_match(discovery, person, id=answer_id, created=created, home=ncp.home)
    except SoapFault:
        raise
    except Exception as error:
        exchange.error = error if isinstance(error, NcpError) else unexpected(error)
        refusal = xcpd.outcomes.refusal_for(exchange.error, reference=exchange.transaction)
        body = xcpd.write.write_refusal(discovery, refusal, id=answer_id, created=created, home=ncp.home)
    return _plain(asked, body, xcpd_facts.RESPONSE_ACTION)


async def _identify(asked: _Asked, discovery: PatientDiscovery, ncp: NcpA, exchange: Exchange) -> Person:
    caller = _verify(asked, ncp, exchange, needs_treatment=False)  # 4, 5
    with exchange.step("check"):  # 6
        exchange.notes.extend(discovery.problems)
        xcpd.outcomes.check_discovery(
            discovery, home=ncp.home, mask_rules=ncp.identifiers, demographics_allowed=ncp.demographics_allowed
        )
    with exchange.step("permit"):  # 7
        permitted = access.permit_discovery(discovery.search, caller, ncp.policy)
    asked_at = asyncio.get_running_loop().time()
    try:
        with exchange.step("identify"):  # 9: an identification is what consent is looked up by
            found = await _national(ncp.connector.identify(permitted))
        person = xcpd.outcomes.certain_person(found, discovery.search, birth_time_optional=ncp.birth_time_optional)
        with exchange.step("consent"):  # 8: before the person is named to anybody
            patient = access.permit_person(permitted, person)
            access.with_consent(patient, await _national(ncp.connector.consent(patient)))
    except (PatientError, AccessError):
        await asyncio.sleep(max(0.0, asked_at + REFUSAL_SECONDS - asyncio.get_running_loop().time()))
        raise
    exchange.patient = person.id
    return person


async def _query(asked: _Asked, ncp: NcpA, exchange: Exchange) -> Reply:
    """ITI-38 Cross Gateway Query."""
    code = Code.GENERIC
    try:
        caller = _verify(asked, ncp, exchange, needs_treatment=True)  # 4, 5
        with exchange.step("question"):  # 6
            query = xca.query.read_query(asked.envelope.body, home=ncp.home)
            code = xca.outcomes.generic_code(query.class_codes[0])
            exchange.notes.extend(f"slot.ignored:{name}" for name in query.ignored_slots)
        with exchange.step("permit"):  # 7
            patient = access.permit_query(query, caller, ncp.policy)
            exchange.patient = query.patient
        with exchange.step("consent"):  # 8
            permitted = access.consented_query(patient, query, await _national(ncp.connector.consent(patient), code))
        with exchange.step("find documents"):  # 9
            entries = await _national(ncp.connector.find_documents(permitted), code)
            exchange.documents = tuple(entry.unique_id for entry in entries)
        missing = () if entries else xca.query.nothing_found(query.class_codes)
        body = xca.query.write_query_response(query, entries, home=ncp.home, country=ncp.country, errors=missing)
    except SoapFault:
        raise
    except Exception as error:
        exchange.error = error if isinstance(error, NcpError) else unexpected(error, code)
        body = xca.query.write_query_failure([xca.outcomes.error_entry(exchange.error, home=ncp.home)], home=ncp.home)
    return _plain(asked, body, xca_facts.QUERY_RESPONSE_ACTION)


async def _retrieve(asked: _Asked, ncp: NcpA, exchange: Exchange) -> Reply:
    """ITI-39 Cross Gateway Retrieve: a result for each requested document, all of the one patient of the TRC."""
    delivered: list[RetrievedDocument] = []
    errors: list[RegistryError] = []
    try:
        caller = _verify(asked, ncp, exchange, needs_treatment=True)  # 4, 5
        with exchange.step("question"):  # 6
            retrieve: CrossGatewayRetrieve = xca.retrieve.read_retrieve(asked.envelope.body, home=ncp.home)
        for wanted in retrieve.requests:
            try:
                document, told = await _deliver(wanted, caller, ncp, exchange)
                delivered.append(document)
                errors.extend(told)
            except _NotTranscoded as failed:
                exchange.error = exchange.error or failed
                errors.extend(failed.entries)
            except (AccessError, DocumentError, ConnectorError) as error:
                exchange.error = exchange.error or error
                errors.append(xca.outcomes.error_entry(error, home=ncp.home))
        exchange.documents = tuple(document.request.document_unique_id for document in delivered)
    except SoapFault:
        raise
    except Exception as error:
        exchange.error = error if isinstance(error, NcpError) else unexpected(error)
        delivered, errors = [], [xca.outcomes.error_entry(exchange.error, home=ncp.home)]
    # A document travels as asked: MTOM unless the peer wants it inline and did not send MTOM itself.
    inline = not asked.multipart and (
        asked.request.peer.country in ncp.inline_for or not mtom.accepts_multipart(asked.request.accept)
    )
    body, attachments = xca.retrieve.write_retrieve_response(delivered, errors, home=ncp.home, inline=inline)
    if inline:
        return _plain(asked, body, xca_facts.RETRIEVE_RESPONSE_ACTION)
    return _multipart(asked, body, attachments, xca_facts.RETRIEVE_RESPONSE_ACTION)


class _NotTranscoded(DocumentError):
    """A required code has none of the network: the document does not leave. ``entries`` is what the peer is told."""

    def __init__(self, class_code: str, entries: Sequence[RegistryError]) -> None:
        self.entries = xca.outcomes.transcoding_failed(class_code, entries)
        super().__init__(self.entries[-1].code, "transcode.failed")


async def _deliver(
    wanted: DocumentRequest, caller: VerifiedCaller, ncp: NcpA, exchange: Exchange
) -> tuple[RetrievedDocument, Sequence[RegistryError]]:
    """The document, and what its transcoding has to say beside it."""
    with exchange.step("permit"):  # 7, with nothing asked of the country yet
        description = access.permit_description(
            wanted.document_unique_id, wanted.repository_unique_id, caller, ncp.policy
        )
        exchange.patient = description.patient
    with exchange.step("describe"):  # class and owner, by metadata only
        document: DocumentEntry | None = await _national(ncp.connector.describe_document(description))
        asked = (wanted.document_unique_id, wanted.repository_unique_id)
        if document is None or (document.unique_id, document.repository_id) != asked:
            raise DocumentError(Code.DOCUMENT_MISSING, "document.unknown")
    code = xca.outcomes.generic_code(document.class_code)
    with exchange.step("permit class"):
        patient = access.permit_document(document, description, ncp.policy)
    with exchange.step("consent"):  # 8
        consent = await _national(ncp.connector.consent(patient), code)
        permitted = access.consented_retrieve(patient, document, consent)
    with exchange.step("fetch document"):  # 9
        content = await _national(ncp.connector.fetch_document(permitted), code)
        if not content:
            raise ConnectorError(code, "document.empty")
    content, told = await _transcoded(content, document, ncp, exchange)  # 10
    return RetrievedDocument(wanted, document.mime_type, content), told


async def _transcoded(
    content: bytes, document: DocumentEntry, ncp: NcpA, exchange: Exchange
) -> tuple[bytes, Sequence[RegistryError]]:
    """The pivot, and the entries of its transcoding. Raises ``_NotTranscoded``."""
    transformer = ncp.transformer
    if transformer is None or not is_transformed(document.class_code, document.mime_type, content):
        return content, ()
    kind, country = kind_of(document.class_code), exchange.peer_country

    def work() -> Transformation | None:
        return transformer.transcode(content, exchange, kind=kind, country=country)

    # Rules of a Schematron are waited for, seconds at worst: never in the loop.
    aside = len(content) >= LARGE or (transformer.validator is not None and transformer.validator.waits)
    result = await asyncio.to_thread(work) if aside else work()
    if result is None:
        return content, ()
    entries = [
        xca.outcomes.transformation_error(
            problem.code, severity, f"{problem.text} ({problem.context})" if problem.context else problem.text
        )
        for severity, problems in ((Severity.ERROR, result.errors), (Severity.WARNING, result.warnings))
        for problem in problems
    ]
    if any(problem.code.startswith("45") for problem in result.errors):
        raise _NotTranscoded(document.class_code, entries)
    return result.content, entries


_Answer = Callable[[_Asked, NcpA, Exchange], Awaitable[Reply]]
_TRANSACTIONS: Mapping[str, tuple[Service, str, _Answer]] = {
    xcpd_facts.BODY: (Service.DISCOVERY, xcpd_facts.ACTION, _discovery),
    xca_facts.QUERY_BODY: (Service.QUERY, xca_facts.QUERY_ACTION, _query),
    xca_facts.RETRIEVE_BODY: (Service.RETRIEVE, xca_facts.RETRIEVE_ACTION, _retrieve),
}


def _transaction(envelope: Envelope) -> tuple[Service, _Answer]:
    """By body element; an action that names another transaction is refused."""
    known = _TRANSACTIONS.get(str(envelope.body.tag))
    if known is None:
        raise SoapFault("Sender", "operation.unknown", "The operation is not known here.")
    service, action, answer = known
    if envelope.action and envelope.action != action:
        raise SoapFault("Sender", "wsa.action", "The action does not fit the body.", subcode="wsa:ActionNotSupported")
    return service, answer


def _parse(data: bytes, limits: XmlLimits, charset: str) -> _Element:
    try:
        return xml.parse(data, limits, charset=charset)
    except XmlRefused as refused:
        raise soap.xml_fault(refused) from None


def _verify(asked: _Asked, ncp: NcpA, exchange: Exchange, *, needs_treatment: bool) -> VerifiedCaller:
    """Steps 4 and 5, then the replay check; the caller's country must be open to the service."""
    peer = asked.request.peer
    with exchange.step("verify"):
        caller = saml_assertions.verify.verify(
            asked.envelope.security,
            asked.envelope.root,
            needs_treatment=needs_treatment,
            trust=ncp.trust,
            peer=peer,
            rules=ncp.rules.get(peer.country, ncp.default_rules),
            at=exchange.at,
            memory=ncp.assertions,
        )
        exchange.caller = caller
        exchange.notes.extend(caller.warnings)
    with exchange.step("replay"):
        digest = body_digest(asked.envelope.body)
        if ncp.replay.check(caller, message_id=asked.envelope.message_id, digest=digest, at=exchange.at):
            exchange.notes.append("message.repeated")
        if caller.country in ncp.refused_countries:
            raise AccessError(Code.NOT_ALLOWED, xcpd.outcomes.COUNTRY_NOT_APPROVED)
    return caller


async def _national(answer: Awaitable[T], code: Code = Code.GENERIC) -> T:
    """The country's answer; whatever goes wrong in its system that it does not declare is a failed connector, told
    with ``code``."""
    try:
        return await answer
    except NcpError:
        raise
    except Exception as error:
        raise ConnectorError(code, "connector.failed", context=where(error)) from error


def _plain(asked: _Asked, body: bytes, action: str) -> Reply:
    envelope = soap.write_response(
        body, action=action, message_id=urn_uuid(uuid.uuid4()), relates_to=asked.envelope.message_id
    )
    return Reply(200, soap.SOAP_CONTENT_TYPE(action), [envelope])


def _multipart(asked: _Asked, body: bytes, parts: Sequence[tuple[str, str, bytes]], action: str) -> Reply:
    unique = uuid.uuid4().hex
    envelope = soap.write_response(
        body, action=action, message_id=urn_uuid(uuid.uuid4()), relates_to=asked.envelope.message_id
    )
    attachments = [mtom.Attachment(*part) for part in parts]
    content_type, chunks = mtom.write_multipart(
        envelope, attachments, action=action, boundary=f"MIMEBoundary_{unique}", root_id=f"0.{unique}@ncp"
    )
    return Reply(200, content_type, chunks)


def _fault(error: NcpError, envelope: Envelope | None) -> Reply:
    fault = error
    if not isinstance(fault, SoapFault):
        # A question that nobody could be answered is the sender's fault; everything else is ours.
        kind = "Sender" if isinstance(error, RequestError) else "Receiver"
        fault = SoapFault(kind, error.reason, error.message, subcode=error.code)
    body = soap.write_fault(
        fault, message_id=urn_uuid(uuid.uuid4()), relates_to=envelope.message_id if envelope else ""
    )
    return Reply(fault.http_status, soap.FAULT_CONTENT_TYPE, [body])


def unexpected(error: BaseException, code: Code = Code.GENERIC) -> NcpError:
    """Any other exception, as our error: type and place for the operator, no text of it (it may quote a message)."""
    return NcpError(code, f"unexpected.{type(error).__name__}", context=where(error))


def _ten_digits() -> str:
    """As OpenNCP writes the extension of a message id: ten digits."""
    return f"{uuid.uuid4().int % 10**10:010d}"
