"""Errors in the shape of the TOML files."""

from __future__ import annotations

import pytest

from ci.catalog.load import load_stack
from ci.errors import CatalogError
from tests.unit.catalog.folder import StackFolder


def test_an_unknown_key_is_answered_with_the_one_that_was_meant(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", "entrypoint", "entripoint")
    assert stack.errors == [
        (
            "docker/tool/image.toml: entripoint: unknown key 'entripoint'; did you mean 'entrypoint'?"
            " Known: apt,"
            " budget, description, entrypoint, env, files, models, parent, smoke, title, variant"
        )
    ]


def test_an_unknown_key_of_a_file_says_which_file(stack: StackFolder) -> None:
    stack.append("tool/image.toml", 'modes = "0644"\n')
    assert stack.errors == [
        (
            "docker/tool/image.toml: files[0].modes: unknown key 'modes'; did you mean 'mode'?"
            " Known: mode, source, target"
        )
    ]


def test_an_unknown_key_of_a_variant_lists_what_a_variant_has(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "[variant.cpu]\napt = []\n")
    known = "env, layers, libraries, unresolved"
    assert stack.errors == [f"docker/tool/image.toml: variant.cpu.apt: unknown key 'apt'; Known: {known}"]


def test_an_unknown_key_of_the_stack_is_named(stack: StackFolder) -> None:
    stack.edit("stack.toml", "[user]", "[user]\nuidd = 7")
    stack.edit("bases.lock.toml", "[python]", '[python]\ndigests = ""')
    assert stack.errors == [
        (
            "docker/bases.lock.toml: python.digests: unknown key 'digests'; did you mean 'digest'?"
            " Known: digest, reference, tag"
        ),
        "docker/stack.toml: user.uidd: unknown key 'uidd'; did you mean 'uid'? Known: gid, name, uid",
    ]


def test_a_missing_key_is_named_with_its_type(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'title = "Tool"\n', "")
    stack.edit("stack.toml", "uid = 1000\n", "")
    assert stack.errors == [
        "docker/stack.toml: user.uid: missing; add a whole number",
        "docker/tool/image.toml: title: missing; add a text in quotes",
    ]


def test_a_missing_table_is_one_error(stack: StackFolder) -> None:
    stack.edit("stack.toml", '[wheelhouse]\nuv = "0.13.9"\napt = ["g++"]\n', "")
    stack.edit("stack.toml", '[bootstrap]\nsuite = "bookworm"\npackages = ["python3", "tzdata"]\n', "")
    assert stack.errors == [
        "docker/stack.toml: bootstrap: missing; add a table",
        "docker/stack.toml: wheelhouse: missing; add a table",
    ]


def test_missing_variants_do_not_make_the_images_wrong(stack: StackFolder) -> None:
    stack.edit("stack.toml", 'variants = ["cpu", "cuda"]\n', "")
    assert stack.errors == ["docker/stack.toml: variants: missing; add a list in [ ]"]


def test_a_file_without_a_source_is_one_error(stack: StackFolder) -> None:
    stack.append("tool/image.toml", '[[files]]\nmode = 7\ntarget = "/opt/app/x"\n')
    assert stack.errors == [
        "docker/tool/image.toml: files[1].source: missing; add a text in quotes",
        "docker/tool/image.toml: files[1].mode: 7 has the wrong type; write a text in quotes",
    ]


def test_a_value_of_the_wrong_type_says_which_is_right(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", "[parent]", "env = { PORT = 80 }\napt = 'tini'\n[parent]")
    stack.append("tool/image.toml", "[smoke]\nhelp = 'yes'\n")
    assert stack.errors == [
        "docker/tool/image.toml: apt: 'tini' has the wrong type; write a list in [ ]",
        "docker/tool/image.toml: env.PORT: 80 has the wrong type; write a text in quotes",
        "docker/tool/image.toml: smoke.help: 'yes' has the wrong type; write true or false",
    ]


def test_a_budget_that_nothing_is_known_of_is_a_mistake(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "[budget]\nunpacked = { cpu = 5 }\nimport_s = { cpu = inf }\n")
    assert stack.errors == [
        ("docker/tool/image.toml: budget.import_s.cpu: inf is not valid; it should be a finite number"),
        (
            "docker/tool/image.toml: budget.unpacked: unknown key 'unpacked'; did you mean 'unpacked_mb'? "
            "Known: build_ratio, compressed_mb, import_s, shared_mb, unique_mb, unpacked_mb"
        ),
    ]


def test_a_budget_of_nothing_is_a_mistake(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "[budget]\nunpacked_mb = { cpu = 0 }\n")
    assert stack.errors == [
        ("docker/tool/image.toml: budget.unpacked_mb.cpu: 0 is not valid; it should be greater than 0")
    ]


def test_a_text_that_becomes_a_label_is_one_line(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '"A program."', '"""\nA\nprogram."""')
    assert stack.errors == [
        (
            "docker/tool/image.toml: description: contains a line break or another control character; write"
            " one line: it is a label"
        )
    ]


def test_broken_toml_is_named_with_its_line(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "what is this\n")
    line = (stack.path / "tool/image.toml").read_text().count("\n")
    assert stack.errors == [
        (
            f"docker/tool/image.toml: line {line}: not TOML: expected '=' after a key in a key/value pair;"
            " correct it"
        )
    ]


def test_toml_that_ends_too_early_is_named_with_its_line(stack: StackFolder) -> None:
    stack.write("tool/image.toml", 'title = "T"\nentrypoint = ["python"')
    assert stack.errors == ["docker/tool/image.toml: line 2: not TOML: unclosed array; correct it"]


def test_a_file_that_is_not_utf_8_is_named_with_its_line(stack: StackFolder) -> None:
    stack.write("tool/image.toml", 'title = "T"\ndescription = "Müller"\n'.encode("latin-1"))
    assert stack.errors == ["docker/tool/image.toml: line 2: not UTF-8; save the file as UTF-8"]


def test_an_image_that_cannot_be_read_does_not_make_its_children_wrong(stack: StackFolder) -> None:
    stack.write("base/image.toml", "[")
    assert [line.split(": ")[0] for line in stack.errors] == ["docker/base/image.toml"]


def test_a_broken_stack_file_does_not_hide_the_errors_of_the_images(stack: StackFolder) -> None:
    stack.write("stack.toml", "[")
    stack.edit("tool/image.toml", '"base"', '"bass"')
    assert [line.split(": ")[:2] for line in stack.errors] == [
        ["docker/stack.toml", "line 1"],
        ["docker/tool/image.toml", "parent.cpu"],
    ]


def test_a_stack_without_its_outside_images_says_so(stack: StackFolder) -> None:
    (stack.path / "bases.lock.toml").unlink()
    (stack.path / "bootstrap.lock").unlink()
    assert stack.errors == [
        "docker/bases.lock.toml: no such file; add it",
        "docker/bootstrap.lock: no lock; run `dockwright lock`",
    ]


def test_one_wrong_value_does_not_hide_the_others(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'title = "Tool"', 'titel = "Tool"\napt = [3]')
    stack.edit("tool/image.toml", 'source = "tool.py"', 'source = "toll.py"\nmode = "644"')
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "bass"')
    stack.edit("stack.toml", 'base = "auto"', 'base = "atuo"')
    assert [line.split(": ")[1] for line in stack.errors] == [
        "base",
        "title",
        "apt[0]",
        "titel",
        "files[0].source",
        "files[0].mode",
        "parent.cpu",
    ]


def test_a_folder_in_the_place_of_a_file_is_told(stack: StackFolder) -> None:
    (stack.path / "tool/image.toml").unlink()
    (stack.path / "tool/image.toml").mkdir()
    assert stack.errors == [
        "docker/tool/image.toml: can't be read (is a directory); replace the folder with a file"
    ]


def test_an_error_is_a_line_with_its_hint_below_and_equal_hints_are_given_once(
    stack: StackFolder,
) -> None:
    stack.edit("tool/image.toml", 'title = "Tool"\n', "")
    stack.append("tool/requirements.in", "rich\n")
    stack.append("wheelhouse.in", "flit\n")
    with pytest.raises(CatalogError) as caught:
        load_stack(stack.path)
    assert str(caught.value).splitlines() == [
        "docker/tool/image.toml: title: missing",
        "  hint: add a text in quotes",
        "docker/tool/requirements.lock: inputs: stale: requirements.in has changed",
        "docker/wheelhouse.lock: inputs: stale: wheelhouse.in has changed",
        "  hint: run `dockwright lock`",
    ]
