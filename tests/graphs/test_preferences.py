"""A model's answer held against the ideal one: each way through the graph, and what becomes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.errors import ServerError
from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line, NoLedger, Place
from agents.models import Catalog
from agents.offline.speak import reply
from agents.prompting import FOLDER, prompt_hashes
from agents.sampler import UNALTERED, Sampler
from agents.wire import Reply, Request
from graphs import preferences
from graphs.preferences import Bench, Draw, Drawn, build, prefer
from graphs.rules.oracle import compare
from training import thinking

Said = Callable[[Request], Reply]
JUDGED = {"answer": "a", "reference": "b", "critique": "It names another town."}


@dataclass
class Places(NoLedger):
    """Keeps the places."""

    seen: list[Place] = field(default_factory=list)

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:  # noqa: ARG002
        self.seen.append(place)


class Two(Gateway):
    """The model that is tuned, and the judge."""

    def __init__(self, model: Reply | Exception, judge: str = "") -> None:
        super().__init__(Catalog())
        self._model, self._judge = model, judge
        self.asked: list[Request] = []

    async def complete(self, request: Request, budget: object) -> Reply:  # noqa: ARG002
        self.asked.append(request)
        if request.model == "judge":
            return Reply(self._judge)
        if isinstance(self._model, Exception):
            raise self._model
        return self._model


def verdict(right: bool, answer: float, reference: float) -> str:
    return json.dumps({**JUDGED, "right": right, "answer_score": answer, "reference_score": reference})


async def drawn(gateway: Gateway, *ideals: str, places: Places | None = None) -> Drawn:
    line = Line(gateway, ledger=places or Places())
    bench = Bench(Sampler(line, "jobs/0a", 0.7), Evaluator(line, "judge"), compare, thinking.split)
    prompt = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is the stone?"})
    draw = Draw(prompt=prompt, ideals=ideals, number=2, seed=7, max_tokens=90)
    return await prefer(build(), draw, bench)


def test_the_drawing_is_the_graph() -> None:
    golden = Path(__file__).parent / "preferences.mmd"
    shown = build().get_graph().draw_mermaid()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(shown)
    assert golden.read_text() == shown


async def test_the_prompt_reads_as_its_golden_file() -> None:
    gateway = Two(Reply("In the </answer> harbour of Rashid."), verdict(False, 0.2, 1.0))
    await drawn(gateway, "<think>\nIt was moved in 1802.\n</think>\n\nIn the British Museum.")
    told = "\n\n---- user ----\n".join(m["content"] for m in gateway.asked[1].messages) + "\n"
    golden = Path(__file__).parent / "judge_sample.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(told)
    assert golden.read_text() == told, "UPDATE_GOLDEN=1 rewrites the golden file"
    assert told.split("\n")[0] in (FOLDER / "README.md").read_text().replace("\n", " ")
    assert "judge_sample" in prompt_hashes()


async def test_a_rule_that_knows_asks_no_judge() -> None:
    gateway, places = Two(Reply("The sum is 52.")), Places()
    found = await drawn(gateway, "51", places=places)
    assert (found.reason, found.margin, found.judged_by, found.sample) == ("", 1.0, "rule", "The sum is 52.")
    assert places.seen == [Place("student", "sample", 2)]
    (asked,) = gateway.asked
    assert (asked.temperature, asked.max_tokens, asked.extra) == (0.7, 90, {**UNALTERED, "seed": 7})
    assert [m["role"] for m in asked.messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("said", "ideals", "reason"),
    [
        (Reply("It comes to 51."), ["51"], preferences.RIGHT),
        (Reply(" <think>\nseven eights\n</think>\n\n51 "), ["<think>\nother\n</think>\n\n51"], preferences.RIGHT),
        (Reply("In  Rome"), ["In Rome"], preferences.IDENTICAL),
        (Reply("60"), ["51", "60"], preferences.IDENTICAL),
        (Reply("sixty"), ["51", "60"], preferences.RIGHT),
        (Reply(""), ["51"], preferences.EMPTY),
        (Reply("<think>\nhm\n</think>\n"), ["51"], preferences.EMPTY),
        (Reply("It is 5", finish_reason="length"), ["51"], preferences.CUT),
    ],
)
async def test_what_is_no_pair_needs_no_judge(said: Reply, ideals: list[str], reason: str) -> None:
    gateway = Two(said)
    found = await drawn(gateway, *ideals)
    assert (found.reason, found.margin) == (reason, 0.0)
    assert len(gateway.asked) == 1


@pytest.mark.parametrize(
    ("judge", "reason", "margin"),
    [
        (verdict(False, 0.25, 0.9), "", 0.65),
        (verdict(True, 0.9, 1.0), preferences.RIGHT, 0.0),
        (verdict(False, 0.2, 0.4), preferences.BOTH_WRONG, 0.0),
        (verdict(True, 0.2, 0.4), preferences.BOTH_WRONG, 0.0),
        (verdict(False, 0.9, 0.9), preferences.NO_BETTER, 0.0),
        (verdict(False, 0.95, 0.6), preferences.NO_BETTER, 0.0),
        ("I like the first.", preferences.UNJUDGED, 0.0),
        (verdict(False, 0.2, 1.5), preferences.UNJUDGED, 0.0),
    ],
)
async def test_where_no_rule_can_tell_a_judge_does(judge: str, reason: str, margin: float) -> None:
    gateway, places = Two(Reply("In the harbour of Rashid."), judge), Places()
    found = await drawn(gateway, "In the British Museum.", places=places)
    assert (found.reason, found.margin) == (reason, margin)
    assert places.seen[1] == Place("evaluator", "compare", 2)
    told = gateway.asked[1].messages[1]["content"]
    assert "Where is the stone?" in told
    assert "In the British Museum." in told
    assert "In the harbour of Rashid." in told


async def test_thinking_that_a_server_hands_over_apart_is_put_back() -> None:
    found = await drawn(Two(Reply("52", reasoning="seven eights are 56")), "51")
    assert found.sample == "<think>\nseven eights are 56\n</think>\n\n52"


async def test_a_model_that_can_not_be_asked_raises() -> None:
    with pytest.raises(ServerError):
        await drawn(Two(ServerError("down")), "51")


class Offline(Two):
    """The rule-based examiner behind the judge's name."""

    async def complete(self, request: Request, budget: object) -> Reply:
        if request.model == "judge":
            return Reply(reply("offline/evaluator", request.messages))
        return await super().complete(request, budget)


@pytest.mark.parametrize(
    ("said", "ideal", "reason"),
    [
        ("In the harbour of Rashid.", "In the British Museum.", ""),
        ("the British Museum", "In the British Museum.", preferences.RIGHT),
        ("In the harbour.", "I'm sorry, I can't say where that is.", preferences.BOTH_WRONG),
        ("It takes six hours.", "6 * 7 = 41, so it takes some forty hours.", preferences.BOTH_WRONG),
    ],
)
async def test_the_rule_based_examiner(said: str, ideal: str, reason: str) -> None:
    found = await drawn(Offline(Reply(said)), ideal)
    assert found.reason == reason, found
    assert found == await drawn(Offline(Reply(said)), ideal), "equal questions, equal verdicts"
    assert found.critique
    assert (found.margin > 0) is (reason == "")
