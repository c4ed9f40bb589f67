"""The limits of models as the gateway uses them, kept in the database that all processes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Engine

from agents.models import ModelSettings
from services.limits.rate import Rate
from services.limits.slots import Slots
from services.store import fence
from services.store.ids import new_id


class SharedLimits:
    """One a process. All processes must be told the same limits: one PostgreSQL, one set of `models`."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.holder = engine, new_id()
        self._made: list[SharedLimiter] = []

    def __call__(self, model: str, settings: ModelSettings) -> SharedLimiter:
        """The limits of one model."""
        made = SharedLimiter(self._engine, model, self.holder, settings)
        self._made.append(made)
        return made

    async def close(self) -> None:
        """Gives slots back, so that nobody has to wait for their end."""
        await asyncio.gather(*(one.close() for one in self._made))


class SharedLimiter:
    """The limits of one model (agents.limits.Limits)."""

    def __init__(self, engine: Engine, model: str, holder: str, settings: ModelSettings) -> None:
        self._slots = Slots(engine, model, holder, settings.max_concurrency)
        self._requests = Rate(engine, model, "requests", settings.rpm) if settings.rpm else None
        self._tokens = Rate(engine, model, "tokens", settings.tpm) if settings.tpm else None

    @asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[None]:
        """Holds one of the model's places; `tokens` is what the call may use, in and out.

        Raises LeaseLost where the job that calls may be another's by now, who would call, and pay, for it too.
        """
        async with self._slots.hold():
            if self._requests:
                await self._requests.take(1)
            if self._tokens:
                await self._tokens.take(tokens)
            fence.still_ours()
            yield

    async def close(self) -> None:
        """Gives its slots back."""
        await self._slots.close()
