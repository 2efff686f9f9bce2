"""The small part of XPath that lists of coded elements are written in, matched from the element upwards.

``/A/b/c`` or ``//a[test][test and test]/b/c``; names without namespace; a test is ``@name='value'`` or
``child/@name='value'``. Paths that end in an attribute are read and match no element. Matching upwards costs a few
comparisons for an element with a code, while evaluating every path over a document would visit it as often as there
are paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from lxml.etree import _Element

_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*)((?:\[[^\]]{1,200}\])*)")
_TEST = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9]*)/)?@([A-Za-z]+)\s*=\s*'([^']{1,128})'\s*")
_ATTRIBUTE = re.compile(r"@[A-Za-z]+")
PATH_MAX = 1000
STEPS_MAX = 30


Facts = frozenset[tuple[str, str, str]]
"""Children of an element by name, attribute and value, as far as paths ask for them."""


class PathRefused(ValueError):
    """Not a path of that form."""


@dataclass(frozen=True, slots=True)
class Step:
    """One element on the way: its name, and attributes that it, or one of its children, has."""

    name: str
    own: tuple[tuple[str, str], ...] = ()
    children: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the element up. ``absolute``: the last step is the root of the document."""

    steps: tuple[Step, ...]
    absolute: bool
    attribute: str = ""

    @property
    def name(self) -> str:
        """Name of the element itself."""
        return self.steps[0].name


def parse_path(text: str) -> Path:
    """``PathRefused`` for anything else than the form above."""
    if len(text) > PATH_MAX or not text.startswith("/"):
        raise PathRefused("a path begins with / or // and has at most 1000 characters")
    absolute = not text.startswith("//")
    words = _split(text.lstrip("/"))
    attribute = ""
    if _ATTRIBUTE.fullmatch(words[-1]):
        attribute = words.pop()[1:]
    if not words or len(words) > STEPS_MAX:
        raise PathRefused("a path has 1 to 30 elements")
    return Path(tuple(_step(word) for word in reversed(words)), absolute, attribute)


def _split(text: str) -> list[str]:
    """At the slashes that stand outside brackets."""
    words, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "/" and depth == 0:
            words.append(text[start:at])
            start = at + 1
    return [*words, text[start:]]


def _step(word: str) -> Step:
    found = _STEP.fullmatch(word)
    if found is None:
        raise PathRefused("an element is a name with tests in brackets")
    own: list[tuple[str, str]] = []
    children: list[tuple[str, str, str]] = []
    for bracket in re.findall(r"\[([^\]]*)\]", found[2]):
        for part in re.split(r"\band\b", bracket):
            test = _TEST.fullmatch(part)
            if test is None:
                raise PathRefused("a test is @name='value' or child/@name='value'")
            child, attribute, value = test.groups()
            if child:
                children.append((child, attribute, value))
            else:
                own.append((attribute, value))
    return Step(found[1], tuple(own), frozenset(children))


class Spot:
    """An element with what is asked of it again and again."""

    __slots__ = ("above", "element", "facts", "known_place", "name", "numbers")

    def __init__(self, element: _Element, name: str, above: Spot | None) -> None:
        self.element = element
        self.name = name
        self.above = above
        self.facts: Facts | None = None
        self.known_place: str | None = None
        self.numbers: dict[_Element, int] | None = None


class Standing:
    """Where an element stands, worked out when first asked. Nothing of a document points back at it: what it holds is
    freed with it."""

    __slots__ = ("_around", "_element")

    def __init__(self, around: Surroundings, element: _Element) -> None:
        self._around = around
        self._element = element

    @property
    def place(self) -> str:
        """In the words of ``ncp.semantics.values.Place``."""
        return self._around.place(self._element)


