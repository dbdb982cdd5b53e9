"""The probe inside a real image: each check is seen failing for its reason."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from ci.catalog.files import SMOKE
from ci.catalog.load import load_stack
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import Output, SandboxedProgram
from ci.report.check import Check, Status
from ci.smoke.probe_request import smoke_request
from ci.smoke.results import parse_results
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
STACK = load_stack(DOCKER)
REQUEST = smoke_request(STACK, STACK.get("base:cpu"))
RUNGS = {"rungs": ["structure", "imports", "closure", "programs"], "gpu_first_only": False}


async def probe(
    engine: BuildahEngine, folder: Path, *, image: str = BASE, user: str = "", **changes: object
) -> dict[str, Check]:
    program = Path(str(files("ci.smoke.program").joinpath("probe.py"))).parent
    shutil.copytree(program, folder, dirs_exist_ok=True)
    shutil.copytree(DOCKER / "base" / SMOKE, folder / "inputs" / "base")
    folder.chmod(0o755)
    (folder / "request.json").write_text(json.dumps({**REQUEST, **RUNGS, **changes}))
    config = (await engine.inspect(image)).config
    closed = SandboxedProgram(
        argv=("/opt/venv/bin/python", "-I", "-B", "/run/probe/probe.py", "/run/probe/request.json"),
        config={"config": {**config["config"], **({"User": user} if user else {})}},
        mounts=((folder, "/run/probe", "ro"),),
        limit_s=300.0,
    )
    ended = await engine.run_sandboxed((await engine.images()).get(image, image), closed, Output())
    found = parse_results(ended.output, ended.status, reason=ended.termination_reason, tail=ended.tail)
    return {check.name: check for check in found}


async def test_a_good_image_passes_every_check(engine: BuildahEngine, tmp_path: Path) -> None:
    checks = await probe(engine, tmp_path)
    skipped = {name for name, check in checks.items() if check.status is Status.skipped}
    assert skipped == {"pip check", "nothing in closed folders"}
    assert all(check.status is Status.passed for name, check in checks.items() if name not in skipped)
    assert {"import numpy", "import python-dotenv", "shared libraries", "user"} <= set(checks)


async def test_the_wrong_user_a_bad_import_and_a_missing_distribution_fail(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    wanted = {"numpy": "no_such_module", "not-installed": "", "python-dotenv": "dotenv"}
    checks = await probe(engine, tmp_path, user="0:0", distributions=wanted)
    assert checks["user"].status is Status.failed
    assert "No module named 'no_such_module'" in checks["import numpy"].detail
    assert checks["import not-installed"].detail == "is not installed"
    assert checks["import python-dotenv"].status is Status.passed


async def test_a_program_that_fails_hangs_or_floods_is_told_apart(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    commands = [["sh", "-c", "echo why >&2; exit 3"], ["sleep", "100"], ["sh", "-c", "yes | head -c 900000"]]
    help_ = ["sh", "-c", "exit 4"]
    checks = await probe(engine, tmp_path, help=help_, commands=commands, command_limit_s=2.0)
    assert checks["--help"].detail.startswith("ended with 4")
    assert "why" in checks["run sh -c 'echo why >&2; exit 3'"].detail
    assert "still running after 2 s" in checks["run sleep 100"].detail
    assert checks["run sh -c 'yes | head -c 900000'"].status is Status.passed


async def test_a_compiler_a_cache_a_secret_and_a_missing_library_fail(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    from ci.engines.engine import BuildRequest

    (tmp_path / "context").mkdir()
    patch = (
        "import pathlib; "
        "site = pathlib.Path('/opt/venv/lib/python3.11/site-packages'); "
        "path = next(site.rglob('_multiarray_umath*.so')); "
        "data = path.read_bytes().replace(b'libm.so.6', b'libQ.so.6'); "
        "pathlib.Path('/opt/venv/lib/broken.so').write_bytes(data)"
    )
    text = (
        "ARG PARENT\nFROM ${PARENT}\nUSER 0:0\n"
        "RUN cp /bin/true /usr/bin/gcc && mkdir -p /home/app/.cache/pip && touch /home/app/.netrc\n"
        f'RUN python -c "{patch}"\nUSER 1000:1000\n'
    )
    request = BuildRequest(instructions=text, context=tmp_path / "context", parent=BASE)
    image = await engine.build(request, Output(log=tmp_path / "log"))
    checks = await probe(engine, tmp_path, image=image)
    assert checks["no compiler or installer"].detail == "found: /usr/bin/gcc"
    assert "/home/app/.cache" in checks["no cache"].detail
    assert "/home/app/.netrc" in checks["no secret"].detail
    assert "libQ.so.6 is needed by /opt/venv/lib/broken.so" in checks["shared libraries"].detail
