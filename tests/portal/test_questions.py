"""Waiting for another country: stages, giving up, being too slow, the line, errors."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ncp_client import ConnectionFailed
from ncp_portal import waits
from ncp_portal.questions import Busy, Desk, GivenUp, Question


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def question() -> Question[Any]:
    return Question("find", ("send", "find"), 0.0)


def states(asked: Question[Any]) -> list[str]:
    return [each.state for each in asked.stages()]


def test_stages_are_done_one_after_the_other(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        desk, asked, go = Desk(threads, most=2, patience=10), question(), threading.Event()
        reached = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(advance: Any) -> str:
            advance(1)
            loop.call_soon_threadsafe(reached.set)
            go.wait(10)
            return "answer"

        assert states(asked) == ["running", "todo"]
        desk.ask(asked, work)
        await reached.wait()
        assert states(asked) == ["done", "running"] and not asked.is_over
        assert not await asked.over_within(0.01)
        go.set()
        assert await asked.over_within(5) and asked.answer() == "answer"
        assert states(asked) == ["done", "done"]

    run(story())


def test_what_was_given_up_is_over_at_once_and_its_late_answer_is_thrown_away(threads: ThreadPoolExecutor) -> None:
    class Answer:
        """Can be watched."""

    async def story() -> None:
        desk, asked, go = Desk(threads, most=1, patience=10), question(), threading.Event()
        watched: list[weakref.ref[Answer]] = []

        def work(advance: Any) -> Answer:
            go.wait(10)
            made = Answer()
            watched.append(weakref.ref(made))
            return made

        desk.ask(asked, work)
        await asyncio.sleep(0.05)
        asked.give_up()
        assert asked.is_over
        go.set()
        await asyncio.wait(desk._running)
        with pytest.raises(GivenUp) as given_up:
            asked.answer()
        assert not given_up.value.too_slow
        gc.collect()
        assert watched[0]() is None

    run(story())


def test_a_country_that_takes_too_long_is_not_awaited(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        desk, asked, go = Desk(threads, most=1, patience=0.05), question(), threading.Event()
        desk.ask(asked, lambda advance: go.wait(10))
        assert await asked.over_within(5)
        with pytest.raises(GivenUp) as given_up:
            asked.answer()
        assert given_up.value.too_slow
        go.set()

    run(story())


@pytest.mark.parametrize("error", [ConnectionFailed("refused"), ValueError("what nobody foresaw")])
def test_an_error_is_the_answer_and_its_frames_hold_nothing_for_ever(
    threads: ThreadPoolExecutor, error: Exception
) -> None:
    async def story() -> None:
        desk, asked = Desk(threads, most=1, patience=5), question()

        def work(advance: Any) -> None:
            raise error

        desk.ask(asked, work)
        assert await asked.over_within(5)
        with pytest.raises(type(error)) as raised:
            asked.answer()
        assert raised.value is error
        assert "done" not in states(asked)

    run(story())


@pytest.mark.attack
def test_questions_stand_in_line_and_the_line_has_an_end(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        desk, go, running, most = Desk(threads, most=2, patience=10), threading.Event(), [0], [0]
        lock = threading.Lock()

        def work(advance: Any) -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            go.wait(10)
            with lock:
                running[0] -= 1

        asked = [question() for _ in range(10)]
        for each in asked:
            desk.ask(each, work)
        with pytest.raises(Busy):
            desk.ask(question(), work)
        assert await desk.call(lambda: "a short call") == "a short call", "which never stands behind them"
        go.set()
        for each in asked:
            assert await each.over_within(5)
        assert most[0] == 2 and len(desk) <= 1

    run(story())


def test_a_question_given_up_in_line_is_never_asked(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        desk, go, asked_of = Desk(threads, most=1, patience=10), threading.Event(), []
        first, second = question(), question()
        desk.ask(first, lambda advance: go.wait(10))
        desk.ask(second, lambda advance: asked_of.append(1))
        await asyncio.sleep(0.05)
        second.give_up()
        go.set()
        await asyncio.wait(desk._running)
        assert asked_of == []

    run(story())


def test_what_was_awaited_is_not_the_portals_own_time(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        waited, began = waits.begin(), time.perf_counter()
        desk = Desk(threads, most=1, patience=10)
        with waits.for_others():
            await desk.call(lambda: time.sleep(0.1))
        await desk.call(lambda: time.sleep(0.1))
        whole = time.perf_counter() - began
        assert 0.2 <= waited.seconds <= whole, "waits within waits count once"

    run(story())


def test_requests_do_not_count_each_others_waits(threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        desk = Desk(threads, most=1, patience=10)

        async def request(seconds: float) -> float:
            waited = waits.begin()
            await desk.call(lambda: time.sleep(seconds))
            return waited.seconds

        short, long = await asyncio.gather(request(0.01), request(0.3))
        assert short < 0.2 < long

    run(story())
