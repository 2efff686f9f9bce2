"""XML schema: a folder with the CDA schemas of an operator, compiled once; what lxml finds becomes findings.

Knows which schema is for which document: the one with the medication extension whose namespace the document uses. The
validator's own messages quote the document, so only the kind of error, the element and its line are taken from them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.reading import NS_EPSOS, NS_PHARM, step_name
from ncp.semantics.validation.findings import (
    LISTED_PER_RULE,
    Finding,
    Findings,
    Origin,
    Pending,
    Severity,
    listed,
    skipped,
)
from ncp.semantics.validation.places import Places

ROOTS = {NS_PHARM: "CDA_Pharma.xsd", NS_EPSOS: "CDA_extended.xsd", "": "CDA.xsd"}
"""Root schema by the namespace of its medication extension."""

MAX_ELEMENTS = 200_000
"""A document with more is not validated: the schema validator remembers every error, and a summary has 3 000."""

MAX_ERRORS = 20_000

_USES = {namespace: etree.XPath("boolean(//n:*)", namespaces={"n": namespace}) for namespace in (NS_PHARM, NS_EPSOS)}
_SIZE = etree.XPath("count(//*)")

# What the validator calls its errors (XML Schema 1.0 part 1, appendix C), in plain words.
_WORDS = {
    "ELEMENT_CONTENT": "The element is not allowed here, or something is missing before it.",
    "CVC_COMPLEX_TYPE_2_1": "The element must be empty.",
    "CVC_COMPLEX_TYPE_2_2": "The element may have no child elements.",
    "CVC_COMPLEX_TYPE_2_3": "The element may have no text between its child elements.",
    "CVC_COMPLEX_TYPE_2_4": "The element is not allowed here, or something is missing before it.",
    "CVC_COMPLEX_TYPE_3_1": "An attribute has a value that is not allowed.",
    "CVC_COMPLEX_TYPE_3_2_1": "An attribute is not allowed here.",
    "CVC_COMPLEX_TYPE_3_2_2": "An attribute is not allowed here.",
    "CVC_COMPLEX_TYPE_4": "A required attribute is missing.",
    "CVC_ATTRIBUTE_3": "The value of an attribute is not of its type.",
    "CVC_ATTRIBUTE_4": "An attribute does not have the value that is fixed for it.",
    "CVC_AU": "An attribute does not have the value that is fixed for it.",
    "CVC_DATATYPE_VALID_1_2_1": "A value is not of its data type.",
    "CVC_DATATYPE_VALID_1_2_2": "A list of values is not of its data type.",
    "CVC_DATATYPE_VALID_1_2_3": "A value is of none of the data types that are allowed.",
    "CVC_PATTERN_VALID": "A value is not written as its data type asks for.",
    "CVC_ENUMERATION_VALID": "A value is not one of those that are allowed.",
    "CVC_MINLENGTH_VALID": "A value is too short.",
    "CVC_MAXLENGTH_VALID": "A value is too long.",
    "CVC_LENGTH_VALID": "A value has not the length that is asked for.",
    "CVC_ELT_1": "The schema does not know the element.",
    "CVC_ELT_2": "The element is abstract and may not stand in a document.",
    "CVC_ELT_4_1": "The xsi:type of the element is not a name.",
    "CVC_ELT_4_2": "The schema does not know the xsi:type of the element.",
    "CVC_ELT_4_3": "The xsi:type of the element may not stand here.",
    "CVC_TYPE_3_1_1": "An element of a simple type has an attribute.",
    "CVC_TYPE_3_1_2": "An element of a simple type has child elements.",
    "CVC_TYPE_3_1_3": "The text of the element is not of its type.",
    "CVC_IDC": "An identity constraint is broken.",
    "CVC_WILDCARD": "The element or attribute may not stand where others may.",
}
_OTHER = "The element breaks the schema."
_PREFIX = "SCHEMAV_"
# The end of a message about content lists what the schema expects; only an element's name stands before it.
_EXPECTED = re.compile(r" Expected is (?:one of )?\( ([^()']{1,2000}) \)\.$")
_MOST_EXPECTED = 6
_STEP = re.compile(r"(?:([^:/\[\]]+):)?([^:/\[\]]+)(?:\[(\d{1,9})\])?")


_Entry = tuple[str, str, int, str]
"""Kind, node path, line, what was expected: all that is kept of an error of the validator."""


class SchemaFolderRefused(ValueError):
    """The folder cannot be used. ``problem`` and ``remedy`` are for the operator and name files, never a document."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def find_roots(folder: Path) -> dict[str, Path]:
    """Root schemas by namespace of their extension, in the folder or one below it. ``SchemaFolderRefused``."""
    if not folder.is_dir():
        raise SchemaFolderRefused(f"there is no folder {folder}", "name the folder that holds CDA_Pharma.xsd")
    found: dict[str, Path] = {}
    for namespace, name in ROOTS.items():
        path = next((path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()), None)
        if path is not None:
            found[namespace] = path
    if not found:
        names = " or ".join(ROOTS.values())
        raise SchemaFolderRefused(f"{folder} holds no {names}", "name the folder that holds one of them")
    return found


