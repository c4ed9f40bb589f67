"""The kinds of jobs: what each needs before it is created, and the work that a job of it does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from agents.models import Endpoint
from graphs.recipes.base import Recipe, Source
from services.errors import InvalidRequest
from services.jobs import preferring
from services.jobs.enhancing import Enhancing
from services.jobs.generating import Generating
from services.jobs.run import Means, Run
from services.jobs.spec import plan, plan_generate
from services.jobs.work import Kit, Work
from services.settings import Settings
from services.store.datasets import DatasetStore
from services.store.ids import tail
from services.store.ledger import JobLedger
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
        await _models(kit, *await _cast(kind, kit))
        return min(count, kind.max_samples or count)
    if isinstance(kind, GenerateSpec):
        await _dataset(kind.dataset, RECIPES[kind.recipe], kit)
        await _models(kit, *await _cast(kind, kit))
        await asyncio.to_thread(_recipe, kind, kit.datasets)
        return 0  # known once the recipe has planned
    if isinstance(kind, PreferencesSpec):
        return await preferring.check(kind, kit)
    await asyncio.to_thread(kit.quotas.room)  # the others leave models, which are what is large
    if isinstance(kind, PipelineSpec):
        if kit.cluster is None:
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
    kind = job.spec.kind
    if isinstance(kind, EnhanceSpec | GenerateSpec):
        if kit.spread:  # the job may have been made when rows were worked on here
            _within_reach([await kit.gateway.resolve(name) for name in await _cast(kind, kit)])
        return await rows(job, kit.settings, kit.datasets, await kit.ledger(job), await kit.means(kit.spread))
    if isinstance(kind, PreferencesSpec):
        return await preferring.begin(job, kind, kit)
    if isinstance(kind, PipelineSpec):
        return await pipeline.begin(job, kind, kit)
    return running.Training(job, kind, kit)


async def rows(job: Job, settings: Settings, datasets: DatasetStore, ledger: JobLedger, means: Means) -> Run:
    """The work on the rows of a job, or on a part of them: of a kind that workers elsewhere can do too.

    Raises what `check` raises, and InvalidRequest for any other kind.
    """
    kind, id_, total = job.spec.kind, tail(job.name, "jobs"), job.progress.total_examples
    if isinstance(kind, EnhanceSpec):
        ready = await plan(kind, settings, means.gateway)
        return await asyncio.to_thread(Enhancing, id_, ready, total, ledger, means)
    if isinstance(kind, GenerateSpec):
        terms = await plan_generate(kind, settings, means.gateway)
        recipe = await asyncio.to_thread(_recipe, kind, datasets)
        return await asyncio.to_thread(Generating, id_, terms, recipe, total, ledger, means)
    raise InvalidRequest(f"{job.name}: the rows of a job of kind {job.spec.kind_name} are not worked on elsewhere")


async def _models(kit: Kit, *models: str) -> None:
    """Whether they can be paid, and whether workers elsewhere reach them where such are to do the work."""
    found = [await kit.gateway.resolve(name) for name in models]
    if kit.spread:
        _within_reach(found)
    await asyncio.to_thread(kit.quotas.money, found)


async def _cast(kind: EnhanceSpec | GenerateSpec, kit: Kit) -> list[str]:
    """The models that work on the rows."""
    if isinstance(kind, EnhanceSpec):
        ready = await plan(kind, kit.settings, kit.gateway)
        return [ready.student, ready.teacher, ready.evaluator]
    making = await plan_generate(kind, kit.settings, kit.gateway)
    return [making.teacher, making.evaluator]


def _within_reach(models: list[Endpoint]) -> None:
    """Raises InvalidRequest where one of them answers beside the service alone."""
    if here := [one.name for one in models if one.kind in ("embedded", "served")]:
        raise InvalidRequest(
            f"{' and '.join(dict.fromkeys(here))}: runs beside the service, where the workers of Ray don't reach it; "
            "name a model that has a server of its own, as local/NAME, or set executor to local in the settings"
        )


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
