"""How the bootstrap base is made of its packages: part of its fingerprint, so data."""

from __future__ import annotations

DEBIAN = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
"""Debian's archives. The mirror to read from may be set; the one that the finished base names may not."""

DEBIAN_SOURCES = """\
Types: deb
URIs: {debian}
Suites: {suite} {suite}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {security}
Suites: {suite}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
"""apt sources of the finished base, whose own packages came from a folder."""

PATH_EXCLUDES = (
    "/usr/share/doc/*",
    "/usr/share/groff/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/linda/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
PATH_INCLUDES = ("/usr/share/doc/*/copyright",)
"""Files that dpkg leaves out, here and in every image above: documentation, but never a licence."""

CUSTOMIZE = """\
set -eu
chroot "$1" python3 -m compileall -qq -f --invalidation-mode unchecked-hash /usr/lib/python3 \
/usr/lib/python{python} || test $? -eq 1
rm -f "$1"/etc/resolv.conf "$1"/etc/hostname "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id
rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/*- "$1"/var/lib/dpkg/*-old
rm -rf "$1"/var/log/* "$1"/var/cache/* "$1"/var/lib/apt/lists/* "$1"/tmp/* "$1"/run/*
mkdir -p "$1"/var/cache/apt/archives/partial "$1"/var/cache/debconf "$1"/var/lib/apt/lists/partial
mkdir -p "$1"/var/cache/ldconfig
"""
"""Last step in the new root `$1`: bytecode that does not depend on times, since all files of an image have
the time 0, and nothing of this machine."""


def mmdebstrap_options(suite: str, packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options that make the base of `packages`; paths and modes are the caller's."""
    return (
        "--variant=apt",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--skip=output/dev,cleanup/apt",
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in PATH_EXCLUDES),
        *(f"--dpkgopt=path-include={pattern}" for pattern in PATH_INCLUDES),
        "--dpkgopt=force-unsafe-io",
        '--aptopt=APT::Sandbox::User "root"',
        '--aptopt=APT::Install-Recommends "false"',
        suite,
    )


def bootstrap_script(suite: str, python: str) -> str:
    """Return the shell script that is run in the new root as `$1`."""
    sources = DEBIAN_SOURCES.format(suite=suite, debian=DEBIAN, security=SECURITY)
    write = f'cat > "$1"/etc/apt/sources.list.d/debian.sources <<"EOF"\n{sources}EOF\n'
    return CUSTOMIZE.replace("{python}", python) + write
