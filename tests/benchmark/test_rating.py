"""Ratings: five criteria with reasons, 1.0 to 5.0, and none at all where the evaluator can't be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.benchmark.errors import BadPlan
from services.benchmark.rating import DEFAULT
from services.benchmark.sample import check_form, sample
from services.benchmark.table import table
from tests.benchmark.conftest import bench
from tests.benchmark.server import GOOD_REPLY, PAIRS, Model, Server

JUDGED = ("question_quality", "response_character", "temporal_accuracy", "overall_usefulness")


def rating(*scores: float, **more: Any) -> str:
    """An evaluator's reply with these scores."""
    said = {name: {"reason": f"Seen: {name}.", "score": score} for name, score in zip(JUDGED, scores, strict=True)}
    return json.dumps(said | more)


def judge(*scores: float) -> Model:
    return Model(says=rating(*scores))


def test_the_rating_is_the_mean_of_five_criteria_with_reasons() -> None:
    with Server({"one": Model(), "judge": judge(4, 3.5, 5, 4)}) as server:
        ran = bench(server, evaluator="judge", filters=("one",))
    one = ran.model("one")
    assert one.rating == 4.3  # (5 + 4 + 3.5 + 5 + 4) / 5
    assert list(one.criteria) == ["format_compliance", *JUDGED]
    assert one.criteria["format_compliance"].reason == "exactly the array of 2 examples that was asked for"
    assert one.criteria["response_character"].model_dump() == {"reason": "Seen: response_character.", "score": 3.5}
    assert ran.results is not None
    shown = table(ran.results)
    assert "4.3/5" in shown
    assert "response character 3.5: Seen: response_character." in shown


@pytest.mark.parametrize(
    "says",
    [
        "I would give it a solid 4 out of 5.",
        rating(4, 4, 4, 6),
        rating(4, 4, 4, 0),
        rating(4, 4, 4, float("nan")),
        json.dumps({"rating": 4}),
        '{"question_quality": {"reason": "good", "score"',
        "",
    ],
)
def test_an_unreadable_rating_is_no_rating(says: str) -> None:
    with Server({"one": Model(), "judge": Model(says=says)}) as server:
        ran = bench(server, evaluator="judge", filters=("one",))
    one = ran.model("one")
    assert one.rating is None
    assert "no readable rating" in one.rating_note
    assert list(one.criteria) == ["format_compliance"]
    assert ran.results is not None
    assert ran.results.fastest_good is None
    row = table(ran.results).splitlines()[2].split()
    assert row[:2] == ["1", "one"]
    assert row[-1] == "-"


def test_the_fastest_good_model_is_marked_not_the_fastest() -> None:
    """The judge rates by what it is shown, so each model's reply says how good it is."""
    poor, fair = [{"user": f"{word}?", "assistant": f"{word}."} for word in ("poor", "fair")]

    class Judging(Server):
        @staticmethod
        def _whole(text: str) -> dict[str, Any]:
            return Server._whole(text)

        async def _chat(self, request: Any) -> Any:
            body = await request.json()
            shown = body["messages"][-1]["content"].partition("<response>")[2]
            scores = (2, 2, 2, 2) if "poor" in shown else (3, 3, 3, 3)
            self.models = {**self.models, "judge": judge(*scores)}
            return await super()._chat(request)

    models = {
        "quick": Model(reply=json.dumps([poor, poor]), gap=0.001),
        "good": Model(reply=json.dumps([fair, fair]), gap=0.005),
        "slow": Model(reply=json.dumps([fair, fair]), gap=0.02),
        "judge": judge(1, 1, 1, 1),
    }
    with Judging(models) as server:
        ran = bench(server, evaluator="judge", filters=("quick", "good", "slow"))
    assert ran.results is not None
    assert [(r.model, r.rating) for r in ran.results.ranked()] == [("quick", 2.6), ("good", 3.4), ("slow", 3.4)]
    assert ran.results.fastest_good == "good"
    marked = [line for line in table(ran.results).splitlines() if "<- fastest with 3.0 or better" in line]
    assert [line.split()[1] for line in marked] == ["good"]


def test_a_reply_without_a_usable_example_is_never_good() -> None:
    with Server({"one": Model(reply="Comrade, I think in gambits."), "judge": judge(5, 5, 5, 5)}) as server:
        ran = bench(server, evaluator="judge", filters=("one",))
    one = ran.model("one")
    assert one.rating == 2.0
    assert one.criteria["format_compliance"].score == 1.0


def test_the_evaluator_sees_the_reply_without_its_hidden_thinking() -> None:
    reply = f"<think>A secret plan.</think>\n{GOOD_REPLY}"
    with Server({"one": Model(reply=reply), "judge": judge(4, 4, 4, 4)}) as server:
        ran = bench(server, evaluator="judge", filters=("one",))
        (asked,) = [body for body in server.asked if not body.get("stream")]
    shown = asked["messages"][-1]["content"]
    assert PAIRS[0]["user"] in shown
    assert "secret plan" not in shown
    assert asked["temperature"] == 0
    assert ran.model("one").criteria["format_compliance"].score == 5.0


