"""The notices that ship, and what a notice file must be."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from ncp.frontend.notice import (
    Fonts,
    NoticeRefused,
    Parties,
    choose,
    load_notices,
    load_notices_of_countries,
    read_notice,
)
from ncp.frontend.notice_pdf import write_notice
from ncp.frontend.pdf import process

CONFIG = Path(__file__).resolve().parents[2] / "config"
FONTS = Fonts(CONFIG / "fonts" / "DejaVuSans.ttf", CONFIG / "fonts" / "DejaVuSans-Bold.ttf")
PARTIES = Parties("France", "Hrvatska", "Agence", "contact@example.org")
AT = datetime(2026, 3, 2, tzinfo=UTC)
NOTICES = load_notices(CONFIG / "notices")
EN = (CONFIG / "notices" / "en.toml").read_bytes()


@pytest.mark.parametrize("language", sorted(NOTICES))
def test_every_notice_becomes_a_pdf_that_may_be_shown(language: str) -> None:
    written = write_notice(NOTICES[language], PARTIES, FONTS, at=AT)
    assert process.judge(written) == b"ok\n"
    assert len(re.findall(rb"/Type /Page\b", written)) == 2


@pytest.mark.parametrize("language", sorted(NOTICES))
def test_every_letter_of_every_notice_is_in_the_fonts(language: str, caplog: pytest.LogCaptureFixture) -> None:
    write_notice(NOTICES[language], PARTIES, FONTS, at=AT)
    assert "missing" not in caplog.text.lower()


OFFICIAL = frozenset(
    "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split()  # noqa: SIM905
)
"""Official languages of the Union (Regulation No 1/58, Article 1, as amended)."""


def test_there_is_a_notice_in_every_official_language_and_for_iceland_and_norway() -> None:
    assert NOTICES.keys() == OFFICIAL | {"is", "nb"}


@pytest.mark.parametrize("font", [FONTS.regular, FONTS.bold], ids=["regular", "bold"])
def test_the_fonts_have_every_letter_of_every_notice(font: Path) -> None:
    has = set(TTFont(font).getBestCmap())
    for notice in NOTICES.values():
        texts = [
            notice.title,
            notice.subtitle,
            *notice.form.values(),
            *(one for pair in notice.sections for one in pair),
        ]
        assert {character for text in texts for character in text if ord(character) not in has} == set(), (
            notice.language
        )


@pytest.mark.parametrize("language", sorted(NOTICES))
def test_every_notice_names_the_countries_the_controller_and_the_contact_where_the_english_one_does(
    language: str,
) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    notice, english = NOTICES[language], NOTICES["en"]
    for (heading, text), (other, original) in zip(notice.sections, english.sections, strict=True):
        assert heading[:2] == other[:2]
        assert names(text) >= names(original) & {"controller", "contact"}
        assert text != original or language == "en"
    assert names(notice.subtitle) == names(notice.form["agreement"]) == {"treatment", "residence"}
    assert "MyHealth@EU" in notice.form["agreement"]
    assert "2016/679" in notice.sections[2][1]


def test_notices_of_one_country_replace_the_general_ones(tmp_path: Path) -> None:
    (tmp_path / "MT").mkdir()
    (tmp_path / "MT" / "en.toml").write_bytes(EN.replace(b'"2026-1"', b'"2026-MT"'))
    (tmp_path / "en.toml").write_bytes(EN)
    assert {country: set(each) for country, each in load_notices_of_countries(tmp_path).items()} == {"MT": {"en"}}
    assert load_notices_of_countries(tmp_path)["MT"]["en"].version == "2026-MT"  # type: ignore[index]
    assert load_notices(tmp_path)["en"].version == "2026-1"


@pytest.mark.parametrize("name", ["malta", "M", "12"])
def test_a_folder_of_notices_without_a_country_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "en.toml").write_bytes(EN)
    with pytest.raises(NoticeRefused):
        load_notices_of_countries(tmp_path)


def test_notices_agree_on_version_and_sections() -> None:
    assert {"en", "fr"} <= NOTICES.keys()
    assert {(notice.version, len(notice.sections)) for notice in NOTICES.values()} == {("2026-1", 7)}


def test_the_same_notice_is_the_same_bytes() -> None:
    first, second = (write_notice(NOTICES["fr"], PARTIES, FONTS, at=AT) for _ in range(2))
    assert first == second


def test_the_parties_are_filled_in() -> None:
    with_name = write_notice(NOTICES["en"], PARTIES, FONTS, at=AT)
    other = write_notice(NOTICES["en"], Parties("Malta", "Hrvatska", "Agence", "x"), FONTS, at=AT)
    assert with_name != other
    assert b"{treatment}" not in b"".join(
        zlib.decompress(each) for each in re.findall(rb"stream\n(x\x9c.*?)\nendstream", with_name, re.DOTALL)
    )


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("fr", "fr"),
        ("fr-FR", "fr"),
        ("HR-hr", "hr"),
        ("ja", "en"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("mt", "mt"),
        ("", "en"),
        ("x" * 99, "en"),
    ],
)
def test_the_nearest_language_is_chosen(asked: str, chosen: str) -> None:
    assert choose(NOTICES, asked).language == chosen


def test_any_notice_is_better_than_none() -> None:
    assert choose({"el": NOTICES["el"]}, "sv").language == "el"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"not toml at all [",
        EN.replace(b'version = "2026-1"', b""),
        EN.replace(b'version = "2026-1"', b'version = ""'),
        EN.replace(b'version = "2026-1"', b"version = 1"),
        EN.replace(b'version = "2026-1"', b'version = "1"\nextra = "x"'),
        EN.replace(b"{residence}", b"{patient}"),
        EN.replace(b"{residence}", b"{residence.__class__}"),
        EN.replace(b"{residence}", b"{0}"),
        EN.replace(b"{residence}", b"{"),
        EN.replace(b'signature = "Signature of the patient"', b""),
        b"x" * 300_000,
    ],
)
def test_a_notice_file_with_a_mistake_is_refused(data: bytes) -> None:
    with pytest.raises(NoticeRefused):
        read_notice(data, "en")


def test_a_folder_without_notices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoticeRefused):
        load_notices(tmp_path)
