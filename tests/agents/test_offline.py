"""The offline models: what they can do, what they may know, and that they never fall over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import OFFLINE, Catalog
from agents.offline import LABELS, arithmetic, evaluator, explain, facts, fields, machine, speak, story, student
from agents.prompting import FOLDER, TAGS, render
from agents.question import AnswerKind, Question, Turn
from agents.replies import read_attempt, read_hint
from agents.student import Student
from agents.teacher import Teacher
from agents.verdict import Verdict
from graphs.enhance import build, enhance
from graphs.records import CONVERGED, Outcome, Result, Task, ThinkingFormat
from graphs.rules.guard import aha_taken_up, hint_leaks
from graphs.rules.oracle import compare, kind_of
from graphs.rules.style import RULES, Style
from graphs.state import Cast, Rules

ROOT = Path(__file__).parents[2]
QA, INSTALLER = ROOT / "examples/qa_sample.jsonl", ROOT / "examples/installer_sample.jsonl"
GSM8K = ROOT.parent / "shared/data/gsm8k_qa.jsonl"


def qa_task(row: dict[str, object]) -> Task:
    turns = [Turn.model_validate(m) for m in row["messages"]]  # type: ignore[attr-defined]
    reference, asked = turns[-1].content, tuple(turns[:-1])
    question = Question(turns=asked, context=str(row.get("context", "")), answer_kind=kind_of(reference))
    return Task(mode="solve", question=question, reference=reference, thinking=row["metadata"]["thinking"])  # type: ignore[index]


def installer_task(row: dict[str, object]) -> Task:
    turns = tuple(Turn.model_validate(m) for m in row["messages"])  # type: ignore[attr-defined]
    given: dict[str, str] = row["expected_response"]  # type: ignore[assignment]
    question = Question(turns=turns, context=str(row.get("system_context", "")))
    return Task.model_validate(
        {
            "mode": "rationalise",
            "question": question,
            "reference": given.get("command") or given["response"],
            "response_kind": given["type"],
        }
    )


def tasks(path: Path, made: Callable[[dict[str, object]], Task]) -> list[Task]:
    return [made(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


async def run(todo: list[Task], style: Style = "qa", format_: ThinkingFormat = "iterative") -> list[Result]:
    line = Line(Gateway(Catalog()))
    cast = Cast(
        Student(line, "offline/student"),
        Teacher(line, "offline/teacher"),
        Evaluator(line, "offline/evaluator"),
        Rules(style=style, thinking_format=format_),
    )
    graph = build()
    return [await enhance(graph, task, cast) for task in todo]


# ---------------------------------------------------------------- the whole loop
async def test_the_example_rows_converge_and_stall_as_they_should() -> None:
    todo = tasks(QA, qa_task)
    results = await run(todo)
    outcomes = [r.outcome for r in results]
    assert sum(o in CONVERGED for o in outcomes) >= 0.6 * len(todo)
    assert outcomes.count(Outcome.CONVERGED_FIRST_TRY) >= 5
    assert outcomes.count(Outcome.CONVERGED) >= 5
    assert outcomes.count(Outcome.STALLED) >= 3
    for task, result in zip(todo, results, strict=True):
        assert all(r.answer != student.UNKNOWN or not r.right for r in result.rounds)
        if result.outcome is Outcome.CONVERGED:
            hints = [r.hint for r in result.rounds if r.hint]
            assert aha_taken_up(result.thinking, hints), result.thinking
            assert len(result.thinking) > len(task.thinking)
        elif result.outcome is Outcome.STALLED:
            assert result.reason
            assert result.thinking == task.thinking


async def test_consolidated_thinking_has_no_turning_points_and_still_holds() -> None:
    results = await run(tasks(QA, qa_task), format_="consolidated")
    kept = [r.thinking for r in results if r.outcome in CONVERGED]
    assert len(kept) >= 14
    assert not [k for k in kept if "Aha" in k or "At first" in k]


async def test_the_installer_rows_get_two_to_four_true_lines() -> None:
    todo = tasks(INSTALLER, installer_task)
    results = await run(todo, "installer", "consolidated")
    commands = [r for r, task in zip(results, todo, strict=True) if task.response_kind == "command"]
    assert all(r.outcome in CONVERGED for r in commands), [(r.outcome, r.reason) for r in commands]
    # Rules hardly ever write a whole reply from notes, so a reply to the user is seldom reached again.
    assert len(commands) < len(results)
    assert any(r.outcome in CONVERGED for r in results if r not in commands)
    assert any(r.outcome is Outcome.STALLED for r in results if r not in commands)
    assert any(r.outcome is Outcome.CONVERGED for r in results), "a complaint has to be taken up somewhere"
    assert all(2 <= len(r.thinking.splitlines()) <= 4 for r in results if r.outcome in CONVERGED)


@pytest.mark.skipif(not GSM8K.exists(), reason="extra data: the real rows are not at hand")
async def test_real_word_problems_converge_soundly_or_end_honestly() -> None:
    todo = tasks(GSM8K, qa_task)[:80]
    results = await run(todo)
    assert all(r.outcome is not Outcome.FAILED for r in results)
    converged = [(t, r) for t, r in zip(todo, results, strict=True) if r.outcome in CONVERGED]
    assert converged
    for task, result in converged:
        asked = {q.value for q in story.quantities(task.question.request)}
        used = {q.value for q in story.quantities(result.thinking)} | set(arithmetic.numbers(result.thinking))
        assert asked <= used, "an answer by luck"


# ---------------------------------------------------------------- what each may know
def coached(task: Task, rounds: int) -> Iterator[tuple[str, str]]:
    """Student replies and hints as they follow on each other, whether or not the loop would go on."""
    hints: list[str] = []
    for level in range(rounds):
        prompt = render(
            "attempt_solve",
            question=task.question,
            answer_kind=task.question.answer_kind,
            thinking=task.thinking,
            hints=hints,
            format="iterative",
        )
        said = speak.reply("offline/student", prompt.messages())
        attempt = read_attempt(said, task.question.answer_kind)
        prompt = render(
            "coach_solve",
            question=task.question,
            thinking=attempt.thinking,
            answer=attempt.answer,
            reference=task.reference,
            known=compare(attempt.answer, task.reference) is True,
            critique="",
            hints=hints,
            level=level + 1,
        )
        hint = read_hint(speak.reply("offline/teacher", prompt.messages()))
        yield said, hint
        hints.append(hint)


@pytest.mark.parametrize("path", [QA, GSM8K], ids=["examples", "gsm8k"])
def test_no_hint_gives_the_answer_away(path: Path) -> None:
    if not path.exists():
        pytest.skip("extra data: the real rows are not at hand")
    for task in tasks(path, qa_task):
        told = [hint for _, hint in coached(task, 3)]
        assert len(set(told[:2])) == 2, told
        for hint in told:
            assert hint_leaks(hint, task.reference, task.question) is None, (hint, task.reference)
            assert len(hint.split()) <= 60


@pytest.mark.parametrize(
    ("critique", "hint"),
    [
        (
            "The thinking states the answer before it derives it. More.",
            "The thinking states the answer before it derives it.",
        ),
        ("From the thinking alone a reader does not reach the answer.", "Write out the step that leads to the result"),
        ("The key is 72. Say less.", "Say less."),
    ],
)
def test_a_right_answer_with_a_flaw_gets_the_flaw_as_its_hint(critique: str, hint: str) -> None:
    asked = "A baker fills 6 trays with 12 rolls each. How many rolls is that?"
    question = Question(turns=(Turn(role="user", content=asked),), answer_kind="number")
    prompt = render(
        "coach_solve",
        question=question,
        thinking="72 rolls.",
        answer="72",
        reference="72",
        known=True,
        critique=critique,
        hints=[],
        level=1,
    )
    assert read_hint(speak.reply("offline/teacher", prompt.messages())).startswith(hint)


def test_another_reference_changes_no_first_attempt() -> None:
    for task in tasks(QA, qa_task):
        other = task.model_copy(update={"reference": "quite another answer"})
        assert next(coached(task, 1))[0] == next(coached(other, 1))[0]


def test_no_prompt_of_the_student_holds_a_reference_element() -> None:
    for name in ("attempt_solve", "verify_solve"):
        assert "reference" not in (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_every_prompt_has_its_part() -> None:
    # A benchmark measures models, and these are none.
    without = {"README", "benchmark_chat", "rate_benchmark"}
    openings = {
        path.read_text(encoding="utf-8").split("\n")[1] for path in FOLDER.glob("[!_]*.md") if path.stem not in without
    }
    assert openings == speak.OPENINGS


def test_each_model_says_what_it_is() -> None:
    assert set(LABELS) == set(OFFLINE)
    assert all("not a language model" in label and label.startswith(name) for name, label in LABELS.items())


# ---------------------------------------------------------------- never falls over
TEXT = st.text(max_size=120) | st.sampled_from(
    [
        "What is 1/0?",
        '{"a": 1',
        "((((",
        "9" * 300 + " * 2 = ",
        '"" "\n"',
        "the keys , and",
        "12 * 3 = 36. So",
        "\\boxed{",
    ]
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(OFFLINE),
    st.sampled_from([*sorted(speak.OPENINGS), "Hello.", ""]),
    st.dictionaries(st.sampled_from(TAGS), TEXT),
)
def test_any_prompt_gets_a_reply_and_the_same_one_twice(model: str, opening: str, said_in: dict[str, str]) -> None:
    elements = [f"<{tag}>\n{text}\n</{tag}>" for tag, text in said_in.items()]
    messages = [{"role": "system", "content": opening}, {"role": "user", "content": "\n".join(elements)}]
    said = speak.reply(model, messages)
    assert said.strip()
    assert said == speak.reply(model, messages)
    judges = ("You are the examiner who judges", "You are the examiner who compares")
    if opening.startswith(judges) or (model == "offline/evaluator" and opening not in speak.OPENINGS):
        Verdict.model_validate_json(said)


@pytest.mark.parametrize("messages", [[], [{}], [{"role": "user"}], [{"role": "user", "content": [{"text": "hi"}, 3]}]])
def test_odd_messages_are_no_reason_to_fail(messages: list[dict[str, object]]) -> None:
    assert all(speak.reply(model, messages) for model in OFFLINE)


def test_a_repair_mends_what_can_be_read() -> None:
    prompt = render("repair", answer='Here: {"a": [1, 2,],} ok', error="no JSON")
    assert speak.reply("offline/evaluator", prompt.messages()) == '{"a": [1, 2]}'
    asked_within = [
        {"role": "system", "content": "x"},
        {"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"},
    ]
    assert speak.reply("offline/evaluator", asked_within) == '{"a": [1, 2]}'


def test_litellm_knows_them_once_registered() -> None:
    # A process of its own: importing LiteLLM takes seconds and sets global state.
    code = (
        "import litellm; from agents.offline import provider; provider.register(); provider.register();"
        "m = [{'role': 'user', 'content': 'hello'}];"
        "r = litellm.completion(model='offline/student', messages=m);"
        "s = litellm.completion(model='offline/student', messages=m, stream=True);"
        "t = ''.join(c.choices[0].delta.content or '' for c in s);"
        "assert r.choices[0].message.content == t, t; assert r.usage.total_tokens; print(t)"
    )
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Answer: unknown" in done.stdout


# ---------------------------------------------------------------- what the student can do
def verify(question: str, notes: str, kind: AnswerKind = "number") -> str:
    asked = Question(turns=(Turn(role="user", content=question),), answer_kind=kind)
    prompt = render("verify_solve", question=asked, answer_kind=kind, thinking=notes)
    return read_attempt(speak.reply("offline/student", prompt.messages()), kind).answer


@pytest.mark.parametrize(
    ("notes", "answer"),
    [
        ("6 trays * 12 rolls = 72 rolls. Then 72 - 5 = 67.", "67"),
        ("6 * 12 = 72. So it comes to 72 rolls.", "72"),
        ("6 * 12 = 71. So it comes to 71 rolls.", "71"),  # wrong notes lead to a wrong answer
        ("There are 6 trays with 12 rolls, so 6 * 12", "72"),
        ("First 6 * 12 = 72. What is left is 72 - 5", "67"),
        ("There are trays and rolls.", "unknown"),
        ("6 trays and 12 rolls.", "unknown"),
        ("", "unknown"),
    ],
)
def test_verification_reads_the_notes_and_nothing_else(notes: str, answer: str) -> None:
    assert verify("A baker fills 6 trays with 12 rolls each and drops 5. How many are left?", notes) == answer


def test_verification_of_words_and_json() -> None:
    assert verify("Which planet?", "A disc was seen. So the answer is Uranus.", "text") == "Uranus"
    assert verify("Which planet?", "", "text") == "unknown"
    pairs = '"Name: iron" gives "name": "iron".\n"Number: 26" gives "number": 26.'
    assert json.loads(verify("JSON please", pairs, "json")) == {"name": "iron", "number": 26}
    assert verify("JSON please", "Nothing here.", "json") == "unknown"


@pytest.mark.parametrize(
    ("hints", "answer"),
    [
        ([], "unknown"),
        (["First work out 12 * 3."], "36"),
        (["First work out 12 * 3.", "Then subtract 8."], "28"),
        (["Work out 12 * 3, then divide by 4."], "9"),
    ],
)
def test_a_plan_in_a_hint_is_carried_out(hints: list[str], answer: str) -> None:
    asked = Question(turns=(Turn(role="user", content="Ann is as old as Bo. How old is Cy?"),), answer_kind="number")
    prompt = render(
        "attempt_solve", question=asked, answer_kind="number", thinking="", hints=hints, format="consolidated"
    )
    assert read_attempt(speak.reply("offline/student", prompt.messages()), "number").answer == answer


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17 * 24 + 3", 411),
        ("(3 + 4) × 5", 35),
        ("1,200 / 4", 300),
        ("7 - 10", -3),
        ("10 / 4", Fraction(5, 2)),
        ("0.5 * 3", Fraction(3, 2)),
        ("1 / 0", None),
        ("2 ** 9", None),
        ("__import__('os')", None),
        ("", None),
    ],
)
def test_expressions_are_exact(expression: str, value: Fraction | int | None) -> None:
    assert arithmetic.evaluate(expression) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is 17 * 24 + 3?", "17 * 24 + 3"),
        ("Compute (2 + 3) * 4 now", "(2 + 3) * 4"),
        ("The war of 1939-1945", None),
        ("3 boxes and 4 pens", None),
        ("7 x 8", "7 x 8"),
    ],
)
def test_expressions_are_found_in_prose(text: str, found: str | None) -> None:
    assert arithmetic.expression_in(text) == found


@given(st.lists(st.integers(1, 99), min_size=2, max_size=5), st.data())
def test_steps_end_in_the_value(numbers: list[int], data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from("+*"), min_size=len(numbers) - 1, max_size=len(numbers) - 1))
    expression = str(numbers[0]) + "".join(f" {s} {n}" for s, n in zip(signs, numbers[1:], strict=True))
    steps = arithmetic.steps_of(expression)
    assert len(steps) == len(signs)
    assert steps[-1][1] == arithmetic.evaluate(expression)


def test_equations_are_checked_past_their_units() -> None:
    right, wrong, open_ = arithmetic.equations("3 boxes * 4 pens = 12 pens. Then 12 - 5 = 8, and x = 9")
    assert right.holds
    assert wrong.right == 8
    assert wrong.value == 7
    assert open_.value is None


@pytest.mark.parametrize(
    ("problem", "amount"),
    [
        ("A baker fills 6 trays with 12 rolls each. How many rolls is that?", 72),
        ("A library had 340 books and lent out 85. How many are left?", 255),
        ("Penny has $20. She buys 4 pairs of socks for $2 a pair and a hat for $7. How much is left?", 5),
        ("She bought 3 sandwiches at $3 each and 2 drinks at $2.5 each. How much did she spend?", 14),
        ("Two boys share 30 nuts equally. How many does each get?", 15),
        ("A coat costs 80 euros and is reduced by 25 percent. What does it cost now?", 60),
        ("There are 5 vans. Each van seats 8 people. How many people fit in?", 40),
        ("She lays 30 eggs out. Each box holds 6 eggs. How many boxes does she need?", 5),
        ("He runs 5 miles a day. How far does he run in 14 days?", 70),
    ],
)
def test_everyday_stories_are_read_to_their_end(problem: str, amount: int) -> None:
    read = story.read(problem)
    assert not read.stuck
    assert read.steps[-1].amount == amount


@pytest.mark.parametrize(
    ("problem", "stuck"),
    [
        ("Ann has 3 more pens than Bo, who has 4. How many have they?", "Ann has 3 more pens than Bo"),
        ("A train leaves at 9:40 and arrives at 12:05. How long is it?", "A train leaves at 9:40"),
        ("He has 5 eggs and eats 8. How many are left?", "eats 8"),
        ("He bought 24 eggs. There are 4 packs. How many?", "There are 4 packs"),
        ("A frog meets 3 flies. There are 4 ponds. How many?", "There are 4 ponds"),
    ],
)
def test_a_clause_that_is_not_understood_is_named_not_skipped(problem: str, stuck: str) -> None:
    assert story.read(problem).stuck == stuck


SOURCE = (
    "Titan is the largest moon of Saturn, discovered in 1655 by Christiaan Huygens. "
    "The probe Huygens landed near Adiri on 14 January 2005, after a fall of 147 minutes. "
    "Its name honours the discoverer. Rain on Titan falls slowly because its gravity is weak."
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("In which year was Titan discovered?", "1655"),
        ("When did the probe land?", "14 January 2005"),
        ("Where did the probe land?", "Adiri"),
        ("How many minutes did the fall of the probe take?", "147"),
        ("Who discovered the largest moon of Saturn?", "Christiaan Huygens"),
        ("Why does rain fall slowly on Titan?", "its gravity is weak"),
    ],
)
def test_facts_are_read_by_the_kind_of_question(question: str, answer: str) -> None:
    found = facts.find(question, SOURCE)
    assert found
    assert found.answer == answer


@pytest.mark.parametrize(
    ("request_", "source", "written"),
    [
        (
            "Give name and moons as JSON with the keys name and moons.",
            "Name: Mars\nMoons: 2",
            {"name": "Mars", "moons": 2},
        ),
        ('Fill {"ok": ..., "code": ...}', "OK: yes\nCode: A-7", {"ok": True, "code": "A-7"}),
        ("With the keys mass_kg.", "Mass kg: 1,200.5 kg", {"mass_kg": 1200.5}),
        ("With the keys height and colour.", "Height: 3", {"height": 3}),
    ],
)
def test_json_is_filled_from_labelled_lines(request_: str, source: str, written: dict[str, object]) -> None:
    found = [fields.fill(key, source) for key in fields.keys_in(request_)]
    assert json.loads(fields.written(found)) == written


@pytest.mark.parametrize(
    ("answer", "reference", "question", "right"),
    [
        ("the British Museum", "British Museum", "Where?", True),
        ("It is Uranus.", "Uranus", "Which planet is it?", True),
        ("55 languages", "55", "How many languages?", True),
        ("54 languages", "55", "How many languages?", False),
        ("Florey", "Howard Florey", "Who?", False),
        ("not Uranus", "Uranus", "Which planet is not a star?", False),
        ("Piccard and Walsh", "Walsh and Piccard", "Who?", False),
        ("", "Uranus", "Which?", False),
    ],
)
def test_answers_are_compared_by_what_they_say(answer: str, reference: str, question: str, right: bool) -> None:
    assert evaluator.same(answer, reference, question) is right


# ---------------------------------------------------------------- given responses
STATE = "- Boot mode: UEFI\n- Network: Connected\n- Disks: /dev/nvme0n1 (512G), /dev/sda (2T)\n- Hostname: not set"


def test_a_system_state_is_read() -> None:
    state = machine.read_state(STATE)
    assert state.boot == "UEFI"
    assert state.disks == (("/dev/nvme0n1", "512G"), ("/dev/sda", "2T"))
    assert state.network == "Connected"


@pytest.mark.parametrize(
    ("response", "programs"),
    [
        ("lsblk", ["lsblk"]),
        ("sudo mkfs.ext4 /dev/sda2 && mount /dev/sda2 /mnt", ["mkfs.ext4", "mount"]),
        ("LANG=C /usr/bin/timedatectl set-ntp true", ["timedatectl"]),
        ("frobnicate --all", ["frobnicate"]),
        ("Which disk do you mean?", []),
        ("Mount points are folders.", []),
        ("You can type lsblk | less to see them.", []),
    ],
)
def test_a_command_is_told_from_a_text(response: str, programs: list[str]) -> None:
    assert explain.named_programs(response) == programs


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("please partition my disk", "User wants to partition their disk."),
        ("can you list the disks?", "User wants to list the disks."),
        ("which disks do I have?", 'User asks "which disks do I have?".'),
        ("yes", "User agrees to it."),
        ("I'm afraid of losing my files", 'User is worried: "I\'m afraid of losing my files".'),
        ("", "User has not said what to do yet."),
    ],
)
def test_the_wish_is_said_in_the_third_person(said: str, wish: str) -> None:
    asked = Question(turns=(Turn(role="user", content=said),), context=STATE)
    prompt = render(
        "attempt_rationalise",
        question=asked,
        response="lsblk",
        response_kind="command",
        thinking="",
        hints=[],
        rules=list(RULES["installer"]),
        format="consolidated",
        complaints=[],
    )
    assert speak.reply("offline/student", prompt.messages()).splitlines()[0] == wish


@pytest.mark.parametrize(
    ("notes", "command"),
    [
        ("User wants disks.\nUsing lsblk: it lists them.", "lsblk"),
        (
            "The disk /dev/sda has 2T.\nUsing mkfs.ext4 and mount in this order: one, two.",
            "mkfs.ext4 && mount /dev/sda",
        ),
        ("User wants to install.\nUsing frobnicate, since it fits.", "frobnicate"),
        ("User wants something.", "unknown"),
    ],
)
def test_the_notes_alone_lead_to_the_program(notes: str, command: str) -> None:
    asked = Question(turns=(Turn(role="user", content="go on"),), context=STATE)
    prompt = render("verify_rationalise", question=asked, response_kind="command", thinking=notes)
    assert speak.reply("offline/student", prompt.messages()) == f"Answer: {command}"


def test_invented_disks_fail_the_judge() -> None:
    asked = Question(turns=(Turn(role="user", content="list the disks"),), context=STATE)
    verdicts = []
    for disk in ("/dev/sda", "/dev/sdz"):
        thinking = f"User wants to list the disks.\nThere is {disk}.\nUsing lsblk: it lists them."
        prompt = render("judge_rationalise", question=asked, response="lsblk", thinking=thinking, rules=[])
        verdicts.append(Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages())))
    true, false = verdicts
    assert true.right
    assert not false.right
    assert "/dev/sdz" in false.critique
