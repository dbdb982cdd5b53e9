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
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def read_list(path: Path, errors: list[str]) -> list[dict[str, Any]]:
    """Return the entries of one of the store's lists; add an error where it can't be read."""
    try:
        return list(json.loads(path.read_text()) or [])
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        errors.append(f"{path}: can't be read ({error})")
        return []


def files_of(root: Path, driver: str, layer: str) -> Path:
    """Return the folder with the files of a layer."""
    return root / "vfs/dir" / layer if driver == "vfs" else root / driver / layer / "diff"


def layer_error(root: Path, driver: str, layer: str) -> str:
    """Return what is missing of a layer; empty if nothing is."""
    needed = [files_of(root, driver, layer)]
    if driver == "overlay":
        link = root / driver / layer / "link"
        name = link.read_text().strip() if link.is_file() else ""
        needed += [link, root / driver / "l" / name / "."]
    missing = [path for path in needed if not path.exists()]
    return f"layer {layer[:12]}: {missing[0]} is missing" if missing else ""


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
            data = path.read_bytes()
        except OSError:
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


def store_state(root: Path, driver: str, wanted: list[str]) -> dict[str, Any]:
    """Return the state of the store at `root`; `wanted` are ids of layers and of images."""
    errors: list[str] = []
    folder = root / f"{driver}-images"
    # images first: a build that goes on adds an image after its layers
    listed = read_list(folder / "images.json", errors)
    layers = {layer["id"]: layer for layer in read_list(root / f"{driver}-layers/layers.json", errors)}
    known: dict[str, str] = {}
    images: dict[str, dict[str, Any]] = {}
    for image in listed:
        chain: list[str] = []
        error, top = "", str(image.get("layer") or "")
        while top and not error:
            if top not in layers:
                error = f"layer {top[:12]} is not in {root / f'{driver}-layers/layers.json'}"
                break
            chain.append(top)
            if top not in known:
                known[top] = layer_error(root, driver, top)
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
