"""The images of the local store, by their names. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci.names.image_id import ImageId
from ci.names.reference import Reference, find_reference

KEY_LABEL = "org.dockwright.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Image ids by name (`namespace/image:tag`)."""

    ids: dict[str, str]

    def tags(self, namespace: str) -> set[str]:
        """Return the cache tags of all images of `namespace`."""
        return {name.tag for name, _ in self._own(namespace) if name.tag.startswith("k-")}

    def built(self, namespace: str) -> dict[str, str]:
        """Return the cache tag of each `image:variant` that has its human name."""
        own = self._own(namespace)
        by_id = {(name.repository, id_): name.tag for name, id_ in own if name.tag.startswith("k-")}
        return {
            str(ImageId(name.image_in(namespace), name.tag)): by_id[name.repository, id_]
            for name, id_ in own
            if not name.tag.startswith("k-") and (name.repository, id_) in by_id
        }

    def _own(self, namespace: str) -> list[tuple[Reference, str]]:
        """Return the tagged names of images of `namespace`, each with the image's id."""
        found = [(find_reference(name), id_) for name, id_ in self.ids.items()]
        return [
            (name, id_) for name, id_ in found if name is not None and name.tag and name.image_in(namespace)
        ]
