"""What installing Debian packages leaves that is of one machine or of one day, and that no image may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output
from ci.lower.script import apt_script
from ci.steps.step import Apt
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine

MADE = (
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/var/lib/rabbitmq/.erlang.cookie",
    "/var/lib/postgresql/15/main/global/pg_control",
    "/var/lib/mysql/ibdata1",
)
KEPT = ("/etc/ssh/sshd_config", "/etc/ssl/certs/other.pem")


async def test_keys_ids_and_the_day_of_the_build_stay_in_no_layer(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    _, *commands = apt_script(Apt(name="x", debhouse="x"))
    environment = next(text for text in commands if text.startswith("export "))
    clean = [text for text in commands if text.startswith(("rm ", "find "))]
    make = [f"mkdir -p {Path(path).parent} && echo secret > {path}" for path in (*MADE, *KEPT)]
    link = "ln -s ssl-cert-snakeoil.pem /etc/ssl/certs/0a1b2c3d.0"
    account = "useradd --system visitor"
    step = " && ".join([environment, *make, link, account, *clean])
    text = f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\nRUN {step}\n"
    request = BuildRequest(instructions=text, context=tmp_path, parent=BASE, cache=False)
    image = await engine.build(request, Output())
    paths = " ".join((*MADE, *KEPT, "/etc/ssl/certs/0a1b2c3d.0"))
    show = f"ls -d {paths} 2>/dev/null; grep ^visitor: /etc/shadow"
    found = await engine.run(image, ContainerRun(argv=["sh", "-c", show], user="0:0"), Output())
    assert found.split() == [*sorted(KEPT), "visitor:!:::::::"]
