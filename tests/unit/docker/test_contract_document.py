import json
from typing import Any

import pytest
from contract.correction import Correction
from contract.document import Document
from contract.error import InputError
from contract.film import Film
from contract.lyrics import Lyrics
from contract.media import AudioTrack, Media
from contract.muxed import Muxed
from contract.name import Kind, Name, Names
from contract.span import Span
from contract.speaker import Speakers, Turn, renamed
from contract.speech import Speech, Voice
from contract.subtitle import Subtitles
from contract.transcript import Line, Transcript
from contract.translation import Translation
from pydantic import ValidationError

DOCUMENTS: dict[str, type[Document]] = {
    "demux": Media,
    "tmdb": Film,
    "pre-ner": Names,
    "silero-vad": Speech,
    "pyannote-vad": Voice,
    "diarization": Speakers,
    "asr": Transcript,
    "second-pass-translation": Translation,
    "lyrics-detection": Lyrics,
    "post-ner": Correction,
    "subtitle-gen": Subtitles,
    "mux": Muxed,
}
TRANSCRIPT = Transcript(
    recognizer="r",
    language="en",
    lines=(Line(start_s=0, end_s=1, text="Où? 'à'"), Line(start_s=1, end_s=2, text="")),
)


@pytest.mark.parametrize(("stage", "kind"), DOCUMENTS.items())
def test_each_stage_writes_one_document_of_its_own(stage: str, kind: type[Document]) -> None:
    assert kind.written_by == stage
    assert [each.file_name for each in DOCUMENTS.values()].count(kind.file_name) == 1


def test_a_document_comes_back_from_its_json_as_it_was() -> None:
    text = TRANSCRIPT.to_json()
    assert Transcript.model_validate_json(text) == TRANSCRIPT
    assert text.endswith(b"}\n")
    assert "Où?".encode() in text
    assert json.loads(text)["schema_version"] == 1


@pytest.mark.parametrize(
    "change", [{"schema_version": 2}, {"lines": [{"start_s": 0, "end_s": 1, "txt": "a"}]}, {"note": "x"}]
)
def test_another_version_or_an_unknown_key_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Transcript.model_validate({**TRANSCRIPT.model_dump(), **change})


def test_lines_turns_and_spans_stand_by_start_time() -> None:
    late, early = Span(start_s=2, end_s=3), Span(start_s=0, end_s=1)
    with pytest.raises(ValidationError, match="start time"):
        Speech(detector="d", spans=(late, early))
    with pytest.raises(ValidationError, match="start time"):
        Transcript(recognizer="r", language="en", lines=tuple(reversed(TRANSCRIPT.lines)))
    turns = tuple(Turn(start_s=each.start_s, end_s=each.end_s, speaker="S1") for each in (late, early))
    with pytest.raises(ValidationError, match="start time"):
        Speakers(diarizer="d", turns=turns)


def test_sound_is_mono_at_16_khz() -> None:
    AudioTrack(file="audio.wav", samples=1, source_codec="aac")
    with pytest.raises(ValidationError):
        AudioTrack.model_validate(
            {"file": "audio.wav", "samples": 1, "source_codec": "aac", "sample_rate": 44_100}
        )


def test_a_name_says_where_it_was_found() -> None:
    with pytest.raises(ValidationError):
        Name(text="Vienna", kind=Kind.PLACE, sources=())


def test_a_translation_of_another_transcript_is_refused() -> None:
    translation = Translation(translator="t", source_language="en", target_language="de", texts=("Wo?",))
    with pytest.raises(InputError, match=r"translates 1 lines but transcript\.json has 2; run second-pass"):
        translation.belongs_to(TRANSCRIPT)


def test_a_correction_has_as_many_translated_texts_as_lines() -> None:
    with pytest.raises(ValidationError, match="1 translated texts for 2 lines"):
        Correction(language="en", lines=TRANSCRIPT.lines, target_language="de", translated=("a",))


def test_speakers_are_named_as_they_are_first_heard() -> None:
    turns = renamed(
        [
            (Span(start_s=3, end_s=4), "spk_0"),
            (Span(start_s=0, end_s=2), "spk_7"),
            (Span(start_s=4, end_s=5), "spk_7"),
        ]
    )
    assert [(each.start_s, each.speaker) for each in turns] == [(0, "S1"), (3, "S2"), (4, "S1")]


def test_a_line_belongs_to_who_speaks_longest_in_it() -> None:
    turns = (
        Turn(start_s=0, end_s=2, speaker="S1"),
        Turn(start_s=2, end_s=4, speaker="S2"),
        Turn(start_s=4, end_s=4.5, speaker="S1"),
    )
    speakers = Speakers(diarizer="d", turns=turns)
    assert speakers.during(Span(start_s=1, end_s=3.5)) == "S2"
    assert speakers.during(Span(start_s=0, end_s=5)) == "S1"
    assert speakers.during(Span(start_s=5, end_s=6)) is None
    assert Speakers(diarizer="d").during(Span(start_s=5, end_s=6)) is None
