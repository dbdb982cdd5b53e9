"""What the local store holds, read from the names of its images. Pure."""

from __future__ import annotations

from dataclasses import dataclass

KEY_LABEL = "org.dockwright.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Image ids by name (`namespace/image:tag`)."""

    ids: dict[str, str]

    def tags(self, namespace: str) -> set[str]:
        """Return the cache tags that some image of `namespace` has."""
        return {
            name.rpartition(":")[2]
            for name in self.ids
            if name.startswith(f"{namespace}/") and name.rpartition(":")[2].startswith("k-")
        }

    def built(self, namespace: str) -> dict[str, str]:
        """Return the cache tag of each `image:variant` that has its human name."""
        by_id: dict[tuple[str, str], str] = {}
        for name, id_ in self.ids.items():
            repository, _, tag = name.rpartition(":")
            if tag.startswith("k-"):
                by_id[repository, id_] = tag
        found = {}
        for name, id_ in self.ids.items():
            repository, _, tag = name.rpartition(":")
            if (
                not tag.startswith("k-")
                and repository.startswith(f"{namespace}/")
                and (repository, id_) in by_id
            ):
                found[name.removeprefix(f"{namespace}/")] = by_id[repository, id_]
        return found
