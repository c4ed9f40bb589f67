"""Rows as raw JSON text, written the many ways other tools write it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""For every property: no clock, as a busy machine is no failure."""

SOLID = ["1.0", "1e5", "-0", "0.10000000000000000000001", "123456789012345678901234567890", '{"a": 1, "a": 2}', "[ ]"]
"""Values that decoding and encoding again would change."""

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
said = texts.filter(lambda text: text.strip() != "" and not text.lstrip().startswith("<"))
keys = st.text('abcdeé"\\/', max_size=4)


@st.composite
def strings(draw: st.DrawFn, value: str) -> str:
    """`value` as a JSON string: each character raw or in one of its escapes."""
    out = []
    choices = draw(st.binary(min_size=5, max_size=5))  # one draw a string: a draw a character takes seconds
    for index, character in enumerate(value):
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        wide = "".join(f"\\u{unit:04x}" for unit in _utf16(character))
        ways = [plain, wide, wide.upper().replace("\\U", "\\u"), "\\/" if character == "/" else plain]
        out.append(ways[choices[index % 5] % 4])
    return '"' + "".join(out) + '"'


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


@st.composite
def objects(draw: st.DrawFn, fields: list[tuple[str, str]], breaks: bool = False) -> str:
    """An object of raw values, with any space between its tokens."""
    kinds = ["", " ", "\t ", "\n  ", "\r\n"] if breaks else ["", " ", "\t"]
    spaces = itertools.cycle([kinds[byte % len(kinds)] for byte in draw(st.binary(min_size=7, max_size=7))])

    def gap() -> str:
        return next(spaces)

    inner = f"{gap()},{gap()}".join(f"{draw(strings(key))}{gap()}:{gap()}{raw}" for key, raw in fields)
    return "{" + gap() + inner + gap() + "}"


@st.composite
def solid_fields(draw: st.DrawFn, taken: frozenset[str]) -> list[tuple[str, str]]:
    names = keys.filter(lambda key: key not in taken)
    return draw(st.lists(st.tuples(names, st.sampled_from(SOLID)), max_size=3))


@st.composite
def qa_rows(draw: st.DrawFn, breaks: bool = False) -> str:
    """A Q&A row with its thinking in any of the places, or in none."""

    def text(strategy: st.SearchStrategy[str]) -> str:
        return draw(strings(draw(strategy)))

    def shuffled(fields: list[tuple[str, str]]) -> str:
        return draw(objects(draw(st.permutations(fields)), breaks))

    def message(role: str, content: str, *more: tuple[str, str]) -> str:
        return shuffled([("role", f'"{role}"'), ("content", content), *more, *draw(solid_fields(frozenset()))])

    place = draw(st.sampled_from(["none", "metadata", "thinking", "reasoning_content", "tags", "top"]))
    thinking, answer = text(texts), draw(said)
    on_message, content = [], answer
    if place in ("thinking", "reasoning_content"):
        on_message = [(place, thinking)]
    elif place == "tags":
        tag = draw(st.sampled_from(["think", "thinking"]))
        content = f"<{tag}>{draw(texts)}</{tag}>{draw(st.sampled_from(['', ' ', chr(10) * 2]))}{answer.lstrip()}"
    turns = [message("user", text(said)), message("assistant", draw(strings(content)), *on_message)]
    if draw(st.booleans()):
        turns.insert(0, message("system", text(texts)))
    fields = [("messages", f"[{', '.join(turns)}]"), *draw(solid_fields(frozenset()))]
    if place == "metadata" or draw(st.booleans()):
        inner = [("thinking", thinking)] if place == "metadata" else []
        fields.append(("metadata", shuffled([*inner, *draw(solid_fields(frozenset()))])))
    if place == "top":
        fields.append(("thinking", thinking))
    return shuffled(fields)


@st.composite
def installer_rows(draw: st.DrawFn, breaks: bool = False) -> str:
    kind = draw(st.sampled_from(["command", "text"]))
    field = "command" if kind == "command" else "response"
    response = [("type", f'"{kind}"'), (field, draw(strings(draw(said)))), *draw(solid_fields(frozenset()))]
    if draw(st.booleans()):
        response.append(("thinking", draw(strings(draw(texts)))))
    user = draw(objects([("role", '"user"'), ("content", draw(strings(draw(said))))], breaks))
    fields = [("messages", f"[{user}]"), ("expected_response", draw(objects(draw(st.permutations(response)), breaks)))]
    if draw(st.booleans()):
        fields.append(("system_context", draw(strings(draw(texts)))))
    return draw(objects(draw(st.permutations([*fields, *draw(solid_fields(frozenset()))])), breaks))


def qa(answer: str = "45", **more: Any) -> dict[str, Any]:
    """A plain Q&A row."""
    asked = {"role": "user", "content": "What is 40 + 5?"}
    return {"messages": [asked, {"role": "assistant", "content": answer}], **more}


def installer(**response: Any) -> dict[str, Any]:
    """A plain installer row."""
    return {
        "system_context": "- Boot mode: UEFI",
        "messages": [{"role": "user", "content": "list the disks"}],
        "expected_response": {"type": "command", "command": "lsblk", **response},
    }


def edited(row: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> str:
    """The row as JSON after `change` was made to it."""
    change(row)
    return json.dumps(row, ensure_ascii=False)
