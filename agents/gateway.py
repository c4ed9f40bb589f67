"""Every model call goes through here: resolved, limited, retried, timed out, priced, and kept within the budget."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from agents import litellm_wire, places, telemetry
from agents.budget import Budget
from agents.errors import BadReply, BudgetExceeded, RefusedCall, ServerError, TransientError, UnknownModel, Unreachable
from agents.limits import Limiter, Limiting, Limits
from agents.models import Catalog, Endpoint
from agents.offline import speak
from agents.openai_wire import OpenAIWire
from agents.thought import apart, roomier, starved, together, with_room
from agents.wire import Reply, Request

Embedded = Callable[[], Awaitable[tuple[str, str]]]
"""Starts the embedded model where it does not run yet; returns its address and key."""


class Tuned(Protocol):
    """Serves the models that jobs have tuned."""

    async def check(self, name: str) -> None:
        """Raises where there is no such model."""

    async def reach(self, name: str) -> tuple[str, str]:
        """Starts it where it does not run yet; returns its address and key."""


LONGEST_WAIT = 60.0
"""Seconds; a provider that asks for a longer pause is asked again after this."""

_SCHEMA_WORDS = re.compile("response_format|json_schema")
"""What a refusal names where it is the JSON schema that was refused."""
_LENGTH_WORDS = re.compile(r"context|token|length|too (?:long|large|many)", re.IGNORECASE)
"""What a refusal names where it is the number of tokens that was refused."""


class Gateway:
    """One a process. `embedded` starts the embedded model on first use, `tuned` those that jobs have made.

    `limiting`: where processes beside this one call the same far models, what keeps all of them together within limits.
    """

    def __init__(
        self,
        catalog: Catalog,
        embedded: Embedded | None = None,
        tuned: Tuned | None = None,
        limiting: Limiting | None = None,
    ) -> None:
        self.catalog = catalog
        self._embedded, self._tuned, self._limiting = embedded, tuned, limiting
        self._endpoints: dict[str, Endpoint] = {}
        self._limiters: dict[str, Limits] = {}
        self._no_schema: set[str] = set()
        self._room: dict[str, int] = {}
        """Tokens for thoughts, where more were found to be needed."""
        self._wire = OpenAIWire()
        self.retries = 0
        """Attempts that had to be made again, since the start of the process."""

    async def resolve(self, name: str) -> Endpoint:
        """The endpoint of a model. Raises UnknownModel or MissingKey; of a tuned model what its `check` raises."""
        if found := self._endpoints.get(name):
            return found
        # A thread, since the first remote model imports LiteLLM, which takes seconds.
        endpoint = await asyncio.to_thread(self.catalog.resolve, name)
        if endpoint.kind == "served":
            if self._tuned is None:
                raise UnknownModel(f"model {name}: the models of jobs answer only within the service that made them")
            await self._tuned.check(name)
        if endpoint.name not in self._limiters:
            self._limiters[endpoint.name] = self._limits(endpoint)
        return self._endpoints.setdefault(name, endpoint)

    def _limits(self, endpoint: Endpoint) -> Limits:
        if self._limiting and endpoint.kind in ("openai", "litellm"):
            return self._limiting(endpoint.name, endpoint.settings)
        return Limiter(endpoint.settings)  # what runs on this machine alone is limited here

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with its address; a model of our own is started, or started anew where its process died."""
        if endpoint.kind == "served":
            assert self._tuned is not None, "resolved without"
            base, key = await self._tuned.reach(endpoint.name)
        elif endpoint.kind == "embedded":
            assert self._embedded is not None, "no embedded model in this process"
            base, key = await self._embedded()
        else:
            return endpoint
        return replace(endpoint, api_base=base, api_key=key)

    async def complete(self, request: Request, budget: Budget) -> Reply:
        """One reply. Retries what is worth it. Raises ModelError."""
        endpoint = await self.resolve(request.model)
        if endpoint.kind == "offline":
            return _speak(endpoint, request)
        if endpoint.kind not in ("openai", "litellm"):
            return await self._answer(endpoint, request, budget)
        return await self._thought_out(endpoint, request, budget)

    async def _thought_out(self, endpoint: Endpoint, request: Request, budget: Budget) -> Reply:
        """A reply for which there was room beside the model's hidden thoughts."""
        room = max(endpoint.reasoning_tokens, self._room.get(endpoint.name, 0))
        try:
            reply = await self._answer(endpoint, with_room(request, room), budget)
        except RefusedCall as error:
            if not room or not _LENGTH_WORDS.search(str(error)):
                raise
            return await self._answer(endpoint, request, budget)  # its context may hold no more beside this prompt
        while starved(reply) and endpoint.settings.reasoning_tokens is None and (room := roomier(room)):
            try:
                again = await self._answer(endpoint, with_room(request, room), budget)
            except (RefusedCall, TransientError, BudgetExceeded):
                break  # what it said is paid for, and what can be had
            if not starved(again):
                self._room[endpoint.name] = max(room, self._room.get(endpoint.name, 0))
            reply = together(reply, again)
        return reply

    async def _answer(self, endpoint: Endpoint, request: Request, budget: Budget) -> Reply:
        if endpoint.name in self._no_schema:
            endpoint = replace(endpoint, json_schema=False)
        try:
            return await self._attempt(endpoint, request, budget)
        except TransientError as error:
            return await self._again(endpoint, request, budget, error)
        except RefusedCall as error:
            if request.schema is None or not endpoint.json_schema or not _SCHEMA_WORDS.search(str(error)):
                raise
            # The server takes no JSON schema: the prompt asks for the shape in words too, and the reading is tolerant.
            self._no_schema.add(endpoint.name)
            return await self._answer(endpoint, request, budget)

    async def _attempt(self, endpoint: Endpoint, request: Request, budget: Budget) -> Reply:
        tokens = request.prompt_estimate() + request.max_tokens
        most = endpoint.price.of(tokens - request.max_tokens, request.max_tokens) if endpoint.price else 0.0
        await budget.reserve(most)
        cost = 0.0
        try:
            began = time.perf_counter()
            async with self._limiters[endpoint.name].slot(tokens):
                telemetry.waited(endpoint.name, time.perf_counter() - began)
                reply = await self._send(await self.reach(endpoint), request)
            cost = reply.cost or 0.0
            # A token is rarely more than a dozen characters: what is longer came from a server that ignores the limit.
            longest = 16 * request.max_tokens
            return reply if len(reply.text) <= longest else replace(reply, text=reply.text[:longest])
        except TransientError as error:
            if error.may_be_billed:
                cost = most
            raise
        finally:
            budget.settle(most, cost)

    async def _send(self, endpoint: Endpoint, request: Request) -> Reply:
        telemetry.reached(endpoint)
        if endpoint.kind == "litellm":
            return apart(await litellm_wire.send(endpoint, request))
        reply = await self._wire.send(endpoint, request)
        return apart(reply) if endpoint.kind == "openai" else reply

    async def _again(self, endpoint: Endpoint, request: Request, budget: Budget, first: TransientError) -> Reply:
        tries = endpoint.settings.max_retries
        if not tries:
            raise first
        pause = _Pause()
        await places.wait(pause.after(first))
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(tries),
            wait=pause,
            sleep=places.wait,
            reraise=True,
        )

        async def once() -> Reply:
            self.retries += 1
            telemetry.retried(endpoint.name, pause.cause)
            return await self._attempt(endpoint, request, budget)

        return await retrying(once)

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()


class _Pause:
    """How long one call waits before each of its further tries; a wait strategy of tenacity."""

    def __init__(self) -> None:
        self._ill = 0
        self.cause: type[TransientError] | None = None
        """What went wrong last."""

    def __call__(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, TransientError)
        return self.after(error)

    def after(self, error: TransientError) -> float:
        """Seconds, jittered upwards: what was asked for, else half a second, twice as long after each 5xx or lost way.

        A wait that was asked for, a reply that broke off and a call that ran out of its time, itself a pause, say
        nothing of how ill the provider is.
        """
        self.cause = type(error)
        base = error.retry_after
        if base is None:
            base = 0.5 * 2.0**self._ill
            self._ill += isinstance(error, ServerError | Unreachable)
        return min(LONGEST_WAIT, base) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads retries, no secret


def _speak(endpoint: Endpoint, request: Request) -> Reply:
    text = speak.reply(endpoint.name, request.messages)
    if not text:
        raise BadReply(f"{endpoint.name} had nothing to say")
    said = sum(len(m["content"]) for m in request.messages)
    return Reply(text, "stop", said // 4, len(text) // 4, 0.0)