class SchemaChecks:
    """The compiled schemas of one folder. Thread-safe; a schema looks at one document at a time."""

    def __init__(self, folder: Path) -> None:
        self._schemas = {namespace: _compiled(path) for namespace, path in find_roots(folder).items()}
        self._locks = {namespace: threading.Lock() for namespace in self._schemas}

    @property
    def count(self) -> int:
        return len(self._schemas)

    def check(self, root: _Element, each: int = LISTED_PER_RULE) -> Findings:
        """What breaks the schema that fits the document. Raises nothing."""
        if _SIZE(root) > MAX_ELEMENTS:
            return skipped(
                Origin.SCHEMA, "validation.size", f"More than {MAX_ELEMENTS} elements: not looked at by the schema."
            )
        namespace = self._fitting(root)
        if namespace is None:
            return skipped(
                Origin.SCHEMA, "validation.no_schema", "No schema is given for the medication namespace in use."
            )
        schema = self._schemas[namespace]
        with self._locks[namespace]:
            if schema.validate(root):
                return Findings(checked=(Origin.SCHEMA,))
            log = [
                (entry.type_name, entry.path or "", entry.line, _expected(entry.type_name, entry.message))
                for entry in islice(schema.error_log, MAX_ERRORS)
            ]
        return listed(Origin.SCHEMA, _findings(root, log), each)

    def _fitting(self, root: _Element) -> str | None:
        for namespace, uses in _USES.items():
            if uses(root):
                return namespace if namespace in self._schemas else None
        # A document without medicines fits each of them.
        return next(iter(self._schemas))


def _compiled(path: Path) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    try:
        return etree.XMLSchema(etree.parse(str(path), parser))
    except OSError:
        raise SchemaFolderRefused(f"{path} cannot be read", "check its permissions") from None
    except etree.XMLSyntaxError as error:
        raise SchemaFolderRefused(f"{path}:{error.lineno}: not XML", "put the published file in its place") from None
    except etree.XMLSchemaParseError as error:
        last = error.error_log.last_error
        where = f"{Path(last.filename).name}:{last.line}" if last is not None and last.filename else str(path)
        raise SchemaFolderRefused(
            f"{path} is no schema that can be used, see {where}", "the files it includes must be in the same folder"
        ) from None


def _findings(root: _Element, log: list[_Entry]) -> Iterator[Pending]:
    places = Places(root)
    for entry in log:
        rule = f"schema.{entry[0].removeprefix(_PREFIX).lower().replace('_', '-')}"
        yield rule, partial(_finding, rule, entry, root, places)


def _finding(rule: str, entry: _Entry, root: _Element, places: Places) -> Finding:
    kind, path, line, expected = entry
    element = _at(root, path)
    words = _WORDS.get(kind.removeprefix(_PREFIX), _OTHER)
    text = f"{words} Element {step_name(str(element.tag))}.{expected}"
    return Finding(Origin.SCHEMA, rule, Severity.ERROR, places.of(element), text, line)


def _at(root: _Element, path: str) -> _Element:
    """The element of a node path of libxml2 (``/*/*[3]/pharm:code``), or the nearest one above that is found."""
    here = root
    for step in path.split("/")[2:]:
        match = _STEP.fullmatch(step)
        if match is None:
            break
        prefix, name, number = match.group(1), match.group(2), int(match.group(3) or 1)
        for child in here.iterchildren("*"):
            if name == "*" or (str(child.tag).rpartition("}")[2] == name and (child.prefix or "") == (prefix or "")):
                number -= 1
                if number == 0:
                    here = child
                    break
        else:
            break
    return here


def _expected(kind: str, message: str) -> str:
    """Which elements the schema would take here; these are words of the schema, not of the document."""
    if kind != "SCHEMAV_ELEMENT_CONTENT":
        return ""
    match = _EXPECTED.search(message)
    if match is None:
        return ""
    names = [name.strip().rpartition("}")[2] for name in match.group(1).split(",")]
    more = ", …" if len(names) > _MOST_EXPECTED else ""
    return f" Expected: {', '.join(names[:_MOST_EXPECTED])}{more}."
