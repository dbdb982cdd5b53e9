"""Pre-ner collects names from a film's facts with a small spaCy pipeline of ruled entities."""

import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.film import Film, Role
from contract.name import Kind, Name, Names
from spacy_pipeline import main as save_pipeline
from stage_run import StageRun

FILM = Film(
    tmdb_id=1092,
    title="The Third Man",
    original_title="The Third Man",
    original_language="en",
    overview="In Vienna, Holly looks for Harry Lime in 1949.",
    cast=(Role(actor="Orson Welles", character="Harry Lime / The Friend (uncredited)"),),
)
NAMES = Names(
    names=(
        Name(text="Harry Lime", kind=Kind.PERSON, sources=("character", "overview")),
        Name(text="The Friend", kind=Kind.PERSON, sources=("character",)),
        Name(text="The Third Man", kind=Kind.WORK, sources=("title",)),
        Name(text="Orson Welles", kind=Kind.PERSON, sources=("actor",)),
        Name(text="Vienna", kind=Kind.PLACE, sources=("overview",)),
    )
)


def main() -> None:
    """Save the pipeline, and let the stage load it."""
    check = StageRun("pre-ner", FILM)
    model = check.model()
    save_pipeline(str(model))
    check.passes("--model", str(model))
    check.gives("names.json", check.read(Names), NAMES)
    print("names came from the cast and, by spaCy, from the overview")


if __name__ == "__main__":
    main()
