"""What the scheduler asks of a job at work, whatever its kind, and what every kind may use to do it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, Protocol

from sqlalchemy import Engine

from agents.gateway import Gateway
from services import collector
from services.access.projects import ProjectStore
from services.access.quotas import Quotas
from services.access.spending import Purse
from services.jobs.log import EventLog
from services.jobs.run import Graphs, Means, Spread
from services.ray.cluster import Cluster
from services.settings import Settings
from services.store.datasets import DatasetStore
from services.store.examples import ExampleStore
from services.store.ids import tail
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.slots import SlotStore
from services.store.writer import Writer
from services.training.artifacts import Artifacts
from services.views import Job, JobSpec, Progress


class Work(Protocol):
    """A job at work. services/jobs/run.py has the one on rows, services/training/running.py the one in a child."""

    def progress(self) -> Progress:
        """How far it is, this moment."""

    def pause(self) -> bool:
        """Holds still until `go_on`. False where it can't: then it is stopped, and begun anew to go on."""

    def go_on(self) -> bool:
        """Ends a pause. False where there is nothing left to go on: then it is begun anew."""

    async def work(self) -> None:
        """Returns when all is done. Cancelled, it leaves nothing running."""

    async def stopped(self, by: Literal["pause", "cancel"]) -> None:
        """A caller has ended `work` before its time; a stop of the service is none of this."""


class Jobs(Protocol):
    """What a job may do with others of its project: a pipeline starts its stages."""

    async def create(self, spec: JobSpec, key: str) -> Job: ...
    async def get(self, name: str) -> Job: ...
    async def pause(self, name: str) -> Job: ...
    async def resume(self, name: str, max_cost: float | None) -> Job: ...
    async def cancel(self, name: str) -> Job: ...


@dataclass(frozen=True, slots=True)
class Kit:
    """What the kinds of jobs work with: the stores of one project, and what all share."""

    settings: Settings
    gateway: Gateway
    engine: Engine
    writer: Writer
    datasets: DatasetStore
    examples: ExampleStore
    slots: SlotStore
    store: JobStore
    log: EventLog
    artifacts: Artifacts
    jobs: Jobs
    projects: ProjectStore
    quotas: Quotas
    run: str
    """Tells this run of a job from the ones before, which may have died."""
    spread: Spread | None = None
    """Where rows can be worked on by other processes; None: nowhere but here."""
    cluster: Cluster | None = None
    """Where programs of the trainer run; None: here."""

    async def means(self, spread: Spread | None = None) -> Means:
        """What every run on rows shares. `spread`: where its rows are worked on, None for here."""
        most = self.settings.trace_examples
        made = await asyncio.to_thread(graphs)
        return Means(made, self.gateway, self.examples, self.slots, self.log, most, spread)

    async def ledger(self, job: Job) -> JobLedger:
        """The job's paid calls, those of its earlier runs too."""
        id_, resumed = tail(job.name, "jobs"), await asyncio.to_thread(self.store.runs, job.name) > 0
        purse = await asyncio.to_thread(Purse, self.engine, self.projects, self.quotas.project, id_, self.run)
        return await asyncio.to_thread(JobLedger, self.engine, self.writer, id_, resumed=resumed, purse=purse)


@cache
def graphs() -> Graphs:
    """The compiled graphs. LangGraph takes most of a second to import, so ports are opened first."""
    from graphs import enhance, generate

    made = Graphs(partial(enhance.enhance, enhance.build()), partial(generate.generate, generate.build()))
    collector.settle()
    return made
