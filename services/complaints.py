"""What is wrong with a request that does not fit its view, in the same words over gRPC and REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OBJECT = frozenset({"model_type", "model_attributes_type", "dict_type"})
"""pydantic's errors where something else stands in place of an object."""


def complaint(error: Mapping[str, Any], outer: tuple[str, ...] = ()) -> str:
    """One of pydantic's errors with its field. `outer`: where its place may begin with what callers don't write."""
    place = error["loc"]
    where = ".".join(map(str, place[1:] if place and place[0] in outer else place))
    return f"{where}: {_wrong(error)}" if where else _wrong(error)


def _wrong(error: Mapping[str, Any]) -> str:
    if error["type"] in OBJECT:
        return "an object is wanted here: {...}"
    if error["type"] == "value_error":  # of a validator of ours; pydantic puts "Value error" before it
        return str(error["ctx"]["error"])
    if error["type"] in ("literal_error", "enum"):
        # Nothing is written by leaving the field out, so it is none of the values to choose from.
        return str(error["msg"]).replace("'', ", "").replace("'' or ", "")
    return str(error["msg"])
