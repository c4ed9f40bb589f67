"""All of access in one place: the stores, the door, the log, and what stands behind a job's quotas and money."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from sqlalchemy import Engine

from services.access.audit import DAY, Audit
from services.access.caller import Caller
from services.access.desk import Desk
from services.access.door import Door
from services.access.projects import ProjectStore
from services.access.rates import Rates
from services.access.tokens import TokenStore
from services.settings import Settings
from services.store.writer import Writer

log = structlog.get_logger()


class Access:
    """One a process."""

    def __init__(self, engine: Engine, writer: Writer, settings: Settings, projects: ProjectStore) -> None:
        self.projects, self._tokens = projects, TokenStore(engine)
        self.audit = Audit(engine, writer)
        self.door = Door(settings.bearer(), self._tokens, self.projects, Rates(engine))
        self._days = settings.audit_days
        self._tidier: asyncio.Task[None] | None = None

    def desk(self, caller: Caller) -> Desk:
        """What a caller may do with projects, tokens and the log."""
        return Desk(caller, self.projects, self._tokens, self.audit)

    def start(self) -> None:
        """Begins to forget what is older than it is to be kept."""
        self._tidier = asyncio.create_task(self._tidy())

    async def close(self) -> None:
        """Stops, with everything written."""
        await self.audit.close()
        if self._tidier:
            self._tidier.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tidier

    async def _tidy(self) -> None:
        while True:
            if gone := await asyncio.to_thread(self.audit.forget, self._days):
                log.info("old entries of the audit log are gone", entries=gone, days=self._days)
            await asyncio.sleep(DAY)
