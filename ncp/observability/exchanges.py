"""Log lines of an exchange: one per step and one for the whole, when it ends.

Reads ids, codes, names of steps and durations of the record; what it knows of persons is not looked at.
"""

from __future__ import annotations

import re

from ncp.exchange import Exchange
from ncp.observability.log import logger, steps
from ncp.wire.errors import Family

_log = logger()

_FROM_AN_EXCEPTION = ("unexpected.", "connector.failed")
"""Reasons whose context is type and place of an exception (``log.where``); any other may quote a peer."""

_MESSAGE_ID = re.compile(r"(?:(?:urn:)?uuid:)?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
ODD_MESSAGE_ID = "not-a-uuid"
"""Stands for a MessageID that is none: a peer writes there what it likes, and that may be somebody's number."""

_EXPECTED = frozenset(
    {Family.NO_MATCH, Family.MULTIPLE_MATCHES, Family.CONSENT, Family.NOT_FOUND, Family.IDENTIFICATION}
)
"""Outcomes that are answers, not failures: nobody has to be woken for them."""


def report(exchange: Exchange, *, status: int = 0) -> None:
    """The lines of a finished exchange, whatever its outcome. ``status`` is the HTTP status of our answer, if any."""
    steps(
        {
            "transaction": exchange.transaction,
            "side": exchange.side,
            "service": exchange.service,
            "peer_country": exchange.peer_country or "",
        },
        [(step.name, step.outcome, step.duration_ms, step.ended) for step in exchange.steps],
    )
    error = exchange.error
    write = _log.info if error is None or error.family in _EXPECTED else _log.warning
    write(
        "transaction",
        transaction=exchange.transaction,
        side=exchange.side,
        service=exchange.service,
        peer_country=exchange.peer_country or "",
        portal=exchange.portal,
        message_id=_message_id(exchange.message_id),
        relates_to=_message_id(exchange.relates_to),
        outcome="ok" if error is None else "refused",
        error_code=error.code if error else "",
        reason=error.reason if error else "",
        exception=error.context if error and error.reason.startswith(_FROM_AN_EXCEPTION) else "",
        gateway=error.gateway if error else "",
        notes=" ".join(dict.fromkeys(exchange.notes)),
        documents=len(exchange.documents),
        duration_ms=round(exchange.duration_ms, 3),
        status=status,
    )


def _message_id(value: str) -> str:
    return value if not value or _MESSAGE_ID.fullmatch(value) else ODD_MESSAGE_ID
