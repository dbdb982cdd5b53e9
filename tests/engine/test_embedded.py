from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci.engines.buildah.commands import BuildFiles
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output
from ci.engines.program import namespaces
from ci.errors import CommandError
from ci.lower.script import MOUNT
from ci.wheelhouse.manifest import Manifest, read_manifest
from ci.wheelhouse.program.package_folder import own_digest
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine


@contextmanager
def listening() -> Iterator[int]:
    """Give the port of a server on loopback that takes connections until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            done.set()
            thread.join()


def request(instructions: str, folder: Path, **more: object) -> BuildRequest:
    text = f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\n{instructions}"
    values: dict[str, object] = {"instructions": text, "context": folder, "parent": BASE, **more}
    return BuildRequest(**values)  # type: ignore[arg-type]


async def test_a_step_that_opens_a_socket_fails_offline_and_passes_with_network(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    with listening() as port:
        step = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        wanted = request(f'RUN python -c "{step}"\n', tmp_path, cache=False)
        log = tmp_path / "log"
        with pytest.raises(CommandError, match=r"Connection refused|unreachable"):
            await engine.build(wanted, Output(log=log))
        (tmp_path / "Dockerfile").write_text(wanted.instructions)
        (tmp_path / "ignore").touch()
        command = engine.buildah.build(
            wanted,
            BuildFiles(
                dockerfile=tmp_path / "Dockerfile",
                ignore=tmp_path / "ignore",
                image_id=tmp_path / "id",
                cpu_seconds=tmp_path / "cpu",
            ),
        )
        start = command.argv.index(namespaces.__file__) + 1
        words = ["host" if word == "none" else word for word in command.argv[start:]]
        online = (*command.argv[:start], "--network", *words)
        await engine.runner.run(replace(command, argv=online), log=log)
    assert (tmp_path / "id").read_text()


def house(folder: Path, content: str) -> Manifest:
    folder.mkdir(exist_ok=True)
    (folder / "thing.whl").write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    sums = f"{digest}  thing.whl\n"
    files = {"thing.whl": digest, "lists/x.sha256": hashlib.sha256(sums.encode()).hexdigest()}
    value: dict[str, Any] = {"schema": 3, "input": "i", "files": files, "lists": {"x": ["thing.whl"]}}
    (folder / "manifest.json").write_text(json.dumps({**value, "sha256": own_digest(value)}))
    return read_manifest(folder)


async def test_a_file_replaced_under_its_name_in_a_mounted_house_rebuilds_the_layer(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    reference = "dockwright/test-house:cpu"
    text = f"ARG WHEELS\nRUN --mount=type=bind,from={reference},target={MOUNT} cp {MOUNT}/thing.whl /thing\n"

    async def built(content: str) -> str:
        manifest = house(tmp_path / "house", content)
        args = {"WHEELS": manifest.part("x")}
        wanted = request(text, tmp_path, folders={reference: tmp_path / "house"}, build_args=args)
        image = await engine.build(wanted, Output())
        return await engine.run(image, ContainerRun(argv=["cat", "/thing"]), Output())

    assert await built("first") == "first"
    assert await built("other") == "other"


async def test_the_same_request_twice_is_the_same_image(engine: BuildahEngine, tmp_path: Path) -> None:
    wanted = request("RUN echo twice > /twice\n", tmp_path)
    assert await engine.build(wanted, Output()) == await engine.build(wanted, Output())


async def test_a_build_reports_once_what_its_steps_took_of_the_processor(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    """That waiting does not count is shown in test_metered.py."""
    used: list[float] = []
    # by the kernel's clock
    busy = "python -c 'while __import__(\"time\").process_time() < 1: sum(range(10**6))'"
    wanted = request(f"RUN {busy}\n", tmp_path, cache=False)
    await engine.build(wanted, Output(log=tmp_path / "log", on_cpu=used.append))
    (user_s,) = used
    assert user_s >= 0.7


async def test_a_failed_step_ends_with_its_own_last_lines(engine: BuildahEngine, tmp_path: Path) -> None:
    wanted = request("RUN echo 'what went wrong' >&2; exit 9\n", tmp_path)
    with pytest.raises(CommandError) as caught:
        await engine.build(wanted, Output(log=tmp_path / "log"))
    assert "what went wrong" in caught.value.tail
    assert "what went wrong" in (tmp_path / "log").read_text()


async def test_certificates_and_proxies_of_the_machine_are_in_no_image(
    engine: BuildahEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://canary.invalid:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/canary/ca.crt")
    image = await engine.build(request("RUN env > /seen\n", tmp_path, cache=False), Output())
    seen = await engine.run(image, ContainerRun(argv=["cat", "/seen"]), Output())
    info = await engine.inspect(image)
    assert "canary" not in seen
    assert "canary" not in json.dumps(info.config)
