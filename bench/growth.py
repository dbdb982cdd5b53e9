"""How commands grow with the number of images, and what looking images up in a slow registry costs.

    python -m bench.growth --write

Makes stacks of 50 to 2,000 images and a chain of 1,200, and runs each command on them as a user does. Then
it looks the images of a stack up in a registry on this machine that answers after 50 ms. Processor time is
that of the command and its children.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import anyio

from bench.document import write_part
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.connect import open_registry
from ci.registry.key_artifact import ARTIFACT_TYPE, KeyArtifact, key_artifact_manifest
from ci.registry.manifest import Blob
from ci.registry.namespace import parse_namespace
from ci.registry.retry import RetryPolicy

TOP = Path(__file__).resolve().parents[1]
NAME = "bench.growth"
COPIED = ("bootstrap.lock", "wheelhouse.apt.lock", "wheelhouse.lock", "wheelhouse.in", "bases.lock.toml")
NUMBERS = (50, 200, 500, 1000, 2000)
CHAIN = 1200
COMMANDS = (("plan",), ("matrix",), ("graph",), ("render",), ("explain", "i00000"))
LATENCY_S = 0.05
TLS = b"\x16"
"""The first byte of a connection by TLS, which this registry does not speak. Source: RFC 8446, 5.1."""


def make_stack(top: Path, number: int, *, chain: bool = False) -> Path:
    """Write a stack of `number` images on the packages of the reference stack: ten on each, or a chain."""
    reference = TOP / "docker"
    top.mkdir(parents=True)
    for name in COPIED:
        shutil.copy(reference / name, top)
    text = (reference / "stack.toml").read_text().replace('["cpu", "cuda"]', '["cpu"]')
    (top / "stack.toml").write_text(text.replace('base = "auto"', 'base = "bootstrap"'))
    for index in range(number):
        folder = top / f"i{index:05d}"
        folder.mkdir()
        parent = f"i{index - 1 if chain else (index - 1) // 10:05d}:cpu" if index else "outside:python"
        if not index:
            shutil.copy(reference / "base/apt.lock", folder)
        (folder / "run.py").write_text(f"print({index})\n")
        (folder / "image.toml").write_text(
            f'title = "Image {index}"\ndescription = "The image {index}."\n'
            + ("" if index else 'apt = ["tini"]\n')
            + f'[parent]\ncpu = "{parent}"\n[[files]]\nsource = "run.py"\n'
            + f'target = "/opt/app/{folder.name}/run.py"\nmode = "0644"\n'
        )
    return top


def dockwright(stack: Path, root: Path, *words: str) -> float:
    """Run a command and return the processor seconds that it took."""
    argv = (sys.executable, "-m", "ci.cli.main", "--root", str(root), "--stack", str(stack), *words)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, cwd=TOP, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 8):
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


FOUND = f"sha256:{'b' * 64}"


def _artifact() -> bytes:
    """Return the key artifact of every image of the registry."""
    layers = tuple((f"sha256:{number:064x}", 10**6) for number in range(6))
    artifact = KeyArtifact(key="a" * 64, image=FOUND, config=FOUND, layers=layers)
    document = Blob(type=ARTIFACT_TYPE, digest=FOUND, size=9)
    return key_artifact_manifest(artifact, document, "2026-01-01T00:00:00Z")


ARTIFACT = _artifact()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a registry that has every image under its key does."""
    try:
        while (first := await reader.readexactly(1)) != TLS:
            head = first + await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(LATENCY_S)
            method, path, _ = head.split(b" ", 2)
            body = b"{}" if path == b"/v2/" else b"" if method == b"HEAD" else ARTIFACT
            digest = b"Docker-Content-Digest: " + FOUND.encode() + b"\r\n" if method == b"HEAD" else b""
            length = b"Content-Length: %d\r\n\r\n" % len(body)
            writer.write(b"HTTP/1.1 200 OK\r\n" + digest + length + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


def _serve(ready: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def slow_registry() -> Iterator[str]:
    """Yield `HOST:PORT` of a registry that is another process, so that its work is not measured."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


async def _look_up(host: str, number: int) -> tuple[float, float]:
    """Look `number` images up and return the seconds and the processor seconds that it took."""
    async with open_registry(parse_namespace(f"{host}/team"), None, RetryPolicy(), print) as client:
        wanted = [Wanted(f"i{n}:cpu", f"i{n}", f"k-{'a' * 32}", "a" * 64) for n in range(number)]
        start, start_cpu = time.monotonic(), time.process_time()
        found = await RegistryCache(client=client).look_up(wanted)
        spent = time.monotonic() - start, time.process_time() - start_cpu
    if found.errors or len(found.available) != number:
        raise SystemExit(f"{number - len(found.available)} of {number} images were not found")
    return spent


def main() -> None:
    """Print the table, and write it into the document if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory(prefix="dockwright-growth-") as name:
        top = Path(name)
        stacks = {str(number): make_stack(top / f"tree-{number}", number) for number in NUMBERS}
        stacks[f"{CHAIN} in a chain"] = make_stack(top / "chain", CHAIN, chain=True)
        lines = [f"| processor seconds | {' | '.join(stacks)} |", "|---" * (len(stacks) + 1) + "|"]
        for words in COMMANDS:
            spent = [f"{dockwright(stack, top / 'root', *words):.2f}" for stack in stacks.values()]
            lines.append(f"| `{words[0]}` | {' | '.join(spent)} |")
    with slow_registry() as host:
        looked = [anyio.run(_look_up, host, number) for number in NUMBERS]
    for title, place in (("looked up in a registry", 1), ("the same, seconds that passed", 0)):
        lines.append(f"| {title} | {' | '.join(f'{one[place]:.2f}' for one in looked)} | |")
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    text = "\n".join(
        [f"Measured by `python -m bench.growth` on {os.cpu_count()} cores, {memory_gib:.0f} GiB.", "", *lines]
    )
    print(text)
    if write:
        write_part(NAME, text)


if __name__ == "__main__":
    main()
