"""Real runs of an image's checks, and the folder smoke/ that they take their files from."""

from __future__ import annotations

import hashlib
import json

import pytest

from ci.catalog.stack import ContextFile, Smoke
from ci.plan.keys import digest, documents
from tests.unit.catalog.folder import StackFolder

RUNS = '[smoke]\nruns = [["python", "smoke/run.py", "smoke/data/words.txt", "-v"], ["true"]]\n'


@pytest.fixture
def checked(stack: StackFolder) -> StackFolder:
    """The stack with runs of the image tool."""
    stack.append("tool/image.toml", RUNS)
    stack.write("tool/smoke/run.py", "print('run')\n")
    stack.write("tool/smoke/data/words.txt", "one two\n")
    return stack


def file(target: str, content: bytes) -> ContextFile:
    sha256 = hashlib.sha256(content).hexdigest()
    return ContextFile(path=f"smoke/{target}", target=target, mode="0644", sha256=sha256)


def keys(stack: StackFolder) -> dict[str, str]:
    return {id_: digest(document) for id_, document in documents(stack.load(), "bootstrap").items()}


def test_runs_are_read_with_every_file_of_the_folder(checked: StackFolder) -> None:
    for name in ("__pycache__/run.pyc", ".git/x", "old.pyc"):
        checked.write(f"tool/smoke/{name}", "")
    assert checked.load().get("tool:cpu").smoke == Smoke(
        runs=(("python", "smoke/run.py", "smoke/data/words.txt", "-v"), ("true",)),
        inputs=(file("data/words.txt", b"one two\n"), file("run.py", b"print('run')\n")),
    )


def test_files_of_the_folder_are_there_without_a_run_that_names_them(stack: StackFolder) -> None:
    stack.write("base/smoke/shared.py", "A = 1\n")
    for id_ in ("base:cpu", "base:cuda"):
        assert stack.load().get(id_).smoke == Smoke(inputs=(file("shared.py", b"A = 1\n"),))


def test_a_file_that_a_run_lacks_is_told_with_the_one_that_was_meant(checked: StackFolder) -> None:
    checked.edit("tool/image.toml", "smoke/run.py", "smoke/rum.py")
    assert checked.errors == [
        (
            "docker/tool/image.toml: smoke.runs[0]: tool/smoke/rum.py: no such file; did you mean"
            " 'smoke/run.py'? Known: smoke/data/words.txt, smoke/run.py"
        )
    ]


def test_a_run_whose_image_has_no_such_folder_is_told(stack: StackFolder) -> None:
    stack.append("tool/image.toml", '[smoke]\nruns = [["true"], ["python", "smoke/run.py"]]\n')
    assert stack.errors == [
        "docker/tool/image.toml: smoke.runs[1]: tool/smoke/run.py: no such file; None is known"
    ]


def test_a_file_of_another_images_folder_is_not_the_images_own(checked: StackFolder) -> None:
    checked.append("base/image.toml", '[smoke]\nruns = [["python", "smoke/run.py"]]\n')
    checked.write("base/smoke/other.py", "")
    assert checked.errors == [
        (
            "docker/base/image.toml: smoke.runs[0]: base/smoke/run.py: no such file; did you mean"
            " 'smoke/other.py'? Known: smoke/other.py"
        )
    ]


def test_a_run_without_a_word_is_told(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "[smoke]\nruns = [[]]\n")
    (mistake,) = stack.errors
    assert mistake.startswith("docker/tool/image.toml: smoke.runs[0]: ")


def test_a_link_that_leads_nowhere_is_told(checked: StackFolder) -> None:
    (checked.path / "tool/smoke/gone.py").symlink_to("missing.py")
    what = "a symbolic link to missing.py, which does not exist; correct it or remove it"
    assert checked.errors == [f"docker/tool/smoke/gone.py: {what}"]


@pytest.mark.parametrize(
    "image", ["tool", "base"], ids=["of the image itself", "of an image that others are built on"]
)
def test_no_byte_of_the_folder_is_in_a_key(checked: StackFolder, image: str) -> None:
    before = keys(checked)
    checked.write(f"{image}/smoke/run.py", "print('rum')\n")
    checked.write(f"{image}/smoke/more/new.py", "")
    assert keys(checked) == before
    (checked.path / "tool/smoke/data/words.txt").unlink()
    checked.edit("tool/image.toml", RUNS, "")
    assert keys(checked) == before
    checked.write("tool/tool.py", "print(1)\n")
    assert {id_ for id_, key in keys(checked).items() if key != before[id_]} == {"tool:cpu"}


def test_a_link_counts_as_the_file_that_it_leads_to(checked: StackFolder) -> None:
    (checked.path / "tool/smoke/again.py").symlink_to("run.py")
    inputs = checked.load().get("tool:cpu").smoke.inputs
    assert next((one.target, one.sha256) for one in inputs if "." in one.target) == (
        "again.py",
        file("run.py", b"print('run')\n").sha256,
    )


def test_a_link_counts_in_a_folder_that_is_a_link_itself(checked: StackFolder) -> None:
    (checked.path / "tool/smoke/again.py").symlink_to("run.py")
    (checked.path / "alias").symlink_to("tool")
    images = checked.load()
    assert images.get("alias:cpu").smoke.inputs == images.get("tool:cpu").smoke.inputs


def test_a_link_to_a_folder_is_refused(checked: StackFolder) -> None:
    (checked.path / "tool/smoke/again").symlink_to("data")
    assert checked.errors == [
        (
            "docker/tool/smoke/again: a symbolic link to something that is not a file of this folder; link to"
            " a file, or copy it"
        )
    ]


@pytest.mark.parametrize("name", ["run.py", "r\tn", "l" * 200])
def test_a_file_of_smoke_with_an_error_is_not_said_to_be_missing_too(stack: StackFolder, name: str) -> None:
    folder = "d" * 150
    stack.write(f"tool/smoke/{folder}/{name}", "#!/bin/sh\r\n")
    stack.append("tool/image.toml", f"[smoke]\nruns = [[{json.dumps(f'smoke/{folder}/{name}')}]]\n")
    (line,) = stack.errors
    assert ": a script whose lines end with CR LF" in line
