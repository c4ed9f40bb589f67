"""What every view of the service shares: strictness, and the forms of names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DatasetName = Annotated[str, Field(pattern=r"^datasets/[0-9a-z]{1,32}$", examples=["datasets/0f3c9a"])]
JobName = Annotated[str, Field(pattern=r"^jobs/[0-9a-z]{1,32}$", examples=["jobs/0f3c9a"])]
# No control characters: none is part of a name, and PostgreSQL refuses NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]


class View(BaseModel):
    """Unknown fields are refused: a misspelt option must not be silently ignored."""

    model_config = ConfigDict(extra="forbid")
