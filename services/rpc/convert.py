"""Views to proto messages of the same field names, and back. The descriptors drive it: a new field needs no code."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel, ValidationError

from services.complaints import complaint
from services.errors import InvalidRequest

M = TypeVar("M", bound=Message)
V = TypeVar("V", bound=BaseModel)


def to_proto(view: BaseModel, message: M) -> M:
    """Fills `message` from a view. None and absent stay unset."""
    for field in message.DESCRIPTOR.fields:
        value = getattr(view, field.name, None)
        if value is None:
            continue
        if field.is_repeated:
            _fill_repeated(getattr(message, field.name), field, value)
        elif isinstance(value, datetime):
            stamp: Timestamp = getattr(message, field.name)
            stamp.FromDatetime(value)
        elif field.message_type is not None:
            target = getattr(message, field.name)
            target.SetInParent()
            to_proto(value, target)
        else:
            setattr(message, field.name, _enum_number(field.enum_type, value) if field.enum_type else value)
    return message


def _fill_repeated(target: Any, field: Any, value: Any) -> None:
    if isinstance(value, dict):
        target.update(value)
    elif field.message_type is not None:
        for one in value:
            to_proto(one, target.add())
    else:
        target.extend(value)


def from_proto(message: Message, view: type[V]) -> V:
    """A validated view of a message. Raises InvalidRequest, naming the field."""
    try:
        return view.model_validate(_plain(message))
    except ValidationError as error:
        raise InvalidRequest(complaint(error.errors(include_url=False)[0], view)) from error


def _plain(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and not field.is_repeated:
            fields[field.name] = _plain(value)
        elif field.enum_type is not None:
            fields[field.name] = enum_name(field.enum_type, value)
        elif field.is_repeated:
            fields[field.name] = list(value)
        else:
            fields[field.name] = value
    return fields


def enum_name(enum: Any, number: int) -> str:
    """JOB_STATE_RUNNING -> "running"; the unspecified value -> "". Raises InvalidRequest for unknown numbers."""
    if number == 0:
        return ""
    value = enum.values_by_number.get(number)
    if value is None:
        raise InvalidRequest(f"{enum.name} has no value {number}")
    return str(value.name).removeprefix(_prefix(enum)).lower()


def _enum_number(enum: Any, value: str) -> int:
    name = f"{_prefix(enum)}{value.upper() or 'UNSPECIFIED'}"
    return int(enum.values_by_name[name].number)


def _prefix(enum: Any) -> str:
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")
