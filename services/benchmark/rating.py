"""Rates replies on five criteria: the form is known, the other four an evaluator model judges. Nothing is guessed."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.errors import ModelError
from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import LOCAL, Catalog, ModelSettings
from agents.prompting import render
from services.benchmark.errors import BadPlan
from services.benchmark.plan import Plan, key_variable
from services.benchmark.results import Criterion, Result
from services.benchmark.sample import visible
from services.settings import Settings, explained

PROMPT: Final = "rate_benchmark"
DEFAULT: Final = "openai/gpt-oss-20b"
"""Rates where the plan names nobody and the server has it."""
UNUSABLE: Final = 2.0
"""The most that a reply is rated from which no example can be read, whatever its prose is worth."""


class Rating(BaseModel):
    """What the evaluator says, in the order in which it must."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    question_quality: Criterion
    response_character: Criterion
    temporal_accuracy: Criterion
    overall_usefulness: Criterion


class Rater:
    """An evaluator model. `on_server` is its name there, None where it is one of the providers' elsewhere."""

    def __init__(self, plan: Plan, model: str, on_server: str | None) -> None:
        settings = ModelSettings.model_validate(
            {"api_base": plan.base_url, "api_key_env": key_variable(), "timeout": plan.patience.rate, "max_retries": 1}
        )
        self.model, self.on_server = model, on_server
        self._gateway = Gateway(Catalog({f"{LOCAL}/*": settings}) if on_server else _configured())
        self._name = f"{LOCAL}/{on_server}" if on_server else model

    async def ready(self) -> None:
        """Makes sure, before anything is measured, that there is such a model to ask. Raises BadPlan."""
        if self._name.startswith(("offline/", "embedded/")):
            raise BadPlan(f"{self.model} can't rate: name a model of the server or of a provider")
        try:
            await self._gateway.resolve(self._name)
        except ModelError as error:
            raise BadPlan(f"--evaluator-model is neither on the server nor elsewhere: {error}") from error

    async def rate(self, result: Result, examples: int, attempt: int) -> None:
        """Fills in the rating, or the note why there is none."""
        form = result.criteria["format_compliance"]
        prompt = render(PROMPT, examples=examples, finding=form.reason, response=visible(result.reply) or "(nothing)")
        try:
            rating = await Evaluator(Line(self._gateway), self._name).rate(PROMPT, prompt, Rating, attempt)
        except ModelError as error:
            result.rating_note = " ".join(str(error).split())[:300]
            return
        result.criteria = {"format_compliance": form} | {name: getattr(rating, name) for name in Rating.model_fields}
        mean = sum(criterion.score for criterion in result.criteria.values()) / len(result.criteria)
        result.rating = round(mean if result.usable_examples else min(mean, UNUSABLE), 1)
        result.rated_by_itself = result.model == self.on_server

    async def close(self) -> None:
        """Closes the connections."""
        await self._gateway.close()


def _configured() -> Catalog:
    """The models as a service of this environment has them. Raises BadPlan where its settings are wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise BadPlan(explained(error)) from error
    return Catalog(settings.models, settings.local_api_base)


def rater(plan: Plan, models: tuple[str, ...]) -> Rater | None:
    """Who rates: the model that was named, on this server if it is there (its organisation may be left out), else the
    default where the server has it, else nobody.
    """
    if plan.evaluator is None:
        return Rater(plan, DEFAULT, DEFAULT) if DEFAULT in models else None
    here = [m for m in models if m == plan.evaluator] or [m for m in models if m.endswith(f"/{plan.evaluator}")]
    return Rater(plan, plan.evaluator, here[0] if here else None)
