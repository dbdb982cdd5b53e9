from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from inspect import Parameter
from pathlib import Path
from typing import Any, cast

import pytest
from dagger import Directory, Secret, dag
from dagger.mod import default_module

from ci.main import Dockwright, Failed
from ci.report.events import Checkout
from ci.report.report import Report
from ci.run.workspace.reports import read_report
from ci.version import dagger_version
from tests.dagger.session import Session
from tests.dagger.world import Stage
from tests.workflows import dagger as stand_in

CHECKOUT = Path(__file__).parents[2]
STACK = CHECKOUT / "docker"
OBJECT = default_module().get_object("Dockwright")
FIELDS = [
    *("source", "base", "base_archive", "ca", "index_url", "debian_mirror", "security_mirror"),
    *("registry", "username", "password", "registry_service", "jobs"),
]
"""What comes before the name of a function."""
FUNCTIONS = {
    "build": "",
    "build_all": "never",
    "catalog": "check",
    "export_cache": "never",
    "locks": "check",
    "matrix": "never",
    "plan": "",
    "publish": "never",
    "render": "",
    "rendered_files": "check",
    "report": "never",
    "smoke": "never",
    "wheelhouse": "",
}
"""Each function, and `never` where Dagger must not remember what it gave."""


@pytest.fixture
def stage(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The module's own container: an empty working directory, and the session's engine."""
    monkeypatch.chdir(tmp_path)
    stage = Stage(stack=STACK)
    session.world = stage
    return stage


def module(**given: Any) -> Any:
    base = {"base": "bootstrap", "base_archive": dag.directory().file("base.tar")}
    return cast("Any", Dockwright)(source=dag.directory(), **{**base, **given})


async def failed(coroutine: Any) -> str:
    with pytest.raises(Failed) as caught:
        await coroutine
    return str(caught.value)


def test_the_functions_are_these_and_each_argument_says_what_it_is() -> None:
    found = {}
    for name, one in OBJECT.functions.items():
        found[name] = "check" if one.meta.check else one.meta.cache or ""
        assert one.doc, name
        for argument in one.parameters.values():
            assert argument.doc, f"{name}: {argument.name}"
    assert found == FUNCTIONS


def test_only_names_have_to_be_given() -> None:
    arguments = {name: one.parameters.values() for name, one in OBJECT.functions.items()}
    needed = {
        name: [one.name for one in found if one.signature.default is Parameter.empty]
        for name, found in arguments.items()
    }
    assert {name: found for name, found in needed.items() if found} == {
        "build": ["image"],
        "publish": ["version"],
    }


def test_what_all_functions_build_with_says_what_it_is_and_may_be_left_out() -> None:
    given = OBJECT.get_constructor().parameters
    assert list(given) == FIELDS
    assert [name for name, one in given.items() if not one.doc] == []
    left = {name: one for name, one in given.items() if one.signature.default is Parameter.empty}
    assert list(left) == ["source"]
    assert left["source"].default_path == "/docker"


def test_a_readme_is_in_nothing_that_dagger_loads() -> None:
    source = OBJECT.get_constructor().parameters["source"]
    assert source.ignore == ["**/__pycache__", "**/*.pyc", "**/*.md"]
    config = json.loads((CHECKOUT / "dagger.json").read_text())
    assert config["include"] == ["!*", "ci", "pyproject.toml", "uv.lock", "LICENSE"]
    assert list((CHECKOUT / "ci").rglob("*.md")) == []
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"].get("readme") is None


def test_the_stand_in_of_the_workflows_knows_no_words_but_the_modules() -> None:
    assert {name.replace("-", "_") for name in stand_in.MODULE} <= set(FIELDS)
    for function, options in stand_in.FUNCTIONS.items():
        known = OBJECT.functions[function.replace("-", "_")].parameters
        assert {name.replace("-", "_") for name in options} <= set(known), function
        assert [
            name
            for name in options & stand_in.FLAGS
            if known[name.replace("-", "_")].resolved_type is not bool
        ] == []
        assert stand_in.NEEDED.get(function, set()) <= options


def test_sdk_engine_and_lock_have_one_version() -> None:
    config = json.loads((CHECKOUT / "dagger.json").read_text())
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    pins = [text for text in project["project"]["dependencies"] if text.startswith("dagger-io")]
    assert pins == [f"dagger-io=={dagger_version()}"]
    assert config["engineVersion"] == f"v{dagger_version()}"
    entry = project["project"]["entry-points"]["dagger.mod"]["main_object"]
    assert entry == f"{Dockwright.__module__}:{Dockwright.__name__}"


def loaded() -> frozenset[str]:
    """Return the modules that `ci.main` imports and the SDK does not."""
    code = "import sys, dagger; sdk = set(sys.modules)\nimport ci.main; print(*(set(sys.modules) - sdk))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    return frozenset(done.stdout.split())


def test_a_module_load_imports_nothing_of_the_command_line() -> None:
    modules = loaded()
    tops = {name.partition(".")[0] for name in modules}
    assert "ci.main" in modules
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    of_the_command_line = {one.partition(">")[0] for one in project["optional-dependencies"]["cli"]}
    assert "click" in of_the_command_line
    assert not tops & of_the_command_line
    assert not [name for name in modules if name.startswith("ci.cli")]


def test_a_module_load_imports_no_other_distribution_than_those_of_the_settings() -> None:
    """Every call of Dagger imports all of it; `python -m bench.module_load` measures how long that takes."""
    tops = {name.partition(".")[0] for name in loaded()} - sys.stdlib_module_names
    assert {name for name in tops if not name.startswith("_sysconfigdata")} == {
        "ci",
        *("anyio", "dotenv", "pydantic", "pydantic_settings"),
        *("annotated_types", "pydantic_core", "typing_inspection"),  # those of pydantic
    }


async def test_build_all_builds_what_is_named_and_returns_the_table(session: Session, stage: Stage) -> None:
    text = await module().build_all(images=["tmdb:cpu"])
    assert session.rejected == []
    assert re.search(r"^base +cpu +built", text, re.MULTILINE), text
    assert re.search(r"^tmdb +cpu +built", text, re.MULTILINE), text
    assert text.splitlines()[-1].startswith("2 images: 2 built")
    assert any("fetch_wheels.py" in " ".join(argv) for argv in stage.execs)


async def test_every_image_of_the_stack_is_built(session: Session, stage: Stage) -> None:
    text = await module(jobs=4).build_all()
    assert text.splitlines()[-1].startswith("22 images: 22 built"), text
    assert session.rejected == []
    volumes = [given for name, given in session.made if name == "cacheVolume"]
    assert {given["key"]: given for given in volumes} == {
        "dockwright-debhouse": {"key": "dockwright-debhouse", "sharing": "LOCKED"},
        "dockwright-wheelhouse": {"key": "dockwright-wheelhouse"},
    }
    assert len({repr(given) for given in volumes}) == 2  # another way of sharing is another volume


async def test_a_step_that_fails_is_told_with_what_it_wrote_and_the_rest_goes_on(stage: Stage) -> None:
    stage.fails["ffmpeg"] = "E: the package is broken"
    text = await failed(module().build_all(images=["demux:cpu", "tmdb:cpu"]))
    assert "E: the package is broken" in text
    assert re.search(r"^tmdb +cpu +built", text, re.MULTILINE), text
    assert text.splitlines()[-1] == "BuildError: demux:cpu"


async def test_a_check_that_fails_has_its_own_class(stage: Stage) -> None:
    stage.fails["request.json"] = "Traceback: no such library"
    text = await failed(module().build_all(images=["base:cpu"]))
    assert "no such library" in text
    assert text.splitlines()[-1] == "SmokeError: base:cpu"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("fetch", "FetchError"),
        ("compile", "BuildError"),
        ("disk", "DiskFullError"),
        ("unavailable", "LockError"),
    ],
)
async def test_why_fetching_failed_is_told_by_its_program(stage: Stage, kind: str, error: str) -> None:
    told = json.dumps({"kind": kind, "text": "tmdbv3api: no answer", "unavailable": []})
    stage.fails["fetch_wheels.py"] = f"wheelhouse: 1 to fetch\n\ndockwright-failure {told}"
    text = await failed(module().build_all(images=["tmdb:cpu"]))
    assert "wheelhouse/base-cpu: tmdbv3api: no answer" in text
    assert "dockwright-failure" not in text
    assert text.splitlines()[-1] == f"{error}: wheelhouse/cpu"


async def test_certificates_that_an_engine_puts_into_layers_are_warned_about(stage: Stage) -> None:
    assert "certificates" not in await module().build_all(images=["base:cpu"])
    stage.injects = True
    text = await module().build_all(images=["base:cpu"])
    assert "warning: the engine copies certificates of its own into every container" in text


async def reported(session: Session, directory: Directory, folder: Path) -> Report:
    """Return the report in the directory that a function gave of the module's `folder`."""
    (_, given), *_ = [call for call in session.calls(await directory.id()) if call[0] == "workdir"]
    return read_report(folder / given["path"])


async def test_a_report_comes_whatever_became_of_the_images(
    session: Session, stage: Stage, tmp_path: Path
) -> None:
    stage.fails["request.json"] = "no"
    report = await reported(session, await module().report(images=["base:cpu"]), tmp_path)
    assert report.exit_code == 7
    assert [row.error for row in report.failures] == ["SmokeError"]
    assert report.settings["engine"] == "dagger"
    assert report.checkout is None


async def test_a_report_names_the_commit_that_repro_is_to_build_again(
    session: Session, stage: Stage, tmp_path: Path
) -> None:
    commit = "0123456789" * 4
    directory = await module().report(images=["base:cpu"], revision=commit)
    report = await reported(session, directory, tmp_path)
    assert report.checkout == Checkout(commit=commit, stack="docker", code=".", patch="")
    assert (CHECKOUT / "docker/stack.toml").is_file()
    assert OBJECT.get_constructor().parameters["source"].default_path == "/docker"


async def test_one_image_is_returned_as_a_container(session: Session, stage: Stage) -> None:
    container = await module().build(image="tmdb", variant="cpu")
    calls = session.calls(await container.id())
    labels = {given["name"]: given["value"] for name, given in calls if name == "withLabel"}
    assert labels["org.opencontainers.image.title"] == "Film facts"


@pytest.mark.parametrize("call", [Dockwright.smoke, Dockwright.build_all])
@pytest.mark.parametrize("no_ledger", [False, True])
async def test_checks_are_done_whatever_the_engine_has_of_them(
    session: Session, stage: Stage, call: Any, no_ledger: bool
) -> None:
    await call(module(), images=["base:cpu"], no_ledger=no_ledger)
    probes = [
        calls
        for calls in session.leaves
        if calls[-1][0] == "stdout" and calls[-2][1]["args"][-1].endswith("request.json")
    ]
    assert probes
    nonces = {
        given["value"]
        for calls in probes
        for name, given in calls
        if name == "withEnvVariable" and given["name"] == "DOCKWRIGHT_FRESH"
    }
    assert len(nonces) == len(probes)


async def test_the_plan_is_the_one_of_the_command_line(
    session: Session, stage: Stage, tmp_path: Path
) -> None:
    file = await module().plan()
    (written,) = [given for name, given in session.calls(await file.id()) if name == "withNewFile"]
    root, programs = tmp_path / "elsewhere", tmp_path / "programs"
    programs.mkdir()  # without Buildah there is no store that the command line could look into
    argv = ("-m", "ci.cli.main", "--stack", str(STACK), "--root", str(root), "plan", "--json")
    done = subprocess.run(
        (sys.executable, *argv, "--base", "bootstrap"),
        capture_output=True,
        check=True,
        cwd=CHECKOUT,
        env={"PATH": str(programs), "HOME": str(tmp_path)},
    )
    assert written["contents"].encode() == done.stdout


async def test_rendered_files_are_returned(session: Session, stage: Stage) -> None:
    directory = await module().render(bake=True)
    files = {
        given["path"]: given["contents"]
        for name, given in session.calls(await directory.id())
        if name == "withNewFile"
    }
    assert files["asr/Dockerfile.cuda"] == (STACK / "asr/Dockerfile.cuda").read_text()
    assert "docker-bake.json" in files


async def test_the_wheelhouse_of_a_variant_is_one_folder(session: Session, stage: Stage) -> None:
    directory = await module().wheelhouse(variant="cpu")
    calls = session.calls(await directory.id())
    assert calls[-1] == ("directory", {"path": "/run/dockwright-package-folder"})


async def test_checks_hold_for_the_stack(stage: Stage, tmp_path: Path) -> None:
    for name in ("catalog", "locks", "rendered_files"):
        await getattr(module(), name)()
        shutil.rmtree(tmp_path / "dockwright")


@pytest.mark.parametrize(
    ("check", "path", "old", "new", "said"),
    [
        ("catalog", "asr/image.toml", "parent", "parnet", "CatalogError: "),
        ("locks", "tmdb/requirements.in", "==1.9.0", "==1.9.1", "LockError: "),
        ("rendered_files", "tmdb/Dockerfile.cpu", "FROM", "FORM", "tmdb/Dockerfile.cpu"),
    ],
)
async def test_a_check_says_what_is_wrong(
    stage: Stage, tmp_path: Path, check: str, path: str, old: str, new: str, said: str
) -> None:
    stage.stack = tmp_path / "changed"
    shutil.copytree(STACK, stage.stack)
    file = stage.stack / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    assert said in await failed(getattr(module(), check)())


NO = "UsageError: the stack has no"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda one: one.build_all(images=["tmbd"]), f"{NO} image 'tmbd'\nhint: did you mean"),
        (lambda one: one.build(image="tmdb", variant="cuda"), f"{NO} image 'tmdb:cuda'\n"),
        (lambda one: one.wheelhouse(variant="gpu"), f"{NO} variant 'gpu'\nhint: Known: cpu, cuda"),
        (lambda one: one.build_all(variant=["gpu"]), f"{NO} variant 'gpu'\n"),
        (lambda one: one.build_all(cache="write"), "UsageError: DOCKWRIGHT_CACHE: "),
        (lambda one: one.publish(version="1"), "UsageError: no registry is set\nhint: give --registry"),
        (lambda one: one.export_cache(), "UsageError: no registry is set\nhint: give --registry"),
        (
            lambda one: one.report(revision="main"),
            "UsageError: --revision main: not the full name of a commit",
        ),
    ],
)
async def test_wrong_words_are_one_sentence(stage: Stage, call: Any, said: str) -> None:
    assert (await failed(call(module()))).startswith(said)
    assert stage.execs == []


