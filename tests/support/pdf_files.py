"""Small PDFs written object by object: with a table of cross references, or with objects packed into streams.

Source: ISO 32000-1, 7.5 (file structure), 7.5.7 (object streams), 7.5.8 (cross-reference streams).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

CATALOG, PAGES, PAGE, CONTENT, FIRST_FREE = 1, 2, 3, 4, 5
_DRAWN = b"BT /F1 24 Tf 60 700 Td (A summary) Tj ET"


def objects(*, catalog: bytes = b"", page: bytes = b"", more: Mapping[int, bytes] | None = None) -> dict[int, bytes]:
    """One page with a line of text; ``catalog`` and ``page`` are further entries of these dictionaries."""
    return {
        CATALOG: b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        PAGES: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 "
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> " + page + b" >>",
        CONTENT: stream(_DRAWN),
        **(more or {}),
    }


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def table(numbered: Mapping[int, bytes], *, before: bytes = b"") -> bytes:
    """A file with a table of cross references; ``before`` stands in front of it all."""
    body, places = _written(numbered, before)
    at = len(body)
    size = max(numbered) + 1
    lines = [b"0000000000 65535 f \n"]
    lines += [b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 00000 f \n" for n in range(1, size)]
    body += b"xref\n0 %d\n%b" % (size, b"".join(lines))
    return body + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, at)


def packed(
    numbered: Mapping[int, bytes],
    *,
    pack: Callable[[bytes], bytes] = zlib.compress,
    entries: bytes = b"/Filter /FlateDecode",
    kind: bytes = b"/ObjStm",
    more: Mapping[int, bytes] | None = None,
) -> bytes:
    """A file whose objects stand in one object stream, but for streams and ``more``, and whose cross references are a
    stream too. ``pack`` and ``entries`` say how the object stream is packed, ``kind`` how its type is written."""
    inside = {n: each for n, each in numbered.items() if b"\nstream\n" not in each}
    outside = {n: each for n, each in numbered.items() if n not in inside} | dict(more or {})
    holder = max((*numbered, *outside)) + 1
    pairs, texts, at = [], [], 0
    for number, each in inside.items():
        pairs.append(b"%d %d" % (number, at))
        texts.append(each + b"\n")
        at += len(texts[-1])
    head = b" ".join(pairs) + b"\n"
    outside[holder] = stream(
        pack(head + b"".join(texts)), b"/Type %b /N %d /First %d %b" % (kind, len(inside), len(head), entries)
    )
    body, places = _written(outside, b"")
    own = holder + 1
    rows = [b"\x00\x00\x00\x00\x00\xff"]
    for number in range(1, own):
        if number in inside:
            rows.append(b"\x02" + holder.to_bytes(4) + bytes([list(inside).index(number)]))
        elif number in places:
            rows.append(b"\x01" + places[number].to_bytes(4) + b"\x00")
        else:
            rows.append(b"\x00" * 6)
    start = len(body)
    rows.append(b"\x01" + start.to_bytes(4) + b"\x00")
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Root 1 0 R /Filter /FlateDecode" % (own + 1)
    body += b"%d 0 obj\n%b\nendobj\n" % (own, stream(zlib.compress(b"".join(rows)), entries))
    return body + b"startxref\n%d\n%%%%EOF\n" % start


def escaped(text: bytes, name: bytes) -> bytes:
    """``name`` with every second character written as ``#xx``."""
    return text.replace(b"/" + name, b"/" + b"".join(b"#%02x" % c if i % 2 else bytes([c]) for i, c in enumerate(name)))


def _written(numbered: Mapping[int, bytes], before: bytes) -> tuple[bytes, dict[int, int]]:
    body, places = bytearray(before + b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), {}
    for number, each in numbered.items():
        places[number] = len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    return bytes(body), places
