from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.expression import ExpressionError, Scope, Value, condition, evaluate, fill

CONTEXTS: dict[str, dict[str, Any]] = {
    "github": {"event_name": "push", "ref": "refs/heads/main"},
    "vars": {"DOCKWRIGHT_GPU": "true"},
    "inputs": {},
    "needs": {"plan": {"outputs": {"level-1": "", "level-2": "a:cpu"}}},
}
SCOPE = Scope(CONTEXTS)
FAILED = Scope(CONTEXTS, failed=True, succeeded=False)
SKIPPED = Scope(CONTEXTS, succeeded=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push'", False),
        ("needs.plan.outputs.level-2", "a:cpu"),
        ("vars.NONE || 'registry'", "registry"),
        ("vars.NONE == ''", True),
        ("inputs.rebuild || false", False),
        ("!inputs.rebuild && 'read-write' || 'read'", "read-write"),
        ("github.event_name == 'schedule' && 'a' || 'b'", "b"),
        ("(inputs.gpu || vars.DOCKWRIGHT_GPU == 'true')", True),
        ("format('ghcr.io/{0}', 'a/b')", "ghcr.io/a/b"),
        ("'it''s'", "it's"),
        ("false == 'false'", False),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, value: Value) -> None:
    assert evaluate(text, SCOPE) == value


@pytest.mark.parametrize(
    "text",
    [
        "needs.plan.outputs.level-9",
        "needs.smoke.result",
        "github.evnt_name",
        "nobody.knows",
        "contains(github.ref, 'main')",
        "1 < 2",
        "github.event_name ==",
        "(true",
        "true false",
        "github.*",
    ],
)
def test_what_is_not_known_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, SCOPE)


@pytest.mark.parametrize(
    ("text", "scope", "runs"),
    [
        (None, SCOPE, True),
        (None, SKIPPED, False),
        ("${{ github.event_name == 'push' }}", SCOPE, True),
        ("${{ github.event_name == 'push' }}", SKIPPED, False),
        ("${{ !cancelled() && !failure() && needs.plan.outputs.level-2 != '' }}", SKIPPED, True),
        ("${{ !cancelled() && !failure() && needs.plan.outputs.level-2 != '' }}", FAILED, False),
        ("${{ !cancelled() && !failure() && needs.plan.outputs.level-1 != '' }}", SKIPPED, False),
        ("${{ !cancelled() }}", FAILED, True),
    ],
)
def test_only_a_status_function_survives_what_was_skipped(text: str | None, scope: Scope, runs: bool) -> None:
    assert condition(text, scope) is runs


def test_a_text_is_filled_in() -> None:
    assert fill("report-${{ github.event_name }}-${{ vars.NONE }}.", SCOPE) == "report-push-."
