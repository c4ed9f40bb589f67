"""Names as people write them, and what an operator's settings make of each."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agents.errors import MissingKey, UnknownModel
from agents.models import Catalog, ModelSettings, Price


def settings(**fields: object) -> ModelSettings:
    return ModelSettings.model_validate(fields)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
        ("o3-mini", "openai/o3-mini"),
        ("chatgpt-4o-latest", "openai/chatgpt-4o-latest"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("mistral-small-latest", "mistral/mistral-small-latest"),
        ("deepseek-chat", "deepseek/deepseek-chat"),
        ("grok-3", "xai/grok-3"),
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("ollama_chat/llama3.2", "ollama_chat/llama3.2"),
        ("offline/student", "offline/student"),
        ("embedded/smollm2-135m", "embedded/smollm2-135m"),
    ],
)
def test_bare_names_get_their_provider(written: str, meant: str) -> None:
    assert Catalog().canonical(written) == meant


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("llama3.2", "ollama_chat/llama3.2"),
        ("", "openai/gpt-4o-mini"),
        ("openai/", "write openai/MODEL"),
        ("offline/poet", "offline/student, offline/teacher, offline/evaluator"),
        ("embedded/gpt-9", "embedded/smollm2-135m"),
        ("local/phi", "TEACHBACK_LOCAL_API_BASE"),
        ("unsloth/Phi-3.5-mini-instruct", "hosted_vllm/unsloth/Phi-3.5-mini-instruct"),
        ("no-such-provider/m", "is no provider"),
    ],
)
def test_an_unknown_name_is_refused_with_what_to_write_instead(written: str, advice: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        Catalog().canonical(written)
    assert advice in str(raised.value)
    assert written in str(raised.value)


@pytest.mark.parametrize("name", ["local/phi", "unsloth/Phi-3.5-mini-instruct"])
def test_names_of_a_hub_are_served_by_the_local_server(name: str) -> None:
    catalog = Catalog(None, "http://127.0.0.1:8000/v1")
    endpoint = catalog.resolve(name)
    assert endpoint.name == f"hosted_vllm/{name.removeprefix('local/')}"
    assert (endpoint.kind, endpoint.api_base) == ("openai", "http://127.0.0.1:8000/v1")
    assert endpoint.price == Price(0, 0)
    assert catalog.resolve(endpoint.name) == endpoint  # a job keeps the whole name


def test_the_first_pattern_that_matches_counts() -> None:
    catalog = Catalog({"openai/gpt-4*": settings(max_concurrency=2), "openai/*": settings(max_concurrency=7)})
    assert catalog.settings_of("openai/gpt-4o").max_concurrency == 2
    assert catalog.settings_of("openai/o3").max_concurrency == 7
    assert catalog.settings_of("anthropic/claude").max_concurrency == 100


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_concurency"):
        settings(max_concurency=3)


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("openai/gpt-4o-mini", ["OPENAI_API_KEY"]),
        ("anthropic/claude-sonnet-4-5", ["ANTHROPIC_API_KEY"]),
        ("gemini/gemini-2.5-flash", ["GEMINI_API_KEY"]),
        ("mistral/mistral-small-latest", ["MISTRAL_API_KEY"]),
    ],
)
def test_a_missing_key_is_told_by_the_name_of_its_variable(
    model: str, variables: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingKey) as raised:
        Catalog().resolve(model)
    assert all(name in str(raised.value) for name in variables)


def test_keys_come_from_the_environment_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-usual-key")
    monkeypatch.setenv("TEAM_KEY", "the-key-of-the-team")
    assert Catalog().resolve("gpt-4o-mini").api_key == "the-usual-key"
    endpoint = Catalog({"openai/*": settings(api_key_env="TEAM_KEY")}).resolve("gpt-4o-mini")
    assert endpoint.api_key == "the-key-of-the-team"
    assert "the-key" not in repr(endpoint)


def test_addresses_come_from_settings_then_the_environment_then_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert Catalog().resolve("gpt-4o-mini").api_base == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:1/v1")
    assert Catalog().resolve("gpt-4o-mini").api_base == "http://127.0.0.1:1/v1"
    mine = Catalog({"openai/*": settings(api_base="http://127.0.0.1:2/v1")})
    assert mine.resolve("gpt-4o-mini").api_base == "http://127.0.0.1:2/v1"


def test_prices_are_the_operators_then_the_lists_then_nothing_at_home_and_else_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert Catalog({"openai/*": settings(input_price=2, output_price=4)}).resolve("openai/gpt-4o-mini").price == Price(
        2e-6, 4e-6
    )
    assert Catalog().resolve("openai/gpt-4o-mini").price == Price(1.5e-07, 6e-07)
    assert Catalog({"openai/*": settings(api_base="http://127.0.0.1:2/v1")}).resolve("openai/mine").price == Price(0, 0)
    assert Catalog().resolve("openai/not-listed-anywhere").price is None


@pytest.mark.parametrize("name", ["offline/student", "embedded/smollm2-135m"])
def test_models_of_our_own_cost_nothing_and_need_no_key(name: str) -> None:
    endpoint = Catalog().resolve(name)
    assert endpoint.kind == name.partition("/")[0]
    assert endpoint.price == Price(0, 0)
    assert endpoint.api_key is None
