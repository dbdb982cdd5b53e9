from pathlib import Path

import pytest
from contract.error import InputError, ModelInvalidError, ModelMissingError, OutputError, StageError
from contract.job import Job
from contract.model import Model, loading
from contract.span import Span
from contract.speech import Speech

SPEECH = Speech(detector="d", spans=(Span(start_s=0, end_s=1),))
MODEL = Model(path="/models/thing", files=("model.bin", "config.json"), description="a thing")


def test_what_is_written_is_read_and_found(tmp_path: Path) -> None:
    job = Job(tmp_path)
    assert job.find(Speech) is None
    job.write(SPEECH)
    assert job.read(Speech) == SPEECH
    assert job.find(Speech) == SPEECH
    assert [each.name for each in tmp_path.iterdir()] == ["speech.json"]


def test_a_missing_document_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"speech\.json: there is no such file; run silero-vad first"):
        Job(tmp_path).read(Speech)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Invalid JSON"),
        ('{"detector": "d", "spans": [{"start_s": 1}]}', r"spans\.0\.end_s: Field required"),
    ],
)
def test_a_faulty_document_is_an_error_also_where_it_is_optional(
    tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "speech.json").write_text(text)
    with pytest.raises(InputError, match=fault):
        Job(tmp_path).find(Speech)


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.write(SPEECH)
    with pytest.raises(KeyError), job.new_file("speech.json") as path:  # noqa: PT012
        path.write_text("half")
        raise KeyError
    assert job.read(Speech) == SPEECH
    assert [each.name for each in tmp_path.iterdir()] == ["speech.json"]


def test_a_new_file_keeps_its_suffix_while_it_is_written(tmp_path: Path) -> None:
    with Job(tmp_path).new_file("audio.wav") as path:
        assert path.suffix == ".wav"
        assert not (tmp_path / "audio.wav").exists()
        path.write_bytes(b"sound")
    assert (tmp_path / "audio.wav").read_bytes() == b"sound"


def test_a_job_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="mount a folder that this user may write"):
        Job(tmp_path / "none").write(SPEECH)


def test_a_file_outside_the_job_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "secret").write_text("x")
    job = Job(tmp_path / "job")
    with pytest.raises(InputError, match="lies outside the job folder"):
        job.file("../secret", written_by="demux")
    (tmp_path / "job" / "link").symlink_to("../secret")
    with pytest.raises(InputError, match="lies outside the job folder"):
        job.file("link", written_by="demux")
    with pytest.raises(InputError, match="run demux first"):
        job.file("audio.wav", written_by="demux")


def test_a_model_folder_that_is_missing_or_not_whole_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelMissingError, match=r"no such folder; mount a thing there.*Nothing is downloaded"
    ):
        MODEL.at(tmp_path / "none")
    (tmp_path / "model.bin").touch()
    with pytest.raises(ModelMissingError, match=r"lacks config\.json"):
        MODEL.at(tmp_path)
    (tmp_path / "config.json").touch()
    assert MODEL.at(tmp_path) == tmp_path


def test_whatever_a_loader_raises_becomes_one_error(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError, match=r"RuntimeError: bad magic at 0"), loading(tmp_path):
        raise RuntimeError("bad \x1b[1mmagic\x1b[0m\n at 0")
    with pytest.raises(InputError), loading(tmp_path):
        raise InputError("ours passes")


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = [each.exit_code for each in StageError.__subclasses__()]
    assert len(codes) == len(set(codes)) > 5
    assert all(10 <= code < 70 for code in codes)
