"""The shape of the stack's TOML files: which keys there are and what type their values have.

Shape only: whether a name, a mode or a path is valid is checked by the modules that use it, so that one
invalid value does not hide the others. Descriptions and examples are those of the
JSON schemas and of docs/reference/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ci.catalog import names
from ci.names.digest import PATTERN as DIGEST


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a value, written as TOML; for the pages of docs/reference/ alone."""

    toml: str


Text = Annotated[str, Field(min_length=1)]
Mode = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.MODE.pattern}$"})]
Target = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.APP}(/|$)"})]
Package = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.PACKAGE.pattern}$"})]
Folder = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.FOLDER.pattern}$"})]
Variables = Annotated[
    dict[str, str],
    Field(json_schema_extra={"propertyNames": {"pattern": f"^{names.VARIABLE.pattern}$"}}),
]
Namespace = Annotated[
    Text, Field(json_schema_extra={"pattern": f"^{names.REPOSITORY.pattern}(/{names.REPOSITORY.pattern})*$"})
]
Python = Annotated[Text, Field(json_schema_extra={"pattern": f"^{names.PYTHON.pattern}$"})]
Version = Annotated[Text, Field(json_schema_extra={"pattern": f"^{names.VERSION.pattern}$"})]
Account = Annotated[Text, Field(json_schema_extra={"pattern": f"^{names.ACCOUNT.pattern}$"})]
Suite = Annotated[Text, Field(json_schema_extra={"pattern": f"^{names.SUITE.pattern}$"})]
Tag = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.TAG.pattern}$"})]
Reference = Annotated[Text, Field(json_schema_extra={"pattern": f"^{names.REFERENCE.pattern}$"})]
Digest = Annotated[str, Field(json_schema_extra={"pattern": f"^({DIGEST})?$"})]
BaseKind = Annotated[str, Field(json_schema_extra={"enum": ["auto", "registry", "bootstrap"]})]

Limit = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limits = dict[str, Limit]


