"""The one way to the models: what goes over the wire, what is tried again and when, what comes back."""

from __future__ import annotations

import asyncio
import socket
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.budget import Budget
from agents.errors import (
    BadReply,
    CallTimeout,
    MissingKey,
    RateLimited,
    RefusedCall,
    ServerError,
    Unauthorized,
    UnknownModel,
    Unreachable,
)
from agents.gateway import Gateway
from agents.models import Catalog, ModelSettings
from agents.openai_wire import seconds
from agents.verdict import Verdict
from tests.agents.conftest import MakeGateway, ask
from tests.support.farmodel import NONSENSE, FarModel, first

FREE = Budget(None)


async def test_a_plain_server_gets_what_it_wants_and_nothing_else(
    far: FarModel, make: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", "secret-of-ours")
    reply = await make(far, api_key_env="FAR_KEY").complete(ask(), FREE)

    (asked,) = far.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer secret-of-ours"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == {
        "model": "far",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is it?"}],
        "temperature": 0.0,
        "max_tokens": 40,
    }
    assert (reply.text, reply.finish_reason) == ("I have nothing to say to that.", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (5, 7)


@pytest.mark.filterwarnings("ignore:Item .* is using the `ReadOnly` qualifier")  # LiteLLM's own types, not ours
@pytest.mark.parametrize(
    "model", ["openai/far", "openai/gpt-4o-mini", "openai/gpt-5-mini", "hosted_vllm/m", "lm_studio/m", "deepseek/m"]
)
async def test_our_wire_says_what_litellm_itself_would_say(far: FarModel, make: MakeGateway, model: str) -> None:
    """The fast way around LiteLLM's call path must not say anything else than that path does."""
    import litellm

    request = ask(model=model, temperature=1.0)
    gateway = make(far, "*", api_base=far.base, reasoning_tokens=0)
    await gateway.complete(request, FREE)
    await litellm.acompletion(
        model=model, messages=request.messages, temperature=1.0, max_tokens=40, api_base=far.base, api_key="none"
    )

    ours, theirs = far.asked
    assert (await gateway.resolve(model)).kind == "openai"
    assert ours.path == theirs.path
    assert ours.body == {k: v for k, v in theirs.body.items() if k != "extra_body"}


async def test_a_schema_goes_along_as_response_format(far: FarModel, make: MakeGateway) -> None:
    schema = Verdict.model_json_schema()
    await make(far).complete(ask(schema=schema), FREE)
    assert far.asked[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Verdict", "schema": schema, "strict": True},
    }
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("words", ["'response_format' of type json_schema is not supported", "unknown: json_schema"])
async def test_a_server_without_schemas_is_asked_without_one_from_then_on(make: MakeGateway, words: str) -> None:
    with FarModel(refuse=lambda body: (400, words) if "response_format" in body else None) as far:
        gateway = make(far)
        for _ in range(3):
            assert (await gateway.complete(ask(schema=Verdict.model_json_schema()), FREE)).text
        assert ["response_format" in one.body for one in far.asked] == [True, False, False, False]


# ---------------------------------------------------------------- what is tried again
async def test_a_pause_asked_for_in_seconds_is_kept(make: MakeGateway) -> None:
    with FarModel(faults=first("limited"), retry_after="1.2") as far:
        gateway = make(far)
        assert (await gateway.complete(ask(), FREE)).text
        one, two = far.asked
        assert two.at - one.at >= 1.2
        assert gateway.retries == 1


async def test_a_pause_asked_for_as_a_date_is_kept(make: MakeGateway) -> None:
    until = time.time() + 2
    with FarModel(faults=first("limited"), retry_after=formatdate(until, usegmt=True)) as far:
        assert (await make(far).complete(ask(), FREE)).text
        assert time.time() >= int(until)
        assert len(far.asked) == 2


@pytest.mark.parametrize(
    ("said", "wait"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("", None), (None, None), ("soon", None), ("nan", None), ("inf", None)],
)
def test_retry_after_as_people_write_it(said: str | None, wait: float | None) -> None:
    assert seconds(said) == wait


@given(st.text(max_size=40))
def test_no_retry_after_can_break_or_stop_a_call(said: str) -> None:
    wait = seconds(said)
    assert wait is None or 0 <= wait < float("inf")


async def test_without_advice_the_pauses_double(make: MakeGateway) -> None:
    with FarModel(faults=first("broken", "broken")) as far:
        assert (await make(far).complete(ask(), FREE)).text
        one, two, three = (a.at for a in far.asked)
        assert two - one >= 0.5
        assert three - two >= 1.0


async def test_a_pause_that_was_asked_for_makes_the_next_one_no_longer(make: MakeGateway) -> None:
    with FarModel(faults=first("limited", "limited", "limited", "broken"), retry_after="0.01") as far:
        assert (await make(far).complete(ask(), FREE)).text
        *_, four, five = (a.at for a in far.asked)
        assert 0.5 <= five - four < 2.0  # not 0.5 * 2 ** 3


async def test_a_call_that_hangs_is_given_up_and_made_again(make: MakeGateway) -> None:
    with FarModel(faults=first("hang")) as far:
        assert (await make(far, timeout=0.3).complete(ask(), FREE)).text
        assert [a.fault for a in far.asked] == ["hang", ""]


async def test_a_body_cut_off_in_the_middle_is_no_answer(make: MakeGateway) -> None:
    with FarModel(faults=first("cut")) as far:
        assert (await make(far).complete(ask(), FREE)).text == "I have nothing to say to that."
        assert [a.fault for a in far.asked] == ["cut", ""]


@pytest.mark.parametrize(
    ("fault", "error"), [("limited", RateLimited), ("broken", ServerError), ("cut", BadReply), ("hang", CallTimeout)]
)
async def test_what_never_gets_better_ends_in_its_own_error(
    make: MakeGateway, fault: str, error: type[Exception]
) -> None:
    with FarModel(faults=lambda _key, _n: fault, retry_after="0.01") as far:  # type: ignore[arg-type, return-value]
        with pytest.raises(error, match="openai/far"):
            await make(far, timeout=0.3, max_retries=1).complete(ask(), FREE)
        assert len(far.asked) == 2


@pytest.mark.parametrize("body", ["[]", "{}", '{"choices": []}', '{"choices": [{"message": 3}]}', "<html>", "null", ""])
async def test_a_reply_in_no_known_shape_is_a_bad_reply(body: str) -> None:
    from agents.openai_wire import read_reply

    endpoint = await Gateway(
        Catalog({"openai/*": ModelSettings.model_validate({"api_base": "http://127.0.0.1:1"})})
    ).resolve("openai/far")
    with pytest.raises(BadReply, match="can't be read"):
        read_reply(endpoint, body.encode())


async def test_nonsense_is_a_reply_like_any_other_to_the_gateway(make: MakeGateway) -> None:
    with FarModel(faults=first("nonsense")) as far:
        assert (await make(far).complete(ask(), FREE)).text == NONSENSE


# ---------------------------------------------------------------- what is not
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RefusedCall), (401, Unauthorized), (403, Unauthorized), (404, UnknownModel), (422, RefusedCall)],
)
async def test_a_refusal_is_told_at_once_and_not_repeated(
    make: MakeGateway, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    monkeypatch.setenv("FAR_KEY", "secret-of-ours")
    with FarModel(refuse=lambda _: (status, "not like this")) as far:
        with pytest.raises(error, match="not like this") as raised:
            await make(far, api_key_env="FAR_KEY").complete(ask(), FREE)
        assert len(far.asked) == 1
        assert "secret-of-ours" not in f"{raised.value!r}{raised.value.__cause__!r}"


async def test_a_closed_port_is_unreachable_after_the_last_try() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port, and nobody answers on it
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        gateway = Gateway(Catalog({"openai/*": ModelSettings(api_base=base, max_retries=1)}))
        with pytest.raises(Unreachable, match="can't be reached"):
            await gateway.complete(ask(), FREE)
        await gateway.close()
    assert gateway.retries == 1


async def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingKey, match="set OPENAI_API_KEY in the service's environment"):
        await Gateway(Catalog()).complete(ask(model="gpt-4o-mini"), FREE)


