"""The keys of the configuration as one flat list, for the reference page, for overrides and for suggestions."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ncp.settings.model import Settings, Table
from ncp.settings.types import Kind
from ncp.settings.units import write_duration, write_size


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``name`` is the dotted name with ``<country>`` or ``[]`` where the file has its own names or a list."""

    name: str
    kind: str
    default: str
    effect: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One table and the keys that stand directly in it."""

    name: str
    description: str
    keys: tuple[Key, ...]


def sections() -> list[Section]:
    """Every table in the order of the model; the first one has no name: the keys at the top of the file."""
    return list(_sections("", "The keys at the top of the file.", Settings))


def _sections(name: str, description: str, model: type[Table]) -> Iterator[Section]:
    inner = [(key, field, _table_of(field.annotation)) for key, field in model.model_fields.items()]
    keys = tuple(_key(f"{name}.{key}" if name else key, field) for key, field, table in inner if table is None)
    if keys:
        yield Section(name, description, keys)
    for key, field, table in inner:
        if table is not None:
            path = f"{name}.{key}" if name else key
            yield from _sections(path + _mark(field.annotation), field.description or "", table)


def _key(name: str, field: FieldInfo) -> Key:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
    return Key(
        name=name,
        kind=_kind_of(field.annotation, tuple(field.metadata)),
        default="" if field.is_required() else written(field.default),
        effect=str(extra.get("effect", "")),
        description=field.description or "",
        is_required=field.is_required(),
    )


def written(value: object, kind: str = "") -> str:
    """A value as the file would have it; empty for an absent one."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f'"{write_duration(value)}"'
        case int():
            return f'"{write_size(value)}"' if kind == "size" else str(value)
        case Enum():
            return f'"{value.value}"'
        case tuple() | list():
            return "[" + ", ".join(written(item) for item in value) + "]"
        case Mapping():
            return "{" + ", ".join(f'"{name}" = {written(item)}' for name, item in value.items()) + "}"
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def kind_of(field: FieldInfo) -> str:
    """The name of the field's type on the reference page."""
    return _kind_of(field.annotation, tuple(field.metadata))


def _kind_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    for item in metadata:
        if isinstance(item, Kind):
            return item.name
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind_of(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return _kind_of(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return " or ".join(f'"{value}"' for value in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"list of {_kind_of(arguments[0])}"
        return "pair of " + " and ".join(_kind_of(argument) for argument in arguments)
    if origin is not None and issubclass(origin, Mapping):
        return f"table of {_kind_of(arguments[0])} = {_kind_of(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f'"{member.value}"' for member in annotation)
    return {bool: "true or false", int: "number", str: "text"}.get(annotation, str(annotation))


def _table_of(annotation: Any) -> type[Table] | None:
    """The model of a table, of the elements of a list of tables, or of the values of a table of tables."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if issubclass(annotation, Table) else None
    found = (_table_of(argument) for argument in get_args(annotation) if argument is not Ellipsis)
    return next((table for table in found if table is not None), None)


def _mark(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is tuple:
        return "[]"
    return ".<country>" if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping) else ""


def field_at(path: tuple[str | int, ...]) -> FieldInfo | None:
    """The field that a path of the file names, or None for one that the model does not have."""
    model: type[Table] | None = Settings
    field: FieldInfo | None = None
    inside = False
    for part in path:
        if inside or isinstance(part, int):  # the name of a peer, the position in a list
            inside = False
            continue
        field = model.model_fields.get(part) if model is not None else None
        if field is None:
            return None
        model = _table_of(field.annotation)
        inside = _mark(field.annotation) == ".<country>" and model is not None
    return field


def is_table(field: FieldInfo) -> bool:
    """Whether the field is a table, a list of tables, or a table of tables."""
    return _table_of(field.annotation) is not None


def suggestion(path: tuple[str | int, ...]) -> str:
    """What an unknown key may have been meant to be, as a remedy."""
    unknown = str(path[-1])
    if any(word in unknown.lower() for word in ("password", "secret", "token", "pin")):
        return "secrets are given by file only (key_password_file)"
    around = _siblings(path[:-1])
    close = difflib.get_close_matches(unknown.lower(), around, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    elsewhere = [key.name for section in sections() for key in section.keys if key.name.split(".")[-1] == unknown]
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"known here: {', '.join(around)}" if around else "take the line out"


def _siblings(path: tuple[str | int, ...]) -> list[str]:
    if not path:
        return list(Settings.model_fields)
    field = field_at(path)
    table = _table_of(field.annotation) if field is not None else None
    return list(table.model_fields) if table is not None else []
