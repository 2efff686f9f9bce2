"""``ncp demo``: two countries on this machine, one consultation, and everything left to look at afterwards."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ncp.cli import demo_addresses, demo_web, output
from ncp.cli.demo_gateways import Gateway, GatewayDied, running
from ncp.cli.demo_report import html, markdown
from ncp.cli.demo_screen import Screen
from ncp.cli.demo_steps import Consultation, Place, Rows, Step, milliseconds
from ncp.cli.options import JSON
from ncp.cli.portal import Access, gateway, professional, require_client
from ncp.wire.times import utc_now

if TYPE_CHECKING:
    from ncp.cli.demo_files import Country, Playground

MARKER = ".ncp-demo"
_PLAYED = ("documents", "report.html", "report.md")


def demo_command(
    out: Annotated[
        Path, typer.Option(help="Folder to leave everything in; what an earlier demo left is replaced.")
    ] = Path("demo-out"),
    up: Annotated[bool, typer.Option("--up", help="Start everything, with the web portal, until Ctrl-C.")] = False,
    country: Annotated[
        str, typer.Option(help="With --up: the country that asks; IE has English pages and other logins.")
    ] = "FR",
    as_json: JSON = False,
) -> None:
    """Play a consultation between two countries on this machine: France asks Croatia.

    Makes certificates, trust, configuration and patients for both, starts both gateways, finds a patient, lists and
    fetches her summary through the thin client, and shows each step. Leaves the report, the documents and every message
    in the folder. Nothing is left running, unless with --up: that plays nothing, and starts both gateways and the web
    portal with its test identity provider for you to use.
    """
    console = output.err if as_json else output.out
    if country.upper() not in demo_addresses.ASKING:
        output.fail(f"no country {country}", f"one of {', '.join(demo_addresses.ASKING)}", code=output.MISUSED)
    if country.upper() != "FR" and not up:
        output.fail("the consultation that is played is one of France", "add --up", code=output.MISUSED)
    _prepare(out)
    try:
        if up:
            _stay(out, console, country.upper())
        else:
            consultation = _consult(out, console)
            if as_json:
                output.say_json({"folder": out.absolute(), **output.plain(consultation)})
    except GatewayDied as died:
        output.fail(str(died), f"the whole logs: {out}/gateways/*/gateway.log")


def _prepare(out: Path) -> None:
    """The folder is ours, or empty, or new: nothing of anybody else is ever removed."""
    if out.exists() and not out.is_dir():
        output.fail(f"{out} is a file", "name a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).exists():
        output.fail(f"{out} holds files that are not of a demo", "name another folder with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / MARKER).touch()
    except OSError as error:
        output.fail(f"{out}: {(error.strerror or 'cannot be written').lower()}", "name another folder with --out")
    for name in _PLAYED:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _playground(out: Path, console: Console, issuer: str = "", asking: str = "FR") -> Playground:
    from ncp.cli.demo_files import write_playground

    begin = time.perf_counter()
    with console.status("making two countries") as status:
        made = write_playground(
            out / "gateways",
            utc_now(),
            issuer=issuer,
            asking=asking,
            tell=lambda what: status.update(f"making {what}"),
        )
    console.print(f"[dim]made two countries in {milliseconds(time.perf_counter() - begin)}[/]")
    return made


def _gateways(playground: Playground) -> list[Gateway]:
    return [
        Gateway(f"the gateway of {country.name}", country.config, country.health, country.folder / "gateway.log")
        for country in playground.countries
    ]


def _consult(out: Path, console: Console) -> Consultation:
    require_client()
    from ncp.cli.demo_story import Scene, play

    playground = _playground(out, console)
    asking, answering = _place(playground.asking), _place(playground.answering)
    screen = Screen(console, asking, answering)
    steps: list[Step] = []
    begin = time.perf_counter()
    with contextlib.ExitStack() as stack:
        with console.status("starting both gateways"):
            stack.enter_context(running(_gateways(playground)))
        console.print(f"[dim]both gateways ready in {milliseconds(time.perf_counter() - begin)}[/]\n")
        screen.begin()
        to = _access(playground)
        scene = Scene(asking, answering, professional(to, None), out, out / "documents")
        opened = stack.enter_context(gateway(to))
        for title, run in play(opened, scene):
            with screen.step(title):
                step = run()
            steps.append(step)
            screen.show(step)
    consultation = Consultation(asking, answering, utc_now(), steps, _left(out, playground))
    (out / "report.html").write_text(html(consultation), encoding="utf-8")
    (out / "report.md").write_text(markdown(consultation), encoding="utf-8")
    console.print(f"\n{len(steps)} steps in {milliseconds(consultation.seconds)}; both gateways are stopped.")
    for label, path in (("report", "report.html"), ("documents", "documents/"), ("messages", "gateways/*/messages/")):
        console.print(f"  [cyan]{label:10}[/] {escape(str(out / path))}", soft_wrap=True)
    demo_addresses.show_offer(console, out, with_web=demo_web.is_installed())
    return consultation


def _place(country: Country) -> Place:
    return Place(country.code, country.name)


def _access(playground: Playground) -> Access:
    """How the portal of country B reaches its gateway."""
    asking = playground.asking
    url = f"https://{asking.frontend}"
    return Access(url, asking.portal.certificate, asking.portal.key, (asking.tls_ca,), is_production=False)


def _left(out: Path, playground: Playground) -> Rows:
    """Messages and logs, for the report."""
    found: list[tuple[str, str]] = []
    for country in playground.countries:
        for path in sorted(country.messages.rglob("*")):
            if path.is_file():
                found.append((f"message, {country.name}: {path.name}", str(path.relative_to(out.absolute()))))
        log = country.folder / "gateway.log"
        found.append((f"log, {country.name}", str(log.relative_to(out.absolute()))))
    return tuple(found)


def _stay(out: Path, console: Console, asking: str) -> None:
    """Both gateways, the portal and its identity provider until Ctrl-C, which is the proper way to end this."""
    web = demo_web.choose_ports(usual=True) if demo_web.is_installed() else None
    playground = _playground(out, console, web.issuer if web else "", asking)
    programs = _gateways(playground)
    if web is not None:
        programs += demo_web.write_web(web, playground.asking)
    try:
        with console.status("starting") as status, running(programs):
            status.stop()
            console.print()
            if web is not None:
                demo_addresses.show_visit(console, web, playground.asking)
            demo_addresses.show_addresses(console, playground, web, _access(playground))
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\neverything is stopped.")
