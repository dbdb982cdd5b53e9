"""A world behind the stand-in session: programs end well and print what they should, or fail as told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from graphql import GraphQLError

from ci.engines.dagger.containers import MEASURE
from ci.smoke.results import LINE_PREFIX
from ci.version import dagger_version
from tests.dagger.pushed import RefusedError, Store
from tests.dagger.session import Call

BYTES = 1000
CHECKS = ("imports",)
FALSE = "false"


@dataclass(slots=True)
class Stage:
    """One session's world: `stack` is what the module is given; a program of `fails` prints that and fails.

    `fails` is by words of the program's arguments.
    """

    stack: Path
    fails: dict[str, str] = field(default_factory=dict)
    unstarted: dict[str, str] = field(default_factory=dict)
    """What the engine says of programs that it can't start, by words of their arguments."""
    execs: list[list[str]] = field(default_factory=list)
    """The programs that were run, each time."""
    injects: bool = False
    """Whether whatever runs gets certificates of the engine's."""
    version: str = f"v{dagger_version()}"
    max_used_bytes: int = 0
    store: Store | None = None
    """The registry that images are published in, and fetched from."""
    dies_of: str = ""
    """The engine is gone once it runs a program of an image whose calls have these words."""
    gone: bool = False
    holds: str = ""
    """A program with these words runs until it is released."""
    texts: dict[str, str] = field(default_factory=dict)
    """Text of files by name: they are in each folder that is listed before a wheelhouse is filled."""
    ran: list[tuple[Call, ...]] = field(default_factory=list)
    """All calls of which a program was the last, each time."""
    held: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def run(self, calls: tuple[Call, ...]) -> None:
        if self.store is not None:
            with refused():
                self.store.check(calls)
        for name, given in calls:
            if name != "withExec":
                continue
            self.execs.append(given["args"])
            self.ran.append(calls)
            if self.dies_of and self.dies_of in repr(calls):
                self.gone = True
            if self.holds and self.holds in " ".join(given["args"]):
                self.held.set()
                self.released.wait()
            for words, text in self.unstarted.items():
                if words in " ".join(given["args"]):
                    raise GraphQLError(text)
            for words, text in self.fails.items():
                if words in " ".join(given["args"]):
                    extensions = {
                        "_type": "EXEC_ERROR",
                        "cmd": given["args"],
                        "exitCode": 7,
                        "stdout": "",
                        "stderr": text,
                    }
                    raise GraphQLError("exit code: 7 [traceparent:00-1-2-01]", extensions=extensions)

    def leaf(self, calls: tuple[Call, ...]) -> Any:
        (*before, (name, given)) = self.whole(calls)
        match name:
            case "export":
                shutil.copytree(self.stack, given["path"], dirs_exist_ok=True)
                return given["path"]
            case "stdout":
                self.run(calls[:-1])
                return printed(before[-1][1]["args"])
            case "publish":
                assert self.store is not None
                with refused():
                    return self.store.publish(calls[:-1], given["address"])
            case "plaintext" if "uri" in before[-1][1]:
                raise GraphQLError(f"secret env var not found: {before[-1][1]['uri'].partition('://')[2]}")
            case "plaintext":
                return before[-1][1]["plaintext"]
            case "endpoint":
                return self.store.host if self.store is not None else None
            case "version":
                return self.version
            case "maxUsedSpace":
                return self.max_used_bytes
            case "user":
                return last(before, "withUser", "name", "")
            case "workdir":
                return last(before, "withWorkdir", "path", "")
            case "entrypoint":
                return last(before, "withEntrypoint", "args", [])
            case "entries":
                return list(self.texts)
            case "contents":
                return self.texts[last(before, "file", "path", "")]
            case "glob":
                ran = any(one == "withExec" and given["args"] == ["true"] for one, given in before)
                return ["etc/ssl/certs/0.pem"] if self.injects and ran else []
            case "defaultArgs":
                return []
            case "envVariables" | "labels":
                return len(pairs(before, name))
            case "name" | "value":
                place = list(pairs(before[:-2], before[-2][0]).items())[before[-1][1]["n"]]
                return place[name == "value"]
            case _:
                return None

    def whole(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        """Return `calls` with those of the image that they start from, where that was published here."""
        return self.store.whole(calls) if self.store is not None else calls


@contextmanager
def refused() -> Iterator[None]:
    """Let what a registry refuses be an error of the engine's."""
    try:
        yield
    except RefusedError as error:
        raise GraphQLError(str(error)) from error


def last(calls: list[Call], name: str, argument: str, otherwise: Any) -> Any:
    return next((given[argument] for one, given in reversed(calls) if one == name), otherwise)


def pairs(calls: list[Call], what: str) -> dict[str, str]:
    setter = {"envVariables": "withEnvVariable", "labels": "withLabel"}[what]
    found = {given["name"]: given["value"] for name, given in calls if name == setter}
    for name, given in calls:
        if name == "withoutEnvVariable":
            found.pop(given["name"], None)
    return found


def printed(argv: list[str]) -> str:
    """Return what a program prints that ends well."""
    if argv == list(MEASURE):
        return f"{BYTES}\t/\n"
    if argv[-1].endswith("request.json"):
        events = [
            {"event": "planned", "checks": [["structure", name] for name in CHECKS]},
            *(
                {"event": "check", "rung": "structure", "name": name}
                | {"status": "passed", "detail": "", "seconds": 0}
                for name in CHECKS
            ),
            {"event": "ended"},
        ]
        return "".join(f"{LINE_PREFIX}{json.dumps(event)}\n" for event in events)
    return ""
