"""Who asks: from the wsse:Security header of a message to a ``VerifiedCaller``, or one refusal.

What must hold, numbered as in ``docs/assertions.md``:

     2  one Security header, assertions in it and nothing else
     3  at most one of each kind; the HCP is there; the TRC is there when a treatment is needed
    for the HCP, then the TRC, then the NOK:
     4  its ID is unique in the envelope; no comment, instruction, nested or encrypted assertion
     5  its elements are those of the schema and of the profile
     6  its Signature has the shape of the profile, covers exactly it, names allowed algorithms and one certificate
     7  the certificate is trusted for this kind of assertion, now
     8  digest and signature value are right, with that certificate's key
     9  from here on only the canonical bytes that were signed are read
    10  the signer's country is that of the TLS peer, or the pair is allowed; the Issuer names no other country
    11  version, issuer, name, conditions, statements are there and filled
    12  the times hold                        13  audience and confirmation hold
    14  the authentication is strong enough   15  the attributes of its kind hold
    together:
    17  the TRC refers to this HCP            18  the TRC names the same professional
    19  its purpose agrees                    22  the NOK refers to this HCP, names the same professional and patient

Steps 1 (limits, DTD) and 23 (replay) lie in ``ncp.wire`` and ``replay``; 16, 20 and 21 need the question and lie in
``ncp.access``. Whatever goes wrong in an unforeseen way is a refusal too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from lxml.etree import _Element

from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import CountryCode
from ncp.wire.xml import XmlRefused, parse, serialise
from saml_assertions import header, read_claims, signature, structure
from saml_assertions.claims import (
    _PROOF,
    HcpClaims,
    Kind,
    NokClaims,
    TrcClaims,
    VerifiedAssertion,
    VerifiedCaller,
)
from saml_assertions.memory import AssertionMemory, Known
from saml_assertions.read_claims import Reading
from saml_assertions.rules import Trust, VerificationRules
from trust_store.types import CertificateRefused, Purpose, TlsPeer, TrustedCertificate

PURPOSES = {Kind.HCP: Purpose.HCP_SIGNER, Kind.TRC: Purpose.TRC_SIGNER, Kind.NOK: Purpose.TRC_SIGNER}
"""A country's HCP assertions may be signed by a national identity provider, TRC and NOK by its gateway."""

_ISSUER_COUNTRY = re.compile(r"urn:(?:idp|initgw):([A-Za-z]{2}):countryB")


def verify(
    security: Sequence[_Element],
    root: _Element,
    *,
    needs_treatment: bool,
    trust: Trust,
    peer: TlsPeer | None,
    rules: VerificationRules,
    at: datetime,
    memory: AssertionMemory | None = None,
) -> VerifiedCaller:
    """Verify the assertions of one message (steps 2 to 15, 17 to 19, 22).

    ``security``  all wsse:Security blocks of the header, elements of the parsed message itself
    ``root``      the Envelope they stand in
    ``peer``      the gateway at the other end; None for the own portals, then ``rules.country`` counts
    ``at``        now, aware
    ``memory``    what this process has verified before, so that an assertion is verified once and not per message

    Raises ``SecurityError`` and nothing else.
    """
    try:
        return _verify(security, root, needs_treatment, trust, peer, rules, at, memory)
    except SecurityError:
        raise
    except Exception as error:
        raise _unforeseen(error) from None


def verify_assertion(assertion: _Element, *, trust: Trust, rules: VerificationRules, at: datetime) -> VerifiedAssertion:
    """Verify one assertion on its own (steps 4 to 8, 11 to 15), wherever it stands. Raises ``SecurityError`` only."""
    try:
        return _verify_one(assertion, header.kind_of(assertion), trust, rules.country, rules, at, None)
    except SecurityError:
        raise
    except Exception as error:
        raise _unforeseen(error) from None


def _verify(
    security: Sequence[_Element],
    root: _Element,
    needs_treatment: bool,
    trust: Trust,
    peer: TlsPeer | None,
    rules: VerificationRules,
    at: datetime,
    memory: AssertionMemory | None,
) -> VerifiedCaller:
    found = header.read_header(security, needs_treatment=needs_treatment)  # 2, 3
    if security[0].getroottree().getroot() is not root:
        # IDs are unique in the envelope or nowhere: the block has to be part of it.
        raise SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "header.content")
    header.check_envelope(security[0])  # 4
    country = peer.country if peer is not None else rules.country
    hcp = _verify_one(found.hcp, Kind.HCP, trust, country, rules, at, memory)
    # Without a peer and without a configured country the signer of the HCP sets what the others are compared with.
    country = country or hcp.signer.country
    trc = None if found.trc is None else _verify_one(found.trc, Kind.TRC, trust, country, rules, at, memory)
    nok = None if found.nok is None else _verify_one(found.nok, Kind.NOK, trust, country, rules, at, memory)

    warnings = list(found.warnings)
    verified = tuple(one for one in (nok, hcp, trc) if one is not None)
    for one in verified:
        warnings.extend(one.warnings)
    hcp_claims = cast(HcpClaims, hcp.claims)
    trc_claims = None if trc is None else _bind_trc(cast(TrcClaims, trc.claims), hcp_claims, rules, warnings)
    nok_claims = (
        None if nok is None else _bind_nok(cast(NokClaims, nok.claims), hcp_claims, trc_claims, rules, warnings)
    )
    return VerifiedCaller(
        country=country,
        peer=peer,
        hcp=hcp_claims,
        hcp_signer=hcp.signer,
        trc=trc_claims,
        nok=nok_claims,
        assertions=tuple(one.sealed for one in verified),
        verified=verified,
        warnings=tuple(warnings),
        proof=_PROOF,
    )


