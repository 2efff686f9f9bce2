"""Places of elements (``ncp.semantics.values.Place``), the same as the document model's, from the tree alone."""

from __future__ import annotations

from lxml.etree import _Element

from ncp.semantics.cda.reading import step_name
from ncp.semantics.values import Place


class Places:
    """Places in one document. The children of an element are numbered once, however many of them are asked for."""

    def __init__(self, root: _Element) -> None:
        self._places: dict[_Element, str] = {root: ""}
        self._numbered: dict[_Element, dict[_Element, str]] = {}
        self._names: dict[object, str] = {}

    def of(self, element: _Element) -> Place:
        """Where the element stands; an empty place for the root."""
        known = self._places
        above: list[_Element] = []
        here: _Element | None = element
        while here is not None and here not in known:
            above.append(here)
            here = here.getparent()
        place = "" if here is None else known[here]
        for node in reversed(above):
            parent = node.getparent()
            if parent is None:
                continue
            step = self._steps(parent).get(node, step_name(str(node.tag)))
            place = known[node] = f"{place}/{step}" if place else step
        return Place(place)

    def attribute(self, element: _Element, name: str) -> Place:
        """Where an attribute stands."""
        place = self.of(element)
        return Place(f"{place}/@{name}" if place else f"@{name}")

    def _steps(self, parent: _Element) -> dict[_Element, str]:
        steps = self._numbered.get(parent)
        if steps is None:
            counts: dict[str, int] = {}
            steps = self._numbered[parent] = {}
            names = self._names
            for node in parent.iterchildren("*"):
                tag = node.tag
                name = names.get(tag)
                if name is None:
                    name = names[tag] = step_name(str(tag))
                number = counts[name] = counts.get(name, 0) + 1
                steps[node] = name if number == 1 else f"{name}[{number}]"
        return steps


def element_at(root: _Element, place: str) -> _Element | None:
    """The element of a place; None when there is none. The last step may be an attribute, whose element is given."""
    here = root
    for step in place.split("/") if place else ():
        if step.startswith("@"):
            break
        name, _, rest = step.partition("[")
        number = int(rest[:-1]) if rest[:-1].isdecimal() else 1
        found = None
        for node in here.iterchildren("*"):
            if step_name(str(node.tag)) == name:
                number -= 1
                if number == 0:
                    found = node
                    break
        if found is None:
            return None
        here = found
    return here
