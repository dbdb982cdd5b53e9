"""Asr and second-pass-translation go through their real loaders, with small models made in the images."""

from pathlib import Path

import pytest
from contract.media import AudioTrack, Media
from contract.name import Kind, Name, Names
from contract.span import Span
from contract.speaker import Speakers, Turn
from contract.speech import Speech, Voice
from contract.transcript import Line, Transcript
from contract.translation import Translation

from tests.e2e.stages.conftest import RATE, Bench

pytestmark = pytest.mark.engine

SPOKEN = "Good evening Hary Lyme"


@pytest.fixture
def whisper(bench: Bench) -> dict[Path, str]:
    return {bench.model("asr", "asr/whisper_ct2.py"): "/models/faster-whisper"}


@pytest.fixture
def dictionary(bench: Bench) -> dict[Path, str]:
    return {
        bench.model(
            "second-pass-translation", "second-pass-translation/dictionary_ct2.py"
        ): "/models/translation"
    }


def test_each_clip_of_speech_is_recognised_at_its_place(bench: Bench, whisper: dict[Path, str]) -> None:
    bench.sound([0.0] * 40 * RATE)
    spans = (Span(start_s=1, end_s=2.5), Span(start_s=3, end_s=4), Span(start_s=35, end_s=37))
    bench.write(
        Speech(detector="coarse", spans=(Span(start_s=0, end_s=9),)),
        Voice(detector="fine", spans=spans),
        Speakers(diarizer="d", turns=(Turn(start_s=34, end_s=38, speaker="S2"),)),
        Names(names=(Name(text="Harry Lime", kind=Kind.PERSON, sources=("character",)),)),
    )
    bench.passes("asr", mounts=whisper)
    transcript = bench.read(Transcript)
    assert (transcript.language, transcript.recognizer) == ("en", "faster-whisper on cpu")
    assert [(each.start_s, each.end_s, each.text, each.speaker) for each in transcript.lines] == [
        (1.0, 2.0, SPOKEN, None),
        (35.0, 36.0, SPOKEN, "S2"),
    ]


def test_words_have_their_own_times(bench: Bench, whisper: dict[Path, str]) -> None:
    bench.sound([0.0] * 3 * RATE)
    bench.passes("asr", "--words", "--language", "en", mounts=whisper)
    (line,) = bench.read(Transcript).lines
    assert [each.text for each in line.words] == SPOKEN.split()
    assert [each.start_s for each in line.words] == pytest.approx([0.0, 0.2, 0.4, 0.6], abs=0.05)
    assert [each.end_s for each in line.words] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.05)


def test_where_nobody_speaks_nothing_is_made_up(bench: Bench, whisper: dict[Path, str]) -> None:
    bench.sound([0.0] * RATE)
    bench.write(Voice(detector="fine"))
    bench.passes("asr", mounts=whisper)
    assert bench.read(Transcript).lines == ()


def test_a_language_that_the_model_does_not_know_is_refused(bench: Bench, whisper: dict[Path, str]) -> None:
    bench.sound([0.0] * RATE)
    done = bench.stage("asr", "--language", "xx", mounts=whisper)
    assert done.exit_code == 10
    assert "--language xx: the model knows " in done.reason


def test_forced_alignment_is_left_to_the_gpu_variant(bench: Bench, whisper: dict[Path, str]) -> None:
    bench.sound([0.0] * 2 * RATE)
    models = bench.new_folder()
    (models / "en").mkdir()
    for name in ("config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.json"):
        (models / "en" / name).write_text("{}")
    done = bench.stage("asr", "--align", "/models/align", mounts={**whisper, models: "/models/align"})
    assert done.exit_code == 17
    assert "--align: this image has no whisperx; use the image's cuda variant" in done.reason


def test_every_line_is_translated_word_for_word_in_its_place(
    bench: Bench, dictionary: dict[Path, str]
) -> None:
    track = AudioTrack(file="audio.wav", samples=5, source_codec="aac")
    texts = ("Good evening Vienna", " ", "Good morning Holly", "evening")
    lines = tuple(Line(start_s=index, end_s=index + 1, text=text) for index, text in enumerate(texts))
    bench.write(
        Media(source="film.mkv", duration_s=4, audio=track),
        Transcript(recognizer="r", language="en", lines=lines),
    )
    bench.passes("second-pass-translation", "--target", "de", mounts=dictionary)
    assert bench.read(Translation) == Translation(
        translator="ctranslate2 on cpu",
        source_language="en",
        target_language="de",
        texts=("Guten Abend Wien", "", "Guten Morgen Holly", "Abend"),
    )
