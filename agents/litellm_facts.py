"""LiteLLM, imported once and late, and what it knows of a model. Importing this module takes seconds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Without these LiteLLM fetches a price list when it is imported, and a list of headers at the first call to Anthropic.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
# Its errors reach our users, who have no use for a link to its bug tracker.
os.environ.setdefault("LITELLM_DISABLE_BUG_REPORT_LINK", "True")

import litellm
from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

from agents.errors import UnknownModel
from agents.models import Price
from agents.thought import ROOM, WHEN_ASKED

litellm.suppress_debug_info = True
litellm.telemetry = False
litellm.drop_params = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What LiteLLM knows of a model. `price` is None where its list has none."""

    model: str
    provider: str
    openai_shaped: bool
    api_base: str | None
    api_key: str | None
    missing_keys: tuple[str, ...]
    price: Price | None
    json_schema: bool
    reasoning_tokens: int
    config: Any


@lru_cache
def is_provider(name: str) -> bool:
    """Whether `name/...` can be a model name."""
    return any(name == getattr(p, "value", p) for p in litellm.provider_list)


def look_up(name: str, api_base: str | None = None) -> Facts:
    """Facts of a canonical `provider/model` name. Raises UnknownModel."""
    try:
        model, provider, key, base = litellm.get_llm_provider(name, api_base=api_base)
    except litellm.exceptions.BadRequestError as error:
        raise UnknownModel(f"model {name!r}: no provider of that name; write provider/model") from error
    config = ProviderConfigManager.get_provider_chat_config(model=model, provider=LlmProviders(provider))
    # Same wire, same reply: a provider that overrides how a reply is read is left to LiteLLM as a whole.
    plain = (
        isinstance(config, OpenAIGPTConfig)
        and type(config).transform_response is OpenAIGPTConfig.transform_response
        and type(config).sign_request is OpenAIGPTConfig.sign_request
    )
    missing = litellm.validate_environment(name)["missing_keys"]
    return Facts(
        model,
        provider,
        plain,
        base,
        key or os.environ.get(f"{provider.upper()}_API_KEY"),
        tuple(m for m in missing if m.endswith(("KEY", "TOKEN"))),
        _listed_price(name),
        bool(litellm.supports_response_schema(name)),
        ROOM[0] if litellm.supports_reasoning(name) and not WHEN_ASKED.search(name) else 0,
        config,
    )


def _listed_price(name: str) -> Price | None:
    try:
        info = litellm.get_model_info(name)
    except Exception:  # noqa: BLE001 - its type has changed between releases; a model without a price is no error
        return None
    prompt, completion = info.get("input_cost_per_token"), info.get("output_cost_per_token")
    return None if prompt is None or completion is None else Price(prompt, completion)
