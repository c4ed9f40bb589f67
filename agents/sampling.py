"""How each prompt is sampled: figures from trials with a 1.5B student, and why they are what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` of the first call, `later` of every further round or sample; tokens at most."""

    temperature: float
    max_tokens: int
    later: float

    def heat(self, number: int) -> float:
        """The temperature of round or sample `number`, from 1."""
        return self.temperature if number <= 1 else self.later


SAMPLING: Final = {
    # 75 to 200 tokens for a complete attempt; what runs longer repeats itself ("Aha!" twenty times, 3.6666...) and is
    # better cut. Greedy first: a row that is right at once should be so again. 0.6 later: the student leaves its path.
    "attempt_solve": Sampling(0.0, 260, 0.6),
    # 5 to 10 tokens where the notes derive the result, which is all that is asked of them.
    "verify_solve": Sampling(0.0, 160, 0.4),
    # Two short readings, a verdict, four scores and two sentences: 120 to 180 tokens of JSON.
    "judge_solve": Sampling(0.0, 320, 0.0),
    # The teacher's own working (thrown away), the wrong sentence, the hint; cut off before the hint it says nothing.
    # A hint that the guard refused is asked for again, warmer, for the greedy one would only come back.
    "coach_solve": Sampling(0.0, 240, 0.5),
    "consolidate": Sampling(0.0, 260, 0.0),
    "attempt_rationalise": Sampling(0.0, 220, 0.6),
    "verify_rationalise": Sampling(0.0, 160, 0.4),
    "judge_rationalise": Sampling(0.0, 320, 0.0),
    "coach_rationalise": Sampling(0.0, 120, 0.5),
    "repair": Sampling(0.0, 400, 0.0),
}
