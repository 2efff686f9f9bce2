"""NCP-A on a real TLS socket over a scripted national connector that remembers every question.

Everything but the national system is the product: ``peer_app``, the server's protocol, TLS contexts, trust store,
replay memory, assertion memory. The connector answers what a test tells it, and its ``calls`` prove what was not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ncp.access import PermittedDescription, PermittedDiscovery, PermittedPatient, PermittedQuery, PermittedRetrieve
from ncp.app import PeerOptions, peer_app
from ncp.http_in import Handler
from ncp.observability import log as logs
from ncp.responding import NcpA
from ncp.server import Endpoint, Listener, ServerOptions
from ncp.storage.replay import SharedReplayMemory
from ncp.storage.state import State
from ncp.wire.ids import II, CountryCode, Oid
from ncp.worker import _Server
from saml_assertions.memory import AssertionMemory
from saml_assertions.replay import ReplayGuard
from tests.support import certificates
from tests.support.assertions import Seal
from tests.support.certificates import CLIENT_AUTH, SERVER_AUTH, Made, make_ca, make_crl, make_seal, make_tls
from tests.support.peer_messages import DISCOVERY, HR, MBO, PS, LogIn, discovery, identifier, message
from tests.support.peer_wire import Answer, PeerLine
from trust_store.keys import load_key_pair
from trust_store.store import TrustStore
from trust_store.tls import server_context
from xca.messages import DocumentEntry
from xcpd.mask_fields import identifier_rules
from xcpd.masks import read_mask
from xcpd.messages import Address, Person

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "2.16.17.710.840.1000.990.1.5"
PATIENT = (MBO, "123450987")
OTHER = (MBO, "555551234")
NAMES = ("Šimunović", "Primjerić", "Anamarija", "Kaštelanska")
PERSON = Person(
    id=II(*PATIENT),
    family="Šimunović Primjerić",
    given="Anamarija",
    gender="F",
    birth_date="19700409",
    address=Address("Kaštelanska 7", "Zagreb", "10000", "HR"),
)
PERSONAL = (PATIENT[1], OTHER[1], *NAMES, "19700409", "Camille", "Exemple", "899700000001", "KIN-7", "Rennes")
"""What may stand in no log line: patient, professional, next of kin."""


def entry(unique_id: str, class_code: str = PS, *, patient: tuple[str, str] = PATIENT, **more: Any) -> DocumentEntry:
    """Metadata as a connector gives it."""
    values: dict[str, Any] = {
        "repository_id": REPOSITORY,
        "home_community_id": HR,
        "format_code": "urn:epSOS:ps:ps:2010",
        "title": "Patient Summary",
        "creation_time": "20250114093000",
        "language": "hr-HR",
        "size": 12,
        "hash": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    }
    return DocumentEntry(unique_id, patient=II(*patient), class_code=class_code, **{**values, **more})


L3, L1 = "1.2.3.4.88^PS-0001", "1.2.3.4.88^PS-0001-PDF"
SUMMARY = (entry(L3, twin=L1), entry(L1, twin=L3, format_code="urn:ihe:iti:xds-sd:pdf:2008"))


class ScriptedConnector:
    """A national system that does as it is told. A value that is an exception is raised instead of returned."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.slow: dict[str, float] = {}
        """Seconds that a question takes."""
        self.persons: tuple[Person, ...] | Exception = (PERSON,)
        self.allowed: bool | Exception = True
        self.listed: tuple[DocumentEntry, ...] | Exception = SUMMARY
        self.described: dict[str, DocumentEntry | Exception] = {one.unique_id: one for one in SUMMARY}
        self.contents: dict[str, bytes | Exception] = {
            L3: b"<ClinicalDocument>\r\n\x00\xff--",
            L1: b"%PDF-1.4\n--x\r\n",
        }

    @property
    def asked(self) -> list[str]:
        """Names of the questions, in order."""
        return [name for name, _ in self.calls]

    async def identify(self, permitted: PermittedDiscovery) -> tuple[Person, ...]:
        return await self._told("identify", permitted, self.persons)

    async def consent(self, patient: PermittedPatient) -> bool:
        return await self._told("consent", patient, self.allowed)

    async def find_documents(self, permitted: PermittedQuery) -> tuple[DocumentEntry, ...]:
        return await self._told("find_documents", permitted, self.listed)

    async def describe_document(self, permitted: PermittedDescription) -> DocumentEntry | None:
        return await self._told("describe_document", permitted, self.described.get(permitted.document_unique_id))

    async def fetch_document(self, permitted: PermittedRetrieve) -> bytes:
        return await self._told("fetch_document", permitted, self.contents[permitted.document.unique_id])

    async def probe(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def _told(self, name: str, permitted: Any, value: Any) -> Any:
        self.calls.append((name, permitted))
        if name in self.slow:
            await asyncio.sleep(self.slow[name])
        if isinstance(value, Exception):
            raise value
        return value


@dataclass(frozen=True)
class Country:
    """One country of the test PKI."""

    code: str
    tls_ca: Made
    seal_ca: Made
    tls: Made
    seal_made: Made

    @property
    def seal(self) -> Seal:
        return Seal(self.seal_made.key, self.seal_made.certificate)

    def log_in(self, **options: Any) -> LogIn:
        return LogIn(self.seal, self.code, **options)


def make_country(code: str, now: datetime) -> Country:
    """Authorities for TLS and seals, a TLS client and a seal, valid now."""
    times = {"begin": now - timedelta(days=1), "end": now + timedelta(days=300)}
    tls_ca, seal_ca = make_ca(f"TLS CA {code}", code, **times), make_ca(f"Seal CA {code}", code, **times)
    tls = make_tls(
        tls_ca,
        code,
        host="localhost",
        key=certificates.ec_key(f"tls {code}"),
        extended=(SERVER_AUTH, CLIENT_AUTH),
        **times,
    )
    return Country(
        code, tls_ca, seal_ca, tls, make_seal(seal_ca, code, key=certificates.rsa_key(f"seal {code}"), **times)
    )


def revoked_seal(country: Country, now: datetime) -> Made:
    """A seal that the CRL in the trust folder revokes."""
    times = {"begin": now - timedelta(days=1), "end": now + timedelta(days=300)}
    return make_seal(country.seal_ca, country.code, key=certificates.rsa_key("revoked"), **times)


def client_tls(folder: Path, identity: Made | None, server_ca: Made) -> ssl.SSLContext:
    """TLS of a peer with this certificate, or with none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=server_ca.pem.decode())
    if identity is not None:
        file = folder / f"{identity.fingerprint}.pem"
        file.write_bytes(identity.pem + identity.key_pem)
        context.load_cert_chain(file)
    return context


class Log:
    """Everything the program under test writes to its log, and what it may not hold."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mark = 0

    def mark(self) -> None:
        self._mark = self.file.stat().st_size

    def since(self) -> str:
        with self.file.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode("utf-8")


@contextlib.contextmanager
def captured_log(file: Path) -> Iterator[Log]:
    """The log of this process in a file, with what the standard library's ``logging`` brings of our own modules."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    before = replace_state(descriptor)
    library = logging.getLogger("ncp")
    handler, level = logs._Libraries(), library.level
    library.addHandler(handler)
    library.setLevel(logging.INFO)
    try:
        yield Log(file)
    finally:
        library.removeHandler(handler)
        library.setLevel(level)
        logs._STATE.threshold, logs._STATE.render, logs._STATE.strict, logs._STATE.descriptor = before
        os.close(descriptor)


def replace_state(descriptor: int) -> tuple[Any, ...]:
    state = logs._STATE
    before = (state.threshold, state.render, state.strict, state.descriptor)
    logs.configure("debug", "json", strict=True, descriptor=descriptor)
    return before


@dataclass
class ScriptedGateway:
    """The gateway of Croatia for France and Belgium; what a test changes is put back by ``reset``."""

    folder: Path
    base: NcpA
    connector: ScriptedConnector
    countries: dict[str, Country]
    revoked: Seal
    address: tuple[str, int]
    log: Log
    tls: dict[str, ssl.SSLContext] = field(default_factory=dict)
    ncp: NcpA = field(init=False)
    app: Handler = field(init=False)
    options: PeerOptions = field(default_factory=lambda: PeerOptions(request_limit=2_000_000, request_timeout=2.0))

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.connector.reset()
        self.configure()
        self.log.mark()

    def configure(self, **changes: Any) -> None:
        """The responding role with other settings from here on."""
        self.ncp = replace(self.base, **changes)
        self.app = peer_app(self.ncp, self.options)

    def mask(self, text: str) -> None:
        """Another search mask of the country."""
        self.configure(identifiers=identifier_rules(read_mask(text.encode(), CountryCode("HR"))))

    def peer(self, country: str = "FR") -> PeerLine:
        """The way of a country's gateway to us."""
        if country not in self.tls:
            self.tls[country] = client_tls(self.folder, self.countries[country].tls, self.countries["HR"].tls_ca)
        return PeerLine(self.address, self.tls[country])

    def peer_as(self, identity: Made | None) -> PeerLine:
        return PeerLine(self.address, client_tls(self.folder, identity, self.countries["HR"].tls_ca))

    def log_in(self, country: str = "FR", **options: Any) -> LogIn:
        return self.countries[country].log_in(**options)

    def discover(self, *traits: str, body: bytes | None = None, country: str = "FR") -> Answer:
        """A good ITI-55 about the patient, unless something else is given."""
        question = body or discovery(*(traits or (identifier(*PATIENT),)))
        request = message(DISCOVERY, question, *self.log_in(country).professional())
        return self.peer(country).ask(DISCOVERY, request)

    def assert_untouched(self, answer: Answer | None) -> None:
        """After an attack: nothing was asked of the country, nobody is named anywhere, and the gateway serves on."""
        assert self.connector.calls == []
        if answer is not None:
            told = (
                answer.without_echo().decode()
                if answer.headers.get("content-type", "").startswith(("application/soap+xml", "multipart/"))
                else answer.body.decode("utf-8", "replace")
            )
            assert [value for value in PERSONAL if value in told] == []
        self.assert_log_is_clean()
        assert self.discover().acknowledged == ("AA", "OK")

    def assert_log_is_clean(self) -> None:
        lines = self.log.since()
        assert [value for value in PERSONAL if value in lines] == []
        assert "Traceback" not in lines


@contextlib.contextmanager
def scripted_gateway(folder: Path) -> Iterator[ScriptedGateway]:
    """The gateway on a free port of this machine, for as long as the block lasts."""
    now = datetime.now(UTC)
    countries = {code: make_country(code, now) for code in ("HR", "FR", "BE")}
    revoked = revoked_seal(countries["FR"], now)
    trusted = {}
    for code, country in countries.items():
        trusted[code.lower(), "tls-client"] = [country.tls_ca]
        trusted[code.lower(), "hcp-signer"] = trusted[code.lower(), "trc-signer"] = [country.seal_ca]
    crl = make_crl(
        countries["FR"].seal_ca,
        [revoked],
        this_update=now - timedelta(hours=1),
        next_update=now + timedelta(days=7),
    )
    trust = TrustStore.load(certificates.write_folder(folder / "trust", trusted, {"fr": [crl]}))
    own = folder / "server.pem"
    own.write_bytes(countries["HR"].tls.pem)
    key = folder / "server.key"
    key.write_bytes(countries["HR"].tls.key_pem)
    state = State(folder / "state")
    mask = read_mask((ROOT / "config" / "search_masks" / "HR.xml").read_bytes(), CountryCode("HR"))
    connector = ScriptedConnector()
    ncp = NcpA(
        country=CountryCode("HR"),
        home=Oid(HR),
        trust=trust,
        connector=connector,
        replay=ReplayGuard(SharedReplayMemory(state)),
        assertions=AssertionMemory(),
        identifiers=identifier_rules(mask),
    )
    with captured_log(folder / "log.txt") as log, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        gateway = ScriptedGateway(
            folder,
            ncp,
            connector,
            countries,
            Seal(revoked.key, revoked.certificate),
            listening.getsockname()[:2],
            log,
        )

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await gateway.app(scope, receive, send)

        tls = server_context(load_key_pair(own, key), trust)
        with _serving(Endpoint(app, tls), listening):
            yield gateway
    state.close()


@contextlib.contextmanager
def _serving(endpoint: Endpoint, listening: socket.socket) -> Iterator[None]:
    """The product's own server for one listener, in a thread of this process."""
    listener = Listener(name="peers", host="127.0.0.1", port=0)
    started, loops = threading.Event(), []
    servers: list[_Server] = []

    async def serve() -> None:
        server = _Server(ServerOptions(listeners=(listener,), stop_timeout=2.0), listener, endpoint)
        servers.append(server)
        loops.append(asyncio.get_running_loop())
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110  uvicorn sets a flag and no event
            await asyncio.sleep(0.01)
        started.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(20), "the server did not start"
    try:
        yield
    finally:
        servers[0].should_exit = True
        thread.join(20)
