from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.peers.change import PINS, Change, apply, input_of, read_pins, repinned
from ci.catalog.load import load_stack
from ci.catalog.lockfile import inputs_digest, parse_python_lock, python_lock_text
from tests.stacks import wheel

STACK = Path(__file__).parents[3] / "docker"


def test_a_lock_gets_the_new_pin_and_the_digest_of_its_changed_request() -> None:
    asked = "# why\none==1.0  # a trap\ntwo>=2\n"
    lock = python_lock_text([wheel("one"), wheel("two", "2.0")], inputs_digest(asked.encode()), "Title.")
    text, new = repinned(lock, asked, [wheel("one", "1.1"), wheel("two", "2.5"), wheel("other", "9")])
    assert new == "# why\none==1.1  # a trap\ntwo>=2\n"
    read = parse_python_lock(text)
    assert read.lines == (wheel("one", "1.1"), wheel("two", "2.5"))
    assert (read.inputs, read.errors) == (inputs_digest(new.encode()), ())
    assert text.startswith("# Title.\n")


def test_a_lock_that_holds_none_of_the_pins_stays_as_it_is() -> None:
    asked = "one==1.0\n"
    lock = python_lock_text([wheel("one")], inputs_digest(asked.encode()), "Title.")
    assert repinned(lock, asked, [wheel("two")]) == (lock, asked)


def test_the_lock_of_a_variant_answers_its_own_request_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "requirements.cuda.in").touch()
    assert input_of(tmp_path / "requirements.cuda.lock") == tmp_path / "requirements.cuda.in"
    assert input_of(tmp_path / "requirements.cpu.lock") == tmp_path / "requirements.in"


def test_a_change_that_changes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no lock pins absent"):
        apply(tmp_path, Change(pins=(wheel("absent"),)))


@pytest.mark.parametrize("name", ["leaf", "base", "torch"])
def test_the_pins_move_locks_of_the_reference_stack_which_stays_whole(name: str, tmp_path: Path) -> None:
    stack = tmp_path / "docker"
    shutil.copytree(STACK, stack, symlinks=True)
    pins = read_pins(name)
    for number in range(1 if name == "torch" else len(pins)):
        change = Change(pins=pins if name == "torch" else (pins[number],))
        assert apply(stack, change)
        held = {line.name: line for image in load_stack(stack).images for line in image.python_lock}
        assert [held[pin.name] for pin in change.pins] == list(change.pins)


def test_every_file_of_pins_can_be_read() -> None:
    assert sorted(path.stem for path in PINS.glob("*.lock")) == ["base", "leaf", "torch"]
    assert all(pin.file.endswith(".whl") for path in PINS.glob("*.lock") for pin in read_pins(path.stem))
