"""What the code of an sdist can do while it is compiled: nothing but make its own wheel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ci.settings import Settings
from tests.engine.luck import Served, sdist
from tests.engine.luck_stack import LuckStack
from tests.registry.watch import watched

pytestmark = pytest.mark.engine
PASSWORD = "canary-of-the-index"
PROXY = "canary-of-the-proxy"
DAEMON = "a-process-that-an-sdist-left"
PROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
ATTACKS = b"""\
import ctypes, json, os, pathlib, socket, subprocess, sys, sysconfig, time, zipfile

SECRETS = ("canary-of-the-index", "canary-of-the-proxy")


def tried(attack):
    try:
        return attack()
    except OSError as error:
        return type(error).__name__


def pth():
    site = pathlib.Path(sysconfig.get_path("purelib"))
    (site / "evil.pth").write_text("import sys; sys.evil = True")
    return "written"


def secrets():
    texts = list(os.environ.values())
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            texts.append(path.read_text(errors="replace"))
        except OSError:
            pass
    for path in pathlib.Path("/run").rglob("*"):
        try:
            if path.is_file() and path.stat().st_size < 1e6:
                texts.append(path.read_text(errors="replace"))
        except OSError:
            pass
    return sorted({word for word in SECRETS for text in texts if word in text})


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return "connected"


def writable():
    found = []
    for top in ("/run", "/etc", "/usr", "/opt", "/var/lib", "/root"):
        for path in (pathlib.Path(top), *pathlib.Path(top).rglob("*")):
            try:
                real = path.is_file() or path.is_dir()
            except OSError:
                continue
            if real and not path.is_symlink() and os.access(path, os.W_OK):
                found.append(str(path))
    return sorted(found)[:20]


def forks():
    children = []
    try:
        while len(children) < 1500:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children) < 1500


def daemon():
    subprocess.Popen(
        (sys.executable, "-c", "import time; time.sleep(600)", "a-process-that-an-sdist-left"),
        start_new_session=True, stdin=-3, stdout=-3, stderr=-3,
    )
    return "left"


def escape():
    library = ctypes.CDLL(None, use_errno=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        failed = library.chroot(b"/usr")
        os.write(writer, os.strerror(ctypes.get_errno()).encode() if failed else b"in another root")
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(reader, 1000).decode()


def status(name):
    rows = dict(row.split(":", 1) for row in open("/proc/self/status"))
    return rows[name].strip()


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = open("name").read()
    info = pathlib.Path(metadata_directory, f"{name}-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    return info.name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, port = open("name").read(), int(open("port").read())
    report = {
        "uid": os.getuid() == 0,
        "capabilities": int(status("CapEff"), 16) | int(status("CapPrm"), 16),
        "no new privileges": status("NoNewPrivs"),
        "pth": tried(pth),
        "changed by another": hasattr(sys, "evil") or pathlib.Path("/var/tmp/evil").exists(),
        "secrets": secrets(),
        "connect": tried(lambda: connect(port)),
        "writable": writable(),
        "forks end": forks(),
        "daemon": daemon(),
        "chroot": escape(),
    }
    tried(lambda: pathlib.Path("/var/tmp/evil").write_text(name))
    file = f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, file), "w") as archive:
        archive.writestr(f"{name}.json", json.dumps(report))
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(f"{info}/RECORD", "")
    return file
"""
HARMLESS: dict[str, Any] = {
    "uid": False,
    "capabilities": 0,
    "no new privileges": "1",
    "pth": "PermissionError",
    "changed by another": False,
    "secrets": [],
    "writable": [],
    "forks end": True,
    "daemon": "left",
    "chroot": "Operation not permitted",
}


def hostile(name: str, port: str, tmp_path: Path) -> bytes:
    """Return an sdist that tries all of it and puts what it found into its wheel."""
    files = {"pyproject.toml": PROJECT, "backend.py": ATTACKS, "port": port.encode(), "name": name.encode()}
    return sdist(name, {**files, "nonce": str(tmp_path).encode()})  # nothing compiled before is found


def offer(stack: LuckStack, served: Served, tmp_path: Path, *names: str) -> None:
    port = served.url.rpartition(":")[2]
    stack.add(*(served.add(name, f"{name}-1.0.tar.gz", hostile(name, port, tmp_path)) for name in names))


def test_an_sdist_reaches_nothing_of_the_machine_of_the_network_or_of_another_sdist(
    stack: LuckStack, served: Served, settings: Settings, tmp_path: Path
) -> None:
    offer(stack, served, tmp_path, "evil", "victim")
    host = served.url.removeprefix("http://")
    env: dict[str, str] = {
        "PIP_INDEX_URL": f"http://ci:{PASSWORD}@{host}/simple",
        "https_proxy": f"http://ci:{PROXY}@127.0.0.1:9",
    }
    with watched(PASSWORD, PROXY, DAEMON) as seen:
        done = stack.dockwright("wheelhouse", "--variant", "cpu", served=None, prefix=(), **env)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    for name in ("evil", "victim"):
        wheel = settings.state / f"inputs/wheelhouse/cpu/wheels/{name}-1.0-py3-none-any.whl"
        report = json.loads(zipfile.ZipFile(wheel).read(f"{name}.json"))
        assert report.pop("connect") in {"ConnectionRefusedError", "OSError"}
        assert report == HARMLESS, name
    assert seen <= {DAEMON}, "a password stood in the arguments of a process"
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if holds(path, DAEMON)]
    assert running == []
    assert PASSWORD not in text
    assert PROXY not in text


def holds(path: Path, word: str) -> bool:
    try:
        return word.encode() in path.read_bytes()
    except OSError:
        return False
