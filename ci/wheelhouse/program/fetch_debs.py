"""Fill a debhouse by hash. Runs in a container, or on the host for the bootstrap base; standard library only.

    fetch_debs.py INPUT CACHE OUT

`INPUT` is the debhouse's input document (JSON: `files`: [{file, sha256, url}], `lists`: {name: [file]});
`CACHE` keeps every package under its sha256; `OUT` gets `debs/`, `lists/` and `manifest.json`. What `OUT`
holds already is looked at by hash, not by name. apt's own acquire program does the fetching: its proxies,
retries and hash check.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the hash of a file: 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def place(source: Path, target: Path) -> None:
    """Give `source` the name `target` too, by link where the file system allows."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        target.write_bytes(source.read_bytes())


def main(input_path: str, cache_path: str, out_path: str) -> None:
    """Fetch what is missing, then write the folders and the manifest."""
    wanted = json.loads(Path(input_path).read_text())
    cache, out = Path(cache_path), Path(out_path)
    for folder in (cache, out / "debs", out / "lists"):
        folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for entry in wanted["files"]:
        kept = cache / f"{entry['sha256']}.deb"
        if kept.exists() and sha256(kept) != entry["sha256"]:
            kept.unlink()
        if not kept.exists():
            missing.append(entry)
    print(f"debhouse: {len(wanted['files'])} packages, {len(missing)} to fetch", flush=True)
    for start in range(0, len(missing), 100):
        argv = ["/usr/lib/apt/apt-helper", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]
        argv += ["-q", "download-file"]
        for entry in missing[start : start + 100]:
            argv += [entry["url"], str(cache / f"{entry['sha256']}.part"), f"SHA256:{entry['sha256']}"]
        subprocess.run(argv, check=True)
    for entry in missing:
        (cache / f"{entry['sha256']}.part").rename(cache / f"{entry['sha256']}.deb")
    for entry in wanted["files"]:
        place(cache / f"{entry['sha256']}.deb", out / "debs" / entry["file"])
    names = {entry["file"] for entry in wanted["files"]}
    for stale in (out / "debs").iterdir():
        if stale.name not in names:
            stale.unlink()
    for name, files in wanted["lists"].items():
        (out / "lists" / f"{name}.txt").write_text("".join(f"./debs/{file}\n" for file in files))
    files = {f"debs/{entry['file']}": entry["sha256"] for entry in wanted["files"]}
    lists = {name: [f"debs/{file}" for file in files_] for name, files_ in wanted["lists"].items()}
    manifest = {"schema": 1, "input": wanted["input"], "files": files, "lists": lists}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
