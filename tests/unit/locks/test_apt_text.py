"""Texts of apt, written and read."""

from __future__ import annotations

import pytest

from ci.catalog.stack import DebLine
from ci.locks.apt_text import (
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

SHOWN = """\
Package: perl-base
Version: 5.36.0-7
Architecture: amd64
Pre-Depends: libc6 (>= 2.35),
 dpkg
Filename: pool/updates/main/p/perl/perl-base_5.36.0-7_amd64.deb
Size: 12
SHA256: {sha}
Description: minimal Perl

Package: perl-base
Version: 5.36.0-7
Architecture: amd64
Filename: pool/main/p/perl/perl-base_5.36.0-7_amd64.deb
Size: 12
SHA256: {sha}

Package: perl-base
Version: 5.36.0-6
Architecture: amd64
Status: install ok installed
""".replace("{sha}", "ab" * 32)


def test_debians_own_pool_goes_before_the_security_archives() -> None:
    line = DebLine(
        name="perl-base",
        version="5.36.0-7",
        arch="amd64",
        sha256="ab" * 32,
        size=12,
        path="pool/main/p/perl/perl-base_5.36.0-7_amd64.deb",
    )
    assert deb_lines([("perl-base", "5.36.0-7")], stanzas(SHOWN)) == (line,)


def test_a_version_without_a_file_is_missing() -> None:
    with pytest.raises(KeyError):
        deb_lines([("perl-base", "5.36.0-6")], stanzas(SHOWN))


def test_a_status_file_has_relations_and_no_files() -> None:
    assert status(stanzas(SHOWN)[:1]) == (
        "Package: perl-base\nStatus: install ok installed\nVersion: 5.36.0-7\nArchitecture: amd64\n"
        "Pre-Depends: libc6 (>= 2.35),\n dpkg\nDescription: installed\n\n"
    )


def test_what_apt_would_install_is_read_with_its_version() -> None:
    text = (
        "Inst libc6 (2.36-9 Debian:12.15/oldstable [amd64]) []\n"
        "Inst zlib1g:amd64 [1:1.2] (1:1.3 Debian:12/stable [amd64])\n"
        "Conf libc6 (2.36-9 Debian:12.15/oldstable [amd64])\n"
    )
    assert installs(text) == (("libc6", "2.36-9"), ("zlib1g", "1:1.3"))


def test_only_how_a_mirror_is_reached_comes_from_the_host() -> None:
    host = (
        'Acquire "";\nAcquire::http::Proxy "http://proxy:3128";\nAcquire::https::CaInfo "/etc/ca.pem";\n'
        'Acquire::http "";\nAcquire::Check-Valid-Until "false";\nAcquire::Languages:: "de";\n'
        'Acquire::AllowInsecureRepositories "1";\nAcquire::GzipIndexes "true";\n'
        'APT::Get::Assume-Yes "true";\nDir::Etc "etc/apt";\n'
    )
    rows = configuration("/r", host).splitlines()
    assert rows[0] == 'Dir "/r/";'
    assert [row for row in rows if row in host.splitlines()] == [
        'Acquire::http::Proxy "http://proxy:3128";',
        'Acquire::https::CaInfo "/etc/ca.pem";',
        'Acquire::Check-Valid-Until "false";',
    ]


def test_every_source_is_signed() -> None:
    text = sources("bookworm", "http://a/debian", "http://b/security")
    blocks = stanzas(text)
    assert [(block["URIs"], block["Suites"]) for block in blocks] == [
        ("http://a/debian", "bookworm bookworm-updates"),
        ("http://b/security", "bookworm-security"),
    ]
    assert {block["Signed-By"] for block in blocks} == {"/usr/share/keyrings/debian-archive-keyring.gpg"}


def test_a_pin_wins_against_a_newer_version() -> None:
    (line,) = deb_lines([("perl-base", "5.36.0-7")], stanzas(SHOWN))
    assert preferences([line]) == "Package: perl-base\nPin: version 5.36.0-7\nPin-Priority: 1001\n"


VIRTUAL = """\
Reading package lists...
Package mail-transport-agent is a virtual package provided by:
  ssmtp 2.64-11
  postfix 3.7.11-0+deb12u1
  exim4-daemon-light:amd64 4.96-15
You should explicitly select one to install.

E: Package 'mail-transport-agent' has no installation candidate"""


def test_the_packages_that_provide_a_virtual_one_are_named() -> None:
    assert provided(VIRTUAL) == ("mail-transport-agent", ("ssmtp", "postfix", "exim4-daemon-light"))
    assert provided("E: Unable to locate package x") == ("", ())


def test_a_package_that_apt_does_not_know_is_named() -> None:
    assert missing_package("Reading…\nE: Unable to locate package fmpeg") == "fmpeg"
    assert missing_package(VIRTUAL) == ""
