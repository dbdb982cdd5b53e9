from __future__ import annotations

from ci.engines.machine import LEVELS, gpu_class, machine_class


def cpuinfo(*levels: str, left_out: str = "") -> str:
    flags = {flag for level in levels for flag in LEVELS[level]} - {left_out}
    return f"processor\t: 0\nflags\t\t: fpu {' '.join(sorted(flags))}\nbogomips\t: 5000\n"


def test_the_class_of_a_machine_is_the_highest_level_that_it_has_whole() -> None:
    assert machine_class(cpuinfo()) == "x86-64"
    assert machine_class(cpuinfo("v2", "v3")) == "x86-64-v3"
    assert machine_class(cpuinfo("v2", "v3", "v4")) == "x86-64-v4"
    assert machine_class(cpuinfo("v2", "v3", "v4", left_out="fma")) == "x86-64-v2"
    assert machine_class("processor : 0\n") == "unknown"


def test_a_gpu_adds_its_capability_and_the_drivers_branch() -> None:
    assert gpu_class("x86-64-v3", "9.0", "570.124.06") == "x86-64-v3-sm90-r570"
    assert gpu_class("x86-64-v3", "8.6", "cuda12.8") == "x86-64-v3-sm86-rcuda12"
