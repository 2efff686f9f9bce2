"""Pictures beside the search form: what a folder must be, and what no drawing may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from xcpd.help_pictures import HelpPicturesRefused, load_pictures
from xcpd.mask_pictures import PictureRefused
from xcpd.masks import read_mask
from xcpd.svg_pictures import clean_svg

MASKS = Path(__file__).parents[2] / "config" / "search_masks"
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'
INDEX = '[[picture]]\nfile = "{file}"\nshows = ["a"]\nname = {{ en = "Card", fr = "Carte" }}\nalt = {{ en = "Alt" }}\n'


@pytest.mark.parametrize("country", ["CZ", "FR", "HR", "MT", "PT"])
def test_the_pictures_that_ship_show_fields_of_the_mask_in_both_languages(country: str) -> None:
    pictures = load_pictures(MASKS / "pictures" / country)
    keys = {field.key for field in read_mask((MASKS / f"{country}.xml").read_bytes(), country).fields}  # type: ignore[arg-type]
    assert pictures
    for picture in pictures:
        assert picture.shows <= keys
        assert {"en", "fr"} <= picture.names.keys() & picture.alts.keys()
        assert picture.content.count(b"SPECIMEN") >= 2


def test_texts_are_in_the_language_asked_for_else_english(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(OPEN + "<rect width='1' height='1'/></svg>")
    (tmp_path / "pictures.toml").write_text(INDEX.format(file="a.svg"))
    (picture,) = load_pictures(tmp_path)
    assert (picture.name("fr-FR"), picture.name("hr"), picture.alt("fr")) == ("Carte", "Card", "Alt")
    assert picture.media_type == "image/svg+xml"


def test_no_index_is_no_picture(tmp_path: Path) -> None:
    assert load_pictures(tmp_path) == ()


@pytest.mark.attack
@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject/>",
        "<style>*{}</style>",
        "<a/>",
        "<use href='#a'/>",
        "<image href='https://example.org/x.png'/>",
        "<animate attributeName='x'/>",
        "<set attributeName='x'/>",
        "<rect onload='alert(1)'/>",
        "<rect onclick='a'/>",
        "<rect style='fill:red'/>",
        "<rect fill='url(https://example.org/#a)'/>",
        "<rect fill='URL(#a) red'/>",
        "<rect width='url(#a)'/>",
        "<rect fill='u\\72l(x)'/>",
        "<rect xlink:href='#a'/>",
        "<rect href='#a'/>",
        "<rect font-family='a;b'/>",
        "<rect id='javascript:x'/>",
        "<?xml-stylesheet href='x'?>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'/>",
    ],
)
def test_a_drawing_that_could_do_anything_is_refused(inside: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        clean_svg((OPEN + inside + "</svg>").encode())
    assert refused.value.reason == "picture.active"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + OPEN.encode() + b"</svg>", "picture.malformed"),
        (b"<svg viewBox='0 0 1 1'/>", "picture.malformed"),
        (b"<html/>", "picture.malformed"),
        (b"", "picture.malformed"),
        (OPEN.replace("0 0 10 10", "0 0 9999 9999").encode() + b"</svg>", "picture.too_large"),
        (OPEN.encode() + b"<g>" * 40 + b"</g>" * 40 + b"</svg>", "picture.too_large"),
        (OPEN.encode() + b"<!--" + b"x" * 300_000 + b"--></svg>", "picture.too_large"),
    ],
)
def test_what_is_no_drawing_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        clean_svg(data)
    assert refused.value.reason == reason


def test_comments_are_dropped_and_text_stays() -> None:
    clean = clean_svg((OPEN + "<text>a<!-- secret -->b</text><rect fill='url(#paper)'/></svg>").encode())
    assert b"secret" not in clean.content
    assert b"ab" in clean.content
    assert b"xlink" not in clean.content


@pytest.mark.attack
@pytest.mark.parametrize(
    "index",
    [
        INDEX.format(file="../a.svg"),
        INDEX.format(file="/etc/passwd"),
        INDEX.format(file="missing.png"),
        INDEX.format(file="b.gif"),
        INDEX.format(file="a.svg").replace('en = "Card", ', ""),
        INDEX.format(file="a.svg").replace("shows", "show"),
        INDEX.format(file="a.svg") * 9,
        "picture = 1",
        "x = [",
        "",
    ],
)
def test_an_index_with_a_mistake_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "a.svg").write_text(OPEN + "</svg>")
    (tmp_path / "b.gif").write_bytes(b"GIF89a")
    (tmp_path / "pictures.toml").write_text(index)
    with pytest.raises(HelpPicturesRefused):
        load_pictures(tmp_path)
