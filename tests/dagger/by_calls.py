"""The image that a chain of Dagger calls makes. Source: the SDK's descriptions of each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.dagger.image import Image
from tests.dagger.session import Call


def by_calls(calls: Sequence[Call], parent: Image, named: Mapping[str, list[Call]]) -> Image:
    """Return what `calls` make; they begin with those of `named["parent"]`, which is the image `parent`.

    `named` also has the calls of `context` and of each house.
    """
    start = named["parent"]
    assert list(calls[: len(start)]) == start, "it does not start from its parent"
    image = parent.copied()
    mounts: dict[str, str] = {}
    for name, given in calls[len(start) :]:
        match name:
            case "withExec":
                image.run(tuple(given["args"]), mounts)
            case "withMountedDirectory":
                house = next(key for key, chain in named.items() if chain == given["source"])
                mounts[given["path"]] = f"{house}, {'read-only' if given.get('readOnly') else 'writable'}"
            case "withoutMount":
                del mounts[given["path"]]
            case "withDirectory":
                *context, (call, of) = given["source"]
                assert (context, call) == (named["context"], "directory"), "it is not of the build context"
                image.copy_tree(of["path"], given["path"], given["owner"])
            case "withEnvVariable":
                assert not given.get("expand")
                image.env[given["name"]] = given["value"]
            case "withLabel":
                image.labels[given["name"]] = given["value"]
            case "withUser":
                image.user = given["name"]
            case "withWorkdir":
                assert given["path"] in image.tree, f"{given['path']}: nothing makes it"
                image.workdir = given["path"]
            case "withEntrypoint":
                image.entrypoint, image.cmd = tuple(given["args"]), ()
            case _:
                raise AssertionError(f"not known here: {name}")
    assert mounts == {}, f"mounts are left: {mounts}"
    return image
