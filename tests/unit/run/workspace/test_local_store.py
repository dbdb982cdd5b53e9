from __future__ import annotations

from ci.run.workspace.base_kind import resolve_base
from ci.run.workspace.local_store import Store
from tests.stacks import small_stack

STORE = Store(
    ids={
        "small/base:k-1": "a",
        "small/base:cpu": "a",
        "small/asr:k-2": "b",
        "small/asr:k-3": "c",
        "small/asr:cpu": "c",
        "small/mux:cpu": "d",
        "other/asr:k-9": "e",
    }
)


def test_the_cache_tags_of_a_namespace_are_its_own() -> None:
    assert STORE.tags("small") == {"k-1", "k-2", "k-3"}


def test_what_was_built_last_is_the_cache_tag_that_shares_the_human_names_image() -> None:
    assert STORE.built("small") == {"base:cpu": "k-1", "asr:cpu": "k-3"}


def test_an_asked_kind_of_base_is_taken_without_a_look_at_the_registry() -> None:
    def look(host: str) -> bool:
        raise AssertionError(f"looked at {host}")

    assert resolve_base(small_stack(), "registry", look).kind == "registry"


def test_auto_looks_once_and_takes_the_bootstrap_base_where_the_registry_is_silent() -> None:
    from dataclasses import replace

    asked: list[str] = []

    def silent(host: str) -> bool:
        asked.append(host)
        return False

    auto = replace(small_stack(), base="auto")
    kind = resolve_base(auto, "", silent)
    assert (kind.kind, asked) == ("bootstrap", ["docker.io"])
    assert "does not answer" in kind.reason
    assert resolve_base(auto, "", lambda _host: True).kind == "registry"
