"""The bootstrap lock holds all that a base needs: mmdebstrap sees exactly its packages and no mirror."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from ci.catalog.load import load_stack

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="mmdebstrap in this mode needs root"),
]
STACK = Path(__file__).resolve().parents[2] / "docker"


def run(*argv: str, cwd: Path) -> bytes:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return done.stdout


@pytest.mark.slow(reason="it downloads and installs a Debian base")
def test_a_base_is_made_of_exactly_the_locked_packages(tmp_path: Path) -> None:
    bootstrap = load_stack(STACK).bootstrap
    words = []
    for deb in bootstrap.lock:
        archive = "debian-security" if deb.path.startswith("pool/updates/") else "debian"
        words += [
            f"http://deb.debian.org/{archive}/{deb.path}",
            str(tmp_path / deb.file),
            f"SHA256:{deb.sha256}",
        ]
    helper = ("/usr/lib/apt/apt-helper", "-o", "APT::Sandbox::User=root", "-q", "download-file")
    run(*helper, *words, cwd=tmp_path)
    assert {deb.file: deb.size for deb in bootstrap.lock} == {
        path.name: path.stat().st_size for path in tmp_path.iterdir()
    }
    (tmp_path / "Packages").write_bytes(run("apt-ftparchive", "packages", ".", cwd=tmp_path))
    names = [f"APT::FTPArchive::Release::{name}={bootstrap.suite}" for name in ("Suite", "Codename")]
    release = run("apt-ftparchive", "-o", names[0], "-o", names[1], "release", ".", cwd=tmp_path)
    (tmp_path / "Release").write_bytes(release)
    target = tmp_path / "base.tar"
    run(
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--skip=output/dev",
        f"--include={','.join(['apt', *bootstrap.packages])}",
        bootstrap.suite,
        str(target),
        f"deb [trusted=yes] copy://{tmp_path} ./",
        cwd=tmp_path,
    )
    with tarfile.open(target) as tar:
        member = tar.extractfile("./var/lib/dpkg/status")
        assert member is not None
        installed = {
            row.split(": ", 1)[1]
            for row in member.read().decode().splitlines()
            if row.startswith("Package: ")
        }
    assert installed == {deb.name for deb in bootstrap.lock}
