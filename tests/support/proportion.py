"""Whether work takes time in proportion to how much there is, on machines that do other things meanwhile."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

TIMES = 4
BOUND = 9
"""Four times as much takes four times as long; where it takes the square, sixteen times."""


def assert_in_proportion(work: Callable[[int], object], count: int, *, attempts: int = 4) -> None:
    """``work`` of four times ``count`` takes less than nine times as long as of ``count``.

    One attempt suffices: a busy machine makes single measurements longer, and makes no square shorter.
    """
    ratios = []
    for _ in range(attempts):
        little, much = _seconds(work, count), _seconds(work, TIMES * count)
        ratios.append(much / max(little, 0.01))
        if ratios[-1] < BOUND:
            return
    raise AssertionError(f"four times as much took {', '.join(f'{ratio:.1f}' for ratio in ratios)} times as long")


def _seconds(work: Callable[[int], object], count: int) -> float:
    """Processor time, best of two, without the collector, whose share depends on what was there before."""
    times = []
    for _ in range(2):
        gc.collect()
        gc.disable()
        try:
            begun = time.process_time()
            work(count)
            times.append(time.process_time() - begun)
        finally:
            gc.enable()
    return min(times)
