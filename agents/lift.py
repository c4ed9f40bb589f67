"""How much a thinking helps its student to the answer, in log-probability: beside the verdict, a measured number.

Four arms hold the same question and the same answer, token for token; they differ in what stands in the notes:

    plain      nothing
    thinking   the thinking itself
    placebo    the thinking of another row: for a small student any text may raise a short answer
    masked     the thinking with every span that bears the answer blanked out

`over_plain` is log p(answer | question, thinking) - log p(answer | question). A thinking that only states the answer
wins there, and over both placebos too. What tells the two apart is `without_answer`: the help that is left when the
answer is blanked out. Means over ten GSM8K rows, SmolLM2-135M, nats a token:

                         over_plain  over_placebo  without_answer
    worked solution           +1.82         +1.51           +0.29
    "The answer is 45."       +2.19         +2.18            0.00
    first step alone          -0.37         +0.20           -0.39
    another row's             -0.29         +0.07           -0.24
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from agents.errors import ModelError

Messages = list[dict[str, str]]

BLANK: Final = "___"

_NUMBER: Final = re.compile(r"(?<![\d.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\d])")


class ScoreError(ModelError):
    """The student's log-probability of an answer can't be had, or was had for other tokens than in another arm."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer as a model sees it: its token ids, and the sum of their log-probabilities in nats."""

    tokens: tuple[int, ...]
    logprob_sum: float

    @property
    def token_count(self) -> int:
        """Tokens the answer has, at least 1."""
        return len(self.tokens)

    @property
    def mean(self) -> float:
        """Nats a token."""
        return self.logprob_sum / len(self.tokens)


class Scorer(Protocol):
    """Whoever can say how probable a given answer is; agents.embedded.scorer does for llama.cpp."""

    async def score(self, messages: Messages, answer: str) -> Scored:
        """The model's own log-probability of `answer` as its answer to `messages`. Raises ScoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Lift:
    """The four arms in nats a token of the answer (0 at most, more is better), and what follows from them."""

    plain: float
    thinking: float
    placebo: float
    masked: float
    tokens: int
    states_answer: bool
    """Whether the thinking names the answer at all; where not, `masked` is the `thinking` arm."""

    @property
    def over_plain(self) -> float:
        """Gain over the question alone."""
        return self.thinking - self.plain

    @property
    def over_placebo(self) -> float:
        """Gain over the best placebo: below or near 0, what helped was not this thinking."""
        return self.thinking - (max(self.placebo, self.masked) if self.states_answer else self.placebo)

    @property
    def without_answer(self) -> float:
        """What the masked thinking gains over the best of nothing and another row's: bare statements gain nothing here.

        Near 0 is no proof against a thinking: a small student often can't take the last step by itself.
        """
        return self.masked - max(self.plain, self.placebo)


async def lift(
    scorer: Scorer,
    messages_for: Callable[[str], Messages],
    *,
    thinking: str,
    other: str,
    answer: str,
    hide: Callable[[str], str] | None = None,
) -> Lift:
    """Measures one thinking: four scorings, three where it never names the answer, one after the other.

    `messages_for` renders the verification prompt around a thinking. `other` is another row's thinking; the answer is
    blanked out there as well, for two rows may share it. `hide` blanks the answer out of a text, by default
    `mask(text, answer)`. Raises ScoreError, also where the answer's tokens differ between arms; ValueError where there
    is no answer.
    """
    if not answer.strip():
        raise ValueError("lift needs an answer")
    blank = hide or (lambda text: mask(text, answer))
    masked, placebo = blank(thinking), blank(other)
    # One after the other: the arms share the prompt up to the notes, which a server keeps from its last request.
    texts = dict.fromkeys(("", thinking, placebo, masked))
    arms = {text: await scorer.score(messages_for(text), answer) for text in texts}
    plain = arms[""]
    if any(arm.tokens != plain.tokens for arm in arms.values()):
        raise ScoreError("the answer's tokens are not the same in all arms")
    return Lift(
        plain=plain.mean,
        thinking=arms[thinking].mean,
        placebo=arms[placebo].mean,
        masked=arms[masked].mean,
        tokens=plain.token_count,
        states_answer=masked != thinking,
    )


def mask(text: str, answer: str) -> str:
    """The text with every span that bears the answer replaced by a blank.

    A number goes in all its digit spellings ("1,200" for "$1200.00"), a JSON answer value by value, any other answer as
    its words in a row, whatever their case and spacing.
    """
    for value in _values(answer):
        number = _number(value)
        if number is None:
            text = _phrase(value).sub(BLANK, text)
        else:
            text = _NUMBER.sub(lambda m, n=number: BLANK if _number(m[0]) == n else m[0], text)  # type: ignore[misc]
    return text


def _values(answer: str) -> list[str]:
    """What to look for, longest first: the answer, or the scalars in it where it is a JSON object or array."""
    try:
        parsed = json.loads(answer)
    except ValueError:
        parsed = None
    values = _scalars(parsed) if isinstance(parsed, dict | list) else [answer]
    return sorted({v.strip() for v in values if v.strip()}, key=len, reverse=True)


def _scalars(value: object) -> list[str]:
    """Strings and numbers of a JSON value; true, false and null stand in every text."""
    if isinstance(value, dict):
        return [s for v in value.values() for s in _scalars(v)]
    if isinstance(value, list):
        return [s for v in value for s in _scalars(v)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _number(text: str) -> Decimal | None:
    """The value of a text that is a number and nothing else, its sign and currency aside."""
    bare = text.strip().lstrip("+-−$€£ ").rstrip(".% ").replace(",", "")
    try:
        return Decimal(bare) if bare[:1].isdigit() else None
    except InvalidOperation:
        return None


def _phrase(words: str) -> re.Pattern[str]:
    """The words in a row, not inside longer ones."""
    core = words.strip().rstrip(".!") or words
    inner = r"\s+".join(map(re.escape, core.split()))
    return re.compile(rf"(?<!\w){inner}(?!\w)" if core[0].isalnum() and core[-1].isalnum() else inner, re.I)
