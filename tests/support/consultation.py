"""A playground of two countries for whole consultations, and a gateway of France whose partners are scripted.

Everything is a real process and a real socket. ``World`` is what ``ncp demo`` makes; ``asking_gateway`` starts one more
gateway of France with the same keys, whose peers are given.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
import zeep
from lxml import etree
from zeep.plugins import Plugin

from ncp.cli.demo_files import DATA, Country, Playground, free_ports, write_playground
from ncp.cli.demo_gateways import Gateway as Process
from ncp.cli.demo_gateways import running
from ncp.settings.types import Listen
from ncp_client import Contract, Gateway, Professional
from tests.shared import shared
from tests.support.certificates import SERVER_AUTH, Made, make_ca, make_tls
from tests.support.scripted_peer import ENV, WSSE, ScriptedPeer
from tests.support.tls import make_pair

OWN = "urn:ncp-gateway:frontend:1"
CONTRACTS = (Contract.OPENNCP_9, Contract.OPENNCP_7)
WSDL = {
    Contract.OPENNCP_7: "schemas/client_connector/v7/ClientConnectorService.wsdl",
    Contract.OPENNCP_9: "schemas/client_connector/v9/ClientService.wsdl",
}


def professional(**changes: object) -> Professional:
    """A doctor; permissions are left to the role."""
    values: dict[str, object] = {
        "identifier": "899700209937",
        "name": "Camille Exemplaire",
        "role": "221",
        "facility_type": "Hospital",
        "locality": "Clinique Exemple, Rennes",
        "authentication_class": "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
        "authenticated": datetime.now(UTC) - timedelta(minutes=2),
        "organisation": "Clinique Exemple",
    }
    return Professional(**(values | changes))  # type: ignore[arg-type]


# --- two real gateways -----------------------------------------------------------------------------------------------


@dataclass
class World:
    """Croatia and France; ``log`` and ``messages`` of each country are files."""

    playground: Playground

    def country(self, code: str) -> Country:
        return next(one for one in self.playground.countries if one.code == code)

    def log(self, code: str) -> str:
        return (self.country(code).folder / "gateway.log").read_text(encoding="utf-8")

    def portal(self, code: str, contract: Contract = Contract.OPENNCP_9) -> Gateway:
        country = self.country(code)
        return open_portal(country, f"https://{country.frontend}", contract)


def make_playground(folder: Path) -> Playground:
    """Keys of 2048 bits: enough for every check, and made in a second."""
    return write_playground(folder, datetime.now(UTC), key_bits=2048)


@contextlib.contextmanager
def two_gateways(playground: Playground) -> Iterator[World]:
    processes = [
        Process(country.name, country.config, country.health, country.folder / "gateway.log")
        for country in playground.countries
    ]
    with running(processes):
        yield World(playground)


def open_portal(country: Country, url: str, contract: Contract = Contract.OPENNCP_9, *, timeout: float = 30) -> Gateway:
    return Gateway(
        url,
        certificate=str(country.portal.certificate),
        key=str(country.portal.key),
        trust=str(country.tls_ca),
        contract=contract,
        timeout=timeout,
    )


# --- partners that are scripted --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Partner:
    """A peer of the asking gateway: its keys in the configuration, and what its server shows.

    ``anchors`` are trusted for its server; ``home`` as configured. ``mask``: whether its search mask is known.
    """

    code: str
    home: str
    port: int
    anchors: Sequence[bytes] = ()
    keys: str = ""
    mask: bool = False


@dataclass
class Asking:
    """The gateway of France under test; ``portals`` are key files by name."""

    playground: Playground
    folder: Path
    url: str
    log_file: Path
    portals: dict[str, Path] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    @property
    def messages(self) -> list[Path]:
        return sorted((self.folder / "messages").iterdir())

    def portal(self, contract: Contract = Contract.OPENNCP_9, name: str = "", *, timeout: float = 40) -> Gateway:
        country = self.playground.asking
        certificate = self.portals[name] if name else country.portal.certificate
        key = self.portals[name] if name else country.portal.key
        return Gateway(
            self.url,
            certificate=str(certificate),
            key=str(key),
            trust=str(country.tls_ca),
            contract=contract,
            timeout=timeout,
        )

    def connector(self, contract: Contract) -> PlainPortal:
        return PlainPortal(self, contract)


@contextlib.contextmanager
def asking_gateway(
    playground: Playground,
    partners: Sequence[Partner],
    folder: Path,
    *,
    more: str = "",
    timeout: str = "20s",
    validation: str = "off",
) -> Iterator[Asking]:
    """France, with ``partners`` and nobody else; ``more`` is added to its table ``[initiating]``. The documents of
    scripted partners keep few rules: their ``validation`` is off unless a test is about it."""
    france = playground.asking
    folder.mkdir()
    for name in ("masks", "pictures", "state"):
        (folder / name).mkdir()
    _copy(france.folder / "trust" / "fr", folder / "trust" / "fr")
    front, server, health = (Listen("127.0.0.1", port) for port in free_ports(3))
    portals = {
        name: make_pair(folder, name).file for name in ("reader", "pharmacy")
    }  # keys and certificates in one file each
    text = france.config.read_text(encoding="utf-8")
    text = text[: text.index("[peers.")]
    for old, new in ((france.server, server), (france.frontend, front), (france.health, health)):
        text = text.replace(str(old), str(new))
    text = text.replace('roles = ["responding", "initiating"]', 'roles = ["initiating"]')
    text = re.sub(r"\[connector\].*?(?=\[initiating\])", "", text, flags=re.DOTALL)
    text = text.replace('timeout = "20s"', f'timeout = "{timeout}"\n{more}')
    text += f'[limits]\ndocument = "2MB"\n[validation]\nown = "{validation}"\n'
    text += f'[[frontend.portals]]\nname = "reader"\ncertificate = "{portals["reader"]}"\n'
    text += (
        f'[[frontend.portals]]\nname = "pharmacy"\ncertificate = "{portals["pharmacy"]}"\nmay_issue_hcp = true\n'
        'roles = ["2262"]\n'
    )
    for partner in partners:
        purpose = folder / "trust" / partner.code.lower() / "tls-server"
        purpose.mkdir(parents=True)
        for number, anchor in enumerate(partner.anchors):
            (purpose / f"{number}.pem").write_bytes(anchor)
        if partner.mask:
            (folder / "masks" / f"{partner.code}.xml").write_bytes(
                (DATA / "search_masks" / f"{partner.code}.xml").read_bytes()
            )
        url = f"https://127.0.0.1:{partner.port}"
        text += (
            f'[peers.{partner.code}]\nname = "{partner.code}"\nhome_community_id = "{partner.home}"\n'
            f'xcpd_url = "{url}/XCPD"\nxca_query_url = "{url}/XCA"\nxca_retrieve_url = "{url}/XCA"\n'
            f'services = ["PS", "EP"]\n{partner.keys}\n'
        )
    text += f'[log]\nlevel = "info"\nformat = "json"\n[capture]\nfolder = "{folder / "messages"}"\n'
    config = folder / "ncp.toml"
    config.write_text(text, encoding="utf-8")
    asking = Asking(playground, folder, f"https://{front}", folder / "gateway.log", portals)
    asking.portals["stranger"] = _joined(playground, folder)
    with running([Process("France", config, health, asking.log_file)]):
        yield asking


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def _joined(playground: Playground, folder: Path) -> Path:
    """The gateway's own TLS client certificate: of a trusted authority, but of no portal."""
    own = playground.folder / "pki" / "fr"
    file = folder / "stranger.pem"
    file.write_bytes((own / "tls-client.pem").read_bytes() + (own / "tls-client.key.pem").read_bytes())
    return file


