"""What all that a report is made of has in common."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
