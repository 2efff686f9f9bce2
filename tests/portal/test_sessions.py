"""Who is logged in: limits, endings, and that nothing of a patient outlives a session."""

from __future__ import annotations

import gc
import weakref
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from ncp_client import Country
from ncp_portal import searches, sessions
from ncp_portal.login import Tokens
from ncp_portal.searches import Search
from ncp_portal.sessions import LOGIN_SECONDS, End, Limits, Session, Sessions

LIMITS = Limits(idle=900, absolute=14_400, most=5)
COUNTRY: Any = SimpleNamespace(code="HR", name="Croatie")
MASK: Any = SimpleNamespace(fields=(), groups=(), images=())


def tokens(subject: str = "anne", provider_session: str = "s1") -> Tokens:
    return Tokens("id", "info", subject, provider_session)


def logged_in(store: Sessions, at: float = 0, subject: str = "anne", provider_session: str = "s1") -> str:
    _, session = store.begin("fr", at)
    token = store.renew(session, at)
    assert token is not None
    session.tokens = tokens(subject, provider_session)
    return token


def test_a_session_ends_for_want_of_requests_and_each_request_moves_that_end() -> None:
    store = Sessions(LIMITS)
    token = logged_in(store)
    assert isinstance(store.find(token, 899), Session)
    assert isinstance(store.find(token, 1798), Session)
    assert store.find(token, 1798 + 900) is End.IDLE
    assert store.find(token, 1798 + 900) is End.IDLE, "the reason is remembered"
    assert len(store) == 0


def test_a_session_ends_in_any_case_however_busy_it_is() -> None:
    store = Sessions(LIMITS)
    token = logged_in(store)
    for at in range(0, 14_400, 600):
        assert isinstance(store.find(token, at), Session)
    assert store.find(token, 14_400) is End.ABSOLUTE


def test_what_is_left_is_told_to_the_page() -> None:
    store = Sessions(LIMITS)
    token = logged_in(store)
    session = store.find(token, 100)
    assert isinstance(session, Session)
    # A second more than is left: a browser that has waited so long finds the session ended.
    assert store.left(session, 160) == (841, 14_241)
    assert store.left(session, 99_999) == (0, 0)


def test_a_login_that_is_not_finished_has_some_minutes_only() -> None:
    store = Sessions(LIMITS)
    token, _ = store.begin("fr", 0)
    assert isinstance(store.find(token, LOGIN_SECONDS - 1), Session)
    assert store.find(token, 2 * LOGIN_SECONDS) is End.IDLE


@pytest.mark.attack
def test_logins_begun_by_a_stranger_take_no_place_of_a_professional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_BEGUN_MOST", 50)
    store = Sessions(LIMITS)
    doctor = logged_in(store)
    first, _ = store.begin("fr", 1)
    for _ in range(1000):
        store.begin("fr", 1)
    assert isinstance(store.find(doctor, 2), Session)
    assert store.find(first, 2) is End.UNKNOWN, "the oldest login that was only begun made place"
    _, late = store.begin("fr", 3)
    assert store.renew(late, 3) is not None, "and another professional gets in"
    assert len(store) == 2


def test_there_are_as_many_as_may_be_and_one_that_ended_gives_its_place() -> None:
    store = Sessions(LIMITS)
    held = [logged_in(store) for _ in range(5)]
    _, sixth = store.begin("fr", 1)
    assert store.renew(sixth, 1) is None and len(store) == 5
    first = store.find(held[0], 1)
    assert isinstance(first, Session)
    store.end(first, End.LEFT)
    assert store.renew(sixth, 1) is not None
    _, seventh = store.begin("fr", 1000)
    assert store.renew(seventh, 1000) is not None, "those that are over make place without being asked for"


@pytest.mark.attack
def test_a_token_known_before_the_login_is_worth_nothing_after_it() -> None:
    store = Sessions(LIMITS)
    before, session = store.begin("fr", 0)
    csrf = session.csrf
    after = store.renew(session, 1)
    assert after is not None and after != before
    assert store.find(before, 2) is End.UNKNOWN
    assert store.find(after, 2) is session and session.csrf != csrf


@pytest.mark.attack
@pytest.mark.parametrize("is_open", [True, False])
def test_a_session_that_ended_while_an_answer_was_awaited_does_not_come_back(is_open: bool) -> None:
    store = Sessions(LIMITS)
    _, session = store.begin("fr", 0)
    if is_open:
        assert store.renew(session, 0) is not None
    store.end(session, End.PROVIDER)
    assert store.renew(session, 1) is None
    assert not store.is_known(session) and len(store) == 0