class Document(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class FileTable(Document):
    """A file or folder that is copied into the image."""

    source: Annotated[Text, Example('"asr.py"')] = Field(
        description="File or folder to copy, relative to the image's folder. A folder is copied with hidden "
        "files and empty folders, but without .git, .env, __pycache__ and the like, which `plan` lists."
    )
    target: Annotated[Target, Example('"/opt/app/asr.py"')] = Field(
        description="Path in the image, in /opt/app. A file keeps its name if this ends with a slash."
    )
    mode: Annotated[Mode, Example('"0644"')] = Field(
        "0644", description="File mode, as four octal digits. The mode of the file on disk is ignored."
    )


class VariantTable(Document):
    """What one variant has in addition to the keys above."""

    env: Annotated[Variables, Example('{ NVIDIA_VISIBLE_DEVICES = "all" }')] = Field(
        {}, description="Environment variables of this variant only."
    )
    layers: Annotated[
        list[Annotated[list[Text], Field(min_length=1)]],
        Example('[["nvidia-cudnn-cu12"], ["torch", "torchaudio"]]'),
    ] = Field(
        [],
        description="Sets of Python distributions. Each set becomes one layer, the first set lowest. All "
        "other distributions share one more layer on top. Use this for large distributions.",
    )
    libraries: Annotated[list[Folder], Example('["nvidia/*/lib", "torch/lib"]')] = Field(
        [],
        description="Folders in site-packages whose shared libraries the loader must find. * matches any "
        "name.",
    )
    unresolved: Annotated[list[Text], Example('["nvidia/cufile/lib/libcufile_rdma.so.1"]')] = Field(
        [], description="Same as smoke.unresolved, for this variant only."
    )


class SmokeTable(Document):
    """Checks of the built image, in addition to the checks that every image gets."""

    imports: Annotated[dict[str, str], Example('{ python-dotenv = "dotenv" }')] = Field(
        {},
        description="Module to import for a distribution, if its name differs from the distribution's name.",
    )
    help: Annotated[bool, Example("true")] = Field(
        True, description="Whether the entrypoint must answer --help."
    )
    start: Annotated[bool, Example("true")] = Field(
        True,
        description="Whether the entrypoint must start without arguments and without a network if help is "
        "false: it ends with 0, or is still running after a few seconds.",
    )
    import_entrypoint: Annotated[bool, Example("true")] = Field(
        True,
        description="Whether the module that the entrypoint names (such as api in uvicorn api:app) must be "
        "importable without a network.",
    )
    commands: Annotated[
        list[Annotated[list[Text], Field(min_length=1)]], Example('[["ffmpeg", "-version"]]')
    ] = Field(
        [], description="Commands that must exit with 0 in the image. Each command is a list of arguments."
    )
    runs: Annotated[
        list[Annotated[list[Text], Field(min_length=1)]], Example('[["python", "smoke/run.py"]]')
    ] = Field(
        [],
        description="Commands that do the image's real work on a tiny input and must exit with 0. An "
        "argument smoke/NAME is a file of the folder smoke/ next to image.toml, which only checks can read.",
    )
    unresolved: Annotated[list[Text], Example('["torio/lib/*_ffmpeg*"]')] = Field(
        [],
        description="Optional shared libraries: names of libraries that may be missing, or (with a slash) "
        "files in site-packages whose libraries may be missing. * matches any text.",
    )
    generated: Annotated[list[Text], Example('["/var/lib/myservice/*"]')] = Field(
        [],
        description="Files that installing Debian packages makes, the same in each build, and that are in no "
        "package. Absolute paths; * matches any text.",
    )


class BudgetTable(Document):
    """Limits of size and time, by variant. 1 megabyte is 10**6 bytes."""

    unpacked_mb: Annotated[Limits, Example("{ cpu = 820, cuda = 9300 }")] = Field(
        {}, description="Megabytes of the unpacked image."
    )
    compressed_mb: Annotated[Limits, Example("{ cpu = 240, cuda = 4060 }")] = Field(
        {}, description="Megabytes of the compressed layers, as they are pushed."
    )
    unique_mb: Annotated[Limits, Example("{ cpu = 275, cuda = 709 }")] = Field(
        {}, description="Unpacked megabytes in layers that no other image of the variant has."
    )
    shared_mb: Annotated[Limits, Example("{ cpu = 550, cuda = 8280 }")] = Field(
        {}, description="Unpacked megabytes in layers that other images of the variant have too."
    )
    import_s: Annotated[Limits, Example("{ cpu = 3.0, cuda = 24 }")] = Field(
        {}, description="Seconds to import the image's Python distributions."
    )
    build_ratio: Annotated[Limits, Example("{ cpu = 12, cuda = 50 }")] = Field(
        {},
        description="Processor time (user mode) of the build, as a multiple of that of the machine's "
        "reference benchmark.",
    )


class ModelTable(Document):
    """A model that the program loads at run time. It is never part of an image."""

    path: Annotated[Text, Example('"/models/faster-whisper"')] = Field(
        description="Path at which the program looks for the model."
    )
    description: Annotated[Text, Example('"A Whisper model converted for CTranslate2."')] = Field(
        description="Which model is needed."
    )
    license: Annotated[str, Example('"MIT"')] = Field("", description="Licence of the model.")


class ImageDocument(Document):
    """`image.toml` describes one image of the stack. The name of its folder is the name of the image."""

    title: Annotated[Text, Example('"Speech recognition"')] = Field(
        description="Title of the image, in a few words."
    )
    description: Annotated[Text, Example('"Turns speech into timed text."')] = Field(
        description="What the image does, in one sentence."
    )
    apt: Annotated[list[Package], Example('["ffmpeg"]')] = Field(
        [], description="Debian packages to add to the parent image. apt.lock pins them."
    )
    entrypoint: Annotated[list[Text], Example('["python", "/opt/app/asr.py"]')] = Field(
        [],
        description="Program and arguments that the container starts. Empty: the entrypoint of the parent.",
    )
    env: Annotated[Variables, Example('{ LANG = "C.UTF-8" }')] = Field(
        {},
        description="Environment variables of every variant. Values are literal: $NAME is refused, since it "
        "would not be replaced; write $$ for a dollar sign before a name.",
    )
    parent: Annotated[dict[str, Text], Example('{ cpu = "base-ml:cpu", cuda = "base-ml:cuda" }')] = Field(
        {},
        description="Parent image of each variant: IMAGE:VARIANT; IMAGE, which means the same variant; or "
        "outside:NAME, which is an entry of bases.lock.toml. A variant that is not listed does not exist.",
        json_schema_extra={"minProperties": 1},
    )
    files: list[FileTable] = Field([], description="Files to copy into the image.")
    variant: dict[str, VariantTable] = Field({}, description="Settings of one variant.")
    smoke: SmokeTable = Field(default_factory=SmokeTable, description="Checks of the built image.")
    budget: BudgetTable = Field(default_factory=BudgetTable, description="Limits of size and time.")
    models: list[ModelTable] = Field([], description="Models that the program loads at run time.")


class UserTable(Document):
    """The user account that every image runs as."""

    name: Annotated[Account, Example('"app"')] = Field(description="Name of the user.")
    uid: Annotated[int, Field(gt=0), Example("1000")] = Field(description="User id.")
    gid: Annotated[int, Field(gt=0), Example("1000")] = Field(description="Group id.")


class BootstrapTable(Document):
    """The bootstrap base image, which is made of Debian packages. bootstrap.lock pins them."""

    suite: Annotated[Suite, Example('"bookworm"')] = Field(description="Debian suite.")
    packages: Annotated[list[str], Field(min_length=1), Example('["python3", "ca-certificates"]')] = Field(
        description="Debian packages to install. Packages that they depend on are added."
    )


class WheelhouseTable(Document):
    """What compiles packages without a wheel, pinned by wheelhouse.apt.lock and wheelhouse.lock."""

    uv: Annotated[Version, Example('"0.13.9"')] = Field(description="Version of uv that installs the wheels.")
    apt: Annotated[list[str], Example('["g++", "python3-dev", "python3-venv"]')] = Field(
        description="Debian packages to compile with. They are in no image."
    )


class StackDocument(Document):
    """`stack.toml` holds what all images of the stack share."""

    name: Annotated[Text, Example('"subtitles"')] = Field(description="Name of the stack.")
    namespace: Annotated[Namespace, Example('"dockwright"')] = Field(
        description="Prefix of the image names in the local store: NAMESPACE/IMAGE:VARIANT."
    )
    python: Annotated[Python, Example('"3.11"')] = Field(description="Python version of all images.")
    variants: Annotated[list[str], Field(min_length=1), Example('["cpu", "cuda"]')] = Field(
        description="Variants that images can have. A variant is a tag, so it must not start with "
        "k-, which marks "
        "cached images."
    )
    licenses: Annotated[Text, Example('"Apache-2.0"')] = Field(
        description="Licence of the images, for their OCI label; an SPDX expression."
    )
    base: Annotated[BaseKind, Example('"auto"')] = Field(
        "auto",
        description="Kind of base image. registry: the external image of bases.lock.toml, by digest. "
        "bootstrap: an image made of Debian packages. auto: registry if that registry answers, else "
        "bootstrap.",
    )
    epoch: Annotated[int, Field(ge=0), Example("0")] = Field(
        0, description="Part of every key. Increase it by 1 so that no earlier build is reused."
    )
    user: UserTable = Field(description="The user account that every image runs as.")
    bootstrap: BootstrapTable = Field(description="The bootstrap base image.")
    wheelhouse: WheelhouseTable = Field(description="The container that compiles packages without a wheel.")


class ExternalBaseTable(Document):
    """An external base image. An image uses it as the parent `outside:NAME`."""

    reference: Annotated[Reference, Example('"docker.io/library/python"')] = Field(
        description="Registry and repository, without tag and digest."
    )
    tag: Annotated[Tag, Example('"3.11-slim-bookworm"')] = Field(
        description="Tag that `dockwright lock` looks up to get the digest. A build does not use it."
    )
    digest: Annotated[
        Digest, Example('"sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84"')
    ] = Field(
        "",
        description="Digest that is used. Empty until `dockwright lock` reached the registry. It changes "
        "only with `dockwright lock --upgrade`.",
    )


class ExternalBasesDocument(RootModel[dict[str, ExternalBaseTable]]):
    """`bases.lock.toml` lists the external base images, each by name, with its digest."""
