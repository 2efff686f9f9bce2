"""FHIR terminology: CodeSystem, ValueSet, ConceptMap, alone, in bundles, or as the resources of a package. Pure.

FHIR R4 (hl7.org/fhir/R4: codesystem, valueset, conceptmap), with the R5 ``relationship`` of a concept map.
A value set is taken as a whole or not at all: one that cannot be enumerated here is refused, since a list with
unnoticed gaps would call good codes foreign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ncp.semantics.terminology import rows, systems
from ncp.semantics.terminology.bounded import fields, items
from ncp.semantics.terminology.rows import RowRefused, Rows

TREE_DEPTH = 40
"""Deepest tree of concepts that is followed."""

_FULLY_SPECIFIED = "900000000000003001"
_SYNONYMS = frozenset({"900000000000013009", "synonym"})
_VALID = frozenset({"", "equal", "equivalent", "wider", "subsumes", "source-is-narrower-than-target"})
"""What a source may be to a target so that the target may stand in its place: the same, or something more general."""
_NO_TARGET = frozenset({"unmatched", "disjoint", "not-related-to"})
KINDS = frozenset({"CodeSystem", "ValueSet", "ConceptMap", "Bundle"})


class Resource(NamedTuple):
    """A resource and where it was found."""

    place: str
    body: dict[str, Any]


def is_terminology(value: object) -> bool:
    """Whether the value is a resource that ``read`` takes."""
    return fields(value).get("resourceType") in KINDS


def read(resources: Iterable[Resource], language: str = "en") -> Rows:
    """All rows of the resources. ``language`` counts for names of resources that state none."""
    flat = [one for resource in resources for one in _unbundled(resource)]
    package = _Package(flat)
    for resource in flat:
        reader = {"CodeSystem": _code_system, "ValueSet": _value_set, "ConceptMap": _concept_map}.get(
            resource.body.get("resourceType", "")
        )
        if reader is not None:
            yield from reader(resource, package, language)


def _unbundled(resource: Resource) -> Iterator[Resource]:
    if resource.body.get("resourceType") != "Bundle":
        yield resource
        return
    for number, entry in enumerate(items(resource.body.get("entry"))):
        inner = fields(fields(entry).get("resource"))
        if inner.get("resourceType") in KINDS - {"Bundle"}:
            yield Resource(f"{resource.place}#entry[{number}]", inner)


class _Package:
    """What the resources know of each other: OIDs of code systems, and codes of those that are complete."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._oids: dict[str, str] = {}
        self._bodies: dict[str, Resource] = {}
        for resource in resources:
            if resource.body.get("resourceType") != "CodeSystem":
                continue
            url = _canonical(resource.body.get("url"))
            found = _oid(resource.body)
            if url and found:
                self._oids[url] = found
            if url and resource.body.get("content") in ("complete", None):
                self._bodies[url] = resource

    def system(self, value: object) -> str:
        """The key of a code system given by its canonical address."""
        url = _canonical(value) if isinstance(value, str) else value
        known = systems.oid_of(url) if isinstance(url, str) else url
        if known == url and isinstance(url, str):
            known = self._oids.get(url, url)
        return rows.system(known)

    def codes(self, value: object) -> list[str] | None:
        """All codes of a code system of the package; None when it is not there as a whole."""
        resource = self._bodies.get(_canonical(value))
        if resource is None:
            return None
        return [
            str(concept["code"]).strip()
            for _, concept in _tree(resource.body.get("concept"), "concept")
            if isinstance(concept.get("code"), str) and concept["code"].strip()
        ]


def _code_system(resource: Resource, package: _Package, default: str) -> Rows:
    place, body = resource
    is_supplement = body.get("content") == "supplement"
    try:
        url = _canonical(body.get("supplements") if is_supplement else body.get("url"))
        system = package.system(url) if is_supplement else rows.system(_oid(body) or systems.oid_of(url))
        language = rows.language(body.get("language") or default)
    except RowRefused as refused:
        yield rows.Refused(place, 0, str(refused))
        return
    version = "" if is_supplement else rows.label(body.get("version"))
    if not is_supplement:
        name = rows.label(body.get("title")) or rows.label(body.get("name"))
        yield rows.System(system, name, url if "://" in url else "")
        if version:
            yield rows.SystemVersion(system, version, rows.date(body.get("date")), rows.status(body.get("status")))
    for number, (path, concept) in enumerate(_tree(body.get("concept"), "concept"), start=1):
        try:
            code = rows.code(concept.get("code"))
            if not is_supplement:
                yield rows.Concept(system, code, version, _concept_status(concept))
            yield from _names(system, code, concept, language, place, number)
        except RowRefused as refused:
            yield rows.Refused(f"{place}#{path}", number, str(refused))


def _concept_status(concept: dict[str, Any]) -> str:
    for entry in map(fields, items(concept.get("property"))):
        if entry.get("code") == "inactive" and entry.get("valueBoolean") is True:
            return "retired"
        if entry.get("code") == "status":
            return rows.status(entry.get("valueCode") or entry.get("valueString"))
    return rows.CURRENT


