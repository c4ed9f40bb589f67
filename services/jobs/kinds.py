"""The kinds of jobs: what each needs before it is created, and the work that a job of it does.

Two kinds live in modules of their own that are loaded when they are asked for. Each of those has `check` and `begin`
as below, taking its own spec (and no less than that is needed to add a kind):

    async def check(spec: PreferencesSpec, kit: Kit) -> int
    async def begin(job: Job, spec: PreferencesSpec, kit: Kit) -> Work

`services.jobs.preferring` has `export(examples: ExampleStore, job: Job) -> Iterator[str]` as well: the job's pairs, a
line of JSON each with its newline, as `{prompt, chosen, rejected}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Final

from graphs.recipes.base import Recipe, Source
from services.errors import InvalidRequest, WrongState
from services.jobs.enhancing import Enhancing
from services.jobs.generating import Generating
from services.jobs.spec import plan, plan_generate
from services.jobs.work import Kit, Work
from services.store.datasets import DatasetStore
from services.store.ids import tail
from services.training import running
from services.training.specs import PipelineSpec, PreferencesSpec
from services.views import RECIPES, EnhanceSpec, GenerateSpec, Job, JobSpec

PREFERENCES: Final = "services.jobs.preferring"
PIPELINE: Final = "services.training.pipeline"


async def check(spec: JobSpec, kit: Kit) -> int:
    """Whether a job of this spec can run. Returns its examples, 0 where their number is found out later.

    Raises NotFound, InvalidRequest, WrongState, NotInstalled, UnknownModel or MissingKey.
    """
    kind = spec.kind
    if isinstance(kind, EnhanceSpec):
        count = await _dataset(kind.dataset, "rows", kit)
        if kind.earlier_output:
            await asyncio.to_thread(kit.datasets.get, kind.earlier_output)
        await plan(kind, kit.settings, kit.gateway)
        return min(count, kind.max_samples or count)
    if isinstance(kind, GenerateSpec):
        await _dataset(kind.dataset, RECIPES[kind.recipe], kit)
        await plan_generate(kind, kit.settings, kit.gateway)
        await asyncio.to_thread(_recipe, kind, kit.datasets)
        return 0  # known once the recipe has planned
    if isinstance(kind, PreferencesSpec | PipelineSpec):
        return int(await _module(kind).check(kind, kit))
    await running.check(kind, kit)
    return 0  # steps, which the program tells


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
    if isinstance(kind, PreferencesSpec | PipelineSpec):
        work: Work = await _module(kind).begin(job, kind, kit)
        return work
    return running.Training(job, kind, kit)


def _module(kind: PreferencesSpec | PipelineSpec) -> ModuleType:
    name = PREFERENCES if isinstance(kind, PreferencesSpec) else PIPELINE
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise WrongState(f"this service has no {name.rpartition('.')[2]} yet") from None


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
