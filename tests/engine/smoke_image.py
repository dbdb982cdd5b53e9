"""A tiny image of this machine's own Python, for tests of the probe that need no stack and no network."""

from __future__ import annotations

import io
import os
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ci.catalog.stack import Smoke, Stack
from ci.smoke.program.closure import Seen, load, loader
from tests.stacks import image, small_stack

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"/opt/venv/lib/python{PYTHON}/site-packages"
LEFT_OUT = {
    "site-packages",
    "dist-packages",
    "test",
    "idlelib",
    "tkinter",
    "ensurepip",
    "lib2to3",
}

UNCHECKED = b"\x01" + bytes(11)
"""Flags and hash of bytecode that holds without a look at its source, whose times are 0. Source: PEP 552."""

TEXTS = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
    "/etc/group": "root:x:0:\napp:x:1000:\n",
    "/var/lib/dpkg/status": "Package: tini\nStatus: install ok installed\n\n"
    "Package: libc6-dev\nStatus: deinstall ok config-files\n",
    "/opt/venv/pyvenv.cfg": "home = /usr/local/bin\n",
    f"{SITE}/thing.py": "print('noise of an import')\n",
    f"{SITE}/python_thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: python-thing\n"
    "Version: 1.0\n",
    f"{SITE}/python_thing-1.0.dist-info/RECORD": "thing.py,,\nshipped/test.pem,,\n",
    f"{SITE}/shipped/test.pem": "-----BEGIN PRIVATE KEY-----\n",
    "/opt/app/stage.py": "import sys\nprint('usage: stage') if '--help' in sys.argv else sys.exit(2)\n",
    # As tini does it: a process between, with the program in a process group of its own.
    "/usr/bin/tini": "#!/opt/venv/bin/python\nimport subprocess, sys\n"
    "sys.exit(subprocess.run(sys.argv[2:], process_group=0).returncode)\n",
}
FOLDERS = {
    "/tmp": 0o1777,
    "/var/tmp": 0o1777,
    "/root": 0o700,
    "/home/app": 0o755,
    "/proc": 0o755,
    "/dev": 0o755,
}
LINKS = {
    "/lib": "usr/lib",
    "/lib64": "usr/lib64",
    "/bin": "usr/bin",
    "/opt/venv/bin/python": f"/usr/local/bin/python{PYTHON}",
}


def stage_stack() -> Stack:
    """Return a stack of the one image that `write_root` writes."""
    stage = image(
        "stage",
        "outside:python",
        requirements=("python-thing",),
        entrypoint=("python", "/opt/app/stage.py"),
        smoke=Smoke(commands=(("python", "-c", "print('ran')"),)),
    )
    return replace(small_stack(), python=PYTHON, images=(stage,))


def write_root(archive: Path) -> None:
    """Write the image's file system as a tar."""
    binary, find = os.path.realpath(sys.executable), loader({})
    standard = Path(sysconfig.get_path("stdlib"))
    files = {f"/usr/local/bin/python{PYTHON}": Path(binary)}
    for file in _files_under(standard):
        files[f"/usr/local/lib/python{PYTHON}/{file.relative_to(standard).as_posix()}"] = file
    for path in (binary, *(str(path) for path in list(files.values()) if path.suffix == ".so")):
        root = find.read(path)
        for name, library in (load(root, find, Seen()) if root else {}).items():
            files[f"/usr/lib/x86_64-linux-gnu/{name}"] = Path(os.path.realpath(library.path))
    files["/usr/lib64/ld-linux-x86-64.so.2"] = Path(os.path.realpath("/lib64/ld-linux-x86-64.so.2"))
    with tarfile.open(archive, "w") as tar:
        for name, mode in FOLDERS.items():
            _add(tar, name, type=tarfile.DIRTYPE, mode=mode, uid=1000 if name == "/home/app" else 0)
        for name, target in LINKS.items():
            _add(tar, name, type=tarfile.SYMTYPE, linkname=target)
        for name, text in TEXTS.items():
            _add(tar, name, text.encode(), mode=0o755 if name.startswith("/usr/bin") else 0o644)
        for name, source in sorted(files.items()):
            content = source.read_bytes()
            if source.suffix == ".pyc":
                content = content[:4] + UNCHECKED + content[16:]
            _add(tar, name, content, mode=0o755 if os.access(source, os.X_OK) else 0o644)


def _files_under(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith(("config-", "_test", "_tkinter")):
            continue
        if path.is_dir():
            yield from _files_under(path)
        elif path.is_file() and ".opt-" not in path.name:
            yield path


def _add(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    member = tarfile.TarInfo(name.lstrip("/"))
    member.size, member.mode = len(content), 0o755
    for field, value in fields.items():
        setattr(member, field, value)
    tar.addfile(member, io.BytesIO(content))
