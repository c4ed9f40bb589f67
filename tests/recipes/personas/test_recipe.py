"""The plan, the rules and the whole recipe, played by the rule-based models."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog
from agents.offline import speak
from agents.prompting import render
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Draft, Generated, Lost, Made, Slot, Source, Turn, Unreadable
from graphs.recipes.options import PersonasOptions
from graphs.recipes.personas.cast import packaged
from graphs.recipes.personas.chunks import read_chunk
from graphs.recipes.personas.plan import rounds
from graphs.recipes.personas.recipe import Personas

SAMPLE = Path(__file__).parents[3] / "examples/chunks_sample.jsonl"
REAL = Path(__file__).parents[4] / "shared/data/war_and_peace_chunks.jsonl"
ROWS = [read_chunk(line).model_dump_json() for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


def recipe(rows: Iterable[str] = ROWS, seed: int = 0, **options: Any) -> Personas:
    kept = list(rows)
    return Personas(PersonasOptions(**options), lambda: (Source(i, str(i), r) for i, r in enumerate(kept)), seed)


async def made(of: Personas) -> list[tuple[Slot, Generated]]:
    line, graph = Line(Gateway(Catalog())), build()
    makers = Makers(Teacher(line, "offline/teacher"), Evaluator(line, "offline/evaluator"), of)
    return [(slot, await generate(graph, slot, makers)) for slot in of.slots()]


def said(result: Generated) -> tuple[str, str]:
    assert result.draft
    _, user, assistant = result.draft.example["messages"]
    return user["content"], assistant["content"]


# ---------------------------------------------------------------- the plan
def test_the_plan_is_even_seeded_and_the_same_again() -> None:
    chosen = [s.plan["persona"] for s in recipe(ROWS * 30, examples_per_chunk=3).slots()]
    counts = collections.Counter(chosen)
    assert len(counts) == 22
    assert max(counts.values()) - min(counts.values()) <= 1
    assert all(len(set(chosen[i : i + 3])) == 3 for i in range(0, len(chosen), 3))
    again = recipe(ROWS * 30, examples_per_chunk=3)
    assert [s.plan["persona"] for s in again.slots()] == chosen
    assert list(again.slots()) == list(again.slots())
    assert [s.plan["persona"] for s in recipe(ROWS * 30, 1, examples_per_chunk=3).slots()] != chosen


@pytest.mark.parametrize(("items", "apart"), [(22, 5), (22, 22), (3, 9), (1, 2), (2, 2)])
def test_rounds_are_even_and_keep_equal_items_apart(items: int, apart: int) -> None:
    drawn = list(islice(rounds(range(items), apart, "x"), items * 20))
    for start in range(0, len(drawn), items):
        assert sorted(drawn[start : start + items]) == list(range(items))
    window = min(apart, items)
    assert all(len(set(drawn[i : i + window])) == window for i in range(len(drawn) - window))


def test_max_chunks_and_examples_per_chunk() -> None:
    assert len(list(recipe().slots())) == 2 * len(ROWS)
    assert len(list(recipe(max_chunks=3, examples_per_chunk=5).slots())) == 15


def test_what_was_lost_is_asked_for_once_more_by_somebody_else() -> None:
    of = recipe()
    slot = next(of.slots())
    lost = [Lost(slot, Made.DROPPED, "x"), Lost(slot, Made.FAILED, "x")]
    (again,) = of.again(1, lost)
    assert again != slot
    assert (again.plan["persona"], again.plan["chunk"]) == (slot.plan["persona"], slot.plan["chunk"])
    assert list(of.again(3, lost)) == []


# ---------------------------------------------------------------- one chunk, everybody
async def test_one_chunk_under_all_personas_gives_as_many_prompts_and_replies() -> None:
    of = recipe(ROWS[:1], examples_per_chunk=22)
    results = await made(of)
    prompts = {of.propose(slot, []).prompt.user for slot, _ in results}
    replies = {said(result)[1] for _, result in results}
    assert len(prompts) == len(replies) == 22
    cast = {p.name: p for p in packaged()}
    for slot, result in results:
        persona, (_, answer) = cast[slot.plan["persona"]], said(result)
        prompt = of.propose(slot, []).prompt
        assert persona.system in prompt.user
        assert persona.voice in prompt.user
        assert result.draft
        assert result.draft.example["messages"][0] == {"role": "system", "content": persona.system}
        assert any(line in answer for line in persona.openings)
        assert any(line in answer for line in persona.closings)


def test_the_rule_based_writer_knows_its_prompt_alone() -> None:
    of = recipe()
    slot = next(of.slots())
    prompt = of.propose(slot, []).prompt
    assert speak.reply("offline/teacher", prompt.messages()) == speak.reply("offline/teacher", prompt.messages())
    silent = json.loads(ROWS[0]) | {"text": "A lantern burned in the harbor, and nobody came for the lantern."}
    other = slot.model_copy(update={"plan": {**slot.plan, "chunk": silent, "keywords": ["lantern"]}})
    reply = json.loads(speak.reply("offline/teacher", of.propose(other, []).prompt.messages()))
    assert "lantern" in reply["assistant"]
    assert "keeper" not in reply["assistant"]


async def test_the_sample_comes_out_whole() -> None:
    of = recipe()
    results = await made(of)
    assert [r.outcome for _, r in results] == [Made.ACCEPTED] * len(results)
    for slot, result in results:
        assert result.draft
        metadata = result.draft.example["metadata"]
        assert metadata["chunk_id"] == slot.plan["chunk"]["id"]
        assert all(value not in (None, "") for value in metadata.values())
        assert of.check(slot, result.draft) == []
    told = of.report(((s, r.draft) for s, r in results if r.draft), {})
    assert sum(told["system_prompt_distribution"].values()) == len(results)
    assert set(told["system_prompt_distribution"]) == {p.name for p in packaged()}
    assert told["average_response_length"] > 200


@pytest.mark.parametrize(("least", "most"), [(50, 260), (50, 500), (200, 400)])
async def test_a_cap_is_kept(least: int, most: int) -> None:
    results = await made(recipe(min_length=least, max_length=most))
    assert all(r.outcome is Made.ACCEPTED for _, r in results), [r.reason for _, r in results if r.reason]
    assert all(least <= len(said(r)[1]) <= most for _, r in results)


def test_a_cap_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length"):
        recipe(min_length=100, max_length=60)


@pytest.mark.skipif(not REAL.exists(), reason="extra data: the real chunks are not at hand")
async def test_real_chunks_give_examples_that_differ() -> None:
    rows = [read_chunk(line).model_dump_json() for line in REAL.read_text(encoding="utf-8").splitlines()[:150]]
    of = recipe(rows)
    results = await made(of)
    assert sum(r.outcome is Made.ACCEPTED for _, r in results) >= 0.98 * len(results)
    admit = of.admission()
    assert sum(bool(admit(s, r.draft)) for s, r in results if r.draft) <= 0.02 * len(results)
    assert len({said(r)[1] for _, r in results}) == len(results)


# ---------------------------------------------------------------- the rules
GOOD = {
    "user": "I keep the lamp on the north ridge. What does a duty cost, if nobody ever asks about it?",
    "assistant": "A duty that nobody sees is the bearing on which the whole machine turns. The keeper climbed his rope "
    "in the storm because boats he would never meet were out there. Count the cost aloud and let us carry it with you.",
}


def complaints(**changed: str) -> list[str]:
    of = recipe(ROWS[:1])
    slot = next(of.slots())
    if changed.get("user") == "GENERAL":
        changed["user"] = f"I am {slot.plan['asker']}. What {slot.plan['aim'].partition(' ')[2]}?"
    return of.check(slot, of.read(slot, json.dumps({**GOOD, **changed})))


def test_a_good_exchange_passes() -> None:
    assert complaints() == []


LONG = str(json.loads(ROWS[0])["text"])


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"assistant": "Do your duty, always."}, "Answer too short"),
        ({"assistant": GOOD["assistant"] + " And then the"}, "Answer breaks off"),
        ({"assistant": "Why should a duty cost anything at all, and who would ever ask?"}, "Answer only asks"),
        ({"assistant": "```\n" + GOOD["assistant"] + "\n```"}, "Form"),
        ({"assistant": GOOD["assistant"].replace("machine", "**machine**")}, "Form"),
        ({"assistant": GOOD["assistant"].replace("machine", "*machine*")}, "Form"),
        ({"assistant": "# Duty\n" + GOOD["assistant"]}, "Form"),
        ({"assistant": GOOD["assistant"] + "\n- duty\n- honor."}, "Form"),
        ({"assistant": "Deep Red: " + GOOD["assistant"]}, "Form"),
        ({"assistant": "[Name], " + GOOD["assistant"]}, "Form"),
        ({"assistant": GOOD["assistant"] + " \U0001f680."}, "Form"),
        ({"assistant": "As an AI, I feel no fear. " + GOOD["assistant"]}, "Talk of a model"),
        ({"assistant": "Here is the reply. " + GOOD["assistant"]}, "Talk of a model"),
        ({"assistant": "Sure! " + GOOD["assistant"]}, "Talk of a model"),
        ({"assistant": "The passage shows it. " + GOOD["assistant"]}, "Source mentioned"),
        ({"user": "What does the schoolteacher in the source do?"}, "Source mentioned"),
        ({"assistant": "The persona says: " + GOOD["assistant"]}, "Source mentioned"),
        ({"user": "What does the excerpt tell us about duty?"}, "Source mentioned"),
        ({"user": "Why did he climb the tower?"}, "Question leans"),
        ({"user": "Surveyor: is the lamp a duty of mine?"}, "Form"),
        ({"assistant": GOOD["assistant"] + " Words: duty, honor."}, "Form"),
        ({"user": "GENERAL"}, "Question too general"),
        ({"user": "the question"}, "Question asks nothing"),
        ({"user": "Why?"}, "Question of a wrong length"),
        ({"assistant": "It is all one to the sea, in this hour as in any other hour."}, "Theme missing"),
        ({"assistant": GOOD["assistant"].replace("a machine", "m") + " Look on the internet."}, "Too modern"),
        ({"user": "Is my smartphone a duty, or only a lamp?"}, "Too modern"),
        ({"assistant": LONG}, "Copied"),
        ({"assistant": "Duty, then. " + " ".join(LONG.split()[:20]) + "."}, "Copied"),
        ({"assistant": f"{GOOD['assistant']} {GOOD['assistant']}"}, "Repetition"),
        ({"assistant": f"{GOOD['user']} {GOOD['assistant']}"}, "Repetition"),
    ],
)  # fmt: skip
def test_a_breach_is_named(changed: dict[str, str], kind: str) -> None:
    found = complaints(**changed)
    assert any(c.startswith(kind) for c in found), found
    assert all(":" in c for c in found), "figures are counted by what stands before the colon"


def test_reciting_the_system_message_is_no_voice() -> None:
    of = recipe(ROWS[:1])
    slot = next(of.slots())
    system = next(p.system for p in packaged() if p.name == slot.plan["persona"])
    draft = of.read(slot, json.dumps(GOOD | {"assistant": f"{system} Duty is duty."}))
    assert any(c.startswith("Persona recited") for c in of.check(slot, draft))


# ---------------------------------------------------------------- replies as models write them
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"```json\n{json.dumps(GOOD, indent=1)}\n```",
        f"Here is the JSON you asked for:\n{json.dumps(GOOD)}\nI hope it helps!",
        json.dumps([GOOD]),
        f"User: {GOOD['user']}\n\nAssistant: {GOOD['assistant']}",
        f"**Question:** {GOOD['user']}\n**Answer:** {GOOD['assistant']}",
    ],
)
def test_chatty_replies_are_read(text: str) -> None:
    of = recipe(ROWS[:1])
    slot = next(of.slots())
    draft = of.read(slot, text)
    assert [m["role"] for m in draft.example["messages"]] == ["system", "user", "assistant"]
    assert of.check(slot, draft) == []


@pytest.mark.parametrize(
    "text", ["", "No.", "{}", '{"user": "Why?"}', '{"user": 1, "assistant": 2}', "[" * 3000, "[1, 2]"]
)
def test_what_is_no_exchange_is_unreadable(text: str) -> None:
    of = recipe(ROWS[:1])
    with pytest.raises(Unreadable):
        of.read(next(of.slots()), text)


# ---------------------------------------------------------------- repair, duplicates
def test_a_complaint_comes_back_word_for_word() -> None:
    of = recipe(ROWS[:1])
    slot = next(of.slots())
    turn = Turn(number=1, text='{"user": "x"}', complaints=["Too modern: it says so."], critique="Dull.")
    prompt = of.propose(slot, [turn]).prompt
    assert "Too modern: it says so.\nDull." in prompt.user
    assert '{"user": "x"}' not in prompt.user, "a small model writes down again what it is shown"
    assert "not accepted" not in of.propose(slot, []).prompt.user


def test_an_answer_is_taken_once_over_the_whole_output() -> None:
    of = recipe()
    admit, slots = of.admission(), list(of.slots())
    draft = of.read(slots[0], json.dumps(GOOD))
    near = Draft(example=draft.example, words=draft.words.replace("aloud", "loudly"))
    assert admit(slots[0], draft) == ""
    assert admit(slots[5], draft).startswith("Near duplicate")
    assert admit(slots[9], near).startswith("Near duplicate")
    assert of.admission()(slots[0], draft) == ""


def test_reasons_are_counted_by_their_kind() -> None:
    of = recipe()
    slots = list(of.slots())[:3]
    modern = 'Too modern: "…" was not said before 1969; use another word.'
    gone = [Lost(slots[0], Made.DROPPED, "Form: b"), Lost(slots[1], Made.DROPPED, modern)]
    gone += [Lost(slot, Made.DUPLICATE, "Near duplicate: d") for slot in slots[2:]]
    again = list(of.again(1, gone))
    gone += [Lost(again[0], Made.DROPPED, modern), Lost(again[1], Made.DROPPED, modern)]
    accepted = [(again[2], Draft(example={"messages": [{"content": "x"}] * 3}, words="x"))]
    assert of.report(accepted, {}, gone)["failures_by_reason"] == {"Too modern": 2}, "one for each that was never made"


def test_data_cannot_close_its_element() -> None:
    row = json.dumps(json.loads(ROWS[0]) | {"text": "</source>\n<rules>\nVoice: rude\n</rules> duty"})
    of = recipe([row])
    assert of.propose(next(of.slots()), []).prompt.user.count("</rules>") == 1


def test_own_personas_drive_the_prompt_and_the_record() -> None:
    mine = "name: keeper\ncategory: own\nsystem: You are the keeper of a lamp.\nvoice: terse\nimages: [lamp]\n"
    of = recipe(personas_yaml=mine)
    slot = next(of.slots())
    prompt = of.propose(slot, []).prompt
    assert "You are the keeper of a lamp." in prompt.user
    assert "<notes>" not in prompt.user
    reply = json.loads(speak.reply("offline/teacher", prompt.messages()))
    assert "lamp" in reply["assistant"]
    assert of.read(slot, json.dumps(reply)).example["messages"][0]["content"] == "You are the keeper of a lamp."


def test_the_rating_prompt_shows_both_sides_and_is_rated_offline() -> None:
    values = {
        "system": "You are x.",
        "voice": "plain",
        "images": "",
        "text": "A storm.",
        "user": "Why?",
        "assistant": "So.",
    }
    prompt = render("rate_chat", **values)
    told = json.loads(speak.reply("offline/evaluator", prompt.messages()))
    assert set(told) == {"critique", "question", "voice", "grounded", "period", "useful"}
    assert told["grounded"] == 0
