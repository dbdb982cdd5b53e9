"""What of a program's output is shown while inputs are fetched: all of it goes to the log."""

from __future__ import annotations

from dataclasses import replace

from ci.engines.engine import Output
from ci.engines.process.tool_warning import warning_of
from ci.wheelhouse.program.message import message_of


def messages_only(output: Output) -> Output:
    """Return the output for a fetching program: only its messages reach `on_line`, one a call."""
    on_line = output.on_line
    if on_line is None:
        return output

    def pass_on(line: str) -> None:
        message = message_of(line)
        if message is not None:
            on_line(message)

    return replace(output, on_line=pass_on)


def log_only(output: Output) -> Output:
    """Return the output for a program that has no messages: only its warnings reach `on_line`."""
    on_line = output.on_line
    if on_line is None:
        return output

    def pass_on(line: str) -> None:
        text = warning_of(line)
        if text:
            on_line(f"warning: {text}")

    return replace(output, on_line=pass_on)
