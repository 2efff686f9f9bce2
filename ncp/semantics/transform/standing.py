"""What a code is, by the catalogue: member of the value sets of its place, of the network at all, named in English."""

from __future__ import annotations

from enum import Enum

from ncp.semantics.terminology import systems
from ncp.semantics.terminology.answers import Designation, Match
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import Place

ENGLISH = "en-GB"
"""The language of the pivot."""

_OF_TEMPLATES = ("2.16.840.1.113883.5.", "1.3.6.1.4.1.19376.1.5.3.2", "1.3.5.1.4.1.19376.1.5.3.2")
"""HL7 v3, and IHE PCC under its OID and under the one that the templates write by mistake."""
_NETWORK = ("1.3.6.1.4.1.12559.11.10.1.3.1.44.", "2.16.840.1.113883.4.642.", *_OF_TEMPLATES)
"""Arcs of code systems that are the network's own, FHIR's, and those of the templates."""


class Membership(Enum):
    """Whether a code belongs to the value sets of its place."""

    MEMBER = "member"
    OUTSIDE = "outside"
    """Every value set of the place is loaded, and none has it."""
    UNKNOWN = "unknown"
    """No value set belongs here, or not all of them are loaded: nobody can tell."""


def membership(release: Release, place: Place, system: str, code: str) -> Membership:
    """The code as it is written decides, no other spelling of it."""
    if (system, code) in place.fixed:
        return Membership.MEMBER
    answer = Membership.OUTSIDE if place.value_sets else Membership.UNKNOWN
    for value_set in place.value_sets:
        inside = release.contains(value_set, system, code)
        if inside:
            return Membership.MEMBER
        if inside is None:
            answer = Membership.UNKNOWN
    return answer


def is_of_network(system: str) -> bool:
    """Whether the code system is one that all countries read; the others are somebody's national ones."""
    return system in systems.NAMES or system.startswith(_NETWORK)


def is_of_templates(system: str) -> bool:
    """Whether the code system is one that templates fix codes of: what has no name there says nothing to a reader."""
    return system.startswith(_OF_TEMPLATES)


def english(release: Release, system: str, code: str, version: str = "") -> Designation | None:
    """The English name of exactly this code."""
    found = release.lookup(system, code, ENGLISH, version or None)
    return None if found is None or found.is_alias else found


def is_name_in_another_language(release: Release, system: str, code: str, name: str) -> bool:
    """Whether the name is one that this release gives the code in some language other than English."""
    for tag in release.languages:
        if not tag.lower().startswith("en"):
            found = release.lookup(system, code, tag)
            if found is not None and found.match is not Match.ENGLISH and found.text == name:
                return True
    return False
