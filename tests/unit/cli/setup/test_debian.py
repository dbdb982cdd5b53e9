from __future__ import annotations

from ci.cli.setup.debian import ENGINE, install_command, missing


def test_a_package_is_missing_when_what_is_used_of_it_is_not_there() -> None:
    there = {"buildah", "runc", "/etc/ssl/certs/ca-certificates.crt", "unshare"}
    assert missing(ENGINE, there.__contains__) == (
        "apt-utils",
        "debian-archive-keyring",
        "mmdebstrap",
        "skopeo",
    )


def test_nothing_is_missing_where_all_is_there() -> None:
    assert missing(ENGINE, lambda _name: True) == ()


def test_packages_are_installed_without_questions_and_without_recommendations() -> None:
    command = install_command(("buildah", "runc"))
    assert command[:4] == ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install")
    assert {"--yes", "--no-install-recommends"} < set(command)
    assert command[-2:] == ("buildah", "runc")
