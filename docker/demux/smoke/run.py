"""Demux splits a tiny film that the image's own FFmpeg makes: its sound begins half a second late."""

import subprocess
import sys
import wave
from array import array
from pathlib import Path

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.media import AudioTrack, Media, VideoTrack
from stage_run import StageRun

PICTURE = ("-f", "lavfi", "-i", "testsrc=duration=1:size=64x48:rate=10")
SOUND = ("-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=440:duration=0.5:sample_rate=16000,volume=8")
CODECS = ("-c:v", "libx264", "-g", "5", "-c:a", "aac", "-metadata:s:a:0", "language=eng")
NEAR = 0.1
"""Seconds by which AAC's frames may reach over an end."""


def ffmpeg(*args: str) -> str:
    """Run FFmpeg; return what it wrote to stdout."""
    argv = ["ffmpeg", "-v", "error", "-nostdin", "-y", *args]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def picture_hash(file: Path) -> str:
    """Return the hash of the coded picture."""
    return ffmpeg("-i", str(file), "-map", "0:v:0", "-c", "copy", "-f", "streamhash", "-")


def main() -> None:
    """Make the film and split it."""
    check, film = StageRun("demux"), Path.cwd() / "A film, 1949.mp4"
    ffmpeg(*PICTURE, *SOUND, *CODECS, str(film))
    check.passes("--source", str(film))
    with wave.open(str(check.folder / "audio.wav")) as file:
        check.gives("the form of the sound", tuple(file.getparams())[:3], (1, 2, 16_000))
        rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    media = check.read(Media)
    wanted = Media(
        source=film.name,
        duration_s=media.duration_s,
        audio=AudioTrack(file="audio.wav", samples=len(samples), source_codec="aac", source_language="eng"),
        video=VideoTrack(file="video.mkv", codec="h264", width=64, height=48, frame_rate="10/1"),
    )
    check.gives("media.json", media, wanted)
    check.holds("the length of the film is a second", abs(media.duration_s - 1) < NEAR)
    check.holds("the length of the sound is a second", abs(len(samples) / rate - 1) < NEAR)
    late, loud = samples[: round((0.5 - NEAR) * rate)], samples[round((0.5 + NEAR) * rate) : rate * 9 // 10]
    check.holds("the first half is silent", max(map(abs, late)) < 100)
    check.holds("the second half is loud", max(map(abs, loud)) > 3000)
    check.gives("the coded picture", picture_hash(check.folder / "video.mkv"), picture_hash(film))
    print(f"a film of a second became {len(samples)} samples of sound and its own picture")


if __name__ == "__main__":
    main()
