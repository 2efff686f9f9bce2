"""Whether a PDF may be handed to a viewer: it is one, it can be looked through, and it names nothing that runs.

Knows how names are spelt in a PDF and that object streams hide them. It looks at every byte, for a parser's idea of
where objects begin can be fooled; it does not repair, decrypt or render. It is a look, not a proof: whoever shows the
file still isolates the viewer. Sources: ISO 32000-1, 7.3.5 (names), 7.5.7 (object streams), 12.6 (actions).
"""

from __future__ import annotations

import re
import zlib

SIZE_MAX = 50 * 1024 * 1024
UNPACKED_MAX = 128 * 1024 * 1024
"""Bytes of streams that are unpacked altogether."""
STREAMS_MAX = 10_000
"""Streams of a PDF that are looked into; a report of a thousand pages has some three thousand."""
ESCAPES_MAX = 100_000
"""Characters of names written as ``#4a``; in the compressed streams of 50 MB some 1 500 look so by chance."""
_CHUNK = 64 * 1024

_END = rb"(?=[\x00\s/<>\[\](){}%]|$)"
_ACTIVE = re.compile(
    rb"/(?:JavaScript|Launch|RichMedia|EmbeddedFiles?|ImportData|SubmitForm|XFA|Movie|Rendition)" + _END
)
# An open action that is an array only says which page to show.
_OPEN_ACTION = re.compile(rb"/OpenAction(?!\s*\[)" + _END)
_ENCRYPTED = re.compile(rb"/Encrypt" + _END)
_OBJECT_STREAM = re.compile(rb"/ObjStm" + _END)
_OTHER_FILTERS = re.compile(rb"/(?:LZWDecode|LZW|ASCIIHexDecode|AHx|ASCII85Decode|A85|RunLengthDecode|RL|Crypt)" + _END)
_PREDICTOR = re.compile(rb"/Predictor" + _END)
_STREAM = re.compile(rb"(?<!end)stream[ \t]*\r?\n?")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_DICTIONARY_MAX = 2048


class PdfRefused(ValueError):
    """``reason``: ``pdf.not_pdf``, ``pdf.too_large``, ``pdf.active``, ``pdf.encrypted`` or ``pdf.unreadable``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(data: bytes) -> None:
    """Returns when the PDF may be shown; raises ``PdfRefused``."""
    if len(data) > SIZE_MAX:
        raise PdfRefused("pdf.too_large")
    if not data.startswith(b"%PDF-"):
        raise PdfRefused("pdf.not_pdf")
    plain = _plain_names(data)
    if _ENCRYPTED.search(plain):
        raise PdfRefused("pdf.encrypted")
    _refuse_active(plain)
    # The dictionary of a stream is never inside a stream: without this name there are no hidden objects.
    if _OBJECT_STREAM.search(plain):
        _look_into_streams(data, plain)


def _refuse_active(plain: bytes) -> None:
    if _ACTIVE.search(plain) or _OPEN_ACTION.search(plain):
        raise PdfRefused("pdf.active")


def _plain_names(text: bytes) -> bytes:
    """``#4a`` written out: any character of a name may be spelt so."""
    if b"#" not in text:
        return text
    plain, count = _ESCAPE.subn(lambda match: bytes([int(match.group(1), 16)]), text, ESCAPES_MAX + 1)
    if count > ESCAPES_MAX:
        raise PdfRefused("pdf.unreadable")
    return plain


def _look_into_streams(data: bytes, plain: bytes) -> None:
    """Every stream that inflates is searched, whatever its dictionary claims to be."""
    if _OTHER_FILTERS.search(plain):
        # A producer that writes object streams deflates them; anything else would hide what is in them.
        raise PdfRefused("pdf.unreadable")
    room = UNPACKED_MAX
    for count, token in enumerate(_STREAM.finditer(data)):
        if count > STREAMS_MAX:
            raise PdfRefused("pdf.too_large")
        head = _plain_names(data[max(0, token.start() - _DICTIONARY_MAX) : token.start()]).rpartition(b" obj")[2]
        holds_objects = _OBJECT_STREAM.search(head) is not None
        if holds_objects and _PREDICTOR.search(head):
            raise PdfRefused("pdf.unreadable")
        unpacked, is_whole = _inflated(memoryview(data)[token.end() :], room + 1)
        room -= len(unpacked)
        if room < 0:
            raise PdfRefused("pdf.too_large")
        if holds_objects and not is_whole:
            # Viewers show what they could unpack of a broken stream, and nobody has seen that here.
            raise PdfRefused("pdf.unreadable")
        _refuse_active(_plain_names(unpacked))


def _inflated(data: memoryview, limit: int) -> tuple[bytes, bool]:
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
