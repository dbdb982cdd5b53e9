"""A text stream for output of any kind: a terminal, a log, a closed pipe, a Latin-1 console."""

import os
import re
from typing import TextIO

from ci.redaction import redacted

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x1f\x7f-\x9f]")


class Stream:
    """Writes text without secrets. Characters that the encoding lacks become `?`.

    A closed reader does not end the run.

    It has the methods of a file that rich needs.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding: str = getattr(stream, "encoding", None) or "ascii"
        self._open = True

    @property
    def is_terminal(self) -> bool:
        """Whether it is a terminal."""
        return self.isatty()

    @property
    def width(self) -> int | None:
        """The columns of the terminal; None if lines may have any length."""
        if not self.is_terminal:
            return None
        try:
            return os.get_terminal_size(self.fileno()).columns or None
        except (OSError, ValueError):
            return None

    def printable(self, text: str) -> str:
        """Return `text` as one line that this stream can show, without control sequences."""
        return self._encodable(_CONTROL.sub(" ", text))

    def line(self, text: str, *, colour: str | None = None) -> None:
        """Write `text` as one line, in the colour of this SGR code."""
        shown = self.printable(text)
        if colour is not None:
            shown = f"\x1b[{colour}m{shown}\x1b[0m"
        self.write(f"{shown}\n")
        self.flush()

    def write(self, text: str) -> int:
        """Write `text`; characters that the encoding lacks become `?`."""
        if self._open:
            try:
                self._stream.write(self._encodable(redacted(text)))
            except (OSError, ValueError):
                self._open = False
        return len(text)

    def flush(self) -> None:
        """Flush the stream; a closed reader (`| head`) does not end the run."""
        if self._open:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._open = False

    def isatty(self) -> bool:
        """Return `is_terminal`."""
        try:
            return self._stream.isatty()
        except ValueError:  # closed
            return False

    def fileno(self) -> int:
        """Return the file descriptor below, if there is one."""
        return self._stream.fileno()

    def _encodable(self, text: str) -> str:
        return text.encode(self.encoding, "replace").decode(self.encoding)
