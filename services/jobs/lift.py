"""Measures what a kept thinking does for its student, where the student's log-probabilities can be had."""

from __future__ import annotations

import re
from functools import partial

import aiohttp
import orjson

from agents.embedded.scorer import LlamaScorer
from agents.gateway import Gateway
from agents.lift import Messages, ScoreError, lift, mask
from agents.student import prompt_for
from graphs.records import Result, Task
from graphs.rules.numbers import numbers_in, plain


class Lifter:
    """One a job. The placebo is the thinking of the row measured before."""

    def __init__(self, gateway: Gateway, student: str) -> None:
        self._gateway, self._student = gateway, student
        self._other = ""

    async def measured(self, task: Task, result: Result) -> bytes:
        """The result as stored, with its lift beside it; without one where the server can't tell probabilities."""
        body = result.model_dump(mode="json", exclude_defaults=True)
        other, self._other = self._other, result.thinking
        endpoint = await self._gateway.reach(await self._gateway.resolve(self._student))
        if endpoint.api_base is None:  # a rule-based student has no probabilities
            return orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(endpoint.settings.timeout)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            scorer = LlamaScorer(session, endpoint.api_base, endpoint.api_key or "", endpoint.model)
            try:
                found = await lift(
                    scorer,
                    partial(_messages, self._student, task),
                    thinking=result.thinking,
                    other=other,
                    answer=task.reference,
                    hide=partial(_hide, task.reference),
                )
            except ScoreError:  # evidence beside the verdict: a row without it is a row all the same
                return orjson.dumps(body)
        measured = {"plain": found.plain, "thinking": found.thinking, "masked": found.masked}
        body["lift"] = measured | ({"placebo": found.placebo} if other else {})
        return orjson.dumps(body)


def _messages(student: str, task: Task, thinking: str) -> Messages:
    if task.mode == "rationalise":
        values = {"question": task.question, "response_kind": task.response_kind, "thinking": thinking}
        return prompt_for(student, "verify_rationalise", **values).messages()
    values = {"question": task.question, "answer_kind": task.question.answer_kind, "thinking": thinking}
    return prompt_for(student, "verify_solve", **values).messages()


def _hide(reference: str, text: str) -> str:
    """The text without the reference, numbers in words included ("forty-five")."""
    bare = plain(reference)
    wanted = {n.value for n in numbers_in(bare)} if len(bare) < 40 and not re.search(r"[^\W\d_]{3,}", bare) else set()
    text = plain(text) if wanted else text
    for number in reversed(numbers_in(text)) if wanted else []:
        if number.value in wanted:
            text = f"{text[: number.start]}___{text[number.end :]}"
    return mask(text, reference)
