"""The transformation as OpenNCP 7.1 does it, number by number, for partners and tests that expect exactly that.

Facts: ``eHDSI_ehealth:translations-and-mappings`` ``TransformationService``, ``eHDSI_ehealth:tsam``
``TerminologyService``. Elements are taken row by row of the list, an element of two rows twice; languages match to the
letter; a version of a code system that is not loaded hides the code; every failure is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml.etree import _Element

from ncp.semantics.cda.values import type_of
from ncp.semantics.coding import CodeState
from ncp.semantics.terminology.answers import Concept, Designation
from ncp.semantics.transform import problems
from ncp.semantics.transform.elements import CodedElement, Matcher
from ncp.semantics.transform.problems import Problem, code_context, names_context, tm, tsam
from ncp.semantics.transform.result import Direction
from ncp.semantics.transform.standing import ENGLISH
from ncp.semantics.transform.work import Work, Written, written
from ncp.semantics.transform.writing import wrap
from ncp.wire.xml import NS_XSI

_SCHEMA_TYPE = f"{{{NS_XSI}}}type"
_NEVER = frozenset({"event"})
"""``[@type='EIVL_TS']`` names an attribute of no namespace, which no document has."""


class _Failed(Exception):
    """The look-up of one code ends here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Answer:
    """What to write; ``system`` is empty when only the name changes."""

    name: str
    code: str = ""
    system: str = ""
    system_name: str = ""
    version: str = ""


def transform_strictly(root: _Element, matcher: Matcher, direction: Direction, language: str, work: Work) -> None:
    """All rows over one document."""
    if not matcher.rows:
        work.warn(tm(problems.NO_CODED_ELEMENTS))
    found: dict[CodedElement, list[_Element]] = {row: [] for row in matcher.rows}
    names = [f"{{*}}{name}" for name in matcher.names if name not in _NEVER]
    for element in root.iter(*names) if names else ():
        for row in matcher.find(element, work.around).rows:
            found[row].append(element)
    required = frozenset(matcher.required)
    states: dict[_Element, tuple[CodeState, str]] = {}
    for row in matcher.rows:
        if row in required and not found[row]:
            work.error(tm(problems.REQUIRED_MISSING, row.text))
        for element in found[row]:
            state, named = _one(element, direction, language, work)
            if element not in states or state is not CodeState.SAME:
                states[element] = (state, named)
            if row in required and state in (CodeState.UNKNOWN_CODE, CodeState.NOT_CODED):
                failed = (
                    problems.REQUIRED_NOT_TRANSCODED
                    if direction is Direction.TRANSCODE
                    else problems.REQUIRED_NOT_TRANSLATED
                )
                work.error(tm(failed, work.around.place(element)))
    for element, (state, named) in states.items():
        work.became(element, *_code_of(element), state, place=matcher.find(element, work.around).place, language=named)


def _code_of(element: _Element) -> tuple[str, str]:
    now = written(element)
    return now.system, now.code


def _one(element: _Element, direction: Direction, language: str, work: Work) -> tuple[CodeState, str]:
    if element.get(_SCHEMA_TYPE) and type_of(element) not in ("CE", "CD"):
        # Told, and then taken all the same.
        work.warn(tm(problems.NOT_A_CODED_TYPE))
    if element.get("nullFlavor") is not None:
        return (CodeState.UNMAPPED if element.get("nullFlavor") == "OTH" else CodeState.NULL), ""
    if element.get("code") is None or element.get("codeSystem") is None:
        if next(element.iterdescendants("{*}originalText"), None) is not None:
            return CodeState.SAME, ""
        work.warn(tm(problems.ATTRIBUTES_MISSING, f"Element {work.around.place(element)}"))
        return CodeState.NOT_CODED, ""
    said = written(element)
    try:
        answer = _transcoded(said, work) if direction is Direction.TRANSCODE else _translated(said, language, work)
    except _Failed as failure:
        work.error(failure.problem)
        return CodeState.UNKNOWN_CODE, ""
    named = ENGLISH if direction is Direction.TRANSCODE else language
    return (CodeState.TRANSLATED if _write(element, said, answer, work) else CodeState.SAME), named


