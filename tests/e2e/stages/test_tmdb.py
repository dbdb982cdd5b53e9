"""Tmdb asks a real HTTP service, which the test runs beside it: the container has no other network."""

import pytest
from contract.film import Film, Role
from contract.media import AudioTrack, Media

from ci.smoke.probe_request import INPUTS
from tests.e2e.stages.conftest import Bench, Done

pytestmark = pytest.mark.engine

KEY = "0123456789abcdef"


def ask(bench: Bench, *args: str, **env: str) -> Done:
    return bench.stage("tmdb", *args, entrypoint=["python", f"{INPUTS}/tmdb/tmdb_service.py"], env=env)


def test_the_film_is_found_by_its_file_name(bench: Bench) -> None:
    track = AudioTrack(file="audio.wav", samples=5, source_codec="aac")
    bench.write(Media(source="The.Third.Man.(1949).1080p.mkv", duration_s=1, audio=track))
    done = ask(bench, TMDB_API_KEY=KEY)
    assert done.exit_code == 0, done.err
    assert bench.read(Film) == Film(
        tmdb_id=1092,
        title="The Third Man",
        original_title="The Third Man",
        original_language="en",
        year=1949,
        overview="In Vienna, a writer of cheap novels looks for Harry Lime in 1949.",
        cast=(
            Role(actor="Joseph Cotten", character="Holly Martins"),
            Role(actor="Orson Welles", character="Harry Lime / The Friend (uncredited)"),
        ),
    )
    assert KEY not in done.err


def test_the_key_may_stand_in_a_file(bench: Bench) -> None:
    (bench.folder / "key").write_text(f"{KEY}\n")
    title = ("--title", "The Third Man", "--year", "1949")
    assert ask(bench, *title, TMDB_API_KEY_FILE="/job/key").exit_code == 0
    assert ask(bench, *title, "--key-file", "/job/key").exit_code == 0
    done = ask(bench, *title, "--key-file", "/job/none")
    assert done.exit_code == 14
    assert "/job/none: the API key can't be read (FileNotFoundError)" in done.reason


def test_without_a_key_it_says_how_to_give_one(bench: Bench) -> None:
    done = bench.stage("tmdb", "--title", "The Third Man")
    assert done.exit_code == 14
    assert "set TMDB_API_KEY, or name a file" in done.reason


def test_a_refused_key_is_a_credential_error_and_stays_secret(bench: Bench) -> None:
    done = ask(bench, "--title", "The Third Man", TMDB_API_KEY="wrong-and-secret")
    assert done.exit_code == 14
    assert "refuses the API key: Invalid API key" in done.reason
    assert "wrong-and-secret" not in done.err


def test_an_unknown_film_is_an_input_error(bench: Bench) -> None:
    done = ask(bench, "--title", "The Fourth Man", "--year", "1949", TMDB_API_KEY=KEY)
    assert done.exit_code == 10
    assert "knows no film 'The Fourth Man' (1949); name it with --title" in done.reason


def test_a_service_that_is_away_or_talks_nonsense_is_a_service_error(bench: Bench) -> None:
    done = bench.stage("tmdb", "--title", "The Third Man", env={"TMDB_API_KEY": KEY})
    assert done.exit_code == 15
    assert "https://api.themoviedb.org/3: can't be reached (ConnectionError)" in done.reason
    assert KEY not in done.err
    done = ask(bench, "--title", "The Third Man", TMDB_API_KEY=KEY, TEST_PATH="broken")
    assert done.exit_code == 15
    assert "its answer is not JSON" in done.reason
