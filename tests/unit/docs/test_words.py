"""Private words of this project do not come back: the standard terms are in docs/terminology.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import click
import pytest

from ci.cli.commands import COMMANDS
from ci.cli.main import cli
from tests.unit.docs.pages import PAGES, ROOT

SAY = {
    "aloud": "in its output",
    "anew": "again",
    "beside": "next to, in addition to",
    "calibration": "reference benchmark",
    "came of": "result of",
    "closed in": "sandboxed, in a sandbox",
    "comes? out": "results in",
    "culprit": "blocking check",
    "dead runs?": "stale run",
    "enclosure": "PID namespace",
    "faults?": "error",
    "figures?": "metric",
    "filling": "fetch",
    "gates?": "lint and type checks",
    "held against": "compared with",
    "houses?": "build inputs, wheelhouse, debhouse",
    "hygiene": "retention policy",
    "leftovers?": "stale resource",
    "living": "live run",
    "looked at": "checked, inspected",
    "looks? at": "checks, inspects",
    "matter of": "part of",
    "mistakes?": "error",
    "not there": "missing",
    "out of reach": "unavailable",
    "outside images?": "external base image",
    "patience": "retry policy",
    "rooms?": "package; free space",
    "said": "reported",
    "says so": "reports it",
    "settles?": "reconcile",
    "soundness": "store health",
    "stands? in for": "replaces",
    "stands? on": "is based on",
    "strays?": "orphan process",
    "tells": "reports",
    "told": "reported",
    "twins?": "shared apt layer",
    "unshown": "not tested",
    "untold": "not reported",
    "what is there": "what exists",
    "wish(?:es)?": "options",
}
"""Pattern of each private word, and what to say."""


def found(word: str, texts: Mapping[str, str]) -> list[str]:
    """Return where a word is, as `NAME: LINE`."""
    pattern = re.compile(rf"(?<![\w/-])(?:{word})(?![\w/-])", re.IGNORECASE)
    return [
        f"{name}: {line.strip()}"
        for name, text in texts.items()
        for line in text.splitlines()
        if pattern.search(re.sub(r"`[^`]*`|\]\([^)]*\)|HOUSES=", "", line))
    ]


def helps() -> Mapping[str, str]:
    """Return the help of each command, and the Dagger module, whose docstrings are its help."""
    texts = {"dockwright": cli.get_help(click.Context(cli))}
    for name, entry in COMMANDS.items():
        command = entry.load()
        texts[name] = command.get_help(click.Context(command, info_name=name))
    module = (ROOT / "ci" / "main.py").read_text(encoding="utf-8")
    return {**texts, "ci/main.py": module}


def messages() -> Mapping[str, str]:
    """Return the texts of each module of ci/ that are no docstrings and no names: messages."""
    return {
        str(path.relative_to(ROOT)): "\n".join(strings(ast.parse(path.read_text(encoding="utf-8"))))
        for path in sorted((ROOT / "ci").rglob("*.py"))
    }


def strings(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module; one without a space is a name, such as that of a file."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if " " in text and id(node) not in documentation:
                yield text
            case _:
                pass


HELPS, MESSAGES = helps(), messages()


@pytest.mark.parametrize("word", SAY)
def test_a_private_word_is_in_no_page(word: str) -> None:
    assert found(word, PAGES) == [], f"say: {SAY[word]}"


@pytest.mark.parametrize("word", SAY)
def test_a_private_word_is_in_no_help(word: str) -> None:
    assert found(word, HELPS) == [], f"say: {SAY[word]}"


@pytest.mark.parametrize("word", SAY)
def test_a_private_word_is_in_no_message(word: str) -> None:
    assert found(word, MESSAGES) == [], f"say: {SAY[word]}"


def test_a_word_is_found_as_a_word_and_not_in_code() -> None:
    text = "A house.\nA wheelhouse, `houses/content`, [a](house.md).\nIt STANDS ON it."
    assert found("houses?", {"a": text}) == ["a: A house."]
    assert found("stands? on", {"a": text}) == ["a: It STANDS ON it."]
