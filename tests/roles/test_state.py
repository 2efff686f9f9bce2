"""The state that workers share, when one of them ends badly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ncp.storage.state import State

KILLED_WHILE_READING = """
import os, signal, sys
from pathlib import Path
from ncp.storage.state import State
state = State(Path(sys.argv[1]))
reading = state._environment.begin()
os.kill(os.getpid(), signal.SIGKILL)
"""
THE_NEXT_WORKER = """
import sys
from pathlib import Path
from ncp.storage.state import State
print(State(Path(sys.argv[1]))._environment.reader_check())
"""


def test_a_worker_that_was_killed_while_reading_does_not_hold_its_pages_for_ever(tmp_path: Path) -> None:
    another = State(tmp_path)
    try:
        subprocess.run([sys.executable, "-c", KILLED_WHILE_READING, str(tmp_path)], check=False, timeout=60)
        checked = subprocess.run(
            [sys.executable, "-c", THE_NEXT_WORKER, str(tmp_path)], check=True, timeout=60, capture_output=True
        )
        assert checked.stdout.strip() == b"0", "readers that are dead are left"
    finally:
        another.close()
