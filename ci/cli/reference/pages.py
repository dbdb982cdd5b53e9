"""All pages of docs/reference/ by file name."""

from __future__ import annotations

from pydantic import BaseModel

from ci.catalog.document import ExternalBasesDocument, ImageDocument, StackDocument
from ci.cli.commands import COMMANDS, Group
from ci.cli.reference.command_page import command_page, program_parts
from ci.cli.reference.markdown import page, table
from ci.cli.reference.model_page import model_page
from ci.cli.reference.settings_page import settings_page

FILES: dict[str, tuple[str, type[BaseModel], str]] = {
    "stack-toml.md": ("stack.toml", StackDocument, "What all images of the stack share."),
    "image-toml.md": ("image.toml", ImageDocument, "One image of the stack."),
    "bases-lock-toml.md": ("bases.lock.toml", ExternalBasesDocument, "External base images, by digest."),
}
ARGUMENTS = (
    ("`IMAGE`", "An image with all its variants, such as `asr`."),
    ("`IMAGE:VARIANT`", "One variant of an image, such as `asr:cpu`."),
    ("`HOST[:PORT]/NAMESPACE`", "A registry namespace, such as `registry.example/team`."),
    ("`VERSION`", "The version of a release, such as `1.2.0`."),
    ("`REPORT`", "A `report.json`, or the folder that contains it."),
)


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "index.md": index_page(),
        **{f"{name}.md": command_page(name) for name in COMMANDS},
        **{name: model_page(file, model) for name, (file, model, _) in FILES.items()},
        "settings.md": settings_page(),
    }


def index_page() -> str:
    """Return the page that lists the commands by group, the files, and all exit codes."""
    parts = [["The page of a command has the same texts as its `--help`."]]
    for group in Group:
        rows = [
            (f"[`{name}`]({name}.md)", entry.summary)
            for name, entry in COMMANDS.items()
            if entry.group is group
        ]
        parts += [[f"## {group.value}"], table(("Command", "What it does"), rows)]
    rows = [(f"[`{file}`]({name})", text) for name, (file, _, text) in FILES.items()]
    rows.append(("[Settings](settings.md)", "Environment variables and `.dockwright.env`."))
    parts += [
        ["## Files and settings"],
        table(("File", "What it holds"), rows),
        ["## Arguments"],
        table(("Argument", "Meaning"), ARGUMENTS),
        ["## Usage"],
        *program_parts(),
    ]
    return page("Reference", parts)