def _verify_one(
    assertion: _Element,
    kind: Kind,
    trust: Trust,
    country: CountryCode | None,
    rules: VerificationRules,
    at: datetime,
    memory: AssertionMemory | None,
) -> VerifiedAssertion:
    # 4 place: of this message, so it is looked at every time
    header.check_place(assertion)
    # The bytes to forward are taken before anything touches the tree.
    sealed = serialise(assertion)
    key = AssertionMemory.key(sealed) if memory is not None else b""
    known = memory.get(key) if memory is not None else None
    if (
        known is not None
        and known.holds(kind, country, rules, at)
        and _judge(trust, known.certificate, PURPOSES[kind], at) == known.verified.signer  # 7, every time
    ):
        # 5, 6 and 8 to 15 held for these very bytes and hold until known.until
        return known.verified
    # 5 structure
    structure.check(assertion, rules.schema)
    # 6 shape of the signature
    parts = signature.check_structure(assertion, rules.signature)
    # 7 certificate
    certificate = signature.certificate_der(parts)
    signer = _judge(trust, certificate, PURPOSES[kind], at)
    # 8 digest and value
    canonical = signature.verify(assertion, parts, signer.certificate)
    # 9 only what was signed
    try:
        tree = parse(canonical)
    except XmlRefused as refused:
        raise SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, refused.reason) from None
    if header.kind_of(tree) is not kind:
        raise SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "assertion.unknown_type")
    # 10 country
    warnings = [f"{kind.name.lower()}.{warning}" for warning in signer.warnings]
    if country is not None and signer.country != country and (country, signer.country) not in rules.allowed_signers:
        raise SecurityError(Code.NOT_ALLOWED, "cert.country")
    issuer = read_claims.issuer_of(tree)
    _check_issuer(issuer, kind, signer, country, rules, warnings)
    # 11 to 15 claims
    claims: HcpClaims | TrcClaims | NokClaims
    reading = Reading(kind, rules, at, warnings)
    if kind is Kind.HCP:
        claims, one_time = read_claims.read_hcp(tree, reading)
    elif kind is Kind.TRC:
        claims, one_time = read_claims.read_trc(tree, reading)
    else:
        claims, one_time = read_claims.read_nok(tree, reading)
    verified = VerifiedAssertion(
        claims=claims,
        signer=signer,
        issuer=issuer,
        canonical=canonical,
        sealed=sealed,
        one_time=one_time,
        warnings=tuple(warnings),
        proof=_PROOF,
    )
    if memory is not None:
        memory.put(key, Known(verified, certificate, kind, country, rules, at, reading.until))
    return verified


def _judge(trust: Trust, der: bytes, purpose: Purpose, at: datetime) -> TrustedCertificate:
    try:
        return trust.judge(der, purpose, at)
    except CertificateRefused as refused:
        # Step 7, but the country of a certificate belongs to step 10.
        code = Code.NOT_ALLOWED if refused.reason == "cert.country" else Code.SEC_GENERIC
        raise SecurityError(code, refused.reason) from None


def _check_issuer(
    issuer: str,
    kind: Kind,
    signer: TrustedCertificate,
    country: CountryCode | None,
    rules: VerificationRules,
    warnings: list[str],
) -> None:
    """Step 10, second half: foreign systems write what they like into Issuer, so this is a note unless strict."""
    match = _ISSUER_COUNTRY.fullmatch(issuer)
    if match is not None and match.group(1).upper() in (signer.country, country):
        return
    if rules.strict_issuer:
        raise SecurityError(Code.NOT_ALLOWED, "issuer.country")
    warnings.append(f"{kind.name.lower()}.issuer.country")


def _bind_trc(claims: TrcClaims, hcp: HcpClaims, rules: VerificationRules, warnings: list[str]) -> TrcClaims:
    # 12 the treatment relationship does not begin before its professional, and should not outlive the log-in by long
    if hcp.not_before - claims.not_before > rules.skew:
        raise SecurityError(Code.ASSERTION_NOT_VALID, "time.before_hcp")
    if claims.not_on_or_after - hcp.not_on_or_after > read_claims.LIFETIMES[Kind.TRC]:
        warnings.append("trc.time.after_hcp")
    # 17 reference
    if claims.hcp_id != hcp.id:
        raise SecurityError(Code.TRC_NOT_OF_HCP, "trc.hcp_reference")
    # 18 the same professional
    if (claims.name_id, claims.name_id_format) != (hcp.name_id, hcp.name_id_format):
        raise SecurityError(Code.TRC_NOT_OF_HCP, "trc.subject")
    # 19 purpose
    if claims.purpose and claims.purpose != hcp.purpose:
        warnings.append("trc.purpose.differs")
    return claims


def _bind_nok(
    claims: NokClaims, hcp: HcpClaims, trc: TrcClaims | None, rules: VerificationRules, warnings: list[str]
) -> NokClaims:
    # 22
    if claims.hcp_id != hcp.id:
        raise SecurityError(Code.ASSERTION_NOT_VALID, "nok.hcp_reference")
    if (claims.name_id, claims.name_id_format) != (hcp.name_id, hcp.name_id_format):
        if not (rules.accept_nok_doctorid and claims.name_id == "doctorId"):
            raise SecurityError(Code.ASSERTION_NOT_VALID, "nok.subject")
        warnings.append("nok.doctor_id")
    if claims.patient is not None and trc is not None and claims.patient != trc.patient:
        raise SecurityError(Code.ASSERTION_NOT_VALID, "nok.patient")
    return claims


def _unforeseen(error: Exception) -> SecurityError:
    """A refusal for what no check foresaw. Where it happened may be told, what it said may not: it may quote names."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
    return SecurityError(Code.SEC_GENERIC, "verify.unforeseen", context=f"{type(error).__name__} at {where}")
