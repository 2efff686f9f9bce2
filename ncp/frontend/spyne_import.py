"""The only door to spyne 2.14: makes it importable on every Python this product supports, and keeps it quiet.

spyne's own copy of six imports parts of the standard library through a hook that Python 3.12 no longer calls, and its
SOAP protocol imports ``cgi``, gone from Python 3.13, for a function we never reach (HTTP is ours). Both get what they
ask for while spyne is imported. spyne's loggers quote messages, which name patients: they stay silent.
"""

from __future__ import annotations

import collections.abc
import http.cookies
import importlib.util
import logging
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar, cast

for _name, _module in {
    "collections_abc": collections.abc,
    "http_cookies": http.cookies,
    "urllib.error": urllib.error,
    "urllib.parse": urllib.parse,
    "urllib.request": urllib.request,
}.items():
    sys.modules.setdefault(f"spyne.util.six.moves.{_name}", _module)

_logger = logging.getLogger("spyne")
_logger.propagate = False
_logger.setLevel(logging.CRITICAL + 1)
_logger.addHandler(logging.NullHandler())

_without_cgi = importlib.util.find_spec("cgi") is None
if _without_cgi:
    sys.modules["cgi"] = ModuleType("cgi")
try:
    from spyne import Application, Boolean, ByteArray, ComplexModel, Integer, ServiceBase, Unicode
    from spyne import rpc as _rpc
    from spyne.context import MethodContext
    from spyne.interface.wsdl import Wsdl11
    from spyne.model.fault import Fault
    from spyne.protocol.soap import Soap12
    from spyne.server import ServerBase
finally:
    if _without_cgi:
        del sys.modules["cgi"]

# The hook has done its work. Python has passed over such ones since 3.12; other tools that look for modules cannot.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

_Operation = TypeVar("_Operation", bound=Callable[..., Any])


def rpc(*parameters: Any, **options: Any) -> Callable[[_Operation], _Operation]:
    """spyne's decorator of operations, with a type."""
    return cast("Callable[[_Operation], _Operation]", _rpc(*parameters, **options))


__all__ = [
    "Application",
    "Boolean",
    "ByteArray",
    "ComplexModel",
    "Fault",
    "Integer",
    "MethodContext",
    "ServerBase",
    "ServiceBase",
    "Soap12",
    "Unicode",
    "Wsdl11",
    "rpc",
]
