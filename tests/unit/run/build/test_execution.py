"""What a run says of itself first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ci.engines.process.runner import Runner
from ci.plan.plan import Plan
from ci.report.events import Checkout
from ci.run.build.execution import started_event
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.workspace.base_kind import BaseKind
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from tests.stacks import small_stack

CHECKOUT = Checkout(commit="a" * 40, stack="docker", patch="+x")


def test_a_run_names_its_checkout_its_base_and_its_engine_and_no_password(tmp_path: Path) -> None:
    workspace = Workspace(
        settings=Settings(debian_mirror="https://me:secret@mirror.example.org/debian"),
        stack=small_stack(),
        base=BaseKind(kind="bootstrap", reason="asked for"),
        runner=Runner(),
        state=State(root=tmp_path),
    )
    argv = ("build-all", "--stack", "https://me:secret@example.org/x")
    run = PlannedRun(workspace=workspace, request=Request(argv=argv), plan=Plan(base="bootstrap", images=()))
    event = started_event(run, datetime(2026, 1, 2, tzinfo=UTC), CHECKOUT, "buildah")
    assert (event.base, event.engine, event.checkout) == ("bootstrap", "buildah", CHECKOUT)
    assert event.argv == ("build-all", "--stack", "https://example.org/x")
    assert event.settings["debian_mirror"] == "https://mirror.example.org/debian"
    assert event.settings["step_timeout_s"] == 1800.0
    assert "secret" not in event.model_dump_json()
