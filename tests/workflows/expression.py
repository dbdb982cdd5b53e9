"""The part of GitHub's expressions that our workflows use; anything else is an error, not a guess.

Source: GitHub Actions, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | float | bool | None | Mapping[str, Any]
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][A-Za-z0-9_-]*)|(?P<mark>&&|\|\||==|!=|[!().,]))"
)
TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATUS = ("success", "failure", "cancelled", "always")
LITERALS = {"true": True, "false": False, "null": None}


class ExpressionError(Exception):
    """An expression that is none, or that this does not know."""


@dataclass(frozen=True)
class Scope:
    """What an expression may name.

    Of a context in `open` a name that is not there is null (vars, inputs); of any other it is a mistake.
    """

    contexts: Mapping[str, Mapping[str, Any]]
    failed: bool = False
    succeeded: bool = True
    open: tuple[str, ...] = ("vars", "inputs")


def fill(text: Value, scope: Scope) -> str:
    """Return a value of a workflow as text, with each `${{ … }}` replaced by its value."""
    return TEMPLATE.sub(lambda match: shown(evaluate(match[1], scope)), shown(text))


def condition(text: str | bool | None, scope: Scope) -> bool:
    """Whether a job or step with `if: text` runs; without a status function it wants success."""
    if text is None:
        return scope.succeeded
    match = TEMPLATE.fullmatch(str(text).strip())
    inner = match[1] if match else str(text)
    value = truth(evaluate(inner, scope))
    if any(re.search(rf"\b{name}\(", inner) for name in STATUS):
        return value
    return scope.succeeded and value


def evaluate(text: str, scope: Scope) -> Value:
    """Return the value of an expression.

    Raises:
        ExpressionError: it is none, or names what is not there.
    """
    parser = _Parser(_tokens(text), scope)
    value = parser.either()
    if parser.left:
        raise ExpressionError(f"{text!r}: unexpected {parser.left[0][1]!r}")
    return value


def truth(value: Value) -> bool:
    return value not in (False, None, "", 0)


def shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        raise ExpressionError("a whole context is no text")
    return "" if value is None else str(value)


def equal(left: Value, right: Value) -> bool:
    """Compare loosely: texts without regard to case, and what is of two kinds as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if type(left) is type(right):
        return left == right
    return number(left) == number(right)


def number(value: Value) -> float:
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else 0.0 if not value else float("nan")
    if isinstance(value, Mapping):
        return float("nan")
    return float(value or 0)


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"{text!r}: {text[at:]!r} is not known here")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


@dataclass
class _Parser:
    left: list[tuple[str, str]]
    scope: Scope

    def take(self, *marks: str) -> str:
        if self.left and self.left[0][0] == "mark" and self.left[0][1] in marks:
            return self.left.pop(0)[1]
        return ""

    def either(self) -> Value:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self) -> Value:
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if truth(value) else value
        return value

    def comparison(self) -> Value:
        value = self.negation()
        while mark := self.take("==", "!="):
            value = equal(value, self.negation()) is (mark == "==")
        return value

    def negation(self) -> Value:
        if self.take("!"):
            return not truth(self.negation())
        return self.primary()

    def primary(self) -> Value:
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        if not self.left:
            raise ExpressionError("an expression that ends too early")
        kind, text = self.left.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind != "word":
            raise ExpressionError(f"unexpected {text!r}")
        if text in LITERALS:
            return LITERALS[text]
        return self.call(text) if self.take("(") else self.path(text)

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise ExpressionError(f"{mark!r} is missing")

    def call(self, name: str) -> Value:
        arguments: list[Value] = []
        while not self.take(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.either())
        match name, arguments:
            case "success", []:
                return self.scope.succeeded
            case "failure", []:
                return self.scope.failed
            case "cancelled", []:
                return False
            case "always", []:
                return True
            case "format", [str() as text, *rest]:
                return re.sub(r"\{(\d+)\}", lambda match: shown(rest[int(match[1])]), text)
            case _:
                raise ExpressionError(f"{name}() with {len(arguments)} arguments is not known here")

    def path(self, name: str) -> Value:
        if name not in self.scope.contexts:
            raise ExpressionError(f"no context {name!r} here; known: {', '.join(self.scope.contexts)}")
        value: Value = self.scope.contexts[name]
        while self.take("."):
            kind, key = self.left.pop(0) if self.left else ("", "")
            if kind != "word" or not isinstance(value, Mapping):
                raise ExpressionError(f"{name}.{key}: no such property")
            if key not in value and name not in self.scope.open:
                raise ExpressionError(f"{name}.{key}: there is only {', '.join(value) or 'nothing'}")
            value = value.get(key)
        return value
