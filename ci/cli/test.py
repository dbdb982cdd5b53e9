"""test: dockwright's own lint and type checks and its tests, as CI runs them."""

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
from ci.redaction import redacted

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINE_TESTS = ("tests/engine", "tests/registry", "tests/e2e")
"""Tests of the real thing: they need Buildah, the network, and all image variants."""
WORKFLOWS = ".github"
WORKERS = 2
"""How many processes run the fast tests, which compute all the time."""
ENGINE_WORKERS = 3
"""How many run the tests of the real thing on the same two cores: much of the time they wait for others."""
SINGLE_PROCESS = {"--numprocesses", "--dist", "--capture", "--pdb", "--trace", "--co", "--collect-only"}
"""Options of pytest that set the number of processes or need one alone, in addition to `-n`, `-s`, `-k`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintCheck:
    """A lint or type check of the code; it runs in the checkout and prints the errors that it finds."""

    name: str
    argv: tuple[str, ...]


def lint_checks(dockerfiles: Sequence[str]) -> tuple[LintCheck, ...]:
    """Return the lint and type checks, the slowest first; `dockerfiles` are the rendered ones."""
    return (
        LintCheck(name="mypy", argv=("mypy",)),
        LintCheck(name="hadolint", argv=("hadolint", "--config", ".hadolint.yaml", *dockerfiles)),
        LintCheck(name="lint-imports", argv=("lint-imports", "--no-cache")),
        LintCheck(name="mkdocs", argv=("mkdocs", "build", "--strict")),
        LintCheck(name="ruff check", argv=("ruff", "check", "--quiet")),
        LintCheck(name="deptry", argv=("deptry", "--no-ansi", ".")),
        LintCheck(name="ruff format", argv=("ruff", "format", "--check", "--quiet")),
        LintCheck(name="zizmor", argv=("zizmor", "--offline", "--quiet", "--persona=pedantic", WORKFLOWS)),
        # without shellcheck and pyflakes, which a machine may have or not: the result is the same everywhere
        LintCheck(
            name="actionlint",
            argv=("jactionlint", "--profile=default", "--strict-exit", "--shellcheck=", "--pyflakes="),
        ),
    )


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.option("--engine", "engine_too", is_flag=True, help="Also run the tests of the real thing.")
@click.option(
    "--engine-only", is_flag=True, help="Run the tests of the real thing alone, without lint checks."
)
@click.option("--no-lint", is_flag=True, help="Leave the lint and type checks out.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]...")
@click.pass_context
def test(
    ctx: click.Context, engine_too: bool, engine_only: bool, no_lint: bool, pytest_args: tuple[str, ...]
) -> None:
    """Run dockwright's own lint and type checks and its tests.

    The lint and type checks are mypy, hadolint on the rendered Dockerfiles, mkdocs on the documents, the
    import contracts, ruff, deptry on the declared dependencies, and actionlint and zizmor on the workflows;
    then pytest runs the unit, golden, property and Dagger tests in two processes. All other arguments are
    passed to pytest, such as `-k plan -x` or the path of a test file, and then the lint and type checks are
    left out. For tests by name (`-k`) or by file, and with `-s` or `--pdb`, there is a single process.

    With --engine, the tests of the real thing follow: they start Buildah, use the network, and need the built
    images. Run `dockwright build-all` first.
    """
    if engine_too and engine_only:
        raise UsageError("`--engine` and `--engine-only` exclude each other", hint="leave one of them out")
    lint_too = not (no_lint or engine_only or pytest_args)
    failed = _run_lint_checks() if lint_too else []
    for line in left_out(engine=engine_too or engine_only, lint_too=lint_too):
        click.echo(line)
    if failed:
        click.echo(f"failed: {', '.join(failed)} (above); the exit code will be 1. Now the tests:")
    install_first()
    code = _pytest(engine_too, engine_only, pytest_args)
    ctx.exit(code or (1 if failed else 0))


def left_out(*, engine: bool, lint_too: bool) -> list[str]:
    """Return a sentence for each part of the whole that this run does not do."""
    lines = []
    if not lint_too:
        lines.append(
            "not run: the lint and type checks (mypy, hadolint, mkdocs, lint-imports, ruff, deptry, "
            "zizmor, actionlint); `dockwright test` runs them"
        )
    if not engine:
        lines.append(
            "not run: the tests of the real thing (tests/engine, tests/registry, tests/e2e); after "
            "`dockwright build-all`, `dockwright test --engine` runs them"
        )
    return lines


def _run_lint_checks() -> list[str]:
    """Run the lint and type checks in parallel, print the results in order, and return which failed."""
    rendered = sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("docker/*/Dockerfile.*"))
    if not rendered:
        raise UsageError("docker/: no rendered Dockerfile", hint="write them with `dockwright render`")
    failed = []
    chosen = lint_checks(rendered)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        started: list[Future[tuple[int, str, float]]] = [
            pool.submit(_run_lint_check, check) for check in chosen
        ]
        for check, future in zip(chosen, started, strict=True):
            code, output, seconds = future.result()
            click.echo(f"{check.name:<13} {'ok' if code == 0 else 'FAILED':<6} {seconds:5.1f} s")
            if code:
                click.echo(redacted(output.rstrip()))
                failed.append(check.name)
    return failed


def _run_lint_check(check: LintCheck) -> tuple[int, str, float]:
    start = time.monotonic()
    program = Path(sysconfig.get_path("scripts"), check.argv[0])
    done = subprocess.run(
        (str(program), *check.argv[1:]),
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
    paths = tuple(path for path in paths if (CHECKOUT / path).is_dir())
    argv = (sys.executable, "-m", "pytest", *workers(args, engine=bool(paths)), *args, *paths)
    return subprocess.run(argv, cwd=CHECKOUT, check=False).returncode


def workers(args: Sequence[str], *, engine: bool) -> tuple[str, ...]:
    """Return pytest's options for several processes; none where its arguments `args` say otherwise.

    A few tests by name or file need one: to collect the tests in each process takes longer than to run them.
    """
    for arg in args:
        if arg.startswith(("-n", "-s", "-k")) or arg.partition("=")[0] in SINGLE_PROCESS or ".py" in arg:
            return ()
    return ("-n", str(ENGINE_WORKERS if engine else WORKERS), "--dist", "loadscope")


def _plain_tests() -> tuple[str, ...]:
    import tomllib

    options = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    return tuple(options["ini_options"]["testpaths"])
