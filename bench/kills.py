"""SIGKILL at random times: `python -m bench.kills --root DIR [--times N] [--seed N] [IMAGE...]`.

`DIR` is the root of a store of this bench's own: the images of the scope and all unnamed images in it are
removed again and again. Without IMAGE all CPU variants are built. Each time, the run (its whole Python
process) or one child of it is killed at a random moment of the build; then the next run goes on with what is
there. Counted are what the kill left, what is left after the next run, and whether config digests and DiffIDs
are those of a build that nothing disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.find_storage import find_storage
from ci.engines.process.command import Command
from ci.engines.process.namespaces import pid_namespace
from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import RUN_VARIABLE
from ci.run.cleanup.processes import processes, with_children
from ci.run.workspace.live_runs import FOLDER
from ci.settings import Settings, read_settings

Victim = Literal["run", "child"]
PROC = Path("/proc")
NOTHING = "nothing: it had ended"
LIMIT_S = 1200.0
"""A run that takes longer hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What of dockwright's is on the machine while no run is."""

    processes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the counts as a table's cell."""
        counts = (self.processes, self.mounts, self.containers, self.files)
        return " / ".join(str(len(one)) for one in counts)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.processes or self.mounts or self.containers or self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: of what, when, what the run ended with, what was left, and what became of the images."""

    victim: Victim
    after_s: float
    killed: str
    status: int
    left: Left
    next_left: Left
    next_status: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The settings and the arguments of the build.

    `foreign` are ids of containers, and mount points, that do not belong to this bench.
    """

    settings: Settings
    arguments: tuple[str, ...]
    foreign: frozenset[str] = frozenset()

    @property
    def buildah(self) -> Buildah:
        """This scene's Buildah."""
        privilege = find_privilege()
        return Buildah(
            privilege=privilege,
            storage=find_storage(self.settings.store, privilege.prefix, os.environ),
            tmpdir=str(self.settings.tmpdir),
            pid_namespace=pid_namespace(privilege.prefix),
        )

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start the build in a session of its own; its output goes nowhere, its report to the state."""
        return subprocess.Popen(
            (sys.executable, "-m", "ci.cli.main", *self.arguments, *more, "--progress", "quiet"),
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables with the settings of a run."""
        env = {
            "DOCKWRIGHT_STACK": str(self.settings.stack.absolute()),
            "DOCKWRIGHT_ISOLATION": self.settings.isolation,
        }
        return env | ({"DOCKWRIGHT_ROOT": str(self.settings.root)} if self.settings.root else {})

    def output(self, command: Command) -> str:
        """Return what a command of the engine prints."""
        env = {**os.environ, **dict(command.env)}
        return subprocess.run(command.argv, env=env, check=True, capture_output=True, text=True).stdout

    def containers(self) -> dict[str, str]:
        """Return the names of the store's containers by id."""
        rows = json.loads(self.output(self.buildah.containers()) or "[]") or []
        return {row["id"]: row["containername"] for row in rows}

    def mounts(self) -> tuple[str, ...]:
        """Return what is mounted below the root, or below the folder of temporary files."""
        folders = [self.settings.tmpdir, *([self.settings.root.absolute()] if self.settings.root else [])]
        points = [line.split()[4] for line in (PROC / "self/mountinfo").read_text().splitlines()]
        return tuple(one for one in points if any(Path(one).is_relative_to(folder) for folder in folders))

    def left(self) -> Left:
        """Return what is left of runs that have ended."""
        state, tmpdir = self.settings.state, self.settings.tmpdir
        folders = [path for path in (tmpdir, state / FOLDER) if path.is_dir()]
        return Left(
            processes=tuple(marked_processes(f"{RUN_VARIABLE}={state / FOLDER}/".encode())),
            mounts=tuple(one for one in self.mounts() if one not in self.foreign),
            containers=tuple(name for id_, name in self.containers().items() if id_ not in self.foreign),
            files=tuple(
                str(path) for folder in folders for path in folder.iterdir() if path.name != ".guard"
            ),
        )

    def images(self) -> dict[str, dict[str, object]]:
        """Return the config digest and the DiffIDs that the newest report's images have in the store."""
        report = self.report()
        namespace_names = {row["task"]: row["reference"] for row in report["images"] if row["reference"]}
        found = {}
        for task, reference in sorted(namespace_names.items()):
            value = json.loads(self.output(self.buildah.inspect(f"localhost/{reference}")))
            diff_ids = value["OCIv1"]["rootfs"]["diff_ids"]
            found[task] = {"config": value["FromImageID"], "layers": diff_ids}
        return found

    def report(self) -> dict[str, list[dict[str, str]]]:
        """Return the newest report."""
        runs = sorted((self.settings.state / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        done = [run for run in runs if (run / "report.json").exists()]
        value: dict[str, list[dict[str, str]]] = json.loads((done[-1] / "report.json").read_text())
        return value

    def forget(self, tasks: Sequence[str]) -> None:
        """Remove these images, all unnamed ones, and what the state knows of these."""
        listed = json.loads(self.output(self.buildah.images()) or "[]") or []
        wanted = tuple(f"/{task.partition(':')[0]}:" for task in tasks)
        names = [
            name
            for row in listed
            for name in row.get("names") or []
            if any(word in name for word in wanted) and not name.endswith(":cuda")
        ]
        prefix = (
            *self.buildah.privilege.prefix,
            *self.buildah.pid_namespace,
            "buildah",
            *self.buildah.storage.options,
        )
        if names:
            self.output(Command(argv=(*prefix, "rmi", "--force", *names)))
        self.output(Command(argv=(*prefix, "rmi", "--prune", "--force")))
        for task in tasks:
            shutil.rmtree(self.settings.state / "images" / task.replace(":", "-"), ignore_errors=True)


def marked_processes(mark: bytes) -> list[str]:
    """Return the command lines of the processes whose environment has `mark`."""
    found = []
    for pid in processes():
        try:
            if mark in (PROC / str(pid) / "environ").read_bytes():
                found.append((PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
        except OSError:
            continue
    return found


def kill_once(
    scene: Scene, victim: Victim, after_s: float, pick: Callable[[Sequence[int]], int]
) -> tuple[str, int]:
    """Start the build and kill it, or a child of it, after that time; return what was hit and its status."""
    run = scene.start()
    time.sleep(after_s)
    killed = NOTHING
    if run.poll() is None:
        pid = run.pid
        if victim == "child":
            below = sorted(with_children({run.pid}, processes()) - {run.pid})
            pid = pick(below) if below else run.pid
        try:
            killed = name_of(pid)
            os.kill(pid, signal.SIGKILL)
        except OSError:
            killed = NOTHING
    run.communicate(timeout=LIMIT_S)
    return killed, run.returncode


def name_of(pid: int) -> str:
    """Return the name of a process's program and its first argument that is not an option."""
    argv = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    plain = [argument for argument in argv[1:] if argument and not argument.startswith(("-", "/"))]
    return " ".join([Path(argv[0]).name, *plain[:1]])[:40]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A build that nothing disturbed: the images that it built, and its duration."""

    tasks: tuple[str, ...]
    images: dict[str, dict[str, object]]
    seconds: float


def kills(
    scene: Scene, undisturbed: Undisturbed, times: int, chance: random.Random, show: Callable[[Kill], None]
) -> list[Kill]:
    """Kill `times` builds of the images of `undisturbed`, each followed by another run."""
    done: list[Kill] = []
    for number in range(times):
        victim: Victim = "child" if number % 2 else "run"
        after_s = chance.uniform(0.2, max(1.0, undisturbed.seconds * 0.95))
        killed = NOTHING
        while killed == NOTHING:  # the build ended before the kill
            scene.forget(undisturbed.tasks)
            killed, status = kill_once(scene, victim, after_s, chance.choice)
            after_s *= 1.0 if killed != NOTHING else 0.7
        left = scene.left()
        following = scene.start()
        output, _ = following.communicate(timeout=LIMIT_S)
        images = scene.images() if following.returncode == 0 else {}
        wrong = tuple(name for name, value in undisturbed.images.items() if images.get(name) != value)
        if following.returncode != 0:
            sys.stderr.write(output)
        done.append(
            Kill(
                victim=victim,
                after_s=after_s,
                killed=killed,
                status=status,
                left=left,
                next_left=scene.left(),
                next_status=following.returncode,
                wrong=wrong,
            )
        )
        show(done[-1])
    return done


def row(number: int, kill: Kill) -> str:
    """Return a kill as a row of the table."""
    digests = "equal" if not kill.wrong else f"NOT EQUAL: {', '.join(kill.wrong)}"
    return (
        f"| {number} | {kill.victim} | {kill.after_s:.1f} s | {kill.killed} | {kill.status} | {kill.left} | "
        f"{kill.next_status} | {kill.next_left} | {digests} |"
    )


COLUMNS = ("#", "killed", "after", "which", "status", "left by it", "next run", "left by that", "digests")
"""What is left: processes / mounts / containers / files."""
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def main() -> int:
    """Kill and print; the exit code is 0 only if all was as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="root of a store of this bench's own")
    parser.add_argument("--times", type=int, default=20, help="how many kills; default: 20")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random times")
    parser.add_argument("--variant", default="cpu", help="variant that is built; default: cpu")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="default: all of the variant")
    options = parser.parse_args()
    arguments = ("build", *options.images) if options.images else ("build-all",)
    settings = read_settings(root=options.root)
    scene = Scene(settings=settings, arguments=(*arguments, "--variant", options.variant))
    scene.settings.state.mkdir(parents=True, exist_ok=True)
    first = scene.start()
    output, _ = first.communicate(timeout=LIMIT_S)
    if first.returncode != 0:
        raise SystemExit(output)
    named = [f"{image}:{options.variant}" for image in options.images]
    tasks = named or [row["task"] for row in scene.report()["images"]]
    scene.forget(tasks)
    start = time.monotonic()
    build = scene.start()
    output, _ = build.communicate(timeout=LIMIT_S)
    seconds = time.monotonic() - start
    if build.returncode != 0:
        raise SystemExit(output)
    undisturbed = Undisturbed(tasks=tuple(tasks), images=scene.images(), seconds=seconds)
    print(
        f"Seed {options.seed}; undisturbed: {len(tasks)} images built in {seconds:.1f} s.\n\n{HEAD}",
        flush=True,
    )
    shown: list[Kill] = []

    def show(kill: Kill) -> None:
        shown.append(kill)
        print(row(len(shown), kill), flush=True)

    done = kills(scene, undisturbed, options.times, random.Random(options.seed), show)
    bad = [kill for kill in done if kill.wrong or kill.next_left or kill.next_status]
    print(f"\n{len(done)} kills: {len(done) - len(bad)} as they should be, {len(bad)} not.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
