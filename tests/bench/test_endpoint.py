"""The benchmark's far model knows the prompts that it is sent; or a change of wording would stop `make bench`."""

from __future__ import annotations

import json
from pathlib import Path

import agents
from tests.bench import chats
from tests.bench.endpoint import say
from tests.bench.workload import EXAMPLES


def body(messages: object) -> bytes:
    return json.dumps({"messages": messages}, ensure_ascii=False).encode()


def test_chats_are_proposed_and_rated() -> None:
    proposed, mended, rated = (json.loads(say(body(messages))) for messages in next(chats.prompts()))
    assert chats.THEME not in proposed["assistant"]
    assert chats.THEME in mended["assistant"]
    assert rated["voice"] > 0.5
    assert sum(map(len, chats.prompts())) == chats.calls(EXAMPLES)


def test_the_loop_is_told_by_the_lines_its_prompts_open_with() -> None:
    prompts = Path(agents.__file__).parent / "prompts"
    marks = {
        "judge_solve": "You are the examiner",
        "coach_solve": "You are the teacher",
        "verify_solve": "finishes a task from notes",
    }
    for name, mark in marks.items():
        assert mark in (prompts / f"{name}.md").read_text("utf-8")