def _transcoded(said: Written, work: Work) -> _Answer:
    source = _concept(said, work)
    context = code_context(said.system, said.code)
    if not source.is_current:
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, context))
    mappings = work.release.mappings(said.system, said.code)
    target = source
    if mappings:
        chosen = next((one for one in mappings if one.is_valid), mappings[-1])
        mapped = work.release.concept(chosen.target_system, chosen.target_code)
        if mapped is None:
            raise _Failed(tsam(problems.TARGET_UNKNOWN, context))
        target = mapped
        names = _names(target, ENGLISH, context, work, missing=problems.NO_DESIGNATION)
    else:
        names = _names(source, ENGLISH, context, work, missing=problems.TARGET_UNKNOWN)
    if not target.is_current:
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, context))
    _several(names, context, work)
    version = target.versions[-1] if target.versions else ""
    return _Answer(names[0].text, target.code, target.system, target.system_name, version)


def _translated(said: Written, language: str, work: Work) -> _Answer:
    concept = _concept(said, work)
    context = code_context(said.system, said.code)
    names = _names(concept, language, context, work, missing=problems.NO_DESIGNATION)
    if not concept.is_current:
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, context))
    _several(names, context, work)
    return _Answer(names[0].text)


def _concept(said: Written, work: Work) -> Concept:
    """Code system, its name, its version, then the concept in that version or an earlier one."""
    context = code_context(said.system, said.code)
    system = work.release.system(said.system)
    if system is None:
        raise _Failed(tsam(problems.SYSTEM_UNKNOWN, context))
    if said.system_name != system.name:
        work.warn(tsam(problems.SYSTEM_NAME_DIFFERS, names_context(system.name, said.system_name)))
    if said.version and said.version not in system.versions:
        raise _Failed(tsam(problems.VERSION_UNKNOWN, context))
    concept = work.release.concept(said.system, said.code)
    if concept is None or (said.version and not _in_version(concept, system.versions, said.version)):
        raise _Failed(tsam(problems.CONCEPT_UNKNOWN, context))
    return concept


def _in_version(concept: Concept, versions: tuple[str, ...], version: str) -> bool:
    """Versions are in the order of their dates; a concept without any is in all of them."""
    until = versions[: versions.index(version) + 1]
    return not concept.versions or any(label in until for label in concept.versions)


def _names(concept: Concept, language: str, context: str, work: Work, *, missing: str) -> tuple[Designation, ...]:
    """The current names in exactly that language."""
    found = work.release.designations(concept.system, concept.code, language)
    if not found:
        raise _Failed(tsam(missing, context))
    current = tuple(name for name in found if name.is_current)
    if not current:
        raise _Failed(tsam(problems.NO_CURRENT_DESIGNATION, context))
    return current


def _several(names: tuple[Designation, ...], context: str, work: Work) -> None:
    if len(names) > 1 and not any(name.is_preferred for name in names):
        work.warn(tsam(problems.SEVERAL_DESIGNATIONS, context))


def _write(element: _Element, said: Written, answer: _Answer, work: Work) -> bool:
    """The old code and name into ``translation``, the new ones into the element; False when both were the same."""
    moved = bool(answer.system) and (answer.system.lower() != said.system.lower() or answer.code != said.code)
    renamed = answer.name != said.name
    if moved or renamed:
        wrap(
            element,
            {
                "code": said.code,
                "codeSystem": said.system,
                "codeSystemName": said.system_name,
                "codeSystemVersion": said.version if moved else "",
                "displayName": said.name if renamed else "",
            },
        )
    for attribute, value in (
        ("code", answer.code),
        ("codeSystem", answer.system),
        ("codeSystemName", answer.system_name),
        ("codeSystemVersion", answer.version),
        ("displayName", answer.name),
    ):
        if value and element.get(attribute) != value:
            element.set(attribute, value)
            work.changed = True
    return moved or renamed
