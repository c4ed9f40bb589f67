"""Model names, and what an operator has said about each: address, key, limits, price.

A request names a model and nothing else. Addresses and keys come from the operator's settings and environment alone, so
that no caller can make the service talk to a host of the caller's choosing.
"""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from agents.errors import MissingKey, UnknownModel

Kind = Literal["offline", "embedded", "served", "openai", "litellm"]

OFFLINE = ("offline/student", "offline/teacher", "offline/evaluator")
SHORTEST_SECRET = 6
EMBEDDED_AT_ONCE = 4
"""Slots of the embedded server (agents/embedded/server.py --parallel)."""
EMBEDDED = ("embedded/smollm2-135m",)
_TUNED = re.compile(r"jobs/[0-9a-z]{1,32}")
"""A model that a job of the service has tuned, and the service serves itself."""
# Servers people run themselves: a key is optional and a call costs nothing unless the operator says otherwise.
LOCAL_PROVIDERS = frozenset({"hosted_vllm", "vllm", "ollama", "ollama_chat", "lm_studio", "llamafile"})
LOCAL = "hosted_vllm"
"""What `local/NAME` is to LiteLLM: any OpenAI-compatible server."""
DEFAULT_BASE = {"openai": "https://api.openai.com/v1", "lm_studio": "http://localhost:1234/v1"}
BARE_NAMES = (
    (re.compile(r"^(gpt-|chatgpt-|o\d)"), "openai"),
    (re.compile(r"^claude-"), "anthropic"),
    (re.compile(r"^gemini-"), "gemini"),
    (re.compile(r"^(mistral|ministral|codestral|magistral)-"), "mistral"),
    (re.compile(r"^deepseek-"), "deepseek"),
    (re.compile(r"^grok-"), "xai"),
)


class ModelSettings(BaseModel):
    """What the operator says about the models that a name pattern matches. Prices are US dollars a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_base: str | None = None
    api_key_env: str | None = Field(None, description="environment variable that holds the key")
    max_concurrency: int = Field(100, ge=1)
    rpm: int | None = Field(None, ge=1, description="requests a minute")
    tpm: int | None = Field(None, ge=1, description="tokens a minute, in and out")
    timeout: float = Field(120.0, gt=0, description="seconds for one call")
    max_retries: int = Field(6, ge=0)
    json_schema: bool | None = Field(None, description="whether it takes a JSON schema; None: known or found out")
    reasoning_tokens: int | None = Field(
        None, ge=0, description="tokens for hidden thinking, beside those of the reply; None: known or found out"
    )
    input_price: float | None = Field(None, ge=0)
    output_price: float | None = Field(None, ge=0)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a token."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost, in US dollars."""
        return self.prompt * prompt_tokens + self.completion * completion_tokens


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model, resolved: where it is and what is known of it."""

    name: str
    kind: Kind
    model: str
    provider: str
    settings: ModelSettings
    price: Price | None
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    json_schema: bool = True
    reasoning_tokens: int = 0
    """Room for thoughts that a call gets from the first on."""

    def unsaid(self, text: str) -> str:
        """A provider's or a library's words without the key and the address's password, which some of them repeat."""
        at = urlsplit(self.api_base or "")
        told = [self.api_key, at.password, unquote(at.password or ""), at.username if not at.password else None]
        for secret in told:
            # What is shorter is no secret, as the "none" that local servers are sent.
            if secret and len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text


