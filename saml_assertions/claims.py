"""What assertions say, as values; and ``VerifiedCaller``, which only ``saml_assertions.verify`` can make.

Personal data of professionals and patients: nothing here shows itself in ``repr``.
"""

from __future__ import annotations

import hashlib
from dataclasses import InitVar, dataclass
from datetime import datetime
from enum import Enum

from ncp.wire.ids import II, CountryCode
from trust_store.types import TlsPeer, TrustedCertificate


class Kind(Enum):
    """The kind of an assertion is its ``Issuer/@NameQualifier`` and nothing else."""

    HCP = "urn:ehdsi:assertions:hcp"
    TRC = "urn:ehdsi:assertions:trc"
    NOK = "urn:ehdsi:assertions:nok"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class HcpClaims:
    """The professional. Times aware UTC; ``permissions`` bare codes (``PRD-006``); ``roles`` ISCO codes (``221``)."""

    id: str
    issuer: str
    name_id: str
    name_id_format: str
    issued: datetime
    not_before: datetime
    not_on_or_after: datetime
    authenticated: datetime
    authentication_class: str
    subject: str
    roles: tuple[str, ...]
    role_name: str
    facility_type: str
    purpose: str
    locality: str
    permissions: frozenset[str]
    organisation: str = ""
    organisation_id: str = ""
    home_community: str = ""
    npi: str = ""
    on_behalf_of: str = ""
    alias: str = ""

    def __repr__(self) -> str:
        return "HcpClaims(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class TrcClaims:
    """The treatment relationship with one patient."""

    id: str
    issuer: str
    hcp_id: str
    name_id: str
    name_id_format: str
    issued: datetime
    not_before: datetime
    not_on_or_after: datetime
    patient: II
    purpose: str
    prescription_id: str = ""
    dispensation_pin: str = ""

    def __repr__(self) -> str:
        return "TrcClaims(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class NokClaims:
    """The next of kin who accompanies the patient."""

    id: str
    hcp_id: str
    name_id: str
    name_id_format: str
    next_of_kin_id: str
    issued: datetime
    not_before: datetime
    not_on_or_after: datetime
    patient: II | None = None
    first_name: str = ""
    family_name: str = ""
    gender: str = ""
    birth_date: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""

    def __repr__(self) -> str:
        return "NokClaims(<redacted>)"


_PROOF = object()
"""Handed over when a value is made and not kept, so that dataclasses.replace cannot carry it to other claims."""


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class VerifiedAssertion:
    """One assertion after the checks that concern it alone (``docs/assertions.md``, steps 4 to 8 and 11 to 15).

    ``canonical``  the bytes that were signed, without the Signature; ``claims`` were read from them and nothing else
    ``sealed``     the assertion with its Signature as self-contained bytes, fit to be forwarded
    ``one_time``   it carries OneTimeUse
    ``warnings``   stable names of tolerated deviations

    Made by ``saml_assertions.verify`` only.
    """

    claims: HcpClaims | TrcClaims | NokClaims
    signer: TrustedCertificate
    issuer: str
    canonical: bytes
    sealed: bytes
    one_time: bool = False
    warnings: tuple[str, ...] = ()
    proof: InitVar[object] = None

    def __post_init__(self, proof: object) -> None:
        if proof is not _PROOF:
            raise TypeError("a VerifiedAssertion is made by saml_assertions.verify only")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, lower-case hex."""
        return hashlib.sha256(self.canonical).hexdigest()

    def __repr__(self) -> str:
        return f"VerifiedAssertion({type(self.claims).__name__})"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class VerifiedCaller:
    """Who asks, after every check that needs no question (``docs/assertions.md``, steps 2 to 15, 17 to 19, 22).

    ``country`` is the country of the TLS peer and of the signers. ``assertions`` are the verified assertions as
    self-contained bytes, in the order NOK, HCP, TRC, fit to be forwarded; ``verified`` the same as values.
    ``warnings`` are stable names of tolerated deviations. Made by ``saml_assertions.verify`` only.
    """

    country: CountryCode
    peer: TlsPeer | None
    hcp: HcpClaims
    hcp_signer: TrustedCertificate
    trc: TrcClaims | None = None
    nok: NokClaims | None = None
    assertions: tuple[bytes, ...] = ()
    verified: tuple[VerifiedAssertion, ...] = ()
    warnings: tuple[str, ...] = ()
    proof: InitVar[object] = None

    def __post_init__(self, proof: object) -> None:
        if proof is not _PROOF:
            raise TypeError("a VerifiedCaller is made by saml_assertions.verify only")

    def __repr__(self) -> str:
        return f"VerifiedCaller({self.country})"
