from __future__ import annotations

from ci.plan.recipes import copies_of
from ci.steps.step import Copy
from tests.stacks import file


def test_files_of_one_folder_and_mode_are_one_copy() -> None:
    files = (file("b.py"), file("a.py"), file("run.sh", mode="0755"), file("contract/x.py"))
    assert copies_of(files) == (
        Copy(sources=("a.py", "b.py"), target="/opt/app/", mode="0644"),
        Copy(sources=("run.sh",), target="/opt/app/", mode="0755"),
        Copy(sources=("contract/x.py",), target="/opt/app/contract/", mode="0644"),
    )


def test_a_renamed_file_is_copied_to_its_whole_path() -> None:
    from dataclasses import replace

    renamed = replace(file("a.py"), target="/opt/app/main.py")
    assert copies_of((renamed,)) == (Copy(sources=("a.py",), target="/opt/app/main.py", mode="0644"),)
