"""Python files and modules of an image, compiled and imported as its program would. Standard library only."""

import json
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bounded_process import run
from .filesystem import Finding, first_lines

SUFFIXES = (".py", ".pyw")
SHEBANG = re.compile(rb"#!.*\bpython(3(\.\d+)?)?(?=[ \t\r]|$)")
IMPORTER = """
import importlib, importlib.util, json, os, sys, traceback
spec = json.loads(sys.argv[1])
sys.path[:0] = [os.path.abspath(folder) for folder in spec["folders"]]
sys.argv[:] = [spec["module"]]
try:
    module = importlib.import_module(spec["module"])
    if spec["is_program"] and hasattr(module, "__path__"):
        loader = importlib.util.find_spec(spec["module"] + ".__main__")
        if loader is None:
            raise ImportError(spec["module"] + " is a package without __main__.py, so -m can't start it")
        compile(loader.loader.get_source(loader.name) or "", loader.origin, "exec", dont_inherit=True)
    for part in filter(None, spec["attribute"].split(".")):
        module = getattr(module, part)
except SystemExit as error:
    if spec["is_program"]:
        os._exit(0)
    print(f"SystemExit: {error}: the module ended its process while it was imported", flush=True)
    os._exit(1)
except BaseException:  # a module may raise what is no Exception
    traceback.print_exc(file=sys.stdout)
    sys.stdout.flush()
    os._exit(1)
sys.stdout.flush()
os._exit(0)
"""


def is_python(path: Path, head: bytes) -> bool:
    """Return whether a file is Python by its name, or by its first line (`head`)."""
    return path.suffix in SUFFIXES or bool(SHEBANG.match(head))


def syntax(files: Mapping[str, str]) -> Finding:
    """Every Python file of `[[files]]` compiles; nothing is written. `files`: its source by its path."""
    errors, compiled = [], 0
    for path, source in files.items():
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            errors.append(f"{path}: can't be read: {error.strerror} ({source})")
            continue
        if not is_python(Path(path), data.split(b"\n", 1)[0]):
            continue
        compiled += 1
        if error_text := compile_error(data, path):
            errors.append(f"{error_text} ({source})")
    if errors:
        return "failed", "\n".join(first_lines(errors))
    return ("passed", f"{compiled} files") if compiled else ("skipped", "no Python file in [[files]]")


def compile_error(data: bytes, path: str) -> str:
    """Return why `data` is no Python code as `path:line: reason`, empty if it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            return f"{path}:{error.lineno or 1}: {type(error).__name__}: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            return f"{path}: {type(error).__name__}: {error}"
    return ""


def entrypoint(target: Mapping[str, Any], limit_s: float) -> Finding:
    """The module that the entrypoint names is imported in the image's own folder and environment.

    A file is compiled only, since importing it would run it. `target` is an `EntrypointModule` as JSON.
    """
    cwd = str(Path(target["cwd"] or ".").absolute())
    if target["file"]:
        path = Path(cwd, target["file"])
        try:
            error = compile_error(path.read_bytes(), str(path))
        except IsADirectoryError:
            main = path / "__main__.py"
            error = "" if main.is_file() else f"{path} is a folder without __main__.py"
        except OSError as problem:
            error = f"{path}: {problem.strerror}"
        return ("failed", error) if error else ("passed", f"{path} compiles")
    argv = [sys.executable, "-B", "-P", "-c", IMPORTER, json.dumps(target)]
    ended = run(argv, limit_s, env=dict(target["env"]), cwd=cwd)
    if not ended.error:
        return "passed", ""
    lines = [line for line in ended.output.rstrip().splitlines() if line.strip()]
    first = f"{target['module']}: {lines[-1] if lines else ended.error}{_where(lines)}"
    reason = [] if ended.status == 1 and not ended.reason else [ended.error]
    return "failed", "\n".join([first, *reason, *lines])


def _where(lines: list[str]) -> str:
    """Return the last file and line of a traceback that is no part of Python's own importing."""
    found = re.findall(r'^ *File "(?!<|[^"]*/importlib/)([^"]+)", line (\d+)', "\n".join(lines), re.MULTILINE)
    return f" ({found[-1][0]}:{found[-1][1]})" if found else ""
