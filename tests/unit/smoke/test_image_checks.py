"""What is checked of an image, when, and what of it is recorded, by an engine that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ci.engines.capabilities import Capabilities
from ci.engines.engine import Engine, ImageInfo, Output, SandboxedProgram
from ci.engines.process.command import ProcessResult
from ci.plan.plan import PlannedImage
from ci.report.check import Check
from ci.report.events import Checked, Event
from ci.run.reuse.ledger import Ledger
from ci.run.tasks.event_log import EventLog
from ci.smoke.check_options import CheckOptions
from ci.smoke.image_checks import ImageChecks
from ci.smoke.probe_program import PARENT_FILE, REQUEST
from ci.smoke.results import LINE_PREFIX
from tests.stacks import image, small_stack

CONTENT = "a" * 64
INFO = ImageInfo(id=CONTENT, config={"config": {}}, layers=(("one", 5),))
ASR = image("asr", "outside:python", "cuda")
STACK = replace(small_stack(), images=(ASR,))
GPU_FIGURES = {"capability": "9.0", "driver": "570.86"}
Answer = Callable[[dict[str, Any]], list[tuple[str, str, str]]]
"""What the probe says of a request: (rung, name, status) each."""


def all_good(request: dict[str, Any]) -> list[tuple[str, str, str]]:
    names = {"imports": "import torch", "gpu": "gpu device"}
    said = [(rung, names.get(rung, rung), "passed") for rung in request["rungs"]]
    if "gpu" in request["rungs"] and not request["gpu_first_only"]:
        said.append(("gpu", "gpu matmul-fp32", "passed"))
    return said


@dataclass
class Scripted:
    """An engine whose probe answers as `answer` says.

    `asked` are the rungs of each run but for `contents`, whose runs are in `contents` as (user, only, whether
    there was a parent). `listed` are the images whose files were listed, `closed` what root may not read.
    """

    answer: Answer = all_good
    without_gpu: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)
    contents: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    closed: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    parent_layers: tuple[tuple[str, int], ...] = (("one", 5),)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(sandbox="all"))

    async def images(self) -> dict[str, str]:
        return self.names

    async def inspect(self, image: str) -> ImageInfo:
        assert image in self.names.values()
        return replace(INFO, layers=self.parent_layers)

    async def run_sandboxed(self, image: str, closed: SandboxedProgram, _output: Output) -> ProcessResult:
        folder = Path(str(closed.mounts[0][0]))
        request = json.loads((folder / REQUEST).read_text())
        assert closed.gpu is ("gpu" in request["rungs"])
        user = closed.config["config"].get("User", "")
        events: list[dict[str, object]] = []
        if request.get("lists_files"):
            assert (closed.argv[0], user) == ("python3.11", "0:0")
            self.listed.append(image)
            events = [{"event": "listing", "part": "files "}, {"event": "listing", "part": "of it"}]
        elif request["rungs"] == ["contents"]:
            only = tuple(request.get("only", ()))
            listing = folder / PARENT_FILE
            self.contents.append((user, only, listing.is_file() and listing.read_text() == "files of it"))
            events = [{"event": "closed", "paths": {} if only else self.closed}]
        else:
            assert "contents" not in request["rungs"]
            self.asked.append(tuple(request["rungs"]))
        events += [
            {"event": "check", "rung": rung, "name": name, "status": status, "detail": "", "seconds": 1}
            | ({"metrics": GPU_FIGURES} if name == "gpu device" else {})
            for rung, name, status in self.answer(request)
        ]
        lines = [LINE_PREFIX + json.dumps(event) for event in [*events, {"event": "ended"}]]
        return ProcessResult(output="\n".join(lines) + "\n", status=0)

    async def machine_class(self) -> str:
        return "x86-64-v3"

    async def gpu_error(self, image: str) -> str:
        assert image == CONTENT
        return self.without_gpu


@dataclass
class Run:
    folder: Path
    has_uv: bool = True
    number: int = 0
    parents: dict[str, str] = field(default_factory=dict)
    base: str = "bootstrap"
    said: list[str] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    async def check(
        self, engine: Scripted, options: CheckOptions, content: str = CONTENT
    ) -> dict[str, Check]:
        uv = self.folder / "uv" if self.has_uv else None
        self.number += 1
        with EventLog(
            self.folder / f"events-{self.has_uv}-{self.number}",
            clock=lambda: 0.0,
            listeners=[self.told.append],
        ) as events:
            checks = ImageChecks(
                stack=STACK,
                directory=self.folder,
                scratch=self.folder,
                uv=lambda _image: uv,
                engine=cast("Engine", engine),
                emit=events.emit,
                options=options,
                ledger=Ledger(folder=self.folder / "ledger", warn=self.said.append),
                base=self.base,
                parents=self.parents,
            )
            planned = cast("PlannedImage", SimpleNamespace(id=ASR.id, image=ASR))
            found = await checks.check(planned, CONTENT, INFO, content, INFO.layers, Output())
        (event,) = [one for one in self.told if isinstance(one, Checked)]
        assert event.checks == found
        self.told.clear()
        assert self.said == []
        return {check.name: check for check in found if not check.name.startswith("config: ")}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


BELOW = ("structure", "size", "closure", "imports", "programs", "cuda")
ALWAYS: tuple[str, ...] = ("structure", "size")


def told(checks: dict[str, Check], name: str) -> tuple[str, str, bool]:
    return str(checks[name].status), checks[name].reason, checks[name].recorded


async def test_what_passed_is_not_done_again_and_what_concerns_security_is(run: Run) -> None:
    engine = Scripted()
    first = await run.check(engine, CheckOptions())
    second = await run.check(engine, CheckOptions())
    assert engine.asked == [BELOW, ALWAYS]
    assert told(first, "import torch") == ("passed", "", False)
    assert told(second, "import torch") == ("passed", "", True)
    assert told(second, "structure") == ("passed", "", False)
    await run.check(engine, CheckOptions(ledger=False))
    assert engine.asked[-1] == BELOW


async def test_what_failed_is_done_again(run: Run) -> None:
    broken = Scripted(lambda request: [(rung, rung, "failed") for rung in request["rungs"] if rung == "cuda"])
    await run.check(broken, CheckOptions())
    engine = Scripted()
    await run.check(engine, CheckOptions())
    assert engine.asked == [BELOW]


@pytest.mark.parametrize("options", [CheckOptions(ledger=False), CheckOptions()], ids=["no-ledger", "ledger"])
async def test_what_fails_where_it_passed_before_is_recorded_no_more(run: Run, options: CheckOptions) -> None:
    await run.check(Scripted(), CheckOptions())

    def torn(request: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [(rung, rung, "failed" if rung == "closure" else "passed") for rung in request["rungs"]]

    (entry,) = (run.folder / "ledger").rglob("*.json")
    if options.ledger:  # else nothing of that rung would be done again
        held = json.loads(entry.read_text())
        del held["rungs"]["imports"]
        entry.write_text(json.dumps(held))
    await run.check(Scripted(torn), options)
    assert "closure" not in json.loads(entry.read_text())["rungs"]
    engine = Scripted()
    await run.check(engine, CheckOptions())
    assert engine.asked == [(*ALWAYS, "closure", "imports")]


async def test_without_the_ledger_everything_is_done_and_what_was_found_replaces_the_entry(run: Run) -> None:
    engine = Scripted()
    for options in (CheckOptions(ledger=False), CheckOptions(ledger=False), CheckOptions()):
        await run.check(engine, options)
    assert engine.asked == [BELOW, BELOW, ALWAYS]


async def test_nothing_is_recorded_of_an_image_whose_content_nobody_knows(run: Run) -> None:
    engine = Scripted()
    for _ in range(2):
        await run.check(engine, CheckOptions(), content="")
    assert engine.asked == [BELOW, BELOW]


async def test_without_uv_imports_are_not_recorded_and_are_found_where_they_were(tmp_path: Path) -> None:
    engine = Scripted()
    without, with_uv = Run(tmp_path, has_uv=False), Run(tmp_path)
    await without.check(engine, CheckOptions())
    await without.check(engine, CheckOptions())
    assert engine.asked[-1] == (*ALWAYS, "closure", "imports")
    await with_uv.check(engine, CheckOptions())
    await without.check(engine, CheckOptions())
    assert engine.asked[-1] == ALWAYS


async def test_a_gpu_that_nobody_asked_for_is_skipped(run: Run) -> None:
    engine = Scripted()
    assert told(await run.check(engine, CheckOptions()), "gpu") == (
        "skipped",
        "not requested; add --gpu",
        False,
    )
    assert ("gpu",) not in engine.asked


async def test_a_machine_without_a_gpu_skips_and_fails_where_one_is_required(run: Run) -> None:
    engine = Scripted(without_gpu="there is no /dev/nvidia0")
    checks = await run.check(engine, CheckOptions(gpu=True))
    assert told(checks, "gpu") == ("skipped", "there is no /dev/nvidia0", False)
    assert "gpu required" not in checks
    checks = await run.check(engine, CheckOptions(require_gpu=True))
    assert checks["gpu"].status == "skipped"
    assert told(checks, "gpu required") == (
        "failed",
        "--require-gpu is set, and no GPU can be used: there is no /dev/nvidia0",
        False,
    )


async def test_a_driver_without_a_device_is_no_gpu_either(run: Run) -> None:
    engine = Scripted(lambda request: [("gpu", "gpu device", "skipped")] if "gpu" in request["rungs"] else [])
    checks = await run.check(engine, CheckOptions(require_gpu=True))
    assert {name: str(checks[name].status) for name in ("gpu", "gpu required")} == {
        "gpu": "skipped",
        "gpu required": "failed",
    }


async def test_a_gpu_is_not_tried_on_what_it_stands_on(run: Run) -> None:
    engine = Scripted(lambda _request: [("imports", "import torch", "failed")])
    checks = await run.check(engine, CheckOptions(gpu=True))
    assert told(checks, "gpu") == ("blocked", "by 'import torch'", False)
    assert engine.asked == [BELOW]


@pytest.mark.parametrize(
    "said",
    [
        [("structure", "probe", "failed")],
        [("structure", "probe", "failed"), ("closure", "shared libraries", "blocked")],
    ],
)
async def test_a_gpu_is_not_tried_where_the_checks_below_came_to_no_end(
    run: Run, said: list[tuple[str, str, str]]
) -> None:
    engine = Scripted(lambda _request: said)
    checks = await run.check(engine, CheckOptions(gpu=True))
    assert told(checks, "gpu") == ("blocked", f"by {said[0][1]!r}", False)
    assert engine.asked == [BELOW]


async def test_a_gpu_that_was_there_a_moment_before_has_failed_and_blocks_the_rest(run: Run) -> None:
    def vanishing(request: dict[str, Any]) -> list[tuple[str, str, str]]:
        if "gpu" not in request["rungs"] or request["gpu_first_only"]:
            return all_good(request)
        return [("gpu", "gpu device", "skipped"), ("gpu", "gpu matmul-fp32", "skipped")]

    engine = Scripted(vanishing)
    checks = await run.check(engine, CheckOptions(gpu=True))
    assert engine.asked == [BELOW, ("gpu",), ("gpu",)]
    status, detail, _ = told(checks, "gpu device")
    assert status == "failed"
    assert detail.startswith("the device was found a moment before and is missing now: ")
    assert told(checks, "gpu matmul-fp32") == ("blocked", "by 'gpu device'", False)


async def test_on_the_same_gpu_only_the_device_is_looked_at_again(run: Run) -> None:
    engine = Scripted()
    first = await run.check(engine, CheckOptions(gpu=True))
    assert engine.asked == [BELOW, ("gpu",), ("gpu",)]
    assert told(first, "gpu matmul-fp32") == ("passed", "", False)
    second = await run.check(engine, CheckOptions(gpu=True))
    assert engine.asked[3:] == [ALWAYS, ("gpu",)]
    assert told(second, "gpu device") == ("passed", "", False)
    assert told(second, "gpu matmul-fp32") == ("passed", "", True)


async def test_a_gpu_that_is_gone_in_the_middle_is_a_failure_and_not_recorded(run: Run) -> None:
    def goes(request: dict[str, Any]) -> list[tuple[str, str, str]]:
        status = {"gpu matmul-fp32": "failed"}
        return [(rung, name, status.get(name, word)) for rung, name, word in all_good(request)]

    engine = Scripted(goes)
    for _ in range(2):
        checks = await run.check(engine, CheckOptions(gpu=True))
        assert checks["gpu matmul-fp32"].status == "failed"
    assert engine.asked == [BELOW, ("gpu",), ("gpu",), ALWAYS, ("gpu",), ("gpu",)]


async def test_contents_are_checked_as_root_and_recorded(run: Run) -> None:
    engine = Scripted()
    first = await run.check(engine, CheckOptions())
    second = await run.check(engine, CheckOptions())
    assert engine.contents == [("0:0", (), False)]
    assert told(first, "contents") == ("passed", "", False)
    assert told(second, "contents") == ("passed", "", True)


async def test_what_root_may_not_read_is_checked_as_its_owner(run: Run) -> None:
    def of_a_guest(request: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [("contents", "no key or id", "failed" if request.get("only") else "passed")]

    engine = Scripted(of_a_guest, closed={"101:7": ["/var/lib/guest"]})
    checks = await run.check(engine, CheckOptions())
    assert engine.contents == [("0:0", (), False), ("101:7", ("/var/lib/guest",), False)]
    assert checks["no key or id"].status == "failed"


async def test_contents_are_compared_with_the_files_of_the_parent(run: Run) -> None:
    run.base, run.parents = "registry", {ASR.id: "small/base"}
    engine = Scripted(names={"small/base": "parents-id"})
    for options in (CheckOptions(), CheckOptions()):
        await run.check(engine, options)
    assert engine.listed == ["parents-id"]
    assert engine.contents == [("0:0", (), True)]


@pytest.mark.parametrize("names", [{}, {"small/base": "rebuilt"}])
async def test_contents_without_the_parent_that_was_built_on_are_not_recorded(
    run: Run, names: dict[str, str]
) -> None:
    run.base, run.parents = "registry", {ASR.id: "small/base"}
    engine = Scripted(names=names, parent_layers=(("another", 5),))
    for _ in range(2):
        await run.check(engine, CheckOptions())
    assert engine.contents == [("0:0", (), False)] * 2
