"""Buildah with other names for parent images, to show that an image's digest does not depend on them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, Output


class RenamedParents(BuildahEngine):
    """The embedded engine, which gives every parent another name before it builds from it."""

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image from its parent under another name."""
        other = f"elsewhere/{sha256(request.parent.encode()).hexdigest()[:12]}:renamed"
        await self.tag(request.parent, other)
        return await BuildahEngine.build(self, replace(request, parent=other), output)
