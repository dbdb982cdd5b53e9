"""What a scenario changes in a copy of the stack, alike for all ways. The text functions are pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers.scope import STAGE, Scenario
from ci.catalog.lockfile import inputs_digest, parse_python_lock, python_lock_text
from ci.catalog.stack import LockLine

PINS = Path(__file__).parent / "pins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One round's change: other `pins`, or a line `comment` at the end of the file `program`."""

    pins: tuple[LockLine, ...] = ()
    program: str = ""
    comment: str = ""


def read_pins(name: str, folder: Path = PINS) -> tuple[LockLine, ...]:
    """Return the lock lines of `name`.lock in their order; a distribution may stand there more than once."""
    rows = (folder / f"{name}.lock").read_text().splitlines()
    read = [parse_python_lock(row) for row in rows if row and not row.startswith("#")]
    wrong = [mistake for text in read for _, mistake in text.errors]
    if wrong:
        raise SystemExit(f"{folder / name}.lock: {wrong[0]}")
    return tuple(line for text in read for line in text.lines)


def repinned(lock: str, asked: str, pins: Sequence[LockLine]) -> tuple[str, str]:
    """Return the texts of a lock and of the requirement file that it answers with the versions of `pins`.

    A distribution that the lock does not hold is not added to it.
    """
    held = parse_python_lock(lock).lines
    moved = {line.name: line for line in pins if line.name in {old.name for old in held}}
    for name, pin in moved.items():
        asked = re.sub(rf"^{re.escape(name)}==\S+", f"{name}=={pin.version}", asked, flags=re.MULTILINE)
    title = lock.partition("\n")[0].removeprefix("# ")
    lines = (moved.get(line.name, line) for line in held)
    return python_lock_text(lines, inputs_digest(asked.encode()), title), asked


def input_of(lock: Path) -> Path:
    """Return the requirement file that a Python lock answers."""
    own = lock.with_suffix(".in")
    return own if own.is_file() else lock.with_name("requirements.in")


def apply(stack: Path, change: Change) -> tuple[str, ...]:
    """Make `change` in the stack directory `stack`; return the files that are other now.

    Raises:
        SystemExit: nothing pins what is to be pinned, or there is no such program.
    """
    found = []
    if change.program:
        path = stack / change.program
        if not path.is_file():
            raise SystemExit(f"{path}: no such program")
        path.write_text(path.read_text() + f"\n# {change.comment}\n")
        found.append(change.program)
    for lock in sorted(stack.glob("*/requirements*.lock")):
        source = input_of(lock)
        before = (lock.read_text(), source.read_text())
        after = repinned(*before, change.pins)
        if after[0] != before[0]:
            lock.write_text(after[0])
            source.write_text(after[1])
            found.append(str(lock.relative_to(stack)))
    if not found:
        raise SystemExit(f"{stack}: no lock pins {', '.join(line.name for line in change.pins)}")
    return tuple(found)


def change_of(scenario: Scenario, number: int) -> Change | None:
    """Return what a round of `scenario` changes, None where it changes nothing."""
    if scenario.program:
        stage = STAGE.partition(":")[0]
        return Change(program=f"{stage}/{stage}.py", comment=f"change {number + 1}")
    if not scenario.pins:
        return None
    pins = read_pins(scenario.pins)
    return Change(pins=pins if scenario.once else (pins[number % len(pins)],))
