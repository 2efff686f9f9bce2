"""Value sets as XML lists: the files OpenNCP's exporter writes, and IHE SVS responses. Pure.

``EpsosRepository/{value set OID}.xml`` of OpenNCP (``ncp-docker-dev-AT/eHDSI_ehealth:tsam-exporter``) and
RetrieveValueSetResponse of IHE ITI TF-2 3.48 / 3.60.
"""

from __future__ import annotations

from lxml.etree import _Element

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.rows import ImportRefused, RowRefused, Rows
from ncp.wire.xml import children, local_name, text_of

_SVS_ROOTS = ("RetrieveValueSetResponse", "RetrieveMultipleValueSetsResponse")


def read(root: _Element, place: str, language: str = "en") -> Rows:
    """Rows of one parsed file of either form. ``language`` counts for SVS lists that name none."""
    name = local_name(root)
    if name == "ValueSet" and root.get("oid") is not None:
        yield from _exporter(root, place)
    elif name in _SVS_ROOTS:
        for child in children(root):
            if local_name(child) in ("ValueSet", "DescribedValueSet"):
                yield from _svs(child, place, language)
    else:
        raise ImportRefused(place, "neither a value set of OpenNCP's exporter nor an SVS response")


def _exporter(root: _Element, place: str) -> Rows:
    try:
        oid = rows.system(root.get("oid"))
    except RowRefused as refused:
        yield rows.Refused(place, _line(root), str(refused))
        return
    yield rows.ValueSet(oid, rows.label(root.get("name")))
    for concept in children(root):
        if local_name(concept) != "concept":
            continue
        try:
            system, code = rows.system(concept.get("codeSystem")), rows.code(concept.get("code"))
        except RowRefused as refused:
            yield rows.Refused(place, _line(concept), str(refused))
            continue
        yield rows.System(system, rows.label(concept.get("codeSystemName")))
        yield rows.Member(oid, "", system, code)
        for designation in children(concept):
            if local_name(designation) == "designation":
                yield _named(system, code, designation.get("lang"), text_of(designation), place, _line(designation))


def _svs(value_set: _Element, place: str, default: str) -> Rows:
    try:
        oid = rows.system(value_set.get("id"))
    except RowRefused as refused:
        yield rows.Refused(place, _line(value_set), str(refused))
        return
    version = rows.label(value_set.get("version"))
    yield rows.ValueSet(oid, rows.label(value_set.get("displayName")), version)
    for concepts in children(value_set):
        if local_name(concepts) != "ConceptList":
            continue
        language = concepts.get("{http://www.w3.org/XML/1998/namespace}lang") or default
        for concept in children(concepts):
            if local_name(concept) != "Concept":
                continue
            try:
                system, code = rows.system(concept.get("codeSystem")), rows.code(concept.get("code"))
            except RowRefused as refused:
                yield rows.Refused(place, _line(concept), str(refused))
                continue
            yield rows.System(system, rows.label(concept.get("codeSystemName")))
            yield rows.Member(oid, version, system, code)
            yield _named(system, code, language, concept.get("displayName"), place, _line(concept))


def _named(system: str, code: str, language: str | None, text: str | None, place: str, line: int) -> rows.Row:
    try:
        return rows.Designation(system, code, rows.language(language), rows.text(text))
    except RowRefused as refused:
        return rows.Refused(place, line, str(refused))


def _line(element: _Element) -> int:
    return element.sourceline or 0
