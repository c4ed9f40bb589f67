"""The models that the settings name: whether they can be called, and whether their price is known. Calls none."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any, Final

import platformdirs

from agents.embedded.weights import MODEL, EmbeddedUnavailable, packaged
from agents.errors import MissingKey, UnknownModel
from agents.models import Catalog, Endpoint
from services.configuration import masking
from services.doctor.findings import Finding, ok, problem, size, warning
from services.settings import Settings

_PATIENCE: Final = 5.0
"""Seconds for a server's answer."""
_LARGEST: Final = 4 << 20
"""Bytes of a list of models."""
_FEW: Final = 3


def models(settings: Settings) -> Iterator[Finding]:
    """A finding for each model that plays a part, and one for each key that is named and not there.

    A model of a provider is looked up in LiteLLM, whose import takes seconds; then its server is asked for its list of
    models, which costs nothing.
    """
    yield from _keys(settings)
    parts: dict[str, list[str]] = {}
    for part, name in (
        ("student", settings.student),
        ("teacher", settings.teacher),
        ("evaluator", settings.judge_for(settings.teacher)),
    ):
        parts.setdefault(name, []).append(part)
    catalog = Catalog(settings.models, settings.local_api_base)
    for name, played in parts.items():
        yield _model(catalog, name, f"{' and '.join(played)} {name}")


def _keys(settings: Settings) -> Iterator[Finding]:
    for pattern, said in settings.models.items():
        check, named = f"models {pattern}", said.api_key_env
        if named and not masking.is_variable(named):
            found = "api_key_env is to name an environment variable, and holds something else"
            yield problem(check, found, "set the key in the environment and write the variable's name here")
        elif named and not os.environ.get(named):
            yield problem(check, f"{named} is not set", "set it in the service's environment")


def _model(catalog: Catalog, name: str, check: str) -> Finding:
    try:
        endpoint = catalog.resolve(name)
    except MissingKey as error:
        return problem(check, "its key is missing", str(error).partition(": ")[2] or str(error))
    except UnknownModel as error:
        found, _, advice = str(error).partition("; ")
        return problem(check, found, advice or "write provider/model")
    if endpoint.kind == "offline":
        return ok(check, "offline: always there, costs nothing")
    if endpoint.kind == "embedded":
        return _embedded(check)
    if endpoint.kind == "served":
        return ok(check, "a model that a job has tuned; the service serves it itself")
    reached = asyncio.run(_reached(check, endpoint))
    if reached.status == "ok" and endpoint.price is None:
        advice = f"set input_price and output_price for {name} in `models`; until then a budget can't be held to"
        return warning(check, f"{reached.found}; its price is not known", advice)
    return reached


def _embedded(check: str) -> Finding:
    try:
        packed = packaged()
    except EmbeddedUnavailable as error:
        found, _, advice = str(error).partition(": ")
        return problem(check, found, advice)
    made = any((platformdirs.user_cache_path("teachback") / "models").glob(f"{MODEL}-instruct-f16-*.gguf"))
    copy = "its F16 copy is made" if made else "its F16 copy (271 MB) is made at the first use"
    return ok(check, f"weights are there ({size(packed.stat().st_size)}); {copy}")


async def _reached(check: str, endpoint: Endpoint) -> Finding:
    """Asks the server for its models; one that is not OpenAI's kind only has to answer."""
    import aiohttp  # a third of a second, and only where there is a server to ask

    if not endpoint.api_base:
        return ok(check, "its key is there; LiteLLM alone knows its address, so its server was not asked")
    shown = masking.address(endpoint.api_base)
    openai = endpoint.kind == "openai"
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if openai and endpoint.api_key else {}
    url = f"{endpoint.api_base.rstrip('/')}/models" if openai else endpoint.api_base
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            aiohttp.ClientSession(trust_env=True) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            status, body = answer.status, await answer.content.read(_LARGEST)
    except TimeoutError:
        return problem(
            check, f"{shown} gives no answer in {_PATIENCE:.0f} s", "look after that server, or the way to it"
        )
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return problem(check, f"nobody answers at {shown} ({why})", "start that server, or correct its address")
    if not openai:
        return ok(check, f"{shown} answers")
    if status in (401, 403):
        return problem(
            check, f"{shown} refuses the key (HTTP {status})", "set the right one in the service's environment"
        )
    if status >= 500:
        return warning(check, f"{shown} answers HTTP {status}", "look after that server")
    if status != 200:
        return ok(check, f"{shown} answers, and shows no list of its models (HTTP {status})")
    return _listed(check, endpoint.model, shown, body)


def _listed(check: str, model: str, shown: str, body: bytes) -> Finding:
    try:
        told: Any = json.loads(body)
        names = [str(one["id"]) for one in told["data"]]
    except (ValueError, TypeError, KeyError):
        return ok(check, f"{shown} answers")
    if names and model not in names:
        few = ", ".join(names[:_FEW]) + (", ..." if len(names) > _FEW else "")
        advice = "name one of its models; a name that it takes without listing it does no harm"
        return warning(check, f"{shown} answers, and does not list {model} among its models ({few})", advice)
    return ok(check, f"{shown} answers" + (", and has the model" if names else ""))
