"""What is wrong with a request that does not fit its view, in the same words over gRPC and REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from services.configuration.names import hint

OBJECT = frozenset({"model_type", "model_attributes_type", "dict_type"})
"""pydantic's errors where something else stands in place of an object."""


def complaint(error: Mapping[str, Any], view: Any, outer: tuple[str, ...] = ()) -> str:
    """One of pydantic's errors with its field, in words.

    `view`: what the request was to be. `outer`: where an error's place may begin with what callers don't write.
    """
    place = tuple(error["loc"])
    place = place[1:] if place and place[0] in outer else place
    where = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        near = hint(str(place[-1]), _fields(_view(view), place[:-1]))
        return f"{where}: there is no such field{near}"
    return f"{where}: {_wrong(error)}" if where else _wrong(error)


def _fields(view: type[BaseModel] | None, place: Iterable[str | int]) -> list[str]:
    """The fields of the view at a place within another."""
    for step in place:
        if view is None:
            break
        if field := view.model_fields.get(str(step)):  # the number of an item in a list leads no further
            view = _view(field.annotation)
    return list(view.model_fields) if view else []


def _view(annotation: Any) -> type[BaseModel] | None:
    """The view in an annotation, as that of `list[View]` or `View | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_view, get_args(annotation))), None)


def _wrong(error: Mapping[str, Any]) -> str:
    if error["type"] in OBJECT:
        return "an object is wanted here: {...}"
    if error["type"] == "value_error":  # of a validator of ours; pydantic puts "Value error" before it
        return str(error["ctx"]["error"])
    if error["type"] in ("literal_error", "enum"):
        # Nothing is written by leaving the field out, so it is none of the values to choose from.
        return str(error["msg"]).replace("'', ", "").replace("'' or ", "")
    return str(error["msg"])
