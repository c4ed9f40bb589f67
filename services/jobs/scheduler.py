"""Takes jobs up, and takes them up again: in order of creation, so many at once, and by itself after a crash."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import grpc
import structlog
from sqlalchemy import Connection, Engine, update
from sqlalchemy.exc import DBAPIError

from agents import telemetry
from agents.errors import BudgetExceeded
from agents.gateway import Gateway
from graphs.records import Outcome
from services import failpoints
from services.access import spending, storage
from services.access.projects import ProjectStore
from services.access.quotas import Quotas
from services.errors import InvalidRequest, StorageFull, WrongState, mapped
from services.jobs import kinds, tracing
from services.jobs.log import EventLog
from services.jobs.owned import ProjectJobs
from services.jobs.replica import Replica, Verb
from services.jobs.run import Graphs, Rested
from services.jobs.shards import Shards
from services.jobs.work import Kit, Work, graphs
from services.ray.cluster import Cluster, wanted
from services.settings import Settings
from services.store.datasets import DatasetStore
from services.store.engine import gone, shared, translated
from services.store.examples import ExampleStore
from services.store.fence import LeaseLost
from services.store.ids import new_id, tail
from services.store.jobs import UNFINISHED, JobStore, set_state
from services.store.slots import SlotStore
from services.store.tables import jobs
from services.store.writer import Writer
from services.telemetry import context, counts
from services.training.artifacts import Artifacts
from services.training.running import TRAININGS
from services.training.specs import PipelineSpec
from services.views import ENDED, Job, JobSpec, JobState, Spec, Status

log = structlog.get_logger()


class Scheduler:
    """Owns every job of the process."""

    def __init__(
        self, engine: Engine, writer: Writer, gateway: Gateway, settings: Settings, artifacts: Artifacts
    ) -> None:
        self._engine, self._writer, self._gateway, self._settings = engine, writer, gateway, settings
        self.store = JobStore(
            engine, None
        )  # it works on the jobs of all projects; callers come by services/jobs/owned.py
        self.projects = ProjectStore(engine, settings)
        self.log = EventLog(self.store, writer)
        self.artifacts = artifacts
        self._places = asyncio.Semaphore(settings.max_running_jobs)
        self._training_places = asyncio.Semaphore(settings.max_training_jobs)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, Work] = {}
        self._cancelled: set[str] = set()
        self._since: dict[str, float] = {}
        """By job id, when its task was made, on the monotonic clock."""
        self._warm: asyncio.Task[Graphs] | None = None
        self._lost: set[str] = set()
        self.verbs: Mapping[str, Verb] = {
            "pause": lambda name, _: self._pause(name),
            "resume": self._resume,
            "resume_stage": lambda name, max_cost: self._resume(name, max_cost, counted=False),
            "cancel": lambda name, _: self._cancel(name),
            "retry": lambda name, _: self._retry(name),
        }
        self._replica = Replica(engine, self.log, self) if shared(engine) else None
        """Where others may work on the same database; on SQLite every job is ours."""
        self._cluster = Cluster(settings) if wanted(settings) else None
        """Where the work is done, if not here."""

    def kit(self, project: str) -> Kit:
        """What a project's jobs work with: what it names is looked up among its own."""
        return Kit(
            self._settings,
            self._gateway,
            self._engine,
            self._writer,
            DatasetStore(self._engine, project),
            ExampleStore(self._engine, project),
            SlotStore(self._engine, project),
            self.store.of(project),
            self.log,
            self.artifacts,
            ProjectJobs(self, project, stages=True),
            self.projects,
            Quotas(self._engine, self.projects, project),
            new_id(),
            self._spread(project),
            self._cluster if self._settings.training_executor == "ray" else None,
        )

    def _spread(self, project: str) -> Shards | None:
        if self._cluster is None or self._settings.executor != "ray":
            return None
        store = ExampleStore(self._engine, project)
        return Shards(self._engine, self._writer, store, self.log, self._cluster, self._settings)

    async def start(self) -> None:
        """Goes on with whatever a stop or a crash left unfinished."""
        self._warm = asyncio.create_task(asyncio.to_thread(graphs))
        if self._replica:
            await self._replica.start()
            return
        for job in await asyncio.to_thread(self.store.unfinished):
            log.info("going on with a job", job=job.name, state=job.state)
            self._submit(job)

    @property
    def busy(self) -> bool:
        """Whether any job is queued or at work. A paused one is not."""
        return any(not task.done() for task in self._tasks.values())

    def queue(self) -> counts.Queue:
        """How many jobs wait and work, and how long the first one has waited."""
        runs = set(self._runs)
        since = [at for id_, at in list(self._since.items()) if id_ not in runs]
        return counts.Queue(len(since), len(runs), time.monotonic() - min(since) if since else 0.0)

    async def close(self) -> None:
        """Stops at once; jobs keep their state and go on at the next start."""
        if self._replica:
            await self._replica.rest()
        for task in self._tasks.values():
            task.cancel()
        warm = [self._warm] if self._warm else []  # none where the start failed on the way here
        await asyncio.gather(*warm, *self._tasks.values(), return_exceptions=True)
        if self._cluster:
            await self._cluster.close()
        if self._replica:
            await self._replica.close()

    # ------------------------------------------------------------ what callers can do
    async def create(self, project: str, spec: JobSpec, key: str, *, counted: bool = True) -> Job:
        """Checks that the job can run, stores it, queues it. Raises what kinds.check() raises, Conflict.

        `counted`: whether the project must have room for one more, else QuotaExceeded. A pipeline's stage needs none:
        the pipeline was let in.
        """
        kit = self.kit(project)
        if before := await asyncio.to_thread(kit.store.by_key, key, spec):  # it was let in when there was room
            return before
        total = await kinds.check(spec, kit)
        job, new = await asyncio.to_thread(
            kit.store.create, spec, total, key, kit.quotas.one_more_job if counted else None
        )
        failpoints.hit("job_created")
        if new:
            self._submit(job)
        return job

    async def get(self, name: str) -> Job:
        """The job, its progress to the second where it is at work. Raises NotFound."""
        return self.now(await asyncio.to_thread(self.store.get, name))

    def now(self, job: Job) -> Job:
        """A stored job with its progress of this moment, where it is at work."""
        if (run := self._runs.get(tail(job.name, "jobs"))) and job.state not in ENDED:
            job.progress = run.progress()
        return job

    async def pause(self, name: str) -> Job:
        """Hands out no further row. Raises WrongState where the job has ended."""
        return await self._do(name, "pause")

    async def resume(self, name: str, max_cost: float | None, *, counted: bool = True) -> Job:
        """Goes on with a job that is paused or failed as a whole, else raises WrongState. `counted`: see create."""
        return await self._do(name, "resume" if counted else "resume_stage", max_cost)

    async def cancel(self, name: str) -> Job:
        """Ends a job and keeps what is finished. A job that has ended stays as it is."""
        return await self._do(name, "cancel")

    async def retry(self, name: str) -> Job:
        """Runs failed examples again, and those never reached. Raises WrongState where there are none, and while it is
        at work."""
        return await self._do(name, "retry")

    async def _do(self, name: str, verb: str, max_cost: float | None = None) -> Job:
        return await (self._replica.do if self._replica else self._here)(name, verb, max_cost)

    async def _here(self, name: str, verb: str, max_cost: float | None) -> Job:
        return await self.verbs[verb](name, max_cost)

    # ------------------------------------------------------------ what the replica does with jobs of its own
    async def take_up(self, job_id: str) -> None:
        """A job that wants work and is nobody's: it joins our line too, and whoever has room first has it."""
        if job_id in self._tasks:
            return
        job = await asyncio.to_thread(self.store.get, f"jobs/{job_id}")
        if job_id not in self._tasks and job.state in UNFINISHED:
            if job.state is not JobState.QUEUED:
                log.info("going on with a job", job=job.name, state=job.state)
            self._submit(job)

    def lose(self, job_id: str) -> None:
        """The job is no longer ours: its work stops, and its row is left alone."""
        if (task := self._tasks.get(job_id)) and task.cancel():
            self._lost.add(job_id)

    def drop(self, job_id: str) -> None:
        """Another is at work on the job: nobody here waits for a place for it."""
        if job_id in self._tasks and job_id not in self._runs and job_id not in self._cancelled:
            self._since.pop(job_id, None)
            self._tasks.pop(job_id).cancel()

    # ------------------------------------------------------------ the verbs, where the job is ours
    async def _pause(self, name: str) -> Job:
        job, id_ = await self._open(name, "pause")
        run = self._runs.get(id_)
        if (run is None or not run.pause()) and id_ in self._tasks:
            await self._stop(id_)
            if (now := await self.get(name)).state in ENDED:  # it was quicker
                return now
            if run:
                await run.stopped("pause")
        if job.state is not JobState.PAUSED:
            await self._state(id_, JobState.PAUSED, "paused by a caller")
        return await self.get(name)

    async def _resume(self, name: str, max_cost: float | None, *, counted: bool = True) -> Job:
        job = await self.get(name)
        id_ = tail(name, "jobs")
        if job.state not in (JobState.PAUSED, JobState.FAILED):
            raise WrongState(f"{name} is {job.state.value}; only a paused or failed job can be resumed")
        kit = await self._kit_for(name)
        room = kit.quotas.one_more_job if counted else None
        if max_cost is not None:
            spec = _with_budget(job.spec, max_cost)
            await kinds.check(spec, kit)
            values = {"spec": spec.model_dump_json(exclude_defaults=True)}
            await self._writer.write(also=lambda c: _set(c, id_, values))
        if (run := self._runs.get(id_)) and max_cost is None and run.go_on():
            await self._state(id_, JobState.RUNNING, "resumed", room=room)
            return await self.get(name)
        if id_ in self._tasks:  # it is just going to rest; or has a new budget, and does again what is in flight
            await self._stop(id_)
        return await self._requeue(name, "resumed", room)

    async def _cancel(self, name: str) -> Job:
        job, id_ = await self.get(name), tail(name, "jobs")
        if job.state in ENDED:
            return job
        task = self._tasks.get(id_)
        if task is None or task.done():
            await self._state(id_, JobState.CANCELLED, "cancelled")
        elif id_ not in self._cancelled:
            self._cancelled.add(id_)
            await self._state(id_, JobState.CANCELLING, "")
            if not task.cancel() and (await self.get(name)).state not in ENDED:  # it has come to rest meanwhile
                await self._ended(id_, JobState.CANCELLED, Status(message="cancelled"))
        return await self.get(name)

    async def _retry(self, name: str) -> Job:
        job = await self.get(name)
        if job.state is JobState.SUCCEEDED and not job.progress.outcomes.get(Outcome.FAILED):
            raise WrongState(f"{name} is {job.state.value} and nothing failed: there is nothing to retry")
        if job.state is JobState.PAUSED and tail(name, "jobs") in self._runs:
            raise WrongState(f"{name} is paused and finishes what is in flight; resume it")
        if job.state not in (*ENDED, JobState.PAUSED) or tail(name, "jobs") in self._runs:
            raise WrongState(f"{name} is {job.state.value}; wait for its end, or pause or cancel it")
        kit = await self._kit_for(name)
        await asyncio.to_thread(kit.quotas.job)  # once more when it is queued; a refused retry should forget nothing
        await asyncio.to_thread(kit.examples.forget_failed, tail(name, "jobs"))
        return await self._requeue(name, "retrying what failed", kit.quotas.one_more_job)

    # ------------------------------------------------------------ at work
    async def _kit_for(self, name: str) -> Kit:
        return self.kit(await asyncio.to_thread(self.store.owner, name))

    async def _open(self, name: str, verb: str) -> tuple[Job, str]:
        job = await self.get(name)
        if job.state in ENDED or job.state is JobState.CANCELLING:
            raise WrongState(f"{name} is {job.state.value}; there is nothing to {verb}")
        return job, tail(name, "jobs")

    async def _stop(self, id_: str) -> None:
        """Stops the work on a job and stores its figures, which callers have seen. The state is the caller's to set."""
        run, task = self._runs.get(id_), self._tasks.pop(id_)
        self._since.pop(id_, None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if run:
            await self._figures(id_, run)

    async def _figures(self, id_: str, run: Work) -> None:
        values = {"progress": run.progress().model_dump_json()}
        await self._writer.write(also=lambda c: _set(c, id_, values))

    async def _requeue(self, name: str, message: str, room: Callable[[Connection], None] | None) -> Job:
        await self._state(tail(name, "jobs"), JobState.QUEUED, message, room=room)
        job = await self.get(name)
        self._submit(job)
        return job

    def _submit(self, job: Job) -> None:
        id_ = tail(job.name, "jobs")
        self._tasks[id_] = task = asyncio.create_task(self._work(job, id_), name=job.name)
        self._since[id_] = time.monotonic()

        def forget(done: asyncio.Task[None]) -> None:
            if self._tasks.get(id_) is done:
                del self._tasks[id_]
                self._since.pop(id_, None)
            if not done.cancelled() and (error := done.exception()):
                log.error("a job's end could not be recorded", job=job.name, error=str(error))

        task.add_done_callback(forget)

    async def _work(self, job: Job, id_: str) -> None:
        try:
            async with self._place(job.spec.kind), self._owned(id_) as ours:
                if ours:
                    await self._worked(job, id_)
        except asyncio.CancelledError:
            if id_ in self._lost or id_ not in self._cancelled:
                raise
            async with self._owned(id_) as ours:  # it was cancelled while it waited for a place
                if ours:
                    await self._ended(id_, JobState.CANCELLED, Status(message="cancelled"))
        finally:
            self._cancelled.discard(id_)
            self._lost.discard(id_)

    async def _worked(self, job: Job, id_: str) -> None:
        try:
            if self._replica:  # while it waited for a place, somebody else may have done something to it
                job = await asyncio.to_thread(self.store.get, job.name)
                if job.state not in UNFINISHED:
                    return
            if job.state is JobState.CANCELLING:  # the crash came between the asking and the end
                raise asyncio.CancelledError
            await self._run(job, id_)
        except asyncio.CancelledError:
            if id_ in self._lost or (id_ not in self._cancelled and job.state is not JobState.CANCELLING):
                raise
            # A caller's cancel, not a stop of the service, which leaves the state as it is.
            if run := self._runs.get(id_):
                await run.stopped("cancel")
            await self._ended(id_, JobState.CANCELLED, Status(message="cancelled"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends with it and the service lives on
            await self._ended_badly(id_, error)
        else:
            failpoints.hit("job_ended")
        finally:
            self._runs.pop(id_, None)

    def _owned(self, id_: str) -> AbstractAsyncContextManager[bool]:
        """Whether the job is ours, and stays so inside."""
        return self._replica.hold(id_) if self._replica else nullcontext(True)

    def _place(self, kind: Spec) -> AbstractAsyncContextManager[Any]:
        """Where a job waits for its turn. Who waits in a line is served in the order of coming."""
        if isinstance(kind, PipelineSpec):  # works through other jobs, which have places of their own
            return nullcontext()
        return self._training_places if isinstance(kind, TRAININGS) else self._places

    async def _run(self, job: Job, id_: str) -> None:
        runs = await asyncio.to_thread(self.store.runs, job.name)
        earlier = await asyncio.to_thread(self.store.mark, job.name) if telemetry.tracer() else ""
        with tracing.at_work(job, runs + 1, earlier) as ends:
            kit = await self._kit_for(job.name)
            self._runs[id_] = run = await kinds.begin(job, kit)
            started = {"runs": runs + 1} if job.start_time else {"runs": runs + 1, "started": time.time()}
            await self._state(id_, JobState.RUNNING, "", mark=context.mark(), **started)
            try:
                await run.work()
            except Rested:  # the state is told by who has paused it
                ends.state = "paused"
                await self._figures(id_, run)
            else:
                await self._state(id_, JobState.SUCCEEDED, "")
            finally:
                await asyncio.to_thread(spending.release, self._engine, id_, kit.run)

    async def _ended_badly(self, id_: str, error: Exception) -> None:
        while isinstance(error, ExceptionGroup):  # of workers that met the same trouble at once
            error = error.exceptions[0]
        if isinstance(error, LeaseLost):
            log.warning("a job is no longer ours; nothing more was written", job=id_, told=str(error))
            return
        if gone(error):  # no fault of the job's: its lease ends, and it goes on once the database is back
            log.warning("the database went away; the job goes on when it is back", job=id_, error=type(error).__name__)
            return
        if isinstance(error, DBAPIError):
            error = translated(error)
        row = mapped(error)
        code = row.grpc if row else grpc.StatusCode.INTERNAL
        if row is None:
            log.exception("a job failed in a way nobody foresaw", job=id_)
        status = Status(code=code.value[0], message=str(error) if row else f"internal error: {type(error).__name__}")
        await self._ended(id_, JobState.PAUSED if isinstance(error, BudgetExceeded) else JobState.FAILED, status)

    async def _ended(self, id_: str, state: JobState, status: Status) -> None:
        """Records an end before its time, or remembers it where the disk is full, so that nobody waits for ever."""
        error = None if state is JobState.CANCELLED else status
        try:
            await self._state(id_, state, status.message, error)
        except StorageFull:
            log.exception("a job's end could not be recorded", job=id_)
            self.store.unwritten[id_] = state, status
            self.log.wake(id_)

    async def _state(
        self, id_: str, state: JobState, message: str, error: Status | None = None, /, **fields: Any
    ) -> None:
        run = self._runs.get(id_)
        if run:
            fields["progress"] = run.progress().model_dump_json()
        body = {"state": state.value, "message": message}
        if mark := fields.pop("mark", ""):
            body["mark"] = mark
        room = fields.pop("room", None)
        if state in ENDED:
            fields["bytes"] = await asyncio.to_thread(storage.of_job, self._engine, self.artifacts, id_)

        def write(connection: Connection) -> None:
            if room:
                room(connection)
            set_state(connection, id_, state, error, **fields)

        await self.log.append(id_, "state", body, also=write)
        self.store.unwritten.pop(id_, None)


def _with_budget(spec: JobSpec, max_cost: float) -> JobSpec:
    """The spec with another budget. Raises InvalidRequest where its kind spends no money."""
    if "max_cost" not in type(spec.kind).model_fields:
        raise InvalidRequest(f"a job of kind {spec.kind_name} spends no money; leave max_cost out")
    return JobSpec.model_validate({spec.kind_name: spec.kind.model_copy(update={"max_cost": max_cost})})


def _set(connection: Connection, id_: str, values: dict[str, Any]) -> None:
    connection.execute(update(jobs).where(jobs.c.id == id_).values(**values))
