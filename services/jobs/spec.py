"""A spec with every default filled in and every model resolved: what a job really does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from agents.gateway import Gateway
from agents.models import Endpoint
from agents.offline import LABELS
from agents.prompting import prompt_hashes
from graphs.records import Task
from graphs.state import Rules
from services.errors import InvalidRequest
from services.settings import Settings
from services.store.ids import tail
from services.views import EnhanceSpec, GenerateSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """An EnhanceSpec, ready to run."""

    dataset_id: str
    student: str
    teacher: str
    evaluator: str
    rules: Rules
    batch_size: int
    max_samples: int
    max_cost: float | None
    earlier_id: str | None
    reuse: bool
    measure_lift: bool
    settings_hash: str

    @property
    def labels(self) -> list[str]:
        """What a reader must know about who spoke."""
        return [LABELS[m] for m in dict.fromkeys((self.student, self.teacher, self.evaluator)) if m in LABELS]

    def input_hash(self, task: Task) -> str:
        """A hash of all that goes into an example's result: the row, the models, the rules and the prompts' text."""
        return hashlib.sha256(self.settings_hash.encode() + task.model_dump_json().encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class GeneratePlan:
    """A GenerateSpec, ready to run."""

    source_id: str
    teacher: str
    evaluator: str
    batch_size: int
    max_cost: float | None
    max_attempts: int
    threshold: float
    temperature: float | None

    @property
    def labels(self) -> list[str]:
        """What a reader must know about who spoke."""
        return [LABELS[m] for m in dict.fromkeys((self.teacher, self.evaluator)) if m in LABELS]


async def plan_generate(spec: GenerateSpec, settings: Settings, gateway: Gateway) -> GeneratePlan:
    """Fills a spec in. Raises as `plan` does."""
    asked = spec.teacher or settings.teacher
    found = [await gateway.resolve(name) for name in (asked, spec.evaluator or settings.judge_for(asked))]
    priced(spec.max_cost, found)
    teacher, evaluator = (e.name for e in found)
    return GeneratePlan(
        tail(spec.dataset, "datasets"),
        teacher,
        evaluator,
        spec.batch_size or 10,
        spec.max_cost or None,
        spec.max_attempts or 3,
        0.6 if spec.score_threshold is None else spec.score_threshold,
        spec.temperature,
    )


def priced(max_cost: float, found: Sequence[Endpoint]) -> None:
    """Raises InvalidRequest where a budget is set and a model's price is not known."""
    if max_cost and (unpriced := [e.name for e in found if e.price is None]):
        raise InvalidRequest(
            f"max_cost needs prices, and none is known for {', '.join(unpriced)}: set input_price and output_price "
            "(US dollars a million tokens) under `models` in the service's settings, or leave max_cost out"
        )


async def plan(spec: EnhanceSpec, settings: Settings, gateway: Gateway) -> Plan:
    """Fills a spec in. Raises UnknownModel, MissingKey, or InvalidRequest for a budget without prices."""
    teacher = spec.teacher or settings.teacher
    names = (spec.student or settings.student, teacher, spec.evaluator or settings.judge_for(teacher))
    for role, name in zip(("student", "teacher", "evaluator"), names, strict=True):
        if name.startswith("offline/") and name != f"offline/{role}":
            raise InvalidRequest(f"{role}: {name} knows its own role alone; the offline {role} is offline/{role}")
    found = [await gateway.resolve(name) for name in names]
    priced(spec.max_cost, found)
    rules = Rules(
        max_iterations=spec.max_iterations or 3,
        threshold=0.6 if spec.score_threshold is None else spec.score_threshold,
        verify_samples=spec.verify_samples or 1,
        thinking_format=spec.thinking_format or "iterative",
        style=spec.style or None,
    )
    student, teacher, evaluator = (e.name for e in found)
    parts = [student, teacher, evaluator, rules, await asyncio.to_thread(prompt_hashes)]
    return Plan(
        tail(spec.dataset, "datasets"),
        student,
        teacher,
        evaluator,
        rules,
        spec.batch_size or 10,
        spec.max_samples,
        spec.max_cost or None,
        tail(spec.earlier_output, "datasets") if spec.earlier_output else None,
        spec.reuse,
        spec.measure_lift,
        hashlib.sha256(orjson.dumps(parts)).hexdigest(),
    )
