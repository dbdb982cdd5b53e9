"""SIGKILL of a run, and of single children of it, at random moments, on a small stack over the built base."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.kills import PROC, Scene, Victim, kill_once
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.process.namespaces import pid_namespace
from ci.run.cleanup.processes import processes, with_children
from ci.run.workspace.live_runs import FOLDER, live_runs
from ci.settings import Settings
from tests.engine.conftest import BASE
from tests.engine.killed_stack import IMAGES, change, killed_stack
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

SEED = 20261124
"""Of the moments; each failure prints its own."""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    return killed_stack(tmp_path / "stack")


@pytest.fixture
def scene(settings: Settings, engine: BuildahEngine, stack: Path) -> Iterator[Scene]:
    """Give the build of the small stack, and a working container of somebody else that has to stay."""
    words = ("build", *IMAGES, "--variant", "cpu")
    plain = Scene(settings=settings.with_(stack=stack), arguments=words)
    before = plain.containers()
    name = f"somebody-elses-{os.getpid()}"
    id_ = plain.output(engine.buildah.start(BASE, name)).strip()
    found = next(one for one, named in plain.containers().items() if named == name)
    try:
        yield replace(plain, foreign=frozenset({*before, found, *plain.mounts()}))
        assert plain.containers().get(found) == name
    finally:
        plain.output(engine.buildah.remove(id_))


def whole(scene: Scene, *more: str) -> dict[str, dict[str, object]]:
    """Run the build to its end and return what its images are."""
    run = scene.start(*more)
    try:
        said, _ = run.communicate(timeout=HANG_S)
    finally:
        run.kill()
    assert run.returncode == 0, said
    return {name: value for name, value in scene.images().items() if name.partition(":")[0] in IMAGES}


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_after_the_next_run_nothing_is_left_and_the_images_are_those_of_an_undisturbed_one(
    scene: Scene, stack: Path, seed: int
) -> None:
    chance = random.Random(seed)
    victims: list[Victim] = ["run", "child"]
    told = [f"seed {seed}"]
    change(stack, f"{seed}-{os.getpid()}-{time.time_ns()}")
    for victim in victims:
        after_s = chance.uniform(0.8, 4.0)
        killed, status = kill_once(scene, victim, after_s, chance.choice)
        told.append(f"{victim} ({killed}) after {after_s:.2f} s, which ended with {status}")
    found = whole(scene)
    assert not scene.left(), told
    assert set(found) == {f"{image}:cpu" for image in IMAGES}, told
    assert whole(scene, "--rebuild") == found, told


def in_a_step(scene: Scene) -> subprocess.Popen[str]:
    """Start a build whose step goes on for long, and return it in that step."""
    run = scene.start()
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        if any("sleep" in name for name in names(with_children({run.pid}, processes()) - {run.pid})):
            return run
        time.sleep(0.05)
    run.kill()
    raise AssertionError(run.communicate()[0])


def test_a_check_that_somebody_kills_is_told_as_that(scene: Scene, stack: Path) -> None:
    change(stack, f"told-{os.getpid()}", step='["sleep", "1000"]')
    run = in_a_step(scene)
    try:
        below = with_children({run.pid}, processes()) - {run.pid}
        (victim, *_) = [pid for pid in sorted(below) if names({pid}) == ["unshare"]]
        os.kill(victim, signal.SIGKILL)
        said, _ = run.communicate(timeout=HANG_S)
    finally:
        run.kill()
    assert run.returncode == 7, said
    assert "killed by SIGKILL, not by this run" in said
    assert not scene.left().processes


def runc_containers() -> set[str]:
    words = ("runc", "list", "--quiet")
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split() if name.startswith("buildah-")}


def names(pids: set[int]) -> list[str]:
    found = []
    for pid in pids:
        try:
            found.append((PROC / str(pid) / "cmdline").read_bytes().partition(b"\0")[0].decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("isolation", ["chroot", "oci"])
def test_what_a_killed_run_started_ends_with_it_and_its_mounts_were_never_seen(
    scene: Scene, stack: Path, isolation: str
) -> None:
    scene = replace(scene, settings=scene.settings.with_(isolation=isolation))
    runc_before = runc_containers()
    if not pid_namespace(scene.buildah.privilege.prefix) or os.geteuid() != 0:
        pytest.skip("without namespaces it is the next run that ends them")
    change(stack, f"sleeping-{isolation}-{os.getpid()}", step='["sleep", "1000"]')
    run = in_a_step(scene)
    below = with_children({run.pid}, processes()) - {run.pid}
    assert len(below) >= 3
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=HANG_S)
    deadline = time.monotonic() + HANG_S
    while below & set(processes()) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = scene.left()
    assert left.processes == ()
    assert left.mounts == ()
    assert left.files != ()
    change(stack, f"awake-{isolation}-{os.getpid()}")
    whole(scene)
    assert not scene.left()
    assert runc_containers() <= runc_before


def test_processes_that_outlive_a_run_are_ended_by_the_next_one(scene: Scene, stack: Path) -> None:
    """As where sudo, or a machine that gives no namespaces, keeps them from ending with it."""
    folder = scene.settings.state / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "20261124-090807-4711-0a1b2c3d"
    mark.touch()
    child = subprocess.Popen(
        ("sh", "-c", "env -i sleep 1000 & wait"),
        env={**os.environ, "DOCKWRIGHT_RUN": str(mark)},
        start_new_session=True,
    )
    try:
        scratch = scene.settings.tmpdir / mark.name
        (scratch / "buildah1").mkdir(parents=True)
        change(stack, f"outlived-{os.getpid()}")
        run = scene.start()
        said, _ = run.communicate(timeout=HANG_S)
        assert run.returncode == 0, said
        assert child.wait(timeout=HANG_S) == -signal.SIGKILL
        assert not scene.left()
    finally:
        child.kill()


def test_an_image_that_was_being_written_goes_and_hides_no_other(scene: Scene, stack: Path) -> None:
    """Buildah writes an image's manifest last, and lists nothing at all while one has none."""
    if os.geteuid() != 0:
        pytest.skip("the store's files are root's")
    records = scene.buildah.storage.container_records
    images = Path(f"{records.removesuffix('-containers')}-images")
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": time.time_ns()}).encode()
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    id_ = digest.removeprefix("sha256:")
    listed = json.loads((images / "images.json").read_text())
    entry = {
        "id": id_,
        "layer": listed[0]["layer"],
        "big-data-names": [digest],
        "big-data-sizes": {digest: len(config)},
        "big-data-digests": {digest: digest},
        "created": "1970-01-01T00:00:00Z",
    }
    (images / id_).mkdir()
    (images / id_ / f"={base64.b64encode(digest.encode()).decode()}").write_bytes(config)
    (images / "images.json").write_text(json.dumps([*listed, entry]))
    with pytest.raises(subprocess.CalledProcessError):
        scene.output(scene.buildah.images())
    change(stack, f"written-{os.getpid()}")
    whole(scene)
    assert id_ not in scene.output(scene.buildah.images())
    assert not (images / id_).exists()


def test_what_a_living_run_owns_is_left_alone(scene: Scene, stack: Path, tmp_path: Path) -> None:
    change(stack, f"living-{os.getpid()}", step='["sleep", "1000"]')
    first = in_a_step(scene)
    try:
        assert [life.pid for life in live_runs(scene.settings.state)] == [first.pid]
        other = killed_stack(tmp_path / "other")
        change(other, f"beside-{os.getpid()}")
        whole(replace(scene, settings=scene.settings.with_(stack=other)))
        assert first.poll() is None
        assert scene.left().files != ()
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=HANG_S)
    assert first.returncode == 130
    assert not scene.left()
