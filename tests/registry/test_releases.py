"""publish, verify, rollback and promote as they are typed, on real images."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Proxy
from tests.registry.server import SECRET, registry

pytestmark = pytest.mark.engine
IDS = ("base", "kill-one", "kill-two", "kill-three")


def inspect(reference: str, *words: str) -> str:
    argv = ("skopeo", "inspect", "--tls-verify=false", *words, f"docker://{reference}")
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    argv = ("git", *author, *words)
    return subprocess.run(
        argv, cwd=folder, check=True, capture_output=True, text=True, env=env
    ).stdout.strip()


def order(puts: list[str]) -> list[str]:
    """Return the images in the order in which their manifests are put."""
    return [
        one.split("/")[2].partition(":")[0] for one in puts if "/release:" not in one and ":sha256:" in one
    ]


def digest(reference: str) -> str:
    return inspect(reference, "--format", "{{.Digest}}").strip()


@pytest.mark.slow(reason="it publishes two releases, rolls back and promotes to two registries")
def test_a_release_is_made_verified_followed_by_the_next_gone_back_to_and_promoted(
    proxy: Proxy, tmp_path: Path
) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", f"https://who:{SECRET}@git.example.org/stack.git")
    place = f"{proxy.host}/team"
    words = ("--variant", "cpu", "--registry", place)
    change(machine.stack, f"first {tmp_path}")
    refused = machine.dockwright("publish", *words, "--version", "1.0")
    assert refused.returncode == 2
    assert "`--bootstrap-base`" in refused.stderr
    assert proxy.seen == []
    git(tmp_path, "add", "small")
    git(tmp_path, "commit", "--quiet", "--message", "first")

    first = machine.dockwright("publish", *words, "--version", "1.0", "--bootstrap-base")
    assert first.returncode == 0, first.stderr
    assert f"{place}/release:1.0: 4 images, and all tags point to them" in first.stdout
    digests = {image: digest(f"{place}/{image}:cpu") for image in IDS}
    assert digests == {image: digest(f"{place}/{image}:cpu-1.0") for image in IDS}
    index = json.loads(inspect(f"{place}/release:1.0", "--raw"))
    assert {one["digest"] for one in index["manifests"]} == set(digests.values())
    manifest = json.loads(inspect(f"{place}/kill-one:cpu", "--raw"))
    assert {layer["mediaType"] for layer in manifest["layers"]} == {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    }
    notes = {
        name.removeprefix("org.opencontainers.image."): text for name, text in manifest["annotations"].items()
    }
    assert notes["source"] == "https://git.example.org/stack.git"
    assert notes["revision"] == git(tmp_path, "rev-parse", "HEAD")
    # what the images share went to the registry once
    layers = {layer["digest"]: layer["size"] for layer in manifest["layers"]}
    sent = sum(one.got for one in proxy.seen)
    assert sum(layers.values()) < sent < 1.1 * sum(layers.values())

    proxy.seen.clear()
    dry = machine.dockwright("publish", *words, "--version", "1.1", "--bootstrap-base", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert {one.method for one in proxy.seen} <= {"HEAD", "GET"}
    lines = [line.split() for line in dry.stdout.splitlines()]
    puts = [line[1] for line in lines if line[0] == "put"]
    assert len([line for line in lines if line[0] == "mount"]) == len(lines) - len(puts)
    assert [one for one in puts if "@" not in one and ":sha256:" not in one] == [
        f"{place}/release:1.1",
        f"{place}/release:current",
        *(f"{place}/{image}:{name}" for image in order(puts) for name in ("cpu-1.1", "cpu")),
    ]
    assert sorted(order(puts)) == sorted(IDS)
    assert machine.dockwright("verify", "1.1", "--registry", place).returncode == 9

    change(machine.stack, f"second {tmp_path}")
    proxy.seen.clear()
    dry = machine.dockwright("publish", *words, "--version", "2.0", "--bootstrap-base", "--dry-run")
    assert dry.returncode == 9
    assert "not in the registry, so nothing is published: kill-one:cpu, " in dry.stderr
    second = machine.dockwright("publish", *words, "--version", "2.0", "--bootstrap-base")
    assert second.returncode == 0, second.stderr
    old, new = (json.loads(inspect(f"{place}/base:cpu-{version}", "--raw")) for version in ("1.0", "2.0"))
    assert (old["config"], old["layers"]) == (new["config"], new["layers"])
    # what differs from its commit has no revision
    assert "org.opencontainers.image.revision" not in new["annotations"]
    assert digest(f"{place}/kill-one:cpu") != digests["kill-one"]
    assert machine.dockwright("verify", "--registry", place).returncode == 0
    assert sum(one.got for one in proxy.seen) < 300_000

    assert machine.dockwright("rollback", "1.0", "--registry", place).returncode == 0
    assert {image: digest(f"{place}/{image}:cpu") for image in IDS} == digests
    subprocess.run(
        (
            *("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"),
            *(f"docker://{place}/kill-one:cpu-2.0", f"docker://{place}/kill-one:cpu"),
        ),
        check=True,
    )
    lagging = machine.dockwright("verify", "--registry", place)
    assert lagging.returncode == 9
    assert f"{place}/kill-one:cpu: sha256:" in lagging.stdout
    assert (
        "1 tags do not point to the images of release 1.0\nhint: `dockwright rollback 1.0` sets them"
        in lagging.stderr
    )

    within = machine.dockwright("promote", place, f"{proxy.host}/production")
    assert within.returncode == 0, within.stderr
    assert {image: digest(f"{proxy.host}/production/{image}:cpu") for image in IDS} == digests
    with registry(tmp_path / "other") as other:
        across = machine.dockwright("promote", place, f"{other.host}/production", "--version", "2.0")
        assert across.returncode == 0, across.stderr
        assert digest(f"{other.host}/production/kill-one:cpu") == digest(f"{place}/kill-one:cpu-2.0")


@pytest.mark.parametrize("command", ["publish", "verify", "rollback 1.0"])
def test_without_a_registry_the_command_says_what_to_give(tmp_path: Path, command: str) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    done = machine.dockwright(*command.split())
    assert done.returncode == 2
    assert "no registry is set\nhint: give --registry HOST[:PORT]/NAMESPACE" in done.stderr
