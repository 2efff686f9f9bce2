"""Pictures of the pages, for the documentation: ``python -m tests.screenshots FOLDER [--only TEXT]``.

Takes demonstration documents, and other people's samples where they are beside the project, in French and English; of
one also what a narrow screen and a printer show. Each picture is 1200 pixels wide (the narrow one 400), cut off after a
screen or two, in few colours: at most 250 KB.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ncp.semantics.display.view import Layout
from ncp_client import headers
from tests.shared import shared_files
from tests.support import pages
from tests.support.browser import Answer, Browser, Page, Site, chromium
from tests.support.demo_summaries import demo_summaries

LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
DEMONSTRATION = ("HR/01-full-summary", "FR/01-full-summary", "HR/06-no-known-allergies")
SAMPLES = (
    "w8_cz_full",
    "w7_pt_mock_2-1234",
    "w8_ie_murphy_valid",
    "w8_mt_L3_friendly",
    "epsos_lu_1972_L3",
    "w2_be_fr_mock_2-5678",
    "epsos_dk_L3",
    "w8_it_L3",
)
WIDTH, NARROW = 1200, 400
TALLEST = 2400
LARGEST = 250 * 1024


@dataclass(frozen=True)
class Picture:
    """One picture: its file name without ending, the document, and how it is looked at."""

    name: str
    document: bytes
    language: str
    layout: Layout = Layout.TRANSLATED
    width: int = WIDTH
    media: str = "screen"


def pictures() -> Iterator[Picture]:
    """All pictures, in the order in which they are made."""
    summaries = {each.name: each.content for each in demo_summaries() if each.level == "L3"}
    documents = {name.replace("/", "-").lower(): summaries[name] for name in DEMONSTRATION}
    documents |= {path.stem: path.read_bytes() for path in shared_files("samples/cda", "*.xml") if path.stem in SAMPLES}
    for name, content in documents.items():
        for short, language in LANGUAGES.items():
            yield Picture(f"{name}-{short}", content, language)
    first, content = next(iter(documents.items()))
    yield Picture(f"{first}-fr-narrow", content, "fr-FR", width=NARROW)
    yield Picture(f"{first}-fr-print", content, "fr-FR", layout=Layout.PRINT, media="print")
    yield Picture(f"{first}-fr-both", content, "fr-FR", layout=Layout.BOTH)


def take(browser: Browser, site: Site, wanted: Picture) -> bytes:
    """The picture as PNG."""
    site.answers["/page"] = Answer(pages.page(wanted.document, wanted.language, layout=wanted.layout), headers.page())
    with Page(browser, width=wanted.width) as page:
        page.call("Emulation.setEmulatedMedia", media=wanted.media)
        page.open(f"{site.url}/page")
        height = page.call("Page.getLayoutMetrics")["cssContentSize"]["height"]
        page.resize(wanted.width, min(int(height), TALLEST))
        return small(page.screenshot())


def small(png: bytes, largest: int = LARGEST) -> bytes:
    """The picture in as few colours, and at last as little of its lower end, as fit into ``largest`` bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (128, 64, 32, 16):
        written = _written(image, colours)
        if len(written) <= largest:
            return written
    while len(written) > largest:
        image = image.crop((0, 0, image.width, image.height * 9 // 10))
        written = _written(image, 16)
    return written


def _written(image: Image.Image, colours: int) -> bytes:
    written = io.BytesIO()
    image.quantize(colours, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="pictures whose names contain this text")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    site = Site()
    try:
        with Browser(chromium()) as browser:
            for each in pictures():
                if given.only in each.name:
                    path = given.folder / f"{each.name}.png"
                    path.write_bytes(take(browser, site, each))
                    sys.stdout.write(f"{path}  {path.stat().st_size // 1024} KB\n")
    finally:
        site.close()


if __name__ == "__main__":
    main()
