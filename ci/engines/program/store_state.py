"""Print the state of a containers-storage store: `store_state.py ROOT DRIVER [LAYER or IMAGE…]`.

It needs the standard library only, runs with the rights that the store's files need, and prints one JSON
object:

    errors   what is wrong with the store's own two lists, a sentence each
    images   {image id: {"names", "layers": [lowest first], "error": a sentence or "", "unfinished"}}
    stamps   {layer id: stamp} of the LAYERs, and of all layers of the IMAGEs, that the store has
    layers   the ids of all layers

`unfinished` says that only the manifest is missing: the image may be being written now.

A stamp is the number of entries of a layer and the newest change of an inode in it: whatever is written to
a layer, or taken out of it, changes that. A clock that is set back does not change it.

Source: containers/storage: `DRIVER-images/images.json` with a folder of data per image, whose odd names are
base64 behind `=`; `DRIVER-layers/layers.json`; a layer's files in `overlay/ID/diff` or `vfs/dir/ID`.
"""

import base64
import errno
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

LIMIT_BYTES = 1 << 28
FOREIGN = {
    "images.json": {"parent", "diff-digest", "image"},
    "layers.json": {"big-data-digests", "image"},
    "containers.json": {"parent", "diff-digest"},
}
"""Keys that the entries of the other lists have."""
OWN = {"images.json": set[str](), "layers.json": set[str](), "containers.json": {"image"}}
"""Keys that every entry of a list has, besides `id`."""


def read_file(path: Path) -> bytes:
    """Return the content of a regular file; a pipe is not waited for.

    Raises:
        OSError: there is none, it is of another kind, or larger than `LIMIT_BYTES`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = file.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {LIMIT_BYTES} bytes")
    return data


def read_list(path: Path, errors: list[str]) -> list[dict[str, Any]]:
    """Return the entries of one of the store's lists; add an error where it can't be read.

    Each has an `id`; the other keys that are read here are of their type, or missing.
    """
    try:
        entries = json.loads(read_file(path)) or []
    except FileNotFoundError:
        if path.is_symlink():
            errors.append(f"{path}: can't be read (it leads to nothing)")
        return []
    except (OSError, ValueError) as error:
        errors.append(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})")
        return []
    except RecursionError:
        errors.append(f"{path}: can't be read (nested too deep)")
        return []
    own, foreign = OWN[path.name], FOREIGN[path.name]
    if not isinstance(entries, list) or not all(
        is_entry(entry) and not foreign & entry.keys() and own <= entry.keys() for entry in entries
    ):
        errors.append(f"{path}: can't be read (not a list of the store's own)")
        return []
    return entries


def is_entry(entry: object) -> bool:
    """Whether a value can be an entry of a list: an image, a layer or a container."""
    if not isinstance(entry, dict):
        return False
    digests, names = entry.get("big-data-digests") or {}, entry.get("names") or []
    return (
        is_name(entry.get("id"))
        and all(isinstance(entry.get(key) or "", str) for key in ("layer", "parent"))
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(digests, dict)
        and all(isinstance(digest, str) for digest in digests.values())
    )


def is_name(value: object) -> bool:
    """Whether a value can be the name of a folder in the store."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", value) is not None


def files_of(root: Path, driver: str, layer: str) -> Path:
    """Return the folder with the files of a layer."""
    return root / "vfs/dir" / layer if driver == "vfs" else root / driver / layer / "diff"


def layer_error(root: Path, driver: str, layer: str, parents: list[str], names: dict[str, str]) -> str:
    """Return what is wrong with the folders of a layer; empty if nothing is.

    `parents` are the layers below it, the nearest first. An overlay is mounted by short `names`, which links
    in `l` lead from; the file `lower` lists those of the parents.
    """
    files = files_of(root, driver, layer)
    needed = [files]
    if driver == "overlay":
        link = root / driver / "l" / names[layer]
        if not names[layer]:
            return f"layer {layer[:12]}: {root / driver / layer / 'link'} is missing"
        needed.append(link / ".")
        below = [names[parent] for parent in parents]
        lower = ":".join(f"l/{parent}" for parent in below)
        path = root / driver / layer / "lower"
        if link.exists() and files.is_dir() and not link.samefile(files):
            return f"layer {layer[:12]}: {link} leads to another layer"
        if parents and all(below) and read_text(path) != lower:
            return f"layer {layer[:12]}: {path} names other layers than its parents"
    missing = [path for path in needed if not path.is_dir()]
    return f"layer {layer[:12]}: {missing[0]} is missing" if missing else ""


