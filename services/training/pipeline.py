"""A pipeline at work: its stages are jobs of their own, made one after the other, each from what came before.

A stage's job is known by the pipeline's name and the stage's resolved spec, so whoever asks for the same work again
finds what is there: done, it is taken over; failed or killed, it goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final, Literal

from sqlalchemy import Connection, update

from agents.errors import BudgetExceeded, StopWork
from graphs.recipes.options import CommandsOptions
from services.errors import InvalidRequest, WrongState
from services.jobs.work import Kit
from services.store.ids import tail
from services.store.tables import jobs
from services.training.halves import halves
from services.training.specs import (
    STAGES,
    DpoSpec,
    EvaluateSpec,
    PipelineSpec,
    PreferencesSpec,
    QuantizeSpec,
    SftSpec,
    Stage,
    TrainingProgress,
)
from services.views import GenerateSpec, Job, JobSpec, JobState, Progress

NEEDS: Final[dict[Stage, tuple[Stage, ...]]] = {
    "generate": (),
    "sft": ("generate",),
    "preferences": ("generate", "sft"),
    "dpo": ("sft", "preferences"),
    "quantize": ("sft",),
    "evaluate": ("sft",),
}
"""What a stage can't do without. Where there is a dpo, quantize and evaluate take it too."""
IN_FLIGHT: Final = 50
"""Examples made at once."""
FILES: Final = frozenset({"sft", "dpo", "quantize", "evaluate"})
"""Stages whose output is files."""
CLITRON: Final = "clitron"
"""What the file of a command line's model is called first."""


async def check(spec: PipelineSpec, kit: Kit) -> int:
    """Whether a pipeline of this spec can run. Returns its stages. Raises NotFound, InvalidRequest."""
    if spec.cli_schema:
        found = await asyncio.to_thread(kit.datasets.get, spec.cli_schema)
        if found.kind != "schema":
            raise InvalidRequest(f"cli_schema: {found.name} holds {found.kind}, and no schema of a command line")
    for source in (spec.dataset, spec.validation, spec.preferences):
        if source.startswith("datasets/"):
            await asyncio.to_thread(kit.datasets.get, source)
        elif source:
            await kit.jobs.get(source)
    return len(stages(spec))


async def begin(job: Job, spec: PipelineSpec, kit: Kit) -> Pipeline:
    """The work of a pipeline job."""
    return Pipeline(tail(job.name, "jobs"), spec, kit)


def stages(spec: PipelineSpec) -> tuple[Stage, ...]:
    """What a pipeline has to do, in its order: what its caller brings along is not made."""
    brought = {"generate": spec.dataset, "preferences": spec.preferences}
    return tuple(s for s in STAGES if s in (spec.stages or STAGES) and not brought.get(s))


