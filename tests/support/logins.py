"""Professionals of an invented identity provider: their claims, and ID tokens signed with ``cryptography`` alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "https://login.example/realms/esante"
SUBJECT = "f:1:899700000001"
NUMBER = "899700000001"

PLACE = {
    "codeModeExercice": "L",
    "codeSecteurDactivite": "SA07",
    "codeSectionPharmacien": "",
    "codeRole": "",
    "codeGenreActivite": "GENR01",
    "raisonSocialeSite": "CABINET EXEMPLE",
    "numeroVoie": "2",
    "codeTypeDeVoie": "R",
    "libelleVoie": "DE LA PAIX",
    "codePostal": "35000",
    "bureauCedex": "RENNES",
    "codeCommune": "35238",
}
_SHORT = {
    "mode": "codeModeExercice",
    "sector": "codeSecteurDactivite",
    "section": "codeSectionPharmacien",
    "function": "codeRole",
    "kind": "codeGenreActivite",
    "name": "raisonSocialeSite",
}


def activity(**values: Any) -> dict[str, Any]:
    """A practice situation: sector SA07, mode L, name and postal code given unless said."""
    return {**PLACE, **{_SHORT.get(name, name): value for name, value in values.items()}}


def exercice(profession: Any, category: Any = "C", *activities: Any, skill: str = "", **values: Any) -> dict[str, Any]:
    """A profession of the person; one activity when none is given."""
    return {
        "codeProfession": profession,
        "codeCategorieProfessionnelle": category,
        "nomDexercice": "EXEMPLE",
        "prenomDexercice": "Camille",
        "codeTypeSavoirFaire": skill and "S",
        "codeSavoirFaire": skill,
        "activities": list(activities) or [activity()],
        **values,
    }


def user_info(*exercices: Any, **values: Any) -> dict[str, Any]:
    """The claims of a person, as the user info has them."""
    return {
        "sub": SUBJECT,
        "SubjectNameID": NUMBER,
        "preferred_username": NUMBER,
        "given_name": "Camille",
        "family_name": "EXEMPLE",
        "authMode": "CARD",
        "SubjectRefPro": {"codeCivilite": "M", "exercices": list(exercices)},
        **values,
    }


def token_claims(audience: Any = "sesali", at: datetime | None = None, **values: Any) -> dict[str, Any]:
    """Claims of a good ID token, as of ``at`` (now); a value of ``...`` takes the claim out."""
    now = int((at or datetime.now(UTC)).timestamp())
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "azp": audience,
        "sub": SUBJECT,
        "iat": now - 5,
        "exp": now + 120,
        "auth_time": now - 20,
        "acr": "eidas1",
        "authMode": "CARD",
        "preferred_username": NUMBER,
    }
    return {name: value for name, value in {**claims, **values}.items() if value is not ...}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Provider:
    """Keys of an identity provider, by key id."""

    keys: Mapping[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = field(
        default_factory=lambda: {
            "rsa": rsa.generate_private_key(65537, 2048),
            "ec": ec.generate_private_key(ec.SECP256R1()),
        }
    )

    def jwks(self, *names: str) -> bytes:
        return json.dumps({"keys": [self.jwk(name) for name in names or self.keys]}).encode()

    def jwk(self, name: str) -> dict[str, str]:
        public = self.keys[name].public_key()
        numbers = public.public_numbers()
        if isinstance(numbers, rsa.RSAPublicNumbers):
            parts = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "alg": "RS256"}
        else:
            parts = {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}
        return {"kid": name, "use": "sig", **parts}

    def sign(self, claims: Mapping[str, Any] | bytes, key: str = "rsa", **header: Any) -> str:
        """A compact JWS; ``header`` changes its header, a value of ``...`` takes a name out of it."""
        private = self.keys[key]
        algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"
        head = {"alg": algorithm, "typ": "JWT", "kid": key, **header}
        head = {name: value for name, value in head.items() if value is not ...}
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        signed = f"{b64(json.dumps(head).encode())}.{b64(payload)}"
        return f"{signed}.{b64(_signature(private, signed.encode()))}"

    def sign_with_public_key(self, claims: Mapping[str, Any], key: str = "rsa") -> str:
        """HS256 with the provider's public key as the secret: what a careless verifier takes for genuine."""
        secret = (
            self.keys[key]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        signed = f"{b64(json.dumps({'alg': 'HS256', 'kid': key}).encode())}.{b64(json.dumps(claims).encode())}"
        code = hmac.HMAC(secret, hashes.SHA256())
        code.update(signed.encode())
        return f"{signed}.{b64(code.finalize())}"


def _signature(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _number(value: int, length: int = 0) -> str:
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))
