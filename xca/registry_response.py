"""Status and RegistryErrorList, which both answers carry in the same form (ITI TF-3 4.2.4).

Writes every attribute: severity, highestSeverity, and the home community as ``location``, as XCA asks for. Reads what
OpenNCP since version 2 and Germany send: no status, no severity, locations of any kind, text in the element.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml.etree import _Element

from ncp.wire.ids import Oid, urn_oid
from ncp.wire.xml import text_of
from xca.facts import NS_RS, VALUE_MAX
from xca.markup import quote
from xca.messages import RegistryError, ResponseStatus, Severity

CONTEXT_MAX = 2000
"""Characters of a peer's codeContext and location that are kept; some are whole stack traces."""

_RS = f"{{{NS_RS}}}"
_STATUS_BY_NAME = {status.value.rpartition(":")[2].lower(): status for status in ResponseStatus}


def read_status(element: _Element) -> ResponseStatus | None:
    """``@status`` by its last part; None where it is absent or no status that IHE knows."""
    return _STATUS_BY_NAME.get(element.get("status", "").strip().rpartition(":")[2].lower())


def read_errors(element: _Element) -> tuple[RegistryError, ...]:
    """The entries of the element's RegistryErrorList, all of them: what an outcome is depends on the last one too."""
    return tuple(_read_error(error) for error in element.iterfind(f"{_RS}RegistryErrorList/{_RS}RegistryError"))


def _read_error(error: _Element) -> RegistryError:
    severity = error.get("severity", "").strip().rpartition(":")[2].lower()
    return RegistryError(
        code=error.get("errorCode", "").strip()[:VALUE_MAX],
        context=(error.get("codeContext", "").strip() or text_of(error))[:CONTEXT_MAX],
        # Absent means Error (the default of the schema); what is not known must not count as less.
        severity=Severity.WARNING if severity == "warning" else Severity.ERROR,
        location=error.get("location", "").strip()[:CONTEXT_MAX],
    )


def write_errors(errors: Sequence[RegistryError], home: Oid) -> str:
    """``rs:RegistryErrorList``; nothing for no errors, because an empty list is not allowed."""
    if not errors:
        return ""
    highest = Severity.ERROR if has_error(errors) else Severity.WARNING
    location = urn_oid(home)
    entries = "".join(
        f'<rs:RegistryError errorCode="{quote(error.code)}" codeContext="{quote(error.context)}" '
        f'severity="{error.severity.value}" location="{location}"/>'
        for error in errors
    )
    return f'<rs:RegistryErrorList highestSeverity="{highest.value}">{entries}</rs:RegistryErrorList>'


def has_error(errors: Sequence[RegistryError]) -> bool:
    """Whether any entry is more than a warning."""
    return any(error.severity is Severity.ERROR for error in errors)
