"""Look at an image from inside: `probe.py REQUEST`. Standard library only, Python 3.11.

Runs as the image's user with the image's own Python, offline. Each check is announced and then told, one JSON
line each, so that a hang says where it is. The request is made by ci/smoke/request.py.
"""

import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "dockwright-check "
SHOWN = 64 * 1024
VENV = Path("/opt/venv")
UV = Path(__file__).parent / "uv"
SECRETS = {"id_rsa", "id_ed25519", ".netrc", ".pypirc", ".env", ".git-credentials", "credentials.json"}
CACHES = ("/root/.cache", "/home/*/.cache", "/var/lib/apt/lists/*_*", "/var/cache/apt/archives/*.deb")
IMPORTS = """
import importlib, json, sys, time
for name, module in json.loads(sys.argv[1]):
    print(json.dumps(["start", name]), flush=True)
    begin = time.monotonic()
    importlib.import_module(module)
    print(json.dumps(["done", name, round(time.monotonic() - begin, 3)]), flush=True)
"""

Finding = tuple[str, str]
"""(status, detail)."""


def say(**value: object) -> None:
    """Print one line for the reader outside."""
    print(MARK + json.dumps(value), flush=True)


def check(name: str, look: Callable[[], Finding]) -> None:
    """Announce a check, do it, tell how it ended."""
    say(event="started", name=name)
    begin = time.monotonic()
    try:
        status, detail = look()
    except Exception as error:
        status, detail = "failed", f"{type(error).__name__}: {error}"
    say(event="check", name=name, status=status, detail=detail, seconds=round(time.monotonic() - begin, 3))


def run(argv: list[str], limit_s: float) -> tuple[int, str]:
    """Run `argv` in a process group of its own; what it wrote is cut, the group is ended at the limit."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        late = ""
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            late = f"\nstill running after {limit_s:g} s"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - SHOWN))
        cut = f"(the last {SHOWN} of {size} bytes)\n" if size > SHOWN else ""
        return (status or -1 if late else status), cut + output.read().decode(errors="replace") + late


def user(request: dict[str, Any]) -> Finding:
    """The user is the stack's, not root."""
    found, wanted = (os.getuid(), os.getgid()), (request["uid"], request["gid"])
    return ("passed" if found == wanted else "failed"), f"uid {found[0]}, gid {found[1]}"


