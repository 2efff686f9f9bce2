"""``python -m ncp.cli``."""

from ncp.cli.main import run

run()
