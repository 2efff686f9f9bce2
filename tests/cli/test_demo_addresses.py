"""What the terminal says about the web portal, with it and without it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from rich.console import Console

from ncp.cli import demo_addresses, demo_web
from ncp.cli.demo_web import choose_ports

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def console() -> Console:
    return Console(width=100, record=True)


def test_without_the_portal_it_says_how_to_install_it(console: Console, tmp_path: Path) -> None:
    demo_addresses.show_offer(console, tmp_path, with_web=False)
    said = console.export_text()
    assert demo_addresses.INSTALL in said
    assert "http://localhost" not in said


def test_the_folders_to_install_are_those_that_make_installs() -> None:
    parts = [word for word in demo_addresses.INSTALL.split() if word.startswith("./")]
    assert all((ROOT / part / "pyproject.toml").is_file() for part in parts)
    (line,) = [line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if line.startswith("PARTS :=")]
    assert line.split()[2:] == parts


def test_every_offer_names_the_command_and_the_address(console: Console) -> None:
    demo_addresses.show_offer(console, Path("demo-out"), with_web=True)
    said = console.export_text()
    assert "make demo-up" in said
    assert "ncp demo --out demo-out --up" in said


def test_a_usual_port_that_is_taken_is_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    free, taken = choose_ports(usual=False).portal.port, choose_ports(usual=False).portal.port
    monkeypatch.setattr(demo_web, "PORTAL_PORT", taken)
    monkeypatch.setattr(demo_web, "PROVIDER_PORT", free)
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        found = choose_ports(usual=True)
    assert found.provider.port == free
    assert found.portal.port not in (taken, free)
