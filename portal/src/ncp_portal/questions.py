"""A question to another country while its answer is awaited: progress, an end to waiting, and giving it up.

Knows how a call of the synchronous client is run beside the event loop and how far it has come. A call cannot be
stopped: a question that was given up ends with the stage it is in, and its answer is thrown away. Leaves to ``journey``
what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ncp_portal import waits

T = TypeVar("T")

Advance = Callable[[int], None]
"""Told by the thread: the number of the stage that begins."""


_IN_LINE = 4
"""Questions that may wait for a place, in multiples of the places."""


class Busy(Exception):
    """As many questions are under way and in line as may be."""


class GivenUp(Exception):
    """The professional does not wait any longer, or the longest wait is over (``too_slow``)."""

    def __init__(self, *, too_slow: bool) -> None:
        super().__init__("too slow" if too_slow else "cancelled")
        self.too_slow = too_slow


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage for people. ``state`` is ``done``, ``running`` or ``todo``."""

    name: str
    state: str


class Question(Generic[T]):
    """One question under way. ``kind`` is the name of the step it belongs to; ``stages`` are keys of texts."""

    def __init__(self, kind: str, stages: Sequence[str], began: float) -> None:
        self.kind = kind
        self.began = began
        self._stages = tuple(stages)
        self._at = 0
        self._over = asyncio.Event()
        self._answer: T | None = None
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        return f"Question({self.kind})"

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def stages(self) -> list[Stage]:
        """How far it has come."""
        states = ["done" if number < self._at else "running" if number == self._at else "todo" for number in self._all]
        return [Stage(name, state) for name, state in zip(self._stages, states, strict=True)]

    @property
    def _all(self) -> range:
        return range(len(self._stages))

    async def over_within(self, seconds: float) -> bool:
        """Waits for the end, but not longer."""
        try:
            with waits.for_others():
                await asyncio.wait_for(self._over.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    def answer(self) -> T:
        """What came. Raises what the question raised, or ``GivenUp``; only once it is over."""
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]

    def give_up(self, *, too_slow: bool = False) -> None:
        """No answer is awaited from here on."""
        if not self.is_over:
            self._error = GivenUp(too_slow=too_slow)
            self._over.set()

    def _advance(self, number: int) -> None:
        """Told by the thread. Raises ``GivenUp`` where nobody waits any more, so that nothing further is asked."""
        if self.is_over:
            raise GivenUp(too_slow=False)
        self._at = number

    def _end(self, answer: T | None, error: BaseException | None) -> None:
        if not self.is_over:
            self._answer, self._error = answer, error
            if error is None:
                self._at = len(self._stages)
            self._over.set()


class Desk:
    """Where questions are put: ``most`` at the same time, some more in line, each for a bounded time."""

    def __init__(self, threads: Executor, *, most: int, patience: float) -> None:
        self._threads = threads
        self._most = most
        self._patience = patience
        self._places = asyncio.Semaphore(most)
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def ask(self, question: Question[Any], work: Callable[[Advance], Any]) -> None:
        """Starts it. Raises ``Busy``."""
        if len(self._running) >= self._most * (1 + _IN_LINE):
            raise Busy
        task = asyncio.create_task(self._run(question, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, question: Question[Any], work: Callable[[Advance], Any]) -> None:
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._patience, lambda: question.give_up(too_slow=True))
        try:
            async with self._places:
                if question.is_over:
                    # Given up in line: nobody needs to be asked any more.
                    return
                answer = await loop.run_in_executor(self._threads, work, question._advance)
        except Exception as error:
            question._end(None, error)
        else:
            question._end(answer, None)
        finally:
            late.cancel()
            question.give_up()

    async def call(self, work: Callable[[], T]) -> T:
        """A short call of the gateway itself, which nobody needs to see the progress of."""
        with waits.for_others():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
