"""What is to be measured, where, and how long anything may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from services.benchmark.errors import BadPlan

KEYS: Final = ("TEACHBACK_BENCHMARK_KEY", "LM_API_TOKEN")
"""Environment variables that may hold the server's key, the first one set is taken. The second is LM Studio's own."""

TEMPERATURE: Final = 0.8
"""As personas are generated: a model is rated on what it will write."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to load a model, until its first token, between two tokens, for a whole reply, for a rating, and for a
    question about the server."""

    load: float = 600.0
    first: float = 300.0
    stall: float = 120.0
    reply: float = 1800.0
    rate: float = 900.0
    ask: float = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `base_url` is the OpenAI-protocol address without its last path (".../v1")."""

    base_url: str
    filters: tuple[str, ...] = ()
    examples: int = 2
    max_tokens: int = 2048
    evaluator: str | None = None
    output: Path | None = None
    lms: Path | None = None
    patience: Patience = field(default_factory=Patience)

    @property
    def root(self) -> str:
        """The server's address, where its own API lies beside the OpenAI protocol."""
        return self.base_url.removesuffix("/v1")

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")

    def wants(self, model: str) -> bool:
        """Whether the filter lets a model through: any of its words in the name, in whatever case."""
        return not self.filters or any(word in model.lower() for word in self.filters)


def address(given: str | None) -> str:
    """The OpenAI-protocol address: as given, else of the local server that is configured, else LM Studio's default.

    A bare host gets "/v1". Raises BadPlan.
    """
    host, port = os.environ.get("LMSTUDIO_HOST", "localhost"), os.environ.get("LMSTUDIO_PORT", "1234")
    url = given or os.environ.get("TEACHBACK_LOCAL_API_BASE") or f"http://{host}:{port}"
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise BadPlan(f"{url!r} is no address of a server; write http://HOST:PORT or http://HOST:PORT/v1")
    if parts.username is not None:
        raise BadPlan(f"the server's key belongs in {KEYS[0]}, not in its address")
    return url if parts.path else f"{url}/v1"


def words(filters: str | None) -> tuple[str, ...]:
    """The words of a comma-separated filter, in lower case."""
    return tuple(word for part in (filters or "").split(",") if (word := part.strip().lower()))


def key_variable() -> str | None:
    """The environment variable that holds the server's key, if any is set."""
    return next((name for name in KEYS if os.environ.get(name)), None)
