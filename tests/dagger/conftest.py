"""The stand-in session as fixtures: one server for the whole run, one connection at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import dagger
import pytest
from graphql import GraphQLSchema

from tests.dagger.schema import installed
from tests.dagger.session import Session, served


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return installed()


@pytest.fixture(scope="session")
def server(schema: GraphQLSchema) -> Iterator[Session]:
    with served(Session(schema)) as session:
        yield session


@pytest.fixture
async def session(server: Session, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    """A session with nothing in it yet, that `dagger.dag` is connected to."""
    monkeypatch.setenv("DAGGER_SESSION_PORT", str(server.port))
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", server.token)
    async with dagger.connection(dagger.Config(retry=None)):
        server.forget()
        yield server
