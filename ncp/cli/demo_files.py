"""A complete playground of two countries in one folder: certificates, trust, configuration, masks, store.

Both gateways listen on free ports of this machine only. A country with invented patients has both roles; one without
asks only. Used by ``ncp demo`` and by tests.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from ncp.connector.store.load import load as load_store
from ncp.settings.fields import written
from ncp.settings.types import Listen
from ncp.wire.ids import CountryCode
from trust_store.dev_pki import DevCountry, Files, make_pki

DATA = Path(__file__).resolve().parents[2] / "config"
"""Patients and search masks that ship with the product."""

XCPD_PATH = "/services/XCPD_Service"
XCA_PATH = "/services/XCA_Service"
FRONTEND_PATH = "/ncp/services/FrontEnd"
_ANSWERING = "HR"
PORTAL_CLIENT = "portal"
"""Name of the web portal at the identity provider."""
_RENEW_BEFORE = timedelta(days=1)

Tell = Callable[[str], None]
"""Called with what is being made."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a country of the playground is. ``logins`` are the keys of ``[eligibility]`` that its provider asks for."""

    code: CountryCode
    name: str
    language: str
    home: str
    zone: str
    logins: str = ""


FACTS: Mapping[str, _Facts] = {
    facts.code: facts
    for facts in (
        _Facts(CountryCode("HR"), "Croatia", "hr-HR", "2.16.17.710.840.1000.990.1", "Europe/Zagreb"),
        _Facts(CountryCode("FR"), "France", "fr-FR", "2.16.17.710.790.1000.990.1", "Europe/Paris"),
        _Facts(
            CountryCode("IE"),
            "Ireland",
            "en-IE",
            "2.16.17.710.813.1000.990.1",
            "Europe/Dublin",
            logins="""\
acr_values = ["urn:ncp:test:acr:two-factor"]
authentication_claim = "amr"
authentication_classes = { sc = "SmartcardPKI", otp = "MobileTwoFactorContract" }
""",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Country:
    """One country of the playground. ``server``, ``frontend`` and ``health`` are its listeners."""

    code: CountryCode
    name: str
    home_community_id: str
    folder: Path
    config: Path
    server: Listen
    frontend: Listen
    health: Listen
    portal: Files
    """Certificate and key of its portal."""
    tls_ca: Path
    """What its portal trusts."""
    messages: Path
    """Where its gateway keeps every message, in development mode."""
    has_patients: bool = True
    """Whether it answers other countries too."""

    @property
    def frontend_url(self) -> str:
        """The service that portals of this country call."""
        return f"https://{self.frontend}{FRONTEND_PATH}"


@dataclass(frozen=True, slots=True)
class Playground:
    """Both countries; ``asking`` is country B of the consultation, ``answering`` country A."""

    folder: Path
    answering: Country
    asking: Country

    @property
    def countries(self) -> tuple[Country, Country]:
        return (self.answering, self.asking)


def write_playground(
    folder: Path,
    at: datetime,
    *,
    workers: int = 1,
    key_bits: int = 3072,
    mode: str = "development",
    patients: Path = DATA / "demo" / "patients",
    issuer: str = "",
    asking: str = "FR",
    tell: Tell = lambda what: None,
) -> Playground:
    """Write everything below ``folder``; certificates that are there and still valid are kept, they take long to make.

    Croatia answers; ``asking`` is country B, one of ``FACTS``. ``patients`` has one folder of patients per country.
    ``issuer`` is the identity provider of country B, whose gateway then judges who may log in. Raises ``OSError`` where
    the folder cannot be written and ``LoadRefused`` where a folder of patients holds none.
    """
    folder = folder.absolute()
    tell("certificates")
    both = (FACTS[_ANSWERING], FACTS[asking])
    pki = _pki(folder / "pki", at, key_bits, [facts.code for facts in both])
    for code in FACTS.keys() - {facts.code for facts in both}:
        # An earlier playground asked from another country, whose certificates are gone.
        shutil.rmtree(folder / code, ignore_errors=True)
    ports = iter(free_ports(6))
    made = [
        _country(folder / facts.code, facts, pki[facts.code], [next(ports) for _ in range(3)], patients)
        for facts in both
    ]
    playground = Playground(folder, *made)
    for country in playground.countries:
        other = next(one for one in playground.countries if one is not country)
        own_issuer = issuer if country is playground.asking else ""
        tell(f"{country.name}: configuration, masks, patients")
        _write_folders(country, pki[country.code], other)
        country.config.write_text(
            _configuration(country, FACTS[country.code], pki[country.code], other, workers, mode, own_issuer)
            + _logins(own_issuer, FACTS[country.code]),
            encoding="utf-8",
        )
        if country.has_patients:
            load_store(patients / country.code, country.folder / "state" / "documents.sqlite3")
    return playground


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _pki(folder: Path, at: datetime, key_bits: int, codes: Sequence[CountryCode]) -> Mapping[CountryCode, DevCountry]:
    certificates = sorted(folder.glob("*/*.pem"))
    complete = folder / "complete"
    is_complete = complete.is_file() and all((folder / code.lower()).is_dir() for code in codes)
    if is_complete and all(_is_valid(path, at) for path in certificates if not path.name.endswith(".key.pem")):
        return {code: _found(folder / code.lower(), code) for code in codes}
    shutil.rmtree(folder, ignore_errors=True)
    made = make_pki(folder, list(codes), at, force=True, key_bits=key_bits)
    complete.write_text("Made by ncp demo; delete the folder to have other certificates.\n", encoding="utf-8")
    return made


def _is_valid(path: Path, at: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return False
    return certificate.not_valid_before_utc <= at and at + _RENEW_BEFORE < certificate.not_valid_after_utc


def _found(folder: Path, code: CountryCode) -> DevCountry:
    """What ``make_pki`` wrote at another time."""

    def files(name: str) -> Files:
        return Files(folder / f"{name}.pem", folder / f"{name}.key.pem")

    return DevCountry(
        country=code,
        folder=folder,
        tls_ca=files("tls-ca"),
        seal_ca=files("seal-ca"),
        tls_server=files("tls-server"),
        tls_client=files("tls-client"),
        seal=files("seal"),
        portal=files("portal"),
        trust=folder / "trust",
    )


def _country(folder: Path, facts: _Facts, pki: DevCountry, ports: Sequence[int], patients: Path) -> Country:
    server, frontend, health = (Listen("127.0.0.1", port) for port in ports)
    return Country(
        code=facts.code,
        name=facts.name,
        home_community_id=facts.home,
        folder=folder,
        config=folder / "ncp.toml",
        server=server,
        frontend=frontend,
        health=health,
        portal=pki.portal,
        tls_ca=pki.tls_ca.certificate,
        messages=folder / "messages",
        has_patients=(patients / facts.code).is_dir(),
    )


def _write_folders(country: Country, pki: DevCountry, other: Country) -> None:
    """Empty state, trust as it was made, the masks of both countries and their help pictures."""
    for name in ("trust", "masks", "pictures", "state", "messages"):
        shutil.rmtree(country.folder / name, ignore_errors=True)
    shutil.copytree(pki.trust, country.folder / "trust")
    for name in ("masks", "state"):
        (country.folder / name).mkdir(parents=True)
    for each in (country, other):
        code = each.code
        if not each.has_patients:
            continue
        shutil.copy(DATA / "search_masks" / f"{code}.xml", country.folder / "masks")
        shutil.copytree(DATA / "search_masks" / "pictures" / code, country.folder / "pictures" / code)


def _configuration(
    country: Country, facts: _Facts, pki: DevCountry, other: Country, workers: int, mode: str, issuer: str
) -> str:
    """The TOML file. Paths are absolute, so that it can be used from anywhere on this machine."""
    audience = f'audience = ["{PORTAL_CLIENT}"]\n' if issuer else ""
    # Whoever has no patients is asked nothing, and whoever knows no country to ask asks nothing.
    parts = {"responding": country.has_patients, "initiating": other.has_patients}
    roles = ", ".join(f'"{role}"' for role, has in parts.items() if has)
    answers = _RESPONDING.format(code=country.code) if country.has_patients else ""
    asks = _INITIATING if other.has_patients else ""
    peer = _PEER.format(server=other.server, xcpd=XCPD_PATH, xca=XCA_PATH) if other.has_patients else ""
    capture = f"\n[capture]\nfolder = {written(country.messages)}\n" if mode == "development" else ""
    return f"""# Made by ncp demo: country {country.code} of a playground on this machine.
# A commented example: config/examples/country-a.toml; every key: docs/configuration.md.

mode = "{mode}"
roles = [{roles}]
state = "state"

[country]
code = "{country.code}"
name = "{country.name}"
language = "{facts.language}"
home_community_id = "{facts.home}"
time_zone = "{facts.zone}"

[tls.server]
certificate = {written(pki.tls_server.certificate)}
key = {written(pki.tls_server.key)}

[tls.client]
certificate = {written(pki.tls_client.certificate)}
key = {written(pki.tls_client.key)}

[seal]
certificate = {written(pki.seal.certificate)}
key = {written(pki.seal.key)}

[trust]
anchors = "trust"

[server]
listen = "{country.server}"
public_url = "https://{country.server}"
workers = {workers}
stop_timeout = "1s"

[frontend]
listen = "{country.frontend}"
public_url = "https://{country.frontend}"

[[frontend.portals]]
name = "portal of {country.name}"
certificate = {written(country.portal.certificate)}
may_issue_hcp = true
{audience}
[health]
listen = "{country.health}"

{answers}{asks}[peers.{other.code}]
name = "{other.name}"
home_community_id = "{other.home_community_id}"
{peer}wave = 8

[log]
level = "info"
format = "json"
{capture}"""


_RESPONDING = """\
[connector]
kind = "store"
database = "state/documents.sqlite3"

[responding]
search_mask = "masks/{code}.xml"

"""
_INITIATING = """\
[initiating]
timeout = "20s"
search_masks = "masks"
mask_pictures = "pictures"

"""
_PEER = """\
xcpd_url = "https://{server}{xcpd}"
xca_query_url = "https://{server}{xca}"
xca_retrieve_url = "https://{server}{xca}"
services = ["PS"]
"""


def _logins(issuer: str, facts: _Facts) -> str:
    """Who may log in: the rules that ship for the country, and the keys of its identity provider."""
    if not issuer:
        return ""
    return f"""
[eligibility]
issuer = "{issuer}"
jwks_url = "{issuer}/protocol/openid-connect/certs"
{facts.logins}"""
