"""Many images at once, and several runners of one commit at once."""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from ci.catalog.load import load_stack
from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner
from ci.plan.keys import digest, documents, tag
from ci.registry.cache import Wanted
from ci.registry.retry import AT_ONCE
from ci.run.build.registry_tasks import MEANWHILE
from ci.run.cleanup.folders import remove_folder
from tests.engine.killed_stack import change, killed_stack
from tests.registry.cached import add, opened, quick, wanted
from tests.registry.machine import HERE, Machine, Ran
from tests.registry.proxy import Gate, Proxy

pytestmark = pytest.mark.engine
IDS = ("kill-one:cpu", "kill-three:cpu", "kill-two:cpu")


async def test_200_images_are_looked_up_with_64_requests_in_flight(proxy: Proxy) -> None:
    images = [wanted(number) for number in range(200)]
    async with opened(proxy.host, retry_policy=quick(answer_s=60.0)) as (cache, said):
        for one in images[::10]:
            await add(cache, one)
        proxy.seen.clear()
        # none of the first 64 is answered before all of them have come
        proxy.gates.append(Gate(64, method="HEAD"))
        found = await cache.look_up(images)
    assert (len(found.available), found.errors, said) == (20, {}, [])
    assert len(proxy.seen) == 200 + 20
    assert (proxy.most_at_once, AT_ONCE) == (64, 64)


@pytest.mark.slow(reason="each of the runners builds three images in a new store")
def test_runners_of_one_commit_end_with_the_same_tags(proxy: Proxy, tmp_path: Path) -> None:
    runners = 5
    place = f"{proxy.host}/team"
    stack = killed_stack(tmp_path / "stack")
    change(stack, f"first {tmp_path}")
    words = ("--cache", "read-write")
    assert Machine(HERE, stack).build(place, *words, images=("base",)).status == 0
    machines = []
    for number in range(runners):
        copy = tmp_path / f"stack-{number}"
        shutil.copytree(stack, copy)
        machines.append(Machine(str(tmp_path / f"root-{number}"), copy))
    # no look-up is answered before all runners ask, so that each of them has to build all three
    proxy.gates.append(Gate(runners, method="HEAD", path="/kill-three/manifests/k-[0-9a-f]{32}$"))
    try:
        with ThreadPoolExecutor(runners) as pool:
            ends = list(pool.map(lambda one: one.build(place, *words, images=()), machines))
        for ran in ends:
            assert (ran.status, ran.report["warnings"]) == (0, []), ran.text
            assert ran.rows == {"base:cpu": "reused", **dict.fromkeys(IDS, "built")}
        assert len({tuple(sorted(digests(ran).items())) for ran in ends}) == 1
        counted = Counter(id_ for ran in ends for id_ in told_twice(ran))
        for id_ in IDS:
            written = proxy.count("PUT", f"/{id_.partition(':')[0]}/manifests/k-.*[.]key$")
            # each that wrote no key document says so, and one of those that did was the first
            assert runners - written <= counted[id_] < runners
        last = Machine(str(tmp_path / "last"), stack).build(place, images=())
        assert set(last.rows.values()) == {"reused"}
        assert digests(last) == digests(ends[0])
        anyio.run(only_these_tags, proxy, stack)
    finally:
        for machine in machines:
            anyio.run(remove_folder, Path(machine.root), Runner(), find_privilege().prefix)


def digests(ran: Ran) -> dict[str, str]:
    return {row["task"]: row["digest"].removeprefix("sha256:") for row in ran.report["images"]}


def told_twice(ran: Ran) -> list[str]:
    """Return the images that a run says another runner has built at the same time, as all of it says it."""
    twice = [task.removeprefix("push/") for task, reason in ran.reasons.items() if reason == MEANWHILE]
    line = f"built here and by another runner at once: {len(twice)} ({', '.join(twice)})"
    assert (line in ran.text) == bool(twice), ran.text
    assert {ran.others[f"push/{id_}"] for id_ in twice} <= {"reused"}
    return twice


async def only_these_tags(proxy: Proxy, stack: Path) -> None:
    """Look for one cached image of each repository, found under its key, and no other tag."""
    keys = {id_: digest(document) for id_, document in documents(load_stack(stack), "bootstrap").items()}
    async with opened(proxy.host) as (cache, _):
        for id_ in ("base:cpu", *IDS):
            image, name = id_.partition(":")[0], tag(keys[id_])
            tags = set(await cache.client.tags(f"team/{image}", scope=()))
            assert {one for one in tags if ".smoke-" not in one} == {name, f"{name}.key"}
            # what checks came to is the same of all runners: they are on one machine
            assert len(tags) <= 3
            found = await cache.find(Wanted(id_, image, name, keys[id_]))
            assert found is not None
            assert found.image == await cache.client.digest(f"team/{image}", name, scope=())
