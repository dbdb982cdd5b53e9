"""A rendered file can't change without the key of its image."""

from __future__ import annotations

from pathlib import Path

from ci.catalog.load import load_stack
from ci.lower.dockerfile import PARENT_ARG
from ci.plan.keys import documents

DOCKER = Path(__file__).parents[2] / "docker"


def without_comments(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line for line in lines if not line.startswith(f"ARG {PARENT_ARG}=")]


def test_the_instructions_of_every_rendered_file_are_in_the_key_document_word_by_word() -> None:
    for id_, document in documents(load_stack(DOCKER), "bootstrap").items():
        image, _, variant = id_.partition(":")
        rendered = (DOCKER / image / f"Dockerfile.{variant}").read_text()
        keyed = "\n".join(document["instructions"]).splitlines()
        assert without_comments(rendered) == keyed, id_
