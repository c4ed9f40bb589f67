"""What a model may be asked at once and by the minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from agents.models import ModelSettings


class Limits(Protocol):
    """The limits of one model."""

    def slot(self, tokens: int) -> AbstractAsyncContextManager[None]:
        """Holds one of the model's places; `tokens` is what the call may use, in and out."""


Limiting = Callable[[str, ModelSettings], Limits]
"""The limits of a model, by its name and what the operator says of it."""


class Bucket:
    """A token bucket: a tenth of a minute's worth may be taken at once, the rest flows in evenly.

    No minute, wherever it begins, sees more than `per_minute` units.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = max(1.0, per_minute / 10)
        self._rate = (per_minute - self._size + 1) / 60
        self._level = self._size
        self._at = time.monotonic()

    async def take(self, amount: float) -> None:
        """Waits until `amount` units are there. More than the bucket holds is a debt, which later calls wait off."""
        now = time.monotonic()
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= amount
        # Going below zero before the sleep keeps the order of the callers and needs no lock.
        if self._level < 0:
            await asyncio.sleep(-self._level / self._rate)


class Limiter:
    """The limits of one model, shared by all jobs of the process."""

    def __init__(self, settings: ModelSettings) -> None:
        self._slots = asyncio.Semaphore(settings.max_concurrency)
        self._requests = Bucket(settings.rpm) if settings.rpm else None
        self._tokens = Bucket(settings.tpm) if settings.tpm else None

    @asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[None]:
        """Holds one of the model's places; `tokens` is what the call may use, in and out."""
        async with self._slots:
            if self._requests:
                await self._requests.take(1)
            if self._tokens:
                await self._tokens.take(tokens)
            yield
