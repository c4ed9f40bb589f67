"""Results back into rows, the row's own bytes kept.

Where a Q&A row's new thinking goes: always to `metadata.thinking`, and also to the place the old one stood in (a field
of the assistant message, think tags, the row's own `thinking`), so that whoever reads that place finds the new one. A
place that said something else than the row's thinking is left alone. The first thinking a row ever had is in
`metadata.original_thinking`. With the thinking kept as it was, its bytes stay too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Literal

from graphs.records import CONVERGED, Outcome, Result, Round
from services.datasets.identity import MESSAGE_FIELDS, THINKING_FIELDS
from services.datasets.shapes import Place, Shape, untag
from services.datasets.spans import (
    elements,
    join_strings,
    members,
    one_line,
    quote,
    remove_members,
    replace_last,
    replace_members,
    split_string,
)

ThinkingTag = Literal["think", "thinking", "reasoning_content"]

_ANY_TAG = re.compile(r"</?think(?:ing)?>")


def annotate(raw: str, shape: Shape, result: Result, place: Place) -> str:
    """The row in its own shape with the result in it, one line, ending in a newline.

    Q&A: `metadata` gets `original_thinking`, `thinking`, `thinking_iterations` (rounds done), `thinking_converged`,
    `thinking_iterations_detail`, `thinking_outcome`, and, where there are any, `thinking_reason` and `thinking_labels`.
    Installer: `expected_response.thinking`, only where the result converged; nothing else. A row taken over from an
    earlier run comes out as it went in.

    Args:
        raw: the source row, one that `parse` accepts.
        shape: `Item.shape`.
        result: what the loop made of it.
        place: `Item.place`.
    """
    if result.outcome is Outcome.REUSED:
        out = raw
    elif shape == "installer":
        out = _annotate_installer(raw, result)
    else:
        out = _annotate_qa(raw, result, place)
    return one_line(out) + "\n"


def to_messages(raw: str, shape: Shape, result: Result, place: Place, tag: ThinkingTag, row_id: str) -> str:
    """A `messages` row for a trainer, one line, ending in a newline: the thinking stands in the assistant turn, as
    `<think>`/`<thinking>` tags before the answer or as its `reasoning_content`, and nowhere else.

    An installer row's `system_context` becomes the system message (joined to the one the row has) and its command or
    response the assistant turn. `metadata.teachback` holds `row_id`, `outcome`, `labels` and, for installer rows,
    `response_type`. Without thinking there are no tags. Where the result has none to use (none at all, or an installer
    row that did not converge) the row's own is taken. Other arguments as for `annotate`.
    """
    row = dict(members(raw))
    metadata = _object(row.get("metadata"))
    held = dict(members(metadata))
    usable = result.thinking and (shape == "qa" or result.outcome in CONVERGED)
    thinking = _untagged(result.thinking if usable else json.loads(_thinking_at(row, held, place)))
    about = {
        "row_id": quote(row_id),
        "outcome": quote(result.outcome),
        "labels": _labels(result) if result.labels else held.get("thinking_labels", "[]"),
    }
    if shape == "installer":
        expected = dict(members(row["expected_response"]))
        about["response_type"] = expected["type"]
        answer = expected["command" if json.loads(expected["type"]) == "command" else "response"]
        turn = _speak('{"role": "assistant"}', answer, thinking, tag)
        messages = f"[{', '.join([*_with_system(row), turn])}]"
        out = remove_members(raw, {"system_context", "expected_response"})
    else:
        last = elements(row["messages"])[-1]
        turn = _speak(remove_members(last, MESSAGE_FIELDS), _answer(last), thinking, tag)
        messages = replace_last(row["messages"], turn)
        out = remove_members(raw, {"thinking"})
    metadata = replace_members(remove_members(metadata, THINKING_FIELDS), {"teachback": replace_members("{}", about)})
    return one_line(replace_members(out, {"messages": messages, "metadata": metadata})) + "\n"


def _annotate_installer(raw: str, result: Result) -> str:
    if result.outcome not in CONVERGED or not result.thinking:
        return raw
    expected = dict(members(raw))["expected_response"]
    old = _string(dict(members(expected)).get("thinking"))
    if json.loads(old) == result.thinking:
        return raw
    return replace_members(raw, {"expected_response": replace_members(expected, {"thinking": quote(result.thinking)})})


def _annotate_qa(raw: str, result: Result, place: Place) -> str:
    row = dict(members(raw))
    metadata = _object(row.get("metadata"))
    held = dict(members(metadata))
    old = _thinking_at(row, held, place)
    kept = _untagged(result.thinking) if place == "tags" else result.thinking
    new = quote(kept) if kept and kept != json.loads(old) else old
    notes = {
        "original_thinking": _string(held.get("original_thinking"), otherwise=old),
        "thinking": new,
        "thinking_iterations": str(len(result.rounds)),
        "thinking_converged": _scalar(result.outcome in CONVERGED),
        "thinking_iterations_detail": f"[{', '.join(_detail(turn) for turn in result.rounds)}]",
        "thinking_outcome": quote(result.outcome),
    }
    if result.reason:
        notes["thinking_reason"] = quote(result.reason)
    if result.labels:
        notes["thinking_labels"] = _labels(result)
    # What an earlier, failed run said about itself must not stand beside what this one says.
    metadata = remove_members(metadata, {"thinking_reason", "thinking_labels"} - notes.keys())
    changes = {"metadata": replace_members(metadata, notes)}
    if new != old and place == "top":
        changes["thinking"] = new
    elif new != old and place != "metadata":
        last = elements(row["messages"])[-1]
        change: dict[str, str] = {"content": _retag(last, kept)} if place == "tags" else {place: new}
        changes["messages"] = replace_last(row["messages"], replace_members(last, change))
    return replace_members(raw, changes)


def _thinking_at(row: Mapping[str, str], metadata: Mapping[str, str], place: Place) -> str:
    """The raw thinking at `place`, an empty string where there is none."""
    match place:
        case "metadata":
            return _string(metadata.get("thinking"))
        case "top":
            return _string(row.get("thinking"))
        case "expected_response":
            return _string(dict(members(row["expected_response"])).get("thinking"))
    last = dict(members(elements(row["messages"])[-1]))
    if place == "tags":
        tagged = untag(json.loads(last["content"]))
        return quote(tagged.thinking if tagged else "")
    return _string(last.get(place))


def _retag(message: str, thinking: str) -> str:
    """The message's raw content with `thinking` inside its tags, all around it kept."""
    raw = dict(members(message))["content"]
    content = json.loads(raw)
    if (tagged := untag(content)) is None:
        return raw
    head, _ = split_string(raw, tagged.start)
    _, tail = split_string(raw, tagged.end)
    return join_strings(head, quote(thinking if tagged.thinking else f"\n{thinking}\n"), tail)


