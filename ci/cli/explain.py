"""explain: which inputs of an image changed, or differ from those elsewhere."""

from __future__ import annotations

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import base_option, registry_option, some_images_argument
from ci.plan.explain import explain as sentences
from ci.plan.keys import Document, digest, documents, tag
from ci.plan.plan import is_named, select
from ci.run.verify.key_documents import CHECKOUT, REGISTRY, STORE, documents_of
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings


def _sides(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [side for side in (STORE, REGISTRY, CHECKOUT) if side.startswith(incomplete)]


@click.command()
@some_images_argument
@base_option
@click.option(
    "--from",
    "old",
    default=STORE,
    metavar="SIDE",
    shell_complete=_sides,
    help=f"Old side: {STORE} (the last build on this machine), {REGISTRY} (the current release), "
    f"{CHECKOUT}, or a git revision. Default: {STORE}.",
)
@click.option(
    "--to",
    "new",
    default=CHECKOUT,
    metavar="SIDE",
    shell_complete=_sides,
    help=f"New side; same values as --from. Default: {CHECKOUT}.",
)
@registry_option
@click.pass_obj
def explain(
    settings: Settings, images: tuple[str, ...], base: str | None, old: str, new: str, registry: str | None
) -> None:
    """Show which inputs of an image changed since its last build.

    Compares key documents: locks, files and their modes, environment, instructions, and the inputs of the
    parent images. Prints `unknown` if no key document was stored. --from and --to compare any two of: this
    checkout, the local store, the registry, a git revision.
    """
    workspace = open_workspace(settings.with_(base=base, registry=registry))
    select(workspace.stack, images, ())  # reports an unknown name together with the nearest one
    asked = [image.id for image in workspace.stack.images if is_named(image.id, images)]
    if (old, new) == (STORE, CHECKOUT):
        store = anyio.run(workspace.store)
        current = documents(workspace.stack, workspace.base.kind)
        built = store.built(workspace.stack.namespace)
        for id_ in asked:
            first, *more = sentences(id_, current, workspace.state.stored, built)
            _print(id_, f"{id_} differs from its last build:", [first, *more])
        return
    needed = select(workspace.stack, asked, ())
    before = anyio.run(documents_of, old, workspace, needed, say)
    after = anyio.run(documents_of, new, workspace, needed, say)
    for id_ in asked:
        lines = _compared(workspace, id_, (old, before), (new, after))
        _print(id_, f"{id_} differs, from {old} to {new}:", lines)


def _compared(
    workspace: Workspace,
    id_: str,
    old: tuple[str, dict[str, Document]],
    new: tuple[str, dict[str, Document]],
) -> list[str]:
    (old_name, before), (new_name, after) = old, new
    for name, documents_of_name in (old, new):
        if id_ not in documents_of_name:
            return [f"{id_}: unknown: {name} has no key document of it"]
    if digest(before[id_]) == digest(after[id_]):
        key = digest(after[id_])[:12]
        return [f"{id_} is the same in {old_name} and {new_name}: its inputs have the key {key}."]
    tags = {name: tag(digest(document)) for name, document in before.items()}

    def stored(image: str, wanted: str) -> Document | None:
        return before[image] if tags.get(image) == wanted else workspace.state.stored(image, wanted)

    return list(sentences(id_, after, stored, tags))


def _print(id_: str, title: str, lines: list[str]) -> None:
    if len(lines) == 1 and id_ in lines[0]:
        click.echo(lines[0])
        return
    click.echo(title)
    for line in lines:
        click.echo(f"  {line}")
