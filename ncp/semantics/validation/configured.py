"""The validator that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ncp.semantics.terminology.release import Release
from ncp.semantics.validation.policy import Mode, Modes, Policy
from ncp.semantics.validation.schema import SchemaChecks
from ncp.semantics.validation.schematron.process import Limits
from ncp.semantics.validation.validator import Validator, rule_set
from ncp.settings.model import Settings

CACHE = Path("validation")
"""Folder of compiled rules below ``state``."""


def validator(settings: Settings, release: Callable[[], Release | None] = lambda: None) -> Validator:
    """Made in a worker, after the fork. Raises ``SchemaFolderRefused`` and ``RulesRefused``, which ``ncp config check``
    tells of before."""
    asked = settings.validation
    return Validator(
        policy_of(settings),
        schema=SchemaChecks(asked.schema_folder) if asked.schema_folder is not None else None,
        rules=rule_set(
            asked.rules_folder,
            settings.state / CACHE,
            limits=Limits(asked.rules_memory, asked.rules_limit.total_seconds()),
            patience=asked.rules_patience.total_seconds(),
        )
        if asked.rules_folder is not None
        else None,
        release=release,
    )


def policy_of(settings: Settings) -> Policy:
    """Modes in general, by service, by peer."""
    asked = settings.validation
    return Policy(
        Modes(Mode(asked.own), Mode(asked.schema_mode), Mode(asked.rules_mode)),
        {service: Mode(mode) for service, mode in asked.services.items()},
        {country: Mode(peer.validation) for country, peer in settings.peers.items() if peer.validation is not None},
    )