class Catalog:
    """The operator's settings by name pattern; the first pattern that matches wins."""

    def __init__(self, settings: dict[str, ModelSettings] | None = None, local_api_base: str | None = None) -> None:
        self._settings = settings or {}
        self._local_api_base = local_api_base

    def canonical(self, name: str) -> str:
        """`provider/model` for a name as people write it.

        Raises UnknownModel, saying what to write instead.
        """
        if name in OFFLINE or name in EMBEDDED or _TUNED.fullmatch(name):
            return name
        head, slash, rest = name.partition("/")
        if head in ("offline", "embedded"):
            raise UnknownModel(f"there is no model {name!r}; there are {', '.join(OFFLINE + EMBEDDED)}")
        if head == "local" and rest:
            return self._local(rest)
        if not slash:
            for pattern, provider in BARE_NAMES:
                if pattern.match(name):
                    return f"{provider}/{name}"
            raise UnknownModel(
                f"model {name!r} names no provider; write provider/model, as openai/{name or 'gpt-4o-mini'}, "
                f"ollama_chat/{name or 'llama3.2'} or hosted_vllm/{name or 'my-model'}"
            )
        if not rest:
            raise UnknownModel(f"model {name!r} names a provider and no model; write {head}/MODEL")
        if self._known_provider(head):
            return name
        if self._local_api_base:  # org/name is how a model hub writes names: one that is served locally
            return self._local(name)
        raise UnknownModel(
            f"model {name!r}: {head!r} is no provider. For a model of a hub, serve it yourself (for 4-bit: "
            f"`vllm serve {name} --quantization bitsandbytes`) and write hosted_vllm/{name} with HOSTED_VLLM_API_BASE "
            f"set, or set TEACHBACK_LOCAL_API_BASE to the server's address and keep the name"
        )

    def settings_of(self, name: str) -> ModelSettings:
        """What the operator said of a canonical name, defaults where nothing was said."""
        for pattern, settings in self._settings.items():
            if fnmatch.fnmatchcase(name, pattern):
                return settings
        return ModelSettings.model_validate({})

    def resolve(self, name: str) -> Endpoint:
        """Everything needed to call a model. Imports LiteLLM (seconds) for all that are neither offline nor embedded.

        Raises UnknownModel or MissingKey.
        """
        name = self.canonical(name)
        settings = self.settings_of(name)
        if name in OFFLINE:
            return Endpoint(name, "offline", name, "offline", settings, Price(0, 0))
        if name in EMBEDDED:
            # More at once would wait in llama.cpp's queue, and waiting there counts against the timeout.
            settings = settings.model_copy(update={"max_concurrency": min(settings.max_concurrency, EMBEDDED_AT_ONCE)})
            return Endpoint(name, "embedded", name.partition("/")[2], "embedded", settings, Price(0, 0))
        if _TUNED.fullmatch(name):
            settings = settings.model_copy(update={"max_concurrency": min(settings.max_concurrency, EMBEDDED_AT_ONCE)})
            return Endpoint(name, "served", name.partition("/")[2], "jobs", settings, Price(0, 0))
        from agents import litellm_facts

        facts = litellm_facts.look_up(name, settings.api_base)
        base = settings.api_base or facts.api_base or _base_from_environment(facts.provider)
        if not base and facts.provider == LOCAL:
            base = self._local_api_base
        key = os.environ.get(settings.api_key_env) if settings.api_key_env else facts.api_key
        own = settings.api_base is not None or facts.provider in LOCAL_PROVIDERS
        if not key and not own and (missing := facts.missing_keys):
            raise MissingKey(f"model {name}: set {' and '.join(missing)} in the service's environment")
        if facts.openai_shaped and not base:
            raise UnknownModel(
                f"model {name}: no address is known for provider {facts.provider!r}; "
                f"set {facts.provider.upper()}_API_BASE in the service's environment"
            )
        return Endpoint(
            name,
            "openai" if facts.openai_shaped else "litellm",
            facts.model,
            facts.provider,
            settings,
            _price(settings, facts.price, local=own),
            base,
            key or ("none" if own else None),
            settings.json_schema if settings.json_schema is not None else facts.json_schema or own,
            facts.reasoning_tokens if settings.reasoning_tokens is None else settings.reasoning_tokens,
        )

    def _local(self, name: str) -> str:
        if not self._local_api_base:
            raise UnknownModel(
                f"model local/{name}: no local server is configured. Start one (`vllm serve {name}`, Ollama, "
                f"LM Studio, llama.cpp) and set TEACHBACK_LOCAL_API_BASE=http://127.0.0.1:8000/v1, "
                f"or use embedded/smollm2-135m"
            )
        return f"{LOCAL}/{name}"

    def _known_provider(self, head: str) -> bool:
        from agents import litellm_facts

        return any(p.startswith(f"{head}/") for p in self._settings) or litellm_facts.is_provider(head)


def _base_from_environment(provider: str) -> str | None:
    names = [f"{provider.upper()}_BASE_URL", f"{provider.upper()}_API_BASE"]
    return next((v for n in names if (v := os.environ.get(n))), DEFAULT_BASE.get(provider))


def _price(settings: ModelSettings, listed: Price | None, *, local: bool) -> Price | None:
    if settings.input_price is not None or settings.output_price is not None:
        return Price((settings.input_price or 0) / 1e6, (settings.output_price or 0) / 1e6)
    return listed or (Price(0, 0) if local else None)
