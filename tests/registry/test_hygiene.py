"""What a registry needs no longer goes from a real one, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.errors import RegistryError
from ci.plan.keys import digest, documents, tag
from ci.publish.release import released
from ci.publish.releases import Releases
from ci.registry.cache import Wanted
from ci.registry.manifest import OCI
from ci.registry.wheel_set import RegistryWheelSets, SetFile
from ci.registry.wheel_store import WheelStore
from ci.registry.wheels import BuiltWheel, RegistryWheels
from ci.run.gc.registry import registry_remove, registry_survey
from ci.wheelhouse.input_document import wheelhouse_input
from tests.engine.killed_stack import change, killed_stack
from tests.engine.luck import sha, wheel
from tests.registry.cached import add, opened, push
from tests.registry.machine import CHECKOUT, HERE, Machine
from tests.registry.proxy import Fault, Proxy

pytestmark = pytest.mark.engine


async def test_old_images_go_and_current_ones_stay(proxy: Proxy, tmp_path: Path) -> None:
    folder = killed_stack(tmp_path / "small")
    change(folder, "now")
    stack = load_stack(folder)
    key = digest(documents(stack, "bootstrap")["kill-one:cpu"])
    current = Wanted("kill-one:cpu", "kill-one", tag(key), key)
    stale = [Wanted(f"old-{n}:cpu", "kill-one", f"k-{n:032x}", f"{n:064x}") for n in range(3)]
    async with opened(proxy.host) as (cache, said):
        for one in (current, *stale):
            await add(cache, one)
        found, looked_at = await registry_survey(cache.client, stack, older_than=timedelta(days=30))
        assert (found, looked_at) == ((), 8)
        found, _ = await registry_survey(cache.client, stack, older_than=timedelta(0))
        assert {one.tag for one in found} == {one.tag for one in stale}
        assert await registry_remove(cache.client, found, said.append) == 3
        hits = (await cache.look_up([current])).available
        assert set(hits) == {"kill-one:cpu"}
        assert await cache.find(stale[0]) is None
        assert await registry_survey(cache.client, stack, older_than=timedelta(0)) == ((), 2)

        proxy.faults.append(Fault("status", method="DELETE", status=405, times=9))
        await add(cache, stale[0])
        found, _ = await registry_survey(cache.client, stack, older_than=timedelta(0))
        assert await registry_remove(cache.client, found, said.append) == 0
        assert f"team/kill-one:{stale[0].tag} was not removed: " in said[-1]


async def test_old_wheels_go_and_those_that_the_locks_name_stay(proxy: Proxy, tmp_path: Path) -> None:
    stack = load_stack(CHECKOUT / "docker")
    wanted = wheelhouse_input(stack, "cpu", "bootstrap")
    (built,) = wanted["builds"].values()
    path = tmp_path / "thing.whl"
    path.write_bytes(wheel("thing"))
    file = SetFile(file="thing-1.0-py3-none-any.whl", sha256=sha(path.read_bytes()))
    async with opened(proxy.host) as (cache, said):
        sets, wheels = RegistryWheelSets(WheelStore(cache.client)), RegistryWheels(WheelStore(cache.client))
        for input_ in (wanted["input"], "0" * 64):
            await sets.add(input_, [(file, path)])
        for key in (built, "1" * 64):
            await wheels.add(BuiltWheel(key, "thing==1.0", file.file, wheel(key[:4])))
        found, _ = await registry_survey(cache.client, stack, older_than=timedelta(days=30))
        assert found == ()
        found, looked_at = await registry_survey(cache.client, stack, older_than=timedelta(0))
        assert ({one.tag for one in found}, looked_at) == ({f"a-{'0' * 32}", f"w-{'1' * 32}"}, 4)
        # the file of the old set is one of the new set, and the empty config everybody's
        assert sorted(one.compressed_bytes for one in found) == [0, len(wheel("1111"))]
        assert await registry_remove(cache.client, found, said.append) == 2
        assert await sets.has(wanted["input"])
        assert await sets.fetch(file, tmp_path / "again")
        assert await wheels.has(built)
        assert not await wheels.has("1" * 64)
        assert not await sets.has("0" * 64)


async def test_an_image_of_a_release_stays_though_no_tag_follows_it(proxy: Proxy, tmp_path: Path) -> None:
    stack = load_stack(killed_stack(tmp_path / "small"))
    old, other = (Wanted("base:cpu", "base", f"k-{n:032x}", f"{n:064x}") for n in (1, 2))
    async with opened(proxy.host) as (cache, said):
        for one in (old, other):
            await cache.add(one, await push(cache.client, one, note=one.key), {"schema": 1})
        old_data, other_data = [
            await cache.client.manifest("team/base", one.tag, scope=()) for one in (old, other)
        ]
        releases = Releases(client=cache.client, say=said.append)
        await releases.publish("1.0", [released("base", "cpu", old_data, {})])
        found, looked_at = await registry_survey(cache.client, stack, older_than=timedelta(0))
        assert ([one.tag for one in found], looked_at) == ([other.tag], 6)

        for name in ("cpu", "cpu-1.0"):
            await cache.client.put_manifest("team/base", name, other_data, OCI, scope=())
        assert len(await releases.verify("1.0")) == 2
        found, _ = await registry_survey(cache.client, stack, older_than=timedelta(0))
        assert found == ()

        (_, (image,)) = await releases.read()
        await cache.client.remove("team/release", image.digest, scope=())
        with pytest.raises(RegistryError, match=r"A release names this image, .* nothing is removed"):
            await registry_survey(cache.client, stack, older_than=timedelta(0))


def test_after_a_release_only_what_it_does_not_name_goes(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    words = ("--variant", "cpu", "--registry", place)
    gc = ("gc", "--registry", place)
    change(machine.stack, f"first {tmp_path}")
    published = machine.dockwright("publish", *words, "--version", "1.0", "--bootstrap-base")
    assert published.returncode == 0, published.stderr
    change(machine.stack, f"second {tmp_path}")
    assert machine.build(place, "--cache", "read-write", images=("kill-three",)).status == 0
    change(machine.stack, f"third {tmp_path}")
    assert "nothing to delete; " in machine.dockwright(*gc, "--keep-gb", "100").stdout
    told = machine.dockwright(*gc, "--keep-gb", "0").stdout.splitlines()
    assert len(told) == 2
    assert "with it and what is newer, more than 0.00 GB would be kept" in told[0]
    removed = machine.dockwright(*gc, "--older-than", "0", "--yes")
    assert "deleted: 1 entry, " in removed.stdout
    assert proxy.count("DELETE") == 3
    for command in ("verify", "rollback 1.0"):
        done = machine.dockwright(*command.split(), "--registry", place)
        assert done.returncode == 0, done.stderr
    change(machine.stack, f"first {tmp_path}")
    again = machine.build(place, images=())
    assert set(again.rows.values()) == {"reused"}
    assert machine.dockwright("gc", "--keep-gb", "1").returncode == 2


def test_the_command_tells_first_and_removes_with_yes(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    change(machine.stack, f"first {tmp_path}")
    assert machine.build(place, "--cache", "read-write", images=("kill-three",)).status == 0
    change(machine.stack, f"second {tmp_path}")
    words = ("gc", "--registry", place)
    assert "nothing to delete; 6 tags were inspected" in machine.dockwright(*words).stdout
    told = machine.dockwright(*words, "--older-than", "0").stdout
    assert "team/kill-three:k-" in told
    assert "nothing was deleted; `--yes` deletes: 1 entry, " in told
    assert proxy.count("DELETE") == 0
    removed = machine.dockwright(*words, "--older-than", "0", "--yes").stdout
    assert "deleted: 1 entry, " in removed
    assert proxy.count("DELETE") == 3
    assert (
        "nothing to delete; 3 tags were inspected" in machine.dockwright(*words, "--older-than", "0").stdout
    )
