"""The recipe in its parts: plans that repeat, words held to the plan, replies of all shapes, chat windows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Draft, Lost, Made, Slot, Unreadable
from graphs.recipes.commands import diversity
from graphs.recipes.commands.calls import misspell
from graphs.recipes.commands.layout import layout
from graphs.recipes.commands.ordinary import ORDINARY
from graphs.recipes.commands.phrases import without
from graphs.recipes.commands.plan import Plan, draws
from graphs.recipes.commands.replies import request
from services import schemas
from tests.recipes.commands.conftest import KETTLE, attempt, commands
from tests.recipes.commands.independent import Checker

TEXT = KETTLE.read_text()


def plans(num: int = 200, seed: int = 0) -> list[Plan]:
    return [Plan.model_validate(slot.plan) for slot in commands(TEXT, num, seed).slots()]


def slot(plan: Plan) -> Slot:
    return Slot(plan=plan.model_dump(mode="json"))


def complaints(plan: Plan, words: str) -> str:
    recipe = commands(TEXT, 200)
    return " ".join(recipe.check(slot(plan), recipe.read(slot(plan), words)))


# ---------------------------------------------------------------- the plan
def test_equal_seeds_plan_the_same_and_others_do_not() -> None:
    assert plans() == plans()
    assert plans() != plans(seed=1)


@pytest.mark.parametrize("num", [1, 2, 3, 7, 10, 99, 1000, 3001])
def test_the_layout_is_exact(num: int) -> None:
    places = layout(num, draws(0, "layout"))
    assert len(places) == num
    for level in ("full", "partial", "none"):
        assert abs(sum(p.level == level for p in places) - num / 3) <= 1
    for kind, share in (("with_context", 0.6), ("without_context", 0.2)):
        assert abs(sum(p.kind == kind for p in places) - num * share) <= 1


def test_a_schema_without_cases_says_so() -> None:
    ring = "{name: ring, description: Ring the bell}"
    one = f"cli_name: bell\ncommands:\n  - name: bell\n    subcommands: [{ring}]\n"
    recipe = commands(one, 20)
    accepted = [(s, d) for s in recipe.slots() if isinstance(d := attempt(recipe, s), Draft)]
    report = recipe.report(accepted, {})
    assert report["impossible"] == ["ambiguous_command", "missing_required", "multiple_interpretations", "unclear_typo"]
    assert sum(report["kinds"].values()) + sum(report["missing"].values()) == 20


@pytest.mark.parametrize(
    "args", ["", "args: [{name: times, type: integer}]", "args: [{name: who, type: string, required: true}]"]
)
@pytest.mark.parametrize("subs", [1, 2, 3])
@pytest.mark.parametrize("commands_", [1, 2, 3])
def test_a_schema_of_any_shape_has_plans(commands_: int, subs: int, args: str) -> None:
    text = "cli_name: house\ncommands:\n"
    for thing in ("bell", "lamp", "door")[:commands_]:
        text += f"  - name: {thing}\n    subcommands:\n"
        for verb in ("start", "stop", "check")[:subs]:
            text += f"      - {{name: {verb}, description: {verb} the {thing}{args and ', '}{args}}}\n"
    recipe = commands(text, 60)
    slots = list(recipe.slots())
    assert len(slots) == 60
    assert sum(isinstance(attempt(recipe, s), Draft) for s in slots) > 40


def test_numbers_among_the_members_stay_numbers() -> None:
    text = """\
cli_name: log
commands:
  - name: 日志
    aliases: [log]
    subcommands:
      - name: show
        description: Show the log
        args:
          - {name: level, type: {enum: [0, 1, 2]}, required: true, description: Level of detail}
      - {name: clear, description: Clear the log}
