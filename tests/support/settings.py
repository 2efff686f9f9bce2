"""A complete, correct configuration with real keys, for the tests to break in one place at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 7, 1, tzinfo=UTC)

CORRECT = """\
mode = "acceptance"
roles = ["responding", "initiating"]
state = "state"

[country]
code = "HR"
name = "Croatia"
language = "hr-HR"
home_community_id = "2.16.17.710.840.1000.990.1"
time_zone = "Europe/Zagreb"

[tls.server]
certificate = "pki/server.pem"
key = "pki/server.key"

[tls.client]
certificate = "pki/client.pem"
key = "pki/client.key"

[seal]
certificate = "pki/seal.pem"
key = "pki/seal.key"

[trust]
anchors = "trust"

[server]
listen = "127.0.0.1:8443"

[health]
listen = "127.0.0.1:8480"

[frontend]
listen = "127.0.0.1:8444"

[[frontend.portals]]
name = "portal"
certificate = "pki/portal.pem"

[connector]
kind = "store"
database = "state/documents.sqlite3"

[responding]
search_mask = "masks/HR.xml"

[initiating]
timeout = "60s"
search_masks = "masks"

[peers.FR]
name = "France"
home_community_id = "2.16.17.710.790.1000.990.1"
xcpd_url = "https://127.0.0.1:9443/xcpd"
xca_query_url = "https://127.0.0.1:9443/xca"
xca_retrieve_url = "https://127.0.0.1:9443/xca"
services = ["PS"]

[log]
level = "info"
"""


def write_correct(folder: Path) -> Path:
    """The configuration and every file it names, below ``folder``; returns the path of the TOML file."""
    for name in ("server", "client", "seal", "portal"):
        write_key_pair(folder / "pki", name)
    (folder / "trust" / "fr" / "tls-client").mkdir(parents=True)
    (folder / "masks").mkdir()
    for country in ("HR", "FR"):
        (folder / "masks" / f"{country}.xml").write_bytes((_ROOT / f"config/search_masks/{country}.xml").read_bytes())
    (folder / "state").mkdir()
    (folder / "state" / "documents.sqlite3").touch()
    path = folder / "ncp.toml"
    path.write_text(CORRECT, encoding="utf-8")
    return path


def write_key_pair(
    folder: Path,
    name: str,
    *,
    country: str | None = "HR",
    begin: datetime = AT - timedelta(days=1),
    end: datetime = AT + timedelta(days=400),
    password: bytes | None = None,
) -> None:
    """A self-signed EC certificate ``name.pem`` and its key ``name.key``."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    if country is not None:
        attributes.append(x509.NameAttribute(x509.NameOID.COUNTRY_NAME, country))
    subject = x509.Name(attributes)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        hidden = serialization.BestAvailableEncryption(password)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / f"{name}.key"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden))
    private.chmod(0o600)