# ---------------------------------------------------------------- limits, seen from the far side
async def test_no_more_calls_at_once_than_allowed(make: MakeGateway) -> None:
    with FarModel(delay=0.02) as far:
        gateway = make(far, max_concurrency=3)
        await asyncio.gather(*(gateway.complete(ask(f"Question {n}"), FREE) for n in range(24)))
        assert far.peak["far"] == 3
        assert len(far.asked) == 24


async def test_models_do_not_share_their_limits(make: MakeGateway) -> None:
    with FarModel(delay=0.05) as far:
        gateway = make(far, max_concurrency=2)
        calls = [gateway.complete(ask(f"Question {n}", model=f"openai/m{n % 3}"), FREE) for n in range(18)]
        await asyncio.gather(*calls)
        assert far.peak == {"m0": 2, "m1": 2, "m2": 2}


async def test_requests_by_the_minute_are_kept_at_the_far_side(make: MakeGateway) -> None:
    with FarModel() as far:
        gateway = make(far, rpm=120)
        await asyncio.gather(*(gateway.complete(ask(f"Question {n}"), FREE) for n in range(16)))
        arrivals = sorted(a.at for a in far.asked)
    # 12 at once, the others at (120 - 12 + 1) / 60 a second.
    assert arrivals[11] - arrivals[0] < 1.5
    for later in range(12, 16):
        assert arrivals[later] - arrivals[0] >= (later - 11) / (109 / 60) - 0.1


async def test_tokens_by_the_minute_are_kept_at_the_far_side(make: MakeGateway) -> None:
    request = ask("word " * 300, max_tokens=500)
    each = request.prompt_estimate() + request.max_tokens
    with FarModel() as far:
        gateway = make(far, tpm=each * 40)  # four at once, then a bit more than one in two seconds
        await asyncio.gather(*(gateway.complete(ask("word " * 300, max_tokens=500), FREE) for _ in range(6)))
        arrivals = sorted(a.at for a in far.asked)
    assert arrivals[5] - arrivals[0] >= 2 / 0.6 - 0.1


# ---------------------------------------------------------------- models in the process
async def test_offline_models_answer_without_a_server() -> None:
    reply = await Gateway(Catalog()).complete(ask(model="offline/student"), FREE)
    assert reply.cost == 0.0
    assert reply.text
