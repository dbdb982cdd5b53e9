from __future__ import annotations

from ci.cli.test import gates, left_out


def test_every_gate_of_the_project_runs() -> None:
    assert [gate.argv[:2] for gate in gates(["a/Dockerfile.cpu"])] == [
        ("mypy",),
        ("hadolint", "--config"),
        ("lint-imports", "--no-cache"),
        ("mkdocs", "build"),
        ("ruff", "check"),
        ("ruff", "format"),
        ("zizmor", "--offline"),
        ("jactionlint", "--profile=default"),
    ]


def test_hadolint_looks_at_every_rendered_dockerfile() -> None:
    hadolint = next(
        gate for gate in gates(["a/Dockerfile.cpu", "b/Dockerfile.cuda"]) if gate.name == "hadolint"
    )
    assert hadolint.argv[-2:] == ("a/Dockerfile.cpu", "b/Dockerfile.cuda")


def test_a_run_says_what_it_leaves_out() -> None:
    assert left_out(engine=True, gates_too=True) == []
    (engine,) = left_out(engine=False, gates_too=True)
    assert "tests of the real thing" in engine
    (gate,) = left_out(engine=True, gates_too=False)
    assert "mypy, hadolint, mkdocs, lint-imports, ruff, zizmor, actionlint" in gate
