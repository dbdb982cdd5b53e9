from __future__ import annotations

from dataclasses import replace

from ci.plan.explain import compare, explain
from ci.plan.keys import Document, digest, documents, tag
from tests.stacks import deb, file, sdist, small_stack, wheel, with_image

STACK = small_stack()
OLD = documents(STACK, "bootstrap")
BUILT = {id_: tag(digest(document)) for id_, document in OLD.items()}


def stored(image: str, cache_tag: str) -> Document | None:
    return OLD[image] if BUILT[image] == cache_tag else None


def texts(image: str, new: dict[str, Document]) -> list[str]:
    return [change.text for change in compare(OLD[image], new[image])]


def test_a_moved_package_is_named_with_both_versions() -> None:
    new = documents(with_image(STACK, "ml:cpu", python_lock=(wheel("onnx", "1.1"),)), "bootstrap")
    assert texts("ml:cpu", new) == ["python lock onnx: 1.0 → 1.1"]


def test_an_epoch_changes_every_key_and_is_named() -> None:
    new = documents(replace(STACK, epoch=1), "bootstrap")
    assert all(digest(new[id_]) != digest(OLD[id_]) for id_ in OLD)
    assert texts("ml:cpu", new)[0] == "epoch added: 1"
    assert documents(replace(STACK, epoch=0), "bootstrap") == OLD


def test_another_file_of_the_same_version_is_named_with_its_hash() -> None:
    line = replace(wheel("onnx"), sha256="0" * 64)
    new = documents(with_image(STACK, "ml:cpu", python_lock=(line,)), "bootstrap")
    (text,) = texts("ml:cpu", new)
    assert text.startswith("python lock onnx: 1.0 --hash=sha256:")


def test_added_and_removed_debian_packages_are_named() -> None:
    new = documents(with_image(STACK, "mux:cpu", apt_lock=(deb("ffmpeg"), deb("libx265"))), "bootstrap")
    assert texts("mux:cpu", new) == ["apt lock libx264 removed: 1.0-1", "apt lock libx265 added: 1.0-1"]


def test_a_file_is_named_with_what_changed_of_it() -> None:
    new = documents(with_image(STACK, "vad:cpu", files=(file("vad.py", "y = 1\n", "0755"),)), "bootstrap")
    content, mode = texts("vad:cpu", new)[1], texts("vad:cpu", new)[0]
    assert mode == "file vad.py (mode): 0644 → 0755"
    assert content.startswith("file vad.py (content): ")


def test_an_environment_variable_shows_as_the_instruction_that_it_is() -> None:
    new = documents(with_image(STACK, "asr:cpu", env=(("HF_HUB_OFFLINE", "0"),)), "bootstrap")
    assert texts("asr:cpu", new) == ['instruction: ENV HF_HUB_OFFLINE="1" → ENV HF_HUB_OFFLINE="0"']


def test_a_compiler_is_named_with_what_it_compiles() -> None:
    builder = replace(STACK.builder, apt_lock=(deb("g++", "13"),))
    new = documents(replace(STACK, builder=builder), "bootstrap")
    assert texts("asr:cpu", new) == ["compiler of the wheel build of pyworld: g++: 1.0-1 → 13"]


def test_a_changed_sdist_is_named() -> None:
    lines = (sdist("pyworld", "2.0"), wheel("whisper"))
    new = documents(with_image(STACK, "asr:cpu", python_lock=lines), "bootstrap")
    assert texts("asr:cpu", new) == ["sdist pyworld pyworld: 1.0 → 2.0"]


def test_a_changed_parent_is_followed_to_the_input_that_changed() -> None:
    new = documents(with_image(STACK, "base:cpu", python_lock=(wheel("numpy", "2.0"),)), "bootstrap")
    assert explain("asr:cpu", new, stored, BUILT) == (
        "parent ml:cpu changed:",
        "  base:cpu: python lock numpy: 1.0 → 2.0",
    )


def test_an_image_without_a_stored_document_is_unknown_and_not_guessed() -> None:
    new = documents(with_image(STACK, "ml:cpu", env=(("A", "b"),)), "bootstrap")
    (text,) = explain("ml:cpu", new, lambda _image, _tag: None, BUILT)
    assert text.startswith("unknown: no key document is stored for the last build of ml:cpu")


def test_what_was_never_built_and_what_is_up_to_date_say_so() -> None:
    (never,) = explain("ml:cpu", OLD, stored, {})
    (same,) = explain("ml:cpu", OLD, stored, BUILT)
    assert "never built here" in never
    assert "up to date" in same
