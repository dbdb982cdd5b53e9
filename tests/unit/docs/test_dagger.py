"""The settings of docs/dagger.md are such that an engine and its chart know, and keep what builds need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from ci.engines.dagger.cache import MIN_KEPT_BYTES
from ci.engines.dagger.reach import LEGACY, LIMIT_S, RUNNER_HOST, SCHEMES
from ci.version import dagger_version
from tests.unit.docs.pages import PAGES

PAGE = PAGES["docs/dagger.md"]
SIZES = {"reservedSpace", "maxUsedSpace", "minFreeSpace", "sweepSize"}
ENGINE: Mapping[str, set[str]] = {
    "logLevel": set(),
    "gc": {"enabled", "policies", *SIZES},
    "security": {"insecureRootCapabilities"},
    "registries": {"mirrors", "http", "insecure", "ca"},
}
"""The keys of engine.json. Source: Dagger 0.21.8, engine/config/config.go."""
CHART: Mapping[str, Any] = {
    "engine": {
        **dict.fromkeys(
            ("config", "configJson", "kind", "port", "hostPort", "args", "terminationGracePeriodSeconds")
        ),
        **dict.fromkeys(("annotations", "labels", "env", "nodeSelector", "tolerations", "affinity")),
        **dict.fromkeys(
            ("imagePullSecrets", "priorityClassName", "runtimeClassName", "volumes", "volumeMounts")
        ),
        "resources": {"limits": None, "requests": None},
        "image": {"ref": None, "pullPolicy": None},
        "hostPath": {"dataVolume": {"enabled": None}, "runVolume": {"enabled": None}},
    },
    "service": {"type": None, "annotations": None, "labels": None},
}
"""The keys of the chart's values, as far as they are of use here; None is any value.

Source: Dagger 0.21.8, helm/dagger/values.yaml.
"""
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
"""Source: docker/go-units, RAMInBytes: GB and GiB are the same."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def chart() -> dict[str, Any]:
    (text,) = blocks("yaml")
    value: dict[str, Any] = yaml.safe_load(text)
    return value


def engine_configs() -> list[dict[str, Any]]:
    """Return each engine.json of the page: the blocks, those in the chart's values, and those in a table."""
    fragments = re.findall(r"`engine\.json`: `(\"[^`]*)`", PAGE)
    texts = [*blocks("json"), chart()["engine"]["configJson"], *(f"{{{one}}}" for one in fragments)]
    return [json.loads(text) for text in texts]


def size_bytes(text: str) -> int:
    found = re.fullmatch(r"([0-9]+)([kmgt]?)(i?b)?", text.lower())
    assert found, text
    return int(found[1]) * UNITS[found[2]]


def unknown(value: Any, known: Any, path: str = "") -> Iterator[str]:
    if known is None:
        return
    for key, inner in value.items():
        if key in known:
            yield from unknown(inner, known[key], f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_the_page_has_what_is_looked_at() -> None:
    assert len(blocks("json")) == 1
    assert len(engine_configs()) == 3


@pytest.mark.parametrize("config", engine_configs())
def test_an_engine_knows_each_setting(config: dict[str, Any]) -> None:
    assert set(config) <= set(ENGINE)
    assert set(config.get("gc", {})) <= ENGINE["gc"]
    for registry in config.get("registries", {}).values():
        assert set(registry) <= ENGINE["registries"]
        assert all(isinstance(registry.get(name, True), bool) for name in ("http", "insecure"))
        assert all(isinstance(registry.get(name, []), list) for name in ("mirrors", "ca"))


@pytest.mark.parametrize("config", [one for one in engine_configs() if "gc" in one])
def test_an_engine_keeps_what_builds_need_and_leaves_what_it_says(config: dict[str, Any]) -> None:
    sizes = {name: size_bytes(text) for name, text in config["gc"].items()}
    assert set(sizes) == {"maxUsedSpace", "reservedSpace", "minFreeSpace"}
    assert MIN_KEPT_BYTES <= sizes["reservedSpace"] < sizes["maxUsedSpace"]
    assert 0 < sizes["minFreeSpace"] < sizes["maxUsedSpace"]


def test_the_chart_knows_each_value() -> None:
    assert list(unknown(chart(), CHART)) == []


def test_the_chart_keeps_one_engine_a_node_on_its_disk_and_lets_it_end() -> None:
    engine = chart()["engine"]
    assert engine["kind"] == "DaemonSet"
    assert engine["hostPath"]["dataVolume"]["enabled"] is True
    assert engine["terminationGracePeriodSeconds"] >= 300
    assert set(engine["resources"]) == {
        "requests"
    }  # a limit of memory would be a kill, which empties the cache


def addresses() -> list[str]:
    return re.findall(r"^\| `([a-z+-]+://[^`]*)` \|", PAGE, re.MULTILINE)


def test_every_kind_of_address_is_on_the_page_and_is_looked_at() -> None:
    assert {address.partition("://")[0] for address in addresses()} == set(SCHEMES)
    assert not set(LEGACY) & set(SCHEMES)


def test_an_address_with_certificates_names_all_that_both_sides_need() -> None:
    (row,) = re.findall(r"^\| `tls://.*$", PAGE, re.MULTILINE)
    for word in ("ca_path=", "cert_path=", "key_path=", "--tlscert ", "--tlskey ", "--tlscacert "):
        assert word in row


def test_numbers_and_versions_are_those_of_the_code() -> None:
    versions = set(re.findall(r"(?<![\d.])0\.\d+\.\d+(?![.\d]*:)", PAGE))
    assert versions == {dagger_version()}
    assert f"`{RUNNER_HOST}`" in PAGE
    assert f"within {LIMIT_S:g} seconds" in " ".join(PAGE.split())
    assert f"less than {MIN_KEPT_BYTES // 10**9} GB of cache can stay" in " ".join(PAGE.split())
