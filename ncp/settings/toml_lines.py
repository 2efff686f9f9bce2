"""On which line of a TOML file each key stands; ``tomllib`` does not say.

Reads text that ``tomllib`` has already accepted, so it checks nothing: it only walks. A path is a tuple of names and,
inside arrays, of positions: ``("frontend", "portals", 0, "name")``.
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: (?=\d)[^\s,\]}#]+)?")  # the blank belongs to "1979-05-27 07:32:00"


def locate(text: str) -> dict[Path, int]:
    """Line (from 1) of every table, key and array element of a valid TOML document."""
    return _Walk(text).document()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of the path, or of the nearest thing around it that the file has; 0 when it has nothing of it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.table: Path = ()
        self.sizes: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        while self._skip_blank():
            if self.text.startswith("[", self.at):
                self._header()
            else:
                self._pair(self.table)
        return self.lines

    def _header(self) -> None:
        of_array = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if of_array else 1
        path = self._resolved(self._key())
        if of_array:
            self._note(path, line)
            self.sizes[path] = self.sizes.get(path, 0) + 1
            path = (*path, self.sizes[path] - 1)
        self.at = self.text.index("]", self.at) + (2 if of_array else 1)
        self._note(path, line)
        self.table = path

    def _resolved(self, names: list[str]) -> Path:
        """Headers name tables; a table inside an array of tables means its newest element."""
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            if path in self.sizes and position < len(names) - 1:
                path = (*path, self.sizes[path] - 1)
        return path

    def _pair(self, around: Path) -> None:
        line = self._line()
        path = around
        for name in self._key():
            path = (*path, name)
            self._note(path, line)
        self.at = self.text.index("=", self.at) + 1
        self._spaces()
        self._value(path)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._spaces()
            if self.text[self.at] in "\"'":
                names.append(self._string())
            else:
                match = _BARE.match(self.text, self.at)
                if match is None:
                    return names
                names.append(match.group())
                self.at = match.end()
            self._spaces()
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            match = _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1

    def _array(self, path: Path) -> None:
        self.at += 1
        position = 0
        while self._skip_blank() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._note((*path, position), self._line())
            self._value((*path, position))
            position += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _string(self) -> str:
        """Steps over one string of any of the four kinds; returns its value (keys are strings too)."""
        quote = self.text[self.at]
        start = self.at
        if self.text.startswith(quote * 3, start):
            end = start + 3
            while not self.text.startswith(quote * 3, end):
                end += 2 if quote == '"' and self.text[end] == "\\" else 1
            end += 3
            while self.text.startswith(quote, end):  # up to two quotes may touch the closing three
                end += 1
        else:
            end = start + 1
            while self.text[end] != quote:
                end += 2 if quote == '"' and self.text[end] == "\\" else 1
            end += 1
        self.at = end
        return str(tomllib.loads("x = " + self.text[start:end])["x"])

    def _skip_blank(self) -> bool:
        """Over white space, line ends and comments; False at the end of the text."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r\n":
                self.at += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return True
        return False

    def _spaces(self) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
