"""The evaluator: a model that compares before it scores. What can be known exactly is never asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.line import Line, Place, Shape
from agents.prompting import Prompt, render
from agents.question import Question
from agents.verdict import Comparison, Verdict


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A model in the evaluator's part."""

    line: Line
    model: str

    async def judge(
        self,
        question: Question,
        reference: str,
        thinking: str,
        answer: str,
        *,
        known: bool | None,
        round_: int,
        step: str = "judge",
        attempt: int = 1,
    ) -> Verdict:
        """Whether the answer is right (`known`: what an exact oracle said), and how good the thinking is.

        Raises UnreadableReply.
        """
        prompt = render(
            "judge_solve", question=question, reference=reference, thinking=thinking, answer=answer, known=known
        )
        return await self.line.ask(
            Place("evaluator", step, round_, attempt), self.model, "judge_solve", prompt, Verdict
        )

    async def judge_thinking(
        self,
        question: Question,
        response: str,
        thinking: str,
        rules: Sequence[str],
        *,
        round_: int,
        step: str = "judge",
    ) -> Verdict:
        """Whether the thinking says why this response is right. Raises UnreadableReply."""
        prompt = render("judge_rationalise", question=question, response=response, thinking=thinking, rules=list(rules))
        return await self.line.ask(Place("evaluator", step, round_), self.model, "judge_rationalise", prompt, Verdict)

    async def rate(self, name: str, prompt: Prompt, shape: type[Shape], attempt: int) -> Shape:
        """The rating of a made example, in its recipe's own shape. Raises UnreadableReply."""
        return await self.line.ask(Place("evaluator", "rate", attempt), self.model, name, prompt, shape)

    async def compare(self, question: Question, reference: str, answer: str, number: int) -> Comparison:
        """A model's answer, its `number`-th draw, held against the ideal one. Raises UnreadableReply."""
        prompt = render("judge_sample", question=question, reference=reference, answer=answer)
        return await self.line.ask(
            Place("evaluator", "compare", number), self.model, "judge_sample", prompt, Comparison
        )
