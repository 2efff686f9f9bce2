"""Pictures that this country adds to a search mask: documents on which patients find what they are asked for.

Knows the folder of one country (``pictures.toml`` and the files it names) and that a picture is called and described in
several languages. Leaves what a file may hold to ``xcpd.mask_pictures`` and ``xcpd.svg_pictures``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xcpd.mask_pictures import PICTURE_MAX, PictureRefused, clean_picture
from xcpd.svg_pictures import clean_svg

PICTURES_MAX = 8
"""Most pictures of one country."""
INDEX = "pictures.toml"
_INDEX_MAX = 64 * 1024
_TEXT_MAX = 500
_FALLBACK = "en"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(png|jpg|jpeg|svg)")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class HelpPicturesRefused(ValueError):
    """A folder that cannot be used. ``reason`` is stable (``pictures.index``, ``pictures.file``, ``picture.active``,
    …); the text says which picture."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{reason} {place}".strip())
        self.reason = reason


@dataclass(frozen=True, slots=True)
class HelpPicture:
    """One picture: what the document is called and what is to be seen, by language; ids of the fields it shows."""

    media_type: str
    content: bytes
    names: Mapping[str, str]
    alts: Mapping[str, str]
    shows: frozenset[str]

    def name(self, language: str) -> str:
        """What the document is called in a language (BCP 47), else in English."""
        return _said(self.names, language)

    def alt(self, language: str) -> str:
        """What is to be seen, in words."""
        return _said(self.alts, language)


def load_pictures(folder: Path) -> tuple[HelpPicture, ...]:
    """The pictures of one country, in the order of the index; none where there is no index.

    Raises ``HelpPicturesRefused`` for an index or a picture with a mistake.
    """
    index = folder / INDEX
    if not index.is_file():
        return ()
    try:
        entries = tomllib.loads(_read(index, _INDEX_MAX, INDEX).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise HelpPicturesRefused("pictures.index", INDEX) from None
    listed = entries.get("picture")
    if entries.keys() != {"picture"} or not isinstance(listed, list) or not 0 < len(listed) <= PICTURES_MAX:
        raise HelpPicturesRefused("pictures.index", INDEX)
    return tuple(_picture(folder, entry, number) for number, entry in enumerate(listed, 1))


def _picture(folder: Path, entry: Any, number: int) -> HelpPicture:
    place = f"[[picture]] {number}"
    if not isinstance(entry, dict) or entry.keys() != {"file", "shows", "name", "alt"}:
        raise HelpPicturesRefused("pictures.index", place)
    file, shows = entry["file"], entry["shows"]
    if not isinstance(file, str) or not _FILE.fullmatch(file):
        raise HelpPicturesRefused("pictures.file", place)
    if not isinstance(shows, list) or not shows or not all(isinstance(each, str) for each in shows):
        raise HelpPicturesRefused("pictures.index", place)
    data = _read(folder / file, PICTURE_MAX, place)
    try:
        clean = clean_svg(data) if file.endswith(".svg") else clean_picture(data)
    except PictureRefused as refused:
        raise HelpPicturesRefused(refused.reason, place) from None
    if clean.media_type == "image/gif":
        raise HelpPicturesRefused("picture.kind", place)
    return HelpPicture(
        clean.media_type, clean.content, _texts(entry["name"], place), _texts(entry["alt"], place), frozenset(shows)
    )


def _texts(value: Any, place: str) -> dict[str, str]:
    """Texts by language, English among them, so that there is always one."""
    if not isinstance(value, dict) or _FALLBACK not in value:
        raise HelpPicturesRefused("pictures.text", place)
    for language, text in value.items():
        if not _LANGUAGE.fullmatch(language) or not isinstance(text, str) or not 0 < len(text.strip()) <= _TEXT_MAX:
            raise HelpPicturesRefused("pictures.text", place)
    return {language: text.strip() for language, text in value.items()}


def _said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language.partition("-")[0].lower()) or texts[_FALLBACK]


def _read(file: Path, most: int, place: str) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError:
        raise HelpPicturesRefused("pictures.file", place) from None
    if len(data) > most:
        raise HelpPicturesRefused("picture.too_large", place)
    return data
