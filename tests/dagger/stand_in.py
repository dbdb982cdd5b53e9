"""What stands in for an image's parent, folder and houses, and the calls that each of them is."""

from __future__ import annotations

from dagger import dag

from ci.lower.container import Inputs
from tests.dagger.session import Call, Session


async def stand_ins(session: Session) -> tuple[Inputs, dict[str, list[Call]]]:
    """Return the inputs of a lowering, and the calls of each by its name."""
    inputs = Inputs(
        parent=dag.container().from_("parent"),
        context=dag.directory().with_new_file("context", ""),
        wheelhouse=dag.directory().with_new_file("wheelhouse", ""),
        debhouse=dag.directory().with_new_file("debhouse", ""),
    )
    named = {
        "parent": session.calls(await inputs.parent.id()),
        "context": session.calls(await inputs.context.id()),
        "wheelhouse": session.calls(await inputs.wheelhouse.id()),
        "debhouse": session.calls(await inputs.debhouse.id()),
    }
    return inputs, named
