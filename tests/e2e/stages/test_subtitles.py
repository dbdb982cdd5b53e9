"""Subtitle-gen writes files that players read, and mux puts them into a real film."""

import pytest
from contract.correction import Correction
from contract.lyrics import Lyrics, Singing
from contract.muxed import Muxed, Stream
from contract.subtitle import Format, SubtitleFile, Subtitles
from contract.transcript import Line, Transcript
from contract.translation import Translation

from tests.e2e.stages.conftest import Bench

pytestmark = pytest.mark.engine

LINES = (
    Line(start_s=0.5, end_s=1.5, text="Tom & Jerry <3 {each} other"),
    Line(
        start_s=1.5,
        end_s=3.5,
        text="a long sentence that nobody would be able to read on one row, nor on two rows",
    ),
    Line(start_s=4.0, end_s=4.1, text="la la"),
    Line(start_s=5.0, end_s=6.0, text=" "),
)
TRANSCRIPT = Transcript(recognizer="r", language="en", lines=LINES)
GERMAN = Translation(
    translator="t", source_language="en", target_language="de", texts=("Tom und Jerry", "lang", "la", "")
)


def lyrics(*sung: bool) -> Lyrics:
    return Lyrics(
        threshold=0.5,
        lines=tuple(
            Singing(
                start_s=line.start_s,
                end_s=line.end_s,
                voiced_share=1,
                held_share=1,
                pulse=1,
                score=1,
                sung=each,
            )
            for line, each in zip(LINES, sung, strict=True)
        ),
    )


def text(bench: Bench, name: str) -> str:
    return (bench.folder / name).read_text(encoding="utf-8")


def test_srt_holds_every_cue_wrapped_and_timed(bench: Bench) -> None:
    bench.write(TRANSCRIPT, lyrics(False, False, True, False))
    bench.passes("subtitle-gen")
    assert text(bench, "subtitles.srt") == (
        "1\n00:00:00,500 --> 00:00:01,500\nTom & Jerry <3 (each) other\n\n"
        "2\n00:00:01,500 --> 00:00:03,500\na long sentence that nobody would be\n"
        "able to read on one row, nor on two rows\n\n"
        "3\n00:00:04,000 --> 00:00:04,700\n♪ la la ♪\n\n"
    )
    files = tuple(SubtitleFile(format=each, file=f"subtitles.{each.value}") for each in Format)
    assert bench.read(Subtitles) == Subtitles(language="en", cues=3, files=files)


def test_vtt_escapes_markup_and_ass_has_a_style_for_what_is_sung(bench: Bench) -> None:
    bench.write(TRANSCRIPT, lyrics(False, False, True, False))
    bench.passes("subtitle-gen")
    assert "00:00:00.500 --> 00:00:01.500\nTom &amp; Jerry &lt;3 (each) other\n" in text(
        bench, "subtitles.vtt"
    )
    ass = text(bench, "subtitles.ass")
    assert "Dialogue: 0,0:00:04.00,0:00:04.70,Sung,,0,0,0,,♪ la la ♪" in ass
    assert r"Default,,0,0,0,,a long sentence that nobody would be\Nable to read on one row" in ass


def test_ffmpeg_reads_the_same_cues_from_all_three(bench: Bench) -> None:
    bench.write(TRANSCRIPT)
    bench.passes("subtitle-gen")
    read = [
        bench.ffmpeg("-i", f"/job/subtitles.{each.value}", "-c:s", "srt", "-f", "srt", "-") for each in Format
    ]
    assert all(each.count(" --> ") == 3 for each in read)
    assert all("Tom & Jerry" in each and "able to read on one row" in each for each in read)


