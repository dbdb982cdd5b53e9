"""A private root for apt: package lists and a status file of its own, nothing of the host's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from ci.catalog.stack import DebLine
from ci.errors import CommandError, LockError
from ci.locks.apt_text import (
    KEYRING,
    Stanza,
    configuration,
    deb_lines,
    installs,
    missing_package,
    preferences,
    provided,
    sources,
    stanzas,
    status,
)
from ci.locks.child import run
from ci.steps.bootstrap import DEBIAN, SECURITY
from ci.wheelhouse.program.atomic_write import write_atomically

OWNER_READS = 0o600
APT_S = 900.0
"""Most seconds of one call of apt: it bounds what a mirror sends, but not how slowly."""
MINIMAL = ("?essential", "apt", "usr-is-merged")
"""What every Debian base has: essential packages, apt, and the package that declares that /usr is merged.

Source: apt-patterns(7); Debian's release notes 12, section 5.1 (merged /usr).
"""


class AptRoot:
    """Resolves and looks up Debian packages of one suite, below `folder` alone; root is not needed.

    Packages of `pins` keep their version while a mirror has it; all others get that of the suite.
    """

    def __init__(
        self,
        folder: Path,
        suite: str,
        *,
        mirror: str = DEBIAN,
        security_mirror: str = SECURITY,
        pins: Iterable[DebLine] = (),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.absolute()
        self._suite = suite
        self._mirrors = mirror, security_mirror
        self._pins = tuple(pins)
        self._warn = warn
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8", "APT_CONFIG": str(self.folder / "apt.conf")}

    def update(self) -> None:
        """Make the root and fetch the suite's signed package lists.

        Raises:
            LockError: apt or the archive's keys are missing, or a mirror did not answer.
        """
        if not Path(KEYRING).exists():
            raise LockError(f"{KEYRING} is missing", hint="run `apt-get install debian-archive-keyring`")
        for name in ("etc/preferences.d", "etc/sources.list.d", "etc/apt.conf.d", "state/lists/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("cache/archives/partial", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        host = self._apt("apt-config", "dump", environment=dict(os.environ))
        # addresses of proxies and mirrors may have passwords in them
        write_atomically(self.folder / "apt.conf", configuration(str(self.folder), host), OWNER_READS)
        mirrors = sources(self._suite, *self._mirrors)
        write_atomically(self.folder / "etc/sources.list.d/debian.sources", mirrors, OWNER_READS)
        (self.folder / "etc/preferences.d/pins").write_text(preferences(self._pins))
        (self.folder / "status").write_text("")
        self._apt("apt-get", "update", "-qq", "--error-on=any")

    def resolve(self, packages: Sequence[str], installed: Iterable[DebLine]) -> tuple[DebLine, ...]:
        """Return what `packages` add to `installed`, without recommendations, sorted by name.

        Raises:
            LockError: a package does not exist or can't be installed; the message has the output of apt.
        """
        present = [(line.name, line.version) for line in installed]
        (self.folder / "status").write_text(status(self._stanzas(present)))
        argv = ("apt-get", "--simulate", "--no-install-recommends", "install", *packages)
        try:
            wanted = installs(self._run(*argv))
        except CommandError as error:
            raise self._refused(error) from error
        try:
            return deb_lines(wanted, self._stanzas(wanted))
        except KeyError as error:
            raise LockError(
                f"no mirror lists the file of {error}",
                hint="it may be updating: try again in an hour",
            ) from error

    def minimal(self) -> tuple[DebLine, ...]:
        """Return the packages of a minimal Debian, which are in no lock of an image."""
        return self.resolve(MINIMAL, ())

    def _stanzas(self, wanted: Sequence[tuple[str, str]]) -> list[Stanza]:
        if not wanted:
            return []
        return stanzas(self._apt("apt-cache", "show", *(f"{name}={version}" for name, version in wanted)))

    def _refused(self, error: CommandError) -> LockError:
        """Return the error of a simulated installation, with what to write instead."""
        hint = ""
        virtual, providers = provided(error.tail)
        unknown = missing_package(error.tail)
        if providers:
            hint = f"write one of them instead of '{virtual}': {', '.join(providers)}"
        elif unknown:
            names = self._run("apt-cache", "pkgnames", unknown[:1]).split()
            close = get_close_matches(unknown, names, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"{self._suite} has no such package"
        return LockError(f"{self._failed(error)}{error.tail}", hint=hint)

    def _apt(self, *argv: str, environment: dict[str, str] | None = None) -> str:
        try:
            return self._run(*argv, environment=environment)
        except CommandError as error:
            raise LockError(f"{self._failed(error)}{error.tail}") from error

    def _run(self, *argv: str, environment: dict[str, str] | None = None) -> str:
        return run(argv, environment or self._environment, warn=self._warn, timeout_s=APT_S)

    def _failed(self, error: CommandError) -> str:
        what = "Debian locks need apt" if error.status == 127 else f"{' '.join(error.argv[:2])} failed"
        return f"{what} ({self._suite}): "
