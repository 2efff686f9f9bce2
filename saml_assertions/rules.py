"""What a country or a peer may relax or tighten, and the port to trust that verification asks.

Every option has the strict value as its default. Options that would allow SHA-1, HMAC, DSA or an empty Reference do
not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from lxml import etree

from ncp.wire.ids import CountryCode
from saml_assertions.signature import SignatureProfile
from trust_store.types import Purpose, TrustedCertificate


class Trust(Protocol):
    """The port to ``trust_store``."""

    def judge(
        self, der: bytes, purpose: Purpose, at: datetime, country: CountryCode | None = None
    ) -> TrustedCertificate:
        """The certificate, trusted for the purpose at that time; raises ``CertificateRefused``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRules:
    """Options of one peer (or of the own portals), from configuration.

    ``country``                       whose assertions these are when there is no TLS peer to compare with
    ``skew``                          how far clocks may differ
    ``signature``                     algorithms; ``accept_inclusive_c14n`` lives there
    ``schema``                        compiled ``ehdsi-assertion.xsd``; the structural checks run with and without it
    ``allowed_signers``               pairs (peer, signer) of countries that may differ, e.g. EU test gateways (FR, BE)
    ``strict_issuer``                 refuse, not only note, an Issuer that names another country
    ``accept_text_purpose``           purpose of use as plain text (OpenNCP up to 6.1.1)
    ``accept_confirmation_methods``   methods beside sender-vouches, e.g. bearer
    ``recipients``                    values that SubjectConfirmationData/@Recipient may have
    ``accept_nok_doctorid``           NameID ``doctorId`` in a NOK assertion (OpenNCP 7.1)
    """

    country: CountryCode | None = None
    skew: timedelta = timedelta(seconds=60)
    signature: SignatureProfile = field(default_factory=SignatureProfile)
    schema: etree.XMLSchema | None = None
    allowed_signers: frozenset[tuple[CountryCode, CountryCode]] = frozenset()
    strict_issuer: bool = False
    accept_text_purpose: bool = False
    accept_confirmation_methods: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    accept_nok_doctorid: bool = False

    def __post_init__(self) -> None:
        if not timedelta() <= self.skew <= timedelta(minutes=5):
            raise ValueError("the clock skew lies between 0 and 5 minutes")