@dataclass(frozen=True)
class Server:
    """What a partner's server shows, and who vouches for it."""

    certificate: Made
    authority: Made

    def context(self, folder: Path, clients: Path) -> ssl.SSLContext:
        """Mutual TLS: the client must be one of ``clients``."""
        file = folder / f"{self.certificate.fingerprint}.pem"
        file.write_bytes(self.certificate.pem + self.certificate.key_pem)
        return server_context(file, file, clients)


def make_server(code: str, *, host: str = "127.0.0.1", expired: bool = False) -> Server:
    """A server certificate of a country as of now, by an authority of its own."""
    now = datetime.now(UTC)
    authority = make_authority(code)
    end = now - timedelta(hours=1) if expired else now + timedelta(days=2)
    leaf = make_tls(authority, code, host=host, extended=(SERVER_AUTH,), begin=now - timedelta(days=2), end=end)
    return Server(leaf, authority)


def make_authority(code: str, name: str = "CA") -> Made:
    now = datetime.now(UTC)
    return make_ca(f"{name} of {code}", code, begin=now - timedelta(days=9), end=now + timedelta(days=9))


def server_context(certificate: Path, key: Path, clients: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(clients)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def croatia(playground: Playground) -> ScriptedPeer:
    """A scripted peer with the server certificate of Croatia, which lets France's gateways in and nobody else."""
    pki = playground.folder / "pki"
    return ScriptedPeer(
        server_context(pki / "hr" / "tls-server.pem", pki / "hr" / "tls-server.key.pem", pki / "fr" / "tls-ca.pem")
    )


# --- a portal that is nothing but zeep -------------------------------------------------------------------------------


@dataclass(frozen=True)
class PortalFault(Exception):
    """A fault as it came, before zeep looks at it (zeep cannot read numeric codes as names)."""

    status: int
    value: str
    subcode: str
    text: str
    kind: str
    context: str
    code: str
    country: str
    reference: str
    raw: bytes


class _Assertions(Plugin):  # type: ignore[misc]
    def __init__(self, owner: PlainPortal) -> None:
        self.owner = owner

    def egress(self, envelope: etree._Element, http_headers: object, operation: object, options: object) -> object:
        header = envelope.find(f"{{{ENV}}}Header")
        assert header is not None
        security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
        for assertion in self.owner.assertions:
            security.append(etree.fromstring(assertion))
        return envelope, http_headers

    def ingress(self, envelope: etree._Element, http_headers: object, operation: object) -> object:
        found = envelope.find(f"{{{ENV}}}Body/{{{ENV}}}Fault")
        if found is None:
            return envelope, http_headers
        detail = found.findall(f"{{{ENV}}}Detail/*")
        ours = detail[-1]
        raise PortalFault(
            status=self.owner.status,
            value=found.findtext(f"{{{ENV}}}Code/{{{ENV}}}Value") or "",
            subcode=found.findtext(f"{{{ENV}}}Code/{{{ENV}}}Subcode/{{{ENV}}}Value") or "",
            text=found.findtext(f"{{{ENV}}}Reason/{{{ENV}}}Text") or "",
            kind=str(detail[0].tag) if len(detail) > 1 else "",
            context=(detail[0].text or "") if len(detail) > 1 else "",
            code=ours.findtext(f"{{{OWN}}}code") or "",
            country=ours.findtext(f"{{{OWN}}}country") or "",
            reference=ours.findtext(f"{{{OWN}}}reference") or "",
            raw=self.owner.received,
        )


class PlainPortal:
    """zeep on OpenNCP's own WSDL. ``assertions`` go into the header as they are; ``received`` is the last answer."""

    def __init__(self, asking: Asking, contract: Contract) -> None:
        namespace, name, path = contract.value
        session = requests.Session()
        session.trust_env = False
        session.cert = (
            str(asking.playground.asking.portal.certificate),
            str(asking.playground.asking.portal.key),
        )
        session.verify = str(asking.playground.asking.tls_ca)
        session.hooks["response"].append(self._keep)
        self.assertions: Sequence[bytes] = ()
        self.received = b""
        self.status = 0
        self._session = session
        client = zeep.Client(
            str(shared(WSDL[contract])), transport=zeep.Transport(session=session), plugins=[_Assertions(self)]
        )
        self.service = client.create_service(f"{{{namespace}}}{name}PortBinding", asking.url + path)

    def _keep(self, response: requests.Response, *_: object, **__: object) -> None:
        self.received, self.status = response.content, response.status_code

    def close(self) -> None:
        self._session.close()


# --- the token service ------------------------------------------------------------------------------------------------


def treatment_parameters(root: str, extension: str, purpose: str = "TREATMENT") -> str:
    """Parameters of a request for a treatment assertion, as OpenNCP's portal writes them."""
    return (
        '<trc:TRCParameters xmlns:trc="https://ehdsi.eu/assertion/trc">'
        f"<trc:PurposeOfUse>{purpose}</trc:PurposeOfUse>"
        f"<trc:PatientId>{extension}^^^&amp;{root}&amp;ISO</trc:PatientId></trc:TRCParameters>"
    )


def next_of_kin_parameters(root: str, extension: str) -> str:
    return (
        '<nok:NoKParameters xmlns:nok="https://ehdsi.eu/assertion/nok"><nok:PurposeOfUse>TREATMENT</nok:PurposeOfUse>'
        f"<nok:PatientId>{extension}^^^&amp;{root}&amp;ISO</nok:PatientId><nok:NextOfKinId>KIN-1</nok:NextOfKinId>"
        "<nok:NextOfKinFirstName>Marija</nok:NextOfKinFirstName>"
        "<nok:NextOfKinFamilyName>Pratnja</nok:NextOfKinFamilyName><nok:NextOfKinGender>F</nok:NextOfKinGender>"
        "<nok:NextOfKinBirthDate>1950-01-31</nok:NextOfKinBirthDate></nok:NoKParameters>"
    )


class TokenRefused(Exception):
    """The reason of the fault."""


def token_of(asking: Asking | World, path: str, parameters: str, hcp: bytes, *, code: str = "FR") -> bytes:
    """An assertion of the gateway's token service (WS-Trust), as the bytes that were signed."""
    country, url = (
        (asking.playground.asking, asking.url)
        if isinstance(asking, Asking)
        else (asking.country(code), f"https://{asking.country(code).frontend}")
    )
    trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
    envelope = (
        f'<env:Envelope xmlns:env="{ENV}"><env:Header>'
        '<wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427'
        f'</wsa:MessageID><wsse:Security xmlns:wsse="{WSSE}" env:mustUnderstand="true">{hcp.decode()}</wsse:Security>'
        f'</env:Header><env:Body><wst:RequestSecurityToken xmlns:wst="{trust}">'
        f"<wst:RequestType>{trust}/Issue</wst:RequestType>"
        f"<wst:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</wst:TokenType>{parameters}"
        "</wst:RequestSecurityToken></env:Body></env:Envelope>"
    )
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            url + path,
            data=envelope.encode(),
            headers={"Content-Type": "application/soap+xml", "SOAPAction": '""'},
            cert=(str(country.portal.certificate), str(country.portal.key)),
            verify=str(country.tls_ca),
            timeout=30,
        )
    root = etree.fromstring(answer.content)
    reason = root.findtext(f".//{{{ENV}}}Reason/{{{ENV}}}Text")
    if reason is not None:
        raise TokenRefused(reason)
    found = root.find(".//{http://docs.oasis-open.org/ws-sx/ws-trust/200512}RequestedSecurityToken/*")
    assert found is not None
    return etree.tostring(found, with_tail=False)
