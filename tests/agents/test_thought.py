"""Models that think before they reply: their thoughts are no part of the reply, and get room beside it."""

from __future__ import annotations

import time

import pytest

from agents.budget import Budget
from agents.models import Catalog
from agents.thought import ROOM, apart
from agents.wire import Reply
from tests.agents.conftest import MakeGateway, ask
from tests.support.farmodel import FarModel

FREE = Budget(None)
SAID = "I have nothing to say to that."


def _limits(far: FarModel) -> list[int]:
    return [one.body.get("max_tokens") or one.body["max_completion_tokens"] for one in far.asked]


@pytest.mark.parametrize(
    ("text", "visible", "hidden"),
    [
        ("Answer: 4", "Answer: 4", ""),
        ("<think>\n2 and 2\n</think>\n\nAnswer: 4", "Answer: 4", "2 and 2"),
        ("2 and 2\n</think>\nAnswer: 4", "Answer: 4", "2 and 2"),
        ("<THINK>2 and 2</THINK>Answer: 4", "Answer: 4", "2 and 2"),
        ("<think>2 and 2\nAnswer: 4", "<think>2 and 2\nAnswer: 4", ""),
        ("<thinking>2 and 2</think>\nAnswer: 4", "<thinking>2 and 2</think>\nAnswer: 4", ""),
        ("<thinking>2 and 2</thinking>\nAnswer: 4", "<thinking>2 and 2</thinking>\nAnswer: 4", ""),
        ("<think>2</think>\n<think>and 2</think>Answer: 4", "Answer: 4", "2\nand 2"),
        ("We think of <think> as a tag.", "We think of <think> as a tag.", ""),
        ('{"a": "<think>x</think>"}', '{"a": "<think>x</think>"}', ""),
    ],
)
def test_thoughts_are_taken_apart_from_the_reply(text: str, visible: str, hidden: str) -> None:
    told = apart(Reply(text))
    assert (told.text, told.reasoning) == (visible, hidden)


def test_thoughts_that_were_cut_off_are_no_reply() -> None:
    told = apart(Reply("<think>2 and", "length"))
    assert (told.text, told.reasoning) == ("", "2 and")


def test_long_replies_are_taken_apart_in_no_time() -> None:
    began = time.process_time()
    for text in (" " * 40000 + "think>", "<think>" * 9000, "</think>" * 9000, "a" * 90000 + "</think"):
        apart(Reply(text, "length"))
    assert time.process_time() - began < 2


async def test_a_model_that_spends_its_tokens_on_thoughts_is_given_more_from_then_on(make: MakeGateway) -> None:
    with FarModel(thinks=1000, price=(0.0, 1.0)) as far:
        gateway, budget = make(far, output_price=1.0), Budget(1.0)
        first, second = await gateway.complete(ask(), budget), await gateway.complete(ask("And now?"), budget)
        assert _limits(far) == [40, 40 + ROOM[0], 40 + ROOM[0]]
    assert (first.text, second.text) == (SAID, SAID)
    assert first.completion_tokens == 40 + 1007
    assert second.completion_tokens == 1007
    assert first.cost == pytest.approx(1047e-6)
    assert budget.spent == pytest.approx(2054e-6)


async def test_there_is_an_end_to_it(make: MakeGateway) -> None:
    with FarModel(thinks=10**6) as far:
        reply = await make(far).complete(ask(), FREE)
        assert _limits(far) == [40, 40 + ROOM[0], 40 + ROOM[1]]
    assert (reply.text, reply.finish_reason) == ("", "length")


def _small(body: dict[str, int]) -> tuple[int, str] | None:
    return (400, "maximum context length is 2048 tokens") if body["max_tokens"] > 2048 else None


async def test_what_was_said_is_kept_where_the_context_holds_no_more(make: MakeGateway) -> None:
    with FarModel(thinks=1000, refuse=_small) as far:
        reply = await make(far).complete(ask(), FREE)
        assert _limits(far) == [40, 40 + ROOM[0]]
    assert (reply.text, reply.finish_reason) == ("", "length")


async def test_room_that_a_context_does_not_hold_is_done_without(make: MakeGateway) -> None:
    with FarModel(refuse=_small) as far:
        assert (await make(far, reasoning_tokens=4000).complete(ask(), FREE)).text == SAID
        assert _limits(far) == [4040, 40]


async def test_a_reply_is_not_lost_for_want_of_money_for_a_longer_one(make: MakeGateway) -> None:
    with FarModel(thinks=1000) as far:
        reply = await make(far, output_price=1.0).complete(ask(), Budget(0.001))
        assert _limits(far) == [40]
    assert reply.completion_tokens == 40


async def test_room_that_was_of_no_use_is_not_kept(make: MakeGateway) -> None:
    with FarModel(thinks=10**6) as far:
        gateway = make(far)
        for number in range(2):
            await gateway.complete(ask(str(number)), FREE)
        assert _limits(far) == [40, 40 + ROOM[0], 40 + ROOM[1]] * 2


async def test_the_operator_has_the_last_word(make: MakeGateway) -> None:
    with FarModel(thinks=1000) as far:
        assert (await make(far, reasoning_tokens=2000).complete(ask(), FREE)).text == SAID
        assert (await make(far, reasoning_tokens=0).complete(ask(), FREE)).text == ""
        assert _limits(far) == [2040, 40]


@pytest.mark.filterwarnings("ignore:Item .* is using the `ReadOnly` qualifier")  # LiteLLM's own types, not ours
async def test_known_reasoning_models_have_room_at_once(make: MakeGateway) -> None:
    with FarModel(thinks=1000) as far:
        assert (await make(far).complete(ask(model="openai/gpt-5-mini"), FREE)).text == SAID
        assert [one.body["max_completion_tokens"] for one in far.asked] == [40 + ROOM[0]]
        assert "max_tokens" not in far.asked[0].body


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash-lite"])
def test_models_that_do_not_think_unasked_have_none(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "x")
    assert Catalog().resolve(model).reasoning_tokens == 0
