from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci.cli.doctor.command import doctor_json
from ci.cli.doctor.diagnosis import REGISTRY, can_build, diagnose
from ci.cli.doctor.machine import DaggerAnswer, Host, Machine, Trial
from ci.engines.buildah.storage import DEFAULT, Storage
from ci.engines.dagger.cache import CacheLimits
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import Estimate, TaskNeed

GB = 10**9
DISK = FileSystem(
    device=1, path=Path("/var/lib/containers/storage"), used_for=("store",), free_bytes=80 * GB, used_bytes=0
)


def kept(store_gb: int) -> Estimate:
    need = TaskNeed(task="all", persistent={"store": store_gb * GB, "state": 50 * GB})
    return Estimate(tasks=(need,), capacity=2, images=1)


NEEDS = {"the cpu images": kept(6), "all": kept(24)}
COPIES = Storage(root="/s", run_root="/r", driver="vfs")
GOOD = Machine(
    python="3.11.2, /usr/bin/python3",
    system="Debian GNU/Linux 12 (bookworm), x86_64",
    cores=2,
    memory_bytes=24 * 10**9,
    programs={
        "uv": "0.13.9",
        "buildah": "1.28.2",
        "runc": "1.1.5",
        "skopeo": "1.9.3",
        "mmdebstrap": "1.3.5",
        "apt-ftparchive": "2.6.1",
    },
    daemons={},
    dagger=None,
    missing=(),
    has_apt=True,
    user="ann",
    rights="root",
    subuids=0,
    trial=Trial(storage=DEFAULT, error="", runtime="runc"),
    disks=(DISK,),
    ca=(),
    proxies=(),
    hosts=(Host(what=REGISTRY, url="https://registry/v2/", error=""),),
)


def without(name: str) -> dict[str, str]:
    return {program: version for program, version in GOOD.programs.items() if program != name}


def told(machine: Machine) -> dict[str, tuple[str, str]]:
    """Says and advice of every finding that is not `ok`, by name."""
    return {f.name: (f.message, f.hint) for f in diagnose(machine, NEEDS) if f.state != "ok"}


def test_a_machine_with_all_of_it_can_build_and_nothing_is_remarked() -> None:
    assert told(GOOD) == {}
    assert can_build(diagnose(GOOD, NEEDS))


def test_a_machine_without_buildah_cannot_build_and_is_told_what_installs_it() -> None:
    machine = replace(GOOD, programs=without("buildah"), trial=None)
    assert told(machine) == {"buildah": ("is not installed", "`./dockwright build-all` installs it")}
    assert not can_build(diagnose(machine, NEEDS))


def test_another_system_is_told_to_use_its_own_package_tool() -> None:
    machine = replace(GOOD, programs=without("buildah"), trial=None, has_apt=False)
    assert "own package tool" in told(machine)["buildah"][1]


def test_a_user_without_root_is_told_what_root_types() -> None:
    machine = replace(GOOD, programs=without("apt-ftparchive"), rights="rootless", subuids=65536)
    assert (
        told(machine)["apt-ftparchive"][1] == "as root: `apt-get install --no-install-recommends apt-utils`"
    )


def test_a_container_that_does_not_run_is_told_with_its_reason() -> None:
    machine = replace(GOOD, trial=Trial(storage=DEFAULT, error="unshare: operation not permitted"))
    message, hint = told(machine)["buildah"]
    assert "unshare: operation not permitted" in message
    assert "--privileged" in hint
    assert not can_build(diagnose(machine, NEEDS))


