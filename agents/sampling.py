"""How each prompt is sampled: what was seen of a 1.5B student, and what was not tried."""

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
    # Complete attempts of a 1.5B student took 70 to 202 tokens (38 seen), those of eight steps were cut off at 260:
    # room for the 1,500 characters that the style allows. Greedy first: a row that is right at once should be so again.
    # Warmer later, so that a student with a new hint leaves its old path.
    "attempt_solve": Sampling(0.0, 420, 0.6),
    # 5 to 9 tokens where the notes derive the result, which is all that is asked: 21 of 21 such results were reached.
    "verify_solve": Sampling(0.0, 160, 0.4),
    # Room for two short readings, a verdict, four scores, two sentences: JSON that is cut off is no verdict. Not tried.
    "judge_solve": Sampling(0.0, 320, 0.0),
    # The teacher's own working (thrown away), the wrong sentence, the hint; cut off before the hint it says nothing.
    # A hint that the guard refused has to be asked for warmer, for the greedy one would only come back.
    "coach_solve": Sampling(0.0, 240, 0.5),
    # What follows is set by the same rules of thumb and was not tried on a model.
    "consolidate": Sampling(0.0, 260, 0.0),
    "attempt_rationalise": Sampling(0.0, 220, 0.6),
    "verify_rationalise": Sampling(0.0, 160, 0.4),
    "judge_rationalise": Sampling(0.0, 320, 0.0),
    "coach_rationalise": Sampling(0.0, 120, 0.5),
    # Four reasons of a sentence take some 250 tokens; the rest is room for an evaluator that thinks before it writes.
    "rate_benchmark": Sampling(0.0, 2000, 0.0),
    # 150-600 words of the AI with the JSON around them. Warm from the first: one being, never the same words.
    "propose_inner_life": Sampling(0.8, 1400, 0.9),
    "rate_inner_life": Sampling(0.0, 320, 0.0),
    "repair": Sampling(0.0, 400, 0.0),
    # A request has 5 to 40 words. Warm, so that the same call is asked for in other words each time.
    "propose_command": Sampling(0.8, 120, 0.7),
    "propose_doubt": Sampling(0.9, 120, 0.7),
    "rate_command": Sampling(0.0, 220, 0.0),
    # A quote of up to 150 words, and three short fields; warmer when another passage is asked for.
    "propose_passage": Sampling(0.2, 400, 0.7),
    "rate_passage": Sampling(0.0, 220, 0.0),
    # A question and 3 to 6 sentences take 90 to 220 tokens as JSON. Warm from the start: variety is what is wanted.
    "propose_chat": Sampling(0.8, 500, 0.9),
    # One sentence and five numbers.
    "rate_chat": Sampling(0.0, 220, 0.0),
    # Two readings of some words, three values and a sentence.
    "judge_sample": Sampling(0.0, 260, 0.0),
}
