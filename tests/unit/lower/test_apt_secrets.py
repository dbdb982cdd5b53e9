"""What the clean-up of Debian packages removes is what the check of the contents refuses, and the reverse."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from ci.lower.script import APT_SECRETS, apt_script
from ci.smoke.program.contents.sensitive import IDS
from ci.steps.step import Apt


@pytest.mark.parametrize(
    "path",
    [
        "/etc/machine-id",
        "/var/lib/dbus/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/bind/rndc.key",
        "/etc/munge/munge.key",
        "/etc/iscsi/initiatorname.iscsi",
        "/etc/nvme/hostnqn",
        "/etc/popularity-contest.conf",
        "/etc/varnish/secret",
        "/var/lib/rabbitmq/.erlang.cookie",
        "/etc/dropbear/dropbear_rsa_host_key",
        "/var/lib/systemd/random-seed",
    ],
)
def test_a_secret_that_packages_make_is_removed_and_refused(path: str) -> None:
    assert any(fnmatch(path, pattern) for pattern in APT_SECRETS)
    assert IDS.fullmatch(path)


def test_what_is_removed_is_part_of_the_instruction() -> None:
    script = " && ".join(apt_script(Apt(name="x", debhouse="y")))
    assert all(pattern in script for pattern in APT_SECRETS)
    assert "SOURCE_DATE_EPOCH=0" in script
