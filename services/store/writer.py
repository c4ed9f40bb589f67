"""Group commit: the writes of many examples share one transaction and one fsync.

One thread owns the connection that writes. Whoever writes waits until the transaction that holds the write is on disk,
so a reply is never used, nor a result shown, that a crash could take back.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Executable, Table, insert
from sqlalchemy.exc import DBAPIError

from services import failpoints
from services.store import fence
from services.store.engine import gone, translated

WINDOW = 0.012
"""Seconds a transaction waits for company: an fsync and a commit cost a millisecond of CPU, however many rows share it,
and a model call takes a hundred times as long."""


class Book(NamedTuple):
    """Adds an amount to a sum that is kept in the database.

    `row` names what it locks: every process locks in the order of these names, so never in a circle.
    """

    row: str
    add: Callable[[Connection, float], None]


NOTHING: Final[Mapping[Book, float]] = MappingProxyType({})


@dataclass(slots=True)
class _Write:
    rows: list[tuple[Table, dict[str, Any]]]
    also: Callable[[Connection], None] | None
    sums: Mapping[Book, float]
    done: asyncio.Future[None]
    held: fence.Held | None
    last: bool


class Writer:
    """`start` it, `await write(...)`, `close` it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: deque[_Write] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._inserts: dict[Table, Executable] = {}

    def start(self) -> None:
        """Begins to write. Called from the event loop whose callers will wait."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def write(
        self,
        *rows: tuple[Table, dict[str, Any]],
        also: Callable[[Connection], None] | None = None,
        sums: Mapping[Book, float] = NOTHING,
        last: bool = False,
    ) -> None:
        """Inserts the rows, and runs `also`, in one transaction. Returns when it is on disk.

        `sums`: amounts for whoever books them, who is told once what all the writes of a transaction come to.

        `last`: after what the transaction does for others. So is run what locks a row that several processes write, so
        that it is locked for as short as can be, and never in a circle.

        Raises LeaseLost where the job that the caller works on is no longer its own, StorageFull, or SQLAlchemy's
        error; with nothing of this write stored in every case.
        """
        assert self._loop is not None, "the writer has not been started"
        write = _Write(list(rows), also, sums, self._loop.create_future(), fence.carried(), last)
        self._queue.append(write)
        self._wake.set()
        await write.done

    async def close(self) -> None:
        """Writes what is waiting and stops."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing:
                time.sleep(WINDOW)
            self._wake.clear()
            batch: list[_Write] = []
            while self._queue:
                batch.append(self._queue.popleft())
            if batch:
                self._commit(batch)
            if self._closing and not self._queue:
                return

    def _commit(self, batch: list[_Write]) -> None:
        try:
            self._transact(batch)
        except Exception as error:  # noqa: BLE001 - every waiting caller must hear of it, whatever it is
            # Of a server that went away nobody knows whether it has committed; whoever asks it later will.
            if len(batch) == 1 or gone(error):
                self._answer(batch, translated(error) if isinstance(error, DBAPIError) else error)
                return
            # One bad write must not take its neighbours down: each gets a transaction of its own.
            for write in batch:
                self._commit([write])
            return
        self._answer(batch, None)

    def _transact(self, batch: list[_Write]) -> None:
        by_table: dict[Table, list[dict[str, Any]]] = {}
        sums: dict[Book, float] = {}
        for write in batch:
            for table, row in write.rows:
                by_table.setdefault(table, []).append(row)
            for book, amount in write.sums.items():
                sums[book] = sums.get(book, 0.0) + amount
        with self._engine.begin() as connection:
            fence.check(connection, [write.held for write in batch if write.held])
            for table, rows in by_table.items():
                if (statement := self._inserts.get(table)) is None:
                    statement = self._inserts[table] = insert(table)
                connection.execute(statement, rows)
            for write in batch:
                if write.also and not write.last:
                    write.also(connection)
            for book, amount in sorted(sums.items(), key=lambda one: one[0].row):
                book.add(connection, amount)
            for write in batch:
                if write.also and write.last:
                    write.also(connection)
            failpoints.hit("before_commit")
        failpoints.hit("after_commit")

    def _answer(self, batch: list[_Write], error: BaseException | None) -> None:
        def tell() -> None:
            for write in batch:
                if write.done.done():
                    continue
                if error is None:
                    write.done.set_result(None)
                else:
                    write.done.set_exception(error)

        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(tell)
