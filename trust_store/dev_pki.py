"""A development PKI: certificates for gateways on one machine, and the trust folders that let them trust each other.

For every country one CA for TLS and one for seals, with their CRLs; a TLS server, a TLS client, a seal and a portal
certificate; and a trust folder with the anchors of all countries. Names follow those of real gateways
(``docs/trust.md``). Nothing of it is for production: the CA keys lie beside what they sign.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ncp.wire.ids import CountryCode, country_code
from trust_store.types import Purpose

Progress = Callable[[str, int, int], None]
"""Called with what was just made, how much is done, and how much there is to do."""

LIFETIME = timedelta(days=730)
_CA_LIFETIME = timedelta(days=3650)
_LOCAL = ("localhost", "127.0.0.1", "::1")

_ANCHORS = {
    Purpose.TLS_SERVER: "tls-ca",
    Purpose.TLS_CLIENT: "tls-ca",
    Purpose.HCP_SIGNER: "seal-ca",
    Purpose.TRC_SIGNER: "seal-ca",
}


class PkiExists(Exception):
    """The folder holds certificates already; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key on disk."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class DevCountry:
    """Where everything of one country lies."""

    country: CountryCode
    folder: Path
    tls_ca: Files
    seal_ca: Files
    tls_server: Files
    tls_client: Files
    seal: Files
    portal: Files
    trust: Path


_NAMES = ("tls-ca", "seal-ca", "tls-server", "tls-client", "seal", "portal")


