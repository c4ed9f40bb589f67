"""Gateways that reach the far model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agents.gateway import Gateway
from agents.models import Catalog, ModelSettings
from agents.wire import Request
from tests.support.farmodel import FarModel

MakeGateway = Callable[..., Gateway]


@pytest.fixture
async def make() -> AsyncIterator[MakeGateway]:
    """Makes a gateway whose models, all those that match `pattern`, are at a far model; settings as keywords."""
    made: list[Gateway] = []

    def gateway(far: FarModel, pattern: str = "openai/*", /, **settings: Any) -> Gateway:
        base = far.base if pattern.startswith("openai/") else far.root
        catalog = Catalog({pattern: ModelSettings.model_validate({"api_base": base, "timeout": 20, **settings})})
        made.append(Gateway(catalog))
        return made[-1]

    yield gateway
    for one in made:
        await one.close()


def ask(text: str = "What is it?", **more: Any) -> Request:
    """A request to the far model."""
    fields = {"model": "openai/far", "temperature": 0.0, "max_tokens": 40, **more}
    return Request(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}], **fields)
