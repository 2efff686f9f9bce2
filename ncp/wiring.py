"""Composition: from one configuration file to everything a worker serves. The only file that knows every part.

``serve`` runs the supervisor; ``service`` is called in each worker after the fork and opens keys, trust, databases and
TLS contexts there. Decides nothing; a part that cannot be made stops the start with the words of that part.
"""

from __future__ import annotations

import asyncio
import hashlib
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ncp.access import AccessPolicy
from ncp.app import Check, PeerOptions, health_app, peer_app
from ncp.capture import Capture
from ncp.connector import NationalConnector
from ncp.connector.store.connector import StoreConnector
from ncp.eligibility.rules import Rules, RulesRefused, read_rules
from ncp.frontend.port import PortalIdentity
from ncp.http_out import CallLimits
from ncp.initiating import NcpB
from ncp.observability.log import configure, logger
from ncp.peer_calls import PeerCalls
from ncp.peer_probe import PeerProbe
from ncp.responding import NcpA
from ncp.search_masks import SearchMasks
from ncp.semantics.terminology.catalogue import Catalogue, CatalogueError, ReleaseFolder
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import CodedElements, ListRefused, read_list, shipped
from ncp.semantics.validation.configured import validator
from ncp.semantics.validation.validator import Validator
from ncp.server import Addresses, ConnectionLimits, Endpoint, Listener, ServerOptions, Service
from ncp.server import serve as serve_workers
from ncp.settings.check import shipped_rules
from ncp.settings.load import load
from ncp.settings.model import KeyFiles, PeerSettings, Settings
from ncp.storage.persons import ConfirmedPersons
from ncp.storage.replay import SharedReplayMemory
from ncp.storage.state import State
from ncp.transforming import Transformer
from ncp.wire.errors import Code, NcpError
from ncp.wire.ids import CountryCode, Oid
from ncp.wire.times import utc_now
from ncp.wire.xml import XmlLimits
from saml_assertions.facts import AUTHENTICATION_CLASS
from saml_assertions.memory import AssertionMemory
from saml_assertions.replay import ReplayGuard
from saml_assertions.rules import VerificationRules
from saml_assertions.signature import SignatureProfile
from trust_store.keys import KeyPair, load_key_pair
from trust_store.peers import Peer, PeerDirectory, PeerHabits, PeerService
from trust_store.revocation import RevocationPolicy
from trust_store.store import TrustRules, TrustStore
from trust_store.tls import client_context, front_end_context, server_context
from trust_store.types import Purpose
from xcpd.mask_fields import IdentifierRules, identifier_rules
from xcpd.masks import read_mask

if TYPE_CHECKING:
    from ncp.identity.desk import Desk

PEERS, FRONT_END, HEALTH = "peers", "front end", "health"
_CONFIG = Path(__file__).resolve().parent.parent / "config"

_log = logger()


def serve(file: Path, *, on_ready: Callable[[Addresses], None] | None = None) -> int:
    """Serve what ``file`` configures until a signal says stop; the exit status. HUP reads the file anew."""
    settings = load(file)
    _configure_log(settings)
    _prepare_terminology(settings)

    def reload() -> tuple[ServerOptions, Callable[[], Service]]:
        fresh = load(file)
        _prepare_terminology(fresh)
        return server_options(fresh), lambda: service(fresh)

    return serve_workers(server_options(settings), lambda: service(settings), reload=reload, on_ready=on_ready)


def server_options(settings: Settings) -> ServerOptions:
    """Listeners, workers and times of the server."""
    server = settings.server
    limits = ConnectionLimits(
        header=settings.limits.header,
        header_timeout=server.header_timeout.total_seconds(),
        idle_timeout=server.idle_timeout.total_seconds(),
        max_connections=server.max_connections,
    )
    listeners = [Listener(name=HEALTH, host=settings.health.listen.host, port=settings.health.listen.port, tls=False)]
    if settings.is_responding:
        listeners.append(Listener(name=PEERS, host=server.listen.host, port=server.listen.port, limits=limits))
    if settings.is_initiating:
        portal = settings.frontend.listen
        listeners.append(Listener(name=FRONT_END, host=portal.host, port=portal.port, limits=limits))
    return ServerOptions(
        listeners=tuple(listeners), workers=server.workers, stop_timeout=server.stop_timeout.total_seconds()
    )


