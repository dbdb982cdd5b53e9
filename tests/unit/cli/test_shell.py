"""shell: which image is meant, and what it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci.cli.main import main
from ci.cli.shell import one_variant
from ci.errors import UsageError
from tests.stacks import image, small_stack


def test_a_name_without_a_variant_is_enough_where_there_is_one() -> None:
    stack = small_stack()
    assert one_variant(stack, "asr") == one_variant(stack, "asr:cpu") == "asr:cpu"
    two = replace(stack, images=(*stack.images, image("asr", "base:cpu", "cuda")))
    assert one_variant(two, "asr:cuda") == "asr:cuda"
    with pytest.raises(UsageError, match="asr has several variants; name one of them: asr:cpu, asr:cuda"):
        one_variant(two, "asr")


def test_a_shell_without_a_terminal_needs_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shell", "asr:cpu"]) == 2
    assert capsys.readouterr().err == (
        "dockwright: a shell needs a terminal\n"
        "hint: run one command instead: `dockwright shell asr:cpu -- CMD…`\n"
    )
