"""apt over Debian's mirrors, in a private root."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ci.errors import LockError
from ci.locks.apt_root import AptRoot

pytestmark = pytest.mark.engine

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
BY_A_USER = """
import sys
from dataclasses import replace
from pathlib import Path
from ci.locks.apt_root import AptRoot
root = AptRoot(Path(sys.argv[1]), "bookworm")
root.update()
print(*(line.name for line in root.resolve(["tini"], root.minimal())))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> AptRoot:
    root = AptRoot(tmp_path_factory.mktemp("apt"), "bookworm")
    root.update()
    return root


def test_apt_reads_and_writes_below_its_root_alone(root: AptRoot) -> None:
    kinds = ("State::lists", "State::status", "Cache", "Cache::archives", "Etc::sourceparts", "Etc::main")
    words = [
        word
        for kind in (*kinds, "Etc::parts", "Etc::preferencesparts", "Log")
        for word in ("x", f"Dir::{kind}/f")
    ]
    shown = subprocess.run(
        ["apt-config", "shell", *words],
        env={**os.environ, "APT_CONFIG": str(root.folder / "apt.conf")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(shown) == len(words) // 2
    assert [row for row in shown if not row.startswith(f"x='{root.folder}/")] == []


def test_a_minimal_debian_is_whole_and_small(root: AptRoot) -> None:
    names = [line.name for line in root.minimal()]
    assert {"apt", "base-files", "bash", "dpkg", "libc6", "usr-is-merged"} <= set(names)
    assert not {"usrmerge", "perl", "python3", "ca-certificates"} & set(names)


def test_a_closure_leaves_out_what_is_installed(root: AptRoot) -> None:
    minimal = root.minimal()
    (tini,) = root.resolve(["tini"], minimal)
    assert (tini.name, tini.arch) == ("tini", "amd64")
    assert tini.path.startswith("pool/main/t/tini/tini_")
    python = root.resolve(["python3"], minimal)
    assert root.resolve(["python3"], (*minimal, *python)) == ()
    assert not {line.name for line in python} & {line.name for line in minimal}


def test_a_pin_stays_while_a_mirror_has_it(root: AptRoot, tmp_path: Path) -> None:
    newest = {line.name: line for line in root.minimal()}["perl-base"]
    listed = subprocess.run(
        ["apt-cache", "madison", "perl-base"],
        env={**os.environ, "APT_CONFIG": str(root.folder / "apt.conf")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    older = [row.split("|")[1].strip() for row in listed.splitlines()][-1]
    if older == newest.version:
        pytest.skip("the mirror has one version of perl-base")
    gone = replace(newest, name="libc6", version="1.0-1")
    pinned = AptRoot(tmp_path, "bookworm", pins=[replace(newest, version=older), gone])
    pinned.update()
    found = {line.name: line for line in pinned.minimal()}
    assert found["perl-base"].version == older
    assert found["libc6"].version != "1.0-1"


def test_an_unknown_package_is_an_error_in_apts_words(root: AptRoot) -> None:
    with pytest.raises(LockError, match="Unable to locate package tinny"):
        root.resolve(["tinny"], ())


def test_a_mirror_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    stale_runs = AptRoot(tmp_path, "bookworm", mirror="http://127.0.0.1:9/debian")
    with pytest.raises(LockError, match=r"apt-get update failed \(bookworm\)"):
        stale_runs.update()


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is by an ordinary user already")
def test_it_works_for_an_ordinary_user() -> None:
    argv = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", BY_A_USER)
    with tempfile.TemporaryDirectory() as folder:  # pytest closes the folders above its own to others
        os.chown(folder, 65534, 65534)
        done = subprocess.run(
            (*argv, folder),
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "tini\n"), done.stderr


def test_a_virtual_package_is_refused_with_those_that_provide_it(root: AptRoot) -> None:
    with pytest.raises(LockError) as caught:
        root.resolve(["mail-transport-agent"], root.minimal())
    assert "is a virtual package provided by:" in caught.value.message
    assert caught.value.hint.startswith("write one of them instead of 'mail-transport-agent': ")
    assert "postfix" in caught.value.hint


def test_a_misspelt_package_is_refused_with_the_nearest_one(root: AptRoot) -> None:
    with pytest.raises(LockError) as caught:
        root.resolve(["ffmpegg"], root.minimal())
    assert caught.value.hint == "did you mean 'ffmpeg'?"
