"""The Dagger module: `dagger call build-all` and the like, over the same code as the command line.

Each function lays out the stack, starts one run inside the module's own container, and returns what came of
it. The engine that runs the module also builds the images.
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
Cache = Annotated[str, Doc("What is done with the registry: off, read, or read-write, which also pushes.")]
Gpu = Annotated[bool, Doc("Also compute on the GPUs of the engine's machine, where it has any.")]
NoLedger = Annotated[bool, Doc("Do every check again, whatever is recorded to have passed.")]
RequireGpu = Annotated[bool, Doc("Fail where there is no GPU to compute on.")]
Rebuild = Annotated[bool, Doc("Build again what is asked for, without the results of earlier builds.")]


Func = TypeVar("Func", bound=Callable[..., object])


def done_anew(func: Func) -> Func:
    """Make a method a function that Dagger runs at each call; others it remembers for a week."""
    decorate = function(cache="never")  # type: ignore[call-overload]  # its overloads lack `cache`
    return cast("Func", decorate(func))


class Failed(Exception):  # noqa: N818 Dagger shows the name before the message
    """What a function ends with; the class of dockwright's own error begins the message."""


@contextmanager
def told() -> Iterator[None]:
    """Let an error of dockwright's own name its class to the caller.

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
    """Plans, builds, checks and publishes the images of a stack, reusing what did not change."""

    source: Annotated[
        dagger.Directory,
        Doc("The stack's directory."),
        DefaultPath("/docker"),
        Ignore(["**/__pycache__", "**/*.pyc", "**/*.md"]),
    ] = field()
    base: Annotated[str, Doc("Kind of base: auto, registry or bootstrap; default: stack.toml's.")] = field(
        default=""
    )
    base_archive: Annotated[
        dagger.File | None, Doc("The bootstrap base: what `dockwright base FILE` writes.")
    ] = field(default=None)
    ca: Annotated[dagger.File | None, Doc("Certificate authorities that package indexes are reached by.")] = (
        field(default=None)
    )
    index_url: Annotated[str, Doc("Index of Python packages; default: PyPI.")] = field(default="")
    debian_mirror: Annotated[str, Doc("Debian's archive; default: Debian's own.")] = field(default="")
    security_mirror: Annotated[str, Doc("Debian's security archive; default: Debian's own.")] = field(
        default=""
    )
    registry: Annotated[
        str, Doc("HOST[:PORT]/NAMESPACE of the registry that images are reused from, by key.")
    ] = field(default="")
    username: Annotated[str, Doc("Who the registry's password is of.")] = field(default="")
    password: Annotated[
        dagger.Secret | None, Doc("The registry's password, such as env://REGISTRY_PASSWORD.")
    ] = field(default=None)
    registry_service: Annotated[
        dagger.Service | None, Doc("The registry, where only the caller reaches it: tcp://HOST:PORT.")
    ] = field(default=None)
    jobs: Annotated[int, Doc("Tasks at once; 0: one per core.")] = field(default=0)

    @done_anew
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
        """Build every image that is not there yet, check each one, and return the table of the run.

        It ends well only if all that was asked for exists. On a GPU those that are there are checked too.
        """
        checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
        request = Request(
            names=tuple(images or ()), variants=tuple(variant or ()), rebuild=rebuild, checks=checks
        )
        async with self._opened(cache) as (outside, workspace):
            return _told((await _run(outside, workspace, request))[0])

    @function
    async def build(
        self,
        image: Annotated[str, Doc("Name of the image, such as asr.")],
        variant: Annotated[str, Doc("Its variant, such as cpu.")] = "cpu",
        cache: Cache = "read",
    ) -> dagger.Container:
        """Build one image and what it stands on, check it, and return it."""
        request = Request(names=(f"{image}:{variant}",))
        async with self._opened(cache) as (outside, workspace):
            finished, inside = await _run(outside, workspace, request)
            _told(finished)
            planned = finished.plan.get(f"{image}:{variant}")
            if inside.engine is not None and planned.reference in await inside.engine.images():
                return inside.engine.container(planned.reference)
            container = dag.container()
            if self.password is not None:
                host = self._namespace(workspace).host
                container = container.with_registry_auth(host, self.username, self.password)
            return container.from_(finished.hits[planned.id], registry_service=outside.registry_service)

    @done_anew
    async def smoke(
        self,
        images: Images = None,
        variant: Variants = None,
        cache: Cache = "read",
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> str:
        """Check every image, those too that are there already; what the registry has is fetched for it."""
        checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()), smoke=True, checks=checks)
        async with self._opened(cache) as (outside, workspace):
            return _told((await _run(outside, workspace, request))[0])

    @done_anew
    async def report(
        self,
        images: Images = None,
        variant: Variants = None,
        cache: Cache = "read",
        rebuild: Rebuild = False,
        revision: Annotated[
            str, Doc("Commit, in full, whose docker/ the stack is, unchanged: for `dockwright repro`.")
        ] = "",
        smoke: Annotated[bool, Doc("Also check the images that are there already, as smoke does.")] = False,
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> dagger.Directory:
        """Build as build-all does, or check as smoke does, and return the run's report, events and logs.

        It ends well whatever became of the images.
        """
        with told():
            checkout = named_checkout(revision)
        request = Request(
            names=tuple(images or ()),
            variants=tuple(variant or ()),
            rebuild=rebuild,
            checkout=checkout,
            smoke=smoke,
            checks=CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger),
        )
        async with self._opened(cache) as (outside, workspace):
            finished, inside = await _run(outside, workspace, request)
        return inside.folder(finished.directory.path)

    @done_anew
    async def export_cache(self, images: Images = None, variant: Variants = None) -> str:
        """Build what the registry lacks and push it there under its keys.

        It ends well only if the registry then has all that was asked for.
        """
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()))
        async with self._opened("read-write") as (outside, workspace):
            place, environ = self._namespace(workspace), await outside.environ()
            say = ModuleHost(client=dag, given=outside).say
            await check_registry(place, say, "REGISTRY", environ=environ)
            finished, _ = await _run(outside, workspace, request)
            table = _told(finished)
            await check_pushed(place, finished.plan, say, environ=environ)
            return table

    @done_anew
    async def publish(
        self,
        version: Annotated[str, Doc("Of the release.")],
        variant: Variants = None,
        revision: Annotated[str, Doc("Commit that the images are annotated with.")] = "",
        origin: Annotated[str, Doc("Address of the source that they are annotated with.")] = "",
        bootstrap_base: Annotated[bool, Doc("Publish though the base is made of Debian packages.")] = False,
        gzip: Annotated[bool, Doc("Compress layers with gzip, for what reads no zstd.")] = False,
        gpu: Gpu = False,
        require_gpu: RequireGpu = False,
        no_ledger: NoLedger = False,
    ) -> str:
        """Make a release of all images in the registry, and let its tags follow.

        What the registry lacks is built and pushed first. The release is one index, release:VERSION.
        """
        async with self._opened("read-write") as (outside, workspace):
            place, environ = self._namespace(workspace), await outside.environ()
            say = ModuleHost(client=dag, given=outside).say
            check_version(version)
            check_base(workspace, bootstrap_base=bootstrap_base)
            check_variants(workspace.stack, tuple(variant or ()))
            await check_registry(place, say, "RELEASE", "REGISTRY", environ=environ)
            checks = CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
            request = Request(variants=tuple(variant or ()), frozen=True, checks=checks)
            table = _told((await _run(outside, workspace, request))[0])
            notes = {
                "org.opencontainers.image.revision": revision,
                "org.opencontainers.image.source": origin,
            }
            said = await publish_release(
                workspace,
                Publication(
                    version=version,
                    variants=tuple(variant or ()),
                    notes={name: text for name, text in notes.items() if text},
                    gzip=gzip,
                ),
                say=say,
                environ=environ,
            )
        return f"{table}\n{said}"

    @function
    async def plan(self, images: Images = None, variant: Variants = None) -> dagger.File:
        """Return what would be built and why, as `dockwright plan --json` prints it."""
        request = Request(names=tuple(images or ()), variants=tuple(variant or ()))
        async with self._opened("off") as (_, workspace):
            text = plan_text(await request.plan(workspace, Store(ids={})))
        return dag.directory().with_new_file("plan.json", text).file("plan.json")

    @done_anew
    async def matrix(self, variant: Variants = None, rebuild: Rebuild = False) -> str:
        """Return what has to be built, by level of the graph, as `dockwright matrix` prints it."""
        request = Request(variants=tuple(variant or ()), rebuild=rebuild)
        async with self._opened("read") as (outside, workspace):
            inside = ModuleHost(client=dag, given=outside)
            return (await matrix_of(workspace, request, await outside.environ(), inside.say)).text

    @function
    async def render(self, bake: Annotated[bool, Doc("Also docker-bake.json.")] = False) -> dagger.Directory:
        """Return the Dockerfiles that build the stack without dockwright."""
        async with self._opened("off") as (_, workspace):
            files = rendered(workspace.stack, bake=bake)
        directory = dag.directory()
        for path, text in sorted(files.items()):
            directory = directory.with_new_file(path, text)
        return directory

    @function
    async def wheelhouse(
        self, variant: Annotated[str, Doc("Variant whose wheels are fetched.")] = "cpu"
    ) -> dagger.Directory:
        """Return all wheels of a variant, fetched by hash, those compiled that have none."""
        async with self._opened("off") as (outside, workspace):
            inside = ModuleHost(client=dag, given=outside)
            check_variants(workspace.stack, (variant,))
            return await inside.wheelhouse(workspace, variant)

    @function
    @check
    async def catalog(self) -> None:
        """Check that the stack's directory has no mistakes."""
        async with self._opened("off"):
            pass

    @function
    @check
    async def locks(self) -> None:
        """Check that every lock answers what is asked for."""
        with told():
            check_locks(await self._outside().laid_out())

    @function
    @check
    async def rendered_files(self) -> None:
        """Check that the rendered Dockerfiles are as image.toml and the locks say."""
        async with self._opened("off") as (_, workspace):
            stale, left_over = differences(workspace.directory, rendered(workspace.stack, bake=False))
            if stale or left_over:
                names = ", ".join([*stale, *left_over])
                raise CatalogError(f"stale rendered files: {names}; `dockwright render` writes them")

    def _outside(self) -> ModuleArguments:
        return ModuleArguments(
            source=self.source,
            base=self.base,
            base_archive=self.base_archive,
            ca=self.ca,
            index_url=self.index_url,
            debian_mirror=self.debian_mirror,
            security_mirror=self.security_mirror,
            registry=self.registry,
            username=self.username,
            password=self.password,
            registry_service=self.registry_service,
            jobs=self.jobs,
        )

    @asynccontextmanager
    async def _opened(self, cache: str) -> AsyncIterator[tuple[ModuleArguments, Workspace]]:
        with told():
            outside = self._outside()
            yield outside, await outside.workspace(cache)

    def _namespace(self, workspace: Workspace) -> RegistryNamespace:
        if workspace.registry is None:
            raise UsageError(
                "no registry is set", hint="give --registry HOST[:PORT]/NAMESPACE before the function"
            )
        return workspace.registry


async def _run(
    outside: ModuleArguments, workspace: Workspace, request: Request
) -> tuple[RunResult, ModuleHost]:
    check_variants(workspace.stack, request.variants)
    inside = ModuleHost(client=dag, given=outside)
    return await run_request(workspace, request, inside, await outside.environ()), inside


def _told(finished: RunResult) -> str:
    """Return the table of a run that ended well.

    Raises:
        Failed: it did not; the message has the table, and the class of each error.
    """
    if finished.exit_code != 0:
        raise Failed(end_text(finished.report))
    return end_text(finished.report)
