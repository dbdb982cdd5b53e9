"""The Dagger module: `dagger call build-all` and the like, over the same code as the command line.

Each function lays out the stack, starts one run inside the module's own container, and returns its result.
The engine that runs the module also builds the images.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, TypeVar, cast

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, field, function, object_type

from ci.errors import CatalogError, DockwrightError, RegistryError, UsageError
from ci.locks.loading import check_locks
from ci.lower.rendered_files import differences
from ci.plan.plan import check_variants, plan_text
from ci.plan.rendered import rendered
from ci.publish.release import check_version
from ci.registry.namespace import RegistryNamespace
from ci.report.table import end_text
from ci.run.build.dagger_module import ModuleArguments, ModuleHost, named_checkout
from ci.run.build.request import Request
from ci.run.build.requested_matrix import matrix_of
from ci.run.build.run import RunResult, run_request
from ci.run.release.release import Publication, check_base, check_pushed, check_registry, publish_release
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.smoke.check_options import CheckOptions

Images = Annotated[list[str] | None, Doc("Images, as IMAGE or IMAGE:VARIANT; default: all.")]
Variants = Annotated[list[str] | None, Doc("Variants, such as cpu; default: all.")]
Cache = Annotated[str, Doc("How the registry is used: off, read, or read-write, which also pushes.")]
Gpu = Annotated[bool, Doc("Also run the GPU checks, if the engine's machine has a GPU.")]
NoLedger = Annotated[bool, Doc("Run every check, including checks that are recorded as passed.")]
RequireGpu = Annotated[bool, Doc("Fail if there is no GPU.")]
Rebuild = Annotated[bool, Doc("Build all images again, without the results of earlier builds.")]


Func = TypeVar("Func", bound=Callable[..., object])


def uncached(func: Func) -> Func:
    """Make a method a function that Dagger runs at each call; it caches other functions for a week."""
    decorate = function(cache="never")  # type: ignore[call-overload]  # its overloads lack `cache`
    return cast("Func", decorate(func))


class Failed(Exception):  # noqa: N818 Dagger shows the name before the message
    """The error of a function; its message starts with the class of dockwright's error."""


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn an error of dockwright into one whose message names its class.

    Raises:
        Failed: there was one.
    """
    try:
        yield
    except DockwrightError as error:
        hint = error.hint
        if isinstance(error, RegistryError) and error.answer == "unauthorised":
            hint = "give --username and --password env://VARIABLE before the function"
        text = f"{error.message}\nhint: {hint}" if hint else error.message
        raise Failed(f"{type(error).__name__}: {text}") from error


@object_type
class Dockwright:
    """Plans, builds, checks and publishes the images of a stack; reuses what did not change."""

    source: Annotated[
        dagger.Directory,
        Doc("Directory of the stack."),
        DefaultPath("/docker"),
        Ignore(["**/__pycache__", "**/*.pyc", "**/*.md"]),
    ] = field()
    base: Annotated[
        str, Doc("Kind of base image: auto, registry or bootstrap. Default: the value in stack.toml.")
    ] = field(default="")
    base_archive: Annotated[
        dagger.File | None, Doc("The bootstrap base, as `dockwright base FILE` writes it.")
    ] = field(default=None)
    ca: Annotated[dagger.File | None, Doc("Certificate authorities of the package indexes.")] = field(
        default=None
    )
    index_url: Annotated[
        dagger.Secret | None,
        Doc("URL of the index of Python packages, such as env://PIP_INDEX_URL. Default: PyPI."),
    ] = field(default=None)
    debian_mirror: Annotated[str, Doc("URL of the Debian archive. Default: Debian's own.")] = field(
        default=""
    )
    security_mirror: Annotated[str, Doc("URL of the Debian security archive. Default: Debian's own.")] = (
        field(default="")
    )
    registry: Annotated[str, Doc("HOST[:PORT]/NAMESPACE of the registry from which images are reused.")] = (
        field(default="")
    )
    username: Annotated[str, Doc("User name for the registry.")] = field(default="")
    password: Annotated[
        dagger.Secret | None, Doc("Password for the registry, such as env://REGISTRY_PASSWORD.")
    ] = field(default=None)
    registry_service: Annotated[
        dagger.Service | None, Doc("The registry, if only the caller can reach it: tcp://HOST:PORT.")
    ] = field(default=None)
    jobs: Annotated[int, Doc("Tasks to run in parallel. 0: one per core.")] = field(default=0)

    @uncached
    async def build_all(
        self,
        images: Images = None,
        variant: Variants = None,
        cache: Cache = "read",
        rebuild: Rebuild = False,
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> str:
        """Build and check every image that does not exist yet, and return the table of the run.

        It succeeds only if every image exists and passed its checks. With gpu, existing images are checked
        too.
        """
        checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
        request = Request(
            names=tuple(images or ()), variants=tuple(variant or ()), rebuild=rebuild, checks=checks
        )
        async with self._opened(cache) as (arguments, workspace):
            return _table((await _run(arguments, workspace, request))[0])

    @function
    async def build(
        self,
        image: Annotated[str, Doc("Name of the image, such as asr.")],
        variant: Annotated[str, Doc("Its variant, such as cpu.")] = "cpu",
        cache: Cache = "read",
    ) -> dagger.Container:
        """Build and check one image and the images that it is based on, and return it."""
        request = Request(names=(f"{image}:{variant}",))
        async with self._opened(cache) as (arguments, workspace):
            finished, host = await _run(arguments, workspace, request)
            _table(finished)
            planned = finished.plan.get(f"{image}:{variant}")
            if host.engine is not None and planned.reference in await host.engine.images():
                return host.engine.container(planned.reference)
            container = dag.container()
            if self.password is not None:
                address = self._namespace(workspace).host
                container = container.with_registry_auth(address, self.username, self.password)
            return container.from_(finished.hits[planned.id], registry_service=arguments.registry_service)

    @uncached
    async def smoke(
        self,
        images: Images = None,
        variant: Variants = None,
        cache: Cache = "read",
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> str:
        """Check every image, including existing images, which are fetched from the registry."""
        checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()), smoke=True, checks=checks)
        async with self._opened(cache) as (arguments, workspace):
            return _table((await _run(arguments, workspace, request))[0])

    @uncached
    async def report(
        self,
        images: Images = None,
        variant: Variants = None,
        cache: Cache = "read",
        rebuild: Rebuild = False,
        revision: Annotated[
            str, Doc("Full id of the commit whose docker/ the stack is, without changes. `repro` needs it.")
        ] = "",
        smoke: Annotated[bool, Doc("Also check existing images, as smoke does.")] = False,
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> dagger.Directory:
        """Build like build-all, or check like smoke, and return the report, events and logs of the run.

        It succeeds even if images failed.
        """
        with named_errors():
            checkout = named_checkout(revision)
        request = Request(
            names=tuple(images or ()),
            variants=tuple(variant or ()),
            rebuild=rebuild,
            checkout=checkout,
            smoke=smoke,
            checks=CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger),
        )
        async with self._opened(cache) as (arguments, workspace):
            finished, host = await _run(arguments, workspace, request)
        return host.folder(finished.directory.path)

    @uncached
    async def export_cache(self, images: Images = None, variant: Variants = None) -> str:
        """Build the images that the registry does not have, and push them under their keys.

        It succeeds only if the registry then has all images.
        """
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()))
        async with self._opened("read-write") as (arguments, workspace):
            place, environ = self._namespace(workspace), await arguments.environ()
            say = ModuleHost(client=dag, arguments=arguments).say
            await check_registry(place, say, "REGISTRY", environ=environ)
            finished, _ = await _run(arguments, workspace, request)
            table = _table(finished)
            await check_pushed(place, finished.plan, say, environ=environ)
            return table

    @uncached
    async def publish(
        self,
        version: Annotated[str, Doc("Version of the release.")],
        variant: Variants = None,
        revision: Annotated[str, Doc("Commit, for an annotation of the images.")] = "",
        origin: Annotated[str, Doc("Address of the source, for an annotation of the images.")] = "",
        bootstrap_base: Annotated[bool, Doc("Allow a release of images on the bootstrap base.")] = False,
        gzip: Annotated[bool, Doc("Compress layers with gzip, for programs without zstd.")] = False,
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> str:
        """Release all images in the registry, then move the tags to the release.

        Images that the registry does not have are built, checked and pushed first. The release is one image
        index, release:VERSION.
        """
        async with self._opened("read-write") as (arguments, workspace):
            place, environ = self._namespace(workspace), await arguments.environ()
            say = ModuleHost(client=dag, arguments=arguments).say
            check_version(version)
            check_base(workspace, bootstrap_base=bootstrap_base)
            check_variants(workspace.stack, tuple(variant or ()))
            await check_registry(place, say, "RELEASE", "REGISTRY", environ=environ)
            checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
            request = Request(variants=tuple(variant or ()), frozen=True, checks=checks)
            finished, _ = await _run(arguments, workspace, request)
            table = _table(finished)
            notes = {
                "org.opencontainers.image.revision": revision,
                "org.opencontainers.image.source": origin,
            }
            released = await publish_release(
                workspace,
                Publication(
                    version=version,
                    variants=tuple(variant or ()),
                    notes={name: text for name, text in notes.items() if text},
                    gzip=gzip,
                    gpu=require_gpu,
                ),
                say=say,
                environ=environ,
                passed=finished.passed,
            )
        return f"{table}\n{released}"

    @function
    async def plan(self, images: Images = None, variant: Variants = None) -> dagger.File:
        """Return which images would be built, and why, as `dockwright plan --json` prints it."""
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()))
        async with self._opened("off") as (_, workspace):
            text = plan_text(await request.plan(workspace, Store(ids={})))
        return dag.directory().with_new_file("plan.json", text).file("plan.json")

    @uncached
    async def matrix(self, variant: Variants = None, rebuild: Rebuild = False) -> str:
        """Return what must be built, by level of the graph, as `dockwright matrix` prints it."""
        request = Request(variants=tuple(variant or ()), rebuild=rebuild)
        async with self._opened("read") as (arguments, workspace):
            host = ModuleHost(client=dag, arguments=arguments)
            return (await matrix_of(workspace, request, await arguments.environ(), host.say)).text

    @function
    async def render(
        self, bake: Annotated[bool, Doc("Also return docker-bake.json.")] = False
    ) -> dagger.Directory:
        """Return the Dockerfiles that build the stack without dockwright."""
        async with self._opened("off") as (_, workspace):
            files = rendered(workspace.stack, bake=bake)
        directory = dag.directory()
        for path, text in sorted(files.items()):
            directory = directory.with_new_file(path, text)
        return directory

    @function
    async def wheelhouse(
        self, variant: Annotated[str, Doc("Variant whose wheels are downloaded.")] = "cpu"
    ) -> dagger.Directory:
        """Return all wheels of a variant, downloaded by hash or compiled."""
        async with self._opened("off") as (arguments, workspace):
            host = ModuleHost(client=dag, arguments=arguments)
            check_variants(workspace.stack, (variant,))
            return await host.wheelhouse(workspace, variant)

    @function
    @check
    async def catalog(self) -> None:
        """Check that the files of the stack have no errors."""
        async with self._opened("off"):
            pass

    @function
    @check
    async def locks(self) -> None:
        """Check that every lock fits the requirements."""
        with named_errors():
            check_locks(await self._arguments().export_stack())

    @function
    @check
    async def rendered_files(self) -> None:
        """Check that the rendered Dockerfiles fit image.toml and the locks."""
        async with self._opened("off") as (_, workspace):
            stale, surplus = differences(workspace.directory, rendered(workspace.stack, bake=False))
            if stale or surplus:
                names = ", ".join([*stale, *surplus])
                raise CatalogError(f"stale rendered files: {names}", hint="`dockwright render` writes them")

    def _arguments(self) -> ModuleArguments:
        return ModuleArguments(
            source=self.source,
            settings={
                "base": self.base,
                "debian_mirror": self.debian_mirror,
                "security_mirror": self.security_mirror,
                "registry": self.registry,
                "jobs": self.jobs,
            },
            base_archive=self.base_archive,
            ca=self.ca,
            index_url=self.index_url,
            username=self.username,
            password=self.password,
            registry_service=self.registry_service,
        )

    @asynccontextmanager
    async def _opened(self, cache: str) -> AsyncIterator[tuple[ModuleArguments, Workspace]]:
        with named_errors():
            arguments = self._arguments()
            yield arguments, await arguments.workspace(cache)

    def _namespace(self, workspace: Workspace) -> RegistryNamespace:
        if workspace.registry is None:
            raise UsageError(
                "no registry is set", hint="give --registry HOST[:PORT]/NAMESPACE before the function"
            )
        return workspace.registry


async def _run(
    arguments: ModuleArguments, workspace: Workspace, request: Request
) -> tuple[RunResult, ModuleHost]:
    host = ModuleHost(client=dag, arguments=arguments)
    return await run_request(workspace, request, host, await arguments.environ()), host


def _table(finished: RunResult) -> str:
    """Return the table of a successful run.

    Raises:
        Failed: it was not; the message has the table, and the class of each error.
    """
    if finished.exit_code != 0:
        raise Failed(end_text(finished.report))
    return end_text(finished.report)
