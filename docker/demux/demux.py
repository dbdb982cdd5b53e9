"""Splits a film into 16 kHz mono sound and its untouched picture.

The sound is laid on the film's own clock: where it starts later than the picture, silence stands in front.
"""

from __future__ import annotations

import argparse
import sys
import wave
from pathlib import Path
from typing import Any

from contract.error import InputError
from contract.ffmpeg import ffmpeg, probe
from contract.job import Job
from contract.media import SAMPLE_RATE, AudioTrack, Media, VideoTrack
from contract.stage import Stage, run

AUDIO = "audio.wav"
VIDEO = "video.mkv"  # Matroska holds nearly every codec without a change


def demux(job: Job, arguments: argparse.Namespace) -> None:
    """Write the sound, the picture and what is known of both."""
    source: Path = arguments.source
    found = probe(source)
    audio = _chosen_audio(found["streams"], arguments.audio_stream, source)
    video = next((each for each in found["streams"] if _is_picture(each)), None)

    with job.new_file(AUDIO) as path:
        ffmpeg(
            [
                *("-i", f"file:{source}", "-map", f"0:{audio['index']}", "-vn", "-map_metadata", "-1"),
                *("-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(SAMPLE_RATE)),
                *("-c:a", "pcm_s16le", "-bitexact", "-f", "wav", f"file:{path}"),
            ]
        )
        samples = _samples(path, source)
    if video is not None:
        with job.new_file(VIDEO) as path:
            ffmpeg(
                [
                    *("-i", f"file:{source}", "-map", f"0:{video['index']}", "-an", "-map_metadata", "-1"),
                    *("-c:v", "copy", "-bitexact", "-f", "matroska", f"file:{path}"),
                ]
            )
    job.write(
        Media(
            source=source.name,
            duration_s=float(found["format"].get("duration", samples / SAMPLE_RATE)),
            audio=AudioTrack(
                file=AUDIO,
                samples=samples,
                source_codec=audio.get("codec_name", "unknown"),
                source_language=_language(audio),
            ),
            video=video
            and VideoTrack(
                file=VIDEO,
                codec=video["codec_name"],
                width=video["width"],
                height=video["height"],
                frame_rate=video["r_frame_rate"],
            ),
        )
    )


def _is_picture(stream: dict[str, Any]) -> bool:
    """Whether a stream is moving pictures: a cover is a video stream, too."""
    return stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")


def _chosen_audio(streams: list[dict[str, Any]], wanted: int | None, source: Path) -> dict[str, Any]:
    """Return the `wanted` sound stream (from 0), else the one marked as default, else the first."""
    tracks = [each for each in streams if each.get("codec_type") == "audio"]
    if not tracks:
        raise InputError(f"{source}: has no sound, and without it there is nothing to write down")
    if wanted is None:
        return next((each for each in tracks if each.get("disposition", {}).get("default")), tracks[0])
    if not 0 <= wanted < len(tracks):
        raise InputError(
            f"{source}: has no sound stream {wanted}; --audio-stream takes 0 to {len(tracks) - 1}"
        )
    return tracks[wanted]


def _language(stream: dict[str, Any]) -> str | None:
    """Return the language that a stream says it has; `und` is FFmpeg's word for none."""
    language: str = stream.get("tags", {}).get("language", "und")
    return None if language == "und" else language


def _samples(path: Path, source: Path) -> int:
    with wave.open(str(path)) as written:
        samples: int = written.getnframes()
    if not samples:
        raise InputError(f"{source}: its sound stream is empty")
    return samples


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the film")
    parser.add_argument(
        "--audio-stream", type=int, metavar="N", help="which sound stream, from 0 (the one marked as default)"
    )


STAGE = Stage(
    name="demux",
    summary="Split a film into 16 kHz mono sound and its untouched picture.",
    reads=("--source  any film or sound that FFmpeg reads",),
    writes=(
        f"{AUDIO}  16-bit mono WAV, {SAMPLE_RATE} Hz, on the film's clock",
        f"{VIDEO}  the first video stream, copied, not coded again (absent for mere sound)",
        f"{Media.file_name}  what both are",
    ),
    options=options,
    body=demux,
    limits=("take more than one sound or video stream of a film", "read encrypted discs"),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
