"""The Wave 8 Schematron of the profile, run by SaxonC in a process of its own.

``python -m tests.support.schematron SCHEMA DOCUMENT...`` prints a JSON list with one list per document of
``[role, location, text]`` per failed assertion. SaxonC aborts a process that uses it from several threads, so no test
imports it; ``failed_assertions`` starts the process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lxml import etree, isoschematron

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_STEPS = Path(isoschematron.__file__).parent / "resources/xsl/iso-schematron-xslt1"


def failed_assertions(schema: Path, documents: Sequence[bytes]) -> list[list[tuple[str, str, str]]]:
    """Role, location and text of every failed assertion, per document."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, document in enumerate(documents):
            path = Path(folder) / f"{number}.xml"
            path.write_bytes(document)
            paths.append(str(path))
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.schematron", str(schema), *paths],
            capture_output=True,
            check=False,
            timeout=300,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return [[(role, where, text) for role, where, text in found] for found in json.loads(done.stdout)]


def _compile(schema: Path, folder: Path) -> Path:
    """The stylesheet of the schema, in a folder where its value-set files are reachable as ``include/``."""
    tree = etree.parse(str(schema))
    for step in ("iso_dsdl_include.xsl", "iso_abstract_expand.xsl"):
        tree = etree.XSLT(etree.parse(str(_STEPS / step)))(tree)
    # lxml ships the skeleton for XSLT 1 only; it copies the XPath 2 of the schema through untouched.
    tree.getroot().set("queryBinding", "xslt")
    tree = etree.XSLT(etree.parse(str(_STEPS / "iso_svrl_for_xslt1.xsl")))(tree)
    tree.getroot().set("version", "2.0")
    (folder / "include").symlink_to(schema.parent / "include")
    stylesheet = folder / "schema.xsl"
    tree.write(str(stylesheet), encoding="utf-8")
    return stylesheet


def _main(schema: str, documents: Sequence[str]) -> None:
    from saxonche import PySaxonProcessor

    with tempfile.TemporaryDirectory() as folder, PySaxonProcessor(license=False) as saxon:
        stylesheet = _compile(Path(schema), Path(folder))
        executable = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(stylesheet))
        results = []
        for document in documents:
            node = saxon.parse_xml(xml_text=Path(document).read_text(encoding="utf-8"))
            report = etree.fromstring(executable.transform_to_string(xdm_node=node).encode())
            results.append(
                [
                    [
                        failed.get("role") or "error",
                        failed.get("location", ""),
                        " ".join("".join(failed.itertext()).split()),
                    ]
                    for failed in report.iter(f"{_SVRL}failed-assert")
                ]
            )
    print(json.dumps(results))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
