"""What the loader tells of a file it cannot take: file, field, reason, remedy. Never a value out of the file.

Names of folders and files are shown, so they must not name a person (``docs/connector.md``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """``file`` relative to the folder that is loaded, ``field`` a TOML key or a CDA element, empty for the file."""

    file: str
    field: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {f'{self.field}: ' if self.field else ''}{self.reason}. {self.remedy}."


class Refused(Exception):
    """One file, or one patient, cannot be loaded. Carries every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(self.problems)} problems")


_KEY = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)


class Facts(BaseModel):
    """What every table of our TOML files has in common: no unknown keys, no conversions, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


Item = TypeVar("Item")
Many: TypeAlias = Annotated[tuple[Item, ...], Field(strict=False)]
"""A TOML array; its items are as strict as ever."""

Model = TypeVar("Model", bound=Facts)


def read_toml(model: type[Model], data: bytes, file: str) -> Model:
    """The facts of one TOML file. Raises ``Refused`` with one problem per wrong key."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused([Problem(file, "", "not UTF-8 text", "Save the file as UTF-8")]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = _line(str(error))
        raise Refused([Problem(file, where, "not TOML", "Correct the line; see docs/connector.md")]) from None
    try:
        return model.model_validate(table)
    except ValidationError as error:
        found: list[dict[str, Any]] = [dict(one) for one in error.errors(include_input=False)]
        places = [one["loc"] for one in found]
        # A list counts as too short when its only item is wrong; the item says it better.
        told = [one for one in found if not any(_is_inside(place, one["loc"]) for place in places)]
        raise Refused(_problem(model, one, file) for one in told) from None


def _is_inside(place: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _line(text: str) -> str:
    """The place in the parser's message, without the rest of it."""
    start = text.find("at line ")
    return text[start + 3 : -1] if start >= 0 and text.endswith(")") else ""


def _problem(model: type[BaseModel], found: dict[str, Any], file: str) -> Problem:
    place = tuple(found["loc"])
    # A key that no table has could be anything, so only what looks like a key is shown.
    field = ".".join(str(part) if _KEY.fullmatch(str(part)) else "?" for part in place)
    if found["type"] == "extra_forbidden":
        return Problem(file, field, "this key is not known here", "Remove it or correct its spelling")
    if found["type"] == "missing":
        return Problem(file, field, "this key is missing", _remedy(model, place) or "Add it")
    return Problem(file, field, _reason(found), _remedy(model, place) or "Correct it")


def _reason(found: dict[str, Any]) -> str:
    return str(found["msg"]).removeprefix("Value error, ")


def _remedy(model: type[BaseModel], place: tuple[Any, ...]) -> str:
    """The description of the field at that place, which says what belongs there."""
    description = ""
    current: Any = model
    for part in place:
        if isinstance(part, int) or not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        field = current.model_fields.get(str(part))
        if field is None:
            break
        description = field.description or ""
        current = _inner(field.annotation)
    return description


def _inner(annotation: Any) -> Any:
    """The model inside ``list[Model]``, ``Model | None``, ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner(argument)
        if inner is not None:
            return inner
    return None
