"""What an engine puts into a real registry, and takes from it, when a stand-in session is told to.

An image has one layer, of which nothing but its digest is ever looked at; its config is what the calls say.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.dagger.session import Call

OCI = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"


class RefusedError(Exception):
    """What a registry says in place of what was asked for."""


@dataclass(slots=True)
class Store:
    """The registry at `host`, and the calls of what was published there, by digest."""

    host: str
    published: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    """The reference by digest of what was published last, by the name of its repository."""
    fetched: list[str] = field(default_factory=list)
    """The references of what was fetched, each time."""

    def publish(self, calls: tuple[Call, ...], address: str) -> str:
        """Store the image that `calls` make, and return its reference by digest."""
        repository, _, tag = address.partition("/")[2].rpartition(":")
        who = credentials(calls)
        layer = repr(self.whole(calls)).encode()
        labels = {given["name"]: given["value"] for name, given in self.whole(calls) if name == "withLabel"}
        config = {"config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}
        blobs = [(CONFIG, json.dumps(config).encode()), (LAYER, layer)]
        for _, data in blobs:
            place = self.ask("POST", f"{repository}/blobs/uploads/", who)["Location"]
            self.ask("PUT", f"{place}&digest={digest(data)}", who, data, "application/octet-stream")
        told = [{"mediaType": kind, "size": len(data), "digest": digest(data)} for kind, data in blobs]
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": told[0], "layers": told[1:]}
        data = json.dumps(manifest).encode()
        self.ask("PUT", f"{repository}/manifests/{tag}", who, data, OCI)
        self.published[digest(data)] = self.whole(calls)
        self.named[repository.rpartition("/")[2]] = f"{address.rpartition(':')[0]}@{digest(data)}"
        return f"{address}@{digest(data)}"

    def check(self, calls: tuple[Call, ...]) -> None:
        """Make sure that the registry gives what `calls` start from to whom they name."""
        for name, given in calls:
            if name == "from":
                repository, _, reference = given["address"].partition("/")[2].partition("@")
                self.fetched.append(given["address"])
                self.ask("GET", f"{repository}/manifests/{reference}", credentials(calls))

    def whole(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        """Return `calls` with those of the image that they start from."""
        for number, (name, given) in enumerate(calls):
            if name == "from" and (before := self.published.get(given["address"].partition("@")[2])):
                return (*before, *calls[number + 1 :])
        return calls

    def ask(
        self, method: str, path: str, who: str, data: bytes | None = None, type_: str = OCI
    ) -> dict[str, Any]:
        """Send a request and return the headers of the answer."""
        url = path if "://" in path else f"http://{self.host}/v2/{path}"
        headers = {"Content-Type": type_, "Accept": OCI, **({"Authorization": who} if who else {})}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as reply:
                return dict(reply.headers)
        except urllib.error.HTTPError as error:
            error.close()
            raise RefusedError(f"{method} {url}: {error.code} {error.reason}") from error


def credentials(calls: tuple[Call, ...]) -> str:
    """Return the header Authorization that `calls` ask for, empty where they name nobody."""
    for name, given in calls:
        if name == "withRegistryAuth":
            ((_, secret),) = given["secret"]
            return "Basic " + base64.b64encode(f"{given['username']}:{secret['plaintext']}".encode()).decode()
    return ""


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
