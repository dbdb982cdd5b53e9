"""The GraphQL schema that the installed Dagger SDK speaks, read off its generated client.

The SDK's package does not hold the schema, but its generated client names every field, argument and type. So
what is derived here is the schema of the installed version, and nothing has to be kept beside the lock.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagger
from graphql import GraphQLSchema, build_schema

OBJECTS = {"Type", "Root", "Protocol"}
"""Base classes of what has an ID; `Type` itself stands for any of them."""

BUILT_IN = {"str": "String", "int": "Int", "bool": "Boolean", "float": "Float"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object type, an interface or an input; the types are SDL."""

    name: str
    type: str
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def sdl(self) -> str:
        arguments = ", ".join(f"{name}: {type_}" for name, type_ in self.arguments)
        return f"{self.name}({arguments}): {self.type}" if arguments else f"{self.name}: {self.type}"


def installed() -> GraphQLSchema:
    """Return the schema of the installed SDK."""
    return build_schema(derive((Path(dagger.__file__).parent / "client" / "gen.py").read_text("utf-8")))


def derive(client: str) -> str:
    """Return the SDL of the schema that the generated client, given as source text, was made from.

    An argument that is an object is an ID on the wire. An object type implements each interface that it can:
    it has its fields, with optional arguments added at most.
    """
    classes = [node for node in ast.parse(client).body if isinstance(node, ast.ClassDef)]
    kinds = {node.name: ast.unparse(node.bases[0]) for node in classes}
    objects = frozenset({"Type"} | {name for name, kind in kinds.items() if kind in OBJECTS})
    fields = {_graphql_name(node): tuple(_fields(node, objects)) for node in classes}
    interfaces = {name: fields[name] for name, kind in kinds.items() if kind == "Protocol"}

    definitions = ["scalar ID"]
    for node in classes:
        name = node.name
        match kinds[name]:
            case "Scalar":
                definitions.append(f"scalar {name}")
            case "Enum":
                definitions.append(_block("enum", name, _members(node)))
            case "Input":
                definitions.append(_block("input", name, [f.sdl for f in _inputs(node, objects)]))
            case "Protocol":
                definitions.append(_block("interface", name, [f.sdl for f in interfaces[name]]))
            case "Type" | "Root" if not name.startswith("_"):
                own = fields[name]
                has = [i for i, wanted in interfaces.items() if all(_has(own, f) for f in wanted)]
                implements = f"{name} implements {' & '.join(has)}" if has else name
                definitions.append(_block("type", implements, [f.sdl for f in own]))
            case _:
                pass  # the SDK's own stand-ins: `_NodeClient` for `Node`, `Client` for `Query`
    return "\n".join(definitions)


def _has(own: tuple[Field, ...], wanted: Field) -> bool:
    for field in own:
        if (field.name, field.type) == (wanted.name, wanted.type):
            added = set(field.arguments) - set(wanted.arguments)
            return set(wanted.arguments) <= set(field.arguments) and not any(
                type_.endswith("!") for _, type_ in added
            )
    return False


def _block(keyword: str, name: str, lines: list[str]) -> str:
    return f"{keyword} {name} {{\n  " + "\n  ".join(lines) + "\n}"


def _graphql_name(node: ast.ClassDef) -> str:
    # `_NodeClient` is what the SDK calls the interface `Node` through.
    return node.name.removeprefix("_").removesuffix("Client") if node.name.startswith("_") else node.name


def _members(node: ast.ClassDef) -> list[str]:
    return [
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def _inputs(node: ast.ClassDef, objects: frozenset[str]) -> Iterator[Field]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            type_ = _sdl(statement.annotation, objects, "ID")
            yield Field(statement.target.id, type_ if statement.value is None else type_.rstrip("!"))


def _fields(node: ast.ClassDef, objects: frozenset[str]) -> Iterator[Field]:
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
            continue
        for call in ast.walk(method):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            # `_select` names the field that it selects; `execute_sync` one that answers with the object's ID.
            if call.func.attr in {"_select", "execute_sync"}:
                name = next(a.value for a in call.args if isinstance(a, ast.Constant))
                assert isinstance(name, str)
                if name == "id" or call.func.attr == "execute_sync":
                    type_ = "ID!"
                else:
                    assert method.returns is not None
                    type_ = _sdl(method.returns, objects, None, itself=node.name)
                yield Field(name, type_, tuple(_arguments(method, objects, node.name)))


def _arguments(
    method: ast.FunctionDef | ast.AsyncFunctionDef, objects: frozenset[str], itself: str
) -> Iterator[tuple[str, str]]:
    annotations = {a.arg: a.annotation for a in (*method.args.args, *method.args.kwonlyargs)}
    for call in ast.walk(method):
        match call:
            case ast.Call(func=ast.Name(id="Arg"), args=[ast.Constant(value=str(name)), value, *default]):
                # The value is the parameter, or `[] if parameter is None else parameter`.
                parameter = value.orelse if isinstance(value, ast.IfExp) else value
                assert isinstance(parameter, ast.Name)
                annotation = annotations[parameter.id]
                assert annotation is not None
                type_ = _sdl(annotation, objects, "ID", itself)
                yield name, type_.rstrip("!") if default else type_
            case _:
                pass


def _sdl(annotation: ast.expr, objects: frozenset[str], object_: str | None, itself: str = "") -> str:
    """Return an annotation as SDL; `object_` is what stands for an object type, None for its own name."""
    match annotation:
        case ast.Constant(value=str(text)):
            return _sdl(ast.parse(text, mode="eval").body, objects, object_, itself)
        case ast.BinOp(left=left, right=ast.Constant(value=None)):
            return _sdl(left, objects, object_, itself).rstrip("!")
        case ast.Subscript(value=ast.Name(id="list"), slice=element):
            return f"[{_sdl(element, objects, object_, itself)}]!"
        case ast.Name(id=name):
            name = itself if name == "Self" else name
            return (object_ if object_ and name in objects else BUILT_IN.get(name, name)) + "!"
        case _:
            raise ValueError(f"an annotation of a form that is not known: {ast.unparse(annotation)}")
