"""Buildah, the embedded engine: an argv builder that runs nothing.

Facts of Buildah 1.28, found by running it: `--timestamp 0` and `--identity-label=false` in every build give
equal digests; the layer cache ignores the content of a bind mount, so the digest of the mounted part is a
build argument. How steps are isolated is in isolation.py.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.engines.buildah.isolation import Isolation
from ci.engines.buildah.storage import DEFAULT, Storage
from ci.engines.engine import BuildRequest, ContainerRun
from ci.engines.process.command import ROOT, Command, Privilege
from ci.engines.process.namespaces import dying_with_parent
from ci.engines.program import metered, plain_layers, sandbox, store_state
from ci.engines.sandbox import NAMESPACES
from ci.engines.skopeo import is_loopback
from ci.names.reference import LOCAL

STORAGE_CONF = "CONTAINERS_STORAGE_CONF"
"""Names the store's file to skopeo. Source: containers-storage.conf(5)."""
RUN_ID = "dockwright-run"
"""The id of the secret that carries the run marker into the working containers of a build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFiles:
    """Files of one build.

    Attributes:
        dockerfile: has the instructions.
        ignore: names what of the context is left out, whatever .dockerignore in it says.
        image_id: gets the image's id.
        cpu_seconds: gets the CPU seconds in user mode of the build.
    """

    dockerfile: Path
    ignore: Path
    image_id: Path
    cpu_seconds: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildah:
    """How this machine's Buildah is called.

    Attributes:
        privilege: how every command gets its rights.
        storage: the store.
        tmpdir: where it writes temporary files and its cache mounts.
        isolation: how build steps are separated from this machine.
        pid_namespace: put before every command, so that all that it starts ends with it.
        run_marker: the path of the run's marker file, which its working containers carry; empty: none.
    """

    privilege: Privilege = ROOT
    storage: Storage = DEFAULT
    tmpdir: str = ""
    isolation: Isolation = Isolation()  # noqa: RUF009 a frozen value
    pid_namespace: tuple[str, ...] = ()
    run_marker: str = ""

    def build(self, request: BuildRequest, files: BuildFiles) -> Command:
        """Build an image, offline, with the instructions in `files.dockerfile`."""
        build_args = request.arguments(LOCAL + request.parent)
        words = ["build", *self.isolation.options(network=False), *self.isolation.profile()]
        words += ["--timestamp", "0", "--identity-label=false"]
        words += [
            "--http-proxy=false",
            "--pull=never",
            "--force-rm",
            "--ignorefile",
            str(files.ignore),
            "--layers=true",
            "--iidfile",
            str(files.image_id),
        ]
        # --layers=false would make one layer of all steps: another image
        words += [] if request.cache else ["--no-cache"]
        words += [
            word
            for name, path in sorted(request.folders.items())
            for word in ("--build-context", f"{name}={path}")
        ]
        words += [
            word for name, value in sorted(build_args.items()) for word in ("--build-arg", f"{name}={value}")
        ]
        # a secret that no instruction mounts stands in the record of each working container, and nowhere else
        words += ["--secret", f"id={RUN_ID},src={self.run_marker}"] if self.run_marker else []
        words += ["--file", str(files.dockerfile), str(request.context)]
        return self._command(*words, before=self._namespaces(network=False), cpu_file=str(files.cpu_seconds))

    def images(self) -> Command:
        """List all images as JSON."""
        return self._command("images", "--json", "--no-trunc")

    def read(self, path: str) -> Command:
        """Print a file of the store, which may be readable for its owner alone."""
        return Command(argv=("cat", "--", path)).privileged(self.privilege.prefix)

    def remove_images(self, *images: str) -> Command:
        """Remove images; by a name only that name goes while the image has others. Nothing in use goes."""
        return self._command("rmi", *images)

    def inspect(self, image: str) -> Command:
        """Print one image's config and layers as JSON."""
        return self._command("inspect", "--type", "image", image)

    def import_layout(self, layout: str, image: str, conf: str) -> Command:
        """Copy the image of an OCI layout into the store under its id `image`; layers are found there.

        `conf` is the path of the file that names the store, here and below: see `Storage.conf`.
        """
        return self._skopeo("copy", "--quiet", f"oci:{layout}", f"containers-storage:@{image}", conf=conf)

    def tag(self, image: str, *names: str) -> Command:
        """Give `image` more names."""
        return self._command("tag", image, *names)

    def pull(self, reference: str, authfile: str = "") -> Command:
        """Fetch an image from a registry and print its id; only loopback may be without TLS."""
        plain = ("--tls-verify=false",) if is_loopback(reference) else ()
        known = ("--authfile", authfile) if authfile else ()
        return self._command("pull", "--quiet", *plain, *known, reference)

    def push(self, image: str, reference: str, digest_file: str, *, conf: str, authfile: str = "") -> Command:
        """Push an image of the store by its id, with zstd layers; its digest is written to `digest_file`.

        What the registry has is mounted from wherever it is known to be, and not sent again. Source:
        skopeo-copy(1); containers-transports(5).
        """
        words = ["copy", "--quiet", "--dest-compress-format", "zstd", "--digestfile", digest_file]
        words += ["--dest-tls-verify=false"] if is_loopback(reference) else []
        words += ["--dest-authfile", authfile] if authfile else []
        words += [f"containers-storage:@{image}", f"docker://{reference}"]
        return self._skopeo(*words, conf=conf)

    def compress(self, image: str, layout: str, conf: str) -> Command:
        """Write an image of the store by its id to an OCI layout, its layers as `push` sends them.

        A blob that the layout has already, by the digest of the layer, is not read. Source: skopeo-copy(1).
        """
        words = ["copy", "--quiet", "--dest-compress-format", "zstd"]
        return self._skopeo(*words, f"containers-storage:@{image}", f"oci:{layout}", conf=conf)

    def unpack(self, image: str, folder: str, conf: str) -> Command:
        """Write an image of the store by its id to a folder, its layers not compressed."""
        words = ["copy", "--quiet", "--dest-decompress"]
        return self._skopeo(*words, f"containers-storage:@{image}", f"dir:{folder}", conf=conf)

    def start(self, image: str, name: str = "") -> Command:
        """Make a working container of `image`, of that name, and print its id; nothing runs yet."""
        named = ("--name", name) if name else ()
        return self._command("from", "--pull-never", *self.isolation.profile(), *named, image)

    def containers(self) -> Command:
        """List all containers of the store as JSON, those of other programs too."""
        return self._command("containers", "--all", "--json", "--notruncate")

    def store_state(self, ids: Sequence[str]) -> Command:
        """Print the state of the store's files; see ci/engines/program/store_state.py."""
        where = (self.storage.root, self.storage.driver)
        argv = (sys.executable, "-I", "-B", store_state.__file__, *where, *ids)
        return Command(argv=argv).privileged(self.privilege.prefix)

    def sandbox(self, spec: str) -> Command:
        """Run a program of an image in a sandbox; see ci/engines/program/sandbox.py for `spec`."""
        argv = (*self.pid_namespace, *NAMESPACES, sys.executable, "-I", "-B", sandbox.__file__, spec)
        return Command(argv=argv).privileged(self.privilege.prefix)

    def plain_layers(self, image: str, folder: str) -> Command:
        """Write layers without an overlay's attributes; see ci/engines/program/plain_layers.py."""
        argv = (sys.executable, "-I", "-B", plain_layers.__file__, self.storage.root, image, folder)
        return Command(argv=argv).privileged(self.privilege.prefix)

    def remove_folder(self, folder: str) -> Command:
        """Remove a folder, whoever owns what is in it."""
        return Command(argv=("rm", "-rf", "--", folder)).privileged(self.privilege.prefix)

    def remove_damaged(self, images: Sequence[str]) -> Command:
        """Remove images with their names and working containers, whatever is missing of their layers."""
        return self._command("rmi", "--force", *images)

    def containers_of(self, markers: Sequence[Path]) -> Command:
        """Print the records of working containers that carry one of `markers`.

        It ends with 1 where there is none.
        """
        words = [word for marker in markers for word in ("-e", f"id={RUN_ID},src={marker}")]
        argv = ("grep", "-rlF", "--include=buildah.json", *words, self.storage.container_records)
        return Command(argv=argv).privileged(self.privilege.prefix)

    def remove(self, *containers: str) -> Command:
        """Remove working containers."""
        return self._command("rm", *containers)

    def run(self, container: str, run: ContainerRun, *, terminal: bool = False) -> Command:
        """Run a program in a working container; with `terminal` on one of its own, connected to ours."""
        words = ["run", *self.isolation.options(network=run.network)]
        words += ["--terminal"] if terminal else []
        words += [word for mount in run.mounts for word in ("--volume", ":".join(map(str, mount)))]
        words += [word for name, value in sorted(run.env.items()) for word in ("--env", f"{name}={value}")]
        words += ["--user", run.user] if run.user else []
        before = self._namespaces(network=run.network)
        tmpdir = self.isolation.terminal_folder() if terminal else ""
        return self._command(*words, container, "--", *run.argv, before=before, tmpdir=tmpdir)

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

    def _skopeo(self, *words: str, conf: str) -> Command:
        folder = ("--tmpdir", self.tmpdir) if self.tmpdir else ()  # it ignores TMPDIR
        argv = (*self.pid_namespace, "skopeo", *folder, *words)
        return Command(argv=argv, env=((STORAGE_CONF, conf),)).privileged(self.privilege.prefix)

    def _namespaces(self, *, network: bool) -> tuple[str, ...]:
        return self.isolation.namespaces(
            network=network, folders=(self.storage.root, self.storage.run_root, self.tmpdir)
        )

    def _command(
        self, *words: str, before: tuple[str, ...] = (), cpu_file: str = "", tmpdir: str = ""
    ) -> Command:
        folder = tmpdir or self.tmpdir
        env = (("TMPDIR", folder),) if folder else ()
        meter = (sys.executable, "-I", "-S", "-B", metered.__file__, cpu_file, *dying_with_parent())
        argv = (*(meter if cpu_file else ()), *self.pid_namespace, *before)
        argv = (*argv, "buildah", *self.storage.options, *words)
        return Command(argv=argv, env=env).privileged(self.privilege.prefix)