def test_all_are_measured_before_the_evaluator_is_loaded_once() -> None:
    with Server({"a": Model(), "b": Model(), "judge": judge(4, 4, 4, 4)}, studio="rest") as server:
        bench(server, evaluator="judge", filters=("a", "b"))
        assert server.log[8:] == ["load judge", "warm judge", "rate judge", "rate judge", "unload judge"]
        assert server.loaded == set()


def test_an_evaluator_that_does_not_load_leaves_the_times() -> None:
    models = {"one": Model(), "judge": Model(fault="load")}
    with Server(models, studio="rest") as server:
        ran = bench(server, evaluator="judge", filters=("one",))
    one = ran.model("one")
    assert (one.state, one.rating) == ("measured", None)
    assert one.rating_note == "the evaluator: load was refused with 500: insufficient memory"


def test_an_evaluator_that_hangs_leaves_the_times() -> None:
    with Server({"one": Model(), "judge": Model(fault="silent")}) as server:
        ran = bench(server, evaluator="judge", filters=("one",))
    assert ran.model("one").rating is None
    assert "no answer within 1 s" in ran.model("one").rating_note


def test_one_that_rates_itself_is_told_apart() -> None:
    with Server({"org/judge": judge(4, 4, 4, 4)}) as server:
        ran = bench(server, evaluator="judge")  # its organisation may be left out
    assert ran.model("org/judge").rated_by_itself
    assert ran.results is not None
    assert "4.2/5*" in table(ran.results)
    assert "* rated by itself" in table(ran.results)


def test_the_default_evaluator_rates_where_the_server_has_it() -> None:
    with Server({"one": Model(), DEFAULT: judge(4, 4, 4, 4)}) as server:
        ran = bench(server, filters=("one",))
        assert ran.model("one").rating == 4.2
    with Server({"one": Model()}) as server:
        ran = bench(server)
    assert ran.model("one").rating is None
    assert "nothing is rated" in ran.said[-1]


def test_an_evaluator_elsewhere_is_asked_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server({"one": Model()}) as server, Server({"judge": judge(4, 4, 4, 4)}) as far:
        monkeypatch.setenv("TEACHBACK_MODELS", json.dumps({"openai/*": {"api_base": f"{far.root}/v1"}}))
        ran = bench(server, evaluator="openai/judge")
        assert ran.model("one").rating == 4.2
        monkeypatch.setenv("TEACHBACK_MODELS", '{"openai/*": {"api_bass": "x"}}')
        with pytest.raises(BadPlan, match=r"models\.openai/\*\.api_bass"):
            bench(server, evaluator="openai/judge")


@pytest.mark.parametrize("name", ["nobody", "offline/evaluator", "embedded/smollm2-135m", "no_such_provider/model"])
def test_an_evaluator_that_cannot_be_asked_is_refused_before_anything_is_measured(name: str) -> None:
    with Server({"one": Model()}) as server:
        with pytest.raises(BadPlan):
            bench(server, evaluator=name)
        assert server.log == []


# ------------------------------------------------------------------ the form, which is known
TASK = sample(2).user
SHOWN = json.loads(TASK[TASK.rindex("[{") :])[0]
"""The pair that the task shows as its form."""


@pytest.mark.parametrize(
    ("reply", "examples", "score", "reason"),
    [
        (GOOD_REPLY, 2, 5.0, "exactly the array of 2 examples"),
        (f"<think>{GOOD_REPLY} or so</think>{GOOD_REPLY}", 2, 5.0, "exactly"),
        (f"```json\n{GOOD_REPLY}\n```", 2, 4.0, "more around the array"),
        (f"Here they are:\n{GOOD_REPLY}", 2, 4.0, "more around the array"),
        (json.dumps([{**pair, "note": "x"} for pair in PAIRS]), 2, 4.0, "keys beside the two"),
        (json.dumps(PAIRS[:1]), 1, 3.0, "1 of 2 examples"),
        (json.dumps(PAIRS * 2), 4, 3.0, "4 of 2 examples"),
        (json.dumps([PAIRS[0], {"user": "And?"}]), 1, 2.0, "1 incomplete"),
        (json.dumps([PAIRS[0], SHOWN]), 1, 2.0, "1 incomplete or copied from the task"),
        (json.dumps([{**SHOWN, "assistant": "Because I say so, comrade."}]), 0, 1.0, "copied from the task"),
        (json.dumps([{"user": "Who?", "assistant": " "}]), 0, 1.0, "no object with both keys"),
        (json.dumps(["a", 3, None]), 0, 1.0, "no object with both keys"),
        ("As an engine of the people I decline.", 0, 1.0, "no JSON can be read"),
        ("<think>I never come to", 0, 1.0, "no JSON can be read"),
        ("", 0, 1.0, "no JSON can be read"),
    ],
)
def test_the_form_is_checked_and_not_asked_about(reply: str, examples: int, score: float, reason: str) -> None:
    form = check_form(reply, 2, TASK, cut=False)
    assert (form.examples, form.score) == (examples, score)
    assert reason in form.reason


def test_a_reply_cut_off_at_the_limit_says_so() -> None:
    assert "cut off at the token limit" in check_form(GOOD_REPLY[:-20], 2, TASK, cut=True).reason
