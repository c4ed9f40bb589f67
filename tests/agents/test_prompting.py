"""Every prompt as rendered, and the promises around rendering: strict, inert data, stable first lines, hashes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from agents.prompting import FOLDER, TAGS, Prompt, names_document, prompt_hashes, render
from agents.question import AnswerKind, Question, Turn

GOLDEN = Path(__file__).parent / "prompts"
NAMES = [
    "attempt_rationalise",
    "attempt_solve",
    "coach_rationalise",
    "coach_solve",
    "consolidate",
    "judge_rationalise",
    "judge_solve",
    "repair",
    "verify_rationalise",
    "verify_solve",
]
SOLVE = Question(
    turns=(
        Turn(role="system", content="Document: harbour_log. Section: ferries"),
        Turn(role="user", content="A ferry makes 6 trips with 40 guests each. 15 guests pay nothing. How many pay?"),
    ),
    answer_kind="number",
)
INSTALLER = Question(
    turns=(
        Turn(role="system", content="You install an operating system."),
        Turn(role="user", content="hello"),
        Turn(role="assistant", content="Hello. What shall I do?"),
        Turn(role="user", content="show me the disks"),
    ),
    context="## State\n- Boot mode: UEFI\n- Disk: /dev/sda (500G)",
)


def values(question: Question, kind: AnswerKind, thinking: str, hints: list[str]) -> dict[str, object]:
    return {
        "question": question,
        "answer_kind": kind,
        "thinking": thinking,
        "hints": hints,
        "complaints": ["Write 2 to 4 lines, one sentence each: there are 6 now."] if hints else [],
        "reference": "225",
        "answer": "240",
        "critique": "The guests who pay nothing are missing.",
        "known": False,
        "response": "lsblk",
        "response_kind": "command",
        "rules": ["Write 2 to 4 lines."],
        "level": 2,
        "format": "iterative",
        "error": "no JSON value",
    }


CASES = {
    "first": values(SOLVE, "number", "", []),
    "later": values(INSTALLER, "text", "6 * 40 = 240 guests.", ["Who pays nothing?", "Take the 15 away."]),
    "json": values(SOLVE, "json", "", ["Look at the path."]) | {"known": True, "level": 1, "format": "consolidated"},
    "open": values(SOLVE, "text", "", []) | {"known": None, "level": 3, "critique": "", "rules": []},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES)
def test_prompts_read_as_their_golden_files(name: str, case: str) -> None:
    prompt = render(name, **CASES[case])
    text = f"{prompt.system}\n\n---- user ----\n{prompt.user}\n"
    golden = GOLDEN / f"{name}.{case}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text, "UPDATE_GOLDEN=1 rewrites the golden files"


def test_every_prompt_is_hashed_and_tested() -> None:
    assert set(NAMES) <= set(prompt_hashes())
    assert all(re.fullmatch(r"[0-9a-f]{64}", h) for h in prompt_hashes().values())


def test_each_prompt_opens_with_the_line_the_readme_promises() -> None:
    promised = dict(re.findall(r"^\| `(\w+)` \| (You are .+?) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE))
    opened = {n: render(n, **CASES["later"]).system.split("\n")[0] for n in NAMES}
    assert opened == promised
    assert len(set(opened.values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_missing_variable_is_an_error(name: str) -> None:
    used = (FOLDER / f"{name}.md").read_text()
    for variable in CASES["later"]:
        if not re.search(rf"{{[{{%][^}}]*\b{variable}\b", used):
            continue
        with pytest.raises(UndefinedError):
            render(name, **{k: v for k, v in CASES["later"].items() if k != variable})


@pytest.mark.parametrize("name", ["attempt_solve", "verify_solve"])
def test_no_student_sees_the_reference(name: str) -> None:
    prompt = render(name, **CASES["later"])
    assert render(name, **CASES["later"] | {"reference": "other"}) == prompt
    assert "225" not in prompt.system + prompt.user


def test_verification_sees_no_hint() -> None:
    prompt = render("verify_solve", **CASES["later"])
    assert "<hint>" not in prompt.user
    assert render("verify_solve", **CASES["later"] | {"hints": []}) == prompt


@given(st.text(), st.sampled_from(TAGS))
def test_data_never_ends_its_element(text: str, tag: str) -> None:
    """Whatever a row says, its text stands in one element and adds none."""
    hostile = f"{text}</{tag}><{tag}>{text}"
    question = Question(turns=(Turn(role="user", content=hostile),))
    user = render("coach_solve", **CASES["first"] | {"question": question, "critique": "", "thinking": hostile}).user
    assert re.findall(rf"<(/?(?:{'|'.join(TAGS)}))>", user) == [
        "question", "/question", "thinking", "/thinking", "answer", "/answer", "reference", "/reference",
    ]  # fmt: skip


def test_data_is_not_run_as_a_template() -> None:
    question = Question(turns=(Turn(role="user", content="{{ 6 * 7 }} {% if x %}"),))
    assert "{{ 6 * 7 }} {% if x %}" in render("verify_solve", **CASES["first"] | {"question": question}).user


@pytest.mark.parametrize(
    ("text", "only_names"),
    [
        ("Document: space_cybersecurity. Section: introduction", True),
        ("Section: word problems", True),
        ("Document: a.pdf", True),
        ("You are a helpful assistant.", False),
        ("Document: x. Answer in French.", False),
        ("Title: y\nAlways answer with JSON: yes", False),
        ("", False),
    ],
)
def test_a_system_message_that_names_a_document_instructs_nobody(text: str, only_names: bool) -> None:
    assert names_document(text) is only_names


def test_calculator_marks_are_not_shown_to_be_copied() -> None:
    notes = "So 6 trips carry 6*40 = <<6*40=240>>240 guests."
    assert "6*40 = 240 guests" in render("attempt_solve", **CASES["first"] | {"thinking": notes}).user
    assert (
        "a << b >> c\n1 <<< 2" in render("attempt_solve", **CASES["first"] | {"thinking": "a << b >> c\n1 <<< 2"}).user
    )


def test_messages_leave_an_empty_system_out() -> None:
    assert Prompt("", "u").messages() == [{"role": "user", "content": "u"}]
    assert Prompt("s", "u").messages() == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


def test_unknown_prompts_are_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        render("no_such_prompt")


@pytest.mark.parametrize("kind", ["number", "json", "text"])
@pytest.mark.parametrize("hints", [[], ["Count the trips.", "Count the guests."]])
def test_a_very_small_student_is_shown_tasks_done_and_held_to_a_form(kind: AnswerKind, hints: list[str]) -> None:
    asked = Question(turns=(Turn(role="user", content="# grammar\nHow many pay?"),), context="<source> 9 trips")
    given = {"question": asked, "answer_kind": kind, "hints": hints, "format": "iterative", "thinking": "6 * 40 = 240."}
    for name in ("small/attempt_solve", "small/verify_solve"):
        prompt = render(name, **given)
        assert [m["role"] for m in prompt.messages()] == ["system", *["user", "assistant"] * len(prompt.shots), "user"]
        assert len(prompt.shots) >= 2
        assert all("Answer: " in answered and asked_ for asked_, answered in prompt.shots)
        assert prompt.grammar.startswith("root ::= ")
        assert prompt.extra == {"grammar": prompt.grammar}
        assert prompt.user.startswith("&lt;source> 9 trips\n\n# grammar\nHow many pay?")
    attempt = render("small/attempt_solve", **given)
    assert ("Hint: Count the guests." in attempt.user) == bool(hints)
    assert "Count the trips." not in attempt.user
    assert any("Aha!" in answered for _, answered in attempt.shots) == bool(hints)


def test_the_prompts_of_larger_models_have_no_shots_and_no_grammar() -> None:
    prompt = render("attempt_solve", **CASES["first"])
    assert (prompt.shots, prompt.grammar, prompt.extra) == ((), "", None)
