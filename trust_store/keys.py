"""Our own keys: certificate and private key from PEM or PKCS #12, checked to belong together.

Reads files once, at start or on reload. Every error names the file and what to do; no text of it comes from the files.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from trust_store.path import signed_by

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_MAX_FILE = 1024 * 1024


class KeyRefused(Exception):
    """A key or certificate file cannot be used; the text names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """A certificate of ours with its private key. Never shows the key.

    ``chain`` are the intermediates to send along, issuer by issuer, without the root. ``warnings`` are for the
    operator.
    """

    private_key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "KeyPair(<redacted>)"

    def sign(self, data: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256: the one signature that every peer verifies. ``KeyRefused`` for an EC key."""
        if not isinstance(self.private_key, rsa.RSAPrivateKey):
            raise KeyRefused("the seal has an EC key, which most peers do not accept; use an RSA key")
        return self.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def load_key_pair(certificate: Path, key: Path | None = None, password_file: Path | None = None) -> KeyPair:
    """Read a certificate and its key. Raises ``KeyRefused``.

    ``certificate`` is PEM (the certificate and, in any order, its chain) or PKCS #12. For PKCS #12, and for PEM with
    the key in the same file, ``key`` is left out or the same path.
    """
    key = key or certificate
    password = _password(password_file)
    data = _read(certificate)
    if b"-----BEGIN" in data:
        private_key = _pem_key(key, _read(key), password)
        certificates = _pem_certificates(certificate, data)
    else:
        if key != certificate:
            raise KeyRefused(
                f"{certificate}: not PEM, so it has to be a PKCS #12 file with the key in it; leave key out, or "
                "convert the certificate to PEM"
            )
        private_key, certificates = _pkcs12(certificate, data, password)
    own = next((found for found in certificates if _belongs(found, private_key)), None)
    if own is None:
        raise KeyRefused(f"{certificate}: does not belong to the private key in {key}; take the pair from one renewal")
    chain, unrelated = _chain(own, [found for found in certificates if found is not own])
    warnings = (
        [f"{certificate}: {unrelated} certificates do not belong to the chain and are not sent"] if unrelated else []
    )
    warnings += _open_to_others(key)
    if password_file is not None:
        warnings += _open_to_others(password_file)
    return KeyPair(private_key, own, chain, tuple(warnings))


def _password(path: Path | None) -> bytes | None:
    if path is None:
        return None
    password = _read(path).rstrip(b"\r\n")
    if not password:
        raise KeyRefused(f"{path}: is empty; write the password into it or remove key_password_file")
    return password


def _pem_key(path: Path, data: bytes, password: bytes | None) -> PrivateKey:
    try:
        # The library's validation tests primes for 0.3 s (3072 bit) to 1 s (4096 bit) per key and worker. What matters
        # here, that the key makes signatures that the certificate verifies, ``_belongs`` tries out in milliseconds.
        key = serialization.load_pem_private_key(data, password, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise KeyRefused(
            f"{path}: the private key is not encrypted; remove key_password_file"
            if password
            else f"{path}: the private key is encrypted; name the file with its password in key_password_file"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused(
            f"{path}: no private key can be read from it; "
            + ("check the password, and that" if password else "check that")
            + " it holds a PEM private key"
        ) from None
    return _supported(path, key)


def _pem_certificates(path: Path, data: bytes) -> Sequence[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise KeyRefused(f"{path}: no certificate can be read from it; export it as PEM") from None


def _pkcs12(path: Path, data: bytes, password: bytes | None) -> tuple[PrivateKey, Sequence[x509.Certificate]]:
    try:
        key, own, others = pkcs12.load_key_and_certificates(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRefused(
            f"{path}: cannot be opened as PKCS #12; check the password in key_password_file, and re-export the file "
            "with AES if it is an old one"
        ) from None
    if key is None or own is None:
        raise KeyRefused(f"{path}: the PKCS #12 file lacks the private key or its certificate; export both together")
    return _supported(path, key), [own, *others]


def _supported(path: Path, key: object) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise KeyRefused(f"{path}: the private key is neither RSA nor EC; peers accept no other")


def _belongs(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Whether the certificate verifies what the key signs."""
    probe = b"does this key belong to this certificate?"
    try:
        public_key = certificate.public_key()
        if public_key != key.public_key():
            return False
        if isinstance(key, rsa.RSAPrivateKey) and isinstance(public_key, rsa.RSAPublicKey):
            signature = key.sign(probe, padding.PKCS1v15(), hashes.SHA256())
            public_key.verify(signature, probe, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(public_key, ec.EllipticCurvePublicKey):
            public_key.verify(key.sign(probe, ec.ECDSA(hashes.SHA256())), probe, ec.ECDSA(hashes.SHA256()))
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


def _chain(own: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[tuple[x509.Certificate, ...], int]:
    """The issuers in order without the root, and how many certificates were no part of it."""
    chain: list[x509.Certificate] = []
    left = list(others)
    last = own
    while (issuer := next((found for found in left if signed_by(last, found)), None)) is not None:
        left.remove(issuer)
        last = issuer
        if issuer.issuer != issuer.subject:
            chain.append(issuer)
    return tuple(chain), len(left)


def _open_to_others(path: Path) -> list[str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [f"{path}: other accounts can read or change it (mode {mode:04o}); run chmod 600 on it"]
    return []


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE:
            raise KeyRefused(f"{path}: larger than 1 MB; this is no key or certificate file")
        return path.read_bytes()
    except OSError as error:
        raise KeyRefused(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; correct the path, or let the gateway's account "
            "read it"
        ) from None
