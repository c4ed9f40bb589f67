"""The event log of jobs: appended with what it tells of, in one transaction; then everybody who watches is woken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, insert, literal, select

from services.store.ids import tail
from services.store.jobs import JobStore
from services.store.tables import events, jobs
from services.store.writer import Writer
from services.views import ENDED, Job, JobEvent

HEARTBEAT = 10.0
"""Seconds of silence after which a watcher hears a heartbeat."""


GATHER = 0.1
"""Seconds in which news are gathered before a watcher looks: nobody reads faster, and each look costs a query."""


class EventLog:
    """One a process: hands out the seq of every event, so that there are no gaps and no doubles.

    Of a job whose rows several processes work on, the database does: see `share`.
    """

    def __init__(self, store: JobStore, writer: Writer) -> None:
        self._store, self._writer = store, writer
        self._last: dict[str, int] = {}
        self._shared: set[str] = set()
        self._woken: dict[str, asyncio.Event] = {}

    async def append(
        self,
        job_id: str,
        type_: str,
        body: dict[str, Any],
        *rows: tuple[Table, dict[str, Any]],
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        """Records an event together with `rows` and `also`. Returns when all of it is on disk."""
        if job_id in self._shared:
            await self._append_shared(job_id, type_, orjson.dumps(body).decode(), rows, also)
            return
        if job_id not in self._last:
            last = await asyncio.to_thread(self._store.last_seq, f"jobs/{job_id}")
            self._last.setdefault(job_id, last)
        seq = self._last[job_id] = self._last[job_id] + 1
        event = {"job_id": job_id, "seq": seq, "time": time.time(), "type": type_, "body": orjson.dumps(body).decode()}
        try:
            await self._writer.write((events, event), *rows, also=also)
        except Exception:  # whatever it is, it is raised
            # Nothing was stored: the next append asks the database where the log ends. (A cancelled caller is another
            # matter: its write is on its way, and keeps its seq.)
            self._last.pop(job_id, None)
            raise
        self.wake(job_id)

    async def _append_shared(
        self,
        job_id: str,
        type_: str,
        body: str,
        rows: tuple[tuple[Table, dict[str, Any]], ...],
        also: Callable[[Connection], None] | None,
    ) -> None:
        c, at = events.c, time.time()
        alone = select(jobs.c.id).where(jobs.c.id == job_id).with_for_update(key_share=True)
        following = func.coalesce(func.max(c.seq), 0) + 1
        event = select(literal(job_id), following, literal(at), literal(type_), literal(body)).where(c.job_id == job_id)

        def write(connection: Connection) -> None:
            if also:
                also(connection)
            connection.execute(alone)  # one after the other, so that whoever sees an event has seen those before it
            connection.execute(insert(events).from_select(("job_id", "seq", "time", "type", "body"), event))

        await self._writer.write(*rows, also=write, last=True)
        self.wake(job_id)

    def share(self, job_id: str) -> None:
        """From now on other processes write events of the job too. For as long as this process has it."""
        self._shared.add(job_id)
        self._last.pop(job_id, None)

    def unshare(self, job_id: str) -> None:
        """Nobody else does any more."""
        self._shared.discard(job_id)

    def forget(self, job_id: str) -> None:
        """Another process may have written: the next append asks the database where the log ends."""
        self._last.pop(job_id, None)

    def watched(self) -> list[str]:
        """The ids of the jobs that somebody waits for news of."""
        return list(self._woken)

    def wake(self, job_id: str) -> None:
        """Tells the watchers of a job to look again."""
        if event := self._woken.pop(job_id, None):
            event.set()

    def _look(self, name: str, after: int) -> tuple[Job, list[JobEvent]]:
        # The job first: an event that comes between the two is seen, an end that comes between them is seen next time.
        return self._store.get(name), self._store.events_after(name, after)

    async def watch(self, name: str, after: int) -> AsyncIterator[JobEvent]:
        """Events after `after`, those to come too, until the job has ended. Raises NotFound."""
        job_id = tail(name, "jobs")
        while True:
            woken = self._woken.setdefault(job_id, asyncio.Event())
            job, batch = await asyncio.to_thread(self._look, name, after)
            for event in batch:
                after = event.seq
                if event.state is not None and event.state == job.state:
                    event.progress = job.progress
                yield event
            if batch:
                continue
            if job.state in ENDED:
                return
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await woken.wait()
                await asyncio.sleep(GATHER)
            except TimeoutError:
                yield JobEvent(type="heartbeat", state=job.state, progress=job.progress)
