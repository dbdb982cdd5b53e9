"""Messages of a fetching program to the dockwright that runs it: marked lines of its standard output."""

MARK = "dockwright: "


def say(text: str) -> None:
    """Send one message."""
    print(f"{MARK}{text}", flush=True)


def message_of(line: str) -> str | None:
    """Return the message in a line of the program's output, None where it has none."""
    return line[len(MARK) :] if line.startswith(MARK) else None
