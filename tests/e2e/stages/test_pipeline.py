"""All twelve stages in their order, each in its own image, from a film to the film with subtitles."""

import pytest
from contract.correction import Correction
from contract.lyrics import Lyrics
from contract.speaker import Speakers
from contract.transcript import Transcript

from ci.smoke.probe_request import INPUTS
from tests.e2e.stages.conftest import Bench

pytestmark = pytest.mark.engine

KEY = "0123456789abcdef"


def test_a_film_goes_in_and_comes_out_with_corrected_subtitles(bench: Bench) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc=duration=5:size=160x120:rate=25")
    voice = "flite=text='Good evening Harry Lime. How are you today':voice=rms,adelay=1000"
    bench.ffmpeg(
        *picture, "-f", "lavfi", "-i", voice, "-c:v", "libx264", "-c:a", "aac", "/job/The.Third.Man.1949.mp4"
    )
    spacy = {bench.model("pre-ner", "base/spacy_pipeline.py"): "/models/spacy"}
    networks = bench.model("diarization", "base-ml/speakers_onnx.py")
    whisper = {bench.model("asr", "asr/whisper_ct2.py"): "/models/faster-whisper"}
    dictionary = {
        bench.model(
            "second-pass-translation", "second-pass-translation/dictionary_ct2.py"
        ): "/models/translation"
    }

    bench.passes("demux", "--source", "/job/The.Third.Man.1949.mp4")
    facts = bench.stage(
        "tmdb", entrypoint=["python", f"{INPUTS}/tmdb/tmdb_service.py"], env={"TMDB_API_KEY": KEY}
    )
    assert facts.exit_code == 0, facts.err
    bench.passes("pre-ner", mounts=spacy)
    bench.passes("silero-vad")
    bench.passes("pyannote-vad", mounts={networks: "/models/pyannote-segmentation"})
    bench.passes("diarization", mounts={networks: "/models/diarization"})
    bench.passes("asr", mounts=whisper)
    bench.passes("second-pass-translation", "--target", "de", mounts=dictionary)
    bench.passes("lyrics-detection")
    bench.passes("post-ner", mounts=spacy)
    bench.passes("subtitle-gen")
    bench.passes("mux", "--source", "/job/The.Third.Man.1949.mp4")

    assert {turn.speaker for turn in bench.read(Speakers).turns} == {"S1"}
    (line,) = bench.read(Transcript).lines
    assert (line.text, line.speaker) == ("Good evening Hary Lyme", "S1")
    assert 0.8 < line.start_s < 1.6
    assert not bench.read(Lyrics).lines[0].sung
    corrected = bench.read(Correction)
    assert corrected.lines[0].text == "Good evening Harry Lime"
    assert corrected.translated == ("Guten Abend Harry Lime",)
    streams = bench.probe("film.mkv")
    assert [each["codec_name"] for each in streams] == ["h264", "aac", "ass"]
    assert streams[2]["tags"]["language"] == "ger"
    cues = bench.ffmpeg("-i", "/job/film.mkv", "-map", "0:s", "-c:s", "srt", "-f", "srt", "-")
    assert "Guten Abend Harry Lime" in cues
