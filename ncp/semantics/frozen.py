"""Constructors of frozen dataclasses that cost a third.

A frozen dataclass sets each field through ``object.__setattr__``, which takes longer than everything else about it, and
a summary is made of thousands of objects. Here ``__init__`` fills the object as one of a class with the same slots that
may be written, and makes it frozen with its last statement; nobody else ever sees it before that. Signature, defaults,
equality, hash and ``FrozenInstanceError`` stay those of the dataclass.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

_Frozen = TypeVar("_Frozen", bound=type)


def cheaply_made(cls: _Frozen) -> _Frozen:
    """A frozen dataclass with slots and plain fields, all of them parameters; its ``__init__`` is replaced in place."""
    made_of: Any = fields(cls)
    names = [one.name for one in made_of]
    if any(one.default_factory is not MISSING or one.kw_only or not one.init for one in made_of):
        raise TypeError(f"{cls.__name__}: fields that need more than to be stored")
    # Python looks for both before it stores fields without asking the class.
    written = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    scope: dict[str, Any] = {
        "become": object.__setattr__,
        "Open": type(cls.__name__, cls.__bases__, {"__slots__": cls.__dict__["__slots__"], **written}),
        "Frozen": cls,
        "default": {one.name: one.default for one in made_of},
    }
    parameters = (one.name if one.default is MISSING else f"{one.name}=default[{one.name!r}]" for one in made_of)
    lines = [
        f"def __init__(self, {', '.join(parameters)}):",
        "become(self, '__class__', Open)",
        *(f"self.{name} = {name}" for name in names),
        "self.__class__ = Frozen",
    ]
    # As ``dataclasses`` does: field names are identifiers of this program, never of a document.
    exec("\n    ".join(lines), scope)  # noqa: S102
    made: Any = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = cls.__dict__["__init__"].__annotations__
    type.__setattr__(cls, "__init__", made)
    return cls