def _answer(message: str) -> str:
    """The message's raw content without its tags."""
    raw = dict(members(message))["content"]
    tagged = untag(json.loads(raw))
    return split_string(raw, tagged.rest)[1] if tagged else raw


def _speak(message: str, answer: str, thinking: str, tag: ThinkingTag) -> str:
    """The assistant's message with the raw `answer` and the thinking."""
    if not thinking:
        return replace_members(message, {"content": answer})
    if tag == "reasoning_content":
        return replace_members(message, {"content": answer, tag: quote(thinking)})
    return replace_members(message, {"content": join_strings(quote(f"<{tag}>\n{thinking}\n</{tag}>\n\n"), answer)})


def _with_system(row: Mapping[str, str]) -> list[str]:
    """The installer row's messages under its `system_context`: one system message, more most chat templates refuse."""
    messages = elements(row["messages"])
    context = _string(row.get("system_context"))
    if not json.loads(context).strip():
        return messages
    first = dict(members(messages[0]))
    if json.loads(first["role"]) == "system":
        joined = join_strings(first["content"], quote("\n\n"), context)
        return [replace_members(messages[0], {"content": joined}), *messages[1:]]
    return [replace_members("{}", {"role": quote("system"), "content": context}), *messages]


def _detail(turn: Round) -> str:
    fields: dict[str, str | float | bool | None] = {
        "iteration": turn.number,
        "thinking": turn.thinking,
        "answer": turn.answer,
        "right": turn.right,
        "score": turn.score,
        "hint": turn.hint,
        "critique": turn.critique,
        "verified": turn.verified,
    }
    return replace_members("{}", {name: _scalar(value) for name, value in fields.items()})


def _labels(result: Result) -> str:
    return f"[{', '.join(quote(label) for label in result.labels)}]"


def _scalar(value: str | float | bool | None) -> str:
    return quote(value) if isinstance(value, str) else json.dumps(value)


def _string(raw: str | None, otherwise: str = '""') -> str:
    """A raw value where it is a string that says something, else `otherwise`."""
    return raw if raw is not None and raw.startswith('"') and raw != '""' else otherwise


def _object(raw: str | None) -> str:
    return raw if raw is not None and raw.startswith("{") else "{}"


def _untagged(thinking: str) -> str:
    """Fit to stand between think tags: a stray tag inside would end them early."""
    return _ANY_TAG.sub("", thinking).strip()
