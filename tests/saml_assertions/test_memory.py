"""What was verified before is believed as long as a whole verification would come to the same end, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ncp.wire.errors import SecurityError
from ncp.wire.ids import CountryCode
from ncp.wire.xml import NS_WSSE, XmlRefused, parse
from saml_assertions import signature
from saml_assertions.claims import Kind, VerifiedCaller
from saml_assertions.memory import AssertionMemory, Known
from saml_assertions.rules import VerificationRules
from saml_assertions.verify import verify
from tests.support.assertions import (
    AT,
    HCP_ID,
    SOAP,
    HonestTrust,
    authority,
    certify,
    envelope,
    honest_trust,
    message,
    rsa_key,
    seal,
    seal_of,
    security,
    tls_peer,
    unsigned_hcp,
    unsigned_trc,
)
from trust_store.types import Purpose, TlsPeer

pytestmark = pytest.mark.attack

HCP = seal(unsigned_hcp(), seal_of("FR"))
TRC = seal(unsigned_trc(), seal_of("FR"))
RULES = VerificationRules()


@dataclass
class Gateway:
    """A verifier with a memory; ``signatures`` counts how often a signature was really computed."""

    memory: AssertionMemory = field(default_factory=AssertionMemory)
    trust: HonestTrust = field(default_factory=lambda: honest_trust("FR", "BE"))
    signatures: int = 0

    def verify(
        self,
        data: bytes,
        *,
        at: datetime = AT,
        peer: TlsPeer | None = None,
        rules: VerificationRules = RULES,
        needs_treatment: bool = False,
    ) -> VerifiedCaller:
        root = parse(data)
        return verify(
            tuple(root.iterfind(f"{{{SOAP}}}Header/{{{NS_WSSE}}}Security")),
            root,
            needs_treatment=needs_treatment,
            trust=self.trust,
            peer=peer or tls_peer(),
            rules=rules,
            at=at,
            memory=self.memory,
        )

    def refused(self, data: bytes, **options: Any) -> str:
        with pytest.raises(SecurityError) as caught:
            self.verify(data, **options)
        return caught.value.reason


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    made = Gateway()
    original = signature.verify

    def counted(*arguments: Any) -> Any:
        made.signatures += 1
        return original(*arguments)

    monkeypatch.setattr(signature, "verify", counted)
    made.verify(message(HCP))
    assert made.signatures == 1
    return made


def test_the_same_bytes_are_not_verified_again(gateway: Gateway) -> None:
    before = gateway.verify(message(HCP))
    again = gateway.verify(message(HCP, body=b'<x xmlns="urn:another:question"/>'))
    assert (again.hcp, again.assertions) == (before.hcp, before.assertions)
    assert gateway.signatures == 1


def test_trust_is_asked_every_time(gateway: Gateway) -> None:
    gateway.trust.asked.clear()
    gateway.verify(message(HCP))
    gateway.verify(message(HCP))
    assert gateway.trust.asked == [Purpose.HCP_SIGNER] * 2


def test_hcp_and_trc_are_remembered_apart(gateway: Gateway) -> None:
    for _ in range(2):
        caller = gateway.verify(message(HCP, TRC), needs_treatment=True)
        assert caller.trc is not None
    assert gateway.signatures == 2


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (datetime(2026, 3, 2, 12, 1, tzinfo=UTC), "NotOnOrAfter and the skew"),
        (datetime(2026, 3, 2, 12, 1, 1, tzinfo=UTC), "a second later"),
        (datetime(2027, 1, 1, tzinfo=UTC), "next year"),
    ],
)
def test_over_is_over(gateway: Gateway, moment: datetime, end: str) -> None:
    assert gateway.verify(message(HCP), at=moment.replace(hour=12, minute=0, day=2, month=3, year=2026)).hcp
    assert gateway.refused(message(HCP), at=moment) == "time.expired"


def test_a_session_that_ends_earlier_ends_the_memory(gateway: Gateway) -> None:
    text = unsigned_hcp().replace(
        "<saml:AuthnStatement ", '<saml:AuthnStatement SessionNotOnOrAfter="2026-03-02T09:00:00Z" '
    )
    hcp = seal(text.replace(HCP_ID, "_s0000000-0000-4000-8000-000000000000"), seal_of("FR"))
    gateway.verify(message(hcp), at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    assert gateway.refused(message(hcp), at=datetime(2026, 3, 2, 9, 1, tzinfo=UTC)).startswith("time.")


def test_a_clock_that_went_back_before_the_first_use_is_not_believed(gateway: Gateway) -> None:
    assert gateway.refused(message(HCP), at=AT - timedelta(minutes=12)).startswith("time.")
    # Before the first verification everything is computed again, also where it would pass.
    gateway.verify(message(HCP), at=AT - timedelta(minutes=1))
    assert gateway.signatures >= 2


def test_a_revoked_certificate_is_refused_at_once(gateway: Gateway) -> None:
    gateway.trust.revoked.add(seal_of("FR").der)
    assert gateway.refused(message(HCP)) == "cert.revoked"
    gateway.trust.revoked.clear()
    assert gateway.verify(message(HCP)).hcp


def test_a_certificate_that_is_trusted_no_more_is_refused_at_once(gateway: Gateway) -> None:
    anchors = gateway.trust.anchors.pop(("FR", Purpose.HCP_SIGNER))
    assert gateway.refused(message(HCP)) == "cert.untrusted"
    gateway.trust.anchors[("FR", Purpose.HCP_SIGNER)] = anchors


def test_a_certificate_that_has_expired_meanwhile_is_refused(gateway: Gateway) -> None:
    short = certify(
        seal_of("FR").certificate.subject, rsa_key("seal FR"), issuer=authority("FR"), end=AT + timedelta(minutes=5)
    )
    hcp = seal(unsigned_hcp().replace(HCP_ID, "_c0000000-0000-4000-8000-000000000000"), short)
    assert gateway.verify(message(hcp)).hcp
    assert gateway.refused(message(hcp), at=AT + timedelta(minutes=6)) == "cert.expired"


def test_under_another_peer_country_the_answer_is_another(gateway: Gateway) -> None:
    """B8 with a warm memory."""
    assert gateway.refused(message(HCP), peer=tls_peer("BE")) == "cert.country"
    assert gateway.verify(message(HCP)).country == "FR"


def test_a_pair_of_countries_that_was_allowed_is_not_allowed_by_memory(gateway: Gateway) -> None:
    allowing = replace(RULES, allowed_signers=frozenset({(CountryCode("BE"), CountryCode("FR"))}))
    assert gateway.verify(message(HCP), peer=tls_peer("BE"), rules=allowing).country == "BE"
    assert gateway.refused(message(HCP), peer=tls_peer("BE")) == "cert.country"


def test_under_other_rules_everything_is_looked_at_again(gateway: Gateway) -> None:
    strict = replace(RULES, strict_issuer=True)
    foreign = seal(
        unsigned_hcp()
        .replace("urn:idp:FR:countryB", "urn:tiani-spirit:sts")
        .replace(HCP_ID, "_f0000000-0000-4000-8000-000000000000"),
        seal_of("FR"),
    )
    assert gateway.verify(message(foreign)).hcp
    assert gateway.refused(message(foreign), rules=strict) == "issuer.country"


def test_one_changed_byte_is_another_assertion(gateway: Gateway) -> None:
    for at in range(0, len(HCP), 97):
        changed = bytearray(HCP)
        changed[at] = changed[at] ^ 1
        try:
            caller = gateway.verify(message(bytes(changed)))
        except (SecurityError, XmlRefused):
            continue
        # What is still accepted says the same: a byte outside what is signed and read.
        assert caller.hcp == gateway.verify(message(HCP)).hcp


def test_a_used_place_is_looked_at_again(gateway: Gateway) -> None:
    """XSW3, XSW10, XSW16 with a warm memory: the bytes are known, where they stand is not."""
    twin = b'<x xmlns="urn:x" ID="%s"/>' % HCP_ID.encode()
    assert gateway.refused(message(HCP, body=twin)) == "id.duplicate"
    assert gateway.refused(message(HCP, HCP)) == "hcp.multiple"
    assert gateway.refused(envelope(security(HCP), security(HCP))) == "header.duplicate"
    assert gateway.refused(envelope(b'<b xmlns="urn:x">%s</b>' % HCP, security(HCP))) in (
        "sig.placement",
        "id.duplicate",
    )


def test_a_known_assertion_is_not_one_of_another_kind(gateway: Gateway) -> None:
    renamed = HCP.replace(b"urn:ehdsi:assertions:hcp", b"urn:ehdsi:assertions:trc")
    assert gateway.refused(message(HCP, renamed), needs_treatment=True) in ("id.duplicate", "sig.digest")


def test_what_was_refused_is_not_remembered(gateway: Gateway) -> None:
    bad = HCP.replace(b"Camille", b"Camilla").replace(HCP_ID.encode(), b"_b" + HCP_ID[2:].encode())
    for _ in range(2):
        assert gateway.refused(message(bad)) == "sig.digest"


def test_another_memory_knows_nothing(gateway: Gateway) -> None:
    gateway.memory = AssertionMemory()
    gateway.verify(message(HCP))
    assert gateway.signatures == 2


# --- the memory itself -----------------------------------------------------------------------------------------------


def known(until: datetime = AT + timedelta(hours=1)) -> Known:
    caller = Gateway().verify(message(HCP))
    return Known(caller.verified[0], seal_of("FR").der, Kind.HCP, CountryCode("FR"), RULES, AT, until)


def test_an_entry_holds_from_its_first_use_to_its_end_only() -> None:
    one = known()
    fr = CountryCode("FR")
    assert one.holds(Kind.HCP, fr, RULES, AT)
    assert one.holds(Kind.HCP, fr, RULES, AT + timedelta(minutes=59))
    for kind, country, rules, at in (
        (Kind.TRC, fr, RULES, AT),
        (Kind.HCP, CountryCode("BE"), RULES, AT),
        (Kind.HCP, None, RULES, AT),
        (Kind.HCP, fr, VerificationRules(), AT),
        (Kind.HCP, fr, RULES, AT - timedelta(microseconds=1)),
        (Kind.HCP, fr, RULES, AT + timedelta(hours=1)),
    ):
        assert not one.holds(kind, country, rules, at)


def test_a_full_memory_forgets_the_longest_unused() -> None:
    memory, one = AssertionMemory(capacity=3), known()
    for key in (b"1", b"2", b"3"):
        memory.put(key, one)
    assert memory.get(b"1") is one
    memory.put(b"4", one)
    assert [memory.get(key) is not None for key in (b"1", b"2", b"3", b"4")] == [True, False, True, True]
    memory.put(b"1", one)
    memory.put(b"5", one)
    assert [memory.get(key) is not None for key in (b"1", b"3", b"4", b"5")] == [True, False, True, True]


def test_many_distinct_assertions_do_not_fill_the_process(gateway: Gateway) -> None:
    gateway.memory = AssertionMemory(capacity=5)
    for number in range(20):
        gateway.verify(message(seal(unsigned_hcp().replace(HCP_ID, f"_{number:032x}"), seal_of("FR"))))
    assert len(gateway.memory._known) == 5


def test_threads_may_share_a_memory() -> None:
    memory, one, failed = AssertionMemory(capacity=8), known(), []

    def work(seed: int) -> None:
        try:
            for number in range(2000):
                memory.put(bytes([(number * seed) % 16]), one)
                memory.get(bytes([(number + seed) % 16]))
        except Exception as failure:
            failed.append(failure)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failed
    assert len(memory._known) == 8
