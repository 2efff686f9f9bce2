"""The part of ``docs/portal.md`` that lists every key of the configuration, made from the settings themselves.

``python -m ncp_portal.settings_page docs/portal.md`` writes it between its marks; a test keeps it up to date.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ncp_portal.settings import Duration, Language, Listen, Origin, Settings, Url

BEGIN, END = "<!-- keys: made by python -m ncp_portal.settings_page -->", "<!-- end of keys -->"
_NAMED: Mapping[Any, str] = {
    Duration: "duration",
    Language: "language",
    Listen: "address:port",
    Origin: "https URL without path",
    Url: "https URL",
}
_PLAIN: Mapping[Any, str] = {bool: "true or false", int: "number", str: "text", Path: "path"}


def keys() -> str:
    """One table of keys for each table of the file, and first the keys above all tables."""
    sections: list[tuple[str, type[BaseModel]]] = [("", Settings)]
    sections += [(name, kind) for name, field in Settings.model_fields.items() if (kind := _table(field)) is not None]
    return "\n".join(_section(name, kind) for name, kind in sections)


def replaced(page: str) -> str:
    """The page with the keys as they are now. Raises ``ValueError`` where the marks are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks")
    return f"{before}{BEGIN}\n\n{keys()}\n{END}{after}"


def _section(name: str, kind: type[BaseModel]) -> str:
    lines = [
        f"### `[{name}]`" if name else "### Above all tables",
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    lines += [_row(key, field) for key, field in kind.model_fields.items() if _table(field) is None]
    return "\n".join(lines) + "\n"


def _row(key: str, field: FieldInfo) -> str:
    default = "**required**" if field.is_required() else _written(field.default)
    return f"| `{key}` | {_kind(field)} | {default} | {field.description}{_range(field)} |"


def _range(field: FieldInfo) -> str:
    bounds = {name: getattr(each, name) for each in field.metadata for name in ("ge", "le") if hasattr(each, name)}
    return f" From {bounds['ge']} to {bounds['le']}." if len(bounds) == 2 else ""


def _written(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return "`[" + ", ".join(f'"{each}"' for each in value) + "]`"
        case dict():
            return "`{}`"
        case str() | Path():
            return f'`"{value}"`'
        case _:
            return f"`{value}`"


def _kind(field: FieldInfo) -> str:
    return " or ".join(_names(field.annotation, tuple(field.metadata)))


def _names(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    for named, name in _NAMED.items():
        if annotation is named or (
            metadata and annotation is get_args(named)[0] and set(get_args(named)[1:]) & set(metadata)
        ):
            yield name
            return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        for each in arguments:
            if each is not type(None):
                yield from _names(each, metadata)
    elif origin is Literal:
        yield from (f'"{each}"' for each in arguments)
    elif origin is tuple:
        yield f"list of {next(_names(arguments[0]))}"
    elif origin is dict:
        yield f"table of {next(_names(arguments[0]))} = {next(_names(arguments[1]))}"
    elif hasattr(annotation, "__metadata__"):
        yield from _names(get_args(annotation)[0])
    else:
        yield "duration" if annotation is timedelta else _PLAIN[annotation]


def _table(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(replaced(file.read_text(encoding="utf-8")), encoding="utf-8")