def test_the_provider_ends_sessions_by_its_own_session_or_by_the_subject() -> None:
    store = Sessions(Limits(900, 14_400, 10))
    for subject, number in (("anne", "s1"), ("anne", "s2"), ("bob", "s3")):
        logged_in(store, 0, subject, number)

    def meant(subject: str, number: str) -> list[str]:
        found = [each.tokens for each in store.of_provider(subject, number)]
        return [each.provider_session for each in found if each is not None]

    assert meant("", "s2") == ["s2"]
    assert meant("anne", "s2") == ["s2"]
    assert meant("bob", "s2") == [], "another's session, by a token that contradicts itself"
    assert meant("anne", "") == ["s1", "s2"]
    assert meant("carol", "") == [] and meant("", "s9") == []


def test_nothing_of_a_patient_is_referenced_after_the_end() -> None:
    class Patient:
        """Can be watched."""

    store = Sessions(LIMITS)
    token = logged_in(store)
    session = store.find(token, 0)
    assert isinstance(session, Session)
    search = searches.begin(session.searches, COUNTRY, MASK, most=8)
    kept: dict[str, Any] = {name: Patient() for name in ("patient", "treatment", "structured", "original")}
    for name, value in kept.items():
        setattr(search, name, value)
    rendered, pair = Patient(), Patient()
    search.rendered["translated"] = rendered  # type: ignore[assignment]
    search.pairs = [pair]  # type: ignore[list-item]
    search.values["number"] = "999990011"
    watched = [weakref.ref(each) for each in (*kept.values(), rendered, pair)]
    kept.clear()
    del rendered, pair, value
    gc.collect()
    assert all(each() is not None for each in watched)
    assert store.sweep(901) == 1
    gc.collect()
    assert [each() for each in watched] == [None] * len(watched), "though the session and the search are still held"
    assert not search.values and not session.searches and session.tokens is None and session.login is None


def test_neither_a_session_nor_its_tokens_say_anything_about_themselves() -> None:
    store = Sessions(LIMITS)
    token, session = store.begin("fr", 0)
    session.tokens = tokens("secret-subject")
    search = Search("id", COUNTRY, MASK, values={"name": "Šimić"})
    for each in (session, session.tokens, search):
        assert "secret" not in repr(each) and token not in repr(each) and "imi" not in repr(each)


def test_the_oldest_search_makes_place_and_documents_have_a_bound() -> None:
    kept: OrderedDict[str, Search] = OrderedDict()
    made = [searches.begin(kept, COUNTRY, MASK, most=3) for _ in range(5)]
    assert list(kept) == [each.id for each in made[2:]]
    for each in made[2:]:
        each.rendered["translated"] = SimpleNamespace(content=b"x" * 100)  # type: ignore[assignment]
    searches.make_room(kept, made[2], 200)
    assert [len(each.rendered) for each in made[2:]] == [1, 0, 1], "the oldest but the one that is read"


class Life(RuleBasedStateMachine):
    """Browsers, logins and endings in any order: a token finds its own session or none."""

    tokens_of: Any = Bundle("tokens_of")

    @initialize()
    def start(self) -> None:
        self.at = 0.0
        self.store = Sessions(Limits(900, 3600, 4))
        self.owner: dict[str, int] = {}
        self.over: set[str] = set()
        self.count = 0

    @rule(target=tokens_of)
    def begin(self) -> Any:
        self.count += 1
        token, session = self.store.begin("fr", self.at)
        session.terms = (str(self.count), "")
        assert token not in self.owner
        self.owner[token] = self.count
        return token

    @rule(target=tokens_of, token=consumes(tokens_of))
    def enter(self, token: str) -> Any:
        found = self.store.find(token, self.at)
        if not isinstance(found, Session):
            self.over.add(token)
            return multiple()
        after = self.store.renew(found, self.at)
        if after is None:
            return multiple(token)
        self.over.add(token)
        self.owner[after] = self.owner[token]
        return after

    @rule(token=tokens_of, why=st.sampled_from(End))
    def end(self, token: str, why: End) -> None:
        found = self.store.find(token, self.at)
        if isinstance(found, Session):
            self.store.end(found, why)
            assert self.store.find(token, self.at) is why
        self.over.add(token)

    @rule(token=tokens_of)
    def ask(self, token: str) -> None:
        found = self.store.find(token, self.at)
        if isinstance(found, Session):
            assert token not in self.over, "an ended one came back"
            assert found.terms[0] == str(self.owner[token]), "another's session"
        else:
            self.over.add(token)

    @rule(seconds=st.sampled_from([1, 300, 601, 899, 900, 1800]))
    def wait(self, seconds: int) -> None:
        self.at += seconds

    @rule()
    def sweep(self) -> None:
        self.store.sweep(self.at)

    @invariant()
    def bounded(self) -> None:
        assert len(self.store) <= 4
        for token in self.over:
            assert not isinstance(self.store.find(token, self.at), Session)


Life.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLife = Life.TestCase


def test_a_country_of_the_tests_has_what_a_search_needs() -> None:
    assert {"code", "name"} <= set(Country.__dataclass_fields__)