def test_the_best_text_there_is_is_taken(bench: Bench) -> None:
    bench.write(TRANSCRIPT, GERMAN)
    bench.passes("subtitle-gen")
    assert "Tom und Jerry" in text(bench, "subtitles.srt")
    assert bench.read(Subtitles).language == "de"
    bench.passes("subtitle-gen", "--text", "original")
    assert "Tom & Jerry" in text(bench, "subtitles.srt")
    bench.write(
        Correction(language="en", lines=(*LINES[:3], LINES[3].model_copy(update={"text": "corrected"})))
    )
    bench.passes("subtitle-gen", "--text", "original")
    assert "corrected" in text(bench, "subtitles.srt")
    bench.passes("subtitle-gen", "--text", "translated")
    assert "Tom und Jerry" in text(bench, "subtitles.srt")


def test_documents_of_another_transcript_are_refused(bench: Bench) -> None:
    bench.write(TRANSCRIPT, GERMAN.model_copy(update={"texts": ("nur einer",)}))
    done = bench.stage("subtitle-gen")
    assert done.exit_code == 10
    assert "translation.json translates 1 lines but transcript.json has 4" in done.reason
    bench.write(TRANSCRIPT, GERMAN, lyrics(False, False, True, False).model_copy(update={"lines": ()}))
    done = bench.stage("subtitle-gen")
    assert done.exit_code == 10
    assert "lyrics.json has 0 lines and the text 4; run lyrics-detection again" in done.reason


def film(bench: Bench, name: str) -> None:
    sources = (
        "-f",
        "lavfi",
        "-i",
        "testsrc=duration=6:size=64x48:rate=10",
        "-f",
        "lavfi",
        "-i",
        "sine=440:d=6",
    )
    bench.ffmpeg(*sources, "-c:v", "libx264", "-c:a", "aac", "-shortest", f"/job/{name}")
    bench.write(TRANSCRIPT)
    bench.passes("subtitle-gen")


@pytest.mark.parametrize(("format_", "codec"), [("ass", "ass"), ("srt", "subrip"), ("vtt", "webvtt")])
def test_mux_adds_the_subtitles_and_touches_nothing_else(bench: Bench, format_: str, codec: str) -> None:
    film(bench, "source.mkv")
    bench.passes("mux", "--source", "/job/source.mkv", "--format", format_)
    streams = bench.probe("film.mkv")
    assert [each["codec_name"] for each in streams] == ["h264", "aac", codec]
    assert streams[2]["tags"]["language"] == "eng"
    assert streams[2]["disposition"]["default"] == 1
    hashes = [
        bench.ffmpeg(
            "-i", f"/job/{name}", "-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "streamhash", "-"
        )
        for name in ("source.mkv", "film.mkv")
    ]
    assert hashes[0] == hashes[1] != ""
    cues = bench.ffmpeg("-i", "/job/film.mkv", "-map", "0:s", "-c:s", "srt", "-f", "srt", "-")
    assert "Tom & Jerry" in cues
    assert bench.read(Muxed).streams[2] == Stream(kind="subtitle", codec=codec, language="eng")


def test_mux_keeps_the_subtitles_that_a_film_has(bench: Bench) -> None:
    film(bench, "source.mkv")
    bench.passes("mux", "--source", "/job/source.mkv", "--output", "one.mp4")
    assert [each["codec_name"] for each in bench.probe("one.mp4")] == ["h264", "aac", "mov_text"]
    bench.passes("mux", "--source", "/job/one.mp4", "--output", "two.mkv")
    streams = bench.probe("two.mkv")
    assert [each["codec_name"] for each in streams] == ["h264", "aac", "subrip", "ass"]
    assert [each["disposition"]["default"] for each in streams[2:]] == [0, 1]


def test_mux_without_a_source_puts_demuxs_parts_together(bench: Bench) -> None:
    film(bench, "source.mkv")
    bench.passes("demux", "--source", "/job/source.mkv")
    bench.passes("mux")
    assert [each["codec_name"] for each in bench.probe("film.mkv")] == ["h264", "pcm_s16le", "ass"]


def test_a_container_that_holds_no_subtitles_is_refused(bench: Bench) -> None:
    for name in ("film.avi", "../film.mkv"):
        done = bench.stage("mux", "--output", name)
        assert done.exit_code == 10
        assert f"--output {name}: has to be a file name that ends with .mkv or .mp4" in done.reason
