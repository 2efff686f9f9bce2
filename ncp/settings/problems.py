"""What is wrong with a configuration: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """``place`` is the file, or ``$NAME`` of an environment variable; ``line`` 0 where there is none.

    ``is_warning``: worth knowing, but the gateway starts.
    """

    place: str
    line: int
    key: str
    problem: str
    remedy: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        where = f"{self.place}:{self.line}" if self.line else self.place
        what = f"{self.key}: {self.problem}" if self.key else self.problem
        return f"{where}: {what}; {self.remedy}" if self.remedy else f"{where}: {what}"


class SettingsErrors(Exception):
    """A configuration that cannot be used; ``problems`` has all that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
