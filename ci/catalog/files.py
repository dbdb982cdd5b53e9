"""Files of an image's folder that go into the image: folders expanded, every file hashed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from ci.catalog.document import FileTable
from ci.catalog.names import mode_error, target_error
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.stack import ContextFile
from ci.steps.layout import APP

SMOKE = "smoke"
"""The folder of an image that has what its checks run."""


def context_files(folder: Folder, tables: Sequence[FileTable]) -> tuple[ContextFile, ...]:
    """Return every file that `tables` ask for, sorted by target; what is wrong becomes mistakes.

    A folder stands for all files below it, without `__pycache__`, `*.pyc` and hidden ones. Modes come from
    the table alone, and bytes are hashed as they are.
    """
    given: dict[str, tuple[str, ContextFile]] = {}
    for index, table in enumerate(tables):
        key = f"files[{index}]"
        for file in _expand(folder, key, table):
            if file.target in given:
                first, other = given[file.target]
                folder.mistakes.add(
                    folder.file(IMAGE),
                    f"{key}.target",
                    f"duplicate: {file.target} is already given by {first} ({other.path}); keep one of them",
                )
            else:
                given[file.target] = (key, file)
    for key, file in given.values():
        _check_neighbours(folder, key, file, given)
    return tuple(given[target][1] for target in sorted(given))


def smoke_inputs(folder: Folder) -> tuple[ContextFile, ...]:
    """Return the files of the image's folder smoke/, which its checks see and no image has.

    `target` is relative to that folder; what can't be read becomes a mistake.
    """
    source = folder.path / SMOKE
    if not source.is_dir():
        return ()
    files = [_file(folder, path, path.relative_to(source).as_posix(), "0644") for path in _walk(source)]
    return tuple(file for file in files if file is not None)


def _check_neighbours(
    folder: Folder, key: str, file: ContextFile, given: dict[str, tuple[str, ContextFile]]
) -> None:
    for parent in PurePosixPath(file.target).parents:
        if str(parent) in given:
            folder.mistakes.add(
                folder.file(IMAGE),
                f"{key}.target",
                f"{file.target} lies in {parent}, which is a file itself; choose another folder",
            )
    if file.link:
        end = normpath(join(dirname(file.target), file.link))
        if end not in given and not any(target.startswith(f"{end}/") for target in given):
            folder.mistakes.add(
                folder.file(file.path),
                "",
                f"a symbolic link to {end} in the image, which no [[files]] gives; give that file too",
            )


def _expand(folder: Folder, key: str, table: FileTable) -> list[ContextFile]:
    """Return the files of one table; none of them where its target or mode is no good."""
    source = folder.path / table.source
    folded = source.is_dir() and not source.is_symlink()
    target_wrong = target_error(table.target)
    if not folded and table.target == APP:
        target_wrong = f"{table.target!r} is the folder that files go to; end it with / or name the file"
    faults = {
        "source": _source_fault(table.source) or _presence_fault(folder, source),
        "target": target_wrong,
        "mode": mode_error(table.mode),
    }
    for name, fault in faults.items():
        if fault:
            folder.mistakes.add(folder.file(IMAGE), f"{key}.{name}", fault)
    if faults["source"]:
        return []
    below = table.target.removesuffix("/")
    if folded:
        named = [(path, f"{below}/{path.relative_to(source).as_posix()}") for path in _walk(source)]
        if not named:
            folder.mistakes.add(
                folder.file(IMAGE), f"{key}.source", f"{table.source!r} holds no file; add one"
            )
    else:
        named = [(source, f"{below}/{source.name}" if table.target.endswith("/") else table.target)]
    files = [_file(folder, path, target, table.mode) for path, target in named]
    return [] if any(faults.values()) else [file for file in files if file is not None]


def _presence_fault(folder: Folder, source: Path) -> str:
    fault = folder.fault(source)
    if not fault and not source.exists() and not source.is_symlink():
        fault = "no such file; add it"
    return f"{source.relative_to(folder.path).as_posix()}: {fault}" if fault else ""


def _source_fault(source: str) -> str:
    path = PurePosixPath(source)
    if not path.parts:
        return f"{source!r} is the image's whole folder; name a file or a folder below it"
    if path.is_absolute() or "\\" in source or ":" in path.parts[0]:
        return f"{source!r} is not relative to the image's folder; write the path below it, with /"
    if ".." in path.parts:
        return f"{source!r} leaves the image's folder; copy the file into it"
    if not source.isprintable():
        return f"{source!r} holds a control character; rename the file"
    return ""


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith(".") or path.name == "__pycache__" or path.name.endswith(".pyc"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _file(folder: Folder, path: Path, target: str, mode: str) -> ContextFile | None:
    name = path.relative_to(folder.path).as_posix()
    fault = folder.fault(path)
    if not fault and not name.isprintable():
        fault = "a name that not every system can read; rename it"
    if not fault and path.is_symlink():
        link = path.readlink()
        if link.is_absolute():
            fault = f"a symbolic link to the absolute path {link}; make it relative"
        elif not path.exists():
            fault = f"a symbolic link to {link}, which does not exist; correct it or remove it"
        else:
            return ContextFile(path=name, target=target, mode=mode, link=link.as_posix())
    elif not fault and not path.is_file():
        fault = "neither a file, a folder nor a symbolic link; remove it"
    if fault:
        folder.mistakes.add(folder.file(name), "", fault)
        return None
    data = folder.bytes(name)
    return (
        None
        if data is None
        else ContextFile(path=name, target=target, mode=mode, sha256=sha256(data).hexdigest())
    )
