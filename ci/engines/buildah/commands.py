"""Buildah, the embedded engine: an argv builder. Nothing here runs anything.

Facts of Buildah 1.28, found by running it: `--timestamp 0` and `--identity-label=false` in every build give
equal digests; the layer cache ignores the content of a bind mount, so the digest of the mounted part is a
build argument; chroot isolation refuses `--network none`, so an offline build runs in an empty network
namespace.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ci.engines.engine import Mounts
from ci.engines.process.command import Command
from ci.engines.process.namespaces import dying_with_parent
from ci.engines.program import metered, sandbox, store_state
from ci.engines.sandbox import APART
from ci.names.host import parse_host
from ci.names.reference import parse_reference

OFFLINE = ("unshare", "--net", "--")
MARK_ID = "dockwright-run"
"""The id of the secret that marks the working containers of a build."""


def is_loopback(reference: str) -> bool:
    """Whether the registry of `reference` is on this machine."""
    return parse_host(parse_reference(reference).host).is_loopback


def copy_image(source: str, target: str, *, authfiles: tuple[str, str]) -> Command:
    """Copy an image from one registry to another without changing a byte of it, by digest.

    `authfiles` hold the credentials for the one and the other; empty: those that skopeo finds itself.
    """
    words = ["copy", "--quiet", "--preserve-digests"]
    for side, reference, authfile in zip(("src", "dest"), (source, target), authfiles, strict=True):
        words += [f"--{side}-tls-verify=false"] if is_loopback(reference) else []
        words += [f"--{side}-authfile", authfile] if authfile else []
    return Command(argv=("skopeo", *words, f"docker://{source}", f"docker://{target}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildah:
    """How this machine's Buildah is called.

    Attributes:
        privilege: put before every command: `()` as root, `("sudo", "-n")`, or `("buildah", "unshare")`.
        store: options that name the store; empty for Buildah's default.
        tmpdir: where it writes temporary files and its cache mounts.
        isolation: `chroot` or `oci` (runc).
        enclosure: put before every command, so that all it starts ends with it.
        mark: the file that a run is known by; its working containers bear it. Empty: they bear none.
    """

    privilege: tuple[str, ...] = ()
    store: tuple[str, ...] = ()
    tmpdir: str = ""
    isolation: str = "chroot"
    pid_namespace: tuple[str, ...] = ()
    mark: str = ""

    def build(
        self,
        *,
        dockerfile: str,
        context: str,
        image_id_file: str,
        ignore_file: str,
        cpu_file: str,
        build_args: Mapping[str, str],
        contexts: Mapping[str, str],
        labels: Mapping[str, str],
        cache: bool = True,
    ) -> Command:
        """Build `context` by `dockerfile`, offline; the image's id is written to `image_id_file`.

        `contexts` gives folders that stand in for images by reference; `ignore_file` says what of the context
        is left out, whatever .dockerignore in it says. `cpu_file` gets its seconds in user mode.
        """
        words = ["build", "--isolation", self.isolation, "--timestamp", "0", "--identity-label=false"]
        words += ["--runtime", "runc"] if self.isolation == "oci" else []
        words += [
            "--http-proxy=false",
            "--pull=never",
            "--force-rm",
            "--ignorefile",
            ignore_file,
            "--layers=true",
            "--iidfile",
            image_id_file,
        ]
        # --layers=false would make one layer of all steps: another image
        words += [] if cache else ["--no-cache"]
        words += [
            word for name, path in sorted(contexts.items()) for word in ("--build-context", f"{name}={path}")
        ]
        words += [
            word for name, value in sorted(build_args.items()) for word in ("--build-arg", f"{name}={value}")
        ]
        words += [word for name, value in sorted(labels.items()) for word in ("--label", f"{name}={value}")]
        # a secret that no instruction mounts stands in the record of each working container, and nowhere else
        words += ["--secret", f"id={MARK_ID},src={self.mark}"] if self.mark else []
        return self._command(*words, "--file", dockerfile, context, offline=True, cpu_file=cpu_file)

    def images(self) -> Command:
        """List all images as JSON."""
        return self._command("images", "--json", "--no-trunc")

    def read(self, path: str) -> Command:
        """Print a file of the store, which may be readable for its owner alone."""
        return Command(argv=("cat", "--", path)).privileged(self.privilege)

    def remove_images(self, *images: str) -> Command:
        """Remove images; by a name only that name goes while the image has others. Nothing in use goes."""
        return self._command("rmi", *images)

    def inspect(self, image: str) -> Command:
        """Print one image's config and layers as JSON."""
        return self._command("inspect", "--type", "image", image)

    def take(self, layout: str, image: str) -> Command:
        """Copy the image of an OCI layout into the store under its id `image`; layers are found there.

        Source: containers-transports(5): `containers-storage:[root+runroot]@id`.
        """
        return self._skopeo(
            "copy", "--quiet", f"oci:{layout}", f"containers-storage:{self._store_words()}@{image}"
        )

    def tag(self, image: str, *names: str) -> Command:
        """Give `image` more names."""
        return self._command("tag", image, *names)

    def pull(self, reference: str, authfile: str = "") -> Command:
        """Fetch an image from a registry and print its id; only loopback may be without TLS."""
        plain = ("--tls-verify=false",) if is_loopback(reference) else ()
        known = ("--authfile", authfile) if authfile else ()
        return self._command("pull", "--quiet", *plain, *known, reference)

    def push(self, image: str, reference: str, digest_file: str, authfile: str = "") -> Command:
        """Push an image of the store by its id, with zstd layers; its digest is written to `digest_file`.

        What the registry has is mounted from wherever it is known to be, and not sent again. Source:
        skopeo-copy(1); containers-transports(5).
        """
        words = ["copy", "--quiet", "--dest-compress-format", "zstd", "--digestfile", digest_file]
        words += ["--dest-tls-verify=false"] if is_loopback(reference) else []
        words += ["--dest-authfile", authfile] if authfile else []
        words += [f"containers-storage:{self._store_words()}@{image}", f"docker://{reference}"]
        return self._skopeo(*words)

    def compress(self, image: str, layout: str) -> Command:
        """Write an image of the store by its id to an OCI layout, its layers as `push` sends them.

        A blob that the layout has already, by the digest of the layer, is not read. Source: skopeo-copy(1).
        """
        words = ["copy", "--quiet", "--dest-compress-format", "zstd"]
        return self._skopeo(*words, f"containers-storage:{self._store_words()}@{image}", f"oci:{layout}")

    def start(self, image: str, name: str = "") -> Command:
        """Make a working container of `image`, of that name, and print its id; nothing runs yet."""
        return self._command("from", "--pull-never", *(("--name", name) if name else ()), image)

    def containers(self) -> Command:
        """List all containers of the store as JSON, those of other programs too."""
        return self._command("containers", "--all", "--json", "--notruncate")

    def info(self) -> Command:
        """Print as JSON where the store is."""
        return self._command("info")

    def look(self, root: str, driver: str, ids: Sequence[str]) -> Command:
        """Look at the store's files; see ci/engines/program/store_state.py."""
        argv = (sys.executable, "-I", "-B", store_state.__file__, root, driver, *ids)
        return Command(argv=argv).privileged(self.privilege)

    def check(self, spec: str) -> Command:
        """Run a program in an image, closed in; see ci/engines/program/sandbox.py for `spec`."""
        argv = (*self.pid_namespace, *APART, sys.executable, "-I", "-B", sandbox.__file__, spec)
        return Command(argv=argv).privileged(self.privilege)

    def remove_folder(self, folder: str) -> Command:
        """Remove a folder, whoever owns what is in it."""
        return Command(argv=("rm", "-rf", "--", folder)).privileged(self.privilege)

    def remove_damaged(self, images: Sequence[str]) -> Command:
        """Remove images with their names and working containers, whatever their layers look like."""
        return self._command("rmi", "--force", *images)

    def bearing(self, marks: Sequence[str], records: str) -> Command:
        """Print the records of working containers in the folder `records` that bear one of `marks`.

        It ends with 1 where there is none.
        """
        words = [word for mark in marks for word in ("-e", f"id={MARK_ID},src={mark}")]
        argv = ("grep", "-rlF", "--include=buildah.json", *words, records)
        return Command(argv=argv).privileged(self.privilege)

    def remove(self, *containers: str) -> Command:
        """Remove working containers."""
        return self._command("rm", *containers)

    def run(
        self,
        container: str,
        argv: Sequence[str],
        *,
        mounts: Mounts = (),
        env: Mapping[str, str] | None = None,
        user: str = "",
        network: bool = False,
        terminal: bool = False,
    ) -> Command:
        """Run `argv` in a working container; `mounts` are (host path, path, `ro` or `rw`).

        With `terminal` it gets one of its own, joined to ours.
        """
        words = ["run", "--isolation", self.isolation]
        words += ["--terminal"] if terminal else []
        words += ["--runtime", "runc"] if self.isolation == "oci" else []
        words += [word for mount in mounts for word in ("--volume", ":".join(map(str, mount)))]
        words += [
            word for name, value in sorted((env or {}).items()) for word in ("--env", f"{name}={value}")
        ]
        words += ["--user", user] if user else []
        return self._command(*words, container, "--", *argv, offline=not network)

    def add(self, container: str, archive: str) -> Command:
        """Unpack a tar archive at the container's root."""
        return self._command("add", "--quiet", container, archive, "/")

    def commit(self, container: str, name: str) -> Command:
        """Make an image of the container, with no times; a build needs the history to count layers by."""
        words = ["commit", "--quiet", "--timestamp", "0", "--identity-label=false"]
        return self._command(*words, "--rm", container, name)

    def config(self, container: str, *, env: Mapping[str, str], cmd: str) -> Command:
        """Set the environment and the default command of a container's image."""
        words = [word for name, value in sorted(env.items()) for word in ("--env", f"{name}={value}")]
        return self._command("config", *words, "--cmd", cmd, container)

    def _store_words(self) -> str:
        roots = dict(zip(self.store[::2], self.store[1::2], strict=True))
        return f"[{roots['--root']}+{roots['--runroot']}]" if roots else ""

    def _skopeo(self, *words: str) -> Command:
        folder = ("--tmpdir", self.tmpdir) if self.tmpdir else ()  # it does not look at TMPDIR
        return Command(argv=(*self.pid_namespace, "skopeo", *folder, *words)).privileged(self.privilege)

    def _command(self, *words: str, offline: bool = False, cpu_file: str = "") -> Command:
        env = (("TMPDIR", self.tmpdir),) if self.tmpdir else ()
        meter = (sys.executable, "-I", "-S", "-B", metered.__file__, cpu_file, *dying_with_parent())
        before = (*(meter if cpu_file else ()), *self.pid_namespace, *(OFFLINE if offline else ()))
        argv = (*before, "buildah", *self.store, *words)
        return Command(argv=argv, env=env).privileged(self.privilege)
