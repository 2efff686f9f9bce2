"""``transcode`` where a document leaves, ``translate`` where it arrives: on the tree, in place, one walk.

Pure but for the release of the catalogue that is handed in. Never raises for what a document holds; what went wrong is
in the result. Leaves validation, the answer to the partner and the audit to others.
"""

from __future__ import annotations

from lxml.etree import _Element

from ncp.semantics.coding import CodeState
from ncp.semantics.model import Level
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.terminology.answers import Match
from ncp.semantics.terminology.languages import choices
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform import problems
from ncp.semantics.transform.codes import TooManyCodes, codes_of, is_coded_type
from ncp.semantics.transform.elements import CodedElements, Matcher, Place
from ncp.semantics.transform.kinds import DocumentFacts, facts_of
from ncp.semantics.transform.paths import Surroundings
from ncp.semantics.transform.problems import tm
from ncp.semantics.transform.result import Direction, Transformation
from ncp.semantics.transform.strict import transform_strictly
from ncp.semantics.transform.transcoding import transcode_code
from ncp.semantics.transform.translating import translate_code
from ncp.semantics.transform.work import Work, Written, written
from ncp.semantics.transform.writing import serialise_document
from ncp.wire.xml import XmlLimits, XmlRefused, parse


def transcode(
    root: _Element, *, release: Release, elements: CodedElements, strict: bool = False, source: bytes = b""
) -> Transformation:
    """National codes into those of the network, with English names. ``root`` is changed.

    ``elements`` is the list of coded elements; ``strict`` does as OpenNCP 7.1 does; ``source`` are the bytes that
    ``root`` was read from: with them an unchanged document stays as it was to the byte.
    A document with errors must not be sent on (``Transformation.status``).
    """
    return _transform(root, Direction.TRANSCODE, "", release, elements, strict, source)


def translate(
    root: _Element,
    language: str,
    *,
    release: Release,
    elements: CodedElements,
    strict: bool = False,
    source: bytes = b"",
) -> Transformation:
    """Names in ``language`` (a tag such as ``fr-FR``) for the codes of a document that came. See ``transcode``."""
    return _transform(root, Direction.TRANSLATE, language, release, elements, strict, source)


def _transform(
    root: _Element,
    direction: Direction,
    language: str,
    release: Release,
    elements: CodedElements,
    strict: bool,
    source: bytes,
) -> Transformation:
    facts = facts_of(root)
    work = Work(release, Surroundings(), repeats=strict)
    if facts.problem is not None:
        work.error(facts.problem)
    elif facts.kind is not None and facts.kind.is_transformed:
        matcher = elements.matcher(facts.kind, facts.level, strict)
        if strict:
            transform_strictly(root, matcher, direction, language, work)
        else:
            _transform_all(root, matcher, facts, direction, language, work)
    return Transformation(
        content=serialise_document(root, source) if work.changed or not source else source,
        direction=direction,
        facts=facts,
        release=release.name,
        language=language,
        errors=tuple(work.errors),
        warnings=tuple(work.warnings),
        elements=tuple(work.elements),
        changed=work.changed,
        dropped=work.dropped,
    )


def _transform_all(
    root: _Element, matcher: Matcher, facts: DocumentFacts, direction: Direction, language: str, work: Work
) -> None:
    try:
        found = codes_of(root, matcher, work.around)
    except TooManyCodes:
        work.error(tm(problems.INPUT_NOT_CONFORMING))
        return
    if direction is Direction.TRANSLATE and not _is_known(language, work.release):
        work.warn(tm(problems.UNKNOWN_LANGUAGE))
    missing = set(matcher.required)
    for element in found:
        rows, place = matcher.find(element, work.around)
        if facts.level is Level.L1 and not rows:
            # Of a document that is a PDF only the listed codes of the header are touched.
            continue
        if missing:
            missing.difference_update(rows)
        said = written(element)
        if _is_settled(element, said, place, work):
            continue
        if direction is Direction.TRANSCODE:
            transcode_code(element, said, place, work)
        else:
            translate_code(element, said, place, language, work)
    for row in matcher.rows:
        if row in missing:
            problem = tm(problems.REQUIRED_MISSING, row.text)
            (work.error if direction is Direction.TRANSCODE else work.warn)(problem)


def _is_settled(element: _Element, said: Written, place: Place, work: Work) -> bool:
    """What is no code to be looked up, noted as what it is."""
    if said.code and said.system and said.null_flavor is None and is_coded_type(said.type):
        return False
    state = CodeState.NOT_CODED
    if said.null_flavor is not None:
        state = CodeState.UNMAPPED if said.null_flavor == "OTH" else CodeState.NULL
    elif not (said.code and said.system):
        if place.value_sets and next(element.iterchildren("{*}originalText"), None) is None:
            work.warn(tm(problems.ATTRIBUTES_MISSING, f"Element {work.around.place(element)}"))
    else:
        work.warn(tm(problems.NOT_A_CODED_TYPE, f"Element {work.around.place(element)}"))
    work.became(element, said.system, said.code, state, place=place)
    return True


def _is_known(language: str, release: Release) -> bool:
    return any(match is not Match.ENGLISH for _, match in choices(language, release.languages))


def transcode_document(
    content: bytes,
    *,
    release: Release,
    elements: CodedElements,
    strict: bool = False,
    limits: XmlLimits = DOCUMENT_LIMITS,
) -> Transformation:
    """``transcode`` of the bytes of a document; bytes that are no document come back as they are, with an error."""
    return _of_bytes(content, Direction.TRANSCODE, "", release, elements, strict, limits)


def translate_document(
    content: bytes,
    language: str,
    *,
    release: Release,
    elements: CodedElements,
    strict: bool = False,
    limits: XmlLimits = DOCUMENT_LIMITS,
) -> Transformation:
    """``translate`` of the bytes of a document. See ``transcode_document``."""
    return _of_bytes(content, Direction.TRANSLATE, language, release, elements, strict, limits)


def _of_bytes(
    content: bytes,
    direction: Direction,
    language: str,
    release: Release,
    elements: CodedElements,
    strict: bool,
    limits: XmlLimits,
) -> Transformation:
    try:
        # Some senders begin with line breaks; an XML declaration may only stand at the very start.
        root = parse(content.lstrip(b" \t\r\n"), limits)
    except XmlRefused:
        return unreadable(content, direction, release, language)
    return _transform(root, direction, language, release, elements, strict, content)


def unreadable(content: bytes, direction: Direction, release: Release, language: str = "") -> Transformation:
    """The result for bytes that are no XML that is read here: they come back as they are, with an error."""
    problem = tm(problems.INPUT_NOT_CONFORMING)
    return Transformation(content, direction, DocumentFacts(None, Level.L1), release.name, language, (problem,))