async def test_the_index_is_a_secret_and_its_password_is_in_nothing_that_dagger_shows(
    session: Session, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert OBJECT.get_constructor().parameters["index_url"].resolved_type == Secret | None
    url = "https://ci:pass@word-of-index@index.example/simple"
    stage.fails["fetch_wheels.py"] = f"could not fetch {url}"
    index = dag.set_secret("index", url)
    text = await failed(module(index_url=index).build_all(images=["tmdb:cpu"]))
    assert "index.example" in text
    assert "word-of-index" not in text + "".join(capsys.readouterr())
    ran = [
        calls
        for calls in stage.ran
        if "fetch_wheels.py" in repr([one for one in calls if one[0] == "withExec"])
    ]
    fetched = ran[0]
    (mounted,) = [given for name, given in fetched if name == "withMountedSecret"]
    assert url in repr(mounted)
    assert "word-of-index" not in repr([given for name, given in fetched if name != "withMountedSecret"])


@pytest.mark.parametrize(
    ("text", "said"), [("", "the secret is empty"), (None, "secret env var not found: NOT_SET")]
)
async def test_an_index_that_can_not_be_read_is_named(stage: Stage, text: str | None, said: str) -> None:
    secret = dag.secret("env://NOT_SET") if text is None else dag.set_secret("index", text)
    assert f"--index-url: {said}" in await failed(module(index_url=secret).build_all(images=["tmdb:cpu"]))


@pytest.mark.parametrize("option", ["debian_mirror", "security_mirror", "registry"])
@pytest.mark.parametrize("login", ["ci:pass@word", "token1234"])
async def test_a_login_in_an_argument_that_dagger_shows_is_refused(
    stage: Stage, option: str, login: str
) -> None:
    url = f"https://{login}@mirror.example/debian"
    for call in (module(**{option: url}).build_all(), module(**{option: url}).plan()):
        text = await failed(call)
        assert text.startswith(f"UsageError: --{option.replace('_', '-')}: ")
        assert "hint: " in text
        assert login not in text
    assert stage.execs == []
