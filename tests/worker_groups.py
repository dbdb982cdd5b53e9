"""A pytest plugin: which tests of the real thing one worker of pytest-xdist runs one after another.

- `images`: they need all images, in the store of DOCKWRIGHT_ROOT. A file that is not named below is here.
- `base` and `base-registry`: they build on base:cpu alone, the latter with a registry. Where there are
  several workers, a worker has a store for them.
- The files of OWN use neither store; each file is a group.

The tests of a group may list all containers, mounts and runs of its store. Those that put a secret into the
arguments of a process are in one group with those that search all processes for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest
from xdist.scheduler import LoadScopeScheduling

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner
from ci.run.cleanup.folders import remove_folder
from ci.settings import read_settings

CHECKOUT = Path(__file__).parents[1]
FOLDERS = {"engine", "registry", "e2e"}
BASE = {
    "engine": "apt_step disk embedded inputs_checked instructions isolation killed luck_build "
    "luck_machine luck_mirror other_user probe repro sdists shell staged",
    "registry": "broken_off budget explain gzip hygiene load publish purposes rebuild releases run_faults "
    "secrets tls_run wheel_set workflows",
    "e2e": "two_runs",
}
OWN = {
    "engine": "checkout closed gc git_programs locks_apt locks_bootstrap locks_uv locks_write luck_store "
    "luck_transfer metered metrics peers_meter smoke_child smoke_closure smoke_probe smoke_programs",
    "registry": "cache dagger faults figures key_documents ledger publish_faults wheels",
    "e2e": "wrapper",
}


def group(path: str) -> str:
    """Return the group of a file's tests, empty where they are no engine tests; `path` as in a test's id."""
    tests, _, rest = path.partition("/")
    folder, _, name = rest.partition("/")
    if tests != "tests" or folder not in FOLDERS:
        return ""
    word = name.removeprefix("test_").removesuffix(".py")
    if word in BASE[folder].split():
        return "base-registry" if folder == "registry" else "base"
    return path if word in OWN[folder].split() else "images"


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Gives a worker one group after another, or one test that is in none."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0]) or nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Replace what `--dist` names: xdist 3.8's `loadgroup` has no effect with pytest 9.2."""
    return GroupScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Give each group its store in a worker; in a single process all tests use that of DOCKWRIGHT_ROOT."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Stores())


class Stores:
    """The stores of a worker: DOCKWRIGHT_ROOT is the root of a test's group while the test runs."""

    def __init__(self) -> None:
        self.base_root: Path | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Set it before the fixtures of the test's module are made."""
        path = item.path.relative_to(item.config.rootpath).as_posix()
        with pytest.MonkeyPatch.context() as patch:
            match group(path):
                case "base" | "base-registry":
                    self.base_root = self.base_root or make_base_root()
                    patch.setenv("DOCKWRIGHT_ROOT", str(self.base_root))
                case found if found == path:
                    patch.setenv("DOCKWRIGHT_ROOT", "/proc/no-store")
            return (yield)

    def pytest_sessionfinish(self) -> None:
        """Remove what was made."""
        if self.base_root is not None:
            anyio.run(remove_folder, self.base_root, Runner(), find_privilege().prefix)


def make_base_root() -> Path:
    """Return a new root with base:cpu alone, built from the files that DOCKWRIGHT_ROOT has fetched."""
    settings = read_settings()
    for left in settings.state.parent.glob("base-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():  # its worker was killed
            anyio.run(remove_folder, left, Runner(), find_privilege().prefix)
    root = Path(tempfile.mkdtemp(prefix=f"base-{os.getpid()}-", dir=settings.state.parent))
    fetched = settings.state / "inputs/content"
    if fetched.is_dir():
        shutil.copytree(fetched, root / "state/inputs/content", copy_function=os.link)
    argv = (sys.executable, "-m", "ci.cli.main", "--root", str(root), "build", "base", "--variant", "cpu")
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise pytest.UsageError(f"no store for the tests on base:cpu\n{done.stdout}{done.stderr}")
    return root
