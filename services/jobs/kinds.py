"""The kinds of jobs: what each needs before it is created, and the work that a job of it does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from graphs.recipes.base import Recipe, Source
from services.errors import InvalidRequest
from services.jobs import preferring
from services.jobs.enhancing import Enhancing
from services.jobs.generating import Generating
from services.jobs.spec import plan, plan_generate
from services.jobs.work import Kit, Work
from services.store.datasets import DatasetStore
from services.store.ids import tail
from services.training import pipeline, running
from services.training.specs import PipelineSpec, PreferencesSpec
from services.views import RECIPES, EnhanceSpec, GenerateSpec, Job, JobSpec

_NAME: Final = re.compile(r"(jobs|datasets)/[0-9a-z]{1,32}")


async def check(spec: JobSpec, kit: Kit) -> int:
    """Whether a job of this spec can run. Returns its examples, 0 where their number is found out later.

    Raises NotFound, InvalidRequest, WrongState, NotInstalled, UnknownModel or MissingKey.
    """
    kind = spec.kind
    await asyncio.to_thread(named, kind, kit)
    if isinstance(kind, EnhanceSpec):
        count = await _dataset(kind.dataset, "rows", kit)
        if kind.earlier_output:
            await asyncio.to_thread(kit.datasets.get, kind.earlier_output)
        ready = await plan(kind, kit.settings, kit.gateway)
        await _money(kit, ready.student, ready.teacher, ready.evaluator)
        return min(count, kind.max_samples or count)
    if isinstance(kind, GenerateSpec):
        await _dataset(kind.dataset, RECIPES[kind.recipe], kit)
        making = await plan_generate(kind, kit.settings, kit.gateway)
        await _money(kit, making.teacher, making.evaluator)
        await asyncio.to_thread(_recipe, kind, kit.datasets)
        return 0  # known once the recipe has planned
    if isinstance(kind, PreferencesSpec):
        return await preferring.check(kind, kit)
    await asyncio.to_thread(kit.quotas.room)  # the others leave models, which are what is large
    if isinstance(kind, PipelineSpec):
        running.check_installed()
        return await pipeline.check(kind, kit)
    await running.check(kind, kit)
    return 0  # steps, which the program tells


def named(kind: BaseModel, kit: Kit) -> None:
    """Looks up every job and dataset that a spec names, in whatever field: a model may be a job's too, and models are
    served to all projects alike. Raises NotFound for what is not the project's own."""
    for text in _texts(kind.model_dump()):
        if _NAME.fullmatch(text):
            kit.store.owner(text) if text.startswith("jobs/") else kit.datasets.get(text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


async def begin(job: Job, kit: Kit) -> Work:
    """The work of a job, ready to be done. Raises what `check` raises."""
    kind, id_ = job.spec.kind, tail(job.name, "jobs")
    if isinstance(kind, EnhanceSpec):
        ready = await plan(kind, kit.settings, kit.gateway)
        total, ledger, means = job.progress.total_examples, await kit.ledger(job), await kit.means()
        return await asyncio.to_thread(Enhancing, id_, ready, total, ledger, means)
    if isinstance(kind, GenerateSpec):
        terms = await plan_generate(kind, kit.settings, kit.gateway)
        recipe = await asyncio.to_thread(_recipe, kind, kit.datasets)
        total, ledger, means = job.progress.total_examples, await kit.ledger(job), await kit.means()
        return await asyncio.to_thread(Generating, id_, terms, recipe, total, ledger, means)
    if isinstance(kind, PreferencesSpec):
        return await preferring.begin(job, kind, kit)
    if isinstance(kind, PipelineSpec):
        return await pipeline.begin(job, kind, kit)
    return running.Training(job, kind, kit)


async def _money(kit: Kit, *models: str) -> None:
    found = [await kit.gateway.resolve(name) for name in models]
    await asyncio.to_thread(kit.quotas.money, found)


async def _dataset(name: str, wanted: str, kit: Kit) -> int:
    """The rows of a dataset. Raises NotFound, or InvalidRequest where it holds something else."""
    dataset = await asyncio.to_thread(kit.datasets.get, name)
    if dataset.kind != wanted:
        raise InvalidRequest(f"{dataset.name} holds {dataset.kind}, and this job works on {wanted}")
    return dataset.item_count


def _recipe(spec: GenerateSpec, datasets: DatasetStore) -> Recipe:
    from graphs.recipes.make import make

    id_, options = tail(spec.dataset, "datasets"), getattr(spec, spec.recipe)

    def sources() -> Iterator[Source]:
        return (Source(item.seq, item.item_id, item.raw) for item in datasets.items(id_))

    try:
        return make(options, sources, spec.seed)
    except ValueError as error:
        raise InvalidRequest(f"{spec.recipe}: {error}") from error
