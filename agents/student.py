"""The student: attempts, and shows that a thinking holds by reaching the answer from it alone.

In solve mode nothing here takes a reference: what the student does not get as an argument it cannot see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agents.line import Line, Place
from agents.models import EMBEDDED
from agents.prompting import Prompt, render
from agents.question import Question, ResponseKind
from agents.replies import Attempt, read_attempt
from agents.sampling import SAMPLING

Format = Literal["iterative", "consolidated"]


def prompt_for(model: str, name: str, **values: object) -> Prompt:
    """The prompt in the words that this student understands: a very small one is told less and shown more."""
    return render(f"small/{name}" if model in EMBEDDED else name, **values)


@dataclass(frozen=True, slots=True)
class Student:
    """A model in the student's part."""

    line: Line
    model: str

    def _heat(self, name: str, number: int) -> float:
        """The temperature of round or sample `number`; a very small model leaves its path with less."""
        heat = SAMPLING[name].heat(number)
        return heat / 2 if self.model in EMBEDDED else heat

    async def attempt(
        self, question: Question, thinking: str, hints: Sequence[str], format_: Format, round_: int
    ) -> Attempt:
        """Thinking and answer. A later round is sampled warmer than the first, so that it can leave a wrong path."""
        prompt = prompt_for(
            self.model,
            "attempt_solve",
            question=question,
            answer_kind=question.answer_kind,
            thinking=thinking,
            hints=list(hints),
            format=format_,
        )
        heat = self._heat("attempt_solve", round_)
        reply = await self.line.say(
            Place("student", "attempt", round_), self.model, "attempt_solve", prompt, temperature=heat
        )
        attempt = read_attempt(reply.text, question.answer_kind)
        if not attempt.thinking and reply.reasoning:
            return Attempt(reply.reasoning.strip(), attempt.answer)
        return attempt

    async def verify(
        self, question: Question, thinking: str, round_: int, sample: int, step: str = "verify"
    ) -> Attempt:
        """A fresh attempt from the question and the thinking alone, without hints."""
        prompt = prompt_for(
            self.model, "verify_solve", question=question, answer_kind=question.answer_kind, thinking=thinking
        )
        heat = self._heat("verify_solve", sample)
        reply = await self.line.say(
            Place("student", step, round_, sample), self.model, "verify_solve", prompt, temperature=heat
        )
        return read_attempt(reply.text, question.answer_kind)

    async def rationalise(
        self,
        question: Question,
        response: str,
        response_kind: ResponseKind,
        thinking: str,
        hints: Sequence[str],
        rules: Sequence[str],
        format_: Format,
        round_: int,
        complaints: Sequence[str] = (),
    ) -> str:
        """Thinking that leads to a response which was given. `complaints`: the rules that the last one broke."""
        prompt = prompt_for(
            self.model,
            "attempt_rationalise",
            question=question,
            response=response,
            response_kind=response_kind,
            thinking=thinking,
            hints=list(hints),
            rules=list(rules),
            format=format_,
            complaints=list(complaints),
        )
        heat = self._heat("attempt_rationalise", round_)
        reply = await self.line.say(
            Place("student", "attempt", round_), self.model, "attempt_rationalise", prompt, temperature=heat
        )
        return reply.text.strip()

    async def respond(
        self,
        question: Question,
        response_kind: ResponseKind,
        thinking: str,
        round_: int,
        sample: int,
        step: str = "verify",
    ) -> str:
        """The response that the thinking alone leads to."""
        prompt = prompt_for(
            self.model, "verify_rationalise", question=question, response_kind=response_kind, thinking=thinking
        )
        heat = self._heat("verify_rationalise", sample)
        reply = await self.line.say(
            Place("student", step, round_, sample), self.model, "verify_rationalise", prompt, temperature=heat
        )
        return read_attempt(reply.text, "text").answer
