"""Events without secrets, whatever their texts came from. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

from ci.redaction import redacted
from ci.report.value import Value

Reported = TypeVar("Reported", bound=Value)
UNCHANGED = frozenset({"patch"})
"""What has to stay byte for byte; `ci.run.git.checkout` makes no patch that has a secret."""


def without_secrets(value: Reported) -> Reported:
    """Return an event, or a part of it, with all secrets in its texts hidden."""
    changed = {}
    for name in type(value).model_fields:
        before = getattr(value, name)
        after = before if name in UNCHANGED else _hidden(before)
        if after is not before:
            changed[name] = after
    return value.model_copy(update=changed) if changed else value


def _hidden(value: Any) -> Any:
    """Return the same object where nothing was hidden."""
    if isinstance(value, str):
        text = redacted(value)
        return value if text == value else text
    if isinstance(value, Value):
        return without_secrets(value)
    if isinstance(value, dict):
        entries = {name: _hidden(one) for name, one in value.items()}
        return entries if any(entries[name] is not one for name, one in value.items()) else value
    if isinstance(value, list | tuple):
        items = [_hidden(one) for one in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(items)
    return value
