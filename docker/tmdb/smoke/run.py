"""Tmdb asks a service of its own on the loopback device for a film."""

import sys
from pathlib import Path

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.film import Film, Role
from contract.media import AudioTrack, Media
from stage_run import StageRun
from tmdb_service import FILM, KEY

SERVICE = Path(__file__).with_name("tmdb_service.py")


def main() -> None:
    """Look the film up by its file name."""
    track = AudioTrack(file="audio.wav", samples=5, source_codec="aac")
    check = StageRun("tmdb", Media(source="The.Third.Man.(1949).1080p.mkv", duration_s=1, audio=track))
    check.passes(program=SERVICE, env={"TMDB_API_KEY": KEY})
    wanted = Film(
        tmdb_id=1092,
        title="The Third Man",
        original_title="The Third Man",
        original_language="en",
        year=1949,
        overview=str(FILM["overview"]),
        cast=(
            Role(actor="Joseph Cotten", character="Holly Martins"),
            Role(actor="Orson Welles", character="Harry Lime / The Friend (uncredited)"),
        ),
    )
    check.gives("film.json", check.read(Film), wanted)
    print("a service on 127.0.0.1 was asked and knew The Third Man of 1949")


if __name__ == "__main__":
    main()