def service(settings: Settings) -> Service:
    """Everything one worker serves. Called after the fork."""
    _configure_log(settings)
    closing = AsyncExitStack()
    starting: list[Callable[[], Awaitable[None]]] = []
    checks: dict[str, Check] = {}
    trust = trust_store(settings)
    for note in trust.notes:
        _log.warning("trust.note", text=note)
    state = State(settings.state)
    closing.callback(state.close)
    if state.was_damaged:
        _log.warning("state.damaged", text="what was remembered of repeats and persons is lost")
    catalogue = Catalogue(settings.terminology.database)
    judge = validator(settings, lambda: _release(catalogue))
    judge.start()
    closing.callback(judge.close)
    endpoints: dict[str, Endpoint] = {}
    if settings.is_responding:
        national = connector(settings)
        closing.push_async_callback(national.close)
        checks["national connector"] = national.probe
        key = _key(settings.tls.server)
        options = PeerOptions(
            request_limit=settings.limits.request,
            request_timeout=settings.server.request_timeout.total_seconds(),
            capture=Capture(settings.capture.folder) if settings.capture else None,
        )
        app = peer_app(responding(settings, trust, national, state, catalogue, judge), options)
        endpoints[PEERS] = Endpoint(app, server_context(key, trust))
    if settings.is_initiating:
        endpoint, start, stop = _front_end(settings, trust, state, catalogue, judge)
        endpoints[FRONT_END] = endpoint
        starting.append(start)
        closing.push_async_callback(stop)
    endpoints[HEALTH] = Endpoint(health_app(checks))

    async def begin() -> None:
        for each in starting:
            await each()

    return Service(endpoints, start=begin, stop=closing.aclose)


def responding(
    settings: Settings,
    trust: TrustStore,
    national: NationalConnector,
    state: State,
    catalogue: Catalogue,
    judge: Validator,
) -> NcpA:
    """The responding role as configured."""
    own = settings.responding
    rules = _verification_rules(settings)
    return NcpA(
        country=settings.country.code,
        home=settings.country.home_community_id,
        trust=trust,
        connector=national,
        replay=ReplayGuard(SharedReplayMemory(state)),
        assertions=AssertionMemory(),
        identifiers=_identifier_rules(settings),
        policy=AccessPolicy(
            accept_role_without_permissions=frozenset(own.accept_role_without_permissions),
            refused_roles=frozenset(own.refused_roles),
        ),
        rules={country: _rules_for(rules, peer) for country, peer in settings.peers.items()},
        default_rules=rules,
        refused_countries=frozenset(own.refused_countries),
        inline_for=frozenset(country for country, peer in settings.peers.items() if peer.retrieve_inline),
        demographics_allowed=own.demographics_allowed,
        birth_time_optional=own.birth_time_optional,
        limits=_xml_limits(settings),
        parts=settings.limits.parts,
        transformer=_transformer(settings, settings.responding.transcode, catalogue, judge),
    )


def connector(settings: Settings) -> NationalConnector:
    """The national connector as configured."""
    configured = settings.connector
    if configured is None:
        raise ValueError("the role responding needs a [connector]")
    return StoreConnector(
        configured.database,
        country=settings.country.code,
        country_name=settings.country.name,
        home=settings.country.home_community_id,
    )


def trust_store(settings: Settings) -> TrustStore:
    """The trust folder as configured."""
    trust = settings.trust
    rules = TrustRules(revocation=RevocationPolicy(trust.revocation), tls_clients=dict(trust.tls_clients))
    return TrustStore.load(trust.anchors, rules=rules)


