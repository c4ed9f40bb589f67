"""What one answer is worth beside its reference. Nothing is repaired: an answer that only nearly is JSON is none.

Two kinds of rows are judged, told apart by the reference. Where it is a JSON object or array:

- **valid JSON**: the whole answer, thinking and white space around it put away, is one JSON text as RFC 8259 has it:
  no code fence, no word before or behind, no NaN, no key twice in one object.
- **exact match**: it is valid and equals the reference as a value. The order of keys means nothing, the order of lists
  does, but for `flags`, which are a set on a command line. Types count: `12` is neither `"12"` nor `true`, but `12.0`.
- **structural match**: it is valid and has the reference's shape: the same keys in every object, however deep, objects
  and lists where the reference has them, and the same `type`, `command` and `subcommand`. Other values may be wrong.
- **arguments**: the reference's entries of `args` and its `flags`, each of which is right where the answer has it with
  an equal value and calls the same command and subcommand. What the answer has besides them is counted as invented.
- **same call**: what would be executed is the same: `type`, `command`, `subcommand`, `args` and `flags`; of a
  clarification its type and what its suggestions would call. Message, labels and confidence may differ.

Everything else is text: see `training.evaluation.texts`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from training.evaluation import texts

_FENCE: Final = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.S | re.I)
_NAMES: Final = ("type", "command", "subcommand")


class Judgement(NamedTuple):
    """One answer beside its reference. None: does not apply to this row."""

    exact: bool
    valid_json: bool | None = None
    structural: bool | None = None
    same_call: bool | None = None
    fenced: bool | None = None
    """The answer is valid JSON in a code fence, and so not valid JSON."""
    arguments: int = 0
    """Arguments and flags of the reference."""
    right: int = 0
    """How many of them the answer has right."""
    invented: int = 0
    """Arguments and flags of the answer that the reference lacks."""
    number: bool | None = None
    """The final number is the reference's, unit included."""


def judge(answer: str, reference: str) -> Judgement:
    """What `answer` is worth. Thinking is stripped from both; a reference that is JSON makes it a row of JSON."""
    said, known = texts.without_thinking(answer), texts.without_thinking(reference)
    wanted = parse(known) if known.lstrip()[:1] in ("{", "[") else None
    if wanted is None:
        return Judgement(exact=texts.same(said, known), number=texts.same_number(said, known))
    found = parse(said)
    if found is None:
        inner = _FENCE.fullmatch(said)
        fenced = inner is not None and parse(inner[1]) is not None
        return Judgement(
            exact=False, valid_json=False, structural=False, same_call=False if _call(wanted) else None, fenced=fenced,
            arguments=len(_items(wanted)),
        )  # fmt: skip
    asked, given = _items(wanted), _items(found)
    called = _named(found) == _named(wanted)
    right = sum(called and name in given and equal(given[name], value) for name, value in asked.items())
    return Judgement(
        exact=equal(found, wanted),
        valid_json=True,
        structural=_shape(found) == _shape(wanted) and called,
        same_call=_same_call(found, wanted),
        fenced=False,
        arguments=len(asked),
        right=right,
        invented=len(given.keys() - asked.keys()),
    )


def parse(text: str) -> Any | None:
    """The object or array that the whole text is; None where it is none, has a key twice, or holds NaN."""
    try:
        value = json.loads(text.strip(), parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def equal(a: object, b: object, *, key: str = "") -> bool:
    """Whether two JSON values are the same; `key` is the name they stand under: `flags` are compared as a set."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k], key=k) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        if key == "flags":
            a, b = sorted(a, key=_canonical), sorted(b, key=_canonical)
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b


def _items(value: Any) -> dict[tuple[str, str], Any]:
    """The arguments and flags of a call, by ("arg" or "flag", name). A flag's value is that it is there."""
    if not isinstance(value, dict):
        return {}
    args, flags = value.get("args"), value.get("flags")
    found = {("arg", name): one for name, one in args.items()} if isinstance(args, dict) else {}
    return found | ({("flag", one): True for one in flags if isinstance(one, str)} if isinstance(flags, list) else {})


def _named(value: Any) -> Any:
    """What a value says it is: its type, command and subcommand."""
    return [value.get(name) for name in _NAMES] if isinstance(value, dict) else type(value)


def _shape(value: Any) -> Any:
    """Keys and nesting without the values. Lists of plain values look alike however long; of objects, each counts."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value if isinstance(one, dict | list)]
    return None


def _call(value: Any) -> bool | None:
    """True for a call or a question back; None for JSON that is neither."""
    return True if isinstance(value, dict) and isinstance(value.get("type"), str) else None


def _same_call(found: Any, wanted: Any) -> bool | None:
    if not _call(wanted):
        return None
    if _named(found) != _named(wanted):
        return False
    if "suggestions" in wanted:
        return bool(_suggested(found) == _suggested(wanted))
    return all(equal(found.get(key), wanted.get(key), key=key) for key in ("args", "flags"))


def _suggested(value: Any) -> Any:
    offered = value.get("suggestions")
    return [_named(one) for one in offered] if isinstance(offered, list) else None


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
