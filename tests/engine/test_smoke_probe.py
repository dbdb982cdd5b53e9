"""The probe in a tiny image of its own: what it sees of the file system, each fault by its reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ci.catalog.stack import Budget
from ci.report.check import Status
from ci.smoke.size import budget_check
from ci.smoke.structure import structure_checks
from tests.engine.smoke_image import SITE, stage_stack
from tests.engine.smoke_probe import IMAGE, TinyImage, tiny_image, wrong
from tests.unit.smoke.program.elf_file import elf

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="Buildah is not installed"),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyImage]:
    with tiny_image(tmp_path_factory.mktemp("smoke")) as image:
        yield image


async def test_a_good_image_passes_and_what_was_not_looked_at_is_skipped(tiny: TinyImage) -> None:
    checks = await tiny.probe()
    assert {name: str(check.status) for name, check in checks.items()} == {
        "user": "passed",
        "python": "passed",
        "writable /tmp": "passed",
        "no compiler or installer": "passed",
        "no -dev package": "passed",
        "no cache": "passed",
        "no secret": "passed",
        "nothing in closed folders": "skipped",
        "pip check": "skipped",
        "import python-thing": "passed",
        "shared libraries": "passed",
        "python syntax": "skipped",
        "entrypoint /opt/app/stage.py": "passed",
        "--help": "passed",
        "run python -c 'print('\"'\"'ran'\"'\"')'": "passed",
    }
    assert checks["nothing in closed folders"].detail == "not readable for uid 1000: /root"
    assert checks["pip check"].detail == "no uv was mounted"
    assert checks["--help"].detail == "usage: stage"
    assert checks["user"].detail == "uid 1000, gid 1000, app:app"


async def test_another_user_than_the_stacks_fails(tiny: TinyImage) -> None:
    assert wrong(await tiny.probe(run_as="0:0"))["user"] == "uid 0, gid 0, not uid 1000, gid 1000"
    assert "user" in wrong(await tiny.probe(run_as="1000:0"))


async def test_a_user_without_a_name_or_with_another_one_fails(tiny: TinyImage) -> None:
    nameless = wrong(await tiny.probe({"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"}))["user"]
    assert nameless.startswith("uid 1000, gid 1000: ")
    assert wrong(await tiny.probe(user="web")) == {"user": "uid 1000, gid 1000 is 'app', not 'web'"}


async def test_another_python_than_the_stacks_fails(tiny: TinyImage) -> None:
    assert wrong(await tiny.probe(python="3.1"))["python"].endswith(", not 3.1")


async def test_a_compiler_an_installer_and_a_dev_package_fail(tiny: TinyImage) -> None:
    status = (
        b"Package: libc6-dev\nStatus: install ok installed\n\nPackage: tini\nStatus: install ok installed\n"
    )
    there = {
        "/usr/bin/x86_64-linux-gnu-gcc-12": b"",
        "/opt/venv/bin/pip3": b"",
        "/usr/local/bin/pip": b"",
        "/var/lib/dpkg/status": status,
    }
    assert wrong(await tiny.probe(there)) == {
        "no compiler or installer": "found: /usr/bin/x86_64-linux-gnu-gcc-12, /opt/venv/bin/pip3",
        "no -dev package": "installed: libc6-dev",
    }


async def test_caches_and_secrets_fail_and_a_wheels_own_test_key_does_not(tiny: TinyImage) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\n"
    there = {
        "/home/app/.cache/pip/wheel": b"",
        "/var/cache/apt/pkgcache.bin": b"",
        "/home/app/.netrc": b"machine x",
        "/opt/app/server.pem": key,
        "/opt/app/public.pem": b"-----BEGIN CERTIFICATE-----\n",
        f"{SITE}/unlisted.pem": key,
    }
    assert wrong(await tiny.probe(there)) == {
        "no cache": "left: /home/app/.cache/pip, /var/cache/apt/pkgcache.bin",
        "no secret": f"found: /home/app/.netrc, /opt/app/server.pem, {SITE}/unlisted.pem",
    }


async def test_a_folder_that_can_not_be_looked_into_is_told(tiny: TinyImage) -> None:
    checks = await tiny.probe({"/opt/app/closed": None})
    assert wrong(checks) == {}
    assert checks["nothing in closed folders"].detail == "not readable for uid 1000: /opt/app/closed, /root"


async def test_a_library_that_is_not_there_fails_with_what_needs_it(tiny: TinyImage) -> None:
    there = {
        f"{SITE}/lib/libneedy.so.1": elf(needed=["libnowhere.so.1", "libc.so.6"]),
        f"{SITE}/lib/libmodern.so": elf(needed=["libc.so.6"], needs_versions=[("libc.so.6", "GLIBC_9.9")]),
        f"{SITE}/lib/libcut.so": elf()[:90],
        "/usr/lib/x86_64-linux-gnu/plugins/optional.so": elf(needed=["libsuggested.so.1"]),
        "/usr/lib/x86_64-linux-gnu/plugins/cut.so": elf()[:90],
    }
    failed = wrong(await tiny.probe(there))
    assert list(failed) == ["shared libraries"]
    first, *lines = failed["shared libraries"].splitlines()
    assert first == "unresolved:"
    assert lines[0] == f"libc.so.6 (GLIBC_9.9) is needed by {SITE}/lib/libmodern.so"
    assert lines[1] == f"libnowhere.so.1 is needed by {SITE}/lib/libneedy.so.1"
    assert lines[2].startswith(f"{SITE}/lib/libcut.so: a damaged ELF file")
    assert lines[3].startswith("/usr/lib/x86_64-linux-gnu/plugins/cut.so: a damaged ELF file")
    assert len(lines) == 4


async def test_a_library_that_may_be_missing_passes_and_a_plugins_is_told(tiny: TinyImage) -> None:
    plugin = "/usr/lib/x86_64-linux-gnu/plugins/optional.so"
    there = {
        f"{SITE}/libneedy.so.1": elf(needed=["libcuda.so.1"]),
        plugin: elf(needed=["libsuggested.so.1"]),
    }
    check = (await tiny.probe(there, unresolved_allowed=["libcuda.so.1"]))["shared libraries"]
    assert check.status is Status.passed
    assert f"missing, for optional plugins: libsuggested.so.1 of {plugin}" in check.detail


async def test_an_optional_object_may_miss_libraries_and_no_other_may(tiny: TinyImage) -> None:
    there = {
        f"{SITE}/torio/lib/lib_ffmpeg4.so": elf(needed=["libavutil.so.56"]),
        f"{SITE}/torio/core.so": elf(needed=["libavutil.so.56"]),
    }
    failed = wrong(await tiny.probe(there, unresolved_allowed=["torio/lib/*_ffmpeg*"]))
    assert failed == {"shared libraries": f"unresolved:\nlibavutil.so.56 is needed by {SITE}/torio/core.so"}


async def test_what_buildah_says_of_an_image_is_checked_without_a_start(tiny: TinyImage) -> None:
    stack = stage_stack()
    info = await tiny.engine.inspect(IMAGE)
    checks = structure_checks(stack, stack.images[0], info.config)
    assert {check.name for check in checks if check.status is Status.failed} == {
        "config: user",
        "config: entrypoint",
        "config: labels",
    }
    size = sum(length for _, length in info.layers)
    assert budget_check(replace(stack.images[0], budget=Budget(unpacked_mb=1)), size).status is Status.failed
    assert (
        budget_check(replace(stack.images[0], budget=Budget(unpacked_mb=size // 10**6 + 1)), size).status
        is Status.passed
    )
