"""Chat templates as they are trained with and handed on: the same text on every day, and no thinking left open.

Some templates write today's date into every prompt (Llama 3.2's does), some begin the assistant's turn with a thinking
tag (`<think>`) themselves. What is trained, measured, converted and served has to be one prompt all the same.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
from pathlib import Path
from typing import Final

FILE: Final = "chat_template.jinja"

VOCABULARIES: Final = ("tokenizer.model", "spiece.model", "tekken.json")
"""Files of tokenizers that stand beside tokenizer.json."""

DAY: Final = datetime.date(2024, 7, 26)
"""The date that Llama 3.2's template falls back to where there is no clock."""

_MARK: Final = re.compile(r"\{%(-?)\s*(end)?generation\s*(-?)%\}")
_CLOCK: Final = re.compile(r"""strftime_now\(\s*(["'])([^"'\\]*)\1\s*\)""")
_OPENED: Final = re.compile(r"<(think|thinking)>\s*\Z")


def of(folder: Path) -> str | None:
    """The chat template that lies with a tokenizer, in whichever of its places; None where there is none."""
    if (folder / FILE).exists():
        return (folder / FILE).read_text(encoding="utf-8")
    for name in ("chat_template.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            continue
        template = json.loads((folder / name).read_text(encoding="utf-8")).get("chat_template")
        if isinstance(template, list):  # several, by name
            template = {one["name"]: one["template"] for one in template}.get("default")
        if template:
            return str(template)
    return None


def handed_on(template: str) -> str:
    """A template for whoever runs the model: `steady`, and without `{% generation %}`, which only trainers know."""
    plain = _MARK.sub(lambda mark: f"{{%{mark[1]} {'endif' if mark[2] else 'if true'} {mark[3]}%}}", template)
    return steady(plain)


def steady(template: str) -> str:
    """A template that writes DAY where it would write today's date, in the format that it asks for."""
    return _CLOCK.sub(lambda asked: f"{asked[1]}{DAY.strftime(asked[2])}{asked[1]}", template)


def opened(prompt: str) -> str:
    """The thinking tag, with the white space behind it, that a rendered prompt ends with; empty where it has none."""
    found = _OPENED.search(prompt)
    return found[0] if found else ""


def rest(completion: str, opener: str) -> str:
    """What the assistant has to say behind `opener`, so that its turn is `completion`.

    A completion without thinking says at once that there is none, as these templates write it themselves.
    """
    if not opener:
        return completion
    tag = opener.strip()
    if completion.startswith(tag):
        return completion[len(tag) :].removeprefix(opener[len(tag) :])
    return f"\n{tag.replace('<', '</')}\n\n{completion}"


def keep_vocabularies(source: Path, folder: Path) -> None:
    """Copies what transformers leaves out when it saves a tokenizer, and llama.cpp's converter needs (Gemma, Phi-3)."""
    for name in VOCABULARIES:
        if (source / name).exists() and not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)
