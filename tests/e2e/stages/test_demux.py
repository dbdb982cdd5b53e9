"""Demux splits real films."""

import pytest
from contract.media import AudioTrack, Media, VideoTrack

from tests.e2e.stages.conftest import RATE, Bench

pytestmark = pytest.mark.engine

PICTURE = ("-f", "lavfi", "-i", "testsrc=duration=3:size=160x120:rate=25")
LATE_SPEECH = ("-itsoffset", "1", "-f", "lavfi", "-i", "flite=text='Good evening Harry':voice=rms")


def stream_hash(bench: Bench, name: str) -> str:
    return bench.ffmpeg("-i", f"/job/{name}", "-map", "0:v:0", "-c", "copy", "-f", "streamhash", "-")


def test_the_picture_is_untouched_and_the_sound_stands_on_the_films_clock(bench: Bench) -> None:
    codecs = ("-c:v", "libx264", "-g", "10", "-c:a", "aac", "-metadata:s:a:0", "language=eng")
    bench.ffmpeg(*PICTURE, *LATE_SPEECH, *codecs, "/job/A film, 1949.mp4")
    bench.passes("demux", "--source", "/job/A film, 1949.mp4")

    samples = bench.samples()
    assert max(abs(each) for each in samples[: RATE * 9 // 10]) < 50, "the sound starts a second late"
    assert max(abs(each) for each in samples[RATE:]) > 3000
    assert stream_hash(bench, "video.mkv") == stream_hash(bench, "A film, 1949.mp4") != ""
    media = bench.read(Media)
    assert media == Media(
        source="A film, 1949.mp4",
        duration_s=media.duration_s,
        audio=AudioTrack(file="audio.wav", samples=len(samples), source_codec="aac", source_language="eng"),
        video=VideoTrack(file="video.mkv", codec="h264", width=160, height=120, frame_rate="25/1"),
    )
    assert media.duration_s == pytest.approx(3.0, abs=0.3)


def test_two_runs_write_the_same_bytes(bench: Bench) -> None:
    bench.ffmpeg(*PICTURE, *LATE_SPEECH, "-c:v", "libx264", "-c:a", "aac", "/job/film.mkv")
    bench.passes("demux", "--source", "/job/film.mkv")
    first = {each.name: each.read_bytes() for each in bench.folder.iterdir()}
    bench.passes("demux", "--source", "/job/film.mkv")
    assert {each.name: each.read_bytes() for each in bench.folder.iterdir()} == first


def test_mere_sound_has_no_picture_and_a_cover_is_none(bench: Bench) -> None:
    bench.ffmpeg("-f", "lavfi", "-i", "color=red:size=16x16", "-frames:v", "1", "/job/cover.png")
    cover = ("-i", "/job/cover.png", "-map", "0:a", "-map", "1:v", "-disposition:v", "attached_pic")
    bench.ffmpeg("-f", "lavfi", "-i", "sine=440:duration=1", *cover, "-c:v", "png", "/job/song.flac")
    assert [each["codec_type"] for each in bench.probe("song.flac")] == ["audio", "video"]
    bench.passes("demux", "--source", "/job/song.flac")
    assert bench.read(Media).video is None
    assert not (bench.folder / "video.mkv").exists()
    assert len(bench.samples()) == RATE


def test_the_sound_stream_can_be_chosen(bench: Bench) -> None:
    sounds = ("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-f", "lavfi", "-i", "sine=440:r=16000")
    bench.ffmpeg(*sounds, "-map", "0", "-map", "1", "-t", "1", "-c:a", "flac", "/job/two.mkv")
    bench.passes("demux", "--source", "/job/two.mkv")
    assert max(bench.samples()) == 0
    bench.passes("demux", "--source", "/job/two.mkv", "--audio-stream", "1")
    assert max(bench.samples()) > 1000
    done = bench.stage("demux", "--source", "/job/two.mkv", "--audio-stream", "2")
    assert done.exit_code == 10
    assert "has no sound stream 2; --audio-stream takes 0 to 1" in done.reason


def test_a_film_without_sound_and_a_file_that_is_no_film_are_refused(bench: Bench) -> None:
    bench.ffmpeg(*PICTURE, "-c:v", "libx264", "/job/silent.mkv")
    (bench.folder / "notes.mkv").write_text("buy milk")
    before = sorted(each.name for each in bench.folder.iterdir())
    for name, fault in (
        ("silent.mkv", "has no sound"),
        ("notes.mkv", "is no film or sound that ffprobe can read"),
    ):
        done = bench.stage("demux", "--source", f"/job/{name}")
        assert done.exit_code == 10
        assert f"/job/{name}: {fault}" in done.reason
    assert sorted(each.name for each in bench.folder.iterdir()) == before