def make_pki(
    folder: Path,
    countries: Sequence[str],
    at: datetime,
    *,
    hosts: Sequence[str] = (),
    lifetime: timedelta = LIFETIME,
    key_bits: int = 3072,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[CountryCode, DevCountry]:
    """Write ``folder/<cc>/*.pem`` and ``folder/<cc>/trust/`` for each country, valid from ``at``.

    ``hosts`` are names and addresses that the TLS servers answer to, beside localhost. Raises ``PkiExists`` when a
    folder of a country is not empty, unless ``force``; ``ValueError`` for a code that is no country.
    """
    codes = list(dict.fromkeys(country_code(text) for text in countries))
    made = {code: _layout(folder / code.lower(), code) for code in codes}
    if not force:
        for country in made.values():
            if country.folder.is_dir() and any(country.folder.iterdir()):
                raise PkiExists(f"{country.folder}: is not empty; choose another folder, or overwrite it with --force")
    tell = progress or (lambda what, done, total: None)
    total = len(codes) * len(_NAMES)
    keys: list[rsa.RSAPrivateKey] = []
    for key in _generate(total, key_bits):
        keys.append(key)
        tell("key", len(keys), total)
    crls: dict[CountryCode, dict[str, bytes]] = {}
    for number, country in enumerate(made.values()):
        own = dict(zip(_NAMES, keys[number * len(_NAMES) : (number + 1) * len(_NAMES)], strict=True))
        crls[country.country] = _write_country(country, own, at, lifetime, (*_LOCAL, *hosts))
    for country in made.values():
        for other in made.values():
            _write_trust(country.trust / other.country.lower(), other, crls[other.country])
        tell(country.country, total, total)
    return made


def _layout(folder: Path, country: CountryCode) -> DevCountry:
    tls_ca, seal_ca, tls_server, tls_client, seal, portal = (
        Files(folder / f"{name}.pem", folder / f"{name}.key.pem") for name in _NAMES
    )
    return DevCountry(country, folder, tls_ca, seal_ca, tls_server, tls_client, seal, portal, folder / "trust")


def _write_country(
    country: DevCountry,
    keys: dict[str, rsa.RSAPrivateKey],
    at: datetime,
    lifetime: timedelta,
    hosts: Sequence[str],
) -> dict[str, bytes]:
    """Write certificates and keys of one country; answers its CRLs by file name."""
    code = country.country
    domain = f"{code.lower()}.ehealth.test"
    begin = (at - timedelta(hours=1)).replace(microsecond=0)
    ca_end, end = begin + _CA_LIFETIME, at.replace(microsecond=0) + lifetime

    def subject(common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, code),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"NCPeH {code} (development)"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "eHealth"),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )

    def authority(name: str, common_name: str) -> x509.Certificate:
        key = keys[name]
        builder = _builder(subject(common_name), subject(common_name), key, key, begin, ca_end)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        return builder.sign(key, hashes.SHA256())

    def leaf(
        name: str,
        common_name: str,
        issuer: x509.Certificate,
        *,
        usage: Sequence[str],
        extended: Sequence[x509.ObjectIdentifier] = (),
        names: Sequence[str] = (),
    ) -> x509.Certificate:
        ca_key = keys["seal-ca" if issuer is seal_ca else "tls-ca"]
        builder = _builder(subject(common_name), issuer.subject, keys[name], ca_key, begin, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(*usage), critical=True)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(text) for text in names]), critical=False
            )
        return builder.sign(ca_key, hashes.SHA256())

    tls_ca = authority("tls-ca", f"EHEALTH DEV TLS CA {code}")
    seal_ca = authority("seal-ca", f"EHEALTH DEV SEAL CA {code}")
    tls = ("digital_signature", "key_encipherment")
    server, client = f"ncp-dev.{domain}", f"ncp-dev-client.{domain}"
    certificates = {
        "tls-ca": tls_ca,
        "seal-ca": seal_ca,
        "tls-server": leaf(
            "tls-server",
            server,
            tls_ca,
            usage=tls,
            extended=[ExtendedKeyUsageOID.SERVER_AUTH],
            names=(server, *hosts),
        ),
        "tls-client": leaf(
            "tls-client", client, tls_ca, usage=tls, extended=[ExtendedKeyUsageOID.CLIENT_AUTH], names=(client,)
        ),
        "seal": leaf(
            "seal", f"GRP:EHEALTH_NCP_DEV_{code}_001", seal_ca, usage=("digital_signature", "content_commitment")
        ),
        "portal": leaf("portal", f"portal-dev.{domain}", tls_ca, usage=tls, extended=[ExtendedKeyUsageOID.CLIENT_AUTH]),
    }
    crls = {f"{name}.crl": _crl(certificates[name], keys[name], begin, end) for name in ("tls-ca", "seal-ca")}
    country.folder.mkdir(parents=True, exist_ok=True)
    for name, certificate in certificates.items():
        _write(country.folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        _write(country.folder / f"{name}.key.pem", _key_pem(keys[name]), 0o600)
    for name, crl in crls.items():
        _write(country.folder / name, crl, 0o644)
    return crls


def _write_trust(folder: Path, country: DevCountry, crls: dict[str, bytes]) -> None:
    for purpose, name in _ANCHORS.items():
        target = folder / purpose.value / f"{name}.pem"
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, (country.folder / f"{name}.pem").read_bytes(), 0o644)
    (folder / "crl").mkdir(exist_ok=True)
    for name, crl in crls.items():
        _write(folder / "crl" / name, crl, 0o644)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer_key: rsa.RSAPrivateKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*bits: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in bits for name in names})


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _crl(issuer: x509.Certificate, key: rsa.RSAPrivateKey, begin: datetime, end: datetime) -> bytes:
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(begin)
        .next_update(end)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
        .sign(key, hashes.SHA256())
    )
    return crl.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whose mode is right from its first byte, replacing an older one."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


_GENERATE = """
import sys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
for _ in range(int(sys.argv[1])):
    key = rsa.generate_private_key(65537, int(sys.argv[2]))
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    print(der.hex(), flush=True)
"""


def _generate(count: int, bits: int) -> Iterator[rsa.RSAPrivateKey]:
    """RSA keys, made in as many processes as there are cores: prime search holds the interpreter's lock.

    Plain interpreters that write to a pipe, because a process pool would import the caller's main module again.
    """
    workers = min(os.cpu_count() or 1, count)
    shares = [count // workers + (number < count % workers) for number in range(workers)]
    running = [
        subprocess.Popen(  # noqa: S603  our own interpreter and our own program, two numbers as arguments
            [sys.executable, "-P", "-c", _GENERATE, str(share), str(bits)], stdout=subprocess.PIPE
        )
        for share in shares
    ]
    try:
        for process, share in zip(running, shares, strict=True):
            for _ in range(share):
                line = process.stdout.readline() if process.stdout else b""
                if not line:
                    raise OSError("a process that makes keys ended early")
                # Validation takes as long as generation, and these numbers come from the library itself.
                key = serialization.load_der_private_key(
                    bytes.fromhex(line.decode("ascii")), None, unsafe_skip_rsa_key_validation=True
                )
                if isinstance(key, rsa.RSAPrivateKey):
                    yield key
    finally:
        for process in running:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
