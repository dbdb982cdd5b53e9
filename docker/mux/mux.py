"""Adds the subtitles to the film; every other stream stays as it was coded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from contract.error import InputError
from contract.ffmpeg import ffmpeg, probe
from contract.job import Job
from contract.media import Media
from contract.muxed import Muxed, Stream
from contract.stage import Stage, run
from contract.subtitle import Format, Subtitles

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4"}
ISO_639_2 = {
    "ar": "ara", "cs": "cze", "da": "dan", "de": "ger", "el": "gre", "en": "eng", "es": "spa", "fi": "fin",
    "fr": "fre", "he": "heb", "hi": "hin", "hu": "hun", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "dut",
    "no": "nor", "pl": "pol", "pt": "por", "ro": "rum", "ru": "rus", "sv": "swe", "th": "tha", "tr": "tur",
    "uk": "ukr", "vi": "vie", "zh": "chi",
}  # fmt: skip
"""Three-letter bibliographic codes, which Matroska asks for. Source: RFC 9559, section 5.1.4.1.19."""


def mux(job: Job, arguments: argparse.Namespace) -> None:
    """Write the film and what it holds."""
    suffix = Path(arguments.output).suffix
    if suffix not in CONTAINERS or Path(arguments.output).name != arguments.output:
        raise InputError(
            f"--output {arguments.output}: has to be a file name that ends with {' or '.join(CONTAINERS)}"
        )
    subtitles = job.read(Subtitles)
    wanted = Format(arguments.format)
    file = next((each.file for each in subtitles.files if each.format is wanted), None)
    if file is None:
        raise InputError(f"{Subtitles.file_name}: names no {wanted} file; run subtitle-gen again")
    text = job.file(file, written_by=Subtitles.written_by)

    films = [arguments.source] if arguments.source else _parts(job)
    streams = [each for film in films for each in probe(film)["streams"]]
    language = ISO_639_2.get(subtitles.language, subtitles.language)
    own = sum(each["codec_type"] == "subtitle" for each in streams) if suffix == ".mkv" else 0
    with job.new_file(arguments.output) as path:
        ffmpeg(
            [
                *(part for film in films for part in ("-i", f"file:{film}")),
                *("-i", f"file:{text}"),
                *(part for index in range(len(films)) for part in _maps(index, suffix)),
                *("-map", f"{len(films)}:s", "-c", "copy"),
                *_subtitle_codecs(streams, suffix, own),
                *(
                    f"-metadata:s:s:{own}",
                    f"language={language}",
                ),
                *("-disposition:s", "0", f"-disposition:s:{own}", "default"),
                *("-max_interleave_delta", "0"),  # sparse subtitles: wait for them instead of misplacing them
                *("-bitexact", "-f", CONTAINERS[suffix], f"file:{path}"),
            ]
        )
        written = probe(path)["streams"]
    job.write(
        Muxed(
            file=arguments.output,
            streams=tuple(
                Stream(
                    kind=each["codec_type"],
                    codec=each.get("codec_name", "unknown"),
                    language=each.get("tags", {}).get("language"),
                )
                for each in written
            ),
        )
    )


def _parts(job: Job) -> list[Path]:
    """Return what demux wrote: the picture, where there is one, and the sound."""
    media = job.read(Media)
    names = ([media.video.file] if media.video else []) + [media.audio.file]
    return [job.file(name, written_by=Media.written_by) for name in names]


def _maps(index: int, suffix: str) -> list[str]:
    """Return what goes along of input `index`: Matroska takes all but data streams, MP4 picture and sound."""
    if suffix == ".mkv":
        return ["-map", f"{index}", "-map", f"-{index}:d?"]
    return ["-map", f"{index}:v?", "-map", f"{index}:a?"]


def _subtitle_codecs(streams: list[dict[str, str]], suffix: str, own: int) -> list[str]:
    """Return the codecs of the subtitle streams: copied, but for the text form that only MP4 holds."""
    if suffix == ".mp4":
        return ["-c:s", "mov_text"]
    codecs: list[str] = []
    for index, stream in enumerate(each for each in streams if each["codec_type"] == "subtitle"):
        if stream.get("codec_name") == "mov_text":
            codecs += [f"-c:s:{index}", "srt"]
    return [*codecs, f"-c:s:{own}", "copy"]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--source", type=Path, metavar="FILE", help="the film with its own sound (demux's parts, mono sound)"
    )
    parser.add_argument(
        "--format", choices=[each.value for each in Format], default=Format.ASS.value, help="which file (ass)"
    )
    parser.add_argument(
        "--output", default="film.mkv", metavar="NAME", help="file name in the job folder (film.mkv)"
    )


STAGE = Stage(
    name="mux",
    summary="Add the subtitles to the film; all other streams are copied, not coded again.",
    reads=(
        f"{Subtitles.file_name} and the subtitle file that --format chooses",
        f"--source  the film; without it {Media.file_name} and its parts",
    ),
    writes=(
        "film.mkv  or what --output says; .mp4 gets the text in its own form, without styles",
        f"{Muxed.file_name}  what streams it holds",
    ),
    options=options,
    body=mux,
    limits=("burn subtitles into the picture", "keep a source's other subtitles in .mp4"),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
