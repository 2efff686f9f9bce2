"""The command line as a portal: how it reaches the gateway of its own country, and for whom it asks.

The connection comes from the gateway's configuration, or from options. Talks through ``ncp_client`` only, which is a
package of its own and is imported when a command needs it.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ncp.cli import output
from ncp.settings import Mode, Settings, load
from ncp.wire.times import utc_now

if TYPE_CHECKING:
    from ncp_client import Gateway, Professional, Session

CONFIG_OPTION = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration of the own gateway.", envvar="NCP_CONFIG")
]
URL = Annotated[str, typer.Option(help="Address of the own gateway's front end, instead of the configuration.")]
CERTIFICATE = Annotated[Path | None, typer.Option(help="The portal's certificate (PEM).")]
KEY = Annotated[Path | None, typer.Option(help="The portal's key (PEM).")]
TRUST = Annotated[Path | None, typer.Option(help="CA of the own gateway's TLS certificate (PEM).")]
PROFESSIONAL = Annotated[
    Path | None,
    typer.Option(
        "--professional", help="TOML file that describes the professional; an invented one outside production."
    ),
]
LANGUAGE = Annotated[str, typer.Option(help="Language of labels and notices, and wanted for documents.")]
TIMEOUT = Annotated[float, typer.Option(help="Seconds to wait for an answer.")]

_TWO_FACTORS = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
_INVENTED: dict[str, Any] = {
    "identifier": "899700000001",
    "name": "Dr Claire Exemple",
    "role": "221",
    "facility_type": "Hospital",
    "locality": "Clinique de démonstration, Lyon",
    "authentication_class": _TWO_FACTORS,
    "organisation": "Clinique de démonstration",
    "organisation_id": "urn:oid:2.25.899700000002",
    "permissions": ("PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016"),
}
"""A professional who does not exist."""


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that is needed to call a gateway. ``is_production``: nobody may be invented."""

    url: str
    certificate: Path
    key: Path
    trust: tuple[Path, ...]
    is_production: bool


def access(config: Path | None, url: str, certificate: Path | None, key: Path | None, trust: Path | None) -> Access:
    """From options, completed by the configuration where there is one. Says what is missing and leaves."""
    if config is None and not url:
        config = Path("ncp.toml")
    settings = load(config) if config is not None else None
    if settings is not None:
        url = url or settings.frontend.public_url or f"https://{settings.frontend.listen}"
        certificate = certificate or _portal_certificate(settings)
    if certificate is None:
        output.fail("there is no portal certificate", "name it with --certificate", code=output.MISUSED)
    key = key or _key_beside(certificate)
    trusted = (trust,) if trust is not None else _own_anchors(settings)
    for name, path in (("--certificate", certificate), ("--key", key), *(("--trust", path) for path in trusted)):
        if not path.is_file():
            output.fail(f"{path}: no such file", f"name it with {name}")
    if not trusted:
        output.fail("nothing is trusted", "name the CA of the gateway with --trust", code=output.MISUSED)
    return Access(url, certificate, key, trusted, settings is None or settings.mode is Mode.PRODUCTION)


def _portal_certificate(settings: Settings) -> Path | None:
    """The first portal that has its certificate in a file."""
    return next((portal.certificate for portal in settings.frontend.portals if portal.certificate is not None), None)


def _key_beside(certificate: Path) -> Path:
    candidates = [certificate.with_name(f"{certificate.stem}{end}") for end in (".key.pem", ".key")]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _own_anchors(settings: Settings | None) -> tuple[Path, ...]:
    if settings is None:
        return ()
    return tuple(sorted((settings.trust.anchors / settings.country.code.lower() / "tls-server").glob("*.pem")))


def require_client() -> None:
    """Says so and leaves where the thin client is not installed (a folder of its name is no package)."""
    try:
        from ncp_client import Gateway  # noqa: F401
    except ImportError:
        output.fail("the package ncp-client is not installed", "pip install ./ncp_client")


@contextmanager
def gateway(to: Access, timeout: float = 90.0) -> Iterator[Gateway]:
    """The gateway, and what it refuses as one line and exit code 1."""
    require_client()
    import ncp_client

    with tempfile.TemporaryDirectory(prefix="ncp-") as folder:
        trusted = to.trust[0]
        if len(to.trust) > 1:
            trusted = Path(folder) / "trust.pem"
            trusted.write_bytes(b"\n".join(path.read_bytes() for path in to.trust))
        try:
            with ncp_client.Gateway(
                to.url, certificate=str(to.certificate), key=str(to.key), trust=str(trusted), timeout=timeout
            ) as opened:
                yield opened
        except ncp_client.GatewayError as error:
            where = f" ({error.country})" if error.country else ""
            reference = f"reference {error.reference}; " if error.reference else ""
            output.fail(f"{error.code}{where}: {error.message}", f"{reference}ncp explain {error.code}")
        except ncp_client.PortalRefused:
            output.fail(f"{to.url} does not know this certificate", "add the portal to [[frontend.portals]]")
        except ncp_client.GatewayTimeout:
            output.fail(f"{to.url} did not answer within {timeout:.0f} s", "is it running? ncp serve")
        except ncp_client.ConnectionFailed as failed:
            output.fail(f"{to.url}: no answer ({failed})", "is it running, and is --trust the CA of its certificate?")


def professional(to: Access, file: Path | None, at: datetime | None = None) -> Professional:
    """Who asks: from a TOML file with the fields of ``ncp_client.Professional``, else somebody invented."""
    from ncp_client import Professional

    at = at or utc_now()
    if file is None:
        if to.is_production:
            output.fail("say who asks", "describe the professional in a file: --professional FILE", code=output.MISUSED)
        return Professional(**_INVENTED, authenticated=at)
    facts: dict[str, Any] = {"authenticated": at}
    try:
        facts |= tomllib.loads(file.read_text(encoding="utf-8"))
        facts["permissions"] = tuple(facts.get("permissions", ()))
        return Professional(**facts)
    except OSError as error:
        output.fail(f"{file}: {(error.strerror or 'cannot be read').lower()}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError):
        names = ", ".join(Professional.__dataclass_fields__)
        output.fail(f"{file}: does not describe a professional", f"TOML with: {names}")


def session(opened: Gateway, to: Access, who: Path | None) -> Session:
    """A session of the professional, on an HCP assertion of the gateway."""
    return opened.log_in(professional(to, who))
