"""Second-pass-translation translates word for word by a small model, each line in its place."""

import sys
from importlib.util import find_spec

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.transcript import Line, Transcript
from contract.translation import Translation
from stage_run import StageRun

if find_spec("torch"):
    from dictionary_marian import main as save_dictionary

    TRANSLATOR, LINES = "transformers on cpu", {"Vienna": "Wien", " ": "", "morning": "Morgen"}
else:
    from dictionary_ct2 import main as save_dictionary

    TRANSLATOR = "ctranslate2 on cpu"
    LINES = {"Good evening Vienna": "Guten Abend Wien", " ": "", "Good morning Holly": "Guten Morgen Holly"}


def main() -> None:
    """Save the model, and let the stage load it."""
    lines = tuple(Line(start_s=index, end_s=index + 1, text=text) for index, text in enumerate(LINES))
    check = StageRun("second-pass-translation", Transcript(recognizer="r", language="en", lines=lines))
    model = check.model()
    save_dictionary(str(model))
    check.passes("--model", str(model), "--device", "cpu", "--target", "de")
    wanted = Translation(
        translator=TRANSLATOR,
        source_language="en",
        target_language="de",
        texts=tuple(LINES.values()),
    )
    check.gives("translation.json", check.read(Translation), wanted)
    print(f"{TRANSLATOR} said {', '.join(filter(None, LINES.values()))}")


if __name__ == "__main__":
    main()
