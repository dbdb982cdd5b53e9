"""A small stack over the reference stack's own base: a few images of files alone, built in seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

DOCKER = Path(__file__).resolve().parents[2] / "docker"
PARENTS = {"kill-one": "base:cpu", "kill-two": "kill-one:cpu", "kill-three": "base:cpu"}
IMAGES = tuple(PARENTS)
IMAGE = """\
title = "{name}"
description = "An image whose build is killed."

[parent]
cpu = "{parent}"

[[files]]
source = "content"
target = "/opt/app/{name}"
mode = "0644"

[smoke]
commands = [{step}]
"""
FILES = 6


def killed_stack(folder: Path) -> Path:
    """Return a new stack in `folder`; `change` gives it its content."""
    folder.mkdir()
    for file in DOCKER.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copytree(DOCKER / "base", folder / "base")
    return folder


def change(folder: Path, content: str, step: str = '["true"]') -> None:
    """Give each image content that no store has yet, and a check that is `step`."""
    for name, parent in PARENTS.items():
        (folder / name / "content").mkdir(parents=True, exist_ok=True)
        (folder / name / "image.toml").write_text(IMAGE.format(name=name, parent=parent, step=step))
        for number in range(FILES):
            (folder / name / "content" / f"{number}.txt").write_text(f"{name} {number} {content}\n" * 2000)
