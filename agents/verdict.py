"""The typed verdict of a model judge. It compares before it scores; what it can't say readably is no verdict at all."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Verdict(BaseModel):
    """One judgement, in the order a model must write it: first both sides in its own words, then whether they agree.

    `student` and `reference` are in rationalise mode what the thinking wants done and what the response does.
    A score outside 0..1 raises ValidationError: clamping it would make a verdict out of a misreading.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra={"additionalProperties": False})

    student: str = Field(description="what the student's answer or thinking comes to, in a few words")
    reference: str = Field(description="what the answer key or the given response says, in a few words")
    right: bool = Field(description="whether the two say the same")
    facts: Score = Field(description="true to its facts")
    steps: Score = Field(description="follows step by step")
    reaches: Score = Field(description="leads to the answer")
    concise: Score = Field(description="free of filler")
    critique: str = Field(description="one or two sentences: the first thing wrong or missing")

    @property
    def scores(self) -> dict[str, float]:
        """The four scores by name, each 0..1."""
        return {"facts": self.facts, "steps": self.steps, "reaches": self.reaches, "concise": self.concise}

    @property
    def mean(self) -> float:
        """The mean of the four scores, 0..1."""
        return sum(self.scores.values()) / len(self.scores)


class Comparison(BaseModel):
    """A model's answer held against the ideal one, in the order a judge must write it; scores outside 0..1 raise."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"additionalProperties": False})

    answer: str = Field(description="what the model's answer comes to, in a few words")
    reference: str = Field(description="what the ideal answer comes to, in a few words")
    right: bool = Field(description="whether the two say the same")
    answer_score: Score = Field(description="how well the model's answer does what the task asks")
    reference_score: Score = Field(description="how well the ideal answer does")
    critique: str = Field(description="one sentence: where they differ, or what is wrong with the ideal")

    @property
    def margin(self) -> float:
        """By how much the ideal is better, -1..1."""
        return round(self.reference_score - self.answer_score, 4)
