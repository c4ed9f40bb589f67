"""One project's jobs: whatever is asked of one, it is looked up among the project's own first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from services.views import Job, JobEvent, JobPage, JobSpec, JobState

if TYPE_CHECKING:
    from services.jobs.scheduler import Scheduler


class ProjectJobs:
    """What a caller may do with jobs. Another project's job is not found, as one that never was."""

    def __init__(self, scheduler: Scheduler, project: str, *, stages: bool = False) -> None:
        """`stages`: whether a job of the project asks, which was let in itself; then nothing is counted against it."""
        self._scheduler, self._project, self._counted = scheduler, project, not stages
        self._store = scheduler.store.of(project)

    async def create(self, spec: JobSpec, key: str) -> Job:
        """A new job, or the one made under the same key. Raises as Scheduler.create."""
        return await self._scheduler.create(self._project, spec, key, counted=self._counted)

    async def get(self, name: str) -> Job:
        """The job, its progress to the second where it is at work. Raises NotFound, as all that follows here."""
        return self._scheduler.now(await asyncio.to_thread(self._store.get, name))

    async def page(self, size: int, token: str, state: JobState | None) -> JobPage:
        """A page of jobs, newest first."""
        return await asyncio.to_thread(self._store.page, size, token, state)

    async def watch(self, name: str, after: int) -> AsyncIterator[JobEvent]:
        """Its events from `after` on, until it has ended."""
        await self._own(name)
        async for event in self._scheduler.log.watch(name, after):
            yield event

    async def pause(self, name: str) -> Job:
        """Hands out no further row."""
        await self._own(name)
        return await self._scheduler.pause(name)

    async def resume(self, name: str, max_cost: float | None) -> Job:
        """Goes on, with a new budget where one is given."""
        await self._own(name)
        return await self._scheduler.resume(name, max_cost, counted=self._counted)

    async def cancel(self, name: str) -> Job:
        """Ends it and keeps what is finished."""
        await self._own(name)
        return await self._scheduler.cancel(name)

    async def retry(self, name: str) -> Job:
        """Runs again what failed."""
        await self._own(name)
        return await self._scheduler.retry(name)

    async def _own(self, name: str) -> None:
        await asyncio.to_thread(self._store.owner, name)
