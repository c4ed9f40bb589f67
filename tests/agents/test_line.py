"""One line to the models: replies read tolerantly and mended once, and nothing that was recorded paid for again."""

from __future__ import annotations

import json

import pytest

from agents.errors import UnreadableReply
from agents.line import Line, Place
from agents.prompting import render
from agents.question import Question, Turn
from agents.verdict import Verdict
from agents.wire import Reply
from tests.agents.conftest import MakeGateway, ask
from tests.support.farmodel import FarModel

GOOD = {
    "student": "4",
    "reference": "4",
    "right": True,
    "facts": 1,
    "steps": 0.5,
    "reaches": 1.0,
    "concise": 0,
    "critique": "Fine.",
}
AT = Place("evaluator", "judge", 1)
PROMPT = render(
    "judge_solve",
    question=Question(turns=(Turn(role="user", content="What is 2 + 2?"),)),
    reference="4",
    thinking="2 + 2 = 4",
    answer="4",
    known=None,
)


class Memory:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Place, str], Reply] = {}

    async def recall(self, place: Place, fingerprint: str) -> Reply | None:
        return self.kept.get((place, fingerprint))

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:  # noqa: ARG002
        self.kept[place, fingerprint] = reply


async def judged(make: MakeGateway, *said: str) -> tuple[Verdict, FarModel]:
    """What is read from a model that says this, one after the other."""
    left = list(said)
    with FarModel(say=lambda _: left.pop(0)) as far:
        verdict = await Line(make(far)).ask(AT, "openai/far", "judge_solve", PROMPT, Verdict)
    return verdict, far


@pytest.mark.parametrize(
    "said",
    [
        json.dumps(GOOD),
        f"```json\n{json.dumps(GOOD, indent=2)}\n```",
        f"Here is my verdict:\n\n{json.dumps(GOOD)}\n\nI hope that helps!",
        json.dumps(GOOD)[:-1] + ", }",
        f"<think>They are equal.</think>{json.dumps(GOOD)}",
        json.dumps({"note": "an aside"}) + json.dumps(GOOD),
    ],
    ids=["plain", "fenced", "chatty", "comma", "thinking", "two objects"],
)
async def test_a_verdict_is_read_as_models_write_it(make: MakeGateway, said: str) -> None:
    verdict, far = await judged(make, said)
    assert verdict == Verdict.model_validate(GOOD)
    assert len(far.asked) == 1


async def test_what_can_not_be_read_is_mended_once(make: MakeGateway) -> None:
    verdict, far = await judged(make, "It looks quite right to me.", json.dumps(GOOD))
    assert verdict.right
    first, second = (one.body["messages"] for one in far.asked)
    assert second[: len(first)] == first
    assert second[-2] == {"role": "assistant", "content": "It looks quite right to me."}
    assert "You are the copyist" in second[-1]["content"]
    assert far.asked[1].body["response_format"] == far.asked[0].body["response_format"]


@pytest.mark.parametrize(
    "bad",
    [
        "Right.",
        "",
        json.dumps({**GOOD, "facts": 7}),
        json.dumps({**GOOD, "facts": float("nan")}),
        json.dumps({k: v for k, v in GOOD.items() if k != "right"}),
        json.dumps({**GOOD, "right": "perhaps"}),
    ],
    ids=["no json", "nothing", "score of 7", "nan", "no right", "perhaps"],
)
async def test_twice_unreadable_is_an_error_and_no_verdict(make: MakeGateway, bad: str) -> None:
    with pytest.raises(UnreadableReply, match="openai/far gave no readable verdict"):
        await judged(make, bad, bad)


async def test_what_was_recorded_is_not_asked_again(far: FarModel, make: MakeGateway) -> None:
    line = Line(make(far), ledger=Memory())
    first = await line.send(AT, ask())
    assert await line.send(AT, ask()) == first
    assert len(far.asked) == 1


async def test_another_place_or_another_wording_is_another_call(far: FarModel, make: MakeGateway) -> None:
    line = Line(make(far), ledger=Memory())
    for place in (
        AT,
        Place("evaluator", "judge", 2),
        Place("evaluator", "judge", 1, 2),
        Place("student", "verify", 1),
    ):
        await line.send(place, ask())
    for request in (ask("Else?"), ask(temperature=0.5), ask(max_tokens=41), ask(model="openai/other")):
        await line.send(AT, request)
    assert len(far.asked) == 8


async def test_a_repair_has_a_place_of_its_own(make: MakeGateway) -> None:
    memory, left = Memory(), ["no", json.dumps(GOOD)]
    with FarModel(say=lambda _: left.pop(0)) as far:
        line = Line(make(far), ledger=memory)
        one = await line.ask(AT, "openai/far", "judge_solve", PROMPT, Verdict)
        again = await line.ask(AT, "openai/far", "judge_solve", PROMPT, Verdict)
    assert one == again
    assert sorted(place.attempt for place, _ in memory.kept) == [1, 101]
