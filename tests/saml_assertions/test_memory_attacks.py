"""What was verified before is never worth more than a verification now: attacks and changes after an honest message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ncp.wire.errors import SecurityError
from saml_assertions.claims import VerifiedCaller
from saml_assertions.memory import AssertionMemory
from saml_assertions.rules import VerificationRules
from tests.saml_assertions.test_wrapping import CASES
from tests.support.assertions import AT, Seal, honest_trust, message, seal, tls_peer, unsigned_hcp, verify_message

RULES = VerificationRules()
TRUST = honest_trust()


def remembering(data: bytes, *, needs_treatment: bool = False) -> AssertionMemory:
    """A memory that has seen one honest message."""
    memory = AssertionMemory()
    verify_message(data, needs_treatment=needs_treatment, trust=TRUST, rules=RULES, memory=memory)
    return memory


def reason_after(honest: bytes, data: bytes, **changes: object) -> str:
    """Why ``data`` is refused when ``honest`` was accepted just before."""
    options = {"trust": TRUST, "rules": RULES, **changes}
    memory = remembering(honest)
    with pytest.raises(SecurityError) as refused:
        verify_message(data, memory=memory, **options)  # type: ignore[arg-type]
    return refused.value.reason


def test_an_assertion_seen_before_says_the_same_again(hcp: bytes, trc: bytes) -> None:
    memory = remembering(message(hcp, trc), needs_treatment=True)

    def verified(memory: AssertionMemory | None) -> VerifiedCaller:
        return verify_message(message(hcp, trc), needs_treatment=True, trust=TRUST, rules=RULES, memory=memory)

    again, fresh = verified(memory), verified(None)
    assert (again.hcp, again.trc, again.assertions, again.warnings) == (
        fresh.hcp,
        fresh.trc,
        fresh.assertions,
        fresh.warnings,
    )


@pytest.mark.parametrize(("data", "reasons"), CASES.values(), ids=CASES.keys())
def test_a_wrapped_signature_is_refused_also_after_the_original_was_accepted(
    data: bytes, reasons: set[str], french: Seal
) -> None:
    assert reason_after(message(seal(unsigned_hcp(), french)), data) in reasons


def test_a_certificate_that_is_revoked_meanwhile_is_refused(hcp: bytes, french: Seal) -> None:
    revoking = honest_trust()
    revoking.revoked.add(french.der)
    assert reason_after(message(hcp), message(hcp), trust=revoking) == "cert.revoked"


def test_a_country_whose_trust_ended_is_refused(hcp: bytes) -> None:
    assert reason_after(message(hcp), message(hcp), trust=honest_trust("BE")) == "cert.untrusted"


def test_it_ends_when_it_ends(hcp: bytes) -> None:
    late = AT + timedelta(hours=4, seconds=60)
    assert reason_after(message(hcp), message(hcp), at=late) == "time.expired"


def test_it_does_not_begin_earlier(hcp: bytes) -> None:
    early = AT - timedelta(hours=1)
    assert reason_after(message(hcp), message(hcp), at=early) == "time.not_yet_valid"


def test_another_country_may_not_use_it(hcp: bytes) -> None:
    assert reason_after(message(hcp), message(hcp), peer=tls_peer("BE"), trust=honest_trust("FR", "BE")) == (
        "cert.country"
    )


def test_what_one_peer_may_do_another_may_not(french: Seal) -> None:
    lenient = seal(unsigned_hcp().replace("sender-vouches", "bearer"), french)
    memory = AssertionMemory()
    bearer = replace(RULES, accept_confirmation_methods=frozenset({"urn:oasis:names:tc:SAML:2.0:cm:bearer"}))
    verify_message(message(lenient), trust=TRUST, rules=bearer, memory=memory)
    with pytest.raises(SecurityError) as refused:
        verify_message(message(lenient), trust=TRUST, rules=RULES, memory=memory)
    assert refused.value.reason == "subject.confirmation"


def test_one_changed_byte_is_another_assertion(hcp: bytes) -> None:
    assert reason_after(message(hcp), message(hcp.replace(b"899700000001", b"899700000002"))) == "sig.digest"
