"""What changes a key, and what does not."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ci.catalog.stack import Budget, ContextFile, DebLine, ImageVariant, LockLine, Stack
from ci.names.digest import Digest, parse_digest
from ci.plan.keys import digest, documents
from tests.stacks import deb, small_stack, with_image

HEX = "0123456789abcdef"


def keys(stack: Stack, kind: str = "bootstrap") -> dict[str, str]:
    return {id_: digest(document) for id_, document in documents(stack, kind).items()}


def descendants(stack: Stack, id_: str) -> set[str]:
    found = {id_}
    for image in stack.images:
        if image.parent in found:
            found.add(image.id)
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {id_ for id_ in before if before[id_] != after[id_]}


def flipped(text: str, place: int) -> str:
    """Return `text` with one character replaced by another one of its kind."""
    place %= len(text)
    old = text[place]
    new = HEX[(HEX.index(old) + 1) % 16] if old in HEX else "x" if old != "x" else "y"
    return text[:place] + new + text[place + 1 :]


images_of = st.sampled_from(small_stack().images)
places = st.integers(min_value=0, max_value=200)


@given(image=images_of, place=places, field=st.sampled_from(["version", "sha256", "file"]), data=st.data())
def test_one_byte_of_a_python_lock_line_changes_that_image_and_its_descendants(
    image: ImageVariant, place: int, field: str, data: st.DataObject
) -> None:
    stack = small_stack()
    if not image.python_lock:
        return
    line: LockLine = data.draw(st.sampled_from(image.python_lock))
    other = replace(line, **{field: flipped(getattr(line, field), place)})  # type: ignore[arg-type]
    lines = tuple(other if one == line else one for one in image.python_lock)
    after = keys(with_image(stack, image.id, python_lock=lines))
    assert changed(keys(stack), after) == descendants(stack, image.id)


@given(image=images_of, place=places, field=st.sampled_from(["version", "sha256", "path"]), data=st.data())
def test_one_byte_of_an_apt_lock_line_changes_that_image_and_its_descendants(
    image: ImageVariant, place: int, field: str, data: st.DataObject
) -> None:
    stack = small_stack()
    if not image.apt_lock:
        return
    line: DebLine = data.draw(st.sampled_from(image.apt_lock))
    text: dict[str, Any] = {field: flipped(getattr(line, field), place)}
    other = replace(line, **text)
    lines = tuple(other if one == line else one for one in image.apt_lock)
    after = keys(with_image(stack, image.id, apt_lock=lines))
    assert changed(keys(stack), after) == descendants(stack, image.id)


@given(
    image=images_of, place=places, field=st.sampled_from(["sha256", "mode", "path", "target"]), data=st.data()
)
def test_one_byte_of_a_file_or_its_mode_or_name_changes_that_image_and_its_descendants(
    image: ImageVariant, place: int, field: str, data: st.DataObject
) -> None:
    stack = small_stack()
    if not image.files:
        return
    one: ContextFile = data.draw(st.sampled_from(image.files))
    other = replace(one, **{field: flipped(getattr(one, field), place)})
    files = tuple(other if each == one else each for each in image.files)
    after = keys(with_image(stack, image.id, files=files))
    assert changed(keys(stack), after) == descendants(stack, image.id)


@given(image=images_of, place=places, value=st.booleans())
def test_one_byte_of_an_environment_variable_changes_that_image_and_its_descendants(
    image: ImageVariant, place: int, value: bool
) -> None:
    stack = small_stack()
    if not image.env:
        return
    (name, text) = image.env[0]
    pair = (name, flipped(text, place)) if value else (flipped(name, place), text)
    after = keys(with_image(stack, image.id, env=(pair, *image.env[1:])))
    assert changed(keys(stack), after) == descendants(stack, image.id)


@given(image=images_of, field=st.sampled_from(["title", "description"]), place=places)
def test_one_byte_of_a_rendered_instruction_changes_that_image_and_its_descendants(
    image: ImageVariant, field: str, place: int
) -> None:
    stack = small_stack()
    after = keys(with_image(stack, image.id, **{field: flipped(getattr(image, field), place)}))
    assert changed(keys(stack), after) == descendants(stack, image.id)


@given(place=places)
def test_one_byte_of_the_lock_of_the_base_that_is_used_changes_everything(place: int) -> None:
    stack = small_stack()
    (base,) = stack.external_bases
    digest = str(Digest(flipped(parse_digest(base.digest).hex, place)))
    other = replace(stack, external_bases=(replace(base, digest=digest),))
    everything = {image.id for image in stack.images}
    assert changed(keys(stack, "registry"), keys(other, "registry")) == everything
    lines = (replace(stack.bootstrap.lock[0], sha256=flipped(stack.bootstrap.lock[0].sha256, place)),)
    booted = replace(stack, bootstrap=replace(stack.bootstrap, lock=(*lines, *stack.bootstrap.lock[1:])))
    assert changed(keys(stack), keys(booted)) == everything


def test_the_lock_of_a_base_that_is_not_used_changes_nothing() -> None:
    stack = small_stack()
    (base,) = stack.external_bases
    other = replace(base, digest=flipped(base.digest, 9))
    assert keys(replace(stack, external_bases=(other,))) == keys(stack)


def test_another_uv_changes_every_image_that_holds_python_packages_and_their_descendants() -> None:
    stack = small_stack()
    after = keys(replace(stack, uv="0.13.8"))
    assert changed(keys(stack), after) == {image.id for image in stack.images}


@given(place=places, part=st.sampled_from(["apt_lock", "python_lock"]))
def test_another_compiler_changes_only_what_is_compiled_and_its_descendants(place: int, part: str) -> None:
    stack = small_stack()
    lines = getattr(stack.builder, part)
    other = (replace(lines[0], sha256=flipped(lines[0].sha256, place)), *lines[1:])
    after = keys(replace(stack, builder=replace(stack.builder, **{part: other})))
    assert changed(keys(stack), after) == descendants(stack, "asr:cpu")


@settings(max_examples=25)
@given(seed=st.integers())
def test_the_order_in_which_files_are_found_changes_no_key(seed: int) -> None:
    stack = small_stack()
    shuffled = stack
    for image in stack.images:
        files = list(image.files)
        random.Random(seed).shuffle(files)
        shuffled = with_image(shuffled, image.id, files=tuple(files))
    assert keys(shuffled) == keys(stack)


@given(image=images_of)
def test_what_only_checks_or_documents_an_image_changes_no_key(image: ImageVariant) -> None:
    stack = small_stack()
    after = keys(
        with_image(stack, image.id, budget=Budget(unpacked_mb=7), models=(), requirements=("other",))
    )
    assert after == keys(stack)


def test_a_sibling_and_a_cousin_keep_their_keys() -> None:
    stack = small_stack()
    more = with_image(stack, "mux:cpu", apt_lock=(deb("ffmpeg", "2.0-1"), deb("libx264")))
    assert changed(keys(stack), keys(more)) == {"mux:cpu"}
