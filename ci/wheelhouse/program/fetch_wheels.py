"""Fill a wheelhouse by hash. Runs in the builder container; standard library only.

    fetch_wheels.py INPUT CACHE OUT

`INPUT` is the wheelhouse's input document (JSON: `builder`: lock lines of the build requirements; `lists`:
{image: lock lines}; `builds`: {sdist file: wheel-build key}); `CACHE` is pip's cache; `OUT` gets `wheels/`,
`lists/` (requirement files with the hashes of the wheels), `uv` and `manifest.json`.

Wheels are fetched by pip with `--require-hashes`. An sdist is fetched by hash too and compiled without build
isolation, with the builder's own hash-pinned requirements; the result is kept under its wheel-build key.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STREAMS = 3
"""Downloads at once."""


def sha256(path: Path) -> str:
    """Return the hash of a file: 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def line_parts(line: str) -> tuple[str, str, str]:
    """Return (requirement, sha256, file) of a lock line."""
    requirement, rest = line.split(" --hash=sha256:")
    digest, file = rest.split(" # ")
    return requirement, digest, file


def pip(python: str, *words: str) -> None:
    """Run pip of the builder's environment."""
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", *words], check=True)


def download(python: str, lines: list[str], cache: str, folder: Path) -> None:
    """Fetch the files of `lines` into `folder`, several at once, checked by pip against their hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [line for line in lines if not held(folder, line)]
    print(f"wheelhouse: {len(lines)} distributions, {len(missing)} to fetch", flush=True)
    parts = [missing[start::STREAMS] for start in range(STREAMS) if missing[start::STREAMS]]

    def fetch(number: int) -> None:
        text = folder / f".fetch-{number}.txt"
        text.write_text("\n".join(parts[number]) + "\n")
        words = ["download", "--quiet", "--no-deps", "--require-hashes", "--no-build-isolation"]
        pip(python, *words, "--cache-dir", cache, "--progress-bar", "off", "-r", str(text), "-d", str(folder))
        text.unlink()

    with ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(fetch, range(len(parts))))
    for line in lines:
        if not held(folder, line):
            sys.exit(f"{line_parts(line)[2]}: fetched, but not what its lock line says")


def held(folder: Path, line: str) -> bool:
    """Whether `folder` holds the file of a lock line, by hash."""
    _, digest, file = line_parts(line)
    return (folder / file).is_file() and sha256(folder / file) == digest


def builder(lines: list[str], cache: str, folder: Path) -> str:
    """Return the Python of an environment that holds exactly the locked build requirements."""
    environment = Path(tempfile.mkdtemp(prefix="builder-"))
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin/python")
    download(python, lines, cache, folder)
    text = folder / ".builder.txt"
    text.write_text("\n".join(lines) + "\n")
    words = ["install", "--quiet", "--no-deps", "--require-hashes", "--no-index", "--find-links", str(folder)]
    pip(python, *words, "-r", str(text))
    text.unlink()
    return python


def compile_sdist(python: str, source: Path, target: Path) -> Path:
    """Compile one sdist; the wheel's times are fixed, so that the same inputs give the same bytes."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0"}
    environment["PATH"] = f"{Path(python).parent}:{environment['PATH']}"
    words = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir", "--wheel-dir"]
    argv = [python, "-m", "pip", "--disable-pip-version-check", *words, str(target), str(source)]
    subprocess.run(argv, check=True, env=environment)
    (wheel,) = target.glob("*.whl")
    return wheel


def main(input_path: str, cache: str, out_path: str) -> None:
    """Fetch and compile what is missing, then write the lists and the manifest."""
    wanted = json.loads(Path(input_path).read_text())
    out = Path(out_path)
    wheels, kept = out / "wheels", Path(cache) / "compiled"
    for folder in (wheels, out / "lists", kept):
        folder.mkdir(parents=True, exist_ok=True)
    python = builder(wanted["builder"], cache, Path(cache) / "builder")
    lines = sorted({line for lines in wanted["lists"].values() for line in lines})
    ready = [line for line in lines if line_parts(line)[2].endswith(".whl")]
    sdists = [line for line in lines if line not in ready]
    download(python, ready, cache, wheels)
    download(python, sdists, cache, Path(cache) / "sdists")
    final = {line: line for line in ready}
    for line in sdists:
        requirement, _, file = line_parts(line)
        target = kept / wanted["builds"][file]
        if not list(target.glob("*.whl")):
            print(f"wheelhouse: compiling {file}", flush=True)
            shutil.rmtree(target, ignore_errors=True)
            part = target.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            compile_sdist(python, Path(cache) / "sdists" / file, part)
            part.rename(target)
        (wheel,) = target.glob("*.whl")
        shutil.copyfile(wheel, wheels / wheel.name)
        final[line] = f"{requirement} --hash=sha256:{sha256(wheel)} # {wheel.name}"
    (uv,) = [line_parts(line)[2] for line in wanted["builder"] if line.startswith("uv==")]
    with zipfile.ZipFile(Path(cache) / "builder" / uv) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith(".data/scripts/uv")]
        (out / "uv").write_bytes(archive.read(member))
    (out / "uv").chmod(0o755)
    names = {line_parts(line)[2]: line_parts(line)[1] for line in final.values()}
    for stale in wheels.iterdir():
        if stale.name not in names:
            stale.unlink()
    for image, own in wanted["lists"].items():
        text = "".join(f"{final[line]}\n" for line in own)
        (out / "lists" / f"{image}.txt").write_text(text)
    files = {f"wheels/{name}": digest for name, digest in names.items()} | {"uv": sha256(out / "uv")}
    lists = {
        image: [*sorted(f"wheels/{line_parts(final[line])[2]}" for line in own), "uv"]
        for image, own in wanted["lists"].items()
    }
    manifest = {"schema": 1, "input": wanted["input"], "files": files, "lists": lists}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
