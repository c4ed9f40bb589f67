"""From examples to the text of the files that are exported: one format, or a folder with all that a training needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from services.formats import trainers
from services.formats.conversation import BadExample, Conversation, read
from services.formats.rows import FORMATS, WRITERS, Format
from services.formats.thinking import spoken
from services.training.pairs import openai
from services.views import ThinkingTag

NAMES: Final[dict[Format, str]] = {
    "alpaca": "training_data.jsonl",
    "chatml": "training_data_chatml.jsonl",
    "sharegpt": "training_data_sharegpt.jsonl",
    "trl": "training_data_trl.jsonl",
    "openai": "training_data_openai.jsonl",
}
BASE_MODEL: Final = "meta-llama/Llama-2-7b-hf"
"""Only what stands in the configurations until their user names another."""


class Refused(NamedTuple):
    """An example that could not be exported: its number, from 1, and why."""

    number: int
    reason: str


def load(text: str) -> list[Any]:
    """Examples of a file: JSONL, or a JSON array. Raises BadExample with the line that is no JSON."""
    if text.lstrip("\ufeff \t\r\n").startswith("["):
        try:
            found = json.loads(text.lstrip("\ufeff"))
        except ValueError as error:
            raise BadExample(f"the array is no JSON: {error}") from None
        return list(found)
    rows = []
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise BadExample(f"line {number} is no JSON: {error}") from None
    return rows


def conversations(examples: Iterable[Any], tag: ThinkingTag = "think") -> tuple[list[Conversation], list[Refused]]:
    """The examples as conversations, thinking that stands apart in the last turn, and those that are none."""
    found: list[Conversation] = []
    refused: list[Refused] = []
    for number, example in enumerate(examples, 1):
        try:
            found.append(read(spoken(example, tag) if isinstance(example, dict) else example))
        except BadExample as error:
            refused.append(Refused(number, str(error)))
    return found, refused


def jsonl(told: Iterable[Conversation], format_: Format) -> str:
    """The rows of one format."""
    write = WRITERS[format_]
    return "".join(json.dumps(write(one), ensure_ascii=False) + "\n" for one in told)


def pairs(examples: list[Any], format_: str) -> str:
    """Preference pairs as `trl` or `openai`; empty where the examples are none. Raises BadExample for other formats."""
    if not examples or not all(isinstance(e, dict) and {"prompt", "chosen", "rejected"} <= e.keys() for e in examples):
        return ""
    if format_ not in ("trl", "openai"):
        raise BadExample(f"pairs are written as trl or openai, and not as {format_}")
    rows = [openai(one) for one in examples] if format_ == "openai" else examples
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def split(told: list[Conversation], ratio: float) -> tuple[list[Conversation], list[Conversation]]:
    """Training and validation by what the examples were made from: no source stands on both sides.

    Sources are drawn by their hash until `ratio` of the rows is held out; one source is always left to train on.
    """
    groups: dict[str, list[int]] = {}
    for at, one in enumerate(told):
        groups.setdefault(one.origin or f"row {at}", []).append(at)
    order = sorted(groups, key=lambda origin: hashlib.sha256(origin.encode()).hexdigest())
    held: set[int] = set()
    for origin in order[:-1]:
        if len(held) + len(groups[origin]) / 2 >= ratio * len(told):
            break
        held.update(groups[origin])
    return [c for at, c in enumerate(told) if at not in held], [c for at, c in enumerate(told) if at in held]


def folder(
    examples: list[Any],
    *,
    curated: bool,
    validation_ratio: float = 0.0,
    base_model: str = "",
    tag: ThinkingTag = "think",
) -> tuple[dict[str, str], list[Refused]]:
    """Every file of a training folder, name -> text, and the examples that are in none of the trainers' files."""
    told, refused = conversations(examples, tag)
    train, held = split(told, validation_ratio) if validation_ratio else (told, [])
    stage = "curated" if curated else "raw"
    files = {f"training_examples_{stage}.json": json.dumps(examples, indent=2, ensure_ascii=False) + "\n"}
    for format_ in FORMATS:
        files[NAMES[format_]] = jsonl(train, format_)
        if held:
            files[_val(NAMES[format_])] = jsonl(held, format_)
    model = base_model or BASE_MODEL
    kinds: tuple[Format, ...] = ("alpaca", "sharegpt", "chatml")
    val: dict[str, str] = {k: _val(NAMES[k]) for k in kinds} if held else {}
    files["config.yml"] = trainers.axolotl(NAMES["alpaca"], model, val.get("alpaca", ""))
    files["dataset_info.json"] = trainers.llama_factory({k: NAMES[k] for k in kinds}, val)
    files["train_unsloth.py"] = trainers.unsloth(NAMES["chatml"], model, val.get("chatml", ""))
    files["system_prompt.txt"] = trainers.SYSTEM_PROMPT
    files["how_much_data.txt"] = trainers.size_advice(len(train))
    return files, refused


def _val(name: str) -> str:
    return name.replace(".jsonl", "_val.jsonl")
