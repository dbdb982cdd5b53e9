"""What the layers of wheels and files hold, in the built images; and that they go by nothing below them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ImageInfo, Output
from ci.lower.digest_args import wheels_arg
from ci.lower.dockerfile import instructions
from ci.plan.recipes import recipe
from ci.run.inputs.local import LocalInputs
from ci.run.verify.layer_listing import Entry, listing
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings
from ci.steps.step import From, User, Wheels
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
STACK = load_stack(DOCKER)
IMAGE = "tmdb"
OTHER_BASE = "dockwright/test-other-base:cpu"
DIRECTORY = "5"


async def layers_of(engine: BuildahEngine, info: ImageInfo) -> list[tuple[str, dict[str, Entry]]]:
    """Return what made each layer, and what it holds, from the lowest up."""
    _, layers = engine.buildah.storage.lists
    ids = {layer.get("diff-digest"): layer["id"] for layer in json.loads(Path(layers).read_text())}
    made = [entry["created_by"] for entry in info.config["history"] if not entry.get("empty_layer")]
    folder = Path(layers).parent
    contents = [listing((folder / f"{ids[digest]}.tar-split.gz").read_bytes()) for digest, _ in info.layers]
    return list(zip(made, contents, strict=True))


@pytest.mark.parametrize("id_", [image.id for image in STACK.images if image.variant == "cpu"])
async def test_layers_of_wheels_and_files_only_add_under_their_folder(
    id_: str, engine: BuildahEngine
) -> None:
    layers = await layers_of(engine, await engine.inspect(f"dockwright/{id_}"))
    below: dict[str, Entry] = {}
    looked_at = 0
    for made, entries in layers:
        folder = "opt/venv/" if "uv pip install" in made else "opt/app/" if " COPY " in made else ""
        if folder:
            looked_at += 1
            own = {path for path in entries if path.startswith(folder)}
            # what a step passes through, such as /run and /tmp, is named again as it was
            others = {path: entry for path, entry in entries.items() if path not in own and path != "opt/"}
            assert others == {path: replace(below[path], size=0) for path in others}, made
            assert {entry.kind for entry in others.values()} <= {DIRECTORY}
            assert {entry.owner for entry in entries.values()} == {"0:0"}
            assert {entry.time for entry in entries.values()} == {0}
            files = {path for path in own if entries[path].kind != DIRECTORY}
            assert sorted(files & set(below)) == [], f"{made} rewrites a file of a lower layer"
        below |= entries
    assert looked_at >= 2  # those of base alone


async def test_a_layer_of_wheels_is_the_same_on_another_parent(
    engine: BuildahEngine, settings: Settings, tmp_path: Path
) -> None:
    image = STACK.get(f"{IMAGE}:cpu")
    (wheels,) = [step for step in recipe(STACK, image) if isinstance(step, Wheels)]
    houses = LocalInputs(workspace=open_workspace(settings.with_(stack=DOCKER)), engine=engine)
    await houses.debhouse(Output())
    await houses.wheelhouse("cpu", Output())
    text = "ARG PARENT\nFROM ${PARENT}\nUSER 0:0\nRUN echo other > /etc/other\n"
    other = BuildRequest(instructions=text, context=tmp_path, parent=BASE)
    await engine.tag(await engine.build(other, Output()), OTHER_BASE)
    steps = (From(parent="base:cpu", default_reference=""), User(user="0:0"), wheels)
    diff_ids = set()
    for parent in (BASE, OTHER_BASE):
        request = BuildRequest(
            instructions="\n".join(instructions(steps)) + "\n",
            context=tmp_path,
            parent=parent,
            build_args={wheels_arg(IMAGE): houses.manifests["wheelhouse/cpu"].part(IMAGE)},
            folders=houses.folders(image),
        )
        info = await engine.inspect(await engine.build(request, Output()))
        diff_ids.add(info.layers[-1][0])
    built = await engine.inspect(f"dockwright/{IMAGE}:cpu")
    assert len(diff_ids) == 1
    assert diff_ids <= {digest for digest, _ in built.layers}
