from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ci.smoke.program.elf import Elf, read_elf
from tests.unit.smoke.program.elf_file import AARCH64, X86_64, elf, write_elf


def test_every_field_of_the_dynamic_section_is_read(tmp_path: Path) -> None:
    path = write_elf(
        tmp_path / "libone.so.1",
        soname="libone.so.1",
        needed=["libc.so.6", "libtwo.so"],
        rpath="/a:$ORIGIN/b",
        runpath="$ORIGIN/../lib",
        needs_versions=[("libc.so.6", "GLIBC_2.34"), ("libtwo.so", "TWO_1")],
        defines=["libone.so.1", "ONE_1", "ONE_2"],
    )
    assert read_elf(path) == Elf(
        path,
        X86_64,
        soname="libone.so.1",
        needed=("libc.so.6", "libtwo.so"),
        rpath=("/a", "$ORIGIN/b"),
        runpath=("$ORIGIN/../lib",),
        versions=(("libc.so.6", "GLIBC_2.34"), ("libtwo.so", "TWO_1")),
        defines=frozenset({"libone.so.1", "ONE_1", "ONE_2"}),
    )


def test_the_machine_is_told(tmp_path: Path) -> None:
    path = write_elf(tmp_path / "lib.so", machine=AARCH64)
    assert read_elf(path) == Elf(path, AARCH64)


@pytest.mark.parametrize(
    "content", [b"", b"\x7fEL", b"#!/bin/sh\n", b"\x7fELF\x01\x01 32 bits", b"!<arch>\n"]
)
def test_another_file_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_elf(str(tmp_path / "file")) is None


def test_a_version_that_may_be_missing_is_not_needed(tmp_path: Path) -> None:
    path = write_elf(tmp_path / "lib.so", needs_versions=[("libc.so.6", "V")], weak=True)
    assert read_elf(path) == Elf(path, X86_64)


def test_a_table_without_its_count_is_damage(tmp_path: Path) -> None:
    count, other = struct.pack("<q", 0x6FFFFFFF), struct.pack("<q", 0x6FFFFFF0)
    (tmp_path / "lib.so").write_bytes(elf(needs_versions=[("libc.so.6", "V")]).replace(count, other))
    with pytest.raises(ValueError, match="a damaged ELF file"):
        read_elf(str(tmp_path / "lib.so"))


def test_a_file_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    whole = elf(soname="libone.so", needed=["libc.so.6"], needs_versions=[("libc.so.6", "V")], defines=["D"])
    file = tmp_path / "lib.so"
    for end in range(6, len(whole)):
        file.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="a damaged ELF file"):
            read_elf(str(file))
    file.write_bytes(whole)
    assert read_elf(str(file)) is not None
