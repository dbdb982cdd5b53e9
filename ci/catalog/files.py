"""Files of an image's folder that go into the image: folders expanded, every file hashed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from ci.catalog.document import FileTable
from ci.catalog.names import mode_error, target_error
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.stack import ContextFile
from ci.catalog.validation_errors import Invalid
from ci.steps.layout import APP

SMOKE = "smoke"
"""The folder of an image that has what its checks run."""


def context_files(folder: Folder, tables: Sequence[FileTable]) -> tuple[ContextFile, ...]:
    """Return every file that `tables` ask for, sorted by target; what is invalid becomes an error.

    A folder means all files below it, without `__pycache__`, `*.pyc` and hidden ones. Modes come from
    the table alone, and bytes are hashed as they are.
    """
    given: dict[str, tuple[str, ContextFile]] = {}
    for index, table in enumerate(tables):
        key = f"files[{index}]"
        for file in _expand(folder, key, table):
            if file.target in given:
                first, other = given[file.target]
                what = f"duplicate: {first} ({other.path}) already has the target {file.target}"
                folder.errors.add(folder.file(IMAGE), f"{key}.target", what, "remove one of them")
            else:
                given[file.target] = (key, file)
    for key, file in given.values():
        _check_neighbours(folder, key, file, given)
    return tuple(given[target][1] for target in sorted(given))


def smoke_inputs(folder: Folder) -> tuple[ContextFile, ...]:
    """Return the files of the image's folder smoke/, which its checks see and no image has.

    `target` is relative to that folder; what can't be read becomes an error.
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
            what = f"{file.target} is below {parent}, which is a file itself"
            folder.errors.add(folder.file(IMAGE), f"{key}.target", what, "choose another folder")
    if file.link:
        end = normpath(join(dirname(file.target), file.link))
        if end not in given and not any(target.startswith(f"{end}/") for target in given):
            what = f"a symbolic link to {end} in the image, which no [[files]] has"
            folder.errors.add(folder.file(file.path), "", what, "add that file to [[files]]")


def _expand(folder: Folder, key: str, table: FileTable) -> list[ContextFile]:
    """Return the files of one table; none of them where its target or mode is invalid."""
    source = folder.path / table.source
    folded = source.is_dir() and not source.is_symlink()
    target = target_error(table.target)
    if not folded and table.target == APP:
        target = f"{table.target!r} is the folder of all files", "end it with / or name the file"
    invalid = {
        "source": _source_error(table.source) or _presence_error(folder, source),
        "target": target,
        "mode": mode_error(table.mode),
    }
    for name, error in invalid.items():
        if error is not None:
            folder.errors.add(folder.file(IMAGE), f"{key}.{name}", *error)
    if invalid["source"] is not None:
        return []
    below = table.target.removesuffix("/")
    if folded:
        named = [(path, f"{below}/{path.relative_to(source).as_posix()}") for path in _walk(source)]
        if not named:
            what = f"the folder {table.source!r} has no file"
            folder.errors.add(folder.file(IMAGE), f"{key}.source", what, "add one")
    else:
        named = [(source, f"{below}/{source.name}" if table.target.endswith("/") else table.target)]
    files = [_file(folder, path, target, table.mode) for path, target in named]
    return [] if any(invalid.values()) else [file for file in files if file is not None]


def _presence_error(folder: Folder, source: Path) -> Invalid | None:
    error = folder.invalid(source)
    if error is None and not source.exists() and not source.is_symlink():
        error = "no such file", "add it"
    return (f"{source.relative_to(folder.path).as_posix()}: {error[0]}", error[1]) if error else None


def _source_error(source: str) -> Invalid | None:
    path = PurePosixPath(source)
    if not path.parts:
        return f"{source!r} is the whole folder of the image", "name a file or a folder below it"
    if path.is_absolute() or "\\" in source or ":" in path.parts[0]:
        return f"{source!r} is not relative to the image's folder", "write the path below it, with /"
    if ".." in path.parts:
        return f"{source!r} leaves the image's folder", "copy the file into it"
    if not source.isprintable():
        return f"{source!r} contains a control character", "rename the file"
    return None


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
    error = folder.invalid(path)
    if error is None and not name.isprintable():
        error = "a name that not every system can read", "rename it"
    if error is None and path.is_symlink():
        link = path.readlink()
        if link.is_absolute():
            error = f"a symbolic link to the absolute path {link}", "make it relative"
        elif not path.exists():
            error = f"a symbolic link to {link}, which does not exist", "correct it or remove it"
        else:
            return ContextFile(path=name, target=target, mode=mode, link=link.as_posix())
    elif error is None and not path.is_file():
        error = "neither a file, a folder nor a symbolic link", "remove it"
    if error is not None:
        folder.errors.add(folder.file(name), "", *error)
        return None
    digest = folder.sha256(name)
    return ContextFile(path=name, target=target, mode=mode, sha256=digest) if digest else None
