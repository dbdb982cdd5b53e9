"""What a stack without mistakes is read as."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.stack import Budget, ContextFile, Model, Smoke
from ci.errors import CatalogError
from tests.stacks import deb, wheel
from tests.unit.catalog.folder import StackFolder

TOOL_SHA = hashlib.sha256(b"print()\n").hexdigest()


def test_a_stack_without_errors_is_read_whole(stack: StackFolder) -> None:
    loaded = stack.load()
    assert (loaded.name, loaded.namespace, loaded.variants) == ("small", "team/small", ("cpu", "cuda"))
    assert (loaded.user, loaded.uid, loaded.gid, loaded.uv) == ("app", 1000, 1000, "0.13.9")
    assert loaded.external_bases[0].digest == "sha256:" + "d" * 64
    assert loaded.bootstrap.lock == (deb("python3"), deb("tzdata"))
    assert loaded.builder.apt_lock == (deb("g++"),)
    assert loaded.builder.python_lock == (wheel("setuptools"),)
    assert [image.id for image in loaded.images] == ["base:cpu", "base:cuda", "tool:cpu"]
    tool = loaded.get("tool:cpu")
    assert tool.parent == "base:cpu"
    assert tool.files == (
        ContextFile(path="tool.py", target="/opt/app/tool.py", mode="0644", sha256=TOOL_SHA),
    )
    assert (tool.requirements, tool.python_lock) == (("scipy",), (wheel("scipy"),))
    assert tool.entrypoint == ("python", "/opt/app/tool.py")


def test_a_variant_on_top_of_its_own_image_adds_only_what_is_its_own(stack: StackFolder) -> None:
    cuda = stack.load().get("base:cuda")
    assert (cuda.apt, cuda.apt_lock, cuda.files, cuda.requirements, cuda.python_lock) == ((), (), (), (), ())
    assert cuda.env == (("GPU", "all"),)


def test_a_variant_on_top_of_its_own_image_adds_the_packages_of_its_own_input(stack: StackFolder) -> None:
    stack.python("base/requirements.cuda.in", "base/requirements.cuda.lock", ["torch"])
    assert stack.load().get("base:cuda").python_lock == (wheel("torch"),)
    assert stack.load().get("base:cpu").python_lock == (wheel("numpy"),)


def test_two_variants_that_share_an_input_have_a_lock_each(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "base"\ncuda = "base"')
    stack.relock("tool/requirements.in", "tool/requirements.cpu.lock", ["scipy"])
    stack.relock("tool/requirements.in", "tool/requirements.cuda.lock", ["scipy", "extra"])
    (stack.path / "tool/requirements.lock").unlink()
    assert stack.load().get("tool:cuda").python_lock == (wheel("extra"), wheel("scipy"))
    assert stack.load().get("tool:cpu").python_lock == (wheel("scipy"),)


def test_environment_of_a_variant_goes_over_that_of_its_image(stack: StackFolder) -> None:
    stack.append("tool/image.toml", '[variant.cpu]\nenv = { A = "2", B = "3" }\n')
    stack.edit("tool/image.toml", "[parent]", 'env = { A = "1", Z = "0" }\n[parent]')
    assert stack.load().get("tool:cpu").env == (("A", "2"), ("Z", "0"), ("B", "3"))


def test_checks_budget_and_models_are_read(stack: StackFolder) -> None:
    stack.append(
        "tool/image.toml",
        '[smoke]\nhelp = false\nstart = false\nunresolved = ["libx.so.1"]\n'
        'imports = { Py_YAML = "yaml" }\ncommands = [["true", "x"]]\n'
        "[budget]\nunpacked_mb = { cpu = 7 }\nimport_s = { cpu = 0.5 }\n"
        '[[models]]\npath = "/models/x"\ndescription = "X."\nlicense = "MIT"\n',
    )
    tool = stack.load().get("tool:cpu")
    assert tool.smoke == Smoke(
        imports=(("py-yaml", "yaml"),),
        help=False,
        start=False,
        commands=(("true", "x"),),
        unresolved=("libx.so.1",),
    )
    assert tool.budget == Budget(unpacked_mb=7, import_s=0.5)
    assert tool.models == (Model(path="/models/x", description="X.", license="MIT"),)


def test_images_stand_parents_first_then_by_name_and_variant(stack: StackFolder) -> None:
    for name, parent in (("zoo", "base"), ("abc", "tool"), ("mid", "base:cuda")):
        variant = "cuda" if name == "mid" else "cpu"
        stack.write(
            f"{name}/image.toml",
            f'title = "T"\ndescription = "D"\n[parent]\n{variant} = "{parent}"\n',
        )
    ids = [image.id for image in stack.load().images]
    assert ids == ["base:cpu", "base:cuda", "mid:cuda", "tool:cpu", "abc:cpu", "zoo:cpu"]


def test_a_requirement_with_a_marker_counts_where_the_lock_has_it(stack: StackFolder) -> None:
    stack.write(
        "tool/requirements.in", "scipy\ncolorama; sys_platform == 'win32'\ntqdm[x]>=4 ; os_name == 'posix'\n"
    )
    stack.relock("tool/requirements.in", "tool/requirements.lock", ["scipy", "tqdm"])
    assert stack.load().get("tool:cpu").requirements == ("scipy", "tqdm")


def test_a_distribution_that_a_parent_pins_may_be_asked_for(stack: StackFolder) -> None:
    stack.python("tool/requirements.in", "tool/requirements.lock", ["numpy", "scipy"], locked=["scipy"])
    assert stack.load().get("tool:cpu").requirements == ("numpy", "scipy")


def test_line_endings_of_a_requirement_file_do_not_age_its_lock(stack: StackFolder) -> None:
    stack.write("tool/requirements.in", "scipy\r\n")
    assert stack.load().get("tool:cpu").python_lock == (wheel("scipy"),)


def test_locks_that_do_not_hold_are_empty_when_they_are_optional(stack: StackFolder) -> None:
    stack.append("tool/requirements.in", "more\n")
    (stack.path / "base/requirements.lock").unlink()
    (stack.path / "bootstrap.lock").unlink()
    stack.append("wheelhouse.lock", "<<<<<<< ours\n")
    loaded = load_stack(stack.path, locks="optional")
    assert loaded.get("tool:cpu").python_lock == ()
    assert loaded.get("tool:cpu").requirements == ("more", "scipy")
    assert loaded.get("base:cpu").python_lock == ()
    assert (loaded.bootstrap.lock, loaded.builder.python_lock) == ((), ())
    assert loaded.get("base:cpu").apt_lock == (deb("tini"),)


def test_other_errors_count_when_locks_are_optional(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'source = "tool.py"', 'source = "toll.py"')
    with pytest.raises(CatalogError, match=r"toll\.py: no such file"):
        load_stack(stack.path, locks="optional")


def test_a_folder_of_notes_is_no_image(stack: StackFolder) -> None:
    stack.write("notes/README.md", "# Notes\n")
    stack.write(".hidden/image.toml", "not TOML")
    assert [image.image for image in stack.load().images] == ["base", "base", "tool"]


def test_the_stack_is_the_same_from_another_place(stack: StackFolder, tmp_path: Path) -> None:
    other = StackFolder(tmp_path / "elsewhere")
    assert other.load() == stack.load()
