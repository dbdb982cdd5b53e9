"""Which Python module or file an entrypoint starts, read from its arguments. Pure.

Only what the arguments say plainly is returned. A program that gets its module from a configuration file, a
script or a variable has none here.

Source: the command-line documentation of the servers in `SERVERS` and `OPTIONS`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import basename, join

SERVERS = frozenset(
    {"uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve", "sanic", "bentoml"}
    | {"faststream", "taskiq"}
)
"""Programs with an argument `module:attribute`."""
OPTIONS = {
    "celery": (("-A", "--app"), "CELERY_APP"),
    "flask": (("-A", "--app"), "FLASK_APP"),
    "litestar": (("--app",), "LITESTAR_APP"),
    "uwsgi": (("-w", "--module", "--wsgi"), ""),
    "waitress-serve": (("--call",), ""),
}
"""Programs with an option that names the module, and the variable that does so too."""
FILES = {"streamlit": ("run",), "chainlit": ("run",), "fastapi": ("run", "dev")}
"""Programs that start the file behind one of these words."""
FOLDER_OPTIONS = frozenset({"--chdir", "--app-dir", "--pythonpath", "--workdir", "--working-dir"})
"""Options whose value is a folder that modules are imported from."""
INIT = {"tini", "dumb-init", "exec", "nice", "ionice", "stdbuf", "timeout", "setpriv", "gosu", "su-exec"} | {
    "opentelemetry-instrument",
    "ddtrace-run",
    "catatonit",
}
"""Programs that start the program in their arguments."""
OPERANDS = {"timeout": 1, "gosu": 1, "su-exec": 1}
"""How many arguments of such a program come before the program that it starts."""
WITH_VALUE = {
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "timeout": ("-k", "-s"),
    "tini": ("-p", "-e"),
    "stdbuf": ("-i", "-o", "-e"),
    "env": ("-u", "-C"),
}
"""Their options that are followed by a value."""
_PYTHON = re.compile(r"python(\d+(\.\d+)*)?")
_TARGET = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_][\w.]*)(?:\(.*\))?")
_FILE = re.compile(r"([^:]+\.py)(:|$)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrypointModule:
    """What an entrypoint starts: a `module` to import, or a `file` to compile.

    `attribute` must exist in the module, where it is not empty. `folders` are searched first, `env` is added
    to the image's environment, and the program starts in `cwd` (empty: the image's own). `is_program` says
    that the module is run, as by `python -m`, so it may end with SystemExit.
    """

    module: str = ""
    attribute: str = ""
    file: str = ""
    folders: tuple[str, ...] = ("",)
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    is_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


def entrypoint_module(argv: Sequence[str], env: Mapping[str, str]) -> EntrypointModule | None:
    """Return what `argv` starts in an image with the environment `env`; None if it does not say."""
    command = _unwrapped(_Command(argv=tuple(argv), env={}, cwd=""))
    if command is None or not command.argv:
        return None
    name, *words = command.argv
    found = _started(basename(name), words, {**env, **command.env})
    if found is None or any("$" in text for text in (found.module, found.file, *found.folders)):
        return None
    return replace(found, env=tuple(command.env.items()), cwd=command.cwd)


def _started(name: str, words: list[str], env: Mapping[str, str]) -> EntrypointModule | None:
    if _PYTHON.fullmatch(name):
        return _of_python(words, env)
    folders = _folders(words)
    if name in OPTIONS:
        options, variable = OPTIONS[name]
        text = _option(words, options) or env.get(variable, "")
        if text:
            found = _named(text)
            return replace(found, folders=folders) if found is not None else None
    if name in SERVERS:
        found = _positional(name, words)
        return replace(found, folders=folders) if found is not None else None
    if name in FILES:
        rest = [word for word in words if not word.startswith("-")]
        if len(rest) > 1 and rest[0] in FILES[name] and rest[1].endswith(".py"):
            return EntrypointModule(file=rest[1])
    return None


def _of_python(words: list[str], env: Mapping[str, str]) -> EntrypointModule | None:
    """Return what Python starts. Source: Python's documentation, Command line and environment."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "-c" or word == "-":
            return None
        if word == "-m" or re.fullmatch(r"-[bBdEhiIOPqsSuvx]+m", word):
            if not rest or not _MODULE.fullmatch(rest[0]):
                return None
            known = rest[0] in {*SERVERS, *OPTIONS, *FILES}
            found = _started(rest[0], rest[1:], env) if known else None
            return found or EntrypointModule(module=rest[0], is_program=True)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            rest = rest[1:]
        elif not word.startswith("-"):
            return EntrypointModule(file=word)
    return None


