"""The shell commands of the steps that run programs: one place for both lowerings. Pure.

Each function returns commands for one `sh -c`, to be joined with ` && `. The step's wheelhouse or debhouse is
mounted read-only at `MOUNT`, a folder that every Debian system has, so that no mount point stays in a layer.
"""

from __future__ import annotations

from ci.lower.digest_args import DEBS_ARG, UV_ARG, wheels_arg
from ci.lower.quoting import sh_word
from ci.steps.step import Account, Apt, Libraries, Venv, Wheels

MOUNT = "/mnt"
LAYER = "/layer"
"""The folder in which a wheels step collects its files before they are moved."""

MAN_FOLDERS = " ".join(f"/usr/share/man/man{section}" for section in range(1, 9))
"""Where alternatives of Java, PostgreSQL and others have links."""

CHECK = "sha256sum --check --quiet --strict"

APT_LEFTOVERS = (
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    "/var/cache/apt/*",
    "/var/cache/debconf/*-old",
    "/var/cache/fontconfig/*",
    "/var/cache/ldconfig/aux-cache",
    "/var/lib/apt/lists/*",
    "/var/lib/dpkg/*-old",
    "/var/log/alternatives.log",
    "/var/log/apt",
    "/var/log/dpkg.log",
    "/var/log/fontconfig.log",
)
"""Files that installing Debian packages leaves: caches, logs with times, back-up files.

fontconfig's cache depends on the times of its folders, which differ in an image, so it is never used.
"""

APT_SECRETS = (
    "/etc/bind/rndc.key",
    "/etc/cron.d/popularity-contest",
    "/etc/dropbear/dropbear_*_host_key*",
    "/etc/ejabberd/ejabberd.pem",
    "/etc/hostid",
    "/etc/iscsi/initiatorname.iscsi",
    "/etc/ldap/slapd.d/*",
    "/etc/machine-id",
    "/etc/munge/munge.key",
    "/etc/nvme/hostid",
    "/etc/nvme/hostnqn",
    "/etc/popularity-contest.conf",
    "/etc/ssh/ssh_host_*",
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/varnish/secret",
    "/var/lib/dbus/machine-id",
    "/var/lib/ldap/*",
    "/var/lib/mysql/*",
    "/var/lib/postgresql/*/*",
    "/var/lib/rabbitmq/.erlang.cookie",
    "/var/lib/systemd/random-seed",
    "/var/lib/urandom/random-seed",
)
"""Keys and ids that maintainer scripts make for one machine: equal in all containers, others in each build.

Also new databases, which have ids too. Each was found by installing packages twice: see decision 33. A
program makes its own when it starts, or its package when it is configured again. What else is found is
refused by ci/smoke/program/contents/sensitive.py.
"""


def _check_file(path: str, argument: str) -> str:
    """Return the command that compares a mounted file with the build argument that has its digest.

    That is empty where nobody gave it: in a plain `docker build`, and in Dagger, which knows mounted folders
    by their content.

    Source: sha256sum(1).
    """
    return f'{{ test -z "${argument}" || echo "${argument}  {path}" | {CHECK}; }}'


def _check_list(name: str, argument: str) -> tuple[str, ...]:
    """Return the commands that check what the list `name` installs, in the step that installs it.

    `argument` is the build argument with the digest of the file of hashes.
    """
    sums = f"lists/{name}.sha256"
    return (_check_file(sums, argument), f"{CHECK} {sums}")


def account_script(step: Account) -> tuple[str, ...]:
    """Return the commands that add an account as text, which leaves no lock, log or back-up file.

    An account of that name and id is replaced, and a group of that id is used. Where the base has the name
    or the id for another account, the commands fail and print it.
    """
    name, uid, gid = step.name, step.uid, step.gid
    passwd = f"{name}:x:{uid}:{gid}::/home/{name}:/usr/sbin/nologin"
    taken = f"grep -E {sh_word(f'^({name}:|[^:]*:[^:]*:{uid}:)')} /etc/passwd"
    others = f"grep -v {sh_word(f'^{name}:[^:]*:{uid}:')}"
    group_taken = f"grep {sh_word(f'^{name}:')} /etc/group | grep -v {sh_word(f'^{name}:[^:]*:{gid}:')}"
    return (
        _unless(
            f"{taken} | {others}", f"user: the base has the name {name} or the id {uid} for another account"
        ),
        _unless(group_taken, f"user.gid: the base has the group {name} with another id than {gid}"),
        f"sed -i {sh_word(f'/^{name}:/d')} /etc/passwd",
        f"echo {sh_word(passwd)} >> /etc/passwd",
        (
            f"{{ grep -q {sh_word(f'^[^:]*:[^:]*:{gid}:')} /etc/group"
            f" || echo {sh_word(f'{name}:x:{gid}:')} >> /etc/group; }}"
        ),
        f"install -d -o {step.uid} -g {step.gid} -m 0755 /home/{step.name}",
    )


