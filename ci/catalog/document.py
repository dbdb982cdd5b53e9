"""The shape of the stack's TOML files: which keys there are and what type their values have.

Shape only: whether a name, a mode or a path is a good one is said by the rooms that use it, so that one bad
value does not hide the others.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ci.catalog import names

Text = Annotated[str, Field(min_length=1)]
Mode = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.MODE.pattern}$"})]
Target = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.APP}(/|$)"})]
Package = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.PACKAGE.pattern}$"})]
Folder = Annotated[str, Field(json_schema_extra={"pattern": f"^{names.FOLDER.pattern}$"})]
Variables = Annotated[
    dict[str, str],
    Field(json_schema_extra={"propertyNames": {"pattern": f"^{names.VARIABLE.pattern}$"}}),
]

Limit = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limits = dict[str, Limit]


class Document(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class FileTable(Document):
    """Files of the image's folder that go into the image."""

    source: Text = Field(description="A file or a folder, relative to the image's folder.")
    target: Target = Field(description="Where it goes; a file keeps its name where this ends with a slash.")
    mode: Mode = Field("0644", description="Four octal digits; the mode on disk does not count.")


class VariantTable(Document):
    """What one variant adds to the image's own keys."""

    env: Variables = Field({}, description="Environment variables of this variant only.")
    layers: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        [],
        description="Sets of distributions that are a layer each, lowest first: what is large, or changes "
        "together. The others are one more layer above them.",
    )
    libraries: list[Folder] = Field(
        [], description="Folders below site-packages with shared libraries for the loader; * matches a name."
    )
    unresolved: list[Text] = Field([], description="As smoke.unresolved, in this variant only.")


class SmokeTable(Document):
    """What the built image is checked for, beside what every image is."""

    imports: dict[str, str] = Field(
        {}, description="Module to import for a distribution, where its name is another one."
    )
    help: bool = Field(True, description="Whether the entrypoint answers --help.")
    commands: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        [], description="Commands that must end with 0 in the image, each a list of words."
    )
    runs: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        [],
        description="Real runs on a tiny input: commands that must end with 0. A word `smoke/NAME` is a file "
        "of the folder smoke/ beside image.toml, which only checks see.",
    )
    unresolved: list[Text] = Field(
        [],
        description="Of optional parts that nothing loads: names of shared libraries that may be missing, or "
        "(with a slash) objects below site-packages that may miss some; * matches.",
    )


class BudgetTable(Document):
    """The most that the image may take, by variant; a megabyte is 10**6 bytes."""

    unpacked_mb: Limits = Field({}, description="Megabytes of the unpacked image, by variant.")
    compressed_mb: Limits = Field({}, description="Megabytes of its layers as they are pushed, by variant.")
    unique_mb: Limits = Field(
        {}, description="Megabytes, unpacked, in layers that no other image of the variant has."
    )
    shared_mb: Limits = Field(
        {}, description="Megabytes, unpacked, in layers that other images of the variant have too."
    )
    import_s: Limits = Field({}, description="Seconds that importing its distributions takes, by variant.")
    build_ratio: Limits = Field(
        {},
        description="Processor time (user mode) of its build, as a multiple of that of the machine's "
        "calibration run, by variant.",
    )


class ModelTable(Document):
    """A model that is loaded at run time and is never part of an image."""

    path: Text = Field(description="Where the program looks for it.")
    description: Text = Field(description="What belongs there.")
    license: str = Field("", description="The model's licence.")


class ImageDocument(Document):
    """One image of the stack: `image.toml` in the folder that has its name."""

    title: Text = Field(description="What the image is, in a few words.")
    description: Text = Field(description="What it does, in a sentence.")
    apt: list[Package] = Field([], description="Debian packages that it adds to its parent.")
    entrypoint: list[Text] = Field([], description="The program and its first words; empty: the parent's.")
    env: Variables = Field({}, description="Environment variables of every variant.")
    parent: dict[str, Text] = Field(
        {},
        description="By variant: IMAGE:VARIANT, IMAGE (the same variant), or outside:NAME.",
        json_schema_extra={"minProperties": 1},
    )
    files: list[FileTable] = Field([], description="Files of this folder that go into the image.")
    variant: dict[str, VariantTable] = Field({}, description="What one variant has of its own.")
    smoke: SmokeTable = Field(default_factory=SmokeTable, description="Checks of the built image.")
    budget: BudgetTable = Field(default_factory=BudgetTable, description="The most that it may take.")
    models: list[ModelTable] = Field([], description="Models that the program loads at run time.")


class UserTable(Document):
    """The account that every image runs as."""

    name: Text
    uid: Annotated[int, Field(gt=0)]
    gid: Annotated[int, Field(gt=0)]


class BootstrapTable(Document):
    """The base made from Debian packages."""

    suite: Text
    packages: Annotated[list[str], Field(min_length=1)]


class WheelhouseTable(Document):
    """What compiles sdists and installs wheels."""

    uv: Text
    apt: list[str]


class StackDocument(Document):
    """`stack.toml`: what all images of the stack share."""

    name: Text
    namespace: Text
    python: Text
    variants: Annotated[list[str], Field(min_length=1)]
    licenses: Text
    base: str = "auto"
    epoch: Annotated[int, Field(ge=0)] = 0
    user: UserTable
    bootstrap: BootstrapTable
    wheelhouse: WheelhouseTable


class ExternalBaseTable(Document):
    """One image from outside the stack."""

    reference: Text
    tag: str
    digest: str = ""


class ExternalBasesDocument(RootModel[dict[str, ExternalBaseTable]]):
    """`bases.lock.toml`: the images from outside, by the name that a parent `outside:NAME` uses."""