def programs(request: dict[str, Any]) -> Finding:
    """No compiler and no installer is on the search path or in the usual places."""
    folders = os.pathsep.join(["/opt/venv/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    there = [found for name in request["forbidden_programs"] if (found := shutil.which(name, path=folders))]
    return ("failed", f"there: {', '.join(there)}") if there else ("passed", "")


def development(_: dict[str, Any]) -> Finding:
    """No Debian -dev package is installed."""
    text = Path("/var/lib/dpkg/status").read_text(errors="replace")
    names = re.findall(r"^Package: (\S+-dev)$", text, re.MULTILINE)
    return ("failed", f"installed: {', '.join(names)}") if names else ("passed", "")


def caches(_: dict[str, Any]) -> Finding:
    """Nothing of apt's, pip's or uv's caches is left."""
    left = [str(path) for pattern in CACHES for path in Path("/").glob(pattern[1:]) if not empty(path)]
    left += [str(path) for path in (VENV / ".lock", VENV / "uv_cache.json") if path.exists()]
    return ("failed", f"left: {', '.join(left[:10])}") if left else ("passed", "")


def empty(path: Path) -> bool:
    """Whether `path` is a folder without entries, or can't be read by this user (who then can't use it)."""
    try:
        return path.is_dir() and not any(path.iterdir())
    except PermissionError:
        return True


def secrets(_: dict[str, Any]) -> Finding:
    """No file looks like a credential."""
    found = []
    for root in ("/home", "/opt/app", "/root", "/etc/dockwright"):
        for folder, _folders, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                if name in SECRETS or (
                    path.suffix in {".pem", ".key"} and b"PRIVATE KEY" in path.read_bytes()
                ):
                    found.append(str(path))
    return ("failed", f"there: {', '.join(found)}") if found else ("passed", "")


def libraries(request: dict[str, Any]) -> Finding:
    """Every shared object of the environment finds its libraries; ldd does the looking."""
    objects = sorted(str(path) for path in VENV.rglob("*.so*") if path.is_file() and not path.is_symlink())
    allowed = set(request["unresolved_allowed"])
    wrong: dict[str, list[str]] = {}
    for start in range(0, len(objects), 50):
        _status, text = run_ldd(objects[start : start + 50])
        current = ""
        for line in text.splitlines():
            if line and not line[0].isspace():
                current = line.rstrip(":")
            elif "not found" in line:
                name = line.split()[0]
                if name not in allowed and not bundled(name, current):
                    wrong.setdefault(name, []).append(current)
    if wrong:
        lines = [f"{name} is needed by {', '.join(files[:3])}" for name, files in sorted(wrong.items())]
        return "failed", "\n".join(["unresolved:", *lines])
    return "passed", f"{len(objects)} shared objects"


def bundled(name: str, needed_by: str) -> bool:
    """Whether a library that ldd misses lies beside other wheels' and is loaded by its importer first."""
    own = Path(needed_by).relative_to(VENV).parts[:4] if needed_by.startswith(str(VENV)) else ()
    site = VENV.joinpath(*own) if own else VENV
    return any(site.rglob(name))


def run_ldd(objects: list[str]) -> tuple[int, str]:
    """Return what ldd says of several objects; with one it does not print the name."""
    done = subprocess.run(["ldd", "/bin/true", *objects], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def modules_of(name: str) -> list[str]:
    """Return the importable modules of an installed distribution, the likeliest first."""
    distribution = importlib.metadata.distribution(name)
    top = (distribution.read_text("top_level.txt") or "").split()
    if not top:
        parts = {path.parts[0] for path in distribution.files or () if path.suffix in {".py", ".so"}}
        top = sorted({part.split(".")[0] for part in parts if not part.endswith((".dist-info", ".data"))})
    same = name.replace("-", "_").lower()
    top.sort(key=lambda module: (module.lower() != same, module.startswith("_"), module))
    return [module for module in top if module.isidentifier() and module not in {"tests", "test", "bin"}]


def imports(request: dict[str, Any]) -> None:
    """Import each requested distribution: all in one child, and after a failure go on behind it."""
    wanted = []
    for name, override in sorted(request["distributions"].items()):
        try:
            modules = [override] if override else modules_of(name)
        except importlib.metadata.PackageNotFoundError:
            say(event="check", name=f"import {name}", status="failed", detail="is not installed", seconds=0)
            continue
        if modules:
            wanted.append([name, modules[0]])
        else:
            say(
                event="check",
                name=f"import {name}",
                status="skipped",
                detail="it installs no module",
                seconds=0,
            )
    while wanted:
        say(event="started", name=f"import {wanted[0][0]}")
        status, text = run(
            [sys.executable, "-B", "-c", IMPORTS, json.dumps(wanted)], request["import_limit_s"]
        )
        current = ""
        for line in text.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if not isinstance(value, list) or not value:
                continue
            if value[0] == "start":
                current = value[1]
            elif value[0] == "done":
                say(event="check", name=f"import {value[1]}", status="passed", detail="", seconds=value[2])
                wanted = [pair for pair in wanted if pair[0] != value[1]]
                current = ""
        if not wanted:
            break
        name = current or wanted[0][0]
        detail = f"ended with {status}\n" + "\n".join(text.splitlines()[-15:])
        say(event="check", name=f"import {name}", status="failed", detail=detail, seconds=0)
        wanted = [pair for pair in wanted if pair[0] != name]


def command(argv: list[str], limit_s: float) -> Finding:
    """A program exits 0 and says something."""
    status, text = run(argv, limit_s)
    if status != 0:
        return "failed", f"ended with {status}\n" + "\n".join(text.splitlines()[-20:])
    return "passed", (text.strip().splitlines() or [""])[0][:200]


def requirements(_: dict[str, Any]) -> Finding:
    """What installed distributions ask for is installed; uv does the looking."""
    if not os.access(UV, os.X_OK) or not UV.stat().st_size:
        return "skipped", "no uv was mounted"
    argv = [str(UV), "pip", "check", "--offline", "--no-config", "--no-cache", "--python", sys.executable]
    status, text = run(argv, 60)
    lines = [line for line in text.strip().splitlines() if line]
    return ("passed" if status == 0 else "failed"), "\n".join(lines[-20:])


def main(request_path: str) -> None:
    """Do every check."""
    request = json.loads(Path(request_path).read_text())
    for name, look in (
        ("user", user),
        ("no compiler or installer", programs),
        ("no -dev package", development),
        ("no cache", caches),
        ("no secret", secrets),
        ("shared libraries", libraries),
        ("pip check", requirements),
    ):
        check(name, lambda look=look: look(request))  # type: ignore[misc]
    imports(request)
    if request["help"]:
        check("--help", lambda: command(request["help"], request["command_limit_s"]))
    for argv in request["commands"]:
        check(f"run {' '.join(argv)[:60]}", lambda argv=argv: command(argv, request["command_limit_s"]))  # type: ignore[misc]
    say(event="ended")


if __name__ == "__main__":
    main(sys.argv[1])
