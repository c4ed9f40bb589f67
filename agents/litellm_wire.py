"""Every provider that is not OpenAI-shaped: LiteLLM does the whole call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from agents.errors import (
    BadReply,
    CallTimeout,
    ModelError,
    RateLimited,
    RefusedCall,
    ServerError,
    Unauthorized,
    UnknownModel,
    Unreachable,
)
from agents.models import Endpoint
from agents.openai_wire import seconds
from agents.wire import Reply, Request


async def send(endpoint: Endpoint, request: Request) -> Reply:
    """One attempt by `litellm.acompletion`. Raises ModelError."""
    import litellm
    from openai import OpenAIError

    options: dict[str, Any] = {"temperature": request.temperature, "max_tokens": request.max_tokens}
    if request.schema is not None and endpoint.json_schema:
        options["response_format"] = request.schema_format()
    if endpoint.api_base:
        options["api_base"] = endpoint.api_base
    if endpoint.api_key:
        options["api_key"] = endpoint.api_key
    timeout = endpoint.settings.timeout
    try:
        async with asyncio.timeout(timeout):
            body = await litellm.acompletion(
                model=endpoint.name, messages=request.messages, timeout=timeout, num_retries=0, max_retries=0, **options
            )
    except TimeoutError as error:
        raise CallTimeout(f"{endpoint.name}: no answer within {timeout:g} s") from error
    except OpenAIError as error:  # the root of all of LiteLLM's own errors
        raise _translate(endpoint, error) from error
    choice = body.choices[0]
    usage = getattr(body, "usage", None)
    tokens = (int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)) if usage else (0, 0)
    return Reply(
        choice.message.content or "",
        choice.finish_reason or "stop",
        *tokens,
        endpoint.price.of(*tokens) if endpoint.price else None,
        getattr(choice.message, "reasoning_content", None) or "",
    )


def _translate(endpoint: Endpoint, error: Exception) -> ModelError:
    import aiohttp
    import httpx
    from litellm import exceptions as known

    said = f"{endpoint.name}: {endpoint.unsaid(str(error))[:400]}"
    if isinstance(error, known.Timeout):
        return CallTimeout(said)
    if isinstance(error, known.RateLimitError):
        # The provider's own headers; those of `error.response` are empty, for LiteLLM makes that one up.
        headers = getattr(error, "litellm_response_headers", None) or {}
        return RateLimited(said, seconds(headers.get("retry-after")))
    if isinstance(error, (known.AuthenticationError, known.PermissionDeniedError)):
        return Unauthorized(said)
    if isinstance(error, known.NotFoundError):
        return UnknownModel(said)
    # What broke on the way LiteLLM reports as the server's error or as a lost connection, by provider; the cause knows.
    causes = list(_causes(error))
    if lost := next((c for c in causes if isinstance(c, aiohttp.ClientConnectorError)), None):
        return Unreachable(f"{endpoint.name}: {lost.host}:{lost.port} can't be reached; is its server running there?")
    if any(isinstance(c, httpx.ConnectError) for c in causes):
        return Unreachable(said)
    if any(isinstance(c, (httpx.ReadError, httpx.RemoteProtocolError)) for c in causes):
        return BadReply(said)
    if isinstance(error, (known.InternalServerError, known.ServiceUnavailableError, known.BadGatewayError)):
        return ServerError(said)
    # Without a status from the far side it is the reply that LiteLLM could not read, whatever it calls that.
    if isinstance(error, known.BadRequestError) and any(isinstance(c, httpx.HTTPStatusError) for c in causes):
        return RefusedCall(said)
    return BadReply(said)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
