"""Mux adds subtitles to a tiny film that the image's own FFmpeg makes."""

import subprocess
import sys
from pathlib import Path

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.muxed import Muxed, Stream
from contract.subtitle import Format, SubtitleFile, Subtitles
from stage_run import StageRun

FILM = (
    "-f",
    "lavfi",
    "-i",
    "testsrc=duration=1:size=64x48:rate=10",
    "-f",
    "lavfi",
    "-i",
    "sine=440:duration=1",
)
CODECS = ("-c:v", "libx264", "-c:a", "aac", "-shortest")
CUE = "1\n00:00:00,200 --> 00:00:00,800\nTom & Jerry\n\n"


def ffmpeg(*args: str) -> str:
    """Run FFmpeg; return what it wrote to stdout."""
    argv = ["ffmpeg", "-v", "error", "-nostdin", "-y", *args]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def hashes(file: Path) -> str:
    """Return the hashes of the coded picture and sound."""
    return ffmpeg("-i", str(file), "-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "streamhash", "-")


def main() -> None:
    """Make the film and add a cue to it."""
    files = (SubtitleFile(format=Format.SRT, file="subtitles.srt"),)
    check, film = StageRun("mux", Subtitles(language="de", cues=1, files=files)), Path.cwd() / "source.mkv"
    (check.folder / "subtitles.srt").write_text(CUE)
    ffmpeg(*FILM, *CODECS, str(film))
    check.passes("--source", str(film), "--format", "srt")
    wanted = Muxed(
        file="film.mkv",
        streams=(
            Stream(kind="video", codec="h264"),
            Stream(kind="audio", codec="aac"),
            Stream(kind="subtitle", codec="subrip", language="ger"),
        ),
    )
    check.gives("mux.json", check.read(Muxed), wanted)
    made = check.folder / "film.mkv"
    check.gives("the coded picture and sound", hashes(made), hashes(film))
    check.gives("the cue in the film", ffmpeg("-i", str(made), "-map", "0:s", "-f", "srt", "-"), CUE)
    print("a film kept its picture and sound, and has a German cue")


if __name__ == "__main__":
    main()
