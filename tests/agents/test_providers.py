"""Providers that are not OpenAI-shaped, by LiteLLM's own call, against servers of their shape."""

from __future__ import annotations

import pytest

from agents.budget import Budget
from agents.errors import BadReply, CallTimeout, RateLimited, RefusedCall, ServerError, Unauthorized, Unreachable
from agents.gateway import Gateway
from agents.models import Catalog, ModelSettings
from agents.thought import ROOM
from agents.verdict import Verdict
from tests.agents.conftest import MakeGateway, ask
from tests.docs.ollama import Ollama
from tests.support.farmodel import FarModel, first

FREE = Budget(None)
CLAUDE, GEMINI = "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"
VERDICT = (
    '{"student": "a", "reference": "a", "right": true,'
    ' "facts": 1, "steps": 1, "reaches": 1, "concise": 1, "critique": "."}'
)
both = pytest.mark.parametrize("model", [CLAUDE, GEMINI])
# Warnings that LiteLLM's own types give when they are made.
pytestmark = pytest.mark.filterwarnings("ignore:Item .* is using the `ReadOnly` qualifier", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that no provider knows."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "claude-key")
    monkeypatch.setenv("GEMINI_API_KEY", "gemini-key")


async def test_anthropic_is_spoken_to_in_its_own_way(far: FarModel, make: MakeGateway) -> None:
    reply = await make(far, "anthropic/*").complete(ask(model=CLAUDE), FREE)
    (asked,) = far.asked
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == "claude-key"
    assert asked.body["model"] == "claude-sonnet-4-5"
    assert asked.body["max_tokens"] == 40
    assert asked.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "What is it?"}]}]
    assert asked.body["system"][0]["text"] == "Be brief."
    assert (reply.text, reply.finish_reason) == ("I have nothing to say to that.", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (5, 7)
    assert reply.cost == pytest.approx((5 * 3 + 7 * 15) / 1e6)


async def test_gemini_is_spoken_to_in_its_own_way(far: FarModel, make: MakeGateway) -> None:
    reply = await make(far, "gemini/*").complete(ask(model=GEMINI), FREE)
    (asked,) = far.asked
    assert asked.path == "/models/gemini-2.5-flash:generateContent"
    assert asked.headers["x-goog-api-key"] == "gemini-key"
    assert asked.body["contents"] == [{"role": "user", "parts": [{"text": "What is it?"}]}]
    assert asked.body["system_instruction"] == {"parts": [{"text": "Be brief."}]}
    assert asked.body["generationConfig"]["max_output_tokens"] == 40 + ROOM[0]
    assert reply.text == "I have nothing to say to that."
    assert (reply.prompt_tokens, reply.completion_tokens) == (5, 7)
    assert reply.cost == pytest.approx((5 * 0.3 + 7 * 2.5) / 1e6)


@pytest.mark.parametrize("model", [CLAUDE, "anthropic/claude-3-5-haiku-latest", GEMINI])
async def test_a_verdict_comes_in_the_shape_that_was_asked_for(make: MakeGateway, model: str) -> None:
    """By a schema of the provider's own, or, for models without one, as the arguments of a tool."""
    with FarModel(say=lambda _: VERDICT) as far:
        gateway = make(far, "*", json_schema=True)
        reply = await gateway.complete(ask(model=model, schema=Verdict.model_json_schema()), FREE)
        assert Verdict.model_validate_json(reply.text).right
        assert '"critique"' in str(far.asked[0].body).replace("'", '"')


async def test_an_ollama_model_that_thinks_first_is_given_room() -> None:
    with Ollama(thinks=500) as ollama:
        gateway = Gateway(Catalog({"*": ModelSettings(api_base=ollama.base)}))
        reply = await gateway.complete(ask("What is 2 + 2?", model="ollama_chat/qwen3:4b"), FREE)
        await gateway.close()
    assert reply.text
    assert reply.text.count("Hm.") == 0
    assert reply.reasoning.startswith("Hm. Hm.")
    assert reply.finish_reason == "stop"


@both
async def test_a_429_is_waited_off_as_long_as_it_asks(make: MakeGateway, model: str) -> None:
    with FarModel(faults=first("limited"), retry_after="1.2") as far:
        gateway = make(far, "*")
        assert (await gateway.complete(ask(model=model), FREE)).text
        one, two = far.asked  # LiteLLM itself must not have tried in between
        assert two.at - one.at >= 1.2
        assert gateway.retries == 1


@both
@pytest.mark.parametrize(
    ("fault", "error"),
    [("limited", RateLimited), ("broken", ServerError), ("cut", BadReply), ("hang", CallTimeout)],
)
async def test_what_fails_is_the_same_error_as_anywhere(
    make: MakeGateway, model: str, fault: str, error: type[Exception]
) -> None:
    with FarModel(faults=lambda _key, _n: fault) as far:  # type: ignore[arg-type, return-value]
        with pytest.raises(error, match=model):
            await make(far, "*", timeout=1, max_retries=0).complete(ask(model=model), FREE)
        assert len(far.asked) == 1


@both
@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (400, RefusedCall)])
async def test_a_refusal_is_told_at_once(make: MakeGateway, model: str, status: int, error: type[Exception]) -> None:
    with FarModel(refuse=lambda _: (status, "not like this")) as far:
        with pytest.raises(error, match="not like this") as raised:
            await make(far, "*").complete(ask(model=model), FREE)
        assert len(far.asked) == 1
        assert "-key" not in str(raised.value)


@both
async def test_a_closed_port_is_unreachable(model: str) -> None:
    gateway = Gateway(Catalog({"*": ModelSettings(api_base="http://127.0.0.1:9", max_retries=0)}))
    with pytest.raises(Unreachable):
        await gateway.complete(ask(model=model), FREE)


async def test_a_local_server_that_does_not_run_is_named() -> None:
    gateway = Gateway(Catalog({"*": ModelSettings(api_base="http://127.0.0.1:9", max_retries=0)}))
    with pytest.raises(Unreachable, match=r"^ollama_chat/m: 127\.0\.0\.1:9 can't be reached; is its server running"):
        await gateway.complete(ask(model="ollama_chat/m"), FREE)


@both
@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b"<html>", b'{"candidates": [], "content": []}'])
async def test_a_reply_in_no_known_shape_is_a_bad_reply(make: MakeGateway, model: str, body: bytes) -> None:
    with FarModel(raw=body) as far, pytest.raises(BadReply):
        await make(far, "*", max_retries=0).complete(ask(model=model), FREE)