def peer_directory(settings: Settings) -> PeerDirectory:
    """The configured peers."""
    return PeerDirectory({country: _peer(country, peer) for country, peer in settings.peers.items()})


def _front_end(
    settings: Settings, trust: TrustStore, state: State, catalogue: Catalogue, judge: Validator
) -> tuple[Endpoint, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """The front-end listener; what to do when the loop runs, and when it ends."""
    # A gateway that only answers is spared the front end and spyne behind it: a sixth of its memory.
    from ncp.consultation import Consultations, Notices
    from ncp.frontend.app import FrontEndOptions, frontend_app
    from ncp.frontend.notice import Fonts, load_notices, load_notices_of_countries

    if settings.seal is None:
        raise ValueError("the role initiating needs a [seal]")
    client_key = _key(settings.tls.client_or_server)
    peers = peer_directory(settings)
    contexts = {
        peer.country: client_context(
            client_key, trust, peer.country, utc_now, cn_fallback=settings.mode.value != "production"
        )
        for peer in peers
        if trust.authorities(Purpose.TLS_SERVER, peer.country) or trust.pins(Purpose.TLS_SERVER, peer.country)
    }
    timeout = settings.initiating.timeout.total_seconds()
    calls = PeerCalls(contexts, CallLimits(timeout=timeout, answer=_answer_limit(settings)), utc_now)
    ncp = NcpB(
        country=settings.country.code,
        home=settings.country.home_community_id,
        trust=trust,
        seal=_key(settings.seal),
        peers=peers,
        calls=calls,
        persons=ConfirmedPersons(state),
        assertions=AssertionMemory(),
        own_rules=replace(_verification_rules(settings), country=settings.country.code),
        minimum_quality=settings.initiating.minimum_match_quality,
        repeat_after_fault=settings.initiating.repeat_after_fault,
        capture=Capture(settings.capture.folder) if settings.capture else None,
        answer_limits=XmlLimits(size=_answer_limit(settings), long_text=True),
        parts=settings.limits.parts,
    )
    masks = SearchMasks.load(
        settings.initiating.search_masks,
        [peer.country for peer in peers],
        _CONFIG / "mask_labels.toml",
        _CONFIG / "mask_problems.toml",
        settings.initiating.mask_pictures,
    )
    notices = settings.frontend.notices or _CONFIG / "notices"
    portals, certificates = _portals(settings)
    desk = _desk(settings)
    consultations = Consultations(
        ncp=ncp,
        masks=masks,
        notices=Notices(
            load_notices(notices),
            Fonts(_CONFIG / "fonts" / "DejaVuSans.ttf", _CONFIG / "fonts" / "DejaVuSans-Bold.ttf"),
            settings.frontend.controller,
            settings.frontend.contact,
            load_notices_of_countries(notices),
        ),
        role_permissions=_role_permissions(settings),
        loop=asyncio.get_running_loop(),
        patience=2 * timeout + 10,
        catalogue=catalogue,
        transformer=_transformer(settings, settings.initiating.translate, catalogue, judge),
        desk=desk,
    )
    options = FrontEndOptions(
        time_zone=settings.country.time_zone,
        language=settings.country.language,
        public_url=settings.frontend.public_url or "",
        request_timeout=settings.server.request_timeout.total_seconds(),
        limits=_xml_limits(settings),
    )
    app = frontend_app(consultations, options, portals)
    accepted = (*certificates, *trust.authorities(Purpose.TLS_CLIENT, settings.country.code))
    probe = PeerProbe(peers, contexts, calls)

    async def stop() -> None:
        await probe.stop()
        await asyncio.to_thread(app.close)
        await asyncio.to_thread(consultations.examiner.close)
        if desk is not None:
            await asyncio.to_thread(desk.close)
        await calls.close()

    return Endpoint(app, front_end_context(_key(settings.tls.server), accepted)), probe.start, stop


def _prepare_terminology(settings: Settings) -> None:
    """Once, before the fork: the list of coded elements can be used, and there is a release to read with.

    Raises ``NcpError`` with the words for the operator.
    """
    if not settings.is_initiating and settings.responding.transcode == "off":
        return
    from ncp.semantics.terminology.importing import ensure_shipped

    _coded_elements(settings)
    folder = settings.terminology.database
    try:
        ensure_shipped(ReleaseFolder(folder), utc_now())
    except OSError as error:
        problem = f"terminology.database: {folder}: {(error.strerror or 'cannot be written').lower()}"
        raise NcpError(Code.GENERIC, "terminology.folder", message=problem) from None


def _transformer(settings: Settings, mode: str, catalogue: Catalogue, judge: Validator) -> Transformer:
    """What a role looks at documents with: validation in any case, transcoding or translating unless it is off."""
    elements = None if mode == "off" else _coded_elements(settings)
    return Transformer(catalogue, elements, strict=mode == "strict", validator=judge)


def _release(catalogue: Catalogue) -> Release | None:
    try:
        return catalogue.current()
    except CatalogueError:
        return None


def _coded_elements(settings: Settings) -> CodedElements:
    file = settings.terminology.coded_elements
    if file is None:
        return shipped()
    try:
        return read_list(file.read_bytes())
    except (OSError, ListRefused) as error:
        problem = f"terminology.coded_elements: {file}: {getattr(error, 'strerror', None) or error}"
        raise NcpError(Code.GENERIC, "terminology.coded_elements", message=problem) from None


def _portals(settings: Settings) -> tuple[dict[str, PortalIdentity], list[x509.Certificate]]:
    portals: dict[str, PortalIdentity] = {}
    certificates: list[x509.Certificate] = []
    for portal in settings.frontend.portals:
        fingerprint = portal.certificate_sha256 or ""
        if portal.certificate is not None:
            certificate = x509.load_pem_x509_certificate(portal.certificate.read_bytes())
            certificates.append(certificate)
            fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
        portals[fingerprint] = PortalIdentity(
            portal.name,
            fingerprint,
            portal.may_issue_hcp,
            frozenset(portal.roles),
            audience=frozenset(portal.audience),
            logins_only=portal.logins_only,
        )
    return portals, certificates


def _desk(settings: Settings) -> Desk | None:
    """Where people log in, if the configuration says so."""
    asked = settings.eligibility
    if asked is None:
        return None
    # A gateway that only answers, or whose portals vouch for their people, is spared the library for tokens.
    from ncp.identity.desk import Desk, Levels
    from ncp.identity.directory import LARGEST, Directory
    from ncp.identity.fetching import Fetcher
    from ncp.identity.keys import Keys, KnownKeys, PublishedKeys
    from ncp.identity.tokens import Expected

    timeout = asked.timeout.total_seconds()
    opened: list[Fetcher] = []
    if asked.jwks_url is not None:
        provider, url = Fetcher(timeout=timeout, trust=asked.trust), asked.jwks_url
        opened.append(provider)
        keys: Keys = PublishedKeys(lambda: provider.get(url), lifetime=asked.keys_lifetime, pause=asked.keys_pause)
    elif asked.jwks_file is not None:
        try:
            keys = KnownKeys(asked.jwks_file.read_bytes())
        except (OSError, ValueError) as error:
            problem = f"eligibility.jwks_file: {asked.jwks_file}: {getattr(error, 'strerror', None) or error}"
            raise NcpError(Code.GENERIC, "eligibility.jwks_file", message=problem) from None
    else:
        raise ValueError("[eligibility] needs keys")
    directory = None
    if asked.directory is not None:
        answering = Fetcher(timeout=timeout, trust=asked.directory.trust, limit=LARGEST)
        opened.append(answering)
        search = f"{asked.directory.url.rstrip('/')}/Practitioner"
        headers = {"accept": "application/fhir+json"}
        if asked.directory.key_file is not None:
            headers[asked.directory.key_header] = asked.directory.key_file.read_text("ascii").strip()
        directory = Directory(
            lambda identifier: answering.get(search, query={"identifier": identifier}, headers=headers)
        )
    issuer, levels, skew = asked.issuer, frozenset(asked.acr_values), asked.clock_skew
    classes = {said.strip().upper(): AUTHENTICATION_CLASS + name for said, name in asked.authentication_classes.items()}
    missing = asked.authentication_missing

    def close() -> None:
        for each in opened:
            each.close()

    return Desk(
        rules=_eligibility_rules(settings),
        keys=keys,
        expected=lambda audience: Expected(issuer, audience, levels, skew),
        levels=Levels(asked.authentication_claim, classes, AUTHENTICATION_CLASS + missing if missing else ""),
        directory=directory,
        close=close,
    )


def _eligibility_rules(settings: Settings) -> Rules:
    asked = settings.eligibility
    path = (asked.rules if asked else None) or shipped_rules(settings.country.code)
    try:
        return read_rules(path.read_bytes())
    except (OSError, RulesRefused) as error:
        problem = f"eligibility.rules: {path}: {getattr(error, 'strerror', None) or error}"
        raise NcpError(Code.GENERIC, "eligibility.rules", message=problem) from None


def _role_permissions(settings: Settings) -> Mapping[str, frozenset[str]]:
    """The proposal that ships with the gateway, with what this country says of single roles."""
    proposed = tomllib.loads((_CONFIG / "role_permissions.toml").read_text(encoding="utf-8"))
    return {
        role: frozenset(permissions)
        for role, permissions in {**proposed, **settings.initiating.role_permissions}.items()
    }


def _peer(country: CountryCode, peer: PeerSettings) -> Peer:
    urls = {
        PeerService.DISCOVERY: peer.xcpd_url,
        PeerService.QUERY: peer.xca_query_url,
        PeerService.RETRIEVE: peer.xca_retrieve_url,
    }
    return Peer(
        country=country,
        name=peer.name,
        home_community_id=Oid(peer.home_community_id),
        endpoints={service: url for service, url in urls.items() if url},
        offers=frozenset(peer.services),
        habits=PeerHabits(
            wave=peer.wave,
            mtom_request=peer.mtom_request,
            retrieve_inline=peer.retrieve_inline,
            trc_patient_attribute=peer.trc_patient_attribute,
        ),
    )


def _verification_rules(settings: Settings) -> VerificationRules:
    return VerificationRules(
        allowed_signers=frozenset(settings.trust.allowed_signers), strict_issuer=settings.trust.strict_issuer
    )


def _rules_for(rules: VerificationRules, peer: PeerSettings) -> VerificationRules:
    return replace(
        rules,
        signature=SignatureProfile(accept_inclusive_c14n=peer.accept_inclusive_c14n),
        accept_text_purpose=peer.accept_text_purpose,
        accept_confirmation_methods=frozenset(peer.accept_confirmation_methods),
        accept_nok_doctorid=peer.accept_nok_doctorid,
    )


def _identifier_rules(settings: Settings) -> IdentifierRules:
    mask = settings.responding.search_mask
    if mask is None:
        raise ValueError("the role responding needs responding.search_mask")
    return identifier_rules(read_mask(mask.read_bytes(), settings.country.code))


def _xml_limits(settings: Settings) -> XmlLimits:
    limits = settings.limits
    return XmlLimits(
        size=limits.request,
        depth=limits.xml_depth,
        elements=limits.xml_elements,
        attributes=limits.xml_attributes,
    )


def _answer_limit(settings: Settings) -> int:
    """Bytes of one answer: a document of the allowed size as base64, and the message round it."""
    return settings.limits.document * 4 // 3 + settings.limits.request


def _key(files: KeyFiles) -> KeyPair:
    pair = load_key_pair(files.certificate, files.key, files.key_password_file)
    for warning in pair.warnings:
        _log.warning("key.warning", text=warning)
    return pair


def _configure_log(settings: Settings) -> None:
    configure(settings.log.level, settings.log.format, strict=settings.mode.value == "development", libraries=True)
