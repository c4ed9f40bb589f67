"""What is measured: first token, tokens a second, hours; and each way to fail, which harms no other model."""

from __future__ import annotations

import json

import pytest

from services.benchmark.table import table
from tests.benchmark.conftest import bench
from tests.benchmark.server import GOOD_REPLY, PAIRS, Fault, Model, Server

PIECES = -(-len(GOOD_REPLY) // 8)


def test_times_are_those_of_the_server() -> None:
    with Server({"one": Model(first=0.3, gap=0.01, usage=100)}) as server:
        one = bench(server).model("one")
    assert one.first_token_seconds is not None
    assert one.total_seconds is not None
    assert one.tokens_per_second is not None
    assert 0.3 <= one.first_token_seconds < 0.6
    assert one.total_seconds >= one.first_token_seconds + 0.01 * (PIECES - 1)
    # 99 tokens came between the first piece and the last one, whatever the server's clock makes of its pauses.
    window = one.total_seconds - one.first_token_seconds
    assert 99 / window <= one.tokens_per_second <= 99 / (0.01 * (PIECES - 1))
    assert (one.completion_tokens, one.tokens_counted, one.speed_over) == (100, "usage", "generation")
    assert one.usable_examples == 2
    assert one.hours_per_1000_responses == pytest.approx(one.total_seconds / 2 / 3.6, abs=0.006)
    assert one.reply == GOOD_REPLY


def test_the_models_are_ranked_by_speed() -> None:
    with Server({"slow": Model(gap=0.02), "quick": Model(gap=0.001), "middle": Model(gap=0.008)}) as server:
        ran = bench(server)
    assert ran.results is not None
    assert [result.model for result in ran.results.ranked()] == ["quick", "middle", "slow"]
    assert [ran.model(name).rank for name in ("slow", "quick", "middle")] == [3, 1, 2]
    rows = [line.split()[:2] for line in table(ran.results).splitlines()[2:5]]
    assert rows == [["1", "quick"], ["2", "middle"], ["3", "slow"]]


def test_without_usage_the_pieces_are_counted_and_it_is_said() -> None:
    with Server({"one": Model(usage=None)}) as server:
        ran = bench(server)
    one = ran.model("one")
    assert (one.completion_tokens, one.tokens_counted) == (PIECES, "pieces")
    assert ran.results is not None
    assert "~ the server gave no count of tokens" in table(ran.results)


def test_a_reply_held_back_and_sent_at_once_is_timed_as_a_whole() -> None:
    with Server({"one": Model(first=0.3, fault="burst", usage=60_000)}) as server:
        one = bench(server).model("one")
    assert one.speed_over == "reply"
    assert one.total_seconds is not None
    assert one.tokens_per_second == pytest.approx(60_000 / one.total_seconds, rel=0.01)


def test_the_first_hidden_thought_is_the_first_token() -> None:
    with Server({"one": Model(first=0.1, gap=0.02, thinking="let me think of pawns " * 4)}) as server:
        one = bench(server).model("one")
    assert one.first_token_seconds is not None
    assert one.first_token_seconds < 0.3
    assert one.thinking.startswith("let me think")
    assert one.reply == GOOD_REPLY


def test_a_server_that_refuses_stream_options_is_asked_without() -> None:
    with Server({"one": Model(fault="old", usage=None)}) as server:
        one = bench(server).model("one")
        asked = ["stream_options" in body for body in server.asked]
    assert one.state == "measured"
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("silent", "no token came in 0.6 s"),
        ("stall", "nothing came for 0.4 s after 5 pieces"),
        ("cut", "the reply was cut off after 5 pieces"),
        ("error", "the server gave up: the slot was lost"),
        ("garbled", "an event of the stream can't be read"),
        ("endless", "an event of the stream has no end"),
        ("whole", "the server does not stream"),
        ("empty", "it said nothing"),
    ],
)
def test_a_model_that_fails_is_a_line_and_the_others_go_on(fault: Fault, reason: str) -> None:
    with Server({"before": Model(), "broken": Model(fault=fault), "after": Model()}) as server:
        ran = bench(server)
    broken = ran.model("broken")
    assert broken.state == "failed"
    assert broken.reason.startswith(reason)
    assert (broken.rating, broken.rank, broken.tokens_per_second) == (None, None, None)
    assert [ran.model(name).state for name in ("before", "after")] == ["measured", "measured"]
    assert ran.results is not None
    assert ran.results.state == "done"
    assert f"failed: {reason}" in table(ran.results)


def test_a_reply_that_never_ends_is_left() -> None:
    with Server({"one": Model(reply="x" * 80_000, gap=0.01)}) as server:
        ran = bench(server)
    assert ran.model("one").reason.startswith("the reply was not finished after 5 s")


def test_a_model_that_ignores_the_limit_is_stopped() -> None:
    with Server({"one": Model(reply="x" * 8 * 50)}) as server:
        ran = bench(server, max_tokens=20)
    assert ran.model("one").reason == "it goes on beyond the 20 tokens that it was allowed"


def test_a_refusal_is_told_in_the_servers_words() -> None:
    with Server({"one": Model(status=503)}) as server:
        ran = bench(server)
    assert ran.model("one").reason == "it did not load: the server answered 503: not today"


def test_no_two_runs_send_the_same_beginning() -> None:
    """A server that keeps what it has read would answer the second time before it has read anything."""
    with Server({"one": Model()}) as server:
        bench(server)
        bench(server)
        first, second = (body["messages"] for body in server.asked)
    assert first[0]["content"].split("\n")[0] != second[0]["content"].split("\n")[0]
    assert first[0]["content"].split("\n")[1:] == second[0]["content"].split("\n")[1:]
    assert first[1] == second[1]


@pytest.mark.parametrize(
    ("reply", "examples", "hours"),
    [(json.dumps(PAIRS[:1]), 1, True), ("I would rather not.", 0, False)],
)
def test_hours_count_the_examples_that_can_be_used(reply: str, examples: int, hours: bool) -> None:
    with Server({"one": Model(reply=reply)}) as server:
        ran = bench(server)
    one = ran.model("one")
    assert one.usable_examples == examples
    assert one.total_seconds is not None
    expected = one.total_seconds / 3.6  # of seconds that are rounded too
    assert one.hours_per_1000_responses == (pytest.approx(expected, abs=0.0055) if hours else None)
