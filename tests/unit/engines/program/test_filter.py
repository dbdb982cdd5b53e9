from __future__ import annotations

import struct

import pytest

from ci.engines.program.filter import (
    ALLOW,
    ARCHITECTURES,
    CALLS,
    CALLS_OF_ALL,
    JUMP_AT_LEAST,
    JUMP_EQUAL,
    KERNEL_CALLS,
    LOAD,
    NAMESPACE_CALLS,
    REFUSE,
    X32,
    instructions,
)

READ = {"x86_64": 0, "aarch64": 63}


def decided(code: bytes, number: int, architecture: int) -> int:
    """Return what the kernel makes of a call: the filter, run."""
    program = [struct.unpack("HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    at, loaded = 0, 0
    while True:
        operation, if_true, if_false, value = program[at]
        at += 1
        if operation == LOAD:
            loaded = architecture if value else number
        elif operation in (JUMP_EQUAL, JUMP_AT_LEAST):
            true = loaded == value if operation == JUMP_EQUAL else loaded >= value
            at += if_true if true else if_false
        else:
            return int(value)


@pytest.mark.parametrize("machine", CALLS)
@pytest.mark.parametrize("names", [KERNEL_CALLS, (*KERNEL_CALLS, *NAMESPACE_CALLS), NAMESPACE_CALLS[:1]])
def test_exactly_the_named_calls_are_refused(machine: str, names: tuple[str, ...]) -> None:
    code, numbers = instructions(machine, names), {**CALLS[machine], **CALLS_OF_ALL}
    for name, number in numbers.items():
        expected = REFUSE if name in names else ALLOW
        assert decided(code, number, ARCHITECTURES[machine]) == expected, name
    assert decided(code, READ[machine], ARCHITECTURES[machine]) == ALLOW


@pytest.mark.parametrize("machine", CALLS)
def test_no_other_table_of_calls_leads_past_the_filter(machine: str) -> None:
    code = instructions(machine, KERNEL_CALLS)
    for architecture in (0x40000003, 0x40000028, *ARCHITECTURES.values()):
        if architecture != ARCHITECTURES[machine]:
            assert decided(code, READ[machine], architecture) == REFUSE
    assert decided(code, X32 + READ[machine], ARCHITECTURES[machine]) == REFUSE
