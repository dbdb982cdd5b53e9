"""A job folder, stages run on it in their own images, and small models made in the images."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "docker" / "base"))

from contract.document import Document
from contract.job import Job
from contract.media import AudioTrack, Media

from ci.catalog.files import SMOKE
from ci.smoke.probe_request import INPUTS

D = TypeVar("D", bound=Document)
DOCKER = Path(__file__).parents[3] / "docker"
SCRIPTS = {folder: f"{INPUTS}/{folder.parent.name}" for folder in sorted(DOCKER.glob(f"*/{SMOKE}"))}
"""What makes the models: the folders smoke/ of the images, where the checks of an image have them, too."""
RATE = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a stage ended."""

    exit_code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines of its log; native libraries may print other lines."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    @property
    def reason(self) -> str:
        """Why it failed."""
        (failed,) = (event for event in self.events if event["event"] == "failed")
        assert failed["exit_code"] == self.exit_code
        return str(failed["reason"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One job folder, and the stages that work on it."""

    run_stage: Callable[..., subprocess.CompletedProcess[str]]
    folder: Path
    made: dict[tuple[str, ...], Path] = field(repr=False)
    new_folder: Callable[[], Path] = field(repr=False)

    def stage(
        self,
        name: str,
        *args: str,
        mounts: dict[Path, str] | None = None,
        entrypoint: list[str] | None = None,
        env: dict[str, str] | None = None,
    ) -> Done:
        """Run the stage `name` on the job folder, which is /job there."""
        all_mounts = {self.folder: "/job", **SCRIPTS, **(mounts or {})}
        done = self.run_stage(name, list(args), all_mounts, entrypoint=entrypoint, env=env)
        return Done(exit_code=done.returncode, out=done.stdout, err=done.stderr)

    def passes(self, name: str, *args: str, mounts: dict[Path, str] | None = None) -> Done:
        """Run a stage that has to succeed, and to say so in its log only."""
        done = self.stage(name, *args, mounts=mounts)
        assert done.exit_code == 0, done.err
        assert done.out == ""
        assert done.events[-1]["event"] == "done"
        return done

    def model(self, image: str, script: str, *flags: str) -> Path:
        """Return the folder of a model that `script` (IMAGE/FILE of a folder smoke/) makes in the image.

        It is made once a session.
        """
        folder = self.made.get((image, script, *flags))
        if folder is None:
            folder = self.made[image, script, *flags] = self.new_folder()
            done = self.stage(
                image, "/made", *flags, mounts={folder: "/made"}, entrypoint=["python", f"{INPUTS}/{script}"]
            )
            assert done.exit_code == 0, done.err
        return folder

    def ffmpeg(self, *args: str) -> str:
        """Run demux's ffmpeg in the job folder; return what it wrote to stdout."""
        done = self.stage("demux", "-v", "error", "-nostdin", "-y", *args, entrypoint=["ffmpeg"])
        assert done.exit_code == 0, done.err
        return done.out

    def probe(self, name: str) -> list[dict[str, Any]]:
        """Return the streams of a file in the job folder."""
        done = self.stage(
            "demux", "-v", "error", "-show_streams", "-of", "json", f"/job/{name}", entrypoint=["ffprobe"]
        )
        assert done.exit_code == 0, done.err
        streams: list[dict[str, Any]] = json.loads(done.out)["streams"]
        return streams

    def write(self, *documents: Document) -> None:
        """Put documents in the job folder, as stages do."""
        for document in documents:
            Job(self.folder).write(document)

    def read(self, kind: type[D]) -> D:
        """Return a document that a stage has written, checked."""
        return Job(self.folder).read(kind)

    def sound(self, samples: Iterable[float]) -> None:
        """Write `samples` (-1 to 1) as demux would."""
        values = array("h", (round(32767 * max(-1.0, min(1.0, each))) for each in samples))
        with wave.open(str(self.folder / "audio.wav"), "wb") as file:
            file.setparams((1, 2, RATE, len(values), "NONE", ""))
            file.writeframes(values.tobytes())
        track = AudioTrack(file="audio.wav", samples=len(values), source_codec="pcm_s16le")
        self.write(Media(source="film.wav", duration_s=len(values) / RATE, audio=track))

    def speech(self, *graph: str) -> None:
        """Write what FFmpeg's source `graph` gives, such as a sentence by flite, as demux would."""
        filters = ";".join(graph)
        self.ffmpeg(
            "-f", "lavfi", "-i", filters, "-ac", "1", "-ar", str(RATE), "-c:a", "flac", "/job/film.flac"
        )
        self.passes("demux", "--source", "/job/film.flac")

    def samples(self) -> array[int]:
        """Return the sound of the job."""
        with wave.open(str(self.folder / "audio.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            return array("h", file.readframes(file.getnframes()))


@pytest.fixture(scope="session")
def made() -> dict[tuple[str, ...], Path]:
    return {}


@pytest.fixture
def bench(
    run_stage: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    made: dict[tuple[str, ...], Path],
) -> Bench:
    def new_folder() -> Path:
        folder = tmp_path_factory.mktemp("model")
        folder.chmod(0o777)
        return folder

    folder = tmp_path / "job"
    folder.mkdir()
    folder.chmod(0o777)
    return Bench(run_stage=run_stage, folder=folder, made=made, new_folder=new_folder)
