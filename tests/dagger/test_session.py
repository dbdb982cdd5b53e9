from __future__ import annotations

import dagger
import pytest
from dagger import dag
from graphql import GraphQLSchema, print_type, validate_schema

from tests.dagger.schema import derive
from tests.dagger.session import Call, Session


def test_the_derived_schema_of_the_installed_sdk_is_sound(schema: GraphQLSchema) -> None:
    assert validate_schema(schema) == []
    text = print_type(schema.type_map["Container"])
    assert "type Container implements Exportable & Node & Syncer {" in text
    assert "  withUser(name: String!): Container!" in text
    assert "  withMountedDirectory(path: String!, source: ID!, owner: String, readOnly: Boolean, " in text
    assert "  envVariable(name: String!): String\n" in text
    assert "  envVariables: [EnvVariable!]!" in text
    assert "  container(platform: Platform): Container!" in print_type(schema.type_map["Query"])


def test_a_client_of_a_form_that_is_not_known_is_refused() -> None:
    source = """
class Query(Root):
    def strange(self) -> dict[str, str]:
        return self._select("strange", [])
"""
    with pytest.raises(ValueError, match=r"a form that is not known: dict\[str, str\]"):
        derive(source)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ container { withNothing { id } } }", "Cannot query field 'withNothing' on type 'Container'."),
        ("{ container { withUser(nmae: 1) { id } } }", "Unknown argument 'nmae' on field"),
        ("{ container { withExec(args: [1]) { id } } }", "String cannot represent a non string value: 1"),
        (
            "{ container { withWorkdir { id } } }",
            "Argument 'Container.withWorkdir(path:)' of type 'String!' is required",
        ),
    ],
)
def test_a_query_that_the_schema_does_not_know_is_refused(
    schema: GraphQLSchema, query: str, reason: str
) -> None:
    session = Session(schema)
    assert "data" not in session.answer(query, None)
    assert any(reason in message for message in session.rejected), session.rejected


async def test_an_id_leads_back_to_the_calls_that_made_the_object(session: Session) -> None:
    files = dag.directory().with_new_file("a", "text", permissions=0o600)
    container = await dag.container().from_("debian").with_directory("/srv", files).sync()
    assert await container.with_user("1:1").stdout() == "stdout"
    made: list[Call] = [
        ("container", {}),
        ("from", {"address": "debian"}),
        (
            "withDirectory",
            {
                "path": "/srv",
                "source": [
                    ("directory", {}),
                    ("withNewFile", {"path": "a", "contents": "text", "permissions": 0o600}),
                ],
            },
        ),
    ]
    assert session.calls(await container.id()) == made
    assert [list(calls) for calls in session.leaves] == [
        [*made, ("withUser", {"name": "1:1"}), ("stdout", {})]
    ]
    assert session.rejected == []


async def test_an_id_that_nobody_gave_out_is_an_error(session: Session) -> None:
    foreign = dagger.Directory(dag._ctx.select_id("Directory", "of another engine"))
    with pytest.raises(dagger.QueryError, match="no object has the ID 'of another engine'"):
        await foreign.entries()


async def test_another_token_is_refused(server: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGGER_SESSION_PORT", str(server.port))
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", "guessed")
    with pytest.raises(dagger.ClientConnectionError, match="401"):
        async with dagger.connection(dagger.Config(retry=None)):
            pass
    await dagger.close()
