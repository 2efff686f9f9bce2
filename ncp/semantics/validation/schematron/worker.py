"""The process that runs SaxonC, and the only place that imports it: ``python -m …worker FD``.

One thread. It gives itself the limits it is told, kills itself when a task takes too long, and ends when the gateway is
gone. Nothing that SaxonC says goes anywhere but as a kind of error: its messages quote documents.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from ncp.semantics.validation.schematron.cache import compiled
from ncp.semantics.validation.schematron.frames import ConnectionOver, receive, send
from ncp.semantics.validation.schematron.rule_files import RuleFile
from ncp.semantics.validation.schematron.stylesheet import RulesRefused

_LARGEST_WRITTEN = 512 * 1024 * 1024
_ERROR_CODE = re.compile(r"\b(?:X[PTQ][A-Z]{2}|FO[A-Z]{2}|SX[A-Z]{2})\d{4}\b")
_ONLY_FILES = "http://saxon.sf.net/feature/allowedProtocols"


class _Rules:
    """Compiled rules by name of their file."""

    def __init__(self, cache: Path) -> None:
        from saxonche import PySaxonProcessor

        self._saxon = PySaxonProcessor(license=False)
        self._saxon.set_configuration_property(_ONLY_FILES, "file")
        self._compiler = self._saxon.new_xslt30_processor()
        self._cache = cache
        self._ready: dict[str, Any] = {}

    def prepare(self, rules: RuleFile, connection: socket.socket) -> None:
        path = compiled(rules, self._cache, lambda step: send(connection, {"progress": step}))
        send(connection, {"progress": "compiling the stylesheet"})
        self._ready[rules.digest] = self._compiler.compile_stylesheet(stylesheet_file=str(path))

    def run(self, digest: str, document: bytes) -> bytes:
        node = self._saxon.parse_xml(xml_text=document.decode("utf-8"))
        report = self._ready[digest].transform_to_string(xdm_node=node)
        return str(report or "").encode("utf-8")


def serve(connection: socket.socket) -> None:
    """Answer one request after the other until the connection ends."""
    start, _ = receive(connection)
    _limit(int(start["memory"]))
    try:
        rules = _Rules(Path(start["cache"]))
    except ImportError:
        send(connection, {"error": "no_saxonche"})
        return
    send(connection, {"done": True})
    while True:
        request, document = receive(connection)
        # The default action of the signal ends the process, whatever it is doing.
        signal.setitimer(signal.ITIMER_REAL, float(request["limit"]))
        try:
            answer, body = _answer(rules, request, document, connection)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        send(connection, answer, body)


def _answer(
    rules: _Rules, request: dict[str, Any], document: bytes, connection: socket.socket
) -> tuple[dict[str, Any], bytes]:
    from ncp.semantics.model import Level

    preparing = request["do"] == "prepare"
    try:
        if preparing:
            file = RuleFile(Path(request["path"]), Level.L3, (), request["digest"])
            rules.prepare(file, connection)
            return {"done": True}, b""
        return {"done": True}, rules.run(request["digest"], document)
    except RulesRefused as refused:
        return {"error": "refused", "problem": str(refused), "remedy": refused.remedy}, b""
    except ConnectionOver:
        raise
    except Exception as error:
        if preparing:
            # These are words about the rules; no document has been seen yet by this compilation.
            return {"error": "refused", "problem": f"{request['path']}: {_words(error)}", "remedy": ""}, b""
        found = _ERROR_CODE.search(str(error))
        return {"error": "failed", "code": found.group() if found else ""}, b""


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_WRITTEN, _LARGEST_WRITTEN))
    # SaxonC reserves far more addresses than it uses, so what counts is what can be written to.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # Whatever SaxonC prints may quote a document.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.nice(5)
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(ConnectionOver):
        serve(connection)
    # SaxonC takes its time to end, and there is nothing left to do.
    os._exit(0)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
