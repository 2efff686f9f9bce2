"""What becomes of findings: nothing, a warning for the partner and the log, or a refusal. Pure.

Numbers and texts are those of OpenNCP's transformation layer (``eHDSI_ehealth:epsos-common``, ``TMError``), so that a
partner's log reads the same for either gateway. Our own checks are reported as the model validation there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ncp.semantics.validation.findings import Findings, Origin, Severity
from ncp.semantics.validation.own.sections import MISSING, NO_ENTRY
from ncp.wire.errors import Code, DocumentError


class Mode(StrEnum):
    OFF = "off"
    """Nobody looks."""
    WARN = "warn"
    """Errors become warnings beside the document."""
    REFUSE = "refuse"
    """A document with an error is not passed on."""


class Direction(StrEnum):
    """Which side of the transformation the document is on."""

    INPUT = "input"
    """As it came: from the national system (NCP-A), from the other country (NCP-B)."""
    OUTPUT = "output"
    """As it goes on: to the other country (NCP-A), to the portal (NCP-B)."""


@dataclass(frozen=True, slots=True)
class Modes:
    """One mode for each who may look."""

    own: Mode = Mode.WARN
    schema: Mode = Mode.WARN
    rules: Mode = Mode.WARN

    def of(self, origin: Origin) -> Mode:
        return {Origin.OWN: self.own, Origin.SCHEMA: self.schema, Origin.RULES: self.rules}[origin]

    @classmethod
    def all(cls, mode: Mode) -> Modes:
        return cls(mode, mode, mode)


@dataclass(frozen=True, slots=True)
class Policy:
    """Modes in general, then by service (``PS``), then by country of the peer; the last that is there counts."""

    modes: Modes = Modes()
    services: Mapping[str, Mode] = field(default_factory=dict)
    peers: Mapping[str, Mode] = field(default_factory=dict)

    def modes_for(self, service: str = "", country: str = "") -> Modes:
        """``service`` as ``[peers.XX] services`` names it, ``country`` as ISO 3166 code in capitals."""
        mode = self.peers.get(country) or self.services.get(service)
        return self.modes if mode is None else Modes.all(mode)


@dataclass(frozen=True, slots=True)
class ValidationWarning:
    """What a partner is told beside the document, class ``TM``. ``context`` counts errors and names a rule; it holds
    nothing of the document."""

    code: str
    text: str
    context: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``refusal`` is to be raised in place of the document when it is there; ``warnings`` go with the document."""

    warnings: tuple[ValidationWarning, ...] = ()
    refusal: DocumentError | None = None


_CODES = {
    (Origin.SCHEMA, Direction.INPUT): ("2401", "XSD validation of input document failed"),
    (Origin.RULES, Direction.INPUT): ("2402", "Schematron validation of input document failed"),
    (Origin.OWN, Direction.INPUT): ("2403", "MDA validation of input document failed"),
    (Origin.SCHEMA, Direction.OUTPUT): ("2404", "XSD validation of output document failed"),
    (Origin.RULES, Direction.OUTPUT): ("2405", "Schematron validation of output document failed"),
    (Origin.OWN, Direction.OUTPUT): ("2406", "MDA validation of output document failed"),
}

_WITHOUT_SECTIONS = frozenset({*(rule.id for rule in MISSING.values()), NO_ENTRY.id})


def outcome(findings: Findings, modes: Modes, direction: Direction) -> Outcome:
    """What to do with a document of these findings. Only errors count; who did not look says nothing against it."""
    warnings: list[ValidationWarning] = []
    refusal: DocumentError | None = None
    for origin in (Origin.SCHEMA, Origin.RULES, Origin.OWN):
        mode = modes.of(origin)
        errors = [one for one in findings.errors if one.origin is origin]
        if not errors or mode is Mode.OFF:
            continue
        count = findings.count(Severity.ERROR, origin)
        context = f"{count} errors, first {errors[0].rule}" if count > 1 else errors[0].rule
        code, text = _CODES[origin, direction]
        warnings.append(ValidationWarning(code, text, context))
        if mode is Mode.REFUSE and refusal is None:
            sections = origin is Origin.OWN and any(one.rule in _WITHOUT_SECTIONS for one in errors)
            refusal = DocumentError(
                Code.PS_MISSING_BASIC_SECTIONS if sections else Code.HQI_GENERIC,
                f"validation.{'sections' if sections else origin.value}",
                message="" if sections else "The document does not keep the rules of the profile.",
                context=context,
            )
    return Outcome(tuple(warnings), refusal)