class Pipeline:
    """One pipeline job. Its children are the scheduler's; it holds nothing that is not in the database."""

    def __init__(self, job_id: str, spec: PipelineSpec, kit: Kit) -> None:
        self.job_id, self._spec, self._kit = job_id, spec, kit
        self._base = spec.model or kit.settings.base_model
        self._wanted = stages(spec)
        self._done: dict[Stage, Job] = {}
        self._told: dict[Stage, dict[str, Any]] = {}
        self._at: Stage | None = None
        self._child: Job | None = None

    # ------------------------------------------------------------ what the scheduler asks of a run
    def progress(self) -> Progress:
        """Stages done of stages wanted, and how far the one at work is."""
        shown = Progress(total_examples=len(self._wanted), done_examples=sum(s in self._told for s in self._wanted))
        if self._at and self._child:
            inner = self._child.progress
            found = inner.training or TrainingProgress(step=inner.done_examples, steps=inner.total_examples)
            shown.training = found.model_copy(update={"stage": self._at, "job": self._child.name})
            shown.eta_seconds = inner.eta_seconds
        return shown

    def pause(self) -> bool:
        """The stage at work has to be paused too, so this is stopped, and begun anew to go on."""
        return False

    def go_on(self) -> bool:
        """False: a paused pipeline is not at work."""
        return False

    async def work(self) -> None:
        """Returns when every stage that was asked for is done.

        Raises WrongState where one needs what is not there, BudgetExceeded where one is out of money, StopWork where
        one failed or was cancelled.
        """
        for stage in self._wanted:
            await self._bring(stage)

    async def stopped(self, by: Literal["pause", "cancel"]) -> None:
        """Does to the stage at work what was done to the pipeline."""
        if self._child is None:
            return
        with suppress(WrongState):  # it has ended meanwhile
            await (self._kit.jobs.cancel if by == "cancel" else self._kit.jobs.pause)(self._child.name)

    # ------------------------------------------------------------ one stage
    async def _bring(self, stage: Stage) -> None:
        """Does a stage, or takes it over."""
        for needed in NEEDS[stage]:
            if needed not in self._done and not (needed == "generate" and self._spec.dataset):
                await self._recall(needed, stage)
        if stage in ("quantize", "evaluate"):
            await self._recall_others(stage)
        if stage == "dpo" and not self._spec.preferences and not _pairs(self._done["preferences"]):
            await self._tell(stage, None, "left out: there are no pairs")
            return
        spec, prefix = await self._key(stage)
        mine = f"{prefix}.{self.job_id}"
        found = await self._latest(mine if stage in self._spec.force else prefix)
        if found and found.state is JobState.SUCCEEDED:
            await self._tell(stage, found, "taken over")
            return
        self._at = stage
        if found is None:
            tried = len(await self._named(mine))
            found = await self._kit.jobs.create(spec, f"{mine}.{tried}")
        elif found.state in (JobState.FAILED, JobState.PAUSED):
            paid = "max_cost" in type(spec.kind).model_fields
            found = await self._kit.jobs.resume(found.name, self._spec.max_cost or None if paid else None)
        self._child = found
        await self._say(f"{stage}: {found.name}")
        ended = await self._follow(found)
        await self._tell(stage, ended, "done")
        self._at = self._child = None

    async def _recall(self, needed: Stage, stage: Stage) -> None:
        """Finds what a stage needs and nobody asked for now. Raises WrongState where it is not there."""
        for before in NEEDS[needed]:
            if before not in self._done and not (before == "generate" and self._spec.dataset):
                await self._recall(before, stage)
        if needed == "preferences" and self._spec.preferences:
            return
        _, prefix = await self._key(needed)
        found = await self._latest(prefix)
        if found is None or found.state is not JobState.SUCCEEDED:
            raise WrongState(f"{stage} needs {needed}, which is not done with these settings: name it among the stages")
        self._done[needed] = found

    async def _recall_others(self, stage: Stage) -> None:
        """What these stages take along where it is there: the DPO model, and for a comparison the file."""
        for other in ("preferences", "dpo", *(("quantize",) if stage == "evaluate" else ())):
            if other not in self._done and other not in self._told:
                with suppress(WrongState):
                    await self._recall(other, stage)

    async def _follow(self, child: Job) -> Job:
        """Waits for a child's end and repeats its steps as ours."""
        child_id = child.name
        async for event in self._events(child_id):
            self._child = await self._kit.jobs.get(child_id)
            if event == "step":
                training = self._child.progress.training
                await self._say(f"{self._at}: {_line(training)}" if training else f"{self._at}: at work")
            if self._child.state is JobState.PAUSED and self._child.error:
                raise BudgetExceeded(f"{self._at} ({child_id}): {self._child.error.message}")
        ended = await self._kit.jobs.get(child_id)
        if ended.state is not JobState.SUCCEEDED:
            why = f": {ended.error.message}" if ended.error and ended.error.message else ""
            raise StopWork(f"{self._at} ({child_id}) {ended.state.value}{why}")
        return ended

    async def _events(self, name: str) -> AsyncIterator[str]:
        last = await asyncio.to_thread(self._kit.store.last_seq, name)
        async for event in self._kit.log.watch(name, max(0, last - 1)):
            yield event.type

    # ------------------------------------------------------------ what a stage is
    async def _key(self, stage: Stage) -> tuple[JobSpec, str]:
        """A stage's spec, and what the keys of its jobs begin with: the same for the same work."""
        spec = await self._resolved(stage)
        body = spec.model_dump(mode="json", exclude_defaults=True)
        body[spec.kind_name].pop("max_cost", None)  # more money is not another piece of work
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
        return spec, f"pipeline-{self._spec.name}-{stage}-{digest}"

    async def _resolved(self, stage: Stage) -> JobSpec:
        spec, done = self._spec, self._done
        if stage == "generate":
            making = GenerateSpec(
                dataset=spec.cli_schema,
                teacher=spec.teacher,
                evaluator=spec.evaluator,
                batch_size=IN_FLIGHT,
                max_cost=spec.max_cost,
                seed=spec.seed,
                commands=CommandsOptions(num=spec.num),
            )
            return JobSpec(generate=making)
        train, held_out = await self._rows()
        sft = done["sft"].name if "sft" in done else ""
        final = done["dpo"].name if "dpo" in done else sft
        match stage:
            case "sft":
                return JobSpec(sft=SftSpec(dataset=train, validation=held_out, model=self._base, training=spec.sft))
            case "preferences":
                wanted = PreferencesSpec(
                    dataset=train,
                    model=sft,
                    evaluator=spec.evaluator,
                    num_pairs=spec.num_pairs,
                    temperature=spec.temperature,
                    max_cost=spec.max_cost,
                    seed=spec.seed,
                )
                return JobSpec(preferences=wanted)
            case "dpo":
                pairs = spec.preferences or done["preferences"].name
                return JobSpec(dpo=DpoSpec(dataset=pairs, model=sft, training=spec.dpo))
            case "quantize":
                file = QuantizeSpec(
                    model=final,
                    quantization=spec.quantization,
                    name=spec.name,
                    prefix=CLITRON if spec.cli_schema else "",
                    fidelity_dataset=held_out,
                )
                return JobSpec(quantize=file)
            case _:
                trained = [done[s].name for s in ("sft", "dpo", "quantize") if s in done]
                measured = EvaluateSpec(dataset=held_out, models=[self._base, *trained], cli_schema=spec.cli_schema)
                return JobSpec(evaluate=measured)

    async def _rows(self) -> tuple[str, str]:
        """The datasets to train and to validate on, split off where nobody did."""
        if self._spec.dataset and self._spec.validation:
            return self._spec.dataset, self._spec.validation
        source = self._spec.dataset or self._done["generate"].name
        return await asyncio.to_thread(halves, source, self._spec.name, self._kit)

    async def _latest(self, prefix: str) -> Job | None:
        """The newest job of a key that nobody cancelled and, where it made files, has them still."""
        for job in await self._named(prefix):
            if job.state is JobState.CANCELLED:
                continue
            if job.state is not JobState.SUCCEEDED or job.spec.kind_name not in FILES:
                return job
            if await asyncio.to_thread(self._kit.artifacts.listed, job.name):
                return job
        return None

    async def _named(self, prefix: str) -> list[Job]:
        return await asyncio.to_thread(self._kit.store.by_key_prefix, f"{prefix}.")

    # ------------------------------------------------------------ what is told
    async def _tell(self, stage: Stage, job: Job | None, how: str) -> None:
        told: dict[str, Any] = {"outcome": how}
        if job:
            self._done[stage] = job
            told |= {"job": job.name, **figures(json.loads(job.report_json or "{}"))}
        self._told[stage] = told
        # Told of each stage at once: who follows the pipeline fetches its files while the next one is at work.
        report = json.dumps({"name": self._spec.name, "stages": self._told}, ensure_ascii=False)
        change = update(jobs).where(jobs.c.id == self.job_id).values(report=report)

        def write(connection: Connection) -> None:
            connection.execute(change)

        body = {"message": f"{stage}: {how}" + (f" ({job.name})" if job else "")}
        await self._kit.log.append(self.job_id, "report", body, also=write)

    async def _say(self, message: str) -> None:
        shown = self.progress().model_dump(mode="json", exclude_defaults=True)
        await self._kit.log.append(self.job_id, "step", {"message": message, "progress": shown})


def figures(report: dict[str, Any]) -> dict[str, Any]:
    """The main figures of a report: what is no list, but the models of a comparison. The rest stays in its file."""
    told = {name: value for name, value in report.items() if name == "models" or not isinstance(value, list)}
    return {name: figures(value) if isinstance(value, dict) else value for name, value in told.items()}


def _pairs(job: Job) -> int:
    return int(json.loads(job.report_json or "{}").get("pairs", 0))


def _line(at: TrainingProgress) -> str:
    """What one sees of a step: "train 3/120, loss 1.2345"."""
    loss = "" if at.loss is None else f", loss {at.loss:.4f}"
    return f"{at.stage} {at.step}/{at.steps}{loss}"
