"""How each prompt is sampled."""

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
    "attempt_solve": Sampling(0.0, 320, 0.6),
    "verify_solve": Sampling(0.0, 200, 0.4),
    "judge_solve": Sampling(0.0, 320, 0.0),
    "coach_solve": Sampling(0.3, 120, 0.3),
    "consolidate": Sampling(0.0, 320, 0.0),
    "attempt_rationalise": Sampling(0.0, 220, 0.6),
    "verify_rationalise": Sampling(0.0, 160, 0.4),
    "judge_rationalise": Sampling(0.0, 320, 0.0),
    "coach_rationalise": Sampling(0.3, 120, 0.3),
}
