"""Country A: one national code becomes one of the network, or is sent so that nothing of it is lost.

In this order: a valid mapping into a value set of the place; the code itself, when it is one of the network; else the
concept has no counterpart (``nullFlavor="OTH"``, the national code inside ``translation``). A code of the network is
never taken away, at worst it is sent with a warning.
"""

from __future__ import annotations

from lxml.etree import _Element

from ncp.semantics.coding import CodeState
from ncp.semantics.terminology.answers import Concept, Designation, Mapping
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform import problems
from ncp.semantics.transform.elements import Place, Usage
from ncp.semantics.transform.problems import code_context, tm, tsam
from ncp.semantics.transform.standing import (
    Membership,
    english,
    is_of_network,
    membership,
)
from ncp.semantics.transform.work import Work, Written
from ncp.semantics.transform.writing import assign, wrap


def transcode_code(element: _Element, said: Written, place: Place, work: Work) -> None:
    """An element that has code and code system."""
    release = work.release
    concept = release.concept(said.system, said.code, said.version or None)
    mapping = _mapping(work, place, said)
    if mapping is not None and (mapping.target_system, mapping.target_code) != (said.system, said.code):
        _replace(element, said, mapping, place, work)
        return
    standing = membership(release, place, said.system, said.code)
    if place.value_sets and standing is not Membership.MEMBER and not is_of_network(said.system):
        _no_counterpart(element, said, concept, place, work)
        return
    _keep(element, said, concept, standing, place, work)


def _mapping(work: Work, place: Place, said: Written) -> Mapping | None:
    """The valid mapping of lowest priority number into a value set of the place."""
    found = work.release.mappings(said.system, said.code)
    if not found:
        return None
    inside = [one for one in found if _may_stand(work.release, place, one)]
    valid = next((one for one in inside if one.is_valid), None)
    if valid is None:
        unusable = problems.MAPPING_INVALID if inside else problems.OUTSIDE_VALUE_SET
        work.warn(tsam(unusable, code_context(said.system, said.code)))
    return valid


def _may_stand(release: Release, place: Place, mapping: Mapping) -> bool:
    target = membership(release, place, mapping.target_system, mapping.target_code)
    return target is not Membership.OUTSIDE


def _replace(element: _Element, said: Written, mapping: Mapping, place: Place, work: Work) -> None:
    release = work.release
    concept = release.concept(mapping.target_system, mapping.target_code)
    name = english(release, mapping.target_system, mapping.target_code)
    wrap(
        element,
        {
            "code": said.code,
            "codeSystem": said.system,
            "codeSystemName": said.system_name,
            "codeSystemVersion": said.version,
            "displayName": said.name,
        },
    )
    assign(element, "code", mapping.target_code)
    assign(element, "codeSystem", mapping.target_system)
    assign(element, "codeSystemName", mapping.target_system_name)
    assign(element, "codeSystemVersion", concept.versions[-1] if concept is not None and concept.versions else "")
    # A national name must not stand where everybody reads English.
    assign(element, "displayName", name.text if name is not None else "")
    work.changed = True
    context = code_context(mapping.target_system, mapping.target_code)
    if name is None:
        work.warn(tsam(problems.NO_DESIGNATION, context))
    elif not name.is_current:
        work.warn(tsam(problems.NO_CURRENT_DESIGNATION, context))
    if concept is not None and not concept.is_current:
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, context))
    named = name.language if name is not None else ""
    work.became(element, mapping.target_system, mapping.target_code, CodeState.TRANSLATED, place=place, language=named)


def _no_counterpart(element: _Element, said: Written, concept: Concept | None, place: Place, work: Work) -> None:
    missing = problems.TARGET_UNKNOWN
    if concept is None:
        missing = problems.CONCEPT_UNKNOWN if work.release.system(said.system) else problems.SYSTEM_UNKNOWN
    problem = tsam(missing, code_context(said.system, said.code))
    if place.usage is Usage.REQUIRED:
        _refuse(element, said, problem, place, work)
        return
    work.warn(problem)
    name = english(work.release, said.system, said.code)
    national = {
        "code": said.code,
        "codeSystem": said.system,
        "codeSystemName": said.system_name,
        "codeSystemVersion": said.version,
        "displayName": said.name,
    }
    if name is not None and name.text != said.name:
        if said.name:
            wrap(element, national)
        wrap(element, {**national, "displayName": name.text})
    else:
        wrap(element, national)
    for attribute in ("code", "codeSystemName", "codeSystemVersion", "displayName"):
        assign(element, attribute, "")
    system = _system_of(work.release, place)
    assign(element, "codeSystem", system)
    element.set("nullFlavor", "OTH")
    work.changed = True
    work.became(
        element, system, "", CodeState.UNMAPPED, place=place, language=name.language if name is not None else ""
    )


def _system_of(release: Release, place: Place) -> str:
    """The code system of the first loaded value set; empty when none is."""
    for value_set in place.value_sets:
        found = release.systems_in(value_set)
        if found:
            return found[0]
    return ""


def _keep(
    element: _Element, said: Written, concept: Concept | None, standing: Membership, place: Place, work: Work
) -> None:
    """A code that may travel as it is; its name becomes English."""
    context = code_context(said.system, said.code)
    if concept is None:
        listed = bool(place.value_sets)
        missing = problems.CONCEPT_UNKNOWN if work.release.system(said.system) else problems.SYSTEM_UNKNOWN
        if place.usage is Usage.REQUIRED and standing is Membership.OUTSIDE:
            _refuse(element, said, tsam(missing, context), place, work)
            return
        if listed and standing is not Membership.MEMBER:
            work.warn(tsam(missing, context))
        state = CodeState.SAME if standing is Membership.MEMBER else CodeState.UNKNOWN_CODE
        work.became(element, said.system, said.code, state, place=place)
        return
    name = english(work.release, said.system, said.code, said.version)
    state = CodeState.SAME
    if name is not None and name.text != said.name and _is_better(work, said, name):
        if said.name:
            wrap(
                element,
                {
                    "code": said.code,
                    "codeSystem": said.system,
                    "codeSystemName": said.system_name,
                    "displayName": said.name,
                },
            )
        element.set("displayName", name.text)
        work.changed = True
        state = CodeState.TRANSLATED
    if name is None and place.value_sets:
        work.warn(tsam(problems.TARGET_UNKNOWN, context))
    if not concept.is_current:
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, context))
    if standing is Membership.OUTSIDE:
        work.warn(tsam(problems.OUTSIDE_VALUE_SET, context))
        state = CodeState.OUTSIDE_VALUE_SET
    work.became(
        element,
        said.system,
        said.code,
        state,
        place=place,
        language=name.language if name is not None else "",
        version_loaded=concept.version_loaded,
    )


def _is_better(work: Work, said: Written, name: Designation) -> bool:
    """Whether the catalogue's English should replace the name that the country gave a code of the network: words of
    our own, or of a machine, replace no name but one that is known to be in another language."""
    return name.kind == "official" or not said.name or work.is_named_elsewhere(said)


def _refuse(element: _Element, said: Written, problem: problems.Problem, place: Place, work: Work) -> None:
    work.error(problem)
    work.error(tm(problems.REQUIRED_NOT_TRANSCODED, work.around.place(element)))
    work.became(element, said.system, said.code, CodeState.UNKNOWN_CODE, place=place)
