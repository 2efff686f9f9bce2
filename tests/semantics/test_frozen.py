"""Objects of the model stay frozen dataclasses in everything but what making one costs."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, replace

import pytest

from ncp.semantics import model, read_cda
from ncp.semantics.frozen import cheaply_made
from ncp.semantics.terminology.answers import Designation, Match
from ncp.semantics.values import Coded, Datum, Place, Text

assert model and read_cda, "imported for the classes that they define"


def all_below(cls: type) -> Iterator[type]:
    for one in cls.__subclasses__():
        # Not the classes that dataclasses and constructors are made from.
        if getattr(sys.modules[one.__module__], one.__name__, None) is one:
            yield one
        yield from all_below(one)


CLASSES = sorted({*all_below(Datum), Designation}, key=lambda one: one.__qualname__)


def filled(cls: type) -> dict[str, object]:
    return {one.name: f"{one.name} of it" for one in fields(cls)}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda one: one.__qualname__)
def test_every_class_of_the_model_takes_and_keeps_what_its_fields_say(cls: type) -> None:
    given = filled(cls)
    by_name, by_position = cls(**given), cls(*given.values())
    assert {name: getattr(by_name, name) for name in given} == given
    assert by_name == by_position
    assert type(by_name) is cls
    needed = {one.name: "x" for one in fields(cls) if one.default is MISSING}
    least = cls(**needed)
    assert all(getattr(least, one.name) is one.default for one in fields(cls) if one.name not in needed)
    assert list(inspect.signature(cls).parameters) == list(given)
    with pytest.raises(TypeError):
        cls(**given, more=1)
    with pytest.raises(TypeError):
        cls(*given.values(), 1)
    with pytest.raises(TypeError):
        cls()


@pytest.mark.attack
@pytest.mark.parametrize("cls", CLASSES, ids=lambda one: one.__qualname__)
def test_nothing_of_the_model_can_be_changed(cls: type) -> None:
    made = cls(**filled(cls))
    for one in fields(cls):
        with pytest.raises(FrozenInstanceError):
            setattr(made, one.name, "changed")
        with pytest.raises(FrozenInstanceError):
            delattr(made, one.name)
    assert not hasattr(made, "__dict__")
    assert {one.name: getattr(made, one.name) for one in fields(cls)} == filled(cls)


def test_equality_hash_copies_and_replacement_are_those_of_a_dataclass() -> None:
    place = Place("a/b")
    one, same, other = Coded(place, "1", original=Text(place, "x")), Coded(place, "1", original=Text(place, "x")), 0
    assert one == same
    assert hash(one) == hash(same)
    assert one != replace(one, code="2")
    assert replace(one, code="2").code == "2"
    assert one != other
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(FrozenInstanceError):
        copy.copy(one).code = "2"  # type: ignore[misc]
    assert Designation("s", "c", "t", "en", Match.EXACT) in {Designation("s", "c", "t", "en", Match.EXACT)}


def test_fields_that_need_more_than_to_be_stored_are_not_taken() -> None:
    @dataclass(frozen=True, slots=True)
    class Listed:
        items: list[str] = field(default_factory=list)

    with pytest.raises(TypeError):
        cheaply_made(Listed)
