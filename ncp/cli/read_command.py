"""``ncp read FILE...``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ncp.cli import output
from ncp.wire.errors import NcpError
from ncp.wire.times import utc_now
from ncp.wire.xml import XmlRefused
from saml_assertions.rules import Trust


def read_command(
    files: Annotated[list[Path], typer.Argument(help="Files of any kind that the gateway reads.")],
    trust: Annotated[
        Path | None, typer.Option(help="Folder of trusted certificates: assertions are verified against it.")
    ] = None,
    at: Annotated[
        str, typer.Option(help="Verify as of this time, for example 2026-07-01T12:00:00Z; default now.")
    ] = "",
) -> None:
    """Show as JSON what the gateway understands of files: messages, assertions, search masks, documents.

    Understands SOAP envelopes, ITI-55, ITI-38 and ITI-39 requests and responses with or without their envelope,
    multipart messages (with or without their MIME headers), SAML assertions, search masks and CDA documents; the kind
    is told from the content. Without --trust, assertions are shown as they stand and nothing about them is verified.
    The output holds patient data when the files do.

    Exit code 1 when a file is refused; the declared error stands in its place.
    """
    from ncp.cli.read_files import Judging, NotUnderstood, refusal, understand
    from xcpd.masks import MaskRefused

    moment = _time(at)
    if trust is not None and not trust.is_dir():
        output.fail(f"{trust}: no such folder", "--trust takes the folder that [trust] anchors names")
    judging = Judging(_trusted(trust), moment)
    said: list[dict[str, Any]] = []
    refused = False
    for path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            output.fail(f"{path}: {(error.strerror or 'cannot be read').lower()}")
        try:
            said.append({"file": str(path), **understand(data, path.name, judging)})
        except (NcpError, XmlRefused, MaskRefused, NotUnderstood) as error:
            said.append({"file": str(path), "refused": refusal(error)})
            refused = True
    output.say_json(said[0] if len(said) == 1 else said)
    if refused:
        raise typer.Exit(output.REFUSED)


def _trusted(folder: Path | None) -> Trust | None:
    if folder is None:
        return None
    from trust_store.store import TrustStore

    return TrustStore.load(folder)


def _time(text: str) -> datetime:
    if not text:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        output.fail(f"--at: not a time: {text}", "write for example 2026-07-01T12:00:00Z", code=output.MISUSED)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
