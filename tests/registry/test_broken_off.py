"""Whatever request a release, a promotion or a way back ends after, what stands is old or new, and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ci.publish.release import Put, pushes, tags
from ci.publish.releases import Lag, Releases
from ci.run.release.release import promote_release
from ci.settings import Settings
from tests.engine.killed_stack import change, killed_stack
from tests.hang import HANG_S
from tests.registry.cached import opened
from tests.registry.machine import CHECKOUT, HERE, Machine
from tests.registry.proxy import Fault, Proxy
from tests.registry.released import broken_off, commit_of, digests, released, releases_at, seen
from tests.registry.server import Registry

pytestmark = pytest.mark.engine
MOST = 100


async def test_a_release_broken_off_after_each_request_is_the_old_or_the_new(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        await releases.publish("0", await released(releases, "0"))
        states = []
        for after in range(1, MOST):
            old, version = await seen(releases), str(after)
            images = await released(releases, version)
            new, requests = digests(images), pushes("team", version, images)
            with broken_off(releases.client, after) as ended:
                await releases.publish(version, images)
            if not ended:
                break
            now = await seen(releases)
            states.append(now == new)
            # each tag that has not been moved yet is named, with what it names, and no other
            late = [one for one in requests[after:] if isinstance(one, Put)] if now == new else []
            assert await releases.verify() == tuple(
                Lag(
                    f"{plain.host}/{one.repository}:{one.reference}",
                    new[f"{one.repository[5:]}:cpu"],
                    old[f"{one.repository[5:]}:cpu"] if one.reference == "cpu" else "",
                )
                for one in late
            )
            assert now in (old, new)
            await releases.publish(version, images)
            assert await seen(releases) == new
            assert (await releases.verify(), await releases.verify(version)) == ((), ())
        commit = commit_of(requests)
        assert states == [False] * commit + [True] * (len(requests) - commit)
        assert len(requests) == 3 + (3 * 2 + 1) + 3 + 2 + 6


async def test_a_release_that_is_there_and_not_current_lacks_its_tags(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        await releases.publish("1.0", await released(releases, "a"))
        images = await released(releases, "b")
        with broken_off(releases.client, commit_of(pushes("team", "2.0", images))):
            await releases.publish("2.0", images)
        assert await releases.verify() == ()
        assert await releases.verify("2.0") == tuple(
            Lag(f"{plain.host}/team/{one.image}:cpu-2.0", one.digest, "") for one in images
        )


async def test_going_back_broken_off_after_each_request_is_the_old_or_the_new(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        first, second = await released(releases, "a"), await released(releases, "b")
        await releases.publish("1.0", first)
        await releases.publish("2.0", second)
        states = []
        for after in range(1, MOST):
            with broken_off(releases.client, after) as ended:
                await releases.restore("1.0")
            if not ended:
                break
            states.append(await seen(releases) == digests(first))
            late = [one for one in tags("team", "1.0", first) if one.reference == "cpu"][after - 1 :]
            assert [lag.reference for lag in await releases.verify()] == [
                f"{plain.host}/{one.repository}:cpu" for one in late
            ]
            await releases.restore("1.0")
            assert (await seen(releases), await releases.verify()) == (digests(first), ())
            await releases.restore("2.0")
            assert (await seen(releases), await releases.verify()) == (digests(second), ())
        assert states == [True] * 4  # the first request makes the release, and three tags follow


async def test_promoting_broken_off_after_each_request_is_the_old_or_the_new(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        states: list[bool] = []
        old: dict[str, str] = {}
        for after in range(1, MOST):
            images = await released(releases, str(after), count=2)
            await releases.publish(str(after), images)
            if not await promoted(plain.host, releases, after, states, old):
                break
            old = digests(images)
        # six blobs are mounted for the images, then a release is made as ever
        assert states == [False] * (6 + 2 + 5 + 2 + 1) + [True] * 5


async def promoted(host: str, origin: Releases, after: int, states: list[bool], old: dict[str, str]) -> bool:
    """Promote the current release broken off, then whole; return whether it was broken off."""
    async with opened(host, namespace="production") as (cache, said):
        to = Releases(client=cache.client, say=said.append)
        new = digests((await origin.read())[1])
        with broken_off(to.client, after) as ended:
            await promote_release(Settings(), origin, to, "current")
        now = await current(to)
        assert now in (old, new)
        if ended:
            states.append(now == new)
        await promote_release(Settings(), origin, to, "current")
        assert (await current(to), await to.verify()) == (new, ())
        return bool(ended)


async def current(releases: Releases) -> dict[str, str]:
    there = await releases.client.find_digest(
        releases.client.namespace.repository("release"), "current", scope=()
    )
    return digests((await releases.read_release())[1]) if there else {}


POINTS = {
    "kill-two/manifests/k-[0-9a-f]{32}$": False,
    "release/manifests/[0-9]": False,
    "release/manifests/current": False,
    "kill-one/manifests/cpu$": True,
}
"""What a publishing process is about to ask when it is killed, and whether its release is made then."""


@pytest.mark.slow(reason="it publishes nine times and verifies each")
def test_a_process_that_is_killed_leaves_the_old_or_the_new(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    words = ("--variant", "cpu", "--registry", place, "--bootstrap-base", "--version")
    change(machine.stack, f"first {tmp_path}")
    assert machine.dockwright("publish", *words, "0").returncode == 0
    for number, (path, is_made) in enumerate(POINTS.items(), 1):
        change(machine.stack, f"{number} {tmp_path}")
        fault = Fault("trickle", path=path, method="PUT|POST")
        proxy.faults.append(fault)
        kill(machine, ("publish", *words, str(number)), fault)
        assert fault.times == 0
        done = machine.dockwright("verify", "--registry", place)
        stands = number if is_made else number - 1
        if is_made:
            assert done.returncode == 9
            assert f"`dockwright rollback {stands}` sets them" in done.stderr
            assert f"{place}/{path.partition('/')[0]}:cpu" in done.stdout
        else:
            assert done.returncode == 0, done.stderr
            assert f"{place}/release:{stands}: 4 images" in done.stdout
        again = machine.dockwright("publish", *words, str(number))
        assert again.returncode == 0, again.stderr
        done = machine.dockwright("verify", "--registry", place)
        assert f"{place}/release:{number}: 4 images, and all tags point to them" in done.stdout


def kill(machine: Machine, argv: tuple[str, ...], fault: Fault) -> None:
    """Run a command, and kill it alone when it waits for an answer, by this fault for ever."""
    env = {**os.environ, "DOCKWRIGHT_STACK": str(machine.stack), "DOCKWRIGHT_BASE": "bootstrap"}
    env |= {"DOCKWRIGHT_ROOT": machine.root} if machine.root else {}
    program = (sys.executable, "-m", "ci.cli.main", *argv)
    with subprocess.Popen(
        program, env=env, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        timer = threading.Timer(HANG_S, process.kill)
        timer.start()
        while process.poll() is None and fault.times > 0:
            threading.Event().wait(0.02)
        process.kill()
        _, said = process.communicate()
        timer.cancel()
    assert process.returncode == -signal.SIGKILL, said
