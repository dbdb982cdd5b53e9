"""test: dockwright's own gates and tests, as CI runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from ci.cli.setup.install import install_first
from ci.errors import UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINE_TESTS = ("tests/engine", "tests/registry", "tests/e2e")
"""Tests of the real thing: they need Buildah, the network, and all image variants."""
WORKFLOWS = ".github"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A check of the code as it is written; it runs in the checkout and prints what is wrong."""

    name: str
    argv: tuple[str, ...]


def gates(dockerfiles: Sequence[str]) -> tuple[Gate, ...]:
    """Return the gates, the slowest first; `dockerfiles` are the rendered ones."""
    return (
        Gate(name="mypy", argv=("mypy",)),
        Gate(name="hadolint", argv=("hadolint", "--config", ".hadolint.yaml", *dockerfiles)),
        Gate(name="lint-imports", argv=("lint-imports", "--no-cache")),
        Gate(name="mkdocs", argv=("mkdocs", "build", "--strict", "--quiet")),
        Gate(name="ruff check", argv=("ruff", "check", "--quiet")),
        Gate(name="ruff format", argv=("ruff", "format", "--check", "--quiet")),
        Gate(name="zizmor", argv=("zizmor", "--offline", "--quiet", "--persona=pedantic", WORKFLOWS)),
        # without what this machine may have or not: a finding is one everywhere
        Gate(
            name="actionlint",
            argv=("jactionlint", "--profile=default", "--strict-exit", "--shellcheck=", "--pyflakes="),
        ),
    )


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.option("--engine", "engine_too", is_flag=True, help="Also run the tests of the real thing.")
@click.option("--engine-only", is_flag=True, help="Run the tests of the real thing alone, without gates.")
@click.option("--no-gates", is_flag=True, help="Leave the gates out.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]...")
@click.pass_context
def test(
    ctx: click.Context, engine_too: bool, engine_only: bool, no_gates: bool, pytest_args: tuple[str, ...]
) -> None:
    """Run dockwright's own lint and type checks and its tests.

    The gates are mypy, hadolint on the rendered Dockerfiles, mkdocs on the documents, the import contracts,
    ruff, and actionlint and zizmor on the workflows; then pytest runs the unit, golden, property and Dagger
    tests. All else is passed on to pytest, such as `-k plan -x` or the path of a test file, and then the
    gates are left out.

    With --engine the tests of the real thing follow: they start Buildah, use the network, and look at the
    images in the store, so `dockwright build-all` comes first.
    """
    if engine_too and engine_only:
        raise UsageError("`--engine-only` leaves out what `--engine` adds to; give one of them")
    gates_too = not (no_gates or engine_only or pytest_args)
    failed = _run_gates() if gates_too else []
    for line in left_out(engine=engine_too or engine_only, gates_too=gates_too):
        click.echo(line)
    if failed:
        click.echo(f"failed: {', '.join(failed)} (above); the exit code will be 1. Now the tests:")
    install_first()
    code = _pytest(engine_too, engine_only, pytest_args)
    ctx.exit(code or (1 if failed else 0))


def left_out(*, engine: bool, gates_too: bool) -> list[str]:
    """Return a sentence for each part of the whole that this run does not do."""
    lines = []
    if not gates_too:
        lines.append(
            "not run: the gates (mypy, hadolint, mkdocs, lint-imports, ruff, zizmor, actionlint); "
            "`dockwright test` runs them"
        )
    if not engine:
        lines.append(
            "not run: the tests of the real thing (tests/engine, tests/registry, tests/e2e); after "
            "`dockwright build-all`, `dockwright test --engine` runs them"
        )
    return lines


def _run_gates() -> list[str]:
    """Run the gates side by side, print each one's result in their order, and return which failed."""
    rendered = sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("docker/*/Dockerfile.*"))
    if not rendered:
        raise UsageError("docker/: no rendered Dockerfile to look at; `dockwright render` writes them")
    failed = []
    chosen = gates(rendered)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        started: list[Future[tuple[int, str, float]]] = [pool.submit(_run_gate, gate) for gate in chosen]
        for gate, future in zip(chosen, started, strict=True):
            code, output, seconds = future.result()
            click.echo(f"{gate.name:<13} {'ok' if code == 0 else 'FAILED':<6} {seconds:5.1f} s")
            if code:
                click.echo(output.rstrip())
                failed.append(gate.name)
    return failed


def _run_gate(gate: Gate) -> tuple[int, str, float]:
    start = time.monotonic()
    program = Path(sysconfig.get_path("scripts"), gate.argv[0])
    done = subprocess.run(
        (str(program), *gate.argv[1:]),
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, time.monotonic() - start


def _pytest(engine_too: bool, engine_only: bool, args: Sequence[str]) -> int:
    paths: tuple[str, ...] = ()
    if engine_only:
        paths = ENGINE_TESTS
    elif engine_too:
        paths = (*_plain_tests(), *ENGINE_TESTS)
    sys.stdout.flush()
    argv = (sys.executable, "-m", "pytest", *args, *(path for path in paths if (CHECKOUT / path).is_dir()))
    return subprocess.run(argv, cwd=CHECKOUT, check=False).returncode


def _plain_tests() -> tuple[str, ...]:
    import tomllib

    options = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    return tuple(options["ini_options"]["testpaths"])
