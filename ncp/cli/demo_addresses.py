"""What a newcomer reads once everything is up: first what to do in a browser, then every address, shorter.

Knows words and their order. Leaves to ``demo`` what is started, and to ``demo_web`` where the portal listens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from ncp.cli.demo_story import NOBODY, PATIENT, WITHOUT_CONSENT
from ncp.cli.demo_web import PORTAL_PORT
from ncp.cli.portal import Access

if TYPE_CHECKING:
    from ncp.cli.demo_files import Country, Playground
    from ncp.cli.demo_web import Web

INSTALL = "pip install ./ncp_client ./portal ./portal/identity_provider"
"""What makes the web portal part of the demonstration."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """Words for somebody who has never seen the portal; all of it as the pages show it."""

    doctor: str
    country: str
    language: str
    others: tuple[str, ...]
    """Further test professionals, by name, and what happens to them."""


_VISITS = {
    "FR": _Visit(
        doctor="Dr Claire GÉNÉRALISTE",
        country="Croatie",
        language="French (English: at the top of each page)",
        others=(
            "Dr Paul MULTISITE     three places of practice: he chooses one",
            "Dr Tania TRAVAIL      refused: occupational medicine",
        ),
    ),
    "IE": _Visit(
        doctor="Dr Grace Practitioner",
        country="Croatia",
        language="English",
        others=(
            "Nora Nurse            a nurse of a hospital",
            "Adam Administrator    refused: not a health profession",
        ),
    ),
}
ASKING = tuple(_VISITS)
"""Countries that can ask."""
_NUMBERS = (
    ("999990022", "her names in Greek letters"),
    ("999990033", "two identifiers"),
    ("999990055", "only the original PDF, which is not translated"),
    (WITHOUT_CONSENT, "did not allow it at home: no data come"),
    (NOBODY, "nobody has this number"),
)


def show_offer(console: Console, out: Path, *, with_web: bool) -> None:
    """The end of a demonstration that was played: what there is to try by hand."""
    console.print("\n[bold]Now yourself, in a browser[/]")
    if not with_web:
        _show_install(console)
        return
    console.print(
        "  [cyan]make demo-up[/] starts the same two countries and the doctor's web portal, and leaves them running.",
        soft_wrap=True,
    )
    visit = _VISITS["FR"]
    console.print(f"  (without make: ncp demo --out {escape(str(out))} --up)", soft_wrap=True)
    console.print(
        f"  Then open [bold]http://localhost:{PORTAL_PORT}[/], log in as {visit.doctor}, choose {visit.country}, "
        f"type {PATIENT}.",
        soft_wrap=True,
    )


def show_visit(console: Console, web: Web, asking: Country) -> None:
    """Where to go and whom to be, step by step."""
    visit = _VISITS[asking.code]
    console.print("[bold]Read a patient summary in your browser[/]")
    steps = (
        ("open", web.url),
        ("log in as", visit.doctor),
        ("country", visit.country),
        ("number", PATIENT),
    )
    for label, value in steps:
        console.print(f"  [cyan]{label:12}[/] [bold]{escape(value)}[/]", soft_wrap=True)
    console.print(f"  The pages are in {visit.language}. Everybody is invented.\n", soft_wrap=True, markup=False)
    console.print("[bold]What else there is[/]")
    for line in visit.others:
        console.print(f"  {line}", soft_wrap=True, markup=False)
    console.print(f"  {'and some more':21} listed on the login page, with what each of them meets", soft_wrap=True)
    for number, about in _NUMBERS:
        console.print(f"  {number:21} {about}", soft_wrap=True, markup=False)
    console.print()


def show_addresses(console: Console, playground: Playground, web: Web | None, to: Access) -> None:
    """Every program with its address, configuration and log; how to ask from elsewhere."""
    if web is None:
        _show_install(console)
    for country in playground.countries:
        console.print(f"[bold]{country.name}[/] ({country.code})")
        _show_rows(
            console,
            ("countries ask", f"https://{country.server}"),
            ("portals ask", f"https://{country.frontend}"),
            ("health", f"http://{country.health}/health/ready"),
            ("files", f"{country.folder}/ (ncp.toml, gateway.log, messages/)"),
        )
    if web is not None:
        folder = playground.asking.folder / "portal"
        console.print(f"[bold]Web portal[/] ({playground.asking.code})")
        _show_rows(
            console,
            ("portal", web.url),
            ("logins", web.issuer),
            ("files", f"{folder}/ (portal.toml, portal.log, provider.toml, provider.log)"),
        )
    config = playground.asking.config
    console.print("\n[bold]Ask from the command line[/]")
    console.print(f"  ncp countries --config {config}", soft_wrap=True, markup=False)
    console.print(f"  ncp patient find HR --id {PATIENT} --config {config}", soft_wrap=True, markup=False)
    console.print("\n[bold]Ask from Python[/] (pip install ./ncp_client)")
    for line in _snippet(to).splitlines():
        console.print(f"  {line}", soft_wrap=True, markup=False)
    console.print("\nCtrl-C stops everything.")


def _show_rows(console: Console, *rows: tuple[str, str | Path]) -> None:
    for label, value in rows:
        console.print(f"  [cyan]{label:16}[/] {escape(str(value))}", soft_wrap=True)


def _show_install(console: Console) -> None:
    console.print("  The web portal is not installed, so there is none here. To have it, in this folder:")
    console.print(f"  {INSTALL}\n", soft_wrap=True, markup=False)


def _snippet(to: Access) -> str:
    return _SNIPPET.format(url=to.url, certificate=to.certificate, key=to.key, trust=to.trust[0])


_SNIPPET = """\
from datetime import UTC, datetime
from ncp_client import Consent, Gateway, Professional

doctor = Professional(
    identifier="899700000001", name="Dr Claire Exemple", role="221", facility_type="Hospital", locality="Lyon",
    authentication_class="urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI", authenticated=datetime.now(UTC),
)
with Gateway("{url}",
             certificate="{certificate}",
             key="{key}",
             trust="{trust}") as gateway:
    session = gateway.log_in(doctor)
    mask = gateway.search_mask("HR", "fr-FR")
    traits = mask.fill({{mask.fields[0].id: "999990011"}})
    (patient,) = session.find_patient("HR", traits)
    notice = gateway.notice("HR", "fr-FR")
    consent = Consent(notice.version, notice.language, datetime.now(UTC))
    treatment = session.confirm_treatment(patient, consent=consent)
    for pair in treatment.documents():
        print(pair.best.title, len(treatment.fetch(pair, language="fr-FR").content), "bytes")
"""
