"""What goes over the socket between the gateway and the process that looks into PDFs.

To the process: ``LENGTH_BYTES`` of length and the bytes of a file. Back: one line, ``ok`` or ``refused``, and names.
"""

from __future__ import annotations

from ncp.frontend.pdf.names import REFUSALS, WARNINGS

READY = b"ready\n"
"""The line that a process starts with."""
LENGTH_BYTES = 8
ANSWER_MAX = 256


def is_answer(line: bytes) -> bool:
    """Whether a line is one that an honest process writes: it comes out of the reach of a stranger's file."""
    verdict, *names = line.decode("ascii", "replace").split() or ("",)
    if not line.endswith(b"\n"):
        return False
    if verdict == "refused":
        return len(names) == 1 and names[0] in REFUSALS
    return verdict == "ok" and all(name in WARNINGS for name in names)
