"""Compile one sdist. Runs as root in a container of its own without network; standard library only.

    compile_sdist.py JOB ROOT NAME

`JOB` is JSON: `sdist` (a lock line), `builder` (lock lines of the build requirements), `uid`. Next to it is
the sdist; its build requirements are in `requirements` next to that folder, all of them read-only. The wheel
is written to `ROOT`. A failure is reported in `ROOT/partial/NAME.failure`.

The code of the sdist is nobody's: it runs as a user without any rights, sees a virtual environment that it
can't change, and no environment of ours. Its wheel is taken when nothing of it runs any more.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

if not __package__:
    # In a container this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .content_store import sha256
from .failure import FetchingError
from .line import WHEEL_FILE, Line, normalised
from .message import say
from .start import run
from .unprivileged import UnprivilegedError, run_unprivileged

EPOCH = "315532800"
"""1980: the first moment that a zip archive, and so a wheel, can name."""
PLAIN = "-g0"
"""Debian's Python asks for debug information, which has the path of the sources, a new one each time."""
WORK = Path("/var/tmp/dockwright-sdist")  # noqa: S108 of a container that nobody else sees
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
WHEEL_BYTES = 4 * 2**30
"""Most bytes of a compiled wheel."""
HINT = "add what it needs to wheelhouse.in (Python) or to `wheelhouse.apt` in stack.toml (Debian)"


def fill(job: Path, root: Path, name: str) -> None:
    """Compile the sdist of `job` and put its wheel into `root`."""
    wanted = json.loads(job.read_text())
    line = Line.of(wanted["sdist"])
    requirements = [Line.of(text) for text in wanted["builder"]]
    folders = {folder: WORK / folder for folder in ("home", "tmp", "made")}
    WORK.mkdir(parents=True)
    for folder in folders.values():
        folder.mkdir()
        os.chown(folder, wanted["uid"], wanted["uid"])
    Path("/tmp").mkdir(mode=0o777, exist_ok=True)  # noqa: S108 of a container that nobody else sees
    Path("/tmp").chmod(0o1777)  # noqa: S108
    python = make_environment(WORK / "venv", job.parents[1] / "requirements", requirements)
    source = WORK / line.file
    shutil.copyfile(job.parent / line.file, source)
    check(source, line)
    say(f"compiling {line.file}")
    environment = {
        "PATH": f"{python.parent}:{os.environ.get('PATH') or os.defpath}",
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": EPOCH,
        "CFLAGS": PLAIN,
        "CXXFLAGS": PLAIN,
        "LDFLAGS": "-Wl,--build-id=none",
    }
    options = ("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir")
    argv = (str(python), *PIP, *options, "--wheel-dir", str(folders["made"]), str(source))
    try:
        status = run_unprivileged(
            argv, wanted["uid"], env=environment, cwd=folders["home"], on_line=print_foreign
        )
    except UnprivilegedError as error:
        raise FetchingError(kind="compile", text=f"{name}: {error}") from error
    if status != 0:
        text = f"{name}: does not compile (pip ended with {status})"
        raise FetchingError(kind="compile", text=text, hint=HINT)
    take(made_wheel(folders["made"], line), root)


def print_foreign(line: str) -> None:
    """Print a line of the foreign code, so that it is never taken for a message of ours."""
    print(f"  {line}", flush=True)


def make_environment(folder: Path, found: Path, requirements: list[Line]) -> Path:
    """Make the virtual environment `folder` with exactly the requirements, root's; return its Python.

    uv checks the hash of each of them; its own is checked here.
    """
    (uv,) = [line for line in requirements if line.name == "uv"]
    check(found / uv.file, uv)
    program = WORK / "uv"
    program.write_bytes(uv_program(found / uv.file))
    program.chmod(0o755)
    others = [line for line in requirements if line.name != "uv"]
    own_pip = any(line.name == "pip" for line in others)
    plain = [sys.executable, "-I", "-m", "venv", *(["--without-pip"] if own_pip else []), str(folder)]
    subprocess.run(plain, check=True)
    python = folder / "bin/python"
    listed = WORK / "requirements.txt"
    listed.write_text("".join(f"{line.text}\n" for line in others))
    options = ["--quiet", "--offline", "--no-cache", "--no-config", "--no-index", "--no-deps"]
    options += ["--require-hashes", "--find-links", str(found), "--python", str(python)]
    done = subprocess.run([str(program), "pip", "install", *options, "-r", str(listed)], check=False)
    if done.returncode != 0:
        text = f"the build requirements can't be installed (uv ended with {done.returncode})"
        raise FetchingError(kind="compile", text=text, hint="`dockwright lock` makes wheelhouse.lock again")
    return python


def uv_program(wheel: Path) -> bytes:
    """Return the program in a wheel of uv."""
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [entry for entry in archive.namelist() if entry.endswith(".data/scripts/uv")]
        return archive.read(member)


def check(path: Path, line: Line) -> None:
    """Compare a fetched file with its lock line, since it lay here since it was fetched.

    Raises:
        FetchingError: it has another hash.
    """
    actual = sha256(path)
    if actual != line.sha256:
        text = f"{line.file}: its lock has sha256 {line.sha256}, but the fetched file has {actual}"
        raise FetchingError(kind="hash", text=text, hint="it was changed after it was fetched")


def made_wheel(folder: Path, line: Line) -> Path:
    """Return the one wheel in `folder`.

    Raises:
        FetchingError: there is none, or several, or it is not a wheel of this distribution.
    """
    found = sorted(entry.name for entry in os.scandir(folder))
    if len(found) != 1:
        text = f"{line.file}: left {len(found)} files instead of one wheel"
        raise FetchingError(kind="compile", text=text, hint=HINT)
    match = WHEEL_FILE.fullmatch(found[0])
    if match is None or normalised(match["name"]) != normalised(line.name):
        text = f"{line.file}: left {found[0][:100]!r}, which is no wheel of {line.name}"
        raise FetchingError(kind="compile", text=text)
    return folder / found[0]


def take(wheel: Path, root: Path) -> None:
    """Copy a wheel to `root`, readable for all; it may be anything, such as a link or a pipe.

    Raises:
        FetchingError: it is no file, or too large.
    """
    try:
        descriptor = os.open(wheel, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        text = f"{wheel.name}: is no file ({error.strerror})"
        raise FetchingError(kind="compile", text=text) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > WHEEL_BYTES:
        os.close(descriptor)
        text = f"{wheel.name}: is no file of at most {WHEEL_BYTES >> 30} GiB"
        raise FetchingError(kind="compile", text=text)
    with os.fdopen(descriptor, "rb") as stream:
        partial = root / f".{wheel.name}"
        with partial.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    partial.chmod(0o644)
    partial.replace(root / wheel.name)


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
