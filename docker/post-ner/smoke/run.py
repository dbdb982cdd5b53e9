"""Post-ner corrects misheard names with a small spaCy pipeline of ruled entities."""

import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.correction import Correction
from contract.name import Kind, Name, Names
from contract.transcript import Line, Transcript
from contract.translation import Translation
from spacy_pipeline import main as save_pipeline
from stage_run import StageRun

NAMES = Names(
    names=(
        Name(text="Harry Lime", kind=Kind.PERSON, sources=("character",)),
        Name(text="Vienna", kind=Kind.PLACE, sources=("overview",)),
    )
)
LINES = (
    Line(start_s=0, end_s=1, text="Good evening Hary Lyme."),
    Line(start_s=1, end_s=2, text="Did you see Viena? Hurry!"),
)
TRANSCRIPT = Transcript(recognizer="r", language="en", lines=LINES)
GERMAN = Translation(
    translator="t", source_language="en", target_language="de", texts=("Guten Abend Hary Lyme.", "")
)


def main() -> None:
    """Save the pipeline, and let the stage load it."""
    check = StageRun("post-ner", NAMES, TRANSCRIPT, GERMAN)
    model = check.model()
    save_pipeline(str(model))
    check.passes("--model", str(model))
    found = check.read(Correction)
    texts = [line.text for line in found.lines]
    check.gives("the corrected lines", texts, ["Good evening Harry Lime.", "Did you see Vienna? Hurry!"])
    check.gives("the corrected translation", found.translated, ("Guten Abend Harry Lime.", ""))
    changes = [(each.line, each.text, each.before, each.after) for each in found.changes]
    wanted = [
        (0, "original", "Hary Lyme", "Harry Lime"),
        (1, "original", "Viena", "Vienna"),
        (0, "translated", "Hary Lyme", "Harry Lime"),
    ]
    check.gives("the changes", changes, wanted)
    print("two misheard names were corrected, one of them in both languages")


if __name__ == "__main__":
    main()
