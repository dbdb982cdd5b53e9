"""A stand-in for a Dagger session: it checks every query against the schema and remembers what was asked.

Nothing is run. The ID of an object leads back to the calls that made it, so that a test compares what a
pipeline is, not how the SDK cut it into queries.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Protocol

from graphql import (
    GraphQLError,
    GraphQLNamedType,
    GraphQLResolveInfo,
    GraphQLSchema,
    execute_sync,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
    parse,
    validate,
)

SCALARS: dict[str, Any] = {"Int": 0, "Float": 0.0, "Boolean": False}
"""What a leaf answers with; any other scalar is a text."""

Call = tuple[str, dict[str, Any]]
"""A field and its arguments; an argument that is an object is the list of the calls that made it."""


@dataclass(frozen=True, slots=True)
class Made:
    """An object of the GraphQL type `type`, made by `calls`."""

    type: str
    calls: tuple[Call, ...]


class World(Protocol):
    """What stands behind a session; once it is `gone`, no question gets an answer any more."""

    gone: bool

    def run(self, calls: tuple[Call, ...]) -> None:
        """Run what made an object. Raises GraphQLError where a program of it fails."""
        ...

    def leaf(self, calls: tuple[Call, ...]) -> Any:
        """Return the answer to a leaf, whose own field is the last call; None for the fixed one.

        Of a list of objects it is how many they are; each one's calls then end with `#` and its number.
        """
        ...


@dataclass(slots=True)
class Session:
    """What one stand-in has been asked, and its answers."""

    schema: GraphQLSchema
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    port: int = 0
    rejected: list[str] = field(default_factory=list)
    """Why queries were refused."""
    leaves: list[tuple[Call, ...]] = field(default_factory=list)
    world: World | None = None
    """What answers as if the calls had been run; without one each leaf has a fixed answer."""
    """The calls of each leaf other than an ID that was asked for, the leaf's own field last."""
    _ids: dict[str, Made] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew, with the same schema."""
        self.rejected.clear()
        self.leaves.clear()
        self._ids.clear()
        self.world = None

    @property
    def made(self) -> list[Call]:
        """Every call that made an object which an ID was given out for, each time that it is in one."""
        return [call for made in self._ids.values() for call in made.calls]

    def calls(self, id_: str) -> list[Call]:
        """Return the calls that made the object with this ID."""
        return list(self._ids[id_].calls)

    def answer(self, query: str, variables: dict[str, Any] | None) -> dict[str, Any]:
        """Return the answer to a query, as GraphQL puts it on the wire."""
        document = parse(query)
        if errors := validate(self.schema, document):
            self.rejected += [error.message for error in errors]
            return {"errors": [error.formatted for error in errors]}
        result = execute_sync(
            self.schema,
            document,
            Made("Query", ()),
            variable_values=variables,
            field_resolver=self._resolve,
            type_resolver=lambda made, _info, _type: made.type,
        )
        return dict(result.formatted)

    def _resolve(self, made: Made, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if not isinstance(made, Made):  # part of an introspection
            return getattr(made, info.field_name)
        if info.field_name == "node":
            return self._known(arguments["id"])
        if get_named_type(info.return_type).name == "ID":  # `id`, `sync`, a service's `start`
            if self.world is not None and info.field_name == "sync":
                self.world.run(made.calls)
            return self._id(made)
        call = (info.field_name, {name: self._argument(value) for name, value in arguments.items()})
        type_: GraphQLNamedType = get_named_type(info.return_type)
        if is_composite_type(type_) and not is_list_type(get_nullable_type(info.return_type)):
            return Made(type_.name, (*made.calls, call))
        self.leaves.append((*made.calls, call))
        answer = self.world.leaf((*made.calls, call)) if self.world is not None else None
        if is_composite_type(type_):
            return [Made(type_.name, (*made.calls, call, ("#", {"n": n}))) for n in range(answer or 0)]
        if answer is not None:
            return answer
        if is_list_type(get_nullable_type(info.return_type)):
            return []
        return next(iter(type_.values)) if is_enum_type(type_) else SCALARS.get(type_.name, info.field_name)

    def _id(self, made: Made) -> str:
        for id_, known in self._ids.items():
            if known == made:
                return id_
        id_ = f"{made.type}-{len(self._ids) + 1}@stand-in"
        self._ids[id_] = made
        return id_

    def _known(self, id_: str) -> Made:
        if id_ not in self._ids:
            raise GraphQLError(f"no object has the ID {id_!r}")
        return self._ids[id_]

    def _argument(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._argument(one) for one in value]
        if isinstance(value, str) and value.endswith("@stand-in"):
            return self.calls(value)
        return value


@contextmanager
def served(session: Session) -> Iterator[Session]:
    """Serve `session` on a free port of the loopback address, as an engine's session is."""
    expected = "Basic " + base64.b64encode(f"{session.token}:".encode()).decode()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != expected:
                self.send_error(HTTPStatus.UNAUTHORIZED)
                return
            answer = json.dumps(session.answer(body["query"], body.get("variables"))).encode()
            if session.world is not None and session.world.gone:
                self.close_connection = True
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            pass

    class Server(HTTPServer):
        request_queue_size = 128  # the SDK asks for the IDs of all arguments at once

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of a client that was ended, and so waits for no answer."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    with Server(("127.0.0.1", 0), Answer) as server:
        session.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield session
        finally:
            server.shutdown()
            thread.join()
