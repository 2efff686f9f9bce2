"""From a Schematron schema to the stylesheet that applies it, with texts that quote no document.

The steps of ISO Schematron that lxml brings (inclusion, abstract patterns, SVRL) are for XSLT 1; they pass the XPath 2
of a schema through untouched, and the result runs as XSLT 2. Runs long: seconds for the rules of a whole profile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lxml import etree, isoschematron
from lxml.etree import _Element, _ElementTree

SCH = "http://purl.oclc.org/dsdl/schematron"
SVRL = "http://purl.oclc.org/dsdl/svrl"
XSL = "http://www.w3.org/1999/XSL/Transform"
VERSION = "1"
"""Part of the name under which results are kept: another way to make them makes other names."""

LARGEST_FILE = 64 * 1024 * 1024

_STEPS = Path(isoschematron.__file__).parent / "resources/xsl/iso-schematron-xslt1"
_INCLUDE, _EXPAND, _SVRL = "iso_dsdl_include.xsl", "iso_abstract_expand.xsl", "iso_svrl_for_xslt1.xsl"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
# The name of an element is in every place anyway.
_NAMES = re.compile(r"(local-)?name\(\.?\)")
_LEFT_OUT = "…"
_REMOTE = re.compile(r"""(?:doc|document|doc-available|unparsed-text|collection)\(\s*(?:'|"|&apos;|&quot;)[a-z]+://""")


class RulesRefused(ValueError):
    """A file of rules cannot be used. The text is for the operator: file, line, what is wrong."""

    def __init__(self, file: Path, problem: str, remedy: str, line: int = 0) -> None:
        super().__init__(f"{file}:{line}: {problem}" if line else f"{file}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy


def stylesheet(path: Path, progress: Callable[[str], None] = lambda step: None) -> bytes:
    """The stylesheet of a schema (``.sch``), or the one given (``.xsl``), made to quote nothing.

    Relative addresses in it are taken from the folder of ``path``. Raises ``RulesRefused``.
    """
    tree = _parsed(path)
    root = tree.getroot()
    if root.tag == f"{{{SCH}}}schema":
        tree = _compiled(tree, path, progress)
        root = tree.getroot()
    elif root.tag not in (f"{{{XSL}}}stylesheet", f"{{{XSL}}}transform"):
        raise RulesRefused(path, "neither a Schematron schema nor a stylesheet", "take the file out of the folder")
    progress("leaving out what would quote a document")
    quote_nothing(root)
    root.set(_XML_BASE, path.parent.absolute().as_uri() + "/")
    return etree.tostring(tree, encoding="utf-8", xml_declaration=True)


def _compiled(tree: _ElementTree, path: Path, progress: Callable[[str], None]) -> _ElementTree:
    try:
        for step, what in ((_INCLUDE, "joining the files"), (_EXPAND, "expanding abstract rules")):
            progress(what)
            tree = _transform(step)(tree)
        # The last step accepts the language it was written for only, and asks for no more than the name.
        tree.getroot().set("queryBinding", "xslt")
        _refuse_remote(tree, path)
        progress("writing the stylesheet")
        tree = _transform(_SVRL)(tree)
        tree.getroot().set("version", "2.0")
    except etree.XSLTError as error:
        raise RulesRefused(path, f"cannot be compiled: {_said(error)}", "compare it with the publication") from None
    return tree


def _transform(step: str) -> etree.XSLT:
    control = etree.XSLTAccessControl(read_network=False, write_file=False, create_dir=False, write_network=False)
    return etree.XSLT(etree.parse(str(_STEPS / step)), access_control=control)


def _parsed(path: Path) -> _ElementTree:
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False, huge_tree=True)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise RulesRefused(path, "larger than 64 MB", "is this the right file?")
        return etree.parse(str(path), parser)
    except OSError:
        raise RulesRefused(path, "cannot be read", "check that it is there, and its permissions") from None
    except etree.XMLSyntaxError as error:
        raise RulesRefused(path, "not XML", "put the published file in its place", error.lineno or 0) from None


def _refuse_remote(tree: _ElementTree, path: Path) -> None:
    for element in tree.iter(f"{{{SCH}}}assert", f"{{{SCH}}}report", f"{{{SCH}}}let", f"{{{SCH}}}rule"):
        for value in element.attrib.values():
            if _REMOTE.search(str(value)):
                raise RulesRefused(
                    path,
                    "its rules read from a remote address",
                    "save what they read beside them",
                    element.sourceline or 0,
                )


def _said(error: etree.XSLTError) -> str:
    last = error.error_log.last_error
    return " ".join((last.message if last is not None else str(error)).split())[:300]


def quote_nothing(root: _Element) -> None:
    """Replace whatever puts a part of the document into the text of a finding by an ellipsis."""
    harmless = _variables_of_names(root)
    for text in list(root.iter(f"{{{SVRL}}}text", f"{{{SVRL}}}diagnostic-reference", f"{{{SVRL}}}property-reference")):
        for inner in list(text.iter(f"{{{XSL}}}*")):
            select = inner.get("select", "").strip()
            if inner.tag == f"{{{XSL}}}text" or _NAMES.fullmatch(select) or select in harmless:
                continue
            if inner.getparent() is None or not _is_below(inner, text):
                continue
            parent = inner.getparent()
            if parent is not None:
                left_out = etree.Element(f"{{{XSL}}}text")
                left_out.text = _LEFT_OUT
                left_out.tail = inner.tail
                parent.replace(inner, left_out)


def _variables_of_names(root: _Element) -> frozenset[str]:
    """References to variables that hold the name of an element, wherever they are declared."""
    selects: dict[str, bool] = {}
    for variable in root.iter(f"{{{XSL}}}variable", f"{{{XSL}}}param", f"{{{XSL}}}with-param"):
        name = f"${variable.get('name', '')}"
        is_name = _NAMES.fullmatch(variable.get("select", "").strip()) is not None
        selects[name] = selects.get(name, True) and is_name
    return frozenset(name for name, is_name in selects.items() if is_name)


def _is_below(element: _Element, above: _Element) -> bool:
    """Still part of it: what stood in something that was replaced is gone with it."""
    return any(node is above for node in element.iterancestors())
