from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.smoke.program.closure import Loader, Missing, closure, objects_under, read_cache
from tests.unit.smoke.program.elf_file import AARCH64, write_elf

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return lambda name, **parts: write_elf(tmp_path / name, **parts)


def missing(*paths: str, search: tuple[str, ...] = (), **more: list[str]) -> list[Missing]:
    return closure(paths, Loader(search, {}), **more).missing


def test_a_library_that_is_nowhere_is_named_with_what_needs_it(write: Write) -> None:
    one = write("one.so", needed=["libnowhere.so.1"])
    assert missing(one) == [Missing("libnowhere.so.1", one)]
    assert missing(one, allowed=["libnowhere.so.1"]) == []
    assert missing(one, loaded=[one]) == []


@pytest.mark.parametrize("way", ["rpath", "runpath"])
@pytest.mark.parametrize("origin", ["$ORIGIN/../one.libs", "${ORIGIN}/../one.libs"])
def test_origin_is_the_folder_of_the_object(write: Write, way: str, origin: str) -> None:
    write("one.libs/libtwo.so")
    assert missing(write("one/one.so", needed=["libtwo.so"], **{way: origin})) == []


def test_an_rpath_holds_for_what_the_object_loads_and_a_runpath_does_not(
    write: Write, tmp_path: Path
) -> None:
    two = write("libs/libtwo.so", needed=["libthree.so"])
    write("libs/libthree.so")
    assert missing(write("one.so", needed=["libtwo.so"], rpath="$ORIGIN/libs")) == []
    one = write("one.so", needed=["libtwo.so"], runpath="$ORIGIN/libs")
    assert missing(one) == [Missing("libthree.so", two)]


def test_a_runpath_makes_the_objects_rpath_void(write: Write) -> None:
    write("libs/libtwo.so")
    one = write("one.so", needed=["libtwo.so"], rpath="$ORIGIN/libs", runpath="$ORIGIN/empty")
    assert missing(one) == [Missing("libtwo.so", one)]


def test_an_rpath_holds_down_to_the_last_library_that_has_no_runpath(write: Write) -> None:
    write("libs/libtwo.so", needed=["libthree.so"])
    three = write("libs/libthree.so", needed=["libfour.so"])
    write("libs/libfour.so")
    one = write("one.so", needed=["libtwo.so"], rpath="$ORIGIN/libs")
    assert missing(one) == []
    write("libs/libthree.so", needed=["libfour.so"], runpath="$ORIGIN/empty")
    assert missing(one) == [Missing("libfour.so", three)]


def test_an_rpath_beside_a_runpath_holds_for_nothing(write: Write) -> None:
    two = write("libs/libtwo.so", needed=["libthree.so"])
    write("libs/libthree.so")
    one = write("one.so", needed=["libtwo.so"], rpath="$ORIGIN/libs", runpath="$ORIGIN/libs")
    assert missing(one) == [Missing("libthree.so", two)]


def test_a_name_that_is_loaded_already_is_not_looked_for(write: Write) -> None:
    """Breadth first: what the root needs is there before what its libraries need."""
    write("libs/libtwo.so", needed=["libthree.so"])
    write("libs/libthree.so")
    assert missing(write("one.so", needed=["libtwo.so", "libthree.so"], runpath="$ORIGIN/libs")) == []


def test_a_library_is_also_known_by_its_own_name(write: Write) -> None:
    write("libs/libtwo.so", soname="libtwo.so.1")
    write("libs/libthree.so", needed=["libtwo.so.1"])
    assert missing(write("one.so", needed=["libtwo.so", "libthree.so"], runpath="$ORIGIN/libs")) == []


def test_a_library_that_some_program_finds_is_found(write: Write) -> None:
    """Alone it would not be, but nothing loads it alone."""
    two = write("libs/libtwo.so", needed=["libthree.so"])
    write("libs/libthree.so")
    one = write("one.so", needed=["libtwo.so"], rpath="$ORIGIN/libs")
    assert missing(two) == [Missing("libthree.so", two)]
    assert missing(two, one) == []


def test_a_library_of_another_machine_is_not_the_one(write: Write) -> None:
    one = write("one.so", needed=["libtwo.so"], runpath="$ORIGIN/libs")
    write("libs/libtwo.so", machine=AARCH64)
    assert missing(one) == [Missing("libtwo.so", one)]


def test_the_search_path_and_the_cache_are_looked_at(write: Write, tmp_path: Path) -> None:
    one = write("one.so", needed=["libtwo.so"])
    two = write("libs/libtwo.so")
    assert missing(one, search=(str(tmp_path / "libs"),)) == []
    assert closure([one], Loader((), {"libtwo.so": [two]})).missing == []
    assert missing(one) == [Missing("libtwo.so", one)]


def test_a_version_that_the_library_does_not_have_is_missing(write: Write) -> None:
    write("libs/libtwo.so", defines=["TWO_1"])
    needs = {"needed": ["libtwo.so"], "runpath": "$ORIGIN/libs"}
    assert missing(write("one.so", needs_versions=[("libtwo.so", "TWO_1")], **needs)) == []
    one = write("one.so", needs_versions=[("libtwo.so", "TWO_2")], **needs)
    assert missing(one) == [Missing("libtwo.so", one, "TWO_2")]
    write("libs/libtwo.so")
    assert missing(one) == []  # a library without versions takes any: ld.so warns and goes on


def test_two_libraries_that_need_each_other_come_to_an_end(write: Write) -> None:
    two = write("libs/libtwo.so", needed=["libthree.so"], runpath="$ORIGIN")
    write("libs/libthree.so", needed=["libtwo.so"], runpath="$ORIGIN")
    assert missing(two) == []


def test_a_damaged_object_is_told_and_the_others_are_looked_at(write: Write, tmp_path: Path) -> None:
    bad = tmp_path / "a-bad.so"
    bad.write_bytes(b"\x7fELF\x02\x01\x01")
    one = write("one.so", needed=["libnowhere.so"])
    found = closure([str(bad), one], Loader((), {}))
    assert (found.objects, len(found.missing)) == (1, 1)
    assert found.damaged[0].startswith(f"{bad}: a damaged ELF file")


def test_objects_are_what_is_named_like_one_or_can_be_run(write: Write, tmp_path: Path) -> None:
    for name, mode in (("lib.so.6", 0o644), ("program", 0o755), ("data", 0o644), ("script.py", 0o755)):
        (tmp_path / name).touch(mode=mode)
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x.cpython-311-x86_64-linux-gnu.so").touch()
    (tmp_path / "link.so").symlink_to("lib.so.6")
    (tmp_path / "loop").symlink_to(".")
    found = {str(Path(path).relative_to(tmp_path)) for path in objects_under([str(tmp_path)])}
    assert found == {"lib.so.6", "program", "folder/x.cpython-311-x86_64-linux-gnu.so"}
    assert list(objects_under([str(tmp_path / "nowhere")])) == []


def test_the_loaders_cache_is_read_and_another_format_is_empty() -> None:
    strings = b"libone.so.1\0/lib/libone.so.1\0/opt/libone.so.1\0"
    start = 48 + 2 * 24
    head = struct.pack("<20sIIB3xI12x", b"glibc-ld.so.cache1.1", 2, len(strings), 2, 0)
    entries = struct.pack("<iIIIQ", 0x303, start, start + 12, 0, 0)
    entries += struct.pack("<iIIIQ", 0x303, start, start + 29, 0, 0)
    assert read_cache(head + entries + strings) == {"libone.so.1": ["/lib/libone.so.1", "/opt/libone.so.1"]}
    assert read_cache(b"ld.so-1.7.0\0") == {}
