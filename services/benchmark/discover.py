"""Which models a server has: LM Studio's own list where it gives one, else the OpenAI protocol's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from services.benchmark.errors import NoServer
from services.benchmark.plan import Plan
from services.benchmark.stream import said

_NO_CHAT: Final = re.compile(
    r"embed|rerank|whisper|(?:^|[/_-])(?:bge|gte|e5|minilm|all-minilm|mxbai|colbert|tts|stt)(?:[/_.:-]|$)",
    re.IGNORECASE,
)
"""Names of models that turn text into vectors or sound, for servers that don't say what a model is for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a server has. `left_out` can't chat; `loaded` were in memory already.

    `says_state`: it says which are in memory, as only LM Studio does; `loads`: it has LM Studio's API to load and
    unload.
    """

    models: tuple[str, ...]
    left_out: tuple[str, ...]
    loaded: frozenset[str] = frozenset()
    says_state: bool = False
    loads: bool = False


async def discover(session: aiohttp.ClientSession, plan: Plan) -> Found:
    """Asks the server. Raises NoServer."""
    listed = await _get(session, f"{plan.base_url}/models", plan)
    named = _sorted_out([(str(m.get("id", "")), "") for m in _rows(listed, "data")])
    own = await _perhaps(session, f"{plan.root}/api/v1/models", plan)
    rows = [row for row in _rows(own, "models") if row.get("key") and "loaded_instances" in row]
    if rows:
        models, left_out = _sorted_out([(str(row["key"]), str(row.get("type", ""))) for row in rows])
        return Found(models, left_out, frozenset(str(r["key"]) for r in rows if r["loaded_instances"]), True, True)
    older = await _perhaps(session, f"{plan.root}/api/v0/models", plan)
    rows = [row for row in _rows(older, "data") if row.get("id") and "state" in row]
    if rows:
        models, left_out = _sorted_out([(str(row["id"]), str(row.get("type", ""))) for row in rows])
        return Found(models, left_out, frozenset(str(r["id"]) for r in rows if r["state"] == "loaded"), True)
    if not isinstance(listed, dict) or not isinstance(listed.get("data"), list):
        raise NoServer(f"{plan.base_url}/models gives no list of models: is this an OpenAI-compatible server?")
    return Found(*named)


def _sorted_out(models: list[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Models that chat and those that don't, each once, in the server's order."""
    chat, others = dict[str, None](), dict[str, None]()
    for name, kind in models:
        if name:
            no_chat = kind.startswith("embedding") if kind else _NO_CHAT.search(name)
            (others if no_chat else chat)[name] = None
    return tuple(chat), tuple(others)


def _rows(body: object, field: str) -> list[dict[str, Any]]:
    rows = body.get(field) if isinstance(body, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


async def _get(session: aiohttp.ClientSession, url: str, plan: Plan) -> object:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=plan.patience.ask)) as response:
            raw = await response.read()
            if response.status in (401, 403):
                raise NoServer(f"{url} answered {response.status}: {said(raw)} (set TEACHBACK_BENCHMARK_KEY)")
            if response.status != 200:
                raise NoServer(f"{url} answered {response.status}: {said(raw)}")
            return orjson.loads(raw)
    except TimeoutError as error:
        raise NoServer(f"{url} did not answer within {plan.patience.ask:g} s") from error
    except ValueError as error:
        raise NoServer(f"{url} does not answer with JSON") from error
    except (aiohttp.ClientError, OSError) as error:
        if isinstance(error, NoServer):
            raise
        raise NoServer(f"no server answers at {plan.base_url}: {error}") from error


async def _perhaps(session: aiohttp.ClientSession, url: str, plan: Plan) -> object:
    """As `_get`, None where the server has no such thing."""
    try:
        return await _get(session, url, plan)
    except NoServer:
        return None
