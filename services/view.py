"""What every view of the service shares: strictness, and the forms of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller is told whose value is not of a form; of a pattern pydantic would say the pattern.

    Stands last in an `Annotated`: it speaks for all that stands before it.
    """

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema with these words for all its errors."""
        return core_schema.custom_error_schema(handler(source), "form", custom_error_message=self.words)


_DATASET = Told("write the whole name of a dataset, as datasets/0f3c9a")
_JOB = Told("write the whole name of a job, as jobs/0f3c9a")

DatasetName = Annotated[str, Field(pattern=r"^datasets/[0-9a-z]{1,32}$", examples=["datasets/0f3c9a"]), _DATASET]
JobName = Annotated[str, Field(pattern=r"^jobs/[0-9a-z]{1,32}$", examples=["jobs/0f3c9a"]), _JOB]
# Where a name may be left out, empty is none: one pattern, since of a union every part would complain.
DatasetNameOrNone = Annotated[
    str, Field(pattern=r"^(datasets/[0-9a-z]{1,32})?$", examples=["datasets/0f3c9a"]), _DATASET
]
JobNameOrNone = Annotated[str, Field(pattern=r"^(jobs/[0-9a-z]{1,32})?$", examples=["jobs/0f3c9a"]), _JOB]
# No control characters: none is part of a name, and PostgreSQL refuses NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]


class View(BaseModel):
    """Unknown fields are refused: a misspelt option must not be silently ignored."""

    model_config = ConfigDict(extra="forbid")
