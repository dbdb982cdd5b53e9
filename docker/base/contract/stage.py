"""The front of every stage program: command line, logs, errors and exit codes."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from contract.error import UNEXPECTED, StageError
from contract.job import Job
from contract.log import LEVELS, logger, start_logging
from contract.model import Model

Options = Callable[[argparse.ArgumentParser], object]
Body = Callable[[Job, argparse.Namespace], None]


def _no_options(_parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the pipeline: what `--help` says of it, and the work.

    `reads` and `writes` name files of the job folder with a word on each; `limits` says what it can't do yet.
    """

    name: str
    summary: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    body: Body
    options: Options = _no_options
    model: Model | None = None
    limits: tuple[str, ...]

    def parser(self) -> argparse.ArgumentParser:
        """Return the stage's command line."""
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=self.summary,
            epilog=self._epilog(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.add_argument(
            "--job", type=Path, default=Path("/job"), metavar="DIR", help="the job folder (/job)"
        )
        parser.add_argument("--log-level", choices=LEVELS, default="info", help="least level to log (info)")
        if self.model is not None:
            parser.add_argument(
                "--model",
                type=Path,
                default=Path(self.model.path),
                metavar="DIR",
                help=f"the model's folder ({self.model.path})",
            )
        self.options(parser)
        return parser

    def _epilog(self) -> str:
        model = "none" if self.model is None else f"{self.model.description}, in {self.model.path}"
        needs = () if self.model is None else (f"files: {', '.join(self.model.files)}", "never downloaded")
        parts = [
            ("Reads", self.reads),
            ("Writes", self.writes),
            ("Model", (model, *needs)),
            ("Can't do yet", self.limits),
        ]
        blocks = (f"{title}:\n" + "\n".join(f"  {each}" for each in items) for title, items in parts)
        return "\n\n".join(blocks)


def run(stage: Stage, argv: Sequence[str] | None = None) -> int:
    """Run `stage` with `argv` (default: this process's) and return the exit code.

    Failures are one log line of level error with `error`, `reason` and `exit_code`.

    Raises:
        SystemExit: argparse's own: `--help` (0) or a wrong command line (2).
    """
    arguments = stage.parser().parse_args(argv)
    start_logging(stage.name, arguments.log_level)
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    try:
        stage.body(Job(arguments.job), arguments)
    except StageError as error:
        return _failed(error, error.exit_code)
    except KeyboardInterrupt:
        return _failed(InterruptedError("interrupted"), 128 + signal.SIGINT)
    except Exception as error:
        logger.exception("defect")
        return _failed(error, UNEXPECTED)
    logger.info("done", extra={"seconds": round(time.monotonic() - started, 3)})
    return 0


def _stop(number: int, _frame: object) -> NoReturn:
    """End by an exception, so that unfinished files go."""
    sys.exit(128 + number)


def _failed(error: BaseException, exit_code: int) -> int:
    logger.error(
        "failed", extra={"error": type(error).__name__, "reason": str(error), "exit_code": exit_code}
    )
    return exit_code
