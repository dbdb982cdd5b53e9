"""The wrapper on a clean clone: what it sets up, how often, and what it keeps out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hang import HANG_S

CHECKOUT = Path(__file__).parents[2]
NETWORK = ("SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "UV_CACHE_DIR")
INSTALLING = "dockwright: installing"


def clone(target: Path) -> Path:
    subprocess.run(("git", "clone", "--quiet", "--no-local", CHECKOUT, target), check=True)
    return target


def run(
    *argv: str | Path, home: Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user with an empty home, in a pipe."""
    kept = {name: os.environ[name] for name in ("PATH", *NETWORK) if name in os.environ}
    return subprocess.run(
        argv,
        env={**kept, "HOME": str(home), **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Path, list[str]]:
    """A clone in which two commands were started at once as the first ones, and what they said."""
    checkout = clone(tmp_path_factory.mktemp("clone") / "checkout")
    kept = {name: os.environ[name] for name in ("PATH", *NETWORK) if name in os.environ}
    foreign = {"PIP_FIND_LINKS": "/nowhere", "PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_TARGET": "/nowhere"}
    started = [
        subprocess.Popen(
            (checkout / "dockwright", "schema"),
            env={**kept, **foreign, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = []
    for process in started:
        out, err = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, err
        assert json.loads(out)["type"] == "object"
        said.append(err)
    return checkout, said


def test_two_first_commands_set_up_once_and_say_what(first: tuple[Path, list[str]]) -> None:
    lines = [line for text in first[1] for line in text.splitlines() if line.startswith(INSTALLING)]
    assert [line.split(" in ")[0] for line in lines] == [
        f"{INSTALLING} uv==0.13.9",
        f"{INSTALLING} the Python environment",
    ]


def test_once_set_up_it_says_nothing_and_leaves_the_checkout_clean(
    first: tuple[Path, list[str]], home: Path, tmp_path: Path
) -> None:
    setup = tmp_path / "python3"  # what sets up starts with it, and nothing else does
    setup.write_text("#!/bin/sh\necho setting up again >&2; exit 9\n")
    setup.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = run(first[0] / "dockwright", "schema", home=home, cwd=tmp_path, env=path)
    assert (done.returncode, done.stderr) == (0, "")
    status = run("git", "-C", first[0], "status", "--porcelain", home=home, cwd=tmp_path)
    assert status.stdout == ""


def test_it_is_found_by_a_symbolic_link_and_by_its_name_alone(
    first: tuple[Path, list[str]], home: Path, tmp_path: Path
) -> None:
    (tmp_path / "tool").symlink_to(first[0] / "dockwright")
    linked = run(tmp_path / "tool", "graph", home=home, cwd=tmp_path)
    assert (linked.returncode, linked.stderr) == (0, "")
    named = run("sh", "dockwright", "graph", home=home, cwd=first[0])
    assert named.stdout == linked.stdout
    assert "lyrics-detection:cuda" in linked.stdout


def test_code_of_the_users_directory_and_python_path_stays_outside(
    first: tuple[Path, list[str]], home: Path, tmp_path: Path
) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci/__init__.py").write_text("raise SystemExit('another ci package was imported')\n")
    (tmp_path / "click.py").write_text("raise SystemExit('another click was imported')\n")
    env = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"}
    done = run(first[0] / "dockwright", "--version", home=home, cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_words_and_exit_codes_are_passed_on_unchanged(
    first: tuple[Path, list[str]], home: Path, tmp_path: Path
) -> None:
    done = run(first[0] / "dockwright", "--stack", "a folder *", "graph", home=home, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("dockwright: a folder *: no such directory")


def test_a_checkout_that_cannot_be_written_is_set_up_in_the_users_cache(home: Path, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    for path in (checkout, *checkout.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    # Modes do not hold root back, a read-only mount does.
    read_only = "mount --bind . . && mount -o remount,ro,bind . && cd . && exec ./dockwright --version"
    argv = (
        ("unshare", "--mount", "sh", "-c", f"{read_only}")
        if os.geteuid() == 0
        else ("./dockwright", "--version")
    )
    done = run(*argv, home=home, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert f"{home}/.cache/dockwright/" in done.stderr
    assert not (checkout / ".venv").exists()
    again = run(*argv, home=home, cwd=checkout)
    assert (again.returncode, again.stderr) == (0, "")


def test_another_uv_than_the_locked_one_is_refused(home: Path, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    lock = (checkout / "uv.lock").read_text()
    before, mark, after = lock.partition('name = "uv"\nversion = ')
    own, end, rest = after.partition("\n[[package]]")
    changed = "".join(
        f'hash = "sha256:{"0" * 64}"{part[part.index(",") :]}' if number else part
        for number, part in enumerate(own.split("hash = "))
    )
    (checkout / "uv.lock").write_text(before + mark + changed + end + rest)
    done = run(checkout / "dockwright", "--version", home=home, cwd=tmp_path)
    assert done.returncode == 4
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert str(checkout / ".dockwright/setup.log") in done.stderr
    assert not (checkout / ".dockwright/uv").exists()


def test_a_machine_without_python_is_told_what_to_type(home: Path, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("cat", "cksum", "tr"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    done = run("/bin/sh", checkout / "dockwright", "plan", home=home, cwd=tmp_path, env={"PATH": str(tools)})
    assert done.returncode == 1
    assert done.stderr == "dockwright: there is no python3; as root: `apt-get install python3`\n"


def completing(*, script: Path, typed: str, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Let a bash complete `typed`, by the completion function of `script`."""
    line = (
        'source "$1" && COMP_LINE=$2 && COMP_POINT=${#2} && _dockwright_completion "${2%% *}" && '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run("bash", "-c", line, "bash", script, typed, home=home, cwd=cwd)


def test_a_bash_completes_images_and_variants(
    first: tuple[Path, list[str]], home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(run(first[0] / "dockwright", "completion", "bash", home=home, cwd=tmp_path).stdout)
    for typed, candidates in (
        ("./dockwright roll", "rollback\n"),
        ("./dockwright build asr", "asr\nasr:cpu\nasr:cuda\n"),
        ("./dockwright build asr:cu", "cuda\n"),
    ):
        done = completing(script=script, typed=typed, home=home, cwd=first[0])
        assert (done.returncode, done.stdout, done.stderr) == (0, candidates, "")


def test_a_completion_installs_and_prints_nothing(home: Path, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    env = {"_DOCKWRIGHT_COMPLETE": "bash_complete", "COMP_TYPED": "dockwright bu"}
    done = run(checkout / "dockwright", home=home, cwd=tmp_path, env=env)
    assert (done.stdout, done.stderr) == ("", "")
    assert not (checkout / ".venv").exists()
