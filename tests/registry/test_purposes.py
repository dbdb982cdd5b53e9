"""A cache's credentials make no release, where a registry's tokens say so; those of a release do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.server import SECRET, USER, basic, registry, token_server

pytestmark = pytest.mark.engine
CACHE = {"DOCKWRIGHT_REGISTRY_USER": USER, "DOCKWRIGHT_REGISTRY_PASSWORD": SECRET}
RELEASE = {"DOCKWRIGHT_RELEASE_USER": "releaser", "DOCKWRIGHT_RELEASE_PASSWORD": SECRET}
GUARDED = "team/release|production/.*"
"""What the cache's user may only read."""


def digest(reference: str, user: str) -> str:
    argv = ("skopeo", "inspect", "--tls-verify=false", "--creds", f"{user}:{SECRET}")
    said = subprocess.run((*argv, f"docker://{reference}"), check=True, capture_output=True, text=True).stdout
    return str(json.loads(said)["Digest"])


@pytest.mark.slow(reason="it publishes and promotes with each kind of credentials")
def test_each_purpose_has_its_own_credentials(tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    change(machine.stack, str(tmp_path))
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        tokens.reads_only = {USER: GUARDED, "releaser": "(?!)"}
        place = f"{running.host}/team"
        words = ("--variant", "cpu", "--registry", place, "--bootstrap-base", "--version", "1.0")
        machine.more = CACHE
        refused = machine.dockwright("publish", *words)
        assert refused.returncode == 9
        assert f"access denied as {USER} (from DOCKWRIGHT_REGISTRY_USER and " in refused.stderr
        assert "Nothing of it is released, and the current release is unchanged" in refused.stderr
        assert (running.data / "repositories/team/kill-one/_manifests/tags").is_dir()
        assert not (running.data / "repositories/team/release/_manifests").exists()

        machine.more = {**CACHE, **RELEASE}
        change(machine.stack, f"again {tmp_path}")
        tokens.asked_by.clear()
        done = machine.dockwright("publish", *words)
        assert done.returncode == 0, done.stderr
        writes = {(user, one) for user, scopes in tokens.asked_by for one in scopes if "push" in one}
        assert {user for user, one in writes if one.startswith("repository:team/release:")} == {"releaser"}
        assert {user for user, _ in writes} == {USER, "releaser"}
        one = digest(f"{place}/kill-one:cpu", USER)

        within = ("promote", place, f"{running.host}/production")
        machine.more = CACHE
        refused = machine.dockwright(*within)
        assert refused.returncode == 9
        assert (
            f"Nothing is released, and the current release is unchanged in {running.host}/production"
            in refused.stderr
        )
        machine.more = {**CACHE, **RELEASE}
        done = machine.dockwright(*within)
        assert done.returncode == 0, done.stderr
        assert digest(f"{running.host}/production/kill-one:cpu", USER) == one

        with registry(tmp_path / "other", auth=basic(tmp_path / "other", "releaser")) as other:
            across = ("promote", place, f"{other.host}/production")
            machine.more = CACHE
            refused = machine.dockwright(*across)
            assert refused.returncode == 9
            assert "Nothing is released, and the current release is unchanged" in refused.stderr
            machine.more = {**CACHE, **RELEASE}
            done = machine.dockwright(*across)
            assert done.returncode == 0, done.stderr
            assert digest(f"{other.host}/production/kill-one:cpu", "releaser") == one