"""
    recipe = commands(text, 60)
    made = [draft.example for s in recipe.slots() if isinstance(draft := attempt(recipe, s), Draft)]
    outputs = [json.loads(row["output"]) for row in made]
    assert {o["args"]["level"] for o in outputs if o.get("subcommand") == "show"} == {0, 1, 2}
    assert [fault for row in made for fault in Checker(text).faults(row)] == []
    assert len(made) > 40


def test_a_letter_that_is_two_in_lower_case_hides_no_value() -> None:
    assert without("Die Straße 2663 und 2663.", "2663", "_") == "Die Straße _ und _."
    assert without("STRASSE oder Straße, ẞ 1", "straße", "_") == "_ oder _, ẞ 1"
    plan = next(p for p in plans() if p.positive and any(isinstance(v, int) for v in p.said.values()))
    said = " ".join(str(v) for v in plan.said.values())
    assert "is not among the details" not in complaints(plan, f"{plan.verb} {plan.noun} Straße {said}")
    assert "is not among the details" in complaints(plan, f"{plan.verb} {plan.noun} Straße {said} 987654")


def test_a_slip_is_no_other_word_that_people_know() -> None:
    assert not {misspell("know", frozenset(["know"]), draws(0, n)) for n in range(50)} & ORDINARY
    assert not {misspell("ping", frozenset(["ping"]), draws(0, n)) for n in range(50)} & {"pig", "pin", "png"}
    assert any(misspell("ping", frozenset(["ping"]), draws(0, n)) for n in range(50)), "slips are made all the same"


def test_a_lost_slot_is_planned_anew_with_the_same_wish() -> None:
    recipe = commands(TEXT, 50)
    first = list(recipe.slots())[:5]
    lost = [Lost(s, Made.DUPLICATE, "x") for s in first[:4]] + [Lost(first[4], Made.FAILED, "x")]
    again = [Plan.model_validate(s.plan) for s in recipe.again(1, lost)]
    before = [Plan.model_validate(s.plan) for s in first[:4]]
    assert [(p.kind, p.level, p.command, p.subcommand) for p in again] == [
        (p.kind, p.level, p.command, p.subcommand) for p in before
    ]
    assert all(a != b for a, b in zip(again, before, strict=True))


def test_one_dataset_is_one_schema() -> None:
    from graphs.recipes.base import Source
    from graphs.recipes.commands.recipe import Commands
    from graphs.recipes.options import CommandsOptions

    sources = [Source(0, "a", TEXT), Source(1, "b", TEXT)]
    with pytest.raises(ValueError, match="one schema"):
        Commands(CommandsOptions(num=1), lambda: sources, 0)


# ---------------------------------------------------------------- the graph
async def test_the_graph_makes_rows_with_the_offline_models(tmp_path: Path) -> None:
    recipe, graph = commands(TEXT, 12), build()
    gateway = Gateway(Catalog({}))
    try:
        line = Line(gateway)
        makers = Makers(Teacher(line, "offline/teacher"), Evaluator(line, "offline/evaluator"), recipe)
        results = [await generate(graph, s, makers) for s in recipe.slots()]
    finally:
        await gateway.close()
    assert [r.outcome for r in results] == [Made.ACCEPTED] * 12
    assert all(r.turns[-1].score and r.turns[-1].score > 0.6 for r in results)
    assert all(json.loads(r.draft.example["output"])["type"] for r in results if r.draft)


def test_the_evaluator_reads_for_itself() -> None:
    recipe = commands(TEXT, 200)
    plan = next(p for p in plans() if p.subcommand == "heat" and p.positive and not p.pointing)
    from agents.offline import speak

    def same(words: str) -> float:
        draft = recipe.read(slot(plan), words)
        reply = speak.reply("offline/evaluator", recipe.rubric(slot(plan), draft).ask.prompt.messages())
        return float(json.loads(reply)["same"])

    name = plan.args["name"]
    rest = " ".join(f"{k} {v}" for k, v in plan.args.items() if k != "name")
    assert same(f"heat the kettle {name} {rest}") == 1
    assert same(f"pour the brew {name} {rest}") < 0.5
    assert same("heat the kettle") < 0.5


# ---------------------------------------------------------------- words against the plan
def clear(kind: str = "without_context", sub: str = "heat") -> Plan:
    return next(p for p in plans(400) if p.kind == kind and p.subcommand == sub and not p.slip and p.order == "order")


def test_words_have_to_say_the_plan_and_no_more() -> None:
    plan = clear()
    said = " ".join(f"{k} {v}" for k, v in plan.args.items()) + " and keep warm afterwards" * bool(plan.flags)
    good = f"please {plan.verb} the {plan.noun} {said}"
    assert complaints(plan, good) == ""
    assert "has to be said" in complaints(plan, f"please {plan.verb} the {plan.noun}")
    assert "not among the details" in complaints(plan, f"{good}, 4711")
    assert "program's language" in complaints(plan, f"{good} --keep-warm")
    assert "nothing that the listener sees" in complaints(plan, f"{good}, and clean it")


def test_pointing_needs_the_words_for_it() -> None:
    plan = next(p for p in plans(400) if "this" in p.pointing.values() and not p.said and not p.flags and not p.slip)
    assert complaints(plan, f"please {plan.verb} this {plan.noun}") == ""
    assert "this" in complaints(plan, f"please {plan.verb} the {plan.noun}")


def test_a_doubt_must_stay_one() -> None:
    missing = next(p for p in plans(400) if p.kind == "missing_required" and "implied" in p.pointing.values())
    assert complaints(missing, f"please {missing.verb} a {missing.noun}") == ""
    assert "number" in complaints(missing, f"please {missing.verb} {missing.noun} 12")
    ambiguous = next(p for p in plans(400) if p.kind == "ambiguous_command" and p.command == "brew")
    assert complaints(ambiguous, f"something about {ambiguous.noun}") == ""
    assert "must stay open" in complaints(ambiguous, f"pour the {ambiguous.noun}")
    away = next(p for p in plans(400) if p.kind == "off_topic")
    assert complaints(away, f"tell me about {away.topic}") == ""
    assert "belongs to the program" in complaints(away, "tell me about the brew")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("pour brew 3", "pour brew 3"),
        ('"pour brew 3"', "pour brew 3"),
        ("Request: pour brew 3\n", "pour brew 3"),
        ("```\npour brew 3\n```", "pour brew 3"),
        ('```json\n{"instruction": "pour brew 3"}\n```', "pour brew 3"),
        ("start a brew for “Ana B”", 'start a brew for "Ana B"'),
        ('start a brew for "Ana B"', 'start a brew for "Ana B"'),
    ],
)
def test_a_request_is_found_in_its_reply(reply: str, said: str) -> None:
    assert request(reply) == said


@pytest.mark.parametrize("reply", ["", "```\n```", "one\ntwo", "x" * 2000])
def test_what_is_no_request_is_asked_again(reply: str) -> None:
    with pytest.raises(Unreadable):
        request(reply)


# ---------------------------------------------------------------- diversity
def test_near_duplicates_share_a_group_and_no_pair_is_missed() -> None:
    texts = [f"please pour brew number {n} for everybody in the room" for n in (101, 102, 250)]
    texts += ["show me the kettles", "show me the kettles!", "heat the copper kettle"]
    found = diversity.groups(texts, texts)
    assert found[0] == found[1] == found[2]
    assert found[3] == found[4]
    assert len({found[0], found[3], found[5]}) == 3
    sets = [diversity.characters(t) for t in texts]
    pairs = {
        (i, j) for i in range(len(sets)) for j in range(i) if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j])
    }
    near = {(max(p), min(p)) for p in diversity.near(sets, skip=lambda *_: False)}
    assert near == pairs


# ---------------------------------------------------------------- chat windows
def test_replies_of_a_chat_window_are_held_to_the_plan() -> None:
    prompts = list(schemas.prompts(TEXT, 30, 0))
    assert len(prompts) == 2
    assert "Task 0\n" in prompts[0]
    assert "Task 29\n" in prompts[1]
    recipe = commands(TEXT, 30)
    good = {n: d.words for n, s in enumerate(recipe.slots()) if isinstance(d := attempt(recipe, s), Draft)}
    array = json.dumps([{"id": n, "instruction": w} for n, w in good.items() if n < 20], indent=1)
    lines = "\n".join(json.dumps({"id": str(n), "request": w}) for n, w in good.items() if n >= 20)
    text = f"Sure, here you are:\n```json\n{array}\n```\n{lines}\n{{broken\n" + json.dumps({"id": 99, "request": "x"})
    said, unreadable = schemas.replies(text)
    assert said == {**good, 99: "x"}
    assert len(unreadable) == 1
    said[3] = "--pour it"
    judged = schemas.judge(TEXT, 30, 0, said)
    assert len(judged["rows"]) == len(good) - 1
    assert set(judged["refused"]) == {3, 99}
    assert "language" in judged["refused"][3]
    assert sum(judged["report"]["missing"].values()) == 30 - len(judged["rows"])
