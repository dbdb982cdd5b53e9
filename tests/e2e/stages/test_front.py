"""What all stages share: help, wrong command lines, missing documents and models, an unwritable job."""

import pytest
from contract.film import Film
from contract.media import AudioTrack, Media
from contract.name import Names
from contract.transcript import Line, Transcript

from tests.e2e.stages.conftest import Bench

pytestmark = pytest.mark.engine

STAGES = (
    "demux",
    "tmdb",
    "pre-ner",
    "silero-vad",
    "pyannote-vad",
    "diarization",
    "asr",
    "second-pass-translation",
    "lyrics-detection",
    "post-ner",
    "subtitle-gen",
    "mux",
)


@pytest.mark.parametrize("name", STAGES)
def test_help_says_what_a_stage_reads_and_writes_needs_and_lacks(bench: Bench, name: str) -> None:
    done = bench.stage(name, "--help")
    assert (done.exit_code, done.err) == (0, "")
    assert done.out.startswith(f"usage: {name} ")
    for part in ("Reads:", "Writes:", "Model:", "Can't do yet:"):
        assert f"\n{part}\n  " in done.out


@pytest.mark.parametrize("name", STAGES)
def test_an_unknown_option_is_a_wrong_command_line(bench: Bench, name: str) -> None:
    done = bench.stage(name, "--colour", "blue")
    assert done.exit_code == 2
    assert f"{name}: error:" in done.err


@pytest.mark.parametrize(
    ("name", "args", "missing"),
    [
        ("demux", ("--source", "/job/film.mkv"), "/job/film.mkv: there is no such file"),
        ("tmdb", (), "media.json: there is no such file; run demux first"),
        ("pre-ner", (), "film.json: there is no such file; run tmdb first"),
        ("silero-vad", (), "media.json: there is no such file; run demux first"),
        ("pyannote-vad", (), "media.json: there is no such file; run demux first"),
        ("diarization", (), "media.json: there is no such file; run demux first"),
        ("asr", (), "media.json: there is no such file; run demux first"),
        (
            "second-pass-translation",
            ("--target", "de"),
            "transcript.json: there is no such file; run asr first",
        ),
        ("lyrics-detection", (), "media.json: there is no such file; run demux first"),
        ("post-ner", (), "names.json: there is no such file; run pre-ner first"),
        ("subtitle-gen", (), "transcript.json: there is no such file; run asr first"),
        ("mux", (), "subtitles.json: there is no such file; run subtitle-gen first"),
    ],
)
def test_an_empty_job_names_the_stage_to_run_first(
    bench: Bench, name: str, args: tuple[str, ...], missing: str
) -> None:
    done = bench.stage(name, *args, env={"TMDB_API_KEY": "key"})
    assert done.exit_code == 10
    assert missing in done.reason
    assert list(bench.folder.iterdir()) == []


FILM = Film(tmdb_id=1, title="T", original_title="T", original_language="en")
LINE = Line(start_s=0, end_s=0.1, text="Good")
SPOKEN = Transcript(recognizer="r", language="en", lines=(LINE,))


@pytest.mark.parametrize(
    ("name", "args", "path", "lacks"),
    [
        ("pre-ner", (), "/models/spacy", "config.cfg, meta.json"),
        ("post-ner", (), "/models/spacy", "config.cfg, meta.json"),
        ("pyannote-vad", (), "/models/pyannote-segmentation", "model.onnx"),
        ("diarization", (), "/models/diarization", "segmentation.onnx, embedding.onnx"),
        ("asr", (), "/models/faster-whisper", "model.bin, config.json, tokenizer.json"),
        (
            "second-pass-translation",
            ("--target", "de"),
            "/models/translation",
            "model.bin, config.json, source.spm, target.spm",
        ),
    ],
)
def test_a_missing_model_and_one_that_is_not_whole_have_their_own_error(
    bench: Bench, name: str, args: tuple[str, ...], path: str, lacks: str
) -> None:
    bench.sound([0.0] * 1600)
    bench.write(FILM, SPOKEN, Names())
    done = bench.stage(name, *args)
    assert done.exit_code == 11
    assert done.reason.startswith(f"{path}: there is no such folder; mount ")
    assert done.reason.endswith("Nothing is downloaded.")

    empty = bench.new_folder()
    done = bench.stage(name, *args, mounts={empty: path})
    assert done.exit_code == 11
    assert done.reason.startswith(f"{path}: lacks {lacks}; mount ")

    for file in lacks.split(", "):
        (empty / file).write_bytes(b"this is no model\n")
    done = bench.stage(name, *args, mounts={empty: path})
    assert done.exit_code == 12
    assert done.reason.startswith(path)
    assert "can't be loaded as this stage's model (" in done.reason


def test_a_job_folder_that_can_not_be_written_is_named(bench: Bench) -> None:
    bench.sound([0.0] * 1600)
    bench.folder.chmod(0o555)
    done = bench.stage("silero-vad")
    assert done.exit_code == 16
    assert "/job: can't be written by user 1000 (Permission denied); mount a folder" in done.reason


def test_a_sound_that_is_not_demuxs_is_refused(bench: Bench) -> None:
    track = AudioTrack(file="audio.wav", samples=5, source_codec="pcm_s16le")
    bench.write(Media(source="film.wav", duration_s=1, audio=track))
    (bench.folder / "audio.wav").write_bytes(b"RIFFnoise")
    done = bench.stage("silero-vad")
    assert done.exit_code == 10
    assert "audio.wav: is no sound that can be read" in done.reason
