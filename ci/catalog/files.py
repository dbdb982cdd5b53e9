"""Files of an image's folder that go into the image: folders expanded, every file hashed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from ci.bounded.regular_file import hashed, opened
from ci.catalog.document import FileTable
from ci.catalog.left_out import is_left_out
from ci.catalog.names import mode_error, path_error, target_error
from ci.catalog.reading import IMAGE, Folder, unreadable
from ci.catalog.stack import ContextFile
from ci.catalog.validation_errors import Invalid
from ci.steps.layout import APP

SMOKE = "smoke"
"""The folder of an image that has what its checks run."""
FOLDER_MODE = "0755"
_SHELL = re.compile(rb"#!\s*\S*(?:/|\benv\s+)(?:ba|da|a|k|z)?sh\b")


@dataclass(frozen=True, slots=True)
class ContextFiles:
    """The files that go into an image, sorted by target, and the paths that its folders leave out.

    `whole`: none of them is missing because of an error.
    """

    files: tuple[ContextFile, ...]
    left_out: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a folder has: a file or link, an empty folder, or something that it leaves out."""

    path: Path
    kind: str


def context_files(folder: Folder, tables: Sequence[FileTable]) -> ContextFiles:
    """Return every file that `tables` ask for; what is invalid becomes an error.

    A folder means all that is below it, empty folders too, without what ci/catalog/left_out.py names. Modes
    come from the table alone, and bytes are hashed as they are.
    """
    given: dict[str, tuple[str, ContextFile]] = {}
    left_out: list[str] = []
    before = len(folder.errors)
    for index, table in enumerate(tables):
        key = f"files[{index}]"
        for file in _expand(folder, key, table, left_out):
            if file.target not in given or given[file.target][1].is_folder:
                given[file.target] = (key, file)
            elif not file.is_folder:
                first, other = given[file.target]
                what = f"duplicate: {first} ({other.path}) already has the target {file.target}"
                folder.errors.add(folder.file(IMAGE), f"{key}.target", what, "remove one of them")
    for key, file in given.values():
        _check_neighbours(folder, key, file, given)
    return ContextFiles(
        files=tuple(given[target][1] for target in sorted(given)),
        left_out=tuple(dict.fromkeys(left_out)),
        whole=len(folder.errors) == before,
    )


def smoke_inputs(folder: Folder) -> tuple[ContextFile, ...]:
    """Return the files of the image's folder smoke/, which its checks see and no image has.

    `target` is relative to that folder; what can't be read becomes an error.
    """
    source = folder.path / SMOKE
    if not source.is_dir():
        return ()
    found = [entry.path for entry in _walk(folder, source) if entry.kind == "file"]
    files = [_smoke_input(folder, path, path.relative_to(source).as_posix()) for path in found]
    return tuple(file for file in files if file is not None)


def _smoke_input(folder: Folder, path: Path, target: str) -> ContextFile | None:
    """Return a file of smoke/; a link counts as the file that it leads to."""
    file = _file(folder, path, target, "0644")
    if file is None or not file.link:
        return file
    end = folder.path / path.resolve().relative_to(folder.path.resolve())
    real = _file(folder, end, target, "0644") if path.is_file() else None
    if real is None:
        what = "a symbolic link to something that is not a file of this folder"
        folder.errors.add(folder.file(file.path), "", what, "link to a file, or copy it")
        return None
    return replace(real, path=file.path)


def _check_neighbours(
    folder: Folder, key: str, file: ContextFile, given: Mapping[str, tuple[str, ContextFile]]
) -> None:
    for parent in PurePosixPath(file.target).parents:
        if str(parent) in given and not given[str(parent)][1].is_folder:
            what = f"{file.target} is below {parent}, which is a file itself"
            folder.errors.add(folder.file(IMAGE), f"{key}.target", what, "choose another folder")
    if file.link:
        end = normpath(join(dirname(file.target), file.link))
        if end not in given and not any(target.startswith(f"{end}/") for target in given):
            what = f"a symbolic link to {end} in the image, which no [[files]] has"
            folder.errors.add(folder.file(file.path), "", what, "add that file to [[files]]")


