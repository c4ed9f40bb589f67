"""Parts of requests that several routes share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from services.view import Told

Id = Annotated[str, Path(pattern=r"^[0-9a-z]{1,32}$"), Told("write what follows the slash of a name, as 0f3c9a")]
ExampleId = Annotated[
    str, Path(pattern=r"^[0-9a-z]{1,40}-[0-9]{1,12}$"), Told("write what follows the last slash of a name, as 4be1-1")
]
Size = Annotated[int, Query(ge=0, le=1_000_000)]
Token = Annotated[str, Query(max_length=400)]
Short = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
