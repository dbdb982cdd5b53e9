"""A wheel that one machine compiled is compiled by no other one."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from oras.client import OrasClient  # type: ignore[import-untyped]

from ci.errors import RegistryError
from ci.registry.manifest import OCI
from ci.registry.wheel_store import WheelStore
from ci.registry.wheels import BuiltWheel, RegistryWheels, wheel_tag
from ci.run.inputs.compiled import build_keys, compiled_of, to_compile
from ci.run.inputs.registry_wheels import add_wheel, fetch_wheels, publish_wheels
from ci.run.workspace.local_store import Store
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import read_settings
from tests.engine.luck import wheel
from tests.registry.cached import opened
from tests.registry.machine import CHECKOUT
from tests.registry.proxy import Fault, Proxy
from tests.registry.server import Registry

pytestmark = pytest.mark.engine
KEY = hashlib.sha256(b"key").hexdigest()
BUILT = BuiltWheel(KEY, "pyworld==0.3.5", "pyworld-0.3.5-cp311-cp311-linux_x86_64.whl", wheel("pyworld"))
NEEDED = frozenset({"lyrics-detection:cpu"})


async def test_a_wheel_is_found_under_its_key_and_readable_by_others(plain: Registry, tmp_path: Path) -> None:
    async with opened(plain.host) as (cache, _):
        wheels = RegistryWheels(WheelStore(cache.client))
        assert await wheels.get(KEY) is None
        assert not await wheels.has(KEY)
        await wheels.add(BUILT)
        assert await wheels.get(KEY) == BUILT
        assert await wheels.has(KEY)
    reference = f"docker://{plain.host}/team/wheelhouse:{wheel_tag(KEY)}"
    argv = ("skopeo", "copy", "--quiet", "--src-tls-verify=false", reference, f"dir:{tmp_path / 'out'}")
    subprocess.run(argv, check=True)
    (layer,) = json.loads((tmp_path / "out/manifest.json").read_text())["layers"]
    assert layer["annotations"] == {"org.opencontainers.image.title": BUILT.file}
    assert (tmp_path / "out" / layer["digest"].removeprefix("sha256:")).read_bytes() == BUILT.data
    by_oras = OrasClient(insecure=True, hostname=plain.host).pull(
        target=f"{plain.host}/team/wheelhouse:{wheel_tag(KEY)}", outdir=str(tmp_path / "oras")
    )
    assert by_oras == [str(tmp_path / "oras" / BUILT.file)]
    assert (tmp_path / "oras" / BUILT.file).read_bytes() == BUILT.data


@pytest.mark.parametrize(
    "changed",
    [
        replace(BUILT, key=hashlib.sha256(b"other").hexdigest()),
        replace(BUILT, file="../../etc/cron.d/x.whl"),
        replace(BUILT, file="pyworld.whl"),
        replace(BUILT, requirement="pyworld"),
        replace(BUILT, requirement="--index-url=x==1"),
    ],
)
async def test_what_is_no_wheel_of_this_key_is_corrupt(plain: Registry, changed: BuiltWheel) -> None:
    async with opened(plain.host) as (cache, _):
        wheels = RegistryWheels(WheelStore(cache.client))
        await wheels.add(changed)
        data = await cache.client.manifest("team/wheelhouse", wheel_tag(changed.key), scope=())
        await cache.client.put_manifest("team/wheelhouse", wheel_tag(KEY), data, OCI, scope=())
        with pytest.raises(RegistryError) as caught:
            await wheels.get(KEY)
        assert caught.value.answer == "corrupt"


def workspace_at(folder: Path) -> Workspace:
    settings = read_settings(stack=CHECKOUT / "docker", base="bootstrap")
    return replace(open_workspace(settings), state=State(root=folder))


async def test_what_one_machine_compiled_another_one_brings(proxy: Proxy, tmp_path: Path) -> None:
    here, there = workspace_at(tmp_path / "here"), workspace_at(tmp_path / "there")
    plan = await here.plan(["lyrics-detection:cpu"], store=Store(ids={}))
    (key,) = build_keys(here, NEEDED)
    async with opened(proxy.host) as (cache, _):
        wheels = RegistryWheels(WheelStore(cache.client))
        assert await fetch_wheels(wheels, there, plan) == []
        assert to_compile(there, NEEDED)
        add_wheel(compiled_of(here), replace(BUILT, key=key))
        assert await publish_wheels(wheels, here, plan) == []
        assert await fetch_wheels(wheels, there, plan) == []
        assert not to_compile(there, NEEDED)
        line = compiled_of(there).find(key)
        assert line is not None
        assert (there.state.inputs / "content" / line.sha256).read_bytes() == BUILT.data

        proxy.seen.clear()
        assert await publish_wheels(wheels, there, plan) == []
        assert await fetch_wheels(wheels, there, plan) == []
        assert {one.method for one in proxy.seen} == {"HEAD"}


async def test_a_fault_is_a_warning_and_the_wheel_is_compiled(proxy: Proxy, tmp_path: Path) -> None:
    here = workspace_at(tmp_path / "here")
    plan = await here.plan(["lyrics-detection:cpu"], store=Store(ids={}))
    async with opened(proxy.host) as (cache, _):
        wheels = RegistryWheels(WheelStore(cache.client))
        (key,) = build_keys(here, NEEDED)
        await wheels.add(replace(BUILT, key=key))
        proxy.faults.append(Fault("other-bytes", method="GET", path="/blobs/"))
        (warning,) = await fetch_wheels(wheels, here, plan)
        assert "a wheel is not fetched from the registry, but compiled: " in warning
        assert to_compile(here, NEEDED)
