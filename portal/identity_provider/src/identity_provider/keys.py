"""The provider's signing key: made at start or read from a file, and published without its private half."""

from __future__ import annotations

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from identity_provider.failures import FileProblem

ALGORITHM = "RS256"
_BITS = 2048


def new_key() -> RSAKey:
    """A fresh RSA key whose ``kid`` is its thumbprint (RFC 7638)."""
    return _named(RSAKey.generate_key(_BITS, private=True))


def key_from_pem(pem: bytes) -> RSAKey:
    """The private RSA key of a PEM file.

    Raises:
        FileProblem: it is no private RSA key of at least 2048 bits.
    """
    try:
        key = RSAKey.import_key(pem)
        private = key.is_private
    except (JoseError, ValueError, TypeError) as error:
        raise FileProblem("signing_key: this is no RSA key in PEM form without a password") from error
    if not private or key.public_key.key_size < _BITS:
        raise FileProblem(f"signing_key: there must be a private key of at least {_BITS} bits")
    return _named(key)


def published(key: RSAKey) -> dict[str, Any]:
    """The JWK Set that clients fetch (RFC 7517 section 5): public numbers alone."""
    return {"keys": [key.as_dict(private=False)]}


def _named(key: RSAKey) -> RSAKey:
    return RSAKey.import_key(key.as_dict(private=True), {"use": "sig", "alg": ALGORITHM, "kid": key.thumbprint()})
