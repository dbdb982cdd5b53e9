"""A Docker daemon for one test module: Debian's docker.io on a private socket, ended with all it started."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci.cli.setup.debian import install, is_here
from tests.hang import HANG_S

CLIENT = Path("/usr/bin/docker")
"""Debian's own client; it has BuildKit where a newer one elsewhere on the search path may need a plugin."""
POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""Source: invoke-rc.d(8): 101 from policy-rc.d forbids the action."""
CAP_SYS_ADMIN = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """A running daemon. `env` is the environment in which `docker` is Debian's client and talks to it."""

    env: dict[str, str]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            (str(CLIENT), *words), env=self.env, capture_output=True, text=True, check=False, timeout=HANG_S
        )
        assert done.returncode == 0, f"docker {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, line: str, folder: Path) -> None:
        """Run a line of a rendered file's header."""
        done = subprocess.run(
            ("sh", "-c", line),
            env=self.env,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_S,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@contextmanager
def daemon(data: Path) -> Iterator[Docker]:
    """Give a new daemon that keeps its images in a new folder under `data`; skip where there can be none."""
    reason = _why_not()
    if reason:
        pytest.skip(reason)
    if not _is_installed():
        _install_docker()
    data.mkdir(parents=True, exist_ok=True)
    with (
        # The path of a socket has 107 bytes at most, so it is not under pytest's folders.
        tempfile.TemporaryDirectory(prefix="dockerd-") as near,
        tempfile.TemporaryDirectory(prefix="dockerd-", dir=data) as root,
    ):
        log = Path(near, "log")
        host = f"unix://{near}/docker.sock"
        path = f"{CLIENT.parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
        env = {**os.environ, "DOCKER_HOST": host, "PATH": path}
        env = {
            name: value for name, value in env.items() if name not in {"DOCKER_BUILDKIT", "DOCKER_CONTEXT"}
        }
        # It must not outlive a test run that is killed.
        argv = ["setpriv", "--pdeathsig", "TERM", "dockerd", "--host", host, "--data-root", root]
        argv += ["--exec-root", f"{near}/exec", "--pidfile", f"{near}/pid", "--config-file", f"{near}/config"]
        argv += ["--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", "overlay2"]
        Path(near, "config").write_text("{}\n")
        with log.open("w") as file:
            process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        try:
            _wait(process, env, log)
            yield Docker(env=env)
        finally:
            process.terminate()
            try:
                process.wait(HANG_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _why_not() -> str:
    """Return why there can be no daemon here; empty where there can."""
    if os.geteuid() != 0:
        return "Docker's daemon needs root"
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if not int(status["CapEff"], 16) >> CAP_SYS_ADMIN & 1:
        return "Docker's daemon needs CAP_SYS_ADMIN, which root lacks here"
    if not any(Path("/sys/fs/cgroup").iterdir()):
        return "Docker's daemon needs control groups, and none are mounted at /sys/fs/cgroup"
    return (
        ""
        if _is_installed() or shutil.which("apt-get")
        else "Docker is not installed, and apt-get is not here to install it"
    )


def _is_installed() -> bool:
    return CLIENT.exists() and is_here("dockerd")


def _install_docker() -> None:
    """Install Debian's docker.io where it is missing, with no daemon of the system started by that."""
    own = not POLICY.exists()
    if own:
        POLICY.write_text(NO_SERVICES)
        POLICY.chmod(0o755)
    try:
        install({str(CLIENT): "docker.io", "dockerd": "docker.io"})
    finally:
        if own:
            POLICY.unlink()


def _wait(process: subprocess.Popen[bytes], env: dict[str, str], log: Path) -> None:
    end = time.monotonic() + HANG_S
    while time.monotonic() < end and process.poll() is None:
        done = subprocess.run((str(CLIENT), "version"), env=env, capture_output=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    pytest.fail(f"dockerd did not come up:\n{log.read_text()[-3000:]}")
