"""Many images at once, and several runners of one commit at once."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from ci.engines.privilege import privilege
from ci.engines.runner import Runner
from ci.registry.patience import AT_ONCE
from ci.run.root import remove_root
from tests.engine.killed_stack import change, killed_stack
from tests.registry.cached import add, opened, wanted
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Proxy

pytestmark = pytest.mark.engine
IMAGES = ("kill-one", "kill-three")


async def test_200_images_are_looked_up_with_64_requests_in_flight(proxy: Proxy) -> None:
    images = [wanted(number) for number in range(200)]
    async with opened(proxy.host) as (cache, said):
        for one in images[::10]:
            await add(cache, one)
        proxy.seen.clear()
        found = await cache.look_up(images)
    assert (len(found.hits), found.faults, said) == (20, {}, [])
    assert len(proxy.seen) == 200 + 20
    assert AT_ONCE == 64
    assert 1 < proxy.most_at_once <= AT_ONCE


@pytest.mark.parametrize("runners", [2, 8])
def test_runners_of_one_commit_end_with_the_same_tags(proxy: Proxy, tmp_path: Path, runners: int) -> None:
    place = f"{proxy.host}/team"
    stack = killed_stack(tmp_path / "stack")
    change(stack, f"first {tmp_path}")
    assert Machine(HERE, stack).build(place, "--cache", "read-write", images=("kill-one",)).status == 0
    change(stack, f"second {tmp_path}")
    machines = []
    for number in range(runners):
        copy = tmp_path / f"stack-{number}"
        shutil.copytree(stack, copy)
        machines.append(Machine(str(tmp_path / f"root-{number}"), copy))
    gate = threading.Barrier(runners)

    def build(machine: Machine) -> tuple[dict[str, str], int]:
        gate.wait()
        ran = machine.build(place, "--cache", "read-write", images=IMAGES)
        assert ran.status == 0, ran.text
        assert ran.report["warnings"] == []
        built = {id_ for id_, action in ran.rows.items() if action == "built"}
        twice = [
            row["task"].removeprefix("push/")
            for row in ran.report["others"]
            if row["reason"] == "another runner has built and pushed it meanwhile"
        ]
        assert set(twice) <= built
        if twice:
            assert f"built here and by another runner at once: {len(twice)} ({', '.join(twice)})" in ran.text
        digests = {row["task"]: row["digest"].removeprefix("sha256:") for row in ran.report["images"]}
        return digests, len(built) - len(twice)

    try:
        with ThreadPoolExecutor(runners) as pool:
            ends = list(pool.map(build, machines))
        first = ends[0][0]
        assert all(digests == first for digests, _ in ends)
        # two that push at the same moment both say that they did
        assert sum(pushed for _, pushed in ends) >= len(IMAGES)
        last = Machine(str(tmp_path / "last"), stack).build(place, images=IMAGES)
        assert set(last.rows.values()) == {"reused"}
        assert {row["task"]: row["digest"].removeprefix("sha256:") for row in last.report["images"]} == first
    finally:
        for machine in machines:
            anyio.run(remove_root, Path(machine.root), Runner(), privilege())