def short_name(link: Path) -> str:
    """Return the short name of a layer; empty where it has none."""
    name = read_text(link)
    return name if re.fullmatch(r"[A-Za-z0-9]+", name) else ""


def read_text(path: Path) -> str:
    """Return the text of a small file; empty where it can't be read."""
    try:
        return read_file(path).decode(errors="replace").strip()
    except (OSError, ValueError):
        return ""


def is_unfinished(image: dict[str, Any]) -> bool:
    """Whether an image has no manifest, which is written last: nothing can be listed before that."""
    return "manifest" not in (image.get("big-data-digests") or {})


def data_error(folder: Path, image: dict[str, Any]) -> str:
    """Return which of an image's own documents is missing or was changed; empty if none."""
    digests = image.get("big-data-digests") or {}
    if is_unfinished(image):
        return f"image {image['id'][:12]} has no manifest"
    for name, digest in digests.items():
        if name.startswith("signature-"):  # an empty one has no file
            continue
        odd = re.fullmatch(r"[A-Za-z0-9._-]+", name) is None or name.startswith(".")
        path = folder / image["id"] / (f"={base64.b64encode(name.encode()).decode()}" if odd else name)
        try:
            data = read_file(path)
        except (OSError, ValueError):
            return f"{path} is missing"
        # a manifest's digest may be of another form of it, so only what names itself is compared
        if name.startswith("sha256:") and f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            return f"{path} was changed"
    return ""


def layer_stamp(folder: Path) -> str:
    """Return the stamp of a layer's files; empty if the layer is broken, or is being removed.

    Source: find(1), -printf: `%C@` is the time of the last change of the inode.
    """
    argv = ["find", str(folder), "-printf", "%C@\\n"]
    changes = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    return f"{len(changes)} {max(changes)}" if changes else ""


def layer_stamps(folders: dict[str, Path]) -> dict[str, str]:
    """Return the stamp of each layer that has one, by its id; one thread a processor."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        stamps = zip(folders, pool.map(layer_stamp, folders.values()), strict=True)
        return {layer: stamp for layer, stamp in stamps if stamp}


def line_of(layer: str, layers: dict[str, dict[str, Any]]) -> list[str]:
    """Return the layers below `layer`, the nearest first, as far as the list has them."""
    found: list[str] = []
    while (layer := str(layers[layer].get("parent") or "")) in layers and layer not in found:
        found.append(layer)
    return found


def store_state(root: Path, driver: str, wanted: list[str]) -> dict[str, Any]:
    """Return the state of the store at `root`; `wanted` are ids of layers and of images."""
    errors: list[str] = []
    folder = root / f"{driver}-images"
    # images first: a build that goes on adds an image after its layers
    listed = read_list(folder / "images.json", errors)
    layers = {layer["id"]: layer for layer in read_list(root / f"{driver}-layers/layers.json", errors)}
    read_list(root / f"{driver}-containers/containers.json", errors)
    short = {layer: short_name(root / driver / layer / "link") for layer in layers}
    known: dict[str, str] = {}
    images: dict[str, dict[str, Any]] = {}
    for image in listed:
        chain: list[str] = []
        error, top = "", str(image.get("layer") or "")
        while top and not error:
            if top in chain:
                error = f"layer {top[:12]} is based on itself"
                break
            if top not in layers:
                error = f"layer {top[:12]} is not in {root / f'{driver}-layers/layers.json'}"
                break
            chain.append(top)
            if top not in known:
                known[top] = layer_error(root, driver, top, line_of(top, layers), short)
            error = known[top]
            top = str(layers[top].get("parent") or "")
        images[image["id"]] = {
            "names": image.get("names") or [],
            "layers": chain[::-1],
            "error": error or data_error(folder, image),
            "unfinished": not error and is_unfinished(image),
        }
    asked = {*wanted, *(layer for id_ in wanted if id_ in images for layer in images[id_]["layers"])}
    stamps = layer_stamps({layer: files_of(root, driver, layer) for layer in layers.keys() & asked})
    return {"errors": errors, "images": images, "stamps": stamps, "layers": sorted(layers)}


if __name__ == "__main__":
    print(json.dumps(store_state(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])))
