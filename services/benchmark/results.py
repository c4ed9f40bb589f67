"""What came out, in memory and in the file, which is written anew after every step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from services.benchmark.errors import BadPlan
from services.benchmark.sample import Form
from services.benchmark.stream import Timed

GOOD: Final = 3.0
"""The rating from which on a model is good enough to generate with."""

Score = Annotated[float, Field(ge=1.0, le=5.0, allow_inf_nan=False)]


class Criterion(BaseModel):
    """One criterion: why, then how good, 1.0 to 5.0."""

    reason: str = Field(min_length=1)
    score: Score


class Result(BaseModel):
    """One model. Times are in seconds and None until measured.

    `rating` is None where there is none, whatever the cause; `reason` says why the model failed, `rating_note` why it
    has no rating.
    """

    model: str
    state: Literal["waiting", "measured", "failed"] = "waiting"
    reason: str = ""
    rank: int | None = None
    load_seconds: float | None = None
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    speed_over: Literal["generation", "reply"] | None = None
    completion_tokens: int | None = None
    tokens_counted: Literal["usage", "pieces"] | None = None
    total_seconds: float | None = None
    finish_reason: str | None = None
    usable_examples: int | None = None
    hours_per_1000_responses: float | None = None
    rating: float | None = None
    criteria: dict[str, Criterion] = {}
    rating_note: str = ""
    rated_by_itself: bool = False
    reply: str = ""
    thinking: str = ""

    def measured(self, timed: Timed, form: Form) -> None:
        """Takes a reply and its times. A response is one usable example: a reply holds as many as could be read."""
        self.state = "measured"
        self.first_token_seconds = round(timed.first, 3)
        self.tokens_per_second = round(timed.speed, 2)
        self.speed_over = timed.speed_over
        self.completion_tokens = timed.tokens
        self.tokens_counted = timed.counted
        self.total_seconds = round(timed.total, 3)
        self.finish_reason = timed.finish
        self.usable_examples = form.examples
        if form.examples:
            self.hours_per_1000_responses = round(timed.total / form.examples * 1000 / 3600, 2)
        self.criteria = {"format_compliance": Criterion(reason=form.reason, score=form.score)}
        self.reply, self.thinking = timed.reply, timed.thinking

    def failed(self, reason: str) -> None:
        """Takes why it has no times."""
        self.state, self.reason = "failed", reason


class Results(BaseModel):
    """One run. `fastest_good` is the first of the ranks that is rated GOOD or better."""

    state: Literal["measuring", "rating", "done", "stopped"] = "measuring"
    base_url: str
    started: str
    loader: str
    prompt_sha256: str
    examples: int
    max_tokens: int
    temperature: float
    evaluator: str | None
    fastest_good: str | None = None
    left_out: list[str] = []
    models: list[Result]

    def rank(self) -> None:
        """Numbers what was measured, from the most tokens a second down, and finds the fastest good one."""
        ranked = self.ranked()
        for number, result in enumerate(ranked, start=1):
            result.rank = number
        self.fastest_good = next((r.model for r in ranked if r.rating is not None and r.rating >= GOOD), None)

    def ranked(self) -> list[Result]:
        """What was measured, from the most tokens a second down."""
        measured = [r for r in self.models if r.state == "measured"]
        return sorted(measured, key=lambda r: -(r.tokens_per_second or 0.0))

    def write(self, path: Path | None) -> None:
        """Replaces the file whole or not at all; does nothing where there is none to write. Raises BadPlan."""
        if path is None:
            return
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(self.model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise BadPlan(f"{path} cannot be written: {error.strerror}") from error
