from __future__ import annotations

import json
from dataclasses import replace

from ci.lower.render import bake_text, dockerfile_text
from ci.plan.rendered import recipes, rendered
from tests.stacks import small_stack

STACK = small_stack()
RECIPES = {f"{recipe.image}:{recipe.variant}": recipe for recipe in recipes(STACK)}


def test_a_dockerfile_says_what_it_is_made_from_and_what_builds_it() -> None:
    text = dockerfile_text(RECIPES["asr:cpu"])
    header, _, body = text.partition("\n\n")
    assert header == (
        "# Rendered by `dockwright render` from asr/image.toml and its locks: change those, not this file.\n"
        "#\n"
        "# Without dockwright, in the directory of stack.toml, after\n"
        "# `dockwright wheelhouse --variant cpu --export DIR`, which copies the files too:\n"
        "#   DOCKER_BUILDKIT=1 docker build --network none -f asr/Dockerfile.cpu -t small/asr:cpu"
        " DIR/files/asr\n"
        "# It takes these local images: small/ml:cpu, small/wheelhouse:cpu.\n"
        "#   printf 'FROM scratch\\nCOPY . /\\n' | "
        "docker build -f - -t small/wheelhouse:cpu DIR/wheelhouse/cpu"
    )
    assert body.startswith("ARG PARENT=small/ml:cpu\nFROM ${PARENT}\nUSER 0:0\nARG WHEELS_ASR\n")


def test_the_instructions_stand_in_it_unchanged() -> None:
    recipe = RECIPES["base:cpu"]
    text = dockerfile_text(recipe)
    instructions = [line for line in text.split("\n\n", 1)[1].replace("\n\n", "\n").split("\n") if line]
    assert instructions == "\n".join(recipe.instructions).split("\n")


def test_an_image_that_mounts_nothing_names_its_parent_alone() -> None:
    assert "# It takes these local images: small/ml:cpu.\n\n" in dockerfile_text(RECIPES["vad:cpu"])


def test_a_root_image_that_mounts_nothing_needs_no_local_image() -> None:
    bare = replace(RECIPES["base:cpu"], contexts=())
    assert "local images" not in dockerfile_text(bare)


def test_every_folder_gets_a_dockerfile_per_variant() -> None:
    names = {"base", "ml", "mux", "asr", "vad"}
    files = rendered(STACK, bake=False)
    assert set(files) == {f"{n}/Dockerfile.cpu" for n in names}
    assert set(rendered(STACK, bake=True)) - set(files) == {"docker-bake.json"}


def test_bake_builds_parents_as_targets_and_takes_the_packages_from_folders() -> None:
    bake = json.loads(bake_text(list(RECIPES.values())))
    inline = bake["target"]["asr-cpu"].pop("dockerfile-inline")
    assert inline.startswith("ARG PARENT=small/ml:cpu\nFROM $${PARENT}\nUSER 0:0\n")
    assert inline.replace("$${", "${") == "\n".join(RECIPES["asr:cpu"].instructions) + "\n"
    assert bake["target"]["asr-cpu"] == {
        "context": "${HOUSES}/files/asr",
        "contexts": {"small/ml:cpu": "target:ml-cpu", "small/wheelhouse:cpu": "${HOUSES}/wheelhouse/cpu"},
        "network": "none",
        "tags": ["small/asr:cpu"],
        "cache-from": ['${CACHE == "" ? "" : "type=registry,ref=${CACHE}/asr:cache-cpu"}'],
        "cache-to": ['${CACHE == "" ? "" : "type=registry,ref=${CACHE}/asr:cache-cpu,mode=max"}'],
    }
    assert bake["group"]["cpu"]["targets"] == ["base-cpu", "ml-cpu", "mux-cpu", "asr-cpu", "vad-cpu"]


def test_two_images_whose_names_differ_by_a_dot_are_two_targets() -> None:
    one = RECIPES["vad:cpu"]
    pair = [replace(one, image=name, reference=f"small/{name}:cpu", parent="") for name in ("a.b", "a_b")]
    assert set(json.loads(bake_text(pair))["target"]) == {"a_b-cpu", "a_b-cpu_"}
