"""Stores what a training leaves, and its checkpoints while it runs, where there is a store for them."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_exponential

from services.errors import ArtifactsGone
from services.store import fence
from services.store.fence import LeaseLost
from services.training.artifacts import Artifacts

log = structlog.get_logger()

PATIENCE: Final = 600.0
"""Seconds for which a training that is over waits for a store that does not answer."""


class _Over(Exception):
    """Nobody wants the rest stored."""


class Keeper:
    """One run of one training. `run`: how often the job was begun."""

    def __init__(self, artifacts: Artifacts, job_id: str, run: int) -> None:
        self._artifacts, self._id, self._run = artifacts, job_id, run
        self._task: asyncio.Task[None] | None = None
        self._again = self._over = False

    def checkpoint(self) -> None:
        """A checkpoint is whole: begins to store it, or does so after the one that is being stored."""
        if self._artifacts.objects is None:
            return
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._store())

    async def close(self) -> None:
        """Ends what is under way at the next piece."""
        self._over = True
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def output(self) -> None:
        """Stores what the job leaves. Raises ArtifactsGone where the store does not answer for `PATIENCE`."""
        await self.close()
        self._over = False
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(ArtifactsGone),
                wait=wait_exponential(min=1, max=30),
                stop=stop_after_delay(PATIENCE),
                before_sleep=self._trying_on,
                reraise=True,
            ):
                with attempt:
                    await asyncio.to_thread(self._artifacts.store_output, self._id, self._run, self._still)
        finally:
            self._over = True  # cancelled, the thread ends at its next piece

    def _trying_on(self, state: RetryCallState) -> None:
        log.warning("what a training leaves could not be stored; trying on", job=self._id, tries=state.attempt_number)

    async def _store(self) -> None:
        while self._again and not self._over:
            self._again = False
            try:
                await asyncio.to_thread(self._artifacts.store_checkpoints, self._id, self._run, self._still)
            except FileNotFoundError:  # the trainer has taken it away for a newer one, which is stored next
                continue
            except ArtifactsGone as error:  # no reason to end a training
                log.warning("a checkpoint could not be stored", job=self._id, told=error.why)
            except (LeaseLost, _Over):
                return

    def _still(self) -> None:
        if self._over:
            raise _Over
        fence.still_ours()
