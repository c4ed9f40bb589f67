"""Messages as plain Python: the field names of the proto, enums as lower-case words, times as ISO 8601."""

from __future__ import annotations

from typing import Any

# The descriptors' types differ with protobuf's implementation (C or Python): Any below is a descriptor of either.
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from teachback.errors import BadInput


def to_plain(message: Message) -> dict[str, Any]:
    """A message as a dict for JSON. Fields with presence that are unset are null; numbers stay numbers."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields if not _silent(message, field)}


def word(enum: Any, number: int) -> str:
    """An enum value as a word: JOB_STATE_RUNNING is "running"."""
    value = enum.values_by_number.get(number)
    return value.name.removeprefix(_prefix(enum)).lower() if value else str(number)


def number(enum: Any, text: str) -> int:
    """The enum value of a word. Raises BadInput, saying which words there are."""
    value = enum.values_by_name.get(_prefix(enum) + text.upper())
    if value is None or value.number == 0:
        words = ", ".join(word(enum, v.number) for v in enum.values if v.number)
        raise BadInput(f"{text!r} is not one of: {words}")
    return int(value.number)


def _prefix(enum: Any) -> str:
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")


def _silent(message: Message, field: Any) -> bool:
    """A member of a oneof that was not chosen says nothing; an unset optional field says null."""
    oneof = field.containing_oneof
    return oneof is not None and len(oneof.fields) > 1 and not message.HasField(field.name)


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        if isinstance(value, (list, tuple)) or not hasattr(value, "items"):
            return [_value(field, item) for item in value]
        return dict(value.items())
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime().isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, Message):
        return to_plain(value)
    return word(field.enum_type, value) if field.enum_type else value
