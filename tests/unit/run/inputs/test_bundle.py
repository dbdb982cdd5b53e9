"""An exported folder: what the rendered Dockerfiles build from."""

from __future__ import annotations

from pathlib import Path

from ci.run.inputs.bundle import export
from ci.run.inputs.local import LocalInputs
from tests.fakes.machine import Machine


async def test_an_export_has_the_build_context_of_each_image(tmp_path: Path) -> None:
    machine = Machine(folder=tmp_path)
    inputs = LocalInputs(workspace=machine.workspace(), engine=machine.engine)
    target = tmp_path / "export"
    (target / "files/vad/app").mkdir(parents=True)
    (target / "files/vad/app/old.py").write_text("of an earlier export")
    await export(inputs, ("cpu",), target)
    found = {path.relative_to(target).as_posix(): path.read_text() for path in target.rglob("*.py")}
    assert found == {
        "files/asr/app/asr.py": "x = 1\n",
        "files/base/app/contract/__init__.py": "x = 1\n",
        "files/base/app/contract/logs.py": "y = 2\n",
        "files/vad/app/vad.py": "x = 1\n",
    }
    assert {path.name for path in (target / "files").iterdir()} == {"asr", "base", "ml", "mux", "vad"}
