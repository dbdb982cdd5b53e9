"""The exit codes of the commands."""

from __future__ import annotations

from ci.cli.commands import COMMANDS

EXIT_CODES = {
    0: "Success: everything that was asked for exists or is correct.",
    1: "A comparison or check of the command failed, or several errors have different codes: see its page.",
    2: "Wrong arguments or settings, or errors in the files of the stack, such as a missing or stale lock.",
    3: "A lock cannot be made, a locked package is unavailable, or `lock --check` found a stale lock.",
    4: "A download failed, or a downloaded file does not match its lock.",
    5: "No usable engine.",
    6: "A build step or another child process failed.",
    7: "A check of an image failed, or an image is over its budget.",
    8: "Not enough disk space.",
    9: "A registry did not answer, refused, or does not have what is needed.",
    70: "A bug in dockwright. A traceback is printed.",
    130: "Stopped by Ctrl-C or a signal.",
}
"""Every exit code, with what it means for any command."""

ALWAYS = (0, 2, 70, 130)
"""Exit codes of every command."""

RUN = (1, 3, 4, 5, 6, 7, 8, 9)
MIXED = "Several images failed, with different exit codes."

OTHERS: dict[str, tuple[int, ...]] = {
    "build-all": RUN,
    "build": RUN,
    "lock": (3, 4, 5, 6, 8),
    "wheelhouse": (3, 4, 5, 6, 8),
    "render": (1,),
    "base": (4, 5, 6, 8),
    "plan": (),
    "explain": (9,),
    "graph": (6,),
    "shell": (1, 5, 6),
    "matrix": (),
    "summary": (1,),
    "schema": (),
    "smoke": RUN,
    "budget": (5, 6, 7, 9),
    "verify-repro": RUN,
    "repro": RUN,
    "verify-engines": RUN,
    "publish": RUN,
    "verify": (9,),
    "promote": (5, 6, 9),
    "rollback": (9,),
    "doctor": (1, 8),
    "gc": (6, 9),
    "completion": (),
    "test": (1, 5, 6),
}
"""By command: its exit codes, in addition to those of every command."""

MEANINGS: dict[str, dict[int, str]] = {
    "build-all": {0: "Every image exists and passed its checks.", 1: MIXED},
    "build": {0: "The images exist and passed their checks.", 1: MIXED},
    "lock": {3: "A lock cannot be made; with --check: a lock is stale."},
    "render": {1: "With --check: a file is stale."},
    "shell": {1: "Or any other code: the exit code of the shell or of CMD."},
    "summary": {1: "Or any other code: the exit code of the run. 1 also if the run has none."},
    "smoke": {0: "All checks passed.", 1: MIXED, 7: "A check failed."},
    "budget": {7: "An image is over its budget, or grew by more than the tolerance."},
    "verify-repro": {0: "All images are equal.", 1: "An image differs."},
    "repro": {0: "All results are equal.", 1: "A result differs or is unknown."},
    "verify-engines": {0: "All images are equal.", 1: "An image differs."},
    "publish": {1: MIXED},
    "verify": {9: "A tag of the release is wrong or missing, or the registry did not answer."},
    "doctor": {
        0: "An engine can build images here.",
        1: "No engine can build images here.",
        8: "With --disk-gb: less disk space is free.",
    },
    "test": {1: "A lint or type check, or a test, failed."},
}
"""By command: what an exit code means there, where that is more than `EXIT_CODES` says."""


def exit_codes(command: str) -> dict[int, str]:
    """Return the exit codes of a command with their meanings, in ascending order."""
    assert command in COMMANDS, command
    codes = sorted((*ALWAYS, *OTHERS[command]))
    return {code: MEANINGS.get(command, {}).get(code, EXIT_CODES[code]) for code in codes}
