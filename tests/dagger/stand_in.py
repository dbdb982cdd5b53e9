"""What stands in for an image's parent, folder and houses, and the calls that each of them is."""

from __future__ import annotations

import dagger
from dagger import dag

from ci.lower.container import Inputs
from tests.dagger.session import Call, Session


class ByKind(dict[str, dagger.Directory]):
    """What stands behind a reference: the wheelhouse, whatever its tag, or the debhouse."""

    def __missing__(self, reference: str) -> dagger.Directory:
        return self["wheelhouse" if "wheelhouse" in reference.partition(":")[0] else "debhouse"]


async def stand_ins(session: Session) -> tuple[Inputs, dict[str, list[Call]]]:
    """Return the inputs of a lowering, and the calls of each by its name."""
    inputs = Inputs(
        parent=dag.container().from_("parent"),
        context=dag.directory().with_new_file("context", ""),
        folders=ByKind(
            wheelhouse=dag.directory().with_new_file("wheelhouse", ""),
            debhouse=dag.directory().with_new_file("debhouse", ""),
        ),
    )
    named = {
        "parent": session.calls(await inputs.parent.id()),
        "context": session.calls(await inputs.context.id()),
        "wheelhouse": session.calls(await inputs.folders["wheelhouse"].id()),
        "debhouse": session.calls(await inputs.folders["debhouse"].id()),
    }
    return inputs, named
