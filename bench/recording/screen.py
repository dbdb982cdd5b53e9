"""The screen of a terminal: what is on it after a program wrote some output. Pure.

It knows the control sequences that the live display of a run uses, and no others.
Source: ECMA-48, ISO/IEC 6429.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

_PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\r\n]|[^\x1b\r\n]+")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True, slots=True)
class Style:
    """How characters are drawn; `colour` is a name, or empty for the usual colour."""

    colour: str = ""
    bold: bool = False
    dim: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one line that are drawn in one style."""

    text: str
    style: Style


Line = tuple[Run, ...]
Cell = tuple[str, Style]


@dataclass(slots=True)
class Screen:
    """A screen of `rows` lines of `columns` characters; a longer line goes on in the next one.

    What does not fit scrolls away at the top.
    """

    rows: int
    columns: int
    _lines: list[list[Cell]] = field(default_factory=lambda: [[]])
    _row: int = 0
    _column: int = 0
    _style: Style = Style()

    def write(self, text: str) -> None:
        """Do what `text`, characters and control sequences, asks for."""
        for piece in _PIECE.finditer(text):
            whole = piece.group()
            if whole == "\r":
                self._column = 0
            elif whole == "\n":
                self._down()
            elif piece[2]:
                self._control(piece[2], piece[1])
            elif not whole.startswith("\x1b"):
                self._put(whole)

    def lines(self) -> tuple[Line, ...]:
        """Return the lines from top to bottom, without empty ones at the end."""
        found = [_runs(cells) for cells in self._lines]
        while found and not found[-1]:
            found.pop()
        return tuple(found)

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append([])
        if self._row == self.rows:
            del self._lines[0]
            self._row -= 1

    def _put(self, text: str) -> None:
        while text:
            if self._column == self.columns:
                self._down()
                self._column = 0
            fits = self.columns - self._column
            self._put_in_line(text[:fits])
            text = text[fits:]

    def _put_in_line(self, text: str) -> None:
        line = self._lines[self._row]
        line.extend([(" ", Style())] * (self._column - len(line)))
        line[self._column : self._column + len(text)] = [(character, self._style) for character in text]
        self._column += len(text)

    def _control(self, letter: str, arguments: str) -> None:
        count = int(arguments) if arguments.isdecimal() else 1
        match letter:
            case "A":
                self._row = max(0, self._row - count)
            case "K":
                start = 0 if arguments == "2" else self._column
                del self._lines[self._row][start:]
            case "m":
                for code in arguments.split(";"):
                    self._style = _styled(self._style, int(code or 0))
            case _:  # cursor visible or not: nothing to draw
                pass


def _styled(style: Style, code: int) -> Style:
    if code == 0:
        return Style()
    if code in {1, 2}:
        return replace(style, bold=code == 1, dim=code == 2)
    if code == 22:
        return replace(style, bold=False, dim=False)
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(style, colour=_COLOURS[code % 10])
    return replace(style, colour="") if code == 39 else style


def _runs(cells: list[Cell]) -> Line:
    runs: list[Run] = []
    for character, style in cells:
        if runs and runs[-1].style == style:
            runs[-1] = Run(runs[-1].text + character, style)
        else:
            runs.append(Run(character, style))
    if runs:
        runs[-1] = Run(runs[-1].text.rstrip(), runs[-1].style)
    return tuple(run for run in runs if run.text)
