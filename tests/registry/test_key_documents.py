"""Key documents of given keys, from a registry."""

from __future__ import annotations

import pytest

from ci.errors import RegistryError
from ci.plan.keys import digest, tag
from ci.registry.cache import Wanted
from ci.registry.namespace import parse_namespace
from ci.run.verify.key_documents import registry_documents
from tests.registry.cached import add, opened, push, wanted
from tests.registry.server import Registry

pytestmark = pytest.mark.engine


async def test_a_registry_gives_the_documents_that_it_has_and_none_of_another_key(plain: Registry) -> None:
    document = {"schema": 1, "image": "ml:cpu"}
    key = digest(document)
    one = Wanted("ml:cpu", "ml", tag(key), key)
    said: list[str] = []
    async with opened(plain.host) as (cache, _):
        await cache.add(one, await push(cache.client, one), document)
        await add(cache, wanted())
    place = parse_namespace(f"{plain.host}/team")
    found = await registry_documents(place, [("ml:cpu", key), ("ml:cpu", "0" * 64)], said.append)
    assert found == {("ml:cpu", key): document}
    with pytest.raises(RegistryError, match="is of another key"):
        await registry_documents(place, [(wanted().id, wanted().key)], said.append)
    assert said == []
