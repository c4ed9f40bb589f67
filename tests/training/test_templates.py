"""One prompt, whatever a family's chat template does: dates, thinking tags it opens itself, no system message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trl

from tests.training.conftest import make_tiny
from training import base, modelfile, rows, templates, tokens
from training.errors import InvalidInput

FAMILIES = Path(trl.__file__).parent / "chat_templates"
"""The stock templates of many families, as TRL ships them."""
THOUGHT = "<think>\nHalf of 8 is 4.\n</think>\n\n4"
SYSTEM, USER = rows.Message(role="system", content="Be short."), rows.Message(role="user", content="8 / 2?")
OPENING = ["deepseek_r1_distill", "nemotron_3_nano", "qwen3_5_think", "qwen3_6", "qwen3_8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("families") / "model")


def of(folder: Path, family: str) -> Any:
    """The tiny model's tokenizer, its template read from disk as any model's is."""
    (folder / templates.FILE).write_text((FAMILIES / f"{family}.jinja").read_text("utf-8"), encoding="utf-8")
    return base.tokenizer(folder)


def test_a_prompt_is_the_same_every_day(folder: Path) -> None:
    tokenizer = of(folder, "llama3_2")
    asked = rows.render(tokenizer, [SYSTEM, USER])
    assert "Today Date: 26 Jul 2024\n\nBe short." in asked
    # What is handed on to llama.cpp and Ollama, which have a clock as well, says the same day.
    handed_on = templates.handed_on((FAMILIES / "llama3_2.jinja").read_text("utf-8"))
    assert "strftime_now(" not in handed_on
    tokenizer.chat_template = handed_on
    assert rows.render(tokenizer, [SYSTEM, USER]) == asked
    assert templates.steady("{{ strftime_now('%Y-%m-%d') }}") == "{{ '2024-07-26' }}"


@pytest.mark.parametrize("family", OPENING)
def test_thinking_that_the_template_opens(folder: Path, family: str) -> None:
    tokenizer = of(folder, family)
    end = tokens.end_of_turn(tokenizer)
    for completion, whole in ((THOUGHT, THOUGHT), ("4", "<think>\n\n</think>\n\n4")):
        ids = tokens.prompt_ids(tokenizer, [SYSTEM, USER]) + tokens.completion_ids(tokenizer, completion, end)
        turn = tokenizer.decode(ids).rpartition("8 / 2?")[2]
        assert turn.count("<think>") == turn.count("</think>") == 1
        assert whole + tokenizer.decode([end]) in turn
    # What the model says behind the tag is read with it.
    said = rows.opener(tokenizer) + templates.rest(THOUGHT, rows.opener(tokenizer))
    assert said == THOUGHT


@pytest.mark.parametrize("family", ["llama3_2", "qwen2_5", "qwen3", "gemma3", "phi3"])
def test_thinking_that_the_row_opens(folder: Path, family: str) -> None:
    tokenizer = of(folder, family)
    assert rows.opener(tokenizer) == ""
    ids = tokens.completion_ids(tokenizer, THOUGHT, tokens.end_of_turn(tokenizer))
    assert tokenizer.decode(ids[:-1]) == THOUGHT


@pytest.mark.parametrize("family", ["gemma", "gemma3", "llama3_2"])
def test_what_the_system_says_is_in_every_prompt(folder: Path, family: str) -> None:
    asked = rows.render(of(folder, family), [SYSTEM, USER])
    assert asked.count("Be short.") == 1


def test_a_template_that_refuses_is_told(folder: Path) -> None:
    tokenizer = of(folder, "gemma")
    with pytest.raises(InvalidInput, match="the chat template refuses the messages: Conversation roles must alternate"):
        rows.render(tokenizer, [USER, USER])
    with pytest.raises(InvalidInput, match="the chat template refuses the messages: Conversation roles must alternate"):
        rows.render(tokenizer, [SYSTEM, USER, USER])


def test_the_modelfile_writes_the_same_prompt(folder: Path) -> None:
    """Go's template is read by hand: what Ollama puts in for a system message, with and without one."""
    tokenizer = of(folder, "llama3_2")
    text = modelfile.modelfile(folder, "x.gguf")
    dates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
    for messages in ([USER], [SYSTEM, USER]):
        asked = rows.render(tokenizer, messages).removeprefix(tokenizer.bos_token)
        assert asked == _as_ollama(text, dates, messages)
    of(folder, "qwen3_5_think")
    assert '<|im_start|>assistant\n<think>\n"""' in modelfile.modelfile(folder, "x.gguf")


def _as_ollama(text: str, dates: str, messages: list[rows.Message]) -> str:
    template = text.partition('TEMPLATE """')[2].partition('"""')[0]
    alone, _, others = template.partition("{{ end }}{{- range .Messages }}")
    each, _, last = others.partition("{{ end }}<|start_header_id|>assistant")
    system = alone.removeprefix("{{- if not .System }}")
    made = "" if messages[0].role == "system" else system
    for message in messages:
        mark = f'{{{{ if eq .Role "system" }}}}{dates}{{{{ end }}}}'
        assert mark in each
        one = each.replace(mark, dates if message.role == "system" else "")
        made += one.replace("{{ .Role }}", message.role).replace("{{ .Content }}", message.content)
    return f"{made}<|start_header_id|>assistant{last}"


def test_files_of_the_tokenizer_that_transformers_leaves_out(tmp_path: Path) -> None:
    source, folder = tmp_path / "base", tmp_path / "merged"
    source.mkdir()
    folder.mkdir()
    (source / "tokenizer.model").write_bytes(b"pieces")
    (source / "spiece.model").write_bytes(b"old")
    (folder / "spiece.model").write_bytes(b"own")
    templates.keep_vocabularies(source, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "tokenizer.model": b"pieces",
        "spiece.model": b"own",
    }


def test_templates_load_without_torch() -> None:
    code = "import sys, training.templates; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
