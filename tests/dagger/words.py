"""What a chain of calls has in common with a Dockerfile of the same recipe."""

from __future__ import annotations

from tests.dagger.session import Call

WORDS = {
    "withExec": "RUN",
    "withUser": "USER",
    "withEnvVariable": "ENV",
    "withWorkdir": "WORKDIR",
    "withEntrypoint": "ENTRYPOINT",
    "withLabel": "LABEL",
}


def words_of_calls(calls: list[Call], start: int) -> list[str]:
    """Return the Dockerfile instructions that the calls from `start` on stand for."""
    words = []
    for name, _ in calls[start:]:
        if name == "withDirectory":
            words.append("COPY")
        elif name in WORDS:
            words.append(WORDS[name])
    return words


def words_of_dockerfile(lines: tuple[str, ...]) -> list[str]:
    words = [line.split()[0] for line in lines]
    return [word for word in words if word not in {"ARG", "FROM"}]


def mounts_left(calls: list[Call]) -> list[str]:
    mounts = []
    for name, arguments in calls:
        if name == "withMountedDirectory":
            mounts.append(arguments["path"])
        elif name == "withoutMount":
            mounts.remove(arguments["path"])
        elif isinstance(source := arguments.get("source"), list):
            mounts += mounts_left(source)
    return mounts
