"""The dynamic section of one ELF file. Standard library only.

Source: System V ABI, chapters 4 and 5 (64-bit, little-endian); Linux Standard Base, symbol versioning.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"\x7fELF\x02\x01"
"""Begins each 64-bit little-endian ELF file."""
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 14, 15, 29
DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
VERSION_IS_WEAK = 2

_HEADER = struct.Struct("<16sHHIQQQIHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_VERNEED, _VERNAUX = struct.Struct("<HHIII"), struct.Struct("<IHHII")
_VERDEF, _VERDAUX = struct.Struct("<HHHHIII"), struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Elf:
    """What the loader reads from a program or a shared library.

    `rpath` and `runpath` are as written, with `$ORIGIN`. `versions` are the (library, version) pairs that it
    needs to be loaded, `defines` the versions that it provides.
    """

    path: str
    machine: int
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    defines: frozenset[str] = frozenset()


def read_elf(path: str) -> Elf | None:
    """Return the ELF file at `path`, None if it is another kind of file.

    Raises:
        ValueError: it is a damaged ELF file.
        OSError: it can't be read.
    """
    with Path(path).open("rb") as file:
        if not file.read(len(MAGIC)).startswith(MAGIC):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
            try:
                return _read(path, image)
            except (struct.error, LookupError) as error:
                raise ValueError(f"{path}: a damaged ELF file ({error})") from error


def _read(path: str, image: mmap.mmap) -> Elf:
    head = _HEADER.unpack_from(image)
    machine, table, size, count = head[2], head[5], head[9], head[10]
    loads: list[tuple[int, int, int]] = []
    dynamic = (0, 0)
    for index in range(count):
        kind, _, offset, address, _, length, _, _ = _SEGMENT.unpack_from(image, table + index * size)
        if kind == PT_LOAD:
            loads.append((address, offset, length))
        elif kind == PT_DYNAMIC:
            dynamic = (offset, length)

    def at(address: int) -> int:
        for start, offset, length in loads:
            if start <= address < start + length:
                return address - start + offset
        raise IndexError(f"no segment holds address {address:#x}")

    tags: dict[int, list[int]] = {}
    offset, end = dynamic[0], sum(dynamic)
    while offset < end:
        tag, value = _DYNAMIC.unpack_from(image, offset)
        offset = end if tag == DT_NULL else offset + _DYNAMIC.size
        tags.setdefault(tag, []).append(value)
    if DT_STRTAB not in tags:
        return Elf(path, machine)
    strings = at(tags[DT_STRTAB][0])

    def text(offset: int) -> str:
        end = image.find(b"\0", strings + offset)
        if end < 0:
            raise IndexError("a string without an end")
        return image[strings + offset : end].decode(errors="surrogateescape")

    def texts(tag: int) -> tuple[str, ...]:
        return tuple(text(offset) for offset in tags.get(tag, ()))

    def folders(tag: int) -> tuple[str, ...]:
        return tuple(folder for value in texts(tag) for folder in value.split(":") if folder)

    versions: list[tuple[str, str]] = []
    if DT_VERNEED in tags:
        for start, (_, uses, name, first, _) in _chain(
            image, _VERNEED, at(tags[DT_VERNEED][0]), tags[DT_VERNEEDNUM][0]
        ):
            for _, (_, flags, _, version, _) in _chain(image, _VERNAUX, start + first, uses):
                if not flags & VERSION_IS_WEAK:
                    versions.append((text(name), text(version)))
    defines: set[str] = set()
    if DT_VERDEF in tags:
        for start, values in _chain(image, _VERDEF, at(tags[DT_VERDEF][0]), tags[DT_VERDEFNUM][0]):
            defines.add(text(_VERDAUX.unpack_from(image, start + values[5])[0]))
    return Elf(
        path,
        machine,
        soname="".join(texts(DT_SONAME)[:1]),
        needed=texts(DT_NEEDED),
        rpath=folders(DT_RPATH),
        runpath=folders(DT_RUNPATH),
        versions=tuple(versions),
        defines=frozenset(defines),
    )


def _chain(
    image: mmap.mmap, record: struct.Struct, offset: int, count: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the `count` records of a chain from `offset` on; the last field is the step to the next."""
    for _ in range(count):
        values = record.unpack_from(image, offset)
        yield offset, values
        if not values[-1]:
            return
        offset += values[-1]
