"""OpenAI-shaped providers: LiteLLM translates, one aiohttp session carries.

LiteLLM's own call path costs milliseconds of CPU a call (its bookkeeping, and a pool that is scanned on every request);
its translation of a request costs microseconds. So only the translation is used here, and the reply, whose shape is by
definition OpenAI's, is read as it stands.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson

from agents.errors import (
    BadReply,
    CallTimeout,
    RateLimited,
    RefusedCall,
    ServerError,
    Unauthorized,
    UnknownModel,
    Unreachable,
)
from agents.models import Endpoint
from agents.wire import Reply, Request


class Translation(NamedTuple):
    """Where a model's requests go, with which headers, and LiteLLM's translation of their bodies."""

    url: str
    headers: dict[str, str]
    config: Any
    proxy: str | None


class OpenAIWire:
    """One keep-alive session for every OpenAI-shaped provider."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._translations: dict[tuple[str, str | None], Translation] = {}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # The per-model limiter bounds the connections. (`trust_env` looks proxies up in a thread, twice a call.)
            # Each call has its model's own timeout; aiohttp's would cut those off that may take more than five minutes.
            unbounded = aiohttp.ClientTimeout(total=None, sock_connect=30)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=unbounded)
        return self._session

    async def close(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()

    async def send(self, endpoint: Endpoint, request: Request) -> Reply:
        """One attempt. Raises ModelError."""
        key = (endpoint.name, endpoint.api_base)
        url, headers, config, proxy = self._translations.get(key) or self._translations.setdefault(
            key, _translate(endpoint)
        )
        asked = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        options = config.map_openai_params(asked, {}, endpoint.model, True)
        if request.schema is not None and endpoint.json_schema:
            options["response_format"] = request.schema_format()
        body = config.transform_request(endpoint.model, request.messages, options, {}, headers)
        if request.extra:
            body |= request.extra
        try:
            async with (
                asyncio.timeout(endpoint.settings.timeout),
                self._open().post(url, data=orjson.dumps(body), headers=headers, proxy=proxy) as response,
            ):
                raw = await response.read()
                status, retry_after = response.status, response.headers.get("retry-after")
        except TimeoutError as error:
            raise CallTimeout(f"{endpoint.name}: no answer within {endpoint.settings.timeout:g} s") from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as error:
            raise BadReply(f"{endpoint.name}: the answer was cut off") from error
        except (aiohttp.ClientError, OSError) as error:
            said = endpoint.unsaid(f"{endpoint.api_base} can't be reached: {error}")
            raise Unreachable(f"{endpoint.name}: {said}") from error
        if status != 200:
            # Outside the try: Unauthorized is a PermissionError, and as an OSError it would read as a lost connection.
            _refuse(endpoint, status, retry_after, raw)
        return read_reply(endpoint, raw)


def _translate(endpoint: Endpoint) -> Translation:
    from agents import litellm_facts

    config = litellm_facts.look_up(
        f"openai/{endpoint.model}" if endpoint.kind in ("embedded", "served") else endpoint.name, endpoint.api_base
    ).config
    headers = config.validate_environment({}, endpoint.model, [], {}, {}, endpoint.api_key, endpoint.api_base)
    headers["Content-Type"] = "application/json"
    url = config.get_complete_url(endpoint.api_base, endpoint.api_key, endpoint.model, {}, {})
    parts = urlsplit(url)
    if parts.username is not None:  # aiohttp refuses it beside the header, and a header stands in no error's address
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Translation(url, headers, config, _proxy(url))


def _proxy(url: str) -> str | None:
    """The proxy that the environment wants for this address."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def read_reply(endpoint: Endpoint, raw: bytes) -> Reply:
    """The reply in an OpenAI-shaped body. Raises BadReply."""
    try:
        body = orjson.loads(raw)
        choice = body["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
        usage = body.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        begin = endpoint.unsaid(raw.decode(errors="replace"))[:200]
        raise BadReply(f"{endpoint.name}: the answer can't be read: {begin!r}") from error
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    cost = endpoint.price.of(*tokens) if endpoint.price else None
    return Reply(
        text, choice.get("finish_reason") or "stop", *tokens, cost, reasoning if isinstance(reasoning, str) else ""
    )


def _refuse(endpoint: Endpoint, status: int, retry_after: str | None, raw: bytes) -> None:
    # Before it is cut short: half a key is found by nobody who looks for the whole.
    raw = endpoint.unsaid(raw.decode(errors="replace")).encode()
    said = f"{endpoint.name} answered {status}: {_message(raw)}"
    if status == 429:
        raise RateLimited(said, seconds(retry_after))
    if status in (408, 425) or status >= 500:
        raise ServerError(said)
    if status in (401, 403):
        raise Unauthorized(f"{said} (check the key of provider {endpoint.provider!r} in the service's environment)")
    if status == 404:
        raise UnknownModel(said)
    raise RefusedCall(said)


def _message(raw: bytes) -> str:
    try:
        error = orjson.loads(raw)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError):
        return raw[:200].decode(errors="replace")


def seconds(retry_after: str | None) -> float | None:
    """A `Retry-After` header in seconds: a number, or an HTTP date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    try:
        wait = float(retry_after)
        return max(0.0, wait) if isfinite(wait) else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (ValueError, OverflowError):
        return None
