"""The teacher: sees attempt, critique and the known answer, and says what was missed without giving the answer away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.line import Line, Place
from agents.prompting import Prompt, render
from agents.question import Question
from agents.replies import read_hint
from agents.sampling import SAMPLING


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model in the teacher's part."""

    line: Line
    model: str

    async def hint(
        self,
        question: Question,
        reference: str,
        thinking: str,
        answer: str,
        *,
        right: bool,
        critique: str,
        hints: Sequence[str],
        round_: int,
        attempt: int,
    ) -> str:
        """A hint for the next attempt. `right`: the answer is, and only the thinking has a flaw. `attempt`: from 1."""
        prompt = render(
            "coach_solve",
            question=question,
            reference=reference,
            thinking=thinking,
            answer=answer,
            known=right,
            critique=critique,
            hints=list(hints),
            level=len(hints) + 1,
        )
        reply = await self.line.say(
            Place("teacher", "coach", round_, attempt),
            self.model,
            "coach_solve",
            prompt,
            temperature=SAMPLING["coach_solve"].heat(attempt),
        )
        return read_hint(reply.text)

    async def hint_for_thinking(
        self,
        question: Question,
        response: str,
        thinking: str,
        *,
        critique: str,
        hints: Sequence[str],
        rules: Sequence[str],
        round_: int,
        attempt: int,
    ) -> str:
        """A hint on how to explain a given response better."""
        prompt = render(
            "coach_rationalise",
            question=question,
            response=response,
            thinking=thinking,
            critique=critique,
            hints=list(hints),
            rules=list(rules),
            level=len(hints) + 1,
        )
        reply = await self.line.say(
            Place("teacher", "coach", round_, attempt),
            self.model,
            "coach_rationalise",
            prompt,
            temperature=SAMPLING["coach_rationalise"].heat(attempt),
        )
        return read_hint(reply.text)

    async def consolidate(self, question: Question, thinking: str, round_: int) -> str:
        """The thinking as one clean line of thought."""
        prompt = render("consolidate", question=question, thinking=thinking)
        reply = await self.line.say(Place("teacher", "consolidate", round_), self.model, "consolidate", prompt)
        return reply.text.strip()

    async def propose(self, name: str, prompt: Prompt, attempt: int, temperature: float | None = None) -> str:
        """What the teacher writes to the prompt called `name`: an example made from a source. `attempt`: from 1."""
        heat = SAMPLING[name].heat(attempt) if temperature is None else temperature
        reply = await self.line.say(Place("teacher", "propose", attempt), self.model, name, prompt, temperature=heat)
        return reply.text
