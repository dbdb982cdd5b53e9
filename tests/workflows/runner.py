"""Does the jobs of a workflow as a runner does: its `run:` lines, by bash, in a clone, one job after another.

What GitHub itself does is here in as few words as our workflows need: expressions, outputs, skipped jobs.
Steps that use an action are known by its name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.workflows.document import LOCAL, Event, Workflow, action
from tests.workflows.expression import Scope, condition, fill

Result = Literal["success", "failure", "skipped"]
SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}
"""Source: GitHub Actions, workflow syntax, `jobs.<job_id>.steps[*].shell`."""
KEPT = (".venv", ".dockwright")
"""The environment of the wrapper, which a fresh machine would make in a few seconds."""
REPOSITORY = "team/films"
STEP_KEYS = {"name", "id", "if", "env", "run", "uses", "with", "shell"}
JOB_KEYS = {
    *("name", "needs", "if", "runs-on", "timeout-minutes", "permissions", "environment", "concurrency"),
    *("env", "outputs", "steps"),
}


@dataclass
class Done:
    """How a job ended; `ran` are its `run:` lines with what each wrote, in order."""

    result: Result
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[str, str]] = field(default_factory=list)
    summary: str = ""
    runs_on: str = ""

    @property
    def text(self) -> str:
        return "\n".join(f"$ {line}\n{output}" for line, output in self.ran)


@dataclass
class Runner:
    """Machines that have `programs` on their search path, and `variables` in place of a repository's.

    Every job has its clone of `origin` at `workspace`, and what `environment` gives it by its name.
    """

    origin: str
    workspace: Path
    scratch: Path
    programs: Path
    dagger: Path
    variables: Mapping[str, str]
    environment: Callable[[str], Mapping[str, str]]
    artifacts: Path

    def run(self, workflow: Workflow, event: Event) -> dict[str, Done]:
        """Do what `event` starts."""
        assert workflow.starts(event), f"{workflow.name} does not start at {event}"
        done: dict[str, Done] = {}
        for job in workflow.order():
            done[job] = _Job(self, workflow, event, job, done).run()
        return done


@dataclass
class _Job:
    runner: Runner
    workflow: Workflow
    event: Event
    name: str
    others: Mapping[str, Done]
    done: Done = field(default_factory=lambda: Done("success"))
    step_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False

    @property
    def value(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self.workflow.jobs[self.name]
        assert set(value) <= JOB_KEYS, f"{self.name}: {set(value) - JOB_KEYS} are not known here"
        return value

    def run(self) -> Done:
        needs = {name: self.others[name] for name in self.workflow.needs(self.name)}
        above = [self.others[name].result for name in self.workflow.ancestors(self.name)]
        before = Scope(
            {
                **self.contexts(),
                "needs": {
                    name: {"result": one.result, "outputs": one.outputs} for name, one in needs.items()
                },
            },
            failed="failure" in above,
            succeeded=all(one.result == "success" for one in needs.values()),
        )
        if not condition(self.value.get("if"), before):
            return Done("skipped")
        self.needs = before.contexts["needs"]
        where = self.value["runs-on"]
        self.done.runs_on = fill(where, before) if isinstance(where, str) else " ".join(where)
        for env in (self.workflow.value.get("env", {}), self.value.get("env", {})):
            self.environment |= {name: fill(text, self.scope()) for name, text in env.items()}
        shell = self.workflow.value.get("defaults", {}).get("run", {}).get("shell", "")
        for step in self.value["steps"]:
            self.step(step, {}, shell, self.step_outputs)
        if self.failed:
            self.done.result = "failure"
        else:
            outputs = self.value.get("outputs", {})
            self.done.outputs = {name: fill(text, self.scope()) for name, text in outputs.items()}
        return self.done

    def contexts(self) -> dict[str, Mapping[str, Any]]:
        event = self.event
        return {
            "github": {
                "event_name": event.name,
                "ref": event.ref,
                "ref_name": event.ref_name,
                "ref_type": event.ref_type,
                "sha": event.sha,
                "actor": "someone",
                "repository": REPOSITORY,
                "token": "a-token-of-the-run",
                "job": self.name,
            },
            "vars": self.runner.variables,
            "inputs": event.inputs,
            "secrets": {},
        }

    def scope(
        self,
        inputs: Mapping[str, str] | None = None,
        steps: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Scope:
        own: dict[str, Mapping[str, Any]] = {
            "env": env if env is not None else self.environment,
            "steps": steps if steps is not None else self.step_outputs,
            "needs": self.needs,
        }
        contexts = {**self.contexts(), **own}
        if inputs:
            contexts["inputs"] = inputs
            del contexts["needs"], contexts["vars"], contexts["secrets"]  # an action has none of them
            return Scope(contexts, failed=self.failed, succeeded=not self.failed, open=())
        return Scope(
            contexts, failed=self.failed, succeeded=not self.failed, open=("vars", "inputs", "secrets")
        )

    def step(
        self,
        step: Mapping[str, Any],
        inputs: Mapping[str, str],
        shell: str,
        outputs: dict[str, dict[str, Any]],
    ) -> None:
        """Do one step; what it puts out goes to `outputs` under its id."""
        assert set(step) <= STEP_KEYS, f"{self.name}: {set(step) - STEP_KEYS} are not known here"
        name = step.get("id", "")
        outputs[name] = {"outputs": _Outputs()}
        scope = self.scope(inputs, outputs)
        if not condition(step.get("if"), scope):
            return
        env = {
            **self.environment,
            **{key: fill(text, scope) for key, text in step.get("env", {}).items()},
        }
        if "run" in step:
            found, code = self.line(step["run"], step.get("shell", shell), env)
            outputs[name] = {"outputs": _Outputs(found)}
            self.failed = self.failed or code != 0
            return
        given = {key: fill(text, scope) for key, text in step.get("with", {}).items()}
        self.use(step["uses"], given)

    def line(self, text: str, shell: str, env: Mapping[str, str]) -> tuple[dict[str, str], int]:
        """Run a `run:` line as bash does for a runner; return its outputs and its exit code."""
        files = {name: self.runner.scratch / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        script = self.runner.scratch / "script.sh"
        script.write_text(text + "\n")
        ran = subprocess.run(
            (*SHELLS[shell], str(script)),
            cwd=self.runner.workspace,
            env={
                **os.environ,
                **self.runner.environment(self.name),
                **env,
                "CI": "true",
                "GITHUB_SHA": self.event.sha,
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": REPOSITORY,
                "PATH": os.pathsep.join([*self.path, str(self.runner.programs), os.environ["PATH"]]),
                **{name: str(file) for name, file in files.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.done.ran.append((text, ran.stdout))
        self.done.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        pairs = [line.partition("=") for line in files["GITHUB_OUTPUT"].read_text().splitlines()]
        assert all(mark for _, mark, _ in pairs), pairs
        return {name: value for name, _, value in pairs}, ran.returncode

    def use(self, what: str, given: Mapping[str, str]) -> None:
        """Do what an action does."""
        name = what.partition("@")[0]
        if name.startswith(LOCAL):
            self.composite(action(name, self.runner.workspace), given)
        elif name == "actions/checkout":
            assert given == {"persist-credentials": "false"}, given
            self.checkout()
        elif name == "dagger/dagger-for-github":
            assert set(given) == {"version"}, given
            self.path.insert(0, str(self.runner.dagger))
        elif name == "actions/upload-artifact":
            folder, target = self.runner.workspace / given["path"], self.runner.artifacts / given["name"]
            if folder.is_dir():
                shutil.copytree(folder, target, dirs_exist_ok=True)
        else:
            raise AssertionError(f"{what}: no such action is known here")

    def composite(self, value: Mapping[str, Any], given: Mapping[str, str]) -> None:
        assert value["runs"]["using"] == "composite"
        assert set(given) == set(value["inputs"]), f"{set(given)} are given, {set(value['inputs'])} asked for"
        outputs: dict[str, dict[str, Any]] = {}
        for step in value["runs"]["steps"]:
            assert "run" not in step or "shell" in step, f"{step['name']}: an action's step names its shell"
            self.step(step, given, "", outputs)

    def checkout(self) -> None:
        """Be a machine with a fresh clone, but for the wrapper's environment."""
        workspace = self.runner.workspace
        if not workspace.exists():
            _git("clone", "--quiet", self.runner.origin, str(workspace), cwd=self.runner.scratch)
        _git("fetch", "--quiet", "origin", self.event.ref, cwd=workspace)
        _git("checkout", "--quiet", "--force", "--detach", self.event.sha, cwd=workspace)
        _git("clean", "--quiet", "-ffdx", *(f"--exclude=/{name}" for name in KEPT), cwd=workspace)


class _Outputs(dict[str, str]):
    """The outputs of a step: one that it did not give is empty, as all are of a step that was skipped."""

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: Any = "") -> Any:
        return super().get(key, default or "")


def _git(*words: str, cwd: Path) -> None:
    done = subprocess.run(("git", *words), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
