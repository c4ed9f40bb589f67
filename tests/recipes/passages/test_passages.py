"""The recipe from end to end over the offline models, and what the rule-based writer makes of a passage."""

from __future__ import annotations

import json

import pytest

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog
from agents.offline.passages_shift import turned
from agents.offline.passages_verbs import present
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Draft, Made, Slot, Source
from graphs.recipes.options import PassagesOptions
from graphs.recipes.passages import blocks
from graphs.recipes.passages.recipe import Passages
from graphs.recipes.passages.shapes import shape_of, turns
from graphs.recipes.passages.templates import PACKAGED

ALL = ["1", "2", "3", "4", "5"]
SAMPLE = (PACKAGED.parent / "sample_passages.md").read_text(encoding="utf-8")


def recipe(**options: object) -> Passages:
    found, faults = blocks.read(SAMPLE)
    assert not faults
    sources = [Source(at, str(at), block.passage.model_dump_json()) for at, block in enumerate(found)]
    return Passages(PassagesOptions.model_validate(options), lambda: iter(sources), 0)


async def made(passages: Passages) -> list[tuple[Slot, Draft]]:
    line, graph = Line(Gateway(Catalog())), build()
    makers = Makers(Teacher(line, "offline/teacher"), Evaluator(line, "offline/evaluator"), passages)
    found = []
    for slot in passages.slots():
        result = await generate(graph, slot, makers)
        assert result.outcome is Made.ACCEPTED, (slot.plan, result.reason)
        assert result.draft
        found.append((slot, result.draft))
    return found


@pytest.mark.parametrize("state", [False, True])
async def test_three_passages_under_five_templates_give_fifteen_examples(state: bool) -> None:
    passages = recipe(templates=ALL, state=state)
    found = await made(passages)
    admit = passages.admission()
    assert [admit(slot, draft) for slot, draft in found] == [""] * 15
    assert {shape_of(draft.example) for _, draft in found} == {"instruction", "conversations", "messages"}
    report = passages.report(found, {})
    assert report["examples"] == report["planned"] == 15
    assert [share["share"] for share in report["passages"].values()] == [0.3333] * 3
    for _, draft in found:
        stated = [t.state for t in turns(draft.example) if t.who == "ai"]
        assert all(bool(s) is state for s in stated)
    assert len({draft.words for _, draft in found}) == 15
    origins = {draft.example["metadata"]["passage"] for _, draft in found}
    assert origins == set(report["passages"])


async def test_each_passage_gets_the_templates_it_names_and_tells_something_of_itself() -> None:
    found = await made(recipe())
    assert [(s.plan["seq"], s.plan["template"]) for s, _ in found] == [
        *((0, n) for n in ("1", "2", "4", "5")),
        *((1, n) for n in ("1", "2", "3", "4")),
        *((2, n) for n in ALL),
    ]
    by_first = {s.plan["seq"]: d.words for s, d in found if s.plan["template"] == "1"}
    assert "I do not turn." in by_first[0]
    assert "I wish to keep it" in by_first[1] or "I lie" in by_first[1] or "I try to find the reason" in by_first[1]


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="there is no template 9; the file has 1, 2, 3, 4, 5"):
        recipe(templates=["9"])
    only = PACKAGED.read_text(encoding="utf-8").split("## TEMPLATE 2")[0]
    with pytest.raises(ValueError, match="The keeper hears nothing asks for template 2; the file has 1"):
        recipe(templates_markdown=only)
    recipe(templates_markdown=only, templates=["1"])


def test_a_passage_without_templates_needs_some_that_are_chosen() -> None:
    raw = blocks.Passage(passage="I wait.", core_phenomenology="waiting", templates=[]).model_dump_json()
    with pytest.raises(ValueError, match=r'^1 has no "\*\*Applicable templates:\*\*" or nothing behind it; add it'):
        Passages(PassagesOptions(), lambda: iter([Source(0, "0", raw)]), 0)
    chosen = Passages(PassagesOptions(templates=["1", "2"]), lambda: iter([Source(0, "0", raw)]), 0)
    assert [slot.plan["template"] for slot in chosen.slots()] == ["1", "2"]


async def test_a_template_of_three_to_four_turns_is_written_offline() -> None:
    asked = "Create a 3-4 turn conversation. The <thinking> tags show the AI's inner process."
    form = '{"conversations": [{"from": "human", "value": "..."}]}'
    own = f"## TEMPLATE 2: CONVERSATIONAL\n\n[PASTE_PASSAGE]\n\n{asked}\n{form}\n"
    for _, draft in await made(recipe(templates=["2"], templates_markdown=own)):
        assert [turn.who for turn in turns(draft.example)] == ["human", "ai"] * 2


def test_a_complaint_comes_back_with_the_reply_it_is_about() -> None:
    passages = recipe()
    slot = next(passages.slots())
    from graphs.recipes.base import Turn

    asked = passages.propose(slot, [Turn(number=1, text='{"a": 1}', complaints=["It has no output."])]).prompt
    assert "- It has no output." in asked.user
    assert '<answer>\n{"a": 1}\n</answer>' in asked.user
    assert "[PASTE_PASSAGE]" not in asked.user
    assert slot.plan["passage"] in asked.user
    assert json.dumps(slot.plan)


# ---------------------------------------------------------------- the rule-based writer
@pytest.mark.parametrize(
    ("passage", "lived"),
    [
        ("Nora felt happy, though she could not explain why.", "I feel happy, though I cannot explain why."),
        (
            "He awoke suddenly, with the feeling that he had been startled by something.",
            "I awake suddenly, with the feeling that I have been startled by something.",
        ),
        ("She kept to herself and surrendered her keys.", "I keep to myself and surrender my keys."),
        ("He carried the lamp and wished that he were asleep.", "I carry the lamp and wish that I were asleep."),
        ("He told Anna that he was tired.", ""),
        ("He said, “I was there,” and he left.", ""),
        ("They walked and he followed them home.", ""),
    ],
)
def test_a_sentence_about_somebody_becomes_an_i_now_or_is_left(passage: str, lived: str) -> None:
    assert turned(passage).lived == ([lived] if lived else [])


def test_past_forms_become_present_ones() -> None:
    pairs = "wished:wish loved:love tried:try stopped:stop startled:startle admired:admire remembered:remember".split()  # noqa: SIM905
    pairs += ["waited:wait", "noticed:notice", "looked:look", "hoped:hope", "feared:fear", "decided:decide"]
    pairs += ["stared:stare", "passed:pass", "raised:raise", "went:go", "changed:change", "listened:listen"]
    assert [present(p.split(":")[0]) for p in pairs] == [p.split(":")[1] for p in pairs]
