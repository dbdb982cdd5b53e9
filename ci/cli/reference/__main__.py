"""Write docs/reference/: `python -m ci.cli.reference`, in the environment of the tests."""

from __future__ import annotations

from pathlib import Path

from ci.cli.reference.pages import pages

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference"


def main() -> None:
    """Write every page, and remove those of commands that do not exist any more."""
    texts = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
