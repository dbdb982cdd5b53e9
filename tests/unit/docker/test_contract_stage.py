import argparse
import io
import json
import logging
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract.error import InputError
from contract.job import Job
from contract.log import logger, start_logging
from contract.model import Model
from contract.speech import Speech
from contract.stage import Body, Stage, run


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    stop = signal.getsignal(signal.SIGTERM)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before
    signal.signal(signal.SIGTERM, stop)


def stage(body: Body, model: Model | None = None) -> Stage:
    return Stage(
        name="listener",
        summary="Listens.",
        reads=("audio.wav  sound",),
        writes=("speech.json  spans",),
        model=model,
        limits=("whispers",),
        options=lambda parser: parser.add_argument("--gain", type=float, default=1.0, help="louder"),
        body=body,
    )


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_help_says_what_is_read_and_written_which_model_and_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = Model(path="/models/ear", files=("ear.bin",), description="an ear")
    with pytest.raises(SystemExit) as stopped:
        run(stage(lambda _job, _arguments: None, model), ["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for part in (
        "Listens.",
        "audio.wav  sound",
        "speech.json  spans",
        "an ear, in /models/ear",
        "ear.bin",
        "whispers",
    ):
        assert part in text
    assert "--gain" in text


def test_a_stage_gets_its_job_and_options_and_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def body(job: Job, arguments: argparse.Namespace) -> None:
        job.write(Speech(detector=f"gain {arguments.gain}"))

    assert run(stage(body), ["--job", str(tmp_path), "--gain", "2"]) == 0
    assert Job(tmp_path).read(Speech).detector == "gain 2.0"
    streams = capsys.readouterr()
    assert streams.out == ""
    written, done = events(streams.err)
    assert (written["event"], written["file"], written["level"]) == ("file written", "speech.json", "info")
    assert (done["event"], done["stage"]) == ("done", "listener")
    assert done["time"].endswith("+00:00")


def test_a_foreseen_failure_is_one_line_and_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def body(_job: Job, _arguments: argparse.Namespace) -> None:
        raise InputError("audio.wav: is silent")

    assert run(stage(body), []) == 10
    (line,) = events(capsys.readouterr().err)
    assert {key: line[key] for key in ("level", "event", "error", "reason", "exit_code")} == {
        "level": "error",
        "event": "failed",
        "error": "InputError",
        "reason": "audio.wav: is silent",
        "exit_code": 10,
    }


def test_a_defect_keeps_its_traceback_and_ends_with_70(capsys: pytest.CaptureFixture[str]) -> None:
    def body(_job: Job, _arguments: argparse.Namespace) -> None:
        raise ZeroDivisionError("by nothing")

    assert run(stage(body), []) == 70
    defect, failed = events(capsys.readouterr().err)
    assert "ZeroDivisionError: by nothing" in defect["traceback"]
    assert failed["exit_code"] == 70


def test_a_terminated_stage_leaves_no_unfinished_file(tmp_path: Path) -> None:
    def body(job: Job, _arguments: argparse.Namespace) -> None:
        with job.new_file("audio.wav"):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as stopped:
        run(stage(body), ["--job", str(tmp_path)])
    assert stopped.value.code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_ends_with_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        run(stage(lambda _job, _arguments: None), ["--gian", "2"])
    assert stopped.value.code == 2


def test_logs_of_libraries_and_warnings_are_json_too() -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        start_logging("listener", "warning", stream)
        logger.info("quiet")
        logging.getLogger("library").info("chatter")
        logging.getLogger("library").warning("odd", extra={"value": "ü"})
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    odd, old = events(stream.getvalue())
    assert (odd["logger"], odd["event"], odd["value"], odd["level"]) == ("library", "odd", "ü", "warning")
    assert "DeprecationWarning: old" in old["event"]
    assert '"ü"' in stream.getvalue()
