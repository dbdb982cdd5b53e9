"""The workflows as a runner does them: their own `run:` lines in order, against a registry, by Buildah."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import anyio
import pytest

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner as ProcessRunner
from ci.run.cleanup.folders import remove_folder
from tests.registry.proxy import proxied
from tests.registry.server import registry
from tests.workflows.dagger import FUNCTIONS
from tests.workflows.runner import Done
from tests.workflows.site import Site

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow(reason="an event starts up to seven jobs, each in a clone of its own"),
]
MAIN = "refs/heads/main"
WRITES = "PUT|POST|PATCH|DELETE"
LEVELS = {
    "level-0": "base:cpu",
    "level-1": "base:cuda,kill-one:cpu,kill-three:cpu",
    "level-2": "kill-two:cpu",
    "level-3": "",
}
IMAGES = {"base": ("cpu", "cuda"), "kill-one": ("cpu",), "kill-two": ("cpu",), "kill-three": ("cpu",)}
NOT_OF_A_PUSH = ("pull-request", "gpu-smoke", "base-drift")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with registry(folder / "registry") as running, proxied(running.host) as proxy:
        made = Site(folder, proxy)
        made.make()
        yield made
    for root in (folder / "roots").glob("*"):
        anyio.run(remove_folder, root, ProcessRunner(), find_privilege().prefix)


@pytest.fixture(scope="module")
def first(site: Site) -> dict[str, Done]:
    """The first push to main, with nothing in the registry; a level has of another what that one pushed."""
    site.cold = ("level-1", "level-2")
    try:
        return site.push("the first")
    finally:
        site.cold = ()


def ended(done: dict[str, Done]) -> dict[str, set[str]]:
    """Return the jobs by how they ended."""
    found: dict[str, set[str]] = {}
    for name, one in done.items():
        found.setdefault(one.result, set()).add(name)
    return found


def told(done: dict[str, Done]) -> str:
    return "\n".join(f"== {name}\n{one.text}" for name, one in done.items() if one.ran)


def calls(site: Site, since: int) -> list[tuple[str, str]]:
    """Return each call of Dagger since then: its function, and for which images."""
    found = site.calls("dagger")[since:]
    return [
        (
            "smoke" if "--smoke" in call else next(word for word in call if word in FUNCTIONS),
            call[call.index("--images") + 1] if "--images" in call else "",
        )
        for call in found
    ]


def test_a_push_to_main_builds_level_by_level_checks_and_releases(site: Site, first: dict[str, Done]) -> None:
    assert ended(first) == {
        "success": {"plan", "level-0", "level-1", "level-2", "smoke", "publish"},
        "skipped": {"level-3", *NOT_OF_A_PUSH},
    }, told(first)
    assert {name: first["plan"].outputs[name] for name in LEVELS} == LEVELS
    every = first["plan"].outputs["checks"]
    assert calls(site, 0)[:5] == [
        *(("report", images) for images in LEVELS.values() if images),
        ("smoke", every),
        ("publish", ""),
    ]
    sha = site.git("rev-list", "--max-parents=0", "HEAD").strip()
    tags = site.tags()
    for image, variants in IMAGES.items():
        for variant in variants:
            assert {variant, f"{variant}-{sha}"} <= tags[image]
        keys = {tag for tag in tags[image] if re.fullmatch(r"k-[0-9a-f]{32}", tag)}
        assert len(keys) >= len(variants)
        assert {f"{key}.key" for key in keys} <= tags[image]
    assert {sha, "current"} <= tags["release"]
    assert first["smoke"].summary.startswith("### Checks\n\n5 images: 5 reused (")
    assert "#### Checks" in first["smoke"].summary
    assert first["publish"].summary.startswith("### Budgets\n")
    publishing = next(call for call in site.calls("dagger") if "publish" in call)
    named = ["--version", sha, "--revision", sha, "--origin", "https://github.com/team/films"]
    assert publishing[publishing.index("publish") + 1 :] == named
    assert f"release:{sha}: 5 images, and all tags point to them" in first["publish"].text


def test_a_level_has_its_page_and_its_report_and_builds_on_what_the_one_before_pushed(
    site: Site, first: dict[str, Done]
) -> None:
    page = first["level-1"].summary
    assert page.startswith("### Images\n\n4 images: 3 built, 1 reused (")
    assert re.search(
        r"^\| ✅ built \| `kill-one:cpu` \| never built here \| [0-9.]+ s \|", page, re.MULTILINE
    )
    assert re.search(r"`base:cpu` \| the registry has this key; 3 built on it \|", page)
    report = json.loads((site.folder / "artifacts/report-level-2/report.json").read_text())
    assert {row["task"]: row["action"] for row in report["images"]} == {
        "base:cpu": "reused",
        "kill-one:cpu": "reused",
        "kill-two:cpu": "built",
    }


def test_a_second_push_without_a_change_builds_nothing_and_is_released(
    site: Site, first: dict[str, Done]
) -> None:
    before, since = site.tags(), len(site.calls("dagger"))
    done = site.push("the first")
    assert ended(done) == {
        "success": {"plan", "publish"},
        "skipped": {*LEVELS, "smoke", *NOT_OF_A_PUSH},
    }, told(done)
    assert done["plan"].outputs["checks"] == ""
    assert calls(site, since) == [("publish", "")]
    sha = site.git("rev-parse", "HEAD").strip()
    assert {tag for tags in site.tags().values() for tag in tags} - {
        tag for tags in before.values() for tag in tags
    } == {sha, f"{sha}.figures", f"cpu-{sha}", f"cuda-{sha}"}


def test_a_pull_request_builds_in_one_job_and_leaves_the_registry_alone(
    site: Site, first: dict[str, Done]
) -> None:
    before, since = site.tags(), len(site.calls("dagger"))
    sha = site.commit("of a pull request")
    site.proxy.seen.clear()
    done = site.happens("pull_request", "refs/pull/7/merge", sha)
    assert ended(done) == {
        "success": {"plan", "pull-request"},
        "skipped": {*LEVELS, "smoke", "publish", "gpu-smoke", "base-drift"},
    }, told(done)
    assert calls(site, since) == [("report", "kill-one:cpu,kill-two:cpu,kill-three:cpu")]
    assert "4 images: 3 built, 1 reused (" in done["pull-request"].summary
    assert site.proxy.count("GET|HEAD") > 0
    assert site.proxy.count(WRITES) == 0
    assert site.tags() == before


def test_an_image_that_fails_ends_its_level_and_nothing_is_released(
    site: Site, first: dict[str, Done]
) -> None:
    before, since = site.release(), len(site.calls("dagger"))
    done = site.push("of a failure", '["false"]')
    assert ended(done) == {
        "success": {"plan"},
        "failure": {"level-1"},
        "skipped": {"level-0", "level-2", "level-3", "smoke", "publish", *NOT_OF_A_PUSH},
    }, told(done)
    assert calls(site, since) == [("report", "kill-one:cpu,kill-three:cpu")]
    page = done["level-1"].summary
    assert "| ❌ failed | `kill-one:cpu` |" in page
    assert "#### Failed checks\n\n**`kill-one:cpu`**: 1 of" in page
    assert (site.folder / "artifacts/report-level-1/report.json").exists()
    assert site.release() == before
    assert site.release(site.git("rev-parse", "HEAD").strip()) == ""


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    site: Site, first: dict[str, Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    since = len(site.calls("dagger"))
    monkeypatch.setitem(site.more, "DOCKWRIGHT_DISK_FLOOR_MB", str(10**9))
    done = site.push("of a small disk")
    assert ended(done)["failure"] == {"level-1"}, told(done)
    assert "dockwright: not enough disk: 1000 TB are needed" in done["level-1"].text
    assert calls(site, since) == []


def test_a_tag_is_released_under_its_name(site: Site, first: dict[str, Done]) -> None:
    site.commit("the first")
    done = site.happens("push", "refs/tags/v1.0")
    assert ended(done)["success"] == {"plan", "publish"}, told(done)
    assert site.release("v1.0") == site.release()
    assert {"cpu-v1.0", "cuda-v1.0"} <= site.tags()["base"]


def test_by_hand_the_gpu_runner_is_asked_and_one_without_a_gpu_fails(
    site: Site, first: dict[str, Done]
) -> None:
    """The machine of the tests has none: a job that is there for a GPU must not pass on it."""
    since = len(site.calls("dagger"))
    site.commit("the first")
    done = site.happens("workflow_dispatch", MAIN, inputs={"rebuild": False, "gpu": True})
    assert ended(done)["success"] == {"plan"}, told(done)
    assert ended(done)["failure"] == {"gpu-smoke"}, told(done)
    assert "gpu required: --require-gpu is set, and no GPU can be used: there is no /dev/nvidia0" in told(
        done
    )
    assert done["gpu-smoke"].runs_on == "self-hosted gpu"
    (call,) = site.calls("dagger")[since:]
    assert call[call.index("report") :][:5] == ["report", "--smoke", "--variant", "cuda", "--require-gpu"]
    page = done["gpu-smoke"].summary
    assert page.startswith("### Checks on a GPU\n")
    assert "--require-gpu is set, and no GPU can be used" in page


def test_at_night_all_is_built_again_and_what_drifted_is_a_pull_request(
    site: Site, first: dict[str, Done]
) -> None:
    site.lock_an_old_wheel()
    site.commit("the first")
    before = site.tags()
    site.proxy.seen.clear()
    done = site.happens("schedule", MAIN)
    assert ended(done) == {
        "success": {"plan", "level-0", "level-1", "level-2", "smoke", "base-drift"},
        "skipped": {"level-3", "pull-request", "gpu-smoke", "publish"},
    }, told(done)
    assert {name: done["plan"].outputs[name] for name in LEVELS} == LEVELS
    assert "| ✅ built | `base:cpu` | asked for |" in done["level-0"].summary
    assert site.proxy.count(WRITES) == 0
    assert site.tags() == before
    moved = site.git("diff", "main", "base-drift", "--", cwd=site.folder / "origin")
    assert "-wheel==0.45.1 " in moved
    setup, listed, created = site.calls("gh")
    assert setup == ["auth", "setup-git"]
    assert listed[:8] == ["pr", "list", "--head", "base-drift", "--state", "open", "--json", "number"]
    assert created[:4] == ["pr", "create", "--head", "base-drift"]


def test_the_lint_checks_and_the_tests_are_run_as_they_stand(
    site: Site, first: dict[str, Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for pytest itself, which only collects, and .ci/run, which starts it: this test is one of them."""
    monkeypatch.setitem(site.variables, "DOCKWRIGHT_LARGE_RUNNER", "large")
    sha = site.commit_whole("all of it")
    done = site.happens("pull_request", "refs/pull/8/merge", sha, file="ci.yml")
    everything = done.pop("everything")
    assert ended(done) == {"success": {"lint", "tests"}}, told(done)
    lines = [line for line, _ in everything.ran]
    assert everything.runs_on == "large"
    if everything.result == "success":
        assert lines == ["./dockwright doctor --disk-gb 40", ".ci/run"]
        assert everything.ran[1][1] == "all of it\n"
    else:  # this machine is no large runner
        assert lines == ["./dockwright doctor --disk-gb 40"]
        assert "not enough disk: 40.0 GB are needed" in everything.text
    assert re.search(r"^zizmor +ok ", done["lint"].text, re.MULTILINE)
    assert "### Images" in done["tests"].summary
    assert "### Budgets" in done["tests"].summary
