"""What dockwright itself runs on, made once: uv at its pinned version, and the Python environment of uv.lock.

Started by `dockwright` and `dockwright.cmd` with whatever Python the machine has, before anything else is
there: standard library alone, Python 3.8.

    python3 -I ci/cli/setup/environment.py CHECKOUT PLACE GROUP [STAMP]

PLACE gets `.dockwright/` (uv, stamps, a log) and `.venv/`. GROUP is `cli`, or `dev` for what the tests need
too. STAMP stands for all that decides the environment; without it, it is computed here.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

WINDOWS = os.name == "nt"
NEWEST, OLDEST = 14, 11
"""Minor versions of Python 3 that are searched for when `python3` is too old."""
DECIDES = ("dockwright", "uv.lock", "pyproject.toml", "ci/cli/setup/environment.py")
"""Files whose change makes the environment anew."""
HEAD_LINES, TAIL_LINES = 5, 10
"""How much of a failed step's output is shown: pip says what is wrong first, uv last."""
FETCH_FAILED = 4
"""Exit code of ci.errors.FetchError."""

KEPT = frozenset(
    (
        *(
            "PIP_CERT",
            "PIP_CLIENT_CERT",
            "PIP_CONFIG_FILE",
            "PIP_DEFAULT_TIMEOUT",
            "PIP_INDEX_URL",
            "PIP_PROXY",
        ),
        *("PIP_RETRIES", "PIP_TRUSTED_HOST", "UV_CACHE_DIR", "UV_HTTP_TIMEOUT", "UV_LINK_MODE"),
        *("UV_NATIVE_TLS", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_INSTALL_MIRROR", "UV_SYSTEM_CERTS"),
    )
)
"""Settings of pip and uv that say how the network is reached and where caches are; others stay outside."""


class SetupError(Exception):
    """The environment can't be made; the message says what to do."""


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without what would make another environment: find-links, indexes, active ones."""
    foreign = ("PIP_", "UV_", "PYTHON", "CONDA_", "VIRTUAL_ENV")
    kept = {
        name: value for name, value in environ.items() if name in KEPT or not name.upper().startswith(foreign)
    }
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1"}


def uv_requirement(pyproject: str, lock: str) -> str:
    """Return the requirement of uv: the version that pyproject.toml pins, with the hashes of uv.lock.

    Raises:
        SetupError: uv.lock does not hold that version.
    """
    pinned = re.search(r'^uv = \["uv==([0-9.]+)"\]$', pyproject, re.MULTILINE)
    if pinned is None:
        raise SetupError('pyproject.toml: dependency-groups.uv: not of the form ["uv==VERSION"]')
    version = pinned.group(1)
    for block in lock.split("\n[[package]]\n"):
        if block.startswith(f'name = "uv"\nversion = "{version}"\n'):
            hashes = re.findall(r'hash = "(sha256:[0-9a-f]{64})"', block)
            return " ".join((f"uv=={version}", *(f"--hash={digest}" for digest in hashes))) + "\n"
    raise SetupError(f"uv.lock: does not hold uv {version}, which pyproject.toml pins; run `uv lock`")


def stamp(checkout: Path) -> str:
    """Return what stands for all that decides the environment."""
    total = hashlib.sha256()
    for name in DECIDES:
        total.update((checkout / name).read_bytes())
    return f"{total.hexdigest()} {checkout}"


def program(folder: Path, name: str) -> Path:
    """Return where a program of an environment is."""
    return folder / ("Scripts" if WINDOWS else "bin") / (f"{name}.exe" if WINDOWS else name)


def make(checkout: Path, place: Path, group: str, wanted: str) -> None:
    """Make uv and the environment in `place` unless they are there, one at a time on this machine.

    Raises:
        SetupError: a step of it failed.
    """
    tools = place / ".dockwright"
    tools.mkdir(parents=True, exist_ok=True)
    with _locked(tools / "lock"):
        if _is_ready(place, group, wanted):
            return
        uv = _install_uv(checkout, tools)
        _sync(checkout, place, group, uv)
        for name in ("cli", "dev") if group == "dev" else ("cli",):
            (tools / name).write_text(f"{wanted}\n", encoding="utf-8")


def _is_ready(place: Path, group: str, wanted: str) -> bool:
    stamp_file = place / ".dockwright" / group
    return (
        program(place / ".venv", "python").exists()
        and stamp_file.is_file()
        and stamp_file.read_text(encoding="utf-8").rstrip("\n") == wanted
    )


def _install_uv(checkout: Path, tools: Path) -> Path:
    """Return uv in `tools`, installed by pip and checked by hash unless it is there."""
    requirement = uv_requirement(
        (checkout / "pyproject.toml").read_text(encoding="utf-8"),
        (checkout / "uv.lock").read_text(encoding="utf-8"),
    )
    target = tools / "uv"
    uv = target / "bin" / ("uv.exe" if WINDOWS else "uv")
    installed = tools / "uv.txt"
    if uv.exists() and installed.is_file() and installed.read_text(encoding="utf-8") == requirement:
        return uv
    _say(f"installing {requirement.split(' ')[0]} in {tools}, once")
    shutil.rmtree(target, ignore_errors=True)
    installed.unlink() if installed.exists() else None
    requirements = tools / "uv.new"
    requirements.write_text(requirement, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="dockwright-pip-") as folder:
        argv = [*_pip(Path(folder), tools), "install", "--quiet", "--no-deps", "--require-hashes"]
        argv += [
            "--only-binary",
            ":all:",
            "--no-compile",
            "--target",
            str(target),
            "--requirement",
            str(requirements),
        ]
        _run(argv, tools, f"uv could not be installed; {NETWORK}")
    requirements.replace(installed)
    return uv


NETWORK = "the Python package index must be in reach (a proxy: HTTPS_PROXY; own certificates: PIP_CERT)"


def _pip(folder: Path, tools: Path) -> list[str]:
    """Return the command of a pip: this Python's own, or that of a new environment in `folder`."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if find_spec("ensurepip") is None:
        _install_venv()
    _run([sys.executable, "-m", "venv", str(folder / "pip")], tools, "`python3 -m venv` failed")
    return [str(program(folder / "pip", "python")), "-m", "pip"]


def _install_venv() -> None:
    """Install the package that Debian keeps Python's own ensurepip in."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from ci.cli.setup.debian import install
    from ci.errors import EngineError

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        install({f"/usr/lib/{version}/ensurepip/__init__.py": f"{version}-venv"})
    except EngineError as error:
        raise SetupError(str(error)) from error


def _sync(checkout: Path, place: Path, group: str, uv: Path) -> None:
    """Make `.venv` hold what uv.lock says, by hash; what else is in it stays."""
    venv = place / ".venv"
    what = "what the tests need" if group == "dev" else "the Python environment"
    _say(f"installing {what} in {venv}, once")
    argv = [str(uv), "sync", "--frozen", "--inexact", "--no-install-project", "--extra", "cli"]
    argv += ["--group", "dev"] if group == "dev" else ["--no-dev"]
    argv += ["--quiet", "--no-progress", "--project", str(checkout), *_python(venv)]
    env = {"UV_PROJECT_ENVIRONMENT": str(venv)}
    _run(argv, place / ".dockwright", f"the Python environment could not be made; {NETWORK}", env)


def _python(venv: Path) -> list[str]:
    """Return the options that choose the Python of a new environment: 3.11 or newer, from this machine."""
    if program(venv, "python").exists():
        return ["--no-python-downloads"]
    if sys.version_info >= (3, OLDEST):
        return ["--python", sys.executable, "--no-python-downloads"]
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for minor in range(NEWEST, OLDEST - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            _say(f"python3 is {own} and dockwright needs 3.{OLDEST} or newer: using {found}")
            return ["--python", found, "--no-python-downloads"]
    _say(f"python3 is {own} and dockwright needs 3.{OLDEST} or newer: uv finds one, or downloads it")
    return []


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; a second one waits for the first."""
    with path.open("a+b") as file:
        if WINDOWS:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
            yield
            return
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another dockwright is setting itself up; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(argv: list[str], tools: Path, what: str, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**clean(os.environ), **(env or {})},
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        (tools / "setup.log").write_text("\n".join((" ".join(argv), *lines, "")), encoding="utf-8")
        whole = len(lines) <= HEAD_LINES + TAIL_LINES
        shown = lines if whole else [*lines[:HEAD_LINES], "…", *lines[-TAIL_LINES:]]
        said = "\n".join(f"  {line}" for line in shown)
        raise SetupError(f"{what}. Its output:\n{said}\nThe whole output is in {tools / 'setup.log'}")


def _say(text: str) -> None:
    with suppress(OSError):  # a full or closed standard error
        print(f"dockwright: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Make the environment that the arguments ask for."""
    checkout, place, group, *rest = sys.argv[1:]
    try:
        make(Path(checkout), Path(place), group, rest[0] if rest else stamp(Path(checkout)))
    except SetupError as error:
        _say(str(error))
        return FETCH_FAILED
    except OSError as error:
        _say(f"the environment in {place} can't be made: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
