"""What workers share: time runs out, entries are swept, two processes agree, and the file names no patient."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ncp.storage.persons import REMEMBERED, ConfirmedPersons
from ncp.storage.replay import SharedReplayMemory
from ncp.storage.state import State, Table
from ncp.wire.ids import II, CountryCode
from xcpd.messages import Person

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HR, FR = CountryCode("HR"), CountryCode("FR")
ANA = Person(II("1.2.3", "PAT-0001"), family="Šimunović Primjerić", given="Ana", birth_date="19700409")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state")
    yield opened
    opened.close()


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


# --- a table ---------------------------------------------------------------------------------------------------------


def test_the_first_value_stands_until_its_time_is_over(state: State) -> None:
    table = state.table("t")
    assert table.first(b"k", b"one", until=AT + MINUTE, at=AT) is None
    assert table.first(b"k", b"two", until=AT + 9 * MINUTE, at=AT + MINUTE - timedelta(microseconds=1)) == b"one"
    assert table.get(b"k", at=AT) == b"one"
    assert table.get(b"k", at=AT + MINUTE) is None
    assert table.first(b"k", b"two", until=AT + 9 * MINUTE, at=AT + MINUTE) is None
    assert table.get(b"k", at=AT + MINUTE) == b"two"


def test_the_last_value_put_stands(state: State) -> None:
    table = state.table("t")
    table.put(b"k", b"one", until=AT + MINUTE, at=AT)
    table.put(b"k", b"", until=AT + 2 * MINUTE, at=AT)
    assert table.get(b"k", at=AT + MINUTE) == b""
    assert table.get(b"x", at=AT) is None


def test_tables_have_nothing_to_do_with_each_other(state: State) -> None:
    one, other = state.table("one"), state.table("other")
    one.put(b"k", b"v", until=AT + MINUTE, at=AT)
    assert other.get(b"k", at=AT) is None
    assert other.first(b"k", b"w", until=AT + MINUTE, at=AT) is None
    assert one.get(b"k", at=AT) == b"v"


def _count(state: State, table: Table) -> int:
    with state._environment.begin(table._database) as transaction:
        return int(transaction.stat(table._database)["entries"])


def test_what_is_over_is_swept_faster_than_it_comes(state: State) -> None:
    table = state.table("t")
    for number in range(2000):
        table.put(key(number), b"old", until=AT + MINUTE, at=AT)
    assert _count(state, table) == 2000
    for number in range(2000, 3000):
        table.put(key(number), b"new", until=AT + timedelta(days=1), at=AT + 2 * MINUTE)
    assert _count(state, table) == 1000
    assert all(table.get(key(number), at=AT + 2 * MINUTE) == b"new" for number in range(2000, 3000))


def test_nothing_that_still_counts_is_swept(state: State) -> None:
    table = state.table("t")
    for number in range(1000):
        table.put(key(number), str(number).encode(), until=AT + timedelta(hours=1 + number % 2), at=AT)
    for number in range(1000, 3000):
        table.put(key(number), b"x", until=AT + timedelta(hours=2), at=AT + timedelta(minutes=90))
    for number in range(1, 1000, 2):
        assert table.get(key(number), at=AT + timedelta(minutes=90)) == str(number).encode()


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    State(tmp_path / "state").close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert modes["state.secret"] == modes["state.lmdb"] == 0o600
    assert not [name for name in modes if name.startswith("state.secret.")]


def test_what_was_remembered_is_there_after_a_restart(tmp_path: Path) -> None:
    first = State(tmp_path)
    first.table("t").put(b"k", b"v", until=AT + MINUTE, at=AT)
    secret = first.secret
    first.close()
    again = State(tmp_path)
    assert (again.table("t").get(b"k", at=AT), again.secret) == (b"v", secret)
    again.close()


# --- two processes ---------------------------------------------------------------------------------------------------

_RACE = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ncp.storage.replay import SharedReplayMemory
from ncp.storage.state import State
state = State(Path(sys.argv[1]))
memory = SharedReplayMemory(state)
at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
print(state.secret.hex(), flush=True)
sys.stdin.readline()
mine = 0
for number in range(300):
    mine += memory.first(f"{number:064x}", sys.argv[2], until=at + timedelta(hours=1), at=at) is None
print(mine, flush=True)
"""


def test_of_two_processes_exactly_one_is_first(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(folder), who],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in ("one", "two")
    ]
    try:
        secrets = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
        assert len(set(secrets)) == 1 and len(secrets[0]) == 64
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        firsts = [int(racer.stdout.readline()) for racer in racers if racer.stdout]
    finally:
        for racer in racers:
            racer.communicate(timeout=20)
    assert sum(firsts) == 300
    state = State(folder)
    memory = SharedReplayMemory(state)
    for number in range(300):
        standing = memory.first(f"{number:064x}", "late", until=AT + timedelta(hours=2), at=AT)
        assert standing in ("one", "two")
    state.close()


# --- confirmed persons -----------------------------------------------------------------------------------------------


def confirmed(state: State, person: Person = ANA, family: str = "", birth_date: str = "") -> bool:
    persons = ConfirmedPersons(state)
    persons.remember(HR, person, AT)
    found = persons.recall(HR, person.id, AT)
    assert found is not None
    return found.agrees(family or person.family, birth_date or person.birth_date)


