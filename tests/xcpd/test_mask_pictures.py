"""Pictures from masks: what is copied and what is not."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcpd.mask_pictures import Picture, PictureRefused, clean_picture

pytestmark = pytest.mark.attack


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def header(width: int = 2, height: int = 3) -> bytes:
    return chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + b"\x08\x00\x00\x00\x00")


PNG = b"\x89PNG\r\n\x1a\n"
PIXELS = chunk(b"IDAT", zlib.compress(b"\x00\x00\x00" * 3))
END = chunk(b"IEND")
TEXT = chunk(b"tEXt", b"Comment\x00SECRET")

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


APP0 = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
EXIF = segment(0xE1, b"Exif\x00\x00SECRET")
COMMENT = segment(0xFE, b"SECRET")
TABLES = segment(0xDB, b"\x00" + bytes(64)) + segment(0xC4, b"\x00" + bytes(16))
FRAME = segment(0xC0, b"\x08\x00\x03\x00\x02\x01\x01\x11\x00")
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
ADOBE = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x00")

GIF_HEAD = b"GIF89a" + b"\x02\x00\x03\x00" + b"\x80\x00\x00" + bytes(6)
GIF_IMAGE = b"\x2c\x00\x00\x00\x00\x02\x00\x03\x00\x00" + b"\x02" + b"\x02\x4c\x01" + b"\x00"
GIF_COMMENT = b"\x21\xfe\x06SECRET\x00"
GIF_CONTROL = b"\x21\xf9\x04\x00\x00\x00\x00\x00"
GIF_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@pytest.mark.parametrize(
    ("dirty", "clean", "media_type"),
    [
        (PNG + header() + TEXT + PIXELS + TEXT + END + b"SECRET<script>", PNG + header() + PIXELS + END, "image/png"),
        (
            SOI + APP0 + EXIF + COMMENT + TABLES + FRAME + ADOBE + SCAN + EOI + b"PK\x03\x04SECRET",
            SOI + TABLES + FRAME + ADOBE + SCAN + EOI,
            "image/jpeg",
        ),
        (
            GIF_HEAD + GIF_LOOP + GIF_COMMENT + GIF_CONTROL + GIF_IMAGE + GIF_CONTROL + GIF_IMAGE + b"\x3bSECRET",
            GIF_HEAD + GIF_CONTROL + GIF_IMAGE + b"\x3b",
            "image/gif",
        ),
    ],
)
def test_only_the_image_is_copied(dirty: bytes, clean: bytes, media_type: str) -> None:
    picture = clean_picture(dirty, "name", "description")
    assert picture == Picture(media_type, clean, 2, 3, "name", "description")
    assert clean_picture(clean).content == clean


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "picture.kind"),
        (b"<svg onload='x'/>", "picture.kind"),
        (b"RIFF....WEBP", "picture.kind"),
        (PNG, "picture.malformed"),
        (PNG + PIXELS + END, "picture.malformed"),
        (PNG + header() + END, "picture.malformed"),
        (PNG + header() + PIXELS, "picture.malformed"),
        (PNG + header() + header() + PIXELS + END, "picture.malformed"),
        (PNG + header() + chunk(b"EVIL") + PIXELS + END, "picture.malformed"),
        (PNG + header() + PIXELS[:-1] + b"\x00" + END, "picture.malformed"),
        (PNG + header(0) + PIXELS + END, "picture.too_large"),
        (PNG + header(8001) + PIXELS + END, "picture.too_large"),
        (PNG + header(8000, 8000) + PIXELS + END, "picture.too_large"),
        (PNG + bytes(2 * 1024 * 1024), "picture.too_large"),
        (SOI + FRAME + EOI, "picture.malformed"),
        (SOI + SCAN + EOI, "picture.malformed"),
        (SOI + FRAME + SCAN, "picture.malformed"),
        (SOI + FRAME + FRAME + SCAN + EOI, "picture.malformed"),
        (SOI + segment(0xC9, bytes(9)) + SCAN + EOI, "picture.malformed"),
        (GIF_HEAD + b"\x3b", "picture.malformed"),
        (GIF_HEAD + GIF_IMAGE, "picture.malformed"),
        (GIF_HEAD[:9], "picture.malformed"),
        (GIF_HEAD + b"\x99", "picture.malformed"),
    ],
)
def test_what_is_no_sound_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        clean_picture(data)
    assert refused.value.reason == reason


WHOLE = (
    PNG + header() + TEXT + PIXELS + END,
    SOI + APP0 + EXIF + TABLES + FRAME + SCAN + EOI,
    GIF_HEAD + GIF_COMMENT + GIF_CONTROL + GIF_IMAGE + b"\x3b",
)


@settings(deadline=None)
@given(st.sampled_from(WHOLE), st.integers(0, 200), st.binary(max_size=4))
def test_a_changed_picture_is_refused_or_clean(whole: bytes, at: int, put: bytes) -> None:
    changed = whole[:at] + put + whole[at + len(put) :]
    try:
        picture = clean_picture(changed)
    except PictureRefused:
        return
    assert clean_picture(picture.content) == picture
    assert b"SECRET" not in picture.content
