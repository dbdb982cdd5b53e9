"""A Docker daemon of this bench: Debian's docker.io with BuildKit, on a socket and a folder of its own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers.counters import tree_cpu_s
from bench.peers.meter import Failed
from bench.peers.sizes import Layers

CLIENT = "/usr/bin/docker"
"""Debian's client, whose BuildKit needs no plugin."""
START_S = 60.0
END_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running daemon that keeps everything below `data`."""

    data: Path
    host: str
    pid: int

    @property
    def env(self) -> dict[str, str]:
        """The environment in which `docker` is Debian's client with BuildKit and talks to this daemon."""
        path = f"{Path(CLIENT).parent}:{os.environ['PATH']}"
        return {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain", "PATH": path}

    def cpu_s(self) -> float:
        """Return its CPU seconds so far, with its containerd and all that they have run and waited for."""
        return tree_cpu_s(self.pid)

    def say(self, *words: str) -> str:
        """Run a command of Docker, not measured, and return what it prints.

        Raises:
            Failed: it failed.
        """
        env = {**os.environ, **self.env}
        done = subprocess.run((CLIENT, *words), env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"docker {' '.join(words)}: {done.stderr}")
        return done.stdout

    def layers(self, image: str) -> Layers:
        """Return the layers of an image with the bytes of their tar archives, as Buildah counts them."""
        diffs = json.loads(self.say("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
        folder = self.data / "image/overlay2/layerdb/sha256"
        return tuple(
            (diff, archive_bytes(folder / chain / "tar-split.json.gz"))
            for diff, chain in zip(diffs, chain_ids(diffs), strict=True)
        )

    def prune(self, largest_context: int) -> None:
        """Remove records of the build cache that no image shares, but contexts only above `largest_context`.

        A record goes after those that stand on it.
        """
        before: set[str] | None = None
        while True:
            listed = json.loads(self.say("system", "df", "--verbose", "--format", "{{json .}}"))
            free = {
                record["ID"]
                for record in listed.get("BuildCache") or []
                if record["Shared"] == "false"
                and record["InUse"] == "false"
                and (record["CacheType"] != "source.local" or decimal_bytes(record["Size"]) > largest_context)
            }
            if not free or free == before:
                return
            for id_ in free:
                self.say("builder", "prune", "--all", "--force", "--filter", f"id={id_}")
            before = free


def chain_ids(diffs: Sequence[str]) -> list[str]:
    """Return the hex digits of the chain id of each layer. Source: OCI image-spec, Layer ChainID."""
    found: list[str] = []
    for diff in diffs:
        text = f"sha256:{found[-1]} {diff}" if found else ""
        found.append(hashlib.sha256(text.encode()).hexdigest() if text else diff.removeprefix("sha256:"))
    return found


def archive_bytes(split: Path) -> int:
    """Return the bytes of the tar archive that the file tar-split.json.gz describes.

    Source: vbatts/tar-split, tar/storage: entries of type 1 are files, of type 2 the bytes between them.
    """
    total = 0
    with gzip.open(split, "rt") as rows:
        for row in rows:
            entry = json.loads(row)
            if entry["type"] == 1:
                total += entry.get("size", 0)
            else:
                total += len(base64.b64decode(entry.get("payload") or ""))
    return total


def decimal_bytes(text: str) -> int:
    """Return what Docker prints as a size, such as `4.31GB`, in bytes."""
    units = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number = text.rstrip("BkMGT")
    return round(float(number) * units[text[len(number) :]])


@contextmanager
def daemon(data: Path) -> Iterator[Daemon]:
    """Start a daemon on `data`, which may hold images of an earlier one, and end it.

    Raises:
        Failed: it does not come up.
    """
    data.mkdir(parents=True, exist_ok=True)
    # The path of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="peers-") as near:
        host, log = f"unix://{near}/docker.sock", Path(near, "log")
        Path(near, "config").write_text("{}\n")
        argv = ["setpriv", "--pdeathsig", "TERM", "dockerd", "--host", host, "--data-root", str(data)]
        argv += ["--exec-root", f"{near}/exec", "--pidfile", f"{near}/pid", "--config-file", f"{near}/config"]
        argv += ["--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", "overlay2"]
        env = {**os.environ, "PATH": f"{Path(CLIENT).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"}
        env.pop("DOCKER_HOST", None)
        try:
            with log.open("w") as file:
                process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        except OSError as error:
            raise Failed(f"dockerd can't be started: {error}") from error
        try:
            made = Daemon(data=data, host=host, pid=process.pid)
            _wait(process, made, log)
            yield made
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], made: Daemon, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            made.say("version")
        except (Failed, OSError):
            time.sleep(0.1)
            continue
        return
    raise Failed(f"dockerd did not come up:\n{log.read_text()[-2000:]}")
