"""Options that several commands share, spelt and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CONFIG = Annotated[Path, typer.Option("--config", "-c", help="Configuration file.", envvar="NCP_CONFIG")]
JSON = Annotated[bool, typer.Option("--json", help="Write one JSON document, for scripts.")]
