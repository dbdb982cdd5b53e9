"""Each path of an image by the step that accounts for it: every violation by its check and its sentence."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from ci.smoke.program.contents.checks import NAMES
from ci.smoke.program.contents.file_tree import Entry, file_tree, packed, unpacked
from tests.unit.smoke.program.contents.contents_root import (
    CODE,
    SITE,
    Root,
    bytecode,
    package,
    sha256,
    small_root,
    wheel,
)

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"b3BlbnNzaC1rZXktdjEAAAAA" * 4 + b"\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return small_root(tmp_path / "root")


def test_what_every_step_accounts_for_passes(root: Root) -> None:
    assert root.failed() == {}
    assert tuple(root.checks()) == NAMES
    assert root.checks()["files of wheels"] == ("passed", "2 new files of 1 distributions")


def test_a_changed_file_of_each_kind_fails(root: Root) -> None:
    root.write("/opt/app/api.py", b"x = 2\n")
    root.write(f"{SITE}/thing/__init__.py", b"x = 3\n")
    root.write("/usr/lib/libx.so.1", b"Library")
    failed = root.failed()
    assert failed["files of the stack"] == "/opt/app/api.py: its content is not that of [[files]]"
    assert failed["files of wheels"].splitlines()[0] == (
        f"{SITE}/thing/__init__.py: its content is not that of RECORD"
    )
    assert failed["files of Debian packages"] == (
        "/usr/lib/libx.so.1: its content is not that of its package"
    )


def test_a_missing_file_of_each_kind_fails(root: Root) -> None:
    for path in ("/opt/app/api.py", f"{SITE}/thing/__init__.py", "/usr/share/x/data"):
        root.remove(path)
    failed = root.failed()
    assert failed["files of the stack"] == "/opt/app/api.py: is missing"
    assert failed["files of wheels"].startswith(f"{SITE}/thing/__init__.py: is missing, and thing has it")
    assert failed["files of Debian packages"] == "/usr/share/x/data: is missing, and the package libx has it"


@pytest.mark.parametrize(
    "path", ["/usr/lib/extra", "/etc/made", f"{SITE}/extra.pth", "/opt/app/other.py", "/root/.bash_history"]
)
def test_a_file_that_no_step_accounts_for_fails(root: Root, path: str) -> None:
    root.write(path, b"?")
    assert set(root.failed()) == {"no other file"}
    sentence = f"{path}: is in no package, no wheel and no [[files]]"
    assert root.failed()["no other file"].splitlines()[0].startswith(sentence)


def test_the_first_paths_are_named_and_the_others_counted_without_the_hint(root: Root) -> None:
    for number in range(12):
        root.write(f"/usr/lib/extra{number:02d}")
    *lines, more, hint = root.failed()["no other file"].splitlines()
    why = "is in no package, no wheel and no [[files]]"
    assert lines == [f"/usr/lib/extra{number:02d}: {why}" for number in range(10)]
    assert more == "and 2 more"
    assert hint.startswith("what a package makes, the same in every build, can be listed")


def test_what_a_package_makes_in_its_own_folders_or_by_name_is_accounted_for(root: Root) -> None:
    root.write("/var/lib/dpkg/info/libx.postinst", "make > /etc/x.conf\nmkdir -p /usr/lib/x-made\n")
    package(root, "server", {"/etc/server/main.conf": b"a"})
    for path in ("/etc/x.conf", "/usr/lib/x-made/index", "/etc/server/enabled/one.conf"):
        root.write(path, b"?")
    assert root.failed() == {}
    assert root.checks()["no other file"][1].endswith(
        "; packages made /etc/server/enabled, /etc/server/enabled/one.conf, /etc/x.conf, /usr/lib/x-made, "
        "/usr/lib/x-made/index"
    )


def test_what_nobody_names_can_be_listed_by_the_image(root: Root) -> None:
    root.write("/etc/y.conf", b"?")
    assert root.failed()["no other file"].splitlines()[0] == (
        "/etc/y.conf: is in no package, no wheel and no [[files]]"
    )
    root.declared["generated"] = ["/etc/y.*"]
    assert root.failed() == {}


def test_a_changed_mode_or_owner_fails(root: Root) -> None:
    root.write("/opt/app/api.py", CODE, mode=0o755)
    root.write(f"{SITE}/thing/__init__.py", CODE, mode=0o666)
    root.owners["/opt/app/api.py"] = (1000, 0)
    failed = root.failed()
    assert failed["files of the stack"].splitlines() == [
        "/opt/app/api.py: has the mode 0755, not 0644",
        "/opt/app/api.py: belongs to 1000:0, not to root",
    ]
    assert f"{SITE}/thing/__init__.py: has mode 0666" in failed["files of wheels"]


def test_links_and_empty_folders_of_the_stack(root: Root) -> None:
    root.declared["files"] += [["/opt/app/link", "0644", "", "api.py"], ["/opt/app/empty", "0755", "", ""]]
    (root.folder / "opt/app/link").symlink_to("api.py")
    (root.folder / "opt/app/empty").mkdir()
    assert root.failed() == {}
    root.remove("/opt/app/link")
    (root.folder / "opt/app/link").symlink_to("other.py")
    (root.folder / "opt/app/empty").rmdir()
    root.write("/opt/app/empty")
    assert root.failed()["files of the stack"].splitlines() == [
        "/opt/app/link: is no link to api.py",
        "/opt/app/empty: is not a folder",
    ]


def test_accounts_are_consistent(root: Root) -> None:
    root.write(
        "/etc/passwd", f"{root.read('/etc/passwd')}other:x:1000:7::/home/app:/bin/sh\napp:x:9:0::/:/x\n"
    )
    root.write("/etc/group", f"{root.read('/etc/group')}more:x:1000:ghost\nshort:x\n")
    root.write("/etc/shadow", "ghost:*:1:0:9:7:::\nroot::1:0:9:7:::\nroot:*:1:0:9:7:::\n")
    assert root.failed()["accounts"].splitlines() == [
        "/etc/group:4: is not 4 fields with a name first",
        "/etc/passwd: 2 entries have the name 'app'",
        "/etc/passwd: 2 entries have the uid '1000'",
        "/etc/group: 2 entries have the gid '1000'",
        "/etc/shadow: 2 entries have the name 'root'",
        "/etc/shadow: 'ghost' is not in /etc/passwd",
        "/etc/passwd: 'other' has the gid 7, which is not in /etc/group",
        "/etc/group: 'more' has the member 'ghost', who is not in /etc/passwd",
        "/etc/shadow: 'root' has an empty password, so nobody is asked for one",
    ]


def test_the_user_has_a_name_and_a_home_of_its_own(root: Root) -> None:
    root.owners["/home/app"] = (0, 0)
    assert root.failed()["accounts"] == "/home/app: the home of 'app' belongs to 0:0, not to 1000:1000"
    (root.folder / "home/app").rmdir()
    assert root.failed()["accounts"] == "/etc/passwd: the home of 'app', /home/app, is not a folder"
    root.declared["uid"] = 1001
    assert root.failed()["accounts"] == "/etc/passwd: no account has the uid 1001, as which the image runs"


def test_a_file_of_an_owner_without_a_name_fails(root: Root) -> None:
    root.owners["/usr/share/x/data"] = (0, 117)
    assert root.failed()["accounts"] == "/usr/share/x/data: its gid 117 is not in /etc/group"


def test_a_distribution_that_no_lock_has_and_one_that_is_not_installed_fail(root: Root) -> None:
    wheel(root, "stray", {"stray.py": CODE})
    root.declared["distributions"]["absent"] = "2.0"
    assert root.failed()["files of wheels"].splitlines() == [
        f"{SITE}/stray-1.0.dist-info/RECORD: stray 1.0 is in no lock of this image",
        "absent: the lock has it, and it is not installed",
    ]


def test_bytecode_of_another_source_fails(root: Root) -> None:
    bytecode(root, f"{SITE}/thing/__init__.py", b"import evil\n")
    cached = f"{SITE}/thing/__pycache__/__init__.cpython-311.pyc"
    assert root.failed()["files of wheels"] == f"{cached}: is not the bytecode of {SITE}/thing/__init__.py"
    root.write(cached, b"\xa7\r\r\n" + bytes(12))
    assert "is no bytecode that holds without the time of its source" in root.failed()["files of wheels"]


def test_a_private_key_and_an_id_fail_wherever_they_are(root: Root) -> None:
    root.declared["generated"] = ["/etc/*", "/var/lib/*"]
    root.write("/etc/service/tls", KEY)
    root.write("/etc/machine-id", b"0" * 31 + b"\n")
    root.write("/var/lib/some/uuid", b"0123abcd-0123-abcd-0123-0123456789ab\n")
    root.write("/etc/default/pop", b'A=1\nMY_HOSTID="0123456789abcdef0123456789abcdef"\n')
    root.write("/etc/other", b"no secret: -----BEGIN PRIVATE KEY----- is a header\n")
    assert root.failed()["no key or id"].splitlines() == [
        "/etc/default/pop: is an id of one machine",
        "/etc/machine-id: is an id or a secret of one machine",
        "/etc/service/tls: is a private key",
        "/var/lib/some/uuid: is an id of one machine",
        "it would be the same in all containers: let each container make its own when it starts",
    ]


def test_a_password_that_a_package_made_up_fails_and_one_in_the_stacks_code_is_its_own(root: Root) -> None:
    password = b"dbc_dbpass='9fK2mPq7sXw1'\n"
    package(root, "server", {"/etc/server/example": b"password = 'verysecret1234'\n"})
    root.write("/etc/server/made.conf", password)
    root.write("/opt/app/api.py", password)
    root.declared["files"] = [["/opt/app/api.py", "0644", sha256(password), ""]]
    assert root.failed()["no key or id"].splitlines()[0] == (
        "/etc/server/made.conf: is a password (made by server)"
    )
    assert "/opt/app" not in root.failed()["no key or id"]


def test_a_key_in_a_package_or_a_wheel_is_everybodys(root: Root) -> None:
    package(root, "docs", {"/usr/share/docs/test.key": KEY})
    wheel(root, "other", {"other/test.pem": KEY})
    root.declared["distributions"]["other"] = "1.0"
    assert root.failed() == {}


def test_a_key_in_the_stacks_own_files_fails(root: Root) -> None:
    root.write("/opt/app/tls.pem", KEY)
    root.declared["files"].append(["/opt/app/tls.pem", "0644", sha256(KEY + b"?"), ""])
    assert "/opt/app/tls.pem: is a private key" in root.failed()["no key or id"]
    root.declared["files"][-1][2] = sha256(KEY)
    assert "/opt/app/tls.pem: is a private key" in root.failed()["no key or id"]


def test_a_path_of_a_package_is_found_behind_links_diversions_and_conffiles(root: Root) -> None:
    conf = b"a = 1\n"
    digest = hashlib.md5(conf).hexdigest()
    stanza = f"Conffiles:\n /etc/y.conf {digest}\n /etc/gone.conf {digest} obsolete\n"
    package(root, "y", {"/lib/liby.so": b"y", "/usr/bin/y": b"of y"}, stanza)
    root.write(
        "/var/lib/dpkg/info/y.list", "/.\n/lib\n/lib/liby.so\n/usr/bin\n/usr/bin/y\n/etc\n/etc/y.conf\n"
    )
    root.write("/etc/y.conf", conf)
    root.write("/var/lib/dpkg/diversions", "/usr/bin/y\n/usr/bin/y.distrib\nother\n")
    root.write("/usr/bin/y.distrib", b"of y")
    package(root, "other", {"/usr/bin/y": b"of other"})
    assert root.failed() == {}
    root.write("/etc/y.conf", b"a = 2\n")
    assert root.failed()["files of Debian packages"].startswith("/etc/y.conf: its content is not that of")


def test_what_dpkg_was_told_to_leave_out_may_be_missing(root: Root) -> None:
    package(root, "z", {"/usr/share/doc/z/NEWS": b"", "/usr/share/doc/z/copyright": b""})
    for name in ("NEWS", "copyright"):
        root.remove(f"/usr/share/doc/z/{name}")
    root.write(
        "/etc/dpkg/dpkg.cfg.d/docs",
        "path-exclude=/usr/share/doc/*\npath-include = /usr/share/doc/*/copyright\n",
    )
    assert root.failed()["files of Debian packages"] == (
        "/usr/share/doc/z/copyright: is missing, and the package z has it"
    )


def as_child(root: Root) -> None:
    """Make what is there the parent of an image that adds nothing yet."""
    root.parent = root.tree()
    root.declared |= {"is_whole": False, "allows_generated": False}


def test_a_parents_own_files_count_as_accounted_for(root: Root) -> None:
    root.write("/usr/local/bin/python", b"of the base")
    as_child(root)
    checks = root.checks()
    assert checks["no other file"] == ("passed", "0 new or changed paths")
    assert checks["files of wheels"] == ("passed", "0 new files of 1 distributions")


def test_a_child_that_changes_or_removes_its_parents_files_fails(root: Root) -> None:
    root.write("/usr/local/bin/python", b"of the base")
    root.write("/usr/local/bin/other", b"of the base")
    as_child(root)
    root.remove("/usr/local/bin/other")
    root.write("/usr/local/bin/python", b"replaced", mode=0o755)
    (root.folder / "usr/share/x/data").chmod(0o600)
    first, second, third, _ = root.failed()["no other file"].splitlines()
    assert first == "/usr/local/bin/python: was changed, and by no package, no wheel and no [[files]]"
    assert second == "/usr/share/x/data: its mode or owner changed"
    assert third == "/usr/local/bin/other: the parent has it, and it is missing"


def test_only_installing_debian_packages_generates_files(root: Root) -> None:
    as_child(root)
    root.write("/etc/ld.so.cache", b"cache")
    assert "/etc/ld.so.cache: is in no package" in root.failed()["no other file"]
    root.declared["allows_generated"] = True
    assert root.failed() == {}


def test_a_package_may_bring_another_version_of_a_parents_file(root: Root) -> None:
    as_child(root)
    root.declared["allows_generated"] = True
    status = root.folder / "var/lib/dpkg/status"
    status.unlink()
    package(root, "libx", {"/usr/lib/libx.so.1": b"newer library", "/usr/share/x/data": b"data"})
    assert root.failed() == {}


def test_without_its_parent_only_what_is_declared_is_checked(root: Root) -> None:
    root.declared["is_whole"] = False
    root.write("/usr/bin/extra")
    assert root.failed() == {}
    assert root.checks()["no other file"] == (
        "skipped",
        "the parent that the image was built on is not in the store",
    )


def test_an_image_without_dpkg_is_no_failure(root: Root) -> None:
    shutil.rmtree(root.folder / "var")
    shutil.rmtree(root.folder / "usr/share/x")
    root.remove("/usr/lib/libx.so.1")
    assert root.checks()["files of Debian packages"] == ("skipped", "no /var/lib/dpkg/status")


def test_a_tree_is_read_as_it_was_written_and_without_mounts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/ä\udcff").write_bytes(b"1")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "proc").mkdir()
    (tmp_path / "mnt2").mkdir()
    (tmp_path / "mnt2/x").touch()
    (tmp_path / ".dockerenv").touch()
    tree, closed = file_tree(str(tmp_path), {"/mnt2"})
    assert set(tree) == {"/a", "/a/ä\udcff", "/b"}
    assert closed == {}
    assert unpacked(packed(tree)) == tree
    assert isinstance(tree["/b"], Entry)
    assert tree["/b"].link == "a"


def test_an_empty_folder_of_the_stack_is_a_folder_with_its_mode(root: Root) -> None:
    root.declared["files"].append(["/opt/app/spool", "0755", "", ""])
    assert root.failed() == {"files of the stack": "/opt/app/spool: is missing"}
    (root.folder / "opt/app/spool").mkdir(mode=0o755)
    assert root.failed() == {}
    (root.folder / "opt/app/spool").rmdir()
    root.write("/opt/app/spool", "")
    assert root.failed()["files of the stack"] == "/opt/app/spool: is not a folder"


def test_an_environment_may_have_no_distribution(root: Root) -> None:
    shutil.rmtree(root.folder / "opt/venv/lib")
    root.declared["distributions"] = {}
    assert root.failed() == {}
