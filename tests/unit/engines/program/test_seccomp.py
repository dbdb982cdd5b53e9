from __future__ import annotations

import errno
from typing import Any

import pytest

from ci.engines.program.seccomp import ALLOW, NEW_NAMESPACE, REFUSE, REFUSED, step_profile

PLENTY = {
    "defaultAction": REFUSE,
    "defaultErrnoRet": errno.ENOSYS,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64"}],
    "syscalls": [
        {"names": ["read", "unshare", "clone", "clone3", "mount"], "action": ALLOW, "args": []},
        {"names": ["setns"], "action": ALLOW, "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    ],
}
"""A machine's profile, in short, as containers have it: namespaces are allowed."""
SIGCHLD = 17


def effect(profile: dict[str, Any], call: str, flags: int = 0) -> tuple[str, int]:
    """Return what becomes of a call with these flags: by the only rule that fits, else by the default."""
    rules = [
        rule
        for rule in profile["syscalls"]
        if call in rule["names"]
        and all(flags & one["value"] == one["valueTwo"] for one in rule.get("args") or ())
    ]
    assert len(rules) <= 1, "libseccomp takes an order of its own"
    found = rules[0] if rules else {"action": profile["defaultAction"], **_default(profile)}
    return found["action"], found.get("errnoRet", 0)


def _default(profile: dict[str, Any]) -> dict[str, int]:
    return {"errnoRet": profile["defaultErrnoRet"]} if "defaultErrnoRet" in profile else {}


@pytest.mark.parametrize("machine", [PLENTY, None])
def test_a_step_makes_processes_and_no_namespaces(machine: dict[str, Any] | None) -> None:
    profile = step_profile(machine)
    assert effect(profile, "read")[0] == ALLOW
    assert effect(profile, "clone", SIGCHLD)[0] == ALLOW
    for flag in NEW_NAMESPACE:
        assert effect(profile, "clone", SIGCHLD | flag)[0] == REFUSE
    assert effect(profile, "clone3") == (REFUSE, errno.ENOSYS)
    for call in REFUSED:
        assert effect(profile, call) == (REFUSE, errno.EPERM)


def test_the_rest_of_the_machines_profile_stays() -> None:
    profile = step_profile(PLENTY)
    assert {name: profile[name] for name in ("defaultAction", "defaultErrnoRet", "archMap")} == {
        name: PLENTY[name] for name in ("defaultAction", "defaultErrnoRet", "archMap")
    }
    assert profile["syscalls"][0] == {"names": ["read"], "action": ALLOW, "args": []}


def test_no_rule_does_what_is_done_by_default_since_libseccomp_refuses_it() -> None:
    profile = step_profile(PLENTY)
    default = {"action": profile["defaultAction"], "errnoRet": profile["defaultErrnoRet"]}
    assert not [rule for rule in profile["syscalls"] if default.items() <= rule.items()]