def _names(system: str, code: str, concept: dict[str, Any], language: str, place: str, number: int) -> Rows:
    """Display and designations of one concept; a designation that is not acceptable is refused alone."""
    if concept.get("display") is not None:
        try:
            yield rows.Designation(system, code, language, rows.text(concept["display"]))
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))
    for entry in map(fields, items(concept.get("designation"))):
        use = str(fields(entry.get("use")).get("code") or "")
        try:
            yield rows.Designation(
                system,
                code,
                rows.language(entry.get("language") or language),
                rows.text(entry.get("value")),
                is_preferred=use not in _SYNONYMS and use != _FULLY_SPECIFIED,
                use=rows.label(use),
            )
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))


def _value_set(resource: Resource, package: _Package, default: str) -> Rows:
    place, body = resource
    try:
        oid = rows.system(_oid(body) or _canonical(body.get("url")))
        language = rows.language(body.get("language") or default)
        members = list(_members(body, package))
    except RowRefused as refused:
        yield rows.Refused(place, 0, str(refused))
        return
    version = rows.label(body.get("version"))
    name = rows.label(body.get("name")) or rows.label(body.get("title"))
    yield rows.ValueSet(oid, name, version, rows.date(body.get("date")), rows.status(body.get("status")))
    for number, (system, concept) in enumerate(members, start=1):
        try:
            code = rows.code(concept.get("code"))
            yield rows.Member(oid, version, system, code)
            yield from _names(system, code, concept, language, place, number)
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))


def _members(body: dict[str, Any], package: _Package) -> Iterator[tuple[str, dict[str, Any]]]:
    """(system, concept) of every member: of the expansion when there is one, else of an enumerated compose."""
    expansion = fields(body.get("expansion"))
    if expansion:
        found = [
            concept
            for _, concept in _tree(expansion.get("contains"), "contains")
            if concept.get("abstract") is not True and concept.get("code") is not None
        ]
        total = expansion.get("total")
        if expansion.get("offset") or (isinstance(total, int) and total > len(found)):
            raise RowRefused("value_set.expansion_incomplete")
        yield from ((package.system(concept.get("system")), concept) for concept in found)
        return
    compose = fields(body.get("compose"))
    excluded = {
        (system, str(concept.get("code")).strip())
        for part in items(compose.get("exclude"))
        for system, concept in _enumerated(fields(part), package)
    }
    includes = items(compose.get("include"))
    if not includes:
        raise RowRefused("value_set.no_content")
    for part in includes:
        for system, concept in _enumerated(fields(part), package):
            if (system, str(concept.get("code")).strip()) not in excluded:
                yield system, concept


def _enumerated(part: dict[str, Any], package: _Package) -> Iterator[tuple[str, dict[str, Any]]]:
    if part.get("filter") or part.get("valueSet"):
        raise RowRefused("value_set.not_enumerated")
    system = package.system(part.get("system"))
    listed = part.get("concept")
    if listed is None:
        codes = package.codes(part.get("system"))
        if codes is None:
            raise RowRefused("value_set.not_enumerated")
        yield from ((system, {"code": code}) for code in codes)
        return
    yield from ((system, fields(concept)) for concept in items(listed))


def _concept_map(resource: Resource, package: _Package, default: str) -> Rows:
    place, body = resource
    retired = body.get("status") == "retired"
    number = 0
    for group in map(fields, items(body.get("group"))):
        try:
            source, target = package.system(group.get("source")), package.system(group.get("target"))
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))
            continue
        for element in map(fields, items(group.get("element"))):
            number += 1
            try:
                code = rows.code(element.get("code"))
                yield from _mappings(element, code, source, target, retired=retired)
            except RowRefused as refused:
                yield rows.Refused(f"{place}#element", number, str(refused))


def _mappings(element: dict[str, Any], code: str, source: str, target: str, *, retired: bool) -> Rows:
    for priority, entry in enumerate(map(fields, items(element.get("target")))):
        relation = str(entry.get("equivalence") or entry.get("relationship") or "")
        if relation in _NO_TARGET:
            continue
        status = "retired" if retired else rows.VALID if relation in _VALID else rows.label(relation)
        comment = rows.label(entry.get("comment")) or rows.label(relation)
        yield rows.Mapping(source, code, target, rows.code(entry.get("code")), status, priority, comment)


def _tree(value: object, children: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every concept of a tree with its path, parents first; below ``TREE_DEPTH`` the whole resource is refused."""
    stack = [(f"{children}[{number}]", 1, fields(one)) for number, one in enumerate(items(value))]
    stack.reverse()
    while stack:
        path, depth, concept = stack.pop()
        yield path, concept
        inner = items(concept.get(children))
        if inner and depth >= TREE_DEPTH:
            raise rows.ImportRefused(path[:200], f"concepts nested deeper than {TREE_DEPTH}")
        stack.extend(
            (f"{path}.{children}[{number}]", depth + 1, fields(one)) for number, one in reversed(list(enumerate(inner)))
        )


def _oid(body: dict[str, Any]) -> str:
    """The OID among the identifiers of a resource; empty when there is none."""
    found = body.get("identifier")
    for entry in map(fields, found if isinstance(found, list) else [found]):
        value = entry.get("value")
        if isinstance(value, str) and value.strip().lower().startswith("urn:oid:"):
            return value.strip()[8:].strip()
    url = body.get("url")
    return url.strip()[8:] if isinstance(url, str) and url.strip().lower().startswith("urn:oid:") else ""


def _canonical(value: object) -> str:
    """A canonical address without its version."""
    return value.strip().partition("|")[0] if isinstance(value, str) else ""
