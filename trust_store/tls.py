"""TLS contexts: for the gateway's port, for calls to one country, and for the front-end port.

TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only, client certificates always, no compression, no
renegotiation, no early data. Sessions are not resumed: connections are kept alive instead, and every handshake shows
the certificate to ``TrustStore`` again, which alone decides. OpenSSL's own check is the outer door: it lets in what
chains to any configured CA or is pinned, and it alone proves that the other end holds the key.
"""

from __future__ import annotations

import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ncp.wire.ids import CountryCode
from trust_store.keys import KeyPair
from trust_store.store import TrustStore
from trust_store.types import CertificateRefused, Purpose, TrustedCertificate

CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    )
)
"""TLS 1.2 suites. Those of TLS 1.3 are all of this kind already."""
LEGACY_CIPHERS = CIPHERS + ":DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256"
"""For a peer whose TLS library has no ECDHE."""
_X509_V_ERR_APPLICATION_VERIFICATION = 50
_SECURITY_LEVEL = "@SECLEVEL=2"  # OpenSSL refuses RSA below 2048 bit and SHA-1 signatures in the chain


class TlsRefused(Exception):
    """A context cannot be made from what is configured; the text says what to do."""


class PeerCertificateRefused(ssl.SSLCertVerificationError):
    """The server of a country is not trusted. ``refused_reason`` is the reason of ``CertificateRefused``."""

    def __init__(self, refused: CertificateRefused) -> None:
        super().__init__(1, f"server certificate refused: {refused.reason}")
        self.refused_reason = refused.reason
        # What OpenSSL's own refusals carry and HTTP libraries read.
        self.reason, self.library = "CERTIFICATE_VERIFY_FAILED", "SSL"
        self.verify_code, self.verify_message = _X509_V_ERR_APPLICATION_VERIFICATION, refused.reason


def server_context(key: KeyPair, trust: TrustStore, *, legacy: bool = False) -> ssl.SSLContext:
    """For the port that other gateways call: their client certificate is required.

    After the handshake the server asks ``TrustStore.tls_peer`` before it reads a request.
    """
    accepted = (*trust.authorities(Purpose.TLS_CLIENT), *trust.pins(Purpose.TLS_CLIENT))
    if not accepted:
        raise TlsRefused("no TLS client is trusted; place anchors in <country>/tls-client/ of the trust folder")
    return _server(key, accepted, legacy=legacy)


def front_end_context(key: KeyPair, accepted: Iterable[x509.Certificate]) -> ssl.SSLContext:
    """For the port that portals call. ``accepted``: CA certificates, or the certificates of the portals themselves.

    Which portal it is, and whether it is a configured one, is told by the fingerprint after the handshake.
    """
    accepted = tuple(accepted)
    if not accepted:
        raise TlsRefused("no portal is configured; name its certificate in [[frontend.portals]]")
    return _server(key, accepted, legacy=False)


def client_context(
    key: KeyPair,
    trust: TrustStore,
    country: CountryCode,
    clock: Callable[[], datetime],
    *,
    cn_fallback: bool = False,
    legacy: bool = False,
) -> ssl.SSLContext:
    """For calls to one country: no byte of a request leaves before its server certificate was judged.

    With pinned server certificates for the country, exactly those are accepted, whatever name they carry. Without, the
    certificate needs a path to the country's TLS server anchors and the name of the host; ``cn_fallback`` lets the CN
    count as the name when there is no alternative name (certificates of the test PKI have none).
    """
    context = _JudgingContext(ssl.PROTOCOL_TLS_CLIENT)
    pins = trust.pins(Purpose.TLS_SERVER, country)
    accepted = pins or trust.authorities(Purpose.TLS_SERVER, country)
    if not accepted:
        raise TlsRefused(
            f"no TLS server of {country} is trusted; place anchors or a pin in {country.lower()}/tls-server/ of the "
            "trust folder"
        )
    _harden(context, accepted, legacy=legacy)
    _present(context, key)
    context.check_hostname = not pins
    context.hostname_checks_common_name = cn_fallback
    context.judge = lambda der: check_server(der, trust, country, clock())
    return context


def check_server(der: bytes | None, trust: TrustStore, country: CountryCode, at: datetime) -> TrustedCertificate:
    """Judge the certificate of a country's server after the handshake; ``client_context`` does it by itself.

    Raises ``PeerCertificateRefused``. Where the country has pins, only a pin passes.
    """
    try:
        if der is None:
            raise CertificateRefused("cert.malformed", "the server showed no certificate")
        trusted = trust.judge(der, Purpose.TLS_SERVER, at, country)
        pins = trust.pins(Purpose.TLS_SERVER, country)
        if pins and trusted.certificate not in pins:
            raise CertificateRefused("cert.untrusted", "not the pinned certificate")
    except CertificateRefused as refused:
        raise PeerCertificateRefused(refused) from None
    return trusted


class _JudgingContext(ssl.SSLContext):
    """A client context whose connections judge the server at the end of the handshake.

    ``sslobject_class`` and ``sslsocket_class`` are Python's documented hook for that; asyncio, uvloop, anyio and
    blocking sockets all make their connections through it.
    """

    judge: Callable[[bytes | None], object]

    def __init__(self, _protocol: int) -> None:
        super().__init__()
        self.sslobject_class = _JudgedObject
        self.sslsocket_class = _JudgedSocket


class _JudgedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _judge(self)


class _JudgedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _judge(self)


def _judge(connection: ssl.SSLObject | ssl.SSLSocket) -> None:
    context: Any = connection.context
    if not isinstance(context, _JudgingContext):
        raise ssl.SSLError("the connection was moved to a context that does not judge the server")
    context.judge(connection.getpeercert(binary_form=True))


def _server(key: KeyPair, accepted: tuple[x509.Certificate, ...], *, legacy: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context, accepted, legacy=legacy)
    _present(context, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    return context


def _harden(context: ssl.SSLContext, accepted: Iterable[x509.Certificate], *, legacy: bool) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_ciphers((LEGACY_CIPHERS if legacy else CIPHERS) + _SECURITY_LEVEL)
    # Sub-CAs without their root and pinned certificates count as trusted by themselves.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(
        cadata=b"".join(certificate.public_bytes(serialization.Encoding.DER) for certificate in accepted)
    )


def _present(context: ssl.SSLContext, key: KeyPair) -> None:
    """Give the key to OpenSSL. Python takes it from a file only, so it is there for a moment, encrypted."""
    password = secrets.token_bytes(32).hex()
    pem = key.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    for certificate in (key.certificate, *key.chain):
        pem += certificate.public_bytes(serialization.Encoding.PEM)
    with tempfile.TemporaryDirectory(prefix="ncp-tls-") as folder:
        file = Path(folder, "key.pem")
        file.touch(mode=0o600)
        file.write_bytes(pem)
        context.load_cert_chain(file, password=password)