def _unless(finds: str, error: str) -> str:
    """Return a command that fails with `error` where the pipeline `finds` prints something."""
    return f"{{ ! {finds} || {{ echo {sh_word(f'stack.toml: {error}')} >&2; false; }}; }}"


def apt_script(step: Apt) -> tuple[str, ...]:
    """Return the commands that install the debhouse's list and remove what apt leaves.

    The folders of man pages are there meanwhile: update-alternatives fails where a link goes into one that
    dpkg left out, as in a slim base. Those that stay empty are removed.
    useradd writes the day of the build to /etc/shadow, unless SOURCE_DATE_EPOCH is set.

    Source: apt-get(8): a path with a `/` installs that file; the network is not needed for it.
    """
    return (
        f"cd {MOUNT}",
        *_check_list(step.name, DEBS_ARG),
        "export DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 SOURCE_DATE_EPOCH=0",
        f'made= && for d in {MAN_FOLDERS}; do test -d "$d" || {{ mkdir -p "$d" && made="$made $d"; }}; done',
        (
            f"xargs -a {sh_word(f'lists/{step.name}.txt')} apt-get install --yes -qq --no-install-recommends"
            " -o APT::Sandbox::User=root -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0"
        ),
        f"rm -rf {' '.join(APT_LEFTOVERS)}",
        f"rm -rf {' '.join(APT_SECRETS)}",
        # links by the hash of the removed certificate's name, which is that of the building machine
        "find /etc -path '/etc/ssl/certs/*' -lname ssl-cert-snakeoil.pem -delete",
        'for d in $made; do rmdir --ignore-fail-on-non-empty "$d"; done',
    )


def venv_script(step: Venv) -> tuple[str, ...]:
    """Return the commands that make the virtual environment with the image's own Python."""
    return (
        _check_file(f"{MOUNT}/uv", UV_ARG),
        "export PYTHONDONTWRITEBYTECODE=1",
        (
            f"{MOUNT}/uv venv --quiet --offline --no-cache --no-config --no-managed-python"
            f" --python {step.version} {step.path}"
        ),
        f"rm -f {step.path}/.lock {step.path}/.gitignore {step.path}/CACHEDIR.TAG",
    )


def wheels_script(step: Wheels) -> tuple[str, ...]:
    """Return the commands that install the wheelhouse's list.

    It is installed under `LAYER`, so that only its own files are compiled and nothing else is touched, and
    then moved by hard links, which writes no file twice. Bytecode is unchecked-hash (layers have no mtimes
    that could be compared) and compiled in one process, with the path that it will have. compileall ends with
    1 where a file is no Python of this version (templates, tests of others); such a file is left without
    bytecode, as pip does.

    Source: PEP 552 for unchecked-hash .pyc; `uv pip install --prefix` writes the venv's shebangs.
    """
    site = f"{LAYER}{step.venv}/lib/python{step.python}/site-packages"
    return (
        f"cd {MOUNT}",
        *_check_list(step.name, wheels_arg(step.name)),
        "export PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 UV_NO_INSTALLER_METADATA=1",
        (
            f"{MOUNT}/uv pip install --quiet --offline --no-cache --no-config --no-index --no-deps"
            f" --require-hashes --find-links {MOUNT}/wheels"
            f" --requirements {sh_word(f'{MOUNT}/lists/{step.name}.txt')}"
            f" --python {step.venv}/bin/python --prefix {LAYER}{step.venv}"
        ),
        f"rm -f {LAYER}{step.venv}/.lock",
        (
            f"{{ {step.venv}/bin/python -m compileall -qq -f -s {LAYER} -p /"
            f" --invalidation-mode unchecked-hash {site} || test $? -eq 1; }}"
        ),
        f"cp -alf {LAYER}/. /",
        f"rm -rf {LAYER}",
    )


def libraries_script(step: Libraries) -> tuple[str, ...]:
    """Return the commands that name the folders to the loader and rewrite its cache.

    A pattern that matches no folder is a failure.

    Source: ldconfig(8); its auxiliary cache has inode numbers and times, so it is removed.
    """
    return (
        f"LC_ALL=C ls -d {' '.join(step.folders)} > {sh_word(f'/etc/ld.so.conf.d/{step.name}.conf')}",
        "ldconfig",
        "rm -f /var/cache/ldconfig/aux-cache",
    )
