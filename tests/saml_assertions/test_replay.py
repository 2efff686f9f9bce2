"""Repeats are answered, replays refused: rows R1 to R3 and T7 of docs/assertions.md."""

from __future__ import annotations

import concurrent.futures
from datetime import timedelta

import pytest

from ncp.wire.errors import Code, SecurityError
from ncp.wire.xml import parse
from saml_assertions.claims import VerifiedCaller
from saml_assertions.replay import InMemoryReplayMemory, ReplayGuard, body_digest
from tests.support.assertions import (
    AT,
    FR,
    HCP_ID,
    Seal,
    honest_trust,
    message,
    seal,
    seal_of,
    tls_peer,
    unsigned_hcp,
    verify_message,
)

pytestmark = pytest.mark.attack

ONE_TIME = unsigned_hcp().replace("</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>")


@pytest.fixture
def guard() -> ReplayGuard:
    return ReplayGuard(InMemoryReplayMemory())


@pytest.fixture
def caller(hcp: bytes) -> VerifiedCaller:
    return verify_message(message(hcp))


def refused(guard: ReplayGuard, caller: VerifiedCaller, message_id: str = "urn:uuid:2", digest: str = "b") -> None:
    with pytest.raises(SecurityError) as caught:
        guard.check(caller, message_id=message_id, digest=digest, at=AT)
    assert (caught.value.reason, caught.value.code) == ("replay", Code.SEC_DATA_INTEGRITY_NOT_ENSURED)


def test_the_same_message_again_is_a_repeat(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    """R1."""
    assert guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT) is False
    assert guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT) is True


def test_another_body_under_a_used_message_id_is_a_replay(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    """R1b."""
    guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    refused(guard, caller, "urn:uuid:1", "b")


def test_a_message_id_is_remembered_as_long_as_an_assertion_lives(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    late = AT + timedelta(hours=4, seconds=59)
    with pytest.raises(SecurityError):
        guard.check(caller, message_id="urn:uuid:1", digest="b", at=late)


def test_a_message_without_id_is_not_covered(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    for digest in "ab":
        assert guard.check(caller, message_id="", digest=digest, at=AT) is False


def test_the_same_assertion_serves_many_messages(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    """R2."""
    for number in range(5):
        assert guard.check(caller, message_id=f"urn:uuid:{number}", digest=str(number), at=AT) is False


def test_the_same_id_with_other_content_is_a_replay(guard: ReplayGuard, caller: VerifiedCaller, french: Seal) -> None:
    """R3."""
    guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    other = verify_message(message(seal(unsigned_hcp().replace("Camille", "Kamille"), french)))
    assert other.hcp.id == HCP_ID
    refused(guard, other)


def test_an_unsigned_part_that_differs_is_no_other_content(
    guard: ReplayGuard, hcp: bytes, caller: VerifiedCaller
) -> None:
    """R3: pinned is what was signed, not the white space round the signature value."""
    guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    spaced = verify_message(message(hcp.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>\n")))
    assert guard.check(spaced, message_id="urn:uuid:2", digest="b", at=AT) is False


def test_ids_are_pinned_per_issuer(guard: ReplayGuard, caller: VerifiedCaller) -> None:
    """R3: another country may use the same ID without harm."""
    guard.check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    danish = verify_message(
        message(seal(unsigned_hcp("DK"), seal_of("DK"))), trust=honest_trust("DK"), peer=tls_peer("DK")
    )
    assert guard.check(danish, message_id="urn:uuid:1", digest="b", at=AT) is False


def test_one_time_use_is_honoured(guard: ReplayGuard, french: Seal) -> None:
    """T7."""
    once = verify_message(message(seal(ONE_TIME, french)))
    assert guard.check(once, message_id="urn:uuid:1", digest="a", at=AT) is False
    refused(guard, once)
    refused(guard, once, "urn:uuid:1", "a")


def test_a_portal_and_a_peer_of_one_country_do_not_disturb_each_other(guard: ReplayGuard, hcp: bytes) -> None:
    peer = verify_message(message(hcp))
    portal = verify_message(message(hcp), own=True)
    assert guard.check(peer, message_id="urn:uuid:1", digest="a", at=AT) is False
    assert guard.check(portal, message_id="urn:uuid:1", digest="b", at=AT) is False


def test_the_digest_is_of_the_body_and_not_of_its_envelope(hcp: bytes) -> None:
    """The reference client sends a new envelope round the same body."""
    one = parse(message(hcp, body=b'<q xmlns="urn:q" b="2" a="1"><r/></q>'))
    two = parse(b"<e>" + b'<q   a="1" b="2" xmlns="urn:q"><r></r></q>' + b"</e>")
    other = parse(b'<q xmlns="urn:q" a="1" b="3"><r/></q>')
    assert body_digest(one[1][0]) == body_digest(two[0])
    assert body_digest(one[1][0]) != body_digest(other)


def test_a_memory_forgets_what_has_ended_and_nothing_else() -> None:
    memory = InMemoryReplayMemory()
    assert memory.first("k", "v", until=AT + timedelta(seconds=10), at=AT) is None
    assert memory.first("k", "w", until=AT + timedelta(seconds=99), at=AT + timedelta(seconds=9)) == "v"
    assert memory.first("k", "w", until=AT + timedelta(seconds=99), at=AT + timedelta(seconds=10)) is None
    assert memory.first("k", "x", until=AT + timedelta(seconds=99), at=AT + timedelta(seconds=11)) == "w"
    assert memory.forgotten == 0


def test_a_memory_is_bounded_and_counts_what_it_dropped() -> None:
    memory = InMemoryReplayMemory(capacity=100)
    for number in range(250):
        memory.first(str(number), "v", until=AT + timedelta(seconds=number + 1), at=AT)
    assert len(memory) == 100
    assert memory.forgotten == 150
    assert memory.first("249", "w", until=AT + timedelta(hours=1), at=AT) == "v"
    with pytest.raises(ValueError, match="one entry"):
        InMemoryReplayMemory(0)


def test_two_threads_cannot_both_be_first() -> None:
    memory = InMemoryReplayMemory()

    def first(number: int) -> bool:
        return memory.first(f"k{number // 8}", "v", until=AT + timedelta(hours=1), at=AT) is None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(first, range(800))) == 100


def test_keys_carry_no_data_of_the_message(caller: VerifiedCaller) -> None:
    keys: list[str] = []

    class Spy:
        def first(self, key: str, value: str, *, until: object, at: object) -> str | None:
            keys.append(key)
            return None

    ReplayGuard(Spy()).check(caller, message_id="urn:uuid:1", digest="a", at=AT)
    assert len(keys) == 2
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    assert caller.country == FR
