"""Pre-ner and post-ner load a spaCy pipeline from disk; the test's own is made in the image."""

from pathlib import Path

import pytest
from contract.correction import Correction
from contract.film import Film, Role
from contract.name import Kind, Name, Names
from contract.transcript import Line, Transcript
from contract.translation import Translation

from tests.e2e.stages.conftest import Bench

pytestmark = pytest.mark.engine

FILM = Film(
    tmdb_id=1092,
    title="The Third Man",
    original_title="The Third Man",
    original_language="en",
    overview="In Vienna, Holly looks for Harry Lime in 1949.",
    cast=(
        Role(actor="Joseph Cotten", character="Holly Martins"),
        Role(actor="Orson Welles", character="Harry Lime / The Friend (uncredited)"),
        Role(actor="Somebody", character="Self"),
    ),
)
NAMES = Names(
    names=(
        Name(text="Holly Martins", kind=Kind.PERSON, sources=("character",)),
        Name(text="Harry Lime", kind=Kind.PERSON, sources=("character", "overview")),
        Name(text="The Third Man", kind=Kind.WORK, sources=("title",)),
        Name(text="Orson Welles", kind=Kind.PERSON, sources=("actor",)),
        Name(text="Vienna", kind=Kind.PLACE, sources=("overview",)),
    )
)


@pytest.fixture
def pipeline(bench: Bench) -> dict[Path, str]:
    return {bench.model("pre-ner", "base/spacy_pipeline.py"): "/models/spacy"}


def test_names_come_from_the_cast_and_by_the_model_from_the_overview(
    bench: Bench, pipeline: dict[Path, str]
) -> None:
    bench.write(FILM)
    bench.passes("pre-ner", mounts=pipeline)
    found = [(each.text, each.kind.value, each.sources) for each in bench.read(Names).names]
    assert found == [
        ("Holly Martins", "person", ("character",)),
        ("Harry Lime", "person", ("character", "overview")),
        ("The Friend", "person", ("character",)),
        ("The Third Man", "work", ("title",)),
        ("Joseph Cotten", "person", ("actor",)),
        ("Orson Welles", "person", ("actor",)),
        ("Somebody", "person", ("actor",)),
        ("Vienna", "place", ("overview",)),
    ]


def test_a_model_that_finds_no_entities_is_refused(bench: Bench) -> None:
    bench.write(FILM)
    model = bench.model("pre-ner", "base/spacy_pipeline.py", "--without-entities")
    done = bench.stage("pre-ner", mounts={model: "/models/spacy"})
    assert done.exit_code == 12
    assert "none of its components (sentencizer) finds entities" in done.reason


def test_misheard_names_are_corrected_in_both_languages(bench: Bench, pipeline: dict[Path, str]) -> None:
    texts = (
        "Good evening Hary Lyme, said Holy Martins.",
        "Did you see Orson Wells in Viena?",
        "Harry went home. Hurry!",
    )
    lines = tuple(Line(start_s=index, end_s=index + 1, text=text) for index, text in enumerate(texts))
    german = ("Guten Abend Hary Lyme", "", "Harry ging")
    bench.write(
        NAMES,
        Transcript(recognizer="r", language="en", lines=lines),
        Translation(translator="t", source_language="en", target_language="de", texts=german),
    )
    bench.passes("post-ner", mounts=pipeline)
    corrected = bench.read(Correction)
    assert [line.text for line in corrected.lines] == [
        "Good evening Harry Lime, said Holly Martins.",
        "Did you see Orson Wells in Vienna?",
        "Harry went home. Hurry!",
    ]
    assert corrected.translated == ("Guten Abend Harry Lime", "", "Harry ging")
    assert [(each.line, each.text, each.before, each.after) for each in corrected.changes] == [
        (0, "original", "Hary Lyme", "Harry Lime"),
        (0, "original", "Holy Martins", "Holly Martins"),
        (1, "original", "Viena", "Vienna"),
        (0, "translated", "Hary Lyme", "Harry Lime"),
    ]
    assert all(82 <= each.similarity < 100 for each in corrected.changes)


def test_a_stricter_similarity_changes_less(bench: Bench, pipeline: dict[Path, str]) -> None:
    line = Line(start_s=0, end_s=1, text="Hary Lyme in Viena")
    bench.write(NAMES, Transcript(recognizer="r", language="en", lines=(line,)))
    bench.passes("post-ner", "--similarity", "90", mounts=pipeline)
    assert bench.read(Correction).lines[0].text == "Hary Lyme in Vienna"
    assert bench.read(Correction).translated is None
