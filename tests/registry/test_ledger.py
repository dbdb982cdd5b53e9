"""What passed is found again: on this machine, in a registry, and nowhere that it does not belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ci.plan.plan import PlannedImage
from ci.registry.cache import RegistryCache
from ci.registry.key_artifact import smoke_tag
from ci.registry.ledger_artifact import RegistryLedger
from ci.report.check import Check, Rung, Status
from ci.run.reuse.ledger import Ledger
from ci.run.reuse.remote_cache import wanted
from ci.smoke.ledger_entry import Entry, Subject, entry_text
from tests.registry.cached import add, opened, push, quick
from tests.registry.proxy import Fault, Proxy
from tests.registry.server import Registry

pytestmark = pytest.mark.engine

KEY = "d" * 64
PLANNED = cast("PlannedImage", SimpleNamespace(id="asr:cpu", key=KEY, image=SimpleNamespace(image="asr")))
ONE = wanted(PLANNED)
SUBJECT = Subject(image=f"sha256:{'a' * 64}", suite="b" * 64, machine="x86-64-v3")
SEEN = Check(name="import numpy", rung=Rung.imports, status=Status.passed, seconds=0.5)
ENTRY = Entry(subject=SUBJECT, rungs={Rung.imports: (SEEN,)})
NOTHING = Entry(subject=SUBJECT, rungs={})


def ledger(folder: Path, cache: RegistryCache | None = None) -> tuple[Ledger, list[str]]:
    said: list[str] = []
    registry = RegistryLedger(cache=cache) if cache is not None else None
    return Ledger(folder=folder, warn=said.append, registry=registry), said


async def test_what_one_machine_recorded_another_one_finds_by_one_request(
    proxy: Proxy, tmp_path: Path
) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, ONE)
        here, said = ledger(tmp_path / "here", cache)
        await here.record(PLANNED, ENTRY)
        proxy.seen.clear()
        there, also_said = ledger(tmp_path / "there", cache)
        assert await there.find(PLANNED, SUBJECT) == ENTRY
        assert [request.method for request in proxy.seen] == ["GET"]
        again, _ = ledger(tmp_path / "there")
        assert await again.find(PLANNED, SUBJECT) == ENTRY
    assert (said, also_said) == ([], [])


async def test_what_is_of_another_machine_suite_or_image_is_not_there(
    plain: Registry, tmp_path: Path
) -> None:
    async with opened(plain.host) as (cache, _):
        one, said = ledger(tmp_path, cache)
        await one.record(PLANNED, ENTRY)
        for name, value in {"machine": "x86-64-v4", "suite": "c" * 64, "image": f"sha256:{'e' * 64}"}.items():
            other = SUBJECT.model_copy(update={name: value})
            found = (await one.find(PLANNED, other)).rungs
            assert found == {}, name
    # the registry's tag has the key, the suite and the machine: another content under the same key is told
    assert len(said) == 1
    assert said[0].endswith("earlier check results are ignored: is about another image")


async def test_a_cache_that_may_not_be_written_gets_no_entry(proxy: Proxy, tmp_path: Path) -> None:
    async with opened(proxy.host) as (cache, _):
        proxy.seen.clear()
        one, said = ledger(tmp_path, RegistryCache(client=cache.client, writes=False))
        await one.record(PLANNED, ENTRY)
        assert proxy.seen == []
        assert await one.find(PLANNED, SUBJECT) == ENTRY
    assert said == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"schemaVersion": 2, "layers": []}', "a descriptor is not an object"),
        (b"not even JSON", "not valid JSON, or incomplete"),
        (b"[" * 100_000, "not valid JSON, or incomplete"),
    ],
)
async def test_what_stands_in_its_place_and_is_no_entry_is_told(
    proxy: Proxy, tmp_path: Path, body: bytes, said: str
) -> None:
    async with opened(proxy.host) as (cache, _):
        one, _ = ledger(tmp_path / "one", cache)
        await one.record(PLANNED, ENTRY)
        proxy.faults.append(Fault("body", path="/manifests/.*smoke", body=body))
        other, told = ledger(tmp_path / "other", cache)
        assert await other.find(PLANNED, SUBJECT) == NOTHING
    (warning,) = told
    assert said in warning
    assert warning.endswith("it is ignored, and the checks are repeated")


async def test_an_image_in_place_of_an_entry_is_told(plain: Registry, tmp_path: Path) -> None:
    async with opened(plain.host) as (cache, _):
        one, said = ledger(tmp_path, cache)
        await push(cache.client, replace(ONE, tag=smoke_tag(ONE.tag, SUBJECT.name)))
        assert await one.find(PLANNED, SUBJECT) == NOTHING
    (warning,) = said
    assert "has no check results" in warning


async def test_a_registry_out_of_reach_costs_one_warning_and_no_result(
    plain: Registry, tmp_path: Path
) -> None:
    async with opened(plain.host, retry_policy=quick(tries=1)) as (cache, _):
        one, said = ledger(tmp_path, cache)
        plain.stop()
        assert await one.find(PLANNED, SUBJECT) == NOTHING
        await one.record(PLANNED, ENTRY)
        assert await one.find(PLANNED, SUBJECT) == ENTRY
        assert await one.find(PLANNED, SUBJECT.model_copy(update={"machine": "other"})) != ENTRY
    (warning,) = said
    assert warning.startswith("earlier check results are not read from the registry: ")


async def test_a_damaged_file_is_told_and_written_anew(tmp_path: Path) -> None:
    one, said = ledger(tmp_path)
    await one.record(PLANNED, ENTRY)
    (path,) = tmp_path.glob("*/*.json")
    path.write_text(entry_text(ENTRY)[:-30])
    assert await one.find(PLANNED, SUBJECT) == NOTHING
    (warning,) = said
    assert warning.startswith(f"{path}: earlier check results are ignored: is not an entry: ")
    await one.record(PLANNED, ENTRY)
    assert await one.find(PLANNED, SUBJECT) == ENTRY