def _positional(name: str, words: list[str]) -> EntrypointModule | None:
    """Return the argument of a server that names a module: with an attribute, or else the last one."""
    for before, word in zip(["", *words], words, strict=False):
        text = re.sub(r"^(asgi|wsgi):(?=.*:)", "", word)
        is_value = before in ("--log-config", "--host", "-b", "--bind", "-k", "--worker-class", "-c")
        if not is_value and _TARGET.fullmatch(text):
            return _named(text)
    last = words[-1] if words else ""
    if name == "gunicorn" and (len(words) == 1 or not words[-2].startswith("-")) and _MODULE.fullmatch(last):
        return EntrypointModule(module=last, attribute="application")
    return None


def _named(text: str) -> EntrypointModule | None:
    """Return what `module`, `module:attribute`, `module:factory()` or `file.py:attribute` names."""
    found = _TARGET.fullmatch(text)
    if found is not None:
        return EntrypointModule(module=found[1], attribute=found[2])
    if file := _FILE.match(text):
        return EntrypointModule(file=file[1])
    return EntrypointModule(module=text) if _MODULE.fullmatch(text) else None


def _option(words: list[str], names: tuple[str, ...]) -> str:
    """Return the value of an option: `-A value`, `--app value`, `--app=value` or `-Avalue`."""
    for word, after in zip(words, (*words[1:], ""), strict=False):
        for name in names:
            if word == name:
                return after
            if name.startswith("--") and word.startswith(f"{name}="):
                return word.removeprefix(f"{name}=")
            if not name.startswith("--") and word.startswith(name) and not word.startswith("--"):
                return word.removeprefix(name)
    return ""


def _folders(words: list[str]) -> tuple[str, ...]:
    values = (_option(words, (name,)) for name in sorted(FOLDER_OPTIONS))
    return (*(folder for value in values for folder in value.split(",") if folder), "")


def _unwrapped(command: _Command) -> _Command | None:
    """Return the command without the programs that only start it; None if a shell does more than that."""
    argv, env = list(command.argv), dict(command.env)
    while argv:
        name = basename(argv[0])
        if name in ("sh", "bash", "dash"):
            return _of_shell(replace(command, argv=tuple(argv), env=env))
        if _ASSIGNMENT.fullmatch(argv[0]):
            key, _, value = argv.pop(0).partition("=")
            env[key] = value
        elif name == "env" or name in INIT:
            argv = _without_options(name, argv[1:])
        else:
            break
    return replace(command, argv=tuple(argv), env=env)


def _without_options(name: str, argv: list[str]) -> list[str]:
    """Return the arguments of a wrapper from its last operand on."""
    rest = list(argv)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if name == "env" and (word == "-S" or word.startswith("--split-string")):
            text = word.partition("=")[2] or (rest.pop(0) if rest else "")
            return [*shlex.split(text), *rest]
        if word in WITH_VALUE.get(name, ()):
            rest = rest[1:]
    return rest[OPERANDS.get(name, 0) :]


def _of_shell(command: _Command) -> _Command | None:
    """Return the last command of `sh -c 'cd X && A=b exec program'`; None where it is not so simple."""
    words = list(command.argv[1:])
    flags = [word for word in words if re.fullmatch(r"-[a-z]*c[a-z]*", word)]
    if not flags or words.index(flags[0]) + 1 >= len(words):
        return None
    text = words[words.index(flags[0]) + 1].replace("\\\n", " ").replace("\n", " ; ")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        return None
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token in ("&&", ";"):
            parts.append([])
        elif token and set(token) <= set("();<>|&"):
            return None
        else:
            parts[-1].append(token)
    parts = [part for part in parts if part]
    cwd, env = command.cwd, dict(command.env)
    for part in parts[:-1]:
        match part:
            case ["cd", folder]:
                cwd = join(cwd, folder)
            case ["export", *assignments] if all(_ASSIGNMENT.fullmatch(one) for one in assignments):
                env |= dict(one.partition("=")[::2] for one in assignments)
            case _:
                pass
    return _unwrapped(_Command(argv=tuple(parts[-1]), env=env, cwd=cwd)) if parts else None