class Surroundings:
    """The elements of one document that were looked at, each taken apart once: name, what is round it, place."""

    def __init__(self) -> None:
        self._names: dict[object, str] = {}
        self._spots: dict[_Element, Spot] = {}

    def name(self, element: _Element) -> str:
        """Name without namespace; empty for comments and processing instructions."""
        tag = element.tag
        name = self._names.get(tag)
        if name is None:
            name = self._names[tag] = tag.rpartition("}")[2] if isinstance(tag, str) else ""
        return name

    def spot(self, element: _Element) -> Spot:
        known = self._spots.get(element)
        if known is None:
            parent = element.getparent()
            above = None if parent is None else self.spot(parent)
            known = self._spots[element] = Spot(element, self.name(element), above)
        return known

    def place(self, element: _Element) -> str:
        """Where the element stands, in the words of ``ncp.semantics.values.Place``."""
        return self._place(self.spot(element))

    def _place(self, spot: Spot) -> str:
        if spot.known_place is None:
            above = spot.above
            if above is None:
                spot.known_place = ""
            else:
                if above.numbers is None:
                    above.numbers = self._numbers(above.element)
                number = above.numbers.get(spot.element)
                step = spot.name[:64] if number is None else f"{spot.name[:64]}[{number}]"
                outer = self._place(above)
                spot.known_place = f"{outer}/{step}" if outer else step
        return spot.known_place

    def _numbers(self, parent: _Element) -> dict[_Element, int]:
        """The number of each child among those of its name, without the first ones. All at once: counting before each
        would take the square of their number."""
        counts: dict[str, int] = {}
        numbers: dict[_Element, int] = {}
        if len(parent) == 1:
            return numbers
        for child in parent:
            name = self._names.get(child.tag) or self.name(child)
            number = counts[name] = counts.get(name, 0) + 1
            if number > 1:
                numbers[child] = number
        return numbers


T = TypeVar("T")


class _Node(Generic[T]):
    """A step, what ends with it, and the steps above it."""

    __slots__ = ("ends", "ends_at_root", "step", "up")

    def __init__(self, step: Step) -> None:
        self.step = step
        self.up: dict[str, list[_Node[T]]] = {}
        self.ends: list[T] = []
        self.ends_at_root: list[T] = []


class PathIndex(Generic[T]):
    """Many paths at once: a step that several of them share is looked at once."""

    def __init__(self, paths: Iterable[tuple[Path, T]]) -> None:
        self._first: dict[str, list[_Node[T]]] = {}
        asked: dict[str, set[str]] = {}
        for path, item in paths:
            if path.attribute:
                continue
            level = self._first
            for step in path.steps:
                for child, attribute, _ in step.children:
                    asked.setdefault(child, set()).add(attribute)
                node = _node_of(level.setdefault(step.name, []), step)
                level = node.up
            (node.ends_at_root if path.absolute else node.ends).append(item)
        self._asked = {child: tuple(sorted(attributes)) for child, attributes in asked.items()}

    def find(self, spot: Spot, around: Surroundings) -> list[T]:
        """What stands at the ends of all paths that lead to the element."""
        found: list[T] = []
        nodes = self._first.get(spot.name)
        if nodes:
            self._climb(spot, nodes, around, found)
        return found

    def _climb(self, spot: Spot, nodes: list[_Node[T]], around: Surroundings, found: list[T]) -> None:
        above = spot.above
        for node in nodes:
            further = None if above is None else node.up.get(above.name)
            if further is None and not (node.ends or (above is None and node.ends_at_root)):
                continue
            step = node.step
            if step.own:
                get = spot.element.get
                if any(get(attribute) != value for attribute, value in step.own):
                    continue
            if step.children:
                if spot.facts is None:
                    spot.facts = self._facts(spot.element, around)
                if not step.children <= spot.facts:
                    continue
            found += node.ends
            if above is None:
                found += node.ends_at_root
            elif further is not None:
                self._climb(above, further, around, found)

    def _facts(self, element: _Element, around: Surroundings) -> Facts:
        facts: set[tuple[str, str, str]] = set()
        for child in element:
            name = around.name(child)
            for attribute in self._asked.get(name, ()):
                value = child.get(attribute)
                if value is not None:
                    facts.add((name, attribute, value))
        return frozenset(facts)


def _node_of(nodes: list[_Node[T]], step: Step) -> _Node[T]:
    for node in nodes:
        if node.step == step:
            return node
    nodes.append(_Node(step))
    return nodes[-1]
