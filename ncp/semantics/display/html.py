"""HTML written so that no word of a document can become markup: the only way in for words is ``text``, which escapes.

Tags are those named here, classes and ids are the program's own, languages are checked; nothing else can be written.
What is written is read the same way by every HTML parser, because no element is used whose content or place a parser
treats specially (raw text, formatting elements, implied ends). Knows nothing of summaries.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

Tag: TypeAlias = Literal[
    "html", "head", "meta", "title", "body", "header", "main", "nav", "section", "footer",
    "h1", "h2", "h3", "h4", "div", "span", "a", "ul", "ol", "li", "dl", "dt", "dd", "sub", "sup",
    "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary",
]  # fmt: skip

# Controls that hide words or turn them round (C0 and C1; zero-width characters; bidirectional formatting): they are
# shown, so that nobody reads another text than the one that is there.
_INVISIBLE = (
    "\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
)
_CONTROLS = re.compile(f"[{_INVISIBLE}]")
_SPECIAL = re.compile(f"[&<>\"'{_INVISIBLE}]")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)


def visible(text: str) -> str:
    """The text with invisible controls written as ``[U+202E]``."""
    return _CONTROLS.sub(_shown, text)


def escaped(text: str) -> str:
    """The text as HTML text or attribute value."""
    return _SPECIAL.sub(_replaced, text) if _SPECIAL.search(text) else text


@lru_cache(256)
def language_of(tag: str) -> str:
    """The tag when it is fit for ``lang`` (BCP 47), else empty."""
    return tag if _LANGUAGE.fullmatch(tag) else ""


def _shown(found: re.Match[str]) -> str:
    return f"[U+{ord(found.group()):04X}]"


def _replaced(found: re.Match[str]) -> str:
    return _ESCAPED.get(found.group()) or _shown(found)


class Html:
    """One document in the making."""

    __slots__ = ("_parts", "_put")

    def __init__(self) -> None:
        self._parts: list[str] = ["<!DOCTYPE html>\n"]
        self._put = self._parts.append

    def open(self, tag: Tag, kind: str = "", language: str = "", **attributes: str) -> None:
        """Begin an element. ``kind`` is its class, ``language`` goes into ``lang`` where it is a tag; every attribute
        value is escaped. A name that Python reserves ends in an underscore."""
        if not (kind or language or attributes):
            self._put(f"<{tag}>")
            return
        start = f"<{tag}"
        if kind:
            start += f' class="{kind}"'
        if language and (language := language_of(language)):
            start += f' lang="{language}"'
        for name, value in attributes.items():
            start += f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        self._put(f"{start}>")

    def close(self, tag: Tag) -> None:
        """End the element begun last that is not ended yet."""
        self._put(f"</{tag}>")

    def text(self, text: str) -> None:
        """Words, escaped, with invisible controls made visible."""
        self._put(_SPECIAL.sub(_replaced, text) if _SPECIAL.search(text) else text)

    def element(self, tag: Tag, text: str, kind: str = "", language: str = "") -> None:
        """A whole element with words in it."""
        words = _SPECIAL.sub(_replaced, text) if _SPECIAL.search(text) else text
        if kind or language:
            self.open(tag, kind, language)
            self._put(f"{words}</{tag}>")
        else:
            self._put(f"<{tag}>{words}</{tag}>")

    def mark(self) -> int:
        """Where the next word goes, for ``since``."""
        return len(self._parts)

    def since(self, mark: int) -> str:
        """What was written since a mark."""
        return "".join(self._parts[mark:])

    def again(self, written: str) -> None:
        """Write once more what ``since`` gave."""
        self._put(written)

    def line_break(self) -> None:
        self._put("<br>")

    def style(self, css: str) -> None:
        """A style sheet of the program, as it stands: its digest is in the page's policy."""
        if "</" in css:
            raise ValueError("a style sheet must not end its element")
        self._put(f"<style>{css}</style>")

    def bytes(self) -> bytes:
        """All that was written, as UTF-8."""
        return "".join(self._parts).encode("utf-8", "replace")