@pytest.mark.parametrize(
    ("family", "birth_date"),
    [
        ("Šimunović Primjerić", "19700409"),
        ("PRIMJERIĆ ŠIMUNOVIĆ", "19700409"),
        ("Šimunović-Primjerić", "19700409"),
        ("Šimunović", "19700409"),
        ("Šimunović Primjerić", "1970"),
        ("Šimunović Primjerić", "197004"),
        ("Šimunović Primjerić Horvat", "19700409"),
    ],
)
def test_a_person_is_recognised_by_what_both_know(state: State, family: str, birth_date: str) -> None:
    assert confirmed(state, family=family, birth_date=birth_date)


@pytest.mark.parametrize(
    ("family", "birth_date"),
    [
        ("Horvat", "19700409"),
        ("Šimunović Horvat", "19700409"),
        ("Šimunović Primjerić", "19700410"),
        ("Šimunović Primjerić", "1971"),
        ("Šimunović Primjerić", "19"),
        (" ", "19700409"),
        ("Šimunović Primjerić", " "),
    ],
)
def test_somebody_else_is_not(state: State, family: str, birth_date: str) -> None:
    assert not confirmed(state, family=family, birth_date=birth_date)


@pytest.mark.parametrize(
    ("family", "birth_date", "differences"),
    [
        ("Šimunović", "1970", ()),
        ("Horvat", "19700409", ("name",)),
        ("Šimunović", "19700410", ("birth",)),
        ("Horvat", "1971", ("name", "birth")),
        # What one side does not know differs from nothing.
        ("", "", ()),
    ],
)
def test_what_differs_is_named(state: State, family: str, birth_date: str, differences: tuple[str, ...]) -> None:
    persons = ConfirmedPersons(state)
    persons.remember(HR, ANA, AT)
    found = persons.recall(HR, ANA.id, AT)
    assert found is not None and found.differences(family, birth_date) == differences


@pytest.mark.parametrize("missing", ["family", "birth_date"])
def test_what_was_never_known_proves_nothing(state: State, missing: str) -> None:
    assert not confirmed(state, replace(ANA, **{missing: ""}), family="Šimunović", birth_date="19700409")


def test_only_what_both_know_of_a_date_is_compared(state: State) -> None:
    year_only = replace(ANA, birth_date="1970")
    assert confirmed(state, year_only, birth_date="19700409")
    assert not confirmed(state, year_only, birth_date="19690409")


def test_a_confirmation_is_of_one_patient_in_one_country_and_ends(state: State) -> None:
    persons = ConfirmedPersons(state)
    persons.remember(HR, ANA, AT)
    assert persons.recall(HR, ANA.id, AT + REMEMBERED - MINUTE) is not None
    assert persons.recall(HR, ANA.id, AT + REMEMBERED) is None
    assert persons.recall(FR, ANA.id, AT) is None
    assert persons.recall(HR, II("1.2.3", "PAT-00011"), AT) is None
    assert persons.recall(HR, II("1.2.3P", "AT-0001"), AT) is None


def test_the_last_confirmation_counts(state: State) -> None:
    persons = ConfirmedPersons(state)
    persons.remember(HR, ANA, AT)
    persons.remember(HR, replace(ANA, family="Horvat"), AT)
    found = persons.recall(HR, ANA.id, AT)
    assert found is not None
    assert found.agrees("Horvat", "19700409") and not found.agrees("Šimunović", "19700409")


def test_another_gateway_with_the_file_alone_learns_nothing(tmp_path: Path) -> None:
    """Digests are keyed: without the secret, a list of all names of a country gives no match."""
    state = State(tmp_path / "state")
    persons = ConfirmedPersons(state)
    persons.remember(HR, ANA, AT)
    assert "redacted" in repr(persons.recall(HR, ANA.id, AT))
    state.close()
    content = (tmp_path / "state" / "state.lmdb").read_bytes()
    for word in ("PAT-0001", "imunovi", "primjeri", "PRIMJERI", "19700409", "1.2.3"):
        assert word.encode() not in content
    (tmp_path / "state" / "state.secret").unlink()
    stolen = State(tmp_path / "state")
    assert ConfirmedPersons(stolen).recall(HR, ANA.id, AT) is None
    stolen.close()


def test_the_shared_replay_memory_forgets_when_time_is_over(state: State) -> None:
    memory = SharedReplayMemory(state)
    one, two = "0" * 64, "1" * 64
    assert memory.first(one, "a", until=AT + MINUTE, at=AT) is None
    assert memory.first(one, "b", until=AT + MINUTE, at=AT) == "a"
    assert memory.first(two, "b", until=AT + MINUTE, at=AT) is None
    assert memory.first(one, "c", until=AT + 3 * MINUTE, at=AT + 2 * MINUTE) is None


def test_a_damaged_file_is_put_aside_and_the_gateway_remembers_anew(tmp_path: Path) -> None:
    (tmp_path / "state.lmdb").write_bytes(os.urandom(8192))
    made = State(tmp_path)
    try:
        assert made.was_damaged
        assert made.table("seen").first(b"key", b"value", until=AT + MINUTE, at=AT) is None
        assert [path.name for path in tmp_path.glob("state.damaged-*")] == [f"state.damaged-{os.getpid()}"]
    finally:
        made.close()
    again = State(tmp_path)
    try:
        assert not again.was_damaged
    finally:
        again.close()