@pytest.mark.parametrize(
    ("why_chroot", "sees_processes", "programs", "words", "advice"),
    [
        ("", False, GOOD.programs, "sees Buildah's processes", "`unset DOCKWRIGHT_ISOLATION`"),
        ("runc fails: no cgroups", False, GOOD.programs, "runc fails: no cgroups", ""),
        ("runc is not installed", True, without("runc"), "sees all processes here", "build-all"),
    ],
)
def test_isolation_that_is_weaker_than_a_container_is_remarked_with_its_reason(
    why_chroot: str, sees_processes: bool, programs: dict[str, str], words: str, advice: str
) -> None:
    trial = Trial(storage=DEFAULT, error="", why_chroot=why_chroot, sees_processes=sees_processes)
    message, hint = told(replace(GOOD, trial=trial, programs=programs))["isolation"]
    assert message.startswith("build steps run by chroot, weaker than a container")
    assert words in message
    assert advice in hint


def test_a_base_that_is_not_made_in_a_user_namespace_is_remarked_with_the_reason() -> None:
    assert GOOD.trial is not None
    machine = replace(GOOD, trial=replace(GOOD.trial, why_root="unshare failed: No space left on device"))
    message, hint = told(machine)["isolation"]
    assert message.endswith("in a folder of its own: unshare failed: No space left on device")
    assert "user.max_user_namespaces" in hint


@pytest.mark.parametrize(
    ("rights", "subuids", "hint"),
    [
        ("none", 0, "as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann`"),
        ("none", 65536, "`buildah unshare true` prints why"),
        ("asks", 0, "`sudo -v` first, in this terminal"),
    ],
)
def test_a_user_without_rights_is_told_how_to_get_them(rights: str, subuids: int, hint: str) -> None:
    machine = replace(GOOD, rights=rights, subuids=subuids, trial=None)  # type: ignore[arg-type]
    assert told(machine)["rights"][1] == hint
    assert not can_build(diagnose(machine, NEEDS))


def test_a_daemon_that_answers_can_build_in_place_of_buildah() -> None:
    machine = replace(GOOD, programs=without("buildah"), trial=None, daemons={"docker": "28.2"})
    assert can_build(diagnose(machine, NEEDS))
    silent = replace(machine, daemons={"docker": None})
    assert not can_build(diagnose(silent, NEEDS))
    assert told(silent)["docker"][0] == "is installed and does not answer"


def test_where_the_state_cannot_be_written_nothing_can_be_built() -> None:
    machine = replace(GOOD, unwritable=("/r/state",))
    assert not can_build(diagnose(machine, NEEDS))
    message, hint = told(machine)["folders"]
    assert message == "/r/state can't be written"
    assert "`--root DIR`" in hint


def test_whole_copies_of_layers_are_remarked() -> None:
    machine = replace(GOOD, rights="rootless", trial=Trial(storage=COPIES, error="", runtime="runc"))
    message, hint = told(machine)["layers"]
    assert "a whole copy" in message
    assert "fuse-overlayfs" in hint


@pytest.mark.parametrize(
    ("free_gb", "words"),
    [
        (23, "too little for all"),
        (5, "too little for the cpu images"),
    ],
)
def test_a_small_disk_is_remarked_with_what_is_built_there(free_gb: int, words: str) -> None:
    message, hint = told(replace(GOOD, disks=(replace(DISK, free_bytes=free_gb * GB),)))["disk"]
    takes = "from nothing, the cpu images about 6.00 GB, all about 24.0 GB"
    assert message == f"{free_gb:.1f}0 GB free at {DISK.text}; {takes}: {words}".replace("23.00", "23.0")
    assert ("`dockwright gc`" in hint) == (free_gb < 6)


def test_without_a_stack_a_disk_is_not_judged() -> None:
    small = replace(GOOD, disks=(replace(DISK, free_bytes=1),))
    assert "disk" not in {f.name for f in diagnose(small, {}) if f.state != "ok"}


def test_little_memory_is_remarked_but_not_where_the_system_does_not_say() -> None:
    assert "size" in told(replace(GOOD, memory_bytes=10**9))
    assert "size" not in told(replace(GOOD, memory_bytes=0))


def test_a_certificate_file_that_is_not_there_is_told() -> None:
    machine = replace(GOOD, ca=(("SSL_CERT_FILE", "/gone", False),))
    assert told(machine)["certificates"] == (
        "SSL_CERT_FILE=/gone: there is no such file",
        "correct it, or `unset SSL_CERT_FILE`",
    )


