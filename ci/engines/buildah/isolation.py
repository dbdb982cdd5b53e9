"""How foreign code in a build step is separated from the machine, as arguments of Buildah.

Facts of Buildah 1.28, found by running it: chroot isolation drops capabilities and filters system calls, but
has no PID namespace of its own and shows the machine's /dev; it refuses `--network none`, by which a user
without root gets a network of CNI that can't be made. So a step has the network of Buildah. No isolation sets
no-new-privileges: the process that starts Buildah does, see ci/engines/program/namespaces.py.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ci.engines.program import namespaces

DROPPED = (
    *("DAC_READ_SEARCH", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
    *("SETPCAP", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"),
    *("SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE"),
    *("AUDIT_WRITE", "AUDIT_CONTROL", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND"),
    "AUDIT_READ",
)
"""All capabilities but what dpkg and maintainer scripts use on files and accounts of the image: CHOWN,
DAC_OVERRIDE, FOWNER, FSETID, KILL, SETFCAP, SETGID, SETUID. Those of Linux 5.8 and later are parts of
SYS_ADMIN that no container gets unasked, and Buildah refuses their names on an older kernel.

Source: capabilities(7)."""
KEPT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETFCAP", "SETGID", "SETUID")
"""The others."""
HIDDEN = "/sys/fs/cgroup"
"""Its files can be written to, and no step needs them."""
SHM = "/dev/shm/"  # noqa: S108


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How this machine isolates build steps.

    Attributes:
        runtime: the OCI runtime, `runc` or `crun`, which makes namespaces for each step; empty: Buildah's
            chroot isolation, where a step shares those that Buildah itself runs in.
        why_chroot: why no runtime can be used here, for a person; empty where one is used or none was wanted.
    """

    runtime: str = ""
    why_chroot: str = ""

    @property
    def name(self) -> str:
        """The word that Buildah knows it by."""
        return "oci" if self.runtime else "chroot"

    def namespaces(self, *, network: bool, folders: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return what is put before Buildah where it runs foreign code; `folders` are those of its store."""
        program = (sys.executable, "-I", "-S", "-B", namespaces.__file__)
        shm = self.runtime or any(folder.startswith(SHM) for folder in folders)
        return (*program, *(["--network"] if network else []), *(["--shm"] if shm else []), "--")

    def options(self, *, network: bool) -> tuple[str, ...]:
        """Return the options of `buildah build` and `buildah run`."""
        words = ["--isolation", self.name]
        if self.runtime:
            words += ["--runtime", self.runtime, "--network", "host"]  # Buildah's, which may be empty
        words += ["--uts", "host"]  # Buildah's, which has a name that is the same everywhere
        words += [] if network else ["--volume", f"{namespaces.FILES}/hosts:/etc/hosts:ro"]
        words += ["--volume", f"{namespaces.FILES}/empty:{HIDDEN}:ro"]
        return (*words, "--cap-drop", ",".join(f"CAP_{name}" for name in DROPPED))

    def terminal_folder(self) -> str:
        """Return the folder for temporary files of `buildah run --terminal`; empty: any will do.

        A runtime sends the terminal through a socket in that folder, whose path is at most 107 bytes long.
        Buildah 1.28 ends with a nil pointer where it is longer. Source: unix(7), sun_path.
        """
        return str(namespaces.FILES / "tmp") if self.runtime else ""

    def profile(self) -> tuple[str, ...]:
        """Return the option of `buildah build` and `buildah from` that filters system calls."""
        return ("--security-opt", f"seccomp={namespaces.FILES}/seccomp.json")
