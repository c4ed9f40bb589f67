"""Ollama's Modelfile for a GGUF file: the prompt in Go's template language, where turns end, the context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from training import base, rows

_SYSTEM: Final = "<|start_header_id|>system<|end_header_id|>\n\n"
_CONTEXT: Final = 8192
"""Tokens of num_ctx at most: Ollama keeps room for all of them in memory."""


class Shape(NamedTuple):
    """How a family of chat templates is written for Ollama; `mark` tells it from the others."""

    mark: str
    template: str
    stop: tuple[str, ...]


SHAPES: Final = (
    Shape(
        "<|im_start|>",
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n",
        ("<|im_start|>", "<|im_end|>"),
    ),
    Shape(
        "<|start_header_id|>",
        "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
)
"""ChatML and Llama 3. Their beginning-of-text token is Ollama's to add."""
_LLAMA_3: Final = SHAPES[1]


def modelfile(folder: Path, file: str) -> str:
    """The Modelfile for `file`, which lies beside it, made from the model in `folder` (its tokenizer and config).

    Where the chat template is of an unknown shape it sets none: Ollama then looks for one in the GGUF file itself.
    """
    tokenizer = base.tokenizer(folder)
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    shape = next((shape for shape in SHAPES if shape.mark in template), None)
    lines = [f"FROM ./{file}", ""]
    if shape:
        lines += [f'TEMPLATE """{written(tokenizer, shape)}"""', ""]
        if system := default_system(tokenizer, shape):
            lines += [f'SYSTEM """{system}"""', ""]
        lines += [f"PARAMETER stop {json.dumps(stop)}" for stop in shape.stop]
    elif tokenizer.eos_token:
        lines += ["# No TEMPLATE: Ollama reads the chat template of the GGUF file.", ""]
        lines.append(f"PARAMETER stop {json.dumps(str(tokenizer.eos_token))}")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    longest = config.get("max_position_embeddings")
    if isinstance(longest, int):
        lines.append(f"PARAMETER num_ctx {min(longest, _CONTEXT)}")
    return "\n".join(lines) + "\n"


def written(tokenizer: Any, shape: Shape) -> str:
    """The template in Go's language: the shape's, with what the chat template puts before every system message (Llama
    3.1 and 3.2 write dates there, and a message that holds them alone where nobody says anything), and with the
    thinking tag with which it begins the assistant's turn.
    """
    text = shape.template + rows.opener(tokenizer)
    if shape is not _LLAMA_3:
        return text
    said = rows.render(tokenizer, [rows.Message(role="system", content="?!?"), rows.Message(role="user", content="?")])
    dates = said.partition(_SYSTEM)[2].partition("?!?")[0]
    if not dates:
        return text
    alone = f"{{{{- if not .System }}}}{_SYSTEM}{dates}<|eot_id|>{{{{ end }}}}"
    before = f'{{{{ if eq .Role "system" }}}}{dates}{{{{ end }}}}'
    return alone + text.replace("{{ .Content }}", before + "{{ .Content }}")


def default_system(tokenizer: Any, shape: Shape) -> str:
    """What the chat template says as system where nobody does; empty where it says nothing."""
    if shape.mark != "<|im_start|>":
        return ""  # what Llama 3 says there, whoever speaks, is in `written`
    text = str(tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False))
    start = "<|im_start|>system\n"
    at = text.find(start)
    return text[at + len(start) :].split("<|im_end|>", maxsplit=1)[0] if at >= 0 else ""