def test_what_is_handed_to_fetching_is_named_once_with_all_its_variables() -> None:
    machine = replace(
        GOOD,
        ca=(("SSL_CERT_FILE", "/ca", True), ("PIP_CERT", "/ca", True)),
        proxies=(("http_proxy", "proxy"), ("https_proxy", "proxy"), ("no_proxy", "localhost")),
    )
    assert told(machine) == {}
    names = ("certificates", "proxy")
    assert [finding.message for finding in diagnose(machine, NEEDS) if finding.name in names] == [
        "/ca, used by everything that downloads (SSL_CERT_FILE, PIP_CERT)",
        "proxy, used by everything that downloads (http_proxy, https_proxy)",
        "localhost, used by everything that downloads (no_proxy)",
    ]


def test_a_registry_out_of_reach_needs_nothing_done() -> None:
    host = Host(what=REGISTRY, url="https://registry/v2/", error="timed out")
    message, hint = told(replace(GOOD, hosts=(host,)))["network"]
    assert message == "the registry of the base does not answer: https://registry/v2/: timed out"
    assert hint.startswith("nothing to do")
    assert can_build(diagnose(replace(GOOD, hosts=(host,)), NEEDS))


def test_windows_has_no_rights_to_remark() -> None:
    machine = replace(GOOD, rights=None, programs=without("buildah"), trial=None, has_apt=False)
    assert "rights" not in {finding.name for finding in diagnose(machine, NEEDS)}


def test_the_findings_as_json_say_whether_it_can_build() -> None:
    value = doctor_json(diagnose(GOOD, NEEDS))
    assert value["schema"] == 2
    assert value["can_build"] is True
    assert {"name": "rights", "state": "ok", "message": "root", "hint": ""} in value["findings"]  # type: ignore[operator]


LIMITS = CacheLimits(most_bytes=200 * GB, reserved_bytes=50 * GB, min_free_bytes=60 * GB)


def of_dagger(answer: DaggerAnswer) -> list[tuple[str, str, str, bool]]:
    found = diagnose(replace(GOOD, dagger=answer), NEEDS)
    known = diagnose(GOOD, NEEDS)
    return [(one.name, one.state, one.message, one.engine) for one in found if one not in known]


def test_a_dagger_engine_that_answers_is_told_with_the_limit_of_its_cache() -> None:
    message = (
        "the Dagger engine empties its own where less than 60.0 GB of its disk are free, whoever fills it"
    )
    assert of_dagger(DaggerAnswer(limits=LIMITS)) == [
        ("dagger", "ok", "an engine answers; `--engine dagger` builds with it", True),
        ("cache", "ok", message, False),
    ]


def test_a_dagger_engine_with_a_small_cache_is_noted_with_what_to_set() -> None:
    small = CacheLimits(most_bytes=2 * GB, reserved_bytes=0, min_free_bytes=60 * GB)
    (_, (name, state, message, _)) = of_dagger(DaggerAnswer(limits=small))
    assert (name, state) == ("cache", "note")
    assert message.startswith("the engine keeps at most 2 GB of cache")
    assert "gc.maxUsedSpace, gc.reservedSpace and gc.minFreeSpace in its engine.json" in message


def test_a_dagger_engine_out_of_reach_is_noted_and_others_can_build() -> None:
    machine = replace(GOOD, dagger=DaggerAnswer(error="the engine at tcp://h:1 does not answer"))
    assert told(machine)["dagger"][0] == "the engine at tcp://h:1 does not answer"
    assert can_build(diagnose(machine, NEEDS))


def test_a_dagger_engine_that_was_not_asked_is_not_counted_on() -> None:
    machine = replace(GOOD, programs=without("buildah"), trial=None, dagger=DaggerAnswer())
    assert not can_build(diagnose(machine, NEEDS))
