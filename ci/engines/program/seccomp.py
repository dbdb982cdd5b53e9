"""The system calls that foreign code may make: those of the machine's profile for containers, and less.

Standard library only. By the usual profile a container may make namespaces, and gets all capabilities
in a new user namespace, where much of the kernel was never meant to be reached from. No build step needs one.

Source: containers/common, seccomp.json; libseccomp; namespaces(7); keyrings(7).
"""

import errno
from collections.abc import Mapping
from typing import Any

from .filter import KERNEL_CALLS, NAMESPACE_CALLS

REFUSED = (*KERNEL_CALLS, *NAMESPACE_CALLS, "umount", "reboot")
"""System calls that make or enter namespaces, mount, or reach what neither they nor capabilities separate."""
NEW_NAMESPACE = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
"""The flags of clone(2) that make a namespace. Source: linux/sched.h, CLONE_NEW*."""
ALLOW, REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"


def step_profile(machine: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the profile of a build step: `machine`'s, where it has one, without `REFUSED` and namespaces.

    A refused call ends with EPERM. clone3 ends with ENOSYS, since no filter sees its flags: the C library
    then takes clone.
    """
    refused = [
        {"names": list(REFUSED), "action": REFUSE, "errnoRet": errno.EPERM},
        {"names": ["clone3"], "action": REFUSE, "errnoRet": errno.ENOSYS},
    ]
    if machine is None:
        namespaces = [
            {"names": ["clone"], "action": REFUSE, "errnoRet": errno.EPERM, "args": [_masked(flag, flag)]}
            for flag in NEW_NAMESPACE
        ]
        return {"defaultAction": ALLOW, "syscalls": [*refused, *namespaces]}
    ours = {*REFUSED, "clone", "clone3"}
    rules = [
        {**rule, "names": names}
        for rule in machine["syscalls"]
        if (names := [name for name in rule["names"] if name not in ours])
    ]
    # libseccomp refuses a rule that does what is done anyway
    default = (machine["defaultAction"], machine.get("defaultErrnoRet", errno.EPERM))
    refused = [rule for rule in refused if (rule["action"], rule["errnoRet"]) != default]
    processes = {"names": ["clone"], "action": ALLOW, "args": [_masked(sum(NEW_NAMESPACE), 0)]}
    return {**machine, "syscalls": [*rules, *refused, processes]}


def _masked(mask: int, value: int) -> dict[str, Any]:
    """Return the condition that the flags, the first argument, are `value` under `mask`."""
    return {"index": 0, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
