"""Pictures of identity documents in search masks: PNG, JPEG and GIF by content, copied without anything but the image.

Knows the three containers well enough to take them apart and write them anew: known parts only, sizes checked,
metadata, comments, application data and whatever stands behind the image dropped. The image data itself is not decoded,
so a hostile picture meets no decoder here. Leaves to the portal how a picture is shown.

Sources: PNG (W3C, third edition) 5.3, 11; JPEG (ITU-T T.81) Annex B; GIF89a specification.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

PICTURE_MAX = 2 * 1024 * 1024
"""Most bytes of one picture; the largest one seen has 700 kB."""
SIDE_MAX = 8000
"""Longest side in pixels."""
PIXELS_MAX = 40_000_000
"""Most pixels, so that a small file cannot claim a huge image."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"IDAT", b"IEND"})
_JPEG = b"\xff\xd8\xff"
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_TABLES = frozenset({0xC4, 0xDB, 0xDD})
_JPEG_ADOBE = 0xEE


class PictureRefused(ValueError):
    """``reason``: ``picture.kind``, ``picture.too_large`` or ``picture.malformed``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """One clean picture; ``media_type`` is what the bytes are, whatever the mask calls them."""

    media_type: str
    content: bytes
    width: int
    height: int
    name: str = ""
    description: str = ""


def clean_picture(data: bytes, name: str = "", description: str = "") -> Picture:
    """The image alone. Raises ``PictureRefused``, and nothing else."""
    if len(data) > PICTURE_MAX:
        raise PictureRefused("picture.too_large")
    try:
        if data.startswith(_PNG):
            media_type, (content, width, height) = "image/png", _png(data)
        elif data.startswith(_JPEG):
            media_type, (content, width, height) = "image/jpeg", _jpeg(data)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            media_type, (content, width, height) = "image/gif", _gif(data)
        else:
            raise PictureRefused("picture.kind")
    except IndexError:
        raise PictureRefused("picture.malformed") from None
    if not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX or width * height > PIXELS_MAX:
        raise PictureRefused("picture.too_large")
    return Picture(media_type, content, width, height, name, description)


def _take(data: bytes, start: int, length: int) -> bytes:
    """Exactly ``length`` bytes; ``IndexError`` where the data ends before."""
    if length < 0 or start + length > len(data):
        raise IndexError
    return data[start : start + length]


def _png(data: bytes) -> tuple[bytes, int, int]:
    out, at, width, height, pixels = [_PNG], len(_PNG), 0, 0, False
    while True:
        length = int.from_bytes(_take(data, at, 4))
        kind = _take(data, at + 4, 4)
        body = _take(data, at + 8, length)
        if int.from_bytes(_take(data, at + 8 + length, 4)) != zlib.crc32(kind + body):
            raise PictureRefused("picture.malformed")
        if (kind == b"IHDR") != (at == len(_PNG)) or (kind == b"IHDR" and length != 13):
            raise PictureRefused("picture.malformed")
        if kind == b"IHDR":
            width, height = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
        elif kind[:1].isupper() and kind not in _PNG_KEPT:
            raise PictureRefused("picture.malformed")  # a critical chunk of no known meaning
        pixels = pixels or kind == b"IDAT"
        if kind in _PNG_KEPT:
            out.append(data[at : at + 12 + length])
        at += 12 + length
        if kind == b"IEND":
            break
    if not pixels or length:
        raise PictureRefused("picture.malformed")
    return b"".join(out), width, height


def _jpeg(data: bytes) -> tuple[bytes, int, int]:
    out, at, width, height, scanned = [b"\xff\xd8"], 2, 0, 0, False
    while True:
        if data[at] != 0xFF:
            raise PictureRefused("picture.malformed")
        while data[at] == 0xFF:  # fill bytes
            at += 1
        marker = data[at]
        at += 1
        if marker == 0xD9:
            break
        length = int.from_bytes(_take(data, at, 2))
        segment = _take(data, at, length) if length >= 2 else b""
        if not segment or marker == 0 or 0xD0 <= marker <= 0xD8:
            raise PictureRefused("picture.malformed")
        at += length
        kept = marker in _JPEG_TABLES
        if marker in _JPEG_FRAMES:
            if width or length < 8:
                raise PictureRefused("picture.malformed")
            height, width, kept = int.from_bytes(segment[3:5]), int.from_bytes(segment[5:7]), True
        elif marker == _JPEG_ADOBE and segment[2:7] == b"Adobe" and length == 14:
            kept = True  # names the colour transform; without it CMYK pictures turn negative
        elif marker == 0xDA:
            if not width:
                raise PictureRefused("picture.malformed")
            end = _scan_end(data, at)
            out.append(b"\xff\xda" + segment + data[at:end])
            at, scanned = end, True
        elif not (kept or 0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise PictureRefused("picture.malformed")
        if kept:
            out.append(bytes((0xFF, marker)) + segment)
    if not scanned:
        raise PictureRefused("picture.malformed")
    return b"".join(out) + b"\xff\xd9", width, height


def _scan_end(data: bytes, at: int) -> int:
    """Where entropy-coded data ends: the next marker that is neither a stuffed byte nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise IndexError
        following = data[at + 1]
        if following == 0xFF:
            at += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            at += 2
        else:
            return at


def _gif(data: bytes) -> tuple[bytes, int, int]:
    width, height = int.from_bytes(_take(data, 6, 2), "little"), int.from_bytes(_take(data, 8, 2), "little")
    at = 13 + _colour_table(_take(data, 10, 3)[0])
    out, images = [_take(data, 0, at)], 0
    while True:
        block = data[at]
        if block == 0x3B:
            break
        if block == 0x2C:
            descriptor = _take(data, at, 10)
            start = at + 10 + _colour_table(descriptor[9])
            end = _sub_blocks_end(data, start + 1)
            if images == 0:  # a help picture needs no animation
                out.append(data[at:end])
            images += 1
        elif block == 0x21:
            label = data[at + 1]
            end = _sub_blocks_end(data, at + 2)
            if label == 0xF9 and images == 0:
                out.append(data[at:end])
        else:
            raise PictureRefused("picture.malformed")
        at = end
    if not images:
        raise PictureRefused("picture.malformed")
    return b"".join(out) + b"\x3b", width, height


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks_end(data: bytes, at: int) -> int:
    while True:
        size = data[at]
        at += 1
        if size == 0:
            return at
        _take(data, at, size)
        at += size
