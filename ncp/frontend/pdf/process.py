"""The process in which strangers' PDFs are looked into: files come from a socket, a line goes back (``answers``).

Every file is judged in a fork of its own, with limits that cannot be raised again: memory, processor time, no new file
or socket, no core. So what a file breaks is gone with its fork, nothing of one patient's file is left when the next one
comes, and a fork costs milliseconds where a new interpreter costs a quarter of a second.

Ends when the gateway's end is closed. Started by ``examiner`` alone, with the bytes of memory and the seconds
of processor time that one file may take.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import socket
import sys
from typing import NoReturn

from ncp.frontend.pdf import look, structure
from ncp.frontend.pdf.answers import ANSWER_MAX, LENGTH_BYTES, READY, is_answer
from ncp.frontend.pdf.names import PdfRefused

_TOO_COSTLY = b"refused pdf.too_costly\n"

_SMALLEST = (
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"
    b"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n100\n%%EOF\n"
)


def judge(data: bytes) -> bytes:
    """Both looks; the line that answers. Lets ``MemoryError`` through."""
    try:
        found = look.look(data) | structure.look(data)
    except PdfRefused as refused:
        return f"refused {refused.reason}\n".encode()
    return " ".join(("ok", *sorted(found))).encode() + b"\n"


def main(memory: int, seconds: int) -> None:
    """Serves until the other end is closed."""
    channel = socket.socket(fileno=0)
    logging.disable()  # a parser's complaints quote the file
    judge(_SMALLEST)  # what is imported late has to be there before no file can be opened any more
    gc.freeze()
    channel.sendall(READY)
    while head := _exactly(channel, LENGTH_BYTES):
        data = _exactly(channel, int.from_bytes(head))
        channel.sendall(_judged_in_a_fork(data, memory, seconds))
        del data


def _judged_in_a_fork(data: bytes, memory: int, seconds: int) -> bytes:
    inlet, outlet = os.pipe()
    child = os.fork()
    if child == 0:
        _judge_and_end(data, outlet, memory, seconds)
    os.close(outlet)
    try:
        line = os.read(inlet, ANSWER_MAX)
    finally:
        os.close(inlet)
        _, status = os.waitpid(child, 0)
    return line if status == 0 and is_answer(line) else _TOO_COSTLY


def _judge_and_end(data: bytes, outlet: int, memory: int, seconds: int) -> NoReturn:
    status = 1
    try:
        for kind, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, 0),
        ):
            resource.setrlimit(kind, (most, most))
        os.write(outlet, judge(data))
        status = 0
    finally:
        os._exit(status)  # no clean-up of the process it was forked from


def _exactly(channel: socket.socket, size: int) -> bytes:
    """``size`` bytes; empty when the other end is closed."""
    data = bytearray(size)
    room = memoryview(data)
    while room:
        got = channel.recv_into(room)
        if not got:
            return b""
        room = room[got:]
    return bytes(data)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
