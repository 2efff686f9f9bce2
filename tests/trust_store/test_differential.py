"""A second opinion: random small PKIs, judged by us and by pyhanko-certvalidator (RFC 5280 on its own code).

Where the two rule alike, they must agree. Where ours is stricter on purpose, the case is left out of the generator or
named below.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from ncp.wire.ids import CountryCode
from tests.support.certificates import AT, Made, ec_key, make_ca, make_seal
from trust_store.folder import Entry, Role
from trust_store.store import TrustRules, TrustStore
from trust_store.types import CertificateRefused, Purpose

COUNTRY, PURPOSE = CountryCode("FR"), Purpose.HCP_SIGNER


@dataclass(frozen=True)
class Link:
    """How one CA of the chain is made, and what is wrong with it."""

    path_length: int | None = None
    ca: bool | None = True
    bits: tuple[str, ...] | None = ("key_cert_sign", "crl_sign")
    expired: bool = False
    future: bool = False
    other_key: bool = False
    strong_hash: bool = False


def links() -> st.SearchStrategy[Link]:
    sound = st.builds(
        Link,
        path_length=st.sampled_from([None, None, 0, 1, 2]),
        strong_hash=st.booleans(),
    )
    odd = st.builds(
        Link,
        path_length=st.sampled_from([None, 0, 1]),
        ca=st.sampled_from([True, True, False, None]),
        bits=st.sampled_from([("key_cert_sign",), ("crl_sign",), ("digital_signature",), None]),
        expired=st.booleans(),
        future=st.booleans(),
        other_key=st.booleans(),
    )
    return st.one_of(sound, sound, sound, odd)


def build(root: Link, chain: list[Link], leaf_expired: bool, leaf_other_key: bool) -> tuple[Made, list[Made], Made]:
    """The root, the intermediates and the leaf. ``other_key``: signed with a key that is not the issuer's."""

    def authority(number: int, link: Link, issuer: Made | None) -> Made:
        begin = AT + timedelta(days=1) if link.future else AT - timedelta(days=100)
        end = AT - timedelta(days=1) if link.expired and not link.future else AT + timedelta(days=100)
        signer = Made(issuer.certificate, ec_key("stranger")) if issuer and link.other_key else issuer
        return make_ca(
            f"level {number}",
            issuer=signer,
            begin=begin,
            end=end,
            ca=link.ca,
            bits=link.bits,
            digest=hashes.SHA384() if link.strong_hash else hashes.SHA256(),
            path_length=link.path_length if link.ca else None,
        )

    top = authority(0, root, None)
    made = [top]
    for number, link in enumerate(chain, start=1):
        made.append(authority(number, link, made[-1]))
    signer = Made(made[-1].certificate, ec_key("stranger")) if leaf_other_key else made[-1]
    leaf = make_seal(
        signer,
        key=ec_key("leaf"),
        begin=AT - timedelta(days=9),
        end=AT + timedelta(days=-1 if leaf_expired else 9),
        bits=("digital_signature",),
    )
    return top, made[1:], leaf


def ours(root: Made, chain: list[Made], leaf: Made) -> bool:
    entries = [Entry(COUNTRY, PURPOSE, Role.ANCHOR, root.certificate, root.fingerprint, Path("root"))]
    entries += [
        Entry(COUNTRY, PURPOSE, Role.INTERMEDIATE, made.certificate, made.fingerprint, Path("chain")) for made in chain
    ]
    try:
        TrustStore(entries, rules=TrustRules(skew=timedelta())).judge(leaf.der, PURPOSE, AT)
    except CertificateRefused:
        return False
    return True


def theirs(root: Made, chain: list[Made], leaf: Made) -> bool:
    def load(made: Made) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(made.der)

    context = ValidationContext(trust_roots=[load(root)], moment=AT, allow_fetching=False, revocation_mode="soft-fail")
    validator = CertificateValidator(
        load(leaf), intermediate_certs=[load(made) for made in chain], validation_context=context
    )
    try:
        asyncio.run(validator.async_validate_usage({"digital_signature"}))
    except (ValidationError, PathError):
        return False
    return True


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    links(), st.lists(links(), max_size=3), st.sampled_from([False] * 7 + [True]), st.sampled_from([False] * 7 + [True])
)
def test_two_implementations_agree_on_every_random_chain(root, chain, leaf_expired, leaf_other_key) -> None:
    made = build(root, chain, leaf_expired, leaf_other_key)
    verdict = ours(*made)
    event("trusted" if verdict else "refused")
    if verdict:
        assert theirs(*made), "we trust what the other refuses"
    elif sound_anchor(root):
        assert not theirs(*made), "we refuse what the other trusts"


def sound_anchor(root: Link) -> bool:
    """Ours obeys dates and extensions of an anchor too (RFC 5280 6.1 leaves that open); the other its key only."""
    return (
        not (root.expired or root.future)
        and root.ca is True
        and "key_cert_sign" in (root.bits or ("key_cert_sign",))
        and root.path_length is None
    )


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_both_trust_a_sound_chain(depth) -> None:
    made = build(Link(), [Link()] * depth, False, False)
    assert ours(*made)
    assert theirs(*made)


def test_both_refuse_a_critical_extension_nobody_knows() -> None:
    root = make_ca("level 0")
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    leaf = make_seal(root, key=ec_key("leaf"), extra=[(odd, True)])
    assert not ours(root, [], leaf)
    assert not theirs(root, [], leaf)


@pytest.mark.parametrize(("host", "accepted"), [("ncp.fr.example", True), ("ncp.hr.example", False)])
def test_both_obey_constraints_on_host_names(host, accepted) -> None:
    root = make_ca("level 0")
    constraint = x509.NameConstraints([x509.DNSName("fr.example")], None)
    middle = make_ca("level 1", issuer=root, extra=[(constraint, True)])
    leaf = make_seal(middle, key=ec_key("leaf"), alternative=(host,))
    assert (ours(root, [middle], leaf), theirs(root, [middle], leaf)) == (accepted, accepted)
