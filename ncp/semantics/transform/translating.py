"""Country B: a code of the network gets its name in the reader's language; the English of the pivot stays inside.

What cannot be named keeps the name it came with. Translating again changes nothing; into another language it changes
the name alone, so that English never hides below two other languages.
"""

from __future__ import annotations

from lxml.etree import _Element

from ncp.semantics.coding import CodeState
from ncp.semantics.terminology.answers import Designation, Match
from ncp.semantics.transform import problems
from ncp.semantics.transform.elements import Place
from ncp.semantics.transform.problems import code_context, tsam
from ncp.semantics.transform.standing import Membership, english, membership
from ncp.semantics.transform.work import Work, Written, written
from ncp.semantics.transform.writing import translation_of, wrap


def translate_code(element: _Element, said: Written, place: Place, language: str, work: Work) -> None:
    """An element that has code and code system."""
    found = work.release.lookup(said.system, said.code, language, said.version or None)
    if found is None:
        _without_name(element, said, place, work)
        return
    state = _name(element, said, found, work)
    if found.concept_status != "current":
        work.warn(tsam(problems.CONCEPT_NOT_CURRENT, code_context(said.system, said.code)))
    elif not found.is_current:
        work.warn(tsam(problems.NO_CURRENT_DESIGNATION, code_context(said.system, said.code)))
    if place.value_sets and _outside(work, place, said, found):
        work.warn(tsam(problems.OUTSIDE_VALUE_SET, code_context(said.system, said.code)))
        state = CodeState.OUTSIDE_VALUE_SET
    work.became(
        element,
        said.system,
        said.code,
        state,
        place=place,
        language=found.language,
        version_loaded=found.version_loaded,
    )


def _outside(work: Work, place: Place, said: Written, found: Designation) -> bool:
    if membership(work.release, place, said.system, said.code) is not Membership.OUTSIDE:
        return False
    return not found.is_alias or membership(work.release, place, found.system, found.code) is Membership.OUTSIDE


def _name(element: _Element, said: Written, found: Designation, work: Work) -> CodeState:
    """Give the element its name."""
    older = _english_below(element, said, work)
    stays = found.match is Match.ENGLISH or (found.kind != "official" and found.language.lower().startswith("en"))
    if stays:
        # The English of the pivot: the country's own name for its code goes before words of ours.
        wanted = (older.get("displayName", "").strip() if older is not None else said.name) or found.text
        state = CodeState.FALLBACK_ENGLISH if found.match is Match.ENGLISH else CodeState.SAME
    else:
        wanted = found.text
        state = CodeState.SAME if wanted == said.name else CodeState.TRANSLATED
    if wanted == said.name:
        return state
    if older is None and not stays:
        wrap(
            element,
            {
                "code": said.code,
                "codeSystem": said.system,
                "codeSystemName": said.system_name,
                "displayName": said.name,
            },
        )
    element.set("displayName", wanted)
    work.changed = True
    return state


def _english_below(element: _Element, said: Written, work: Work) -> _Element | None:
    """The ``translation`` that holds the English of the pivot, when this element has been translated before.

    The same code inside is no proof: the country that sent it may have replaced only the name, and then the pivot's
    English stands in the element itself. So the names decide.
    """
    inner = translation_of(element)
    if inner is None:
        return None
    below = written(inner)
    if (below.system, below.code) != (said.system, said.code):
        return None
    if not said.name or said.name == below.name:
        return inner
    known = english(work.release, said.system, said.code)
    if known is not None and said.name == known.text:
        return None
    if known is not None and below.name == known.text:
        return inner
    return inner if work.is_named_elsewhere(said) else None


def _without_name(element: _Element, said: Written, place: Place, work: Work) -> None:
    """The release has no name for it, in no language that would do."""
    concept = work.release.concept(said.system, said.code, said.version or None)
    if concept is not None:
        work.warn(tsam(problems.NO_DESIGNATION, code_context(said.system, said.code)))
        work.became(
            element,
            said.system,
            said.code,
            CodeState.FALLBACK_ENGLISH,
            place=place,
            version_loaded=concept.version_loaded,
        )
        return
    if place.value_sets and (said.system, said.code) not in place.fixed:
        missing = problems.CONCEPT_UNKNOWN if work.release.system(said.system) else problems.SYSTEM_UNKNOWN
        work.warn(tsam(missing, code_context(said.system, said.code)))
    work.became(element, said.system, said.code, CodeState.UNKNOWN_CODE, place=place)
