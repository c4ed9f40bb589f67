"""A whole run: discover, then load, measure, unload one model after the other, then rate all replies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aiohttp

from services.benchmark.discover import Found, discover
from services.benchmark.errors import BadPlan, ModelFailed
from services.benchmark.load import Loader, loader
from services.benchmark.plan import TEMPERATURE, Plan, key_variable
from services.benchmark.rating import DEFAULT, Rater, rater
from services.benchmark.results import Result, Results
from services.benchmark.sample import check_form, for_pasting, sample
from services.benchmark.stream import said, timed

Say = Callable[[str], None]
_WARM_UP_TOKENS: Final = 8


async def run(plan: Plan, say: Say, started: Callable[[Results], None]) -> None:
    """Does it all; `started` is handed the results, which fill as the run goes on. Raises BenchmarkError."""
    key = key_variable()
    headers = {"Authorization": f"Bearer {os.environ[key]}"} if key else {}
    # Minutes pass between two requests: servers close kept connections by then, and the next request would find out.
    connector = aiohttp.TCPConnector(force_close=True)
    patient = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(headers=headers, timeout=patient, connector=connector) as session:
        found = await discover(session, plan)
        models = chosen(found, plan)
        who = loader(session, plan, found)
        evaluator = rater(plan, found.models)
        if evaluator is not None:
            await evaluator.ready()
        prompt = sample(plan.examples)
        results = Results(
            base_url=plan.base_url,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            loader=who.name,
            prompt_sha256=hashlib.sha256(for_pasting(prompt).encode()).hexdigest(),
            examples=plan.examples,
            max_tokens=plan.max_tokens,
            temperature=TEMPERATURE,
            evaluator=evaluator.model if evaluator else None,
            left_out=list(found.left_out),
            models=[Result(model=model) for model in models],
        )
        results.write(plan.output)
        started(results)
        say(f"{_counted(len(models), 'model')} at {plan.base_url}, loaded by {who.name}")
        if found.left_out:
            say(f"left out, since they don't chat: {', '.join(found.left_out)}")
        bench = _Bench(session, plan, found, who, results, say)
        try:
            await bench.measure_all()
            if evaluator is None:
                say(f"nothing is rated: --evaluator-model names who rates ({DEFAULT} is not on this server)")
            else:
                await bench.rate_all(evaluator)
            results.state = "done"
        finally:
            if evaluator is not None:
                await evaluator.close()
            if results.state != "done":
                results.state = "stopped"
            results.rank()
            results.write(plan.output)


def chosen(found: Found, plan: Plan) -> list[str]:
    """The models to measure. Raises BadPlan where there are none."""
    models = [model for model in found.models if plan.wants(model)]
    if not models and found.models:
        raise BadPlan(f"no model matches {','.join(plan.filters)}; there are {', '.join(found.models)}")
    if not models:
        others = f", only {', '.join(found.left_out)}" if found.left_out else ""
        raise BadPlan(f"{plan.base_url} has no model that chats{others}")
    return models


class _Bench:
    """What a run works with."""

    def __init__(
        self, session: aiohttp.ClientSession, plan: Plan, found: Found, who: Loader, results: Results, say: Say
    ) -> None:
        self._session, self._plan, self._found, self._who = session, plan, found, who
        self._results, self._say = results, say

    async def measure_all(self) -> None:
        """One model after the other; one that fails is a line with its reason."""
        models = self._results.models
        for number, result in enumerate(models, start=1):
            self._say(f"[{number}/{len(models)}] {result.model} ...")
            try:
                async with self._loaded(result.model) as seconds:
                    result.load_seconds = round(seconds, 2)
                    await self._measure(result)
            except ModelFailed as error:
                result.failed(str(error))
            self._say(f"[{number}/{len(models)}] {_in_short(result)}")
            self._results.rank()
            self._results.write(self._plan.output)

    async def rate_all(self, evaluator: Rater) -> None:
        """Every reply that came. Where the evaluator can't be loaded no reply has a rating, and says so."""
        self._results.state = "rating"
        measured = self._results.ranked()
        if not measured:
            return
        self._say(f"rating {_counted(len(measured), 'reply', 'replies')} with {evaluator.model} ...")
        try:
            async with self._loaded(evaluator.on_server):
                for number, result in enumerate(measured, start=1):
                    await evaluator.rate(result, self._plan.examples, number)
                    told = f"{result.rating:.1f}" if result.rating is not None else f"no rating: {result.rating_note}"
                    self._say(f"{result.model}: {told}")
                    self._results.rank()
                    self._results.write(self._plan.output)
        except ModelFailed as error:
            for result in measured:
                result.rating_note = result.rating_note or f"the evaluator: {error}"
            self._say(f"no rating: the evaluator: {error}")

    async def _measure(self, result: Result) -> None:
        prompt = sample(self._plan.examples)
        messages = prompt.messages()
        # A server that has read these very words before would skip them, and the first token would come too soon.
        messages[0] = {**messages[0], "content": f"Request {secrets.token_hex(4)}.\n\n{messages[0]['content']}"}
        reply = await timed(
            self._session, self._plan.base_url, result.model, messages, self._plan.max_tokens, self._plan.patience
        )
        form = check_form(reply.reply, self._plan.examples, prompt.user, cut=reply.finish == "length")
        result.measured(reply, form)

    @asynccontextmanager
    async def _loaded(self, model: str | None) -> AsyncIterator[float]:
        """Has the model in memory and yields the seconds that took; unloads what it loaded itself. Raises ModelFailed.

        A first short request is part of it: many servers load only then.
        """
        if model is None:
            yield 0.0
            return
        began, instance = time.perf_counter(), None
        try:
            try:
                async with asyncio.timeout(self._plan.patience.load):
                    if model not in self._found.loaded:
                        instance = await self._who.load(model)
                    await self._warm_up(model)
            except TimeoutError:
                raise ModelFailed(f"it was not loaded after {self._plan.patience.load:g} s") from None
            yield time.perf_counter() - began
        finally:
            if instance is not None:
                await self._unload(instance)

    async def _unload(self, instance: str) -> None:
        try:
            async with asyncio.timeout(self._plan.patience.load):
                await self._who.unload(instance)
        except (ModelFailed, TimeoutError) as error:
            self._say(f"{instance} stays in memory: {error or 'unloading it took too long'}")

    async def _warm_up(self, model: str) -> None:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Say yes."}],
            "max_tokens": _WARM_UP_TOKENS,
        }
        try:
            async with self._session.post(f"{self._plan.base_url}/chat/completions", json=body) as response:
                raw = await response.read()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ModelFailed(f"it did not load: {error}") from error
        if response.status != 200:
            raise ModelFailed(f"it did not load: the server answered {response.status}: {said(raw)}")


def _counted(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _in_short(result: Result) -> str:
    if result.state == "failed":
        return f"{result.model}: failed: {result.reason}"
    return (
        f"{result.model}: {result.tokens_per_second:.1f} tokens/s, first after {result.first_token_seconds:.2f} s, "
        f"{result.total_seconds:.1f} s in all; {result.criteria['format_compliance'].reason}"
    )
