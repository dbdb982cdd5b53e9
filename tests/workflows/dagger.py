"""Stands in for the program `dagger`: a call of a function is the command of the same name, done by Buildah.

Its words are those of the command line, as the module's are. What has no such command is said where it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOG = "DAGGER_STAND_IN_LOG"
"""Variable that names the file in which each call is written down, one a line, as JSON."""
MODULE = {"base", "registry", "username", "password"}
"""What comes before the name of a function."""
FUNCTIONS = {
    "report": {"images", "variant", "cache", "rebuild", "revision", "smoke", "require-gpu"},
    "publish": {"version", "revision", "origin"},
}
NEEDED = {"report": {"revision"}, "publish": {"revision", "origin"}}
"""What no call may leave out: the command line asks git for it, and a module's container has none."""
FLAGS = {"smoke", "require-gpu"}
PURPOSE = {"publish": "RELEASE"}


def main(argv: list[str]) -> int:
    with Path(os.environ[LOG]).open("a") as log:
        log.write(json.dumps(argv) + "\n")
    if argv[:1] != ["call"]:
        return refuse(f"no call: {argv}")
    given, words = read_options(argv[1:])
    if not words or words[0] not in FUNCTIONS:
        return refuse(f"no function in {argv}")
    function = words[0]
    options, rest = read_options(words[1:])
    if unknown := (set(given) - MODULE) | (set(options) - FUNCTIONS[function]):
        return refuse(f"{function} has no --{', --'.join(sorted(unknown))}")
    if lacking := NEEDED.get(function, set()) - set(options):
        return refuse(f"{function} without --{', --'.join(sorted(lacking))}")
    if "revision" in options and options["revision"] != checked_out():
        return refuse(f"--revision {options['revision']} is not what is checked out, {checked_out()}")
    words, env = command(function, {**given, **options})
    done = subprocess.run(
        ("./dockwright", *words), env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    if function != "report":
        return refuse(f"nothing follows {function}, not {rest}") if rest else done.returncode
    if rest[:2] != ["export", "--path"] or len(rest) != 3:
        return refuse(f"a report is a directory, and {rest} is no way to export it")
    return export(done.stdout, Path(rest[2])) or 0


def refuse(why: str) -> int:
    print(f"dagger (stand-in): {why}", file=sys.stderr)
    return 1


def checked_out() -> str:
    argv = ("git", "rev-parse", "HEAD")
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def read_options(argv: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options by name, and the words after them."""
    options: dict[str, str] = {}
    words = list(argv)
    while words and words[0].startswith("--"):
        name, mark, value = words.pop(0).removeprefix("--").partition("=")
        if name in FLAGS and not mark:
            value = "true"
        elif not mark:
            value = words.pop(0)
        options[name] = value
    return options, words


def command(function: str, options: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the words of the command line, and the variables that hold the credentials."""
    scheme, _, variable = options["password"].partition("://")
    assert scheme == "env", options["password"]
    purpose = PURPOSE.get(function, "REGISTRY")
    env = {
        f"DOCKWRIGHT_{purpose}_USER": options["username"],
        f"DOCKWRIGHT_{purpose}_PASSWORD": os.environ[variable],
    }
    words = ["--base", options["base"], "--registry", options["registry"]]
    if function == "publish":  # there is no registry of bases in reach of the tests
        return ["publish", "--version", options["version"], "--bootstrap-base", *words], env
    images = options["images"].split(",") if "images" in options else []
    words += ["--cache", options.get("cache", "read"), "--progress", "plain"]
    words += [word for name in options.get("variant", "").split(",") if name for word in ("--variant", name)]
    words += ["--rebuild"] if options.get("rebuild") == "true" else []
    if "smoke" in options:
        words += ["--require-gpu"] if "require-gpu" in options else []
        return ["smoke", *images, *words], env
    return ["build", *images, *words] if images else ["build-all", *words], env


def export(output: str, target: Path) -> int:
    """Copy the folder of the run that `output` tells of; an image that failed is in its report."""
    line = next((line for line in output.splitlines() if "report: " in line), "")
    if not line:
        return refuse("there is no report")
    shutil.copytree(Path(line.partition("report: ")[2]).parent, target, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