def _expand(folder: Folder, key: str, table: FileTable, left_out: list[str]) -> list[ContextFile]:
    """Return the files of one table; none of them where its target or mode is invalid."""
    invalid = {"source": _source_error(table.source), "mode": mode_error(table.mode)}
    source = folder.path / table.source
    if invalid["source"] is None:
        invalid["source"] = _presence_error(folder, source)
    folded = invalid["source"] is None and source.is_dir() and not source.is_symlink()
    invalid["target"] = target_error(table.target)
    if not folded and table.target == APP:
        invalid["target"] = f"{table.target!r} is the folder of all files", "end it with / or name the file"
    for name, error in invalid.items():
        if error is not None:
            folder.errors.add(folder.file(IMAGE), f"{key}.{name}", *error)
    if invalid["source"] is not None:
        return []
    below = table.target.removesuffix("/")
    if not folded:
        target = f"{below}/{source.name}" if table.target.endswith("/") else table.target
        found = [_file(folder, source, target, table.mode)]
    else:
        entries = list(_walk(folder, source))
        left_out += [_name(folder, entry.path) for entry in entries if entry.kind == "left out"]
        if not any(entry.kind == "file" for entry in entries):
            what = f"the folder {table.source!r} has no file"
            folder.errors.add(folder.file(IMAGE), f"{key}.source", what, "add one")
        found = [
            _context_file(folder, entry, f"{below}/{entry.path.relative_to(source).as_posix()}", table.mode)
            for entry in entries
            if entry.kind != "left out"
        ]
    return [] if any(invalid.values()) else [file for file in found if file is not None]


def _presence_error(folder: Folder, source: Path) -> Invalid | None:
    error = folder.invalid(source)
    if error is None and not source.exists() and not source.is_symlink():
        error = "no such file", "add it"
    return (f"{_name(folder, source)}: {error[0]}", error[1]) if error else None


def _source_error(source: str) -> Invalid | None:
    path = PurePosixPath(source)
    if not path.parts:
        return f"{source!r} is the whole folder of the image", "name a file or a folder below it"
    if path.is_absolute():
        return f"{source!r} is not relative to the image's folder", "write the path below it, with /"
    if ".." in path.parts:
        return f"{source!r} leaves the image's folder", "copy the file into it"
    return path_error(source)


def _walk(folder: Folder, source: Path) -> Iterator[_Entry]:
    """Yield what is below `source`, in each folder by name; a folder that can't be read is an error."""
    try:
        paths = sorted(source.iterdir(), key=lambda path: path.name)
    except OSError as error:
        folder.errors.add(folder.file(_name(folder, source)), "", *unreadable(error))
        return
    if not paths:
        yield _Entry(source, "empty folder")
    for path in paths:
        if is_left_out(path.name):
            yield _Entry(path, "left out")
        elif path.is_dir() and not path.is_symlink():
            yield from _walk(folder, path)
        else:
            yield _Entry(path, "file")


def _name(folder: Folder, path: Path) -> str:
    return path.relative_to(folder.path).as_posix()


def _context_file(folder: Folder, entry: _Entry, target: str, mode: str) -> ContextFile | None:
    if entry.kind == "file":
        return _file(folder, entry.path, target, mode)
    name = _name(folder, entry.path)
    error = path_error(name)
    if error is not None:
        folder.errors.add(folder.file(name), "", *error)
        return None
    return ContextFile(path=name, target=target, mode=FOLDER_MODE)


def _file(folder: Folder, path: Path, target: str, mode: str) -> ContextFile | None:
    name = _name(folder, path)
    error = folder.invalid(path) or path_error(name)
    if error is None and path.is_symlink():
        link = path.readlink()
        if link.is_absolute():
            error = f"a symbolic link to the absolute path {link}", "make it relative"
        elif not path.exists():
            error = f"a symbolic link to {link}, which does not exist", "correct it or remove it"
        else:
            error = path_error(link.as_posix())
        if error is None:
            return ContextFile(path=name, target=target, mode=mode, link=link.as_posix())
    elif error is None and not path.is_file():
        error = "neither a file, a folder nor a symbolic link", "remove it"
    if error is None:
        try:
            with opened(folder.path, name) as file:
                sha256, head = hashed(file)
        except OSError as problem:
            error = unreadable(problem)
        else:
            error = _script_error(folder.file(name), head, mode)
            if error is None:
                return ContextFile(path=name, target=target, mode=mode, sha256=sha256)
    folder.errors.add(folder.file(name), "", *error)
    return None


def _script_error(name: str, head: bytes, mode: str) -> Invalid | None:
    """Return why a script could not be started: Linux takes neither CR nor a byte order mark there.

    A file that is not executable is refused only if it is for a shell, which takes no CR either.

    Source: execve(2), Interpreter scripts: the text from `#!` to the end of the line is used as it is.
    """
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if not line.startswith(b"#!") or not (int(mode, 8) & 0o111 or _SHELL.match(line)):
        return None
    if not head.startswith(b"#!"):
        what = "a script that starts with a byte order mark, so `#!` is not found"
        return what, f"save it as UTF-8 without one: `sed -i '1s/^\\xEF\\xBB\\xBF//' {name}`"
    if line.endswith(b"\r"):
        what = "a script whose lines end with CR LF, so its interpreter is not found"
        return what, f"save it with LF alone: `sed -i 's/\\r$//' {name}`"
    return None
