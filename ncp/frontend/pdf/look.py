"""The look at every byte of a PDF: whatever a viewer may take for an object, wherever it stands.

Knows how names are spelt and that streams hide objects. It follows no cross reference, for where objects begin is what
parsers disagree about; ``structure`` follows them, and either may refuse. It does not repair, decrypt or render.
Runs in the limited process of ``process`` alone: what it unpacks is a stranger's.
Sources: ISO 32000-1, 7.3.5 (names), 7.5.7 (object streams), 7.4 (filters).
"""

from __future__ import annotations

import re
import zlib

from ncp.frontend.pdf.names import ACTIVE, ACTIVE_KEYS, OPEN_ACTION, OUTSIDE, PdfRefused

UNPACKED_MAX = 128 * 1024 * 1024
"""Bytes of streams that are unpacked altogether."""
STREAMS_MAX = 10_000
"""Streams of a PDF that are looked into; a report of a thousand pages has some three thousand."""
ESCAPES_MAX = 100_000
"""Characters of names written as ``#4a``; in the compressed streams of 50 MB some 1 500 look so by chance."""
PACKED_TWICE_MAX = 4
"""How often a stream may be deflated again; nobody does it once more than needed but to hide something."""
_CHUNK = 64 * 1024

_SPACE = rb"[\x00\s]"
_END = rb"(?=[\x00\s/<>\[\](){}%]|$)"


def _any_of(names: frozenset[str]) -> bytes:
    return rb"(?:" + "|".join(sorted(names)).encode() + rb")"


_ACTIVE = re.compile(rb"/" + _any_of(ACTIVE) + _END)
_ACTIVE_KEY = re.compile(rb"/" + _any_of(ACTIVE_KEYS) + _SPACE + rb"*(?:[(<%]|\d{1,10}" + _SPACE + rb")")
_OPEN_ACTION = re.compile(rb"/" + OPEN_ACTION.encode() + rb"(?!" + _SPACE + rb"*\[)" + _END)
_OUTSIDE = re.compile(rb"/(" + "|".join(sorted(OUTSIDE)).encode() + rb")" + _END)
_ENCRYPTED = re.compile(rb"/Encrypt" + _END)
_OBJECT_STREAM = re.compile(rb"/ObjStm" + _END)
_FILTER = re.compile(rb"/(?:Filter|F)" + _END)
# A producer that writes object streams deflates them once; whatever else would hide what is in them.
_DEFLATED = re.compile(rb"/Filter" + _SPACE + rb"*(?:/FlateDecode|\[" + _SPACE + rb"*/FlateDecode" + _SPACE + rb"*\])")
_OTHER_FILTERS = re.compile(rb"/(?:LZWDecode|LZW|ASCIIHexDecode|AHx|ASCII85Decode|A85|RunLengthDecode|RL|Crypt)" + _END)
_PREDICTOR = re.compile(rb"/Predictor" + _END)
_STREAM = re.compile(rb"(?<!end)stream[ \t]*\r?\n?")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_DICTIONARY_MAX = 2048


def look(data: bytes) -> frozenset[str]:
    """Names of warnings (``names.WARNINGS``). Raises ``PdfRefused``: ``pdf.active``, ``pdf.encrypted``,
    ``pdf.unreadable`` or ``pdf.too_large``."""
    plain = _plain_names(data)
    if _ENCRYPTED.search(plain):
        raise PdfRefused("pdf.encrypted")
    outside = _refuse_active(plain)
    if _ACTIVE_KEY.search(plain):
        raise PdfRefused("pdf.active")
    return frozenset(outside | _look_into_streams(data, hidden=len(_OBJECT_STREAM.findall(plain))))


def _refuse_active(plain: bytes) -> set[str]:
    if _ACTIVE.search(plain) or _OPEN_ACTION.search(plain):
        raise PdfRefused("pdf.active")
    return {OUTSIDE[match.group(1).decode()] for match in _OUTSIDE.finditer(plain)}


def _plain_names(text: bytes) -> bytes:
    """``#4a`` written out: any character of a name may be spelt so."""
    if b"#" not in text:
        return text
    plain, count = _ESCAPE.subn(lambda match: bytes([int(match.group(1), 16)]), text, ESCAPES_MAX + 1)
    if count > ESCAPES_MAX:
        raise PdfRefused("pdf.unreadable")
    return plain


def _look_into_streams(data: bytes, *, hidden: int) -> set[str]:
    """Every stream that inflates is searched, whatever its dictionary claims to be.

    ``hidden`` is how often the file names an object stream: each must stand in a dictionary that was looked at, so a
    dictionary too long, or a type that is referred to from elsewhere, hides nothing.
    """
    outside: set[str] = set()
    room = UNPACKED_MAX
    for count, token in enumerate(_STREAM.finditer(data)):
        if count > STREAMS_MAX:
            raise PdfRefused("pdf.too_large")
        head = _plain_names(data[max(0, token.start() - _DICTIONARY_MAX) : token.start()]).rpartition(b" obj")[2]
        named = len(_OBJECT_STREAM.findall(head))
        hidden -= named
        if named:
            _refuse_odd_packing(head)
        packed: bytes | memoryview = memoryview(data)[token.end() :]
        for _ in range(PACKED_TWICE_MAX):
            unpacked, is_whole = _inflated(packed, room + 1)
            room -= len(unpacked)
            if room < 0:
                raise PdfRefused("pdf.too_large")
            if named and _FILTER.search(head) and not is_whole:
                # Viewers show what they could unpack of a broken stream, and nobody has seen that here.
                raise PdfRefused("pdf.unreadable")
            if not unpacked:
                break
            names = _plain_names(unpacked)
            outside |= _refuse_active(names)
            if named and _ACTIVE_KEY.search(names):
                raise PdfRefused("pdf.active")
            packed, named = unpacked, 0
        else:
            raise PdfRefused("pdf.unreadable")
    if hidden > 0:
        raise PdfRefused("pdf.unreadable")
    return outside


def _refuse_odd_packing(head: bytes) -> None:
    if _OTHER_FILTERS.search(head) or _PREDICTOR.search(head):
        raise PdfRefused("pdf.unreadable")
    if _FILTER.search(head) and not _DEFLATED.search(head):
        raise PdfRefused("pdf.unreadable")


def _inflated(data: bytes | memoryview, limit: int) -> tuple[bytes, bool]:
    """What inflates from the start of ``data``, at most ``limit`` bytes of it, and whether that was the whole stream;
    empty for what is no deflated stream. In small steps, so that nothing unpacks far before it is counted."""
    inflate = zlib.decompressobj()
    parts: list[bytes] = []
    try:
        for start in range(0, len(data), _CHUNK):
            piece: bytes | memoryview = data[start : start + _CHUNK]
            wanted = got = 0
            while wanted == got and limit > 0:
                wanted = min(limit, _CHUNK)
                parts.append(inflate.decompress(piece, wanted))
                got = len(parts[-1])
                limit -= got
                piece = inflate.unconsumed_tail
            if inflate.eof or limit <= 0:
                break
    except zlib.error:
        pass
    return b"".join(parts), inflate.eof
