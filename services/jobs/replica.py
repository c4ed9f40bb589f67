"""One of several services on one database: takes jobs up that are nobody's, and does what the others ask of its own.

A job has one owner at a time, who holds its lease. A call reaches whichever service is asked: it reads the database,
and where a verb is for another's job, it asks the owner and waits for the answer. Of a dead owner's job the lease ends,
and the next look of any service finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import Engine

from services.errors import ServiceError, WrongState, mapped, named
from services.jobs.log import EventLog
from services.store import fence
from services.store.fence import Held, LeaseLost
from services.store.ids import tail
from services.store.leases import Leases
from services.store.requests import Answer, Asked, RequestStore
from services.views import Job

log = structlog.get_logger()

LOOK: Final = 0.5
"""Seconds between two looks at the database."""
POLL: Final = 0.1
"""Seconds between two looks for an answer."""
PATIENCE: Final = 60.0
"""Seconds that an answer may take: a training is given some to end."""
GRACE: Final = 3.0
"""Seconds in which an owner that has just given its lease back may still answer."""

T = TypeVar("T")
Verb = Callable[[str, float | None], Awaitable[Job]]


class Local(Protocol):
    """What the scheduler of this process does with jobs that are its own."""

    verbs: Mapping[str, Verb]

    async def get(self, name: str) -> Job: ...
    async def take_up(self, job_id: str) -> None: ...
    def lose(self, job_id: str) -> None: ...
    def drop(self, job_id: str) -> None: ...


@dataclass(slots=True, eq=False)
class _Entry:
    held: Held
    users: int = 1
    lost: bool = False


class Replica:
    """`start` it, `hold` a job to write of it, `do` what a caller wants done, `close` it."""

    def __init__(self, engine: Engine, events: EventLog, local: Local) -> None:
        self._events, self._local = events, local
        self._requests = RequestStore(engine)
        self._leases = Leases(engine, self._on_lost)
        self._entries: dict[str, _Entry] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._background: set[asyncio.Task[Any]] = set()
        self._seen: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to look around."""
        self._loop = asyncio.get_running_loop()
        self._leases.start()
        log.info("one of the replicas of this database", owner=self._leases.owner)
        self._looking = asyncio.create_task(self._look_around())

    async def rest(self) -> None:
        """Looks around no more: what is given back now is for others to take."""
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def close(self) -> None:
        """Gives every lease back. Whoever worked has been stopped before."""
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.to_thread(self._leases.close)

    # ------------------------------------------------------------ owning
    @asynccontextmanager
    async def hold(self, job_id: str) -> AsyncIterator[bool]:
        """Whether the job is ours inside: then whatever is written there is written as its owner."""
        entry = await self._enter(job_id)
        if entry is None:
            yield False
            return
        try:
            with fence.carrying(entry.held):
                yield True
        finally:
            await asyncio.shield(self._begin(self._left(job_id, entry)))

    async def _enter(self, job_id: str) -> _Entry | None:
        entering = self._begin(self._entered(job_id))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(lambda task: self._undo(job_id, task))
            raise

    def _undo(self, job_id: str, entering: asyncio.Task[_Entry | None]) -> None:
        if not entering.cancelled() and not entering.exception() and (entry := entering.result()):
            self._begin(self._left(job_id, entry))

    async def _entered(self, job_id: str) -> _Entry | None:
        async with self._locks.setdefault(job_id, asyncio.Lock()):
            if entry := self._entries.get(job_id):
                if entry.lost:  # what worked under it is still coming to its end
                    return None
                entry.users += 1
                return entry
            held = await asyncio.to_thread(self._leases.claim, job_id)
            if held is None:
                return None
            self._events.forget(job_id)  # others have written since
            entry = self._entries[job_id] = _Entry(held)
            return entry

    async def _left(self, job_id: str, entry: _Entry) -> None:
        async with self._locks.setdefault(job_id, asyncio.Lock()):
            entry.users -= 1
            if not entry.users:
                del self._entries[job_id]
                await asyncio.to_thread(self._leases.release, entry.held)

    def _on_lost(self, held: Held) -> None:
        """Called on the thread that renews."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lost, held)

    def _lost(self, held: Held) -> None:
        entry = self._entries.get(held.job_id)
        if entry and entry.held == held:
            entry.lost = True
            log.warning("a job's lease is lost; its work here is stopped", job=f"jobs/{held.job_id}", fence=held.fence)
            self._local.lose(held.job_id)

    # ------------------------------------------------------------ what callers want
    async def do(self, name: str, verb: str, max_cost: float | None = None) -> Job:
        """Does a verb, or has the owner do it. Raises what the verb raises, WrongState where the owner is silent."""
        job_id, until = tail(name, "jobs"), time.monotonic() + PATIENCE
        await self._local.get(name)  # is there such a job?
        while True:
            try:
                async with self.hold(job_id) as mine:
                    if mine:
                        return await self._local.verbs[verb](name, max_cost)
            except LeaseLost:
                log.warning("a job was lost while a caller's verb was done; it is tried again", job=name, verb=verb)
            if await self._asked(job_id, verb, max_cost, until):
                return await self._local.get(name)

    async def _asked(self, job_id: str, verb: str, max_cost: float | None, until: float) -> bool:
        """Asks the owner. Returns whether it is done; if not, the job has no owner by now, and may be held."""
        id_ = await asyncio.to_thread(self._requests.ask, job_id, verb, max_cost)
        silent = 0.0
        while time.monotonic() < until:
            await asyncio.sleep(POLL)
            found = await asyncio.to_thread(self._requests.standing, id_)
            if found is None:
                return False
            if found.done is not None:
                await asyncio.to_thread(self._requests.withdraw, id_, taken=True)
                _raise(found.done)
                return True
            if found.taken:
                silent = 0.0 if found.owner == "taker" else silent or time.monotonic()
                if silent and time.monotonic() - silent > GRACE:
                    return not await asyncio.to_thread(self._requests.withdraw, id_, taken=True)
            elif found.owner == "nobody" and await asyncio.to_thread(self._requests.withdraw, id_, taken=False):
                return False
        await asyncio.to_thread(self._requests.withdraw, id_, taken=False)
        raise WrongState(f"jobs/{job_id} is at work in another replica, which has not answered for {PATIENCE:.0f} s")

    async def _answer(self, asked: Asked) -> None:
        if not await asyncio.to_thread(self._requests.take, asked.id, self._leases.owner):
            return
        answer: Answer = {}
        try:
            await self.do(f"jobs/{asked.job_id}", asked.verb, asked.max_cost)
        except Exception as error:  # whoever asked hears of it, whatever it is
            row = mapped(error)
            if row is None:
                log.exception("a verb that another replica asked for failed", job=asked.job_id, verb=asked.verb)
            answer = {"reason": row.reason if row else "INTERNAL", "message": str(error) if row else "internal error"}
        await asyncio.to_thread(self._requests.answer, asked.id, answer)

    # ------------------------------------------------------------ looking around
    async def _look_around(self) -> None:
        trouble = False
        while True:
            try:
                await self._look()
                trouble = False
            except Exception as error:  # noqa: BLE001 - whatever it is, a look that failed must not be the last one
                if not trouble:
                    log.warning("a look at the jobs failed; trying on", error=type(error).__name__, told=_told(error))
                trouble = True
            await asyncio.sleep(LOOK)

    async def _look(self) -> None:
        watched = [id_ for id_ in self._events.watched() if id_ not in self._entries]
        seen = await asyncio.to_thread(self._requests.look, self._leases.owner, watched)
        for job_id in seen.foreign - self._entries.keys():
            self._local.drop(job_id)
        for asked in seen.asked:
            self._begin(self._answer(asked))
        for job_id, last in seen.last.items():
            if self._seen.get(job_id) != last:
                self._events.wake(job_id)
        self._seen = seen.last
        for job_id in seen.free:
            if job_id not in self._entries:
                await self._local.take_up(job_id)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begins what comes to its end whatever becomes of the caller."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):  # whoever waited for it has heard of it
            log.warning("what was done for another came to nothing", error=type(error).__name__)


def _told(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _raise(answer: Answer) -> None:
    """Raises what the owner's answer tells of."""
    if not answer:
        return
    kind = named(answer["reason"]) or ServiceError
    raise kind(answer["message"])
