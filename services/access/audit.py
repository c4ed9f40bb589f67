"""Who did what: one row for every write, every refusal and every read of exports and files; rows are only added.

The same goes to the structured log. No secret is in either: a token stands there by its id.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

import structlog
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError

from services.access.caller import NOBODY, Caller
from services.access.tokens import FORM, SHOWN
from services.access.views import AuditEntry, AuditPage
from services.errors import StorageFull
from services.store.ids import moment, page_size, page_token, read_token
from services.store.tables import audit
from services.store.writer import Writer

log = structlog.get_logger()

TOGETHER: Final = 1.0
"""Seconds in which refusals like one that was written become one entry more: whoever knocks a thousand times a second
must not fill the disk."""
DAY: Final = 86400.0


class Audit:
    """Writes the log, and reads it."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine, self._writer = engine, writer
        self._more: dict[tuple[str, ...], int] = {}
        """Of refusals that were written within the last second, how many equal ones came since."""
        self._counting: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    async def done(self, caller: Caller, method: str, object_: str, address: str, outcome: str) -> None:
        """Records a call that was let in. Returns when that is on disk."""
        await self._write(caller.project, caller.token, method, object_, address, outcome, 1)

    async def refused(self, caller: Caller | None, method: str, object_: str, address: str, outcome: str) -> None:
        """Records one that was not. `caller`: None where nobody knows who it was."""
        project, token = (caller.project, caller.token) if caller else ("", NOBODY)
        # A stranger may make up as many as it likes, and so may who asks too often.
        about = object_ if caller and outcome != "RATE_LIMITED" else ""
        key = (project, token, method, about, address, outcome)
        if key in self._more:
            self._more[key] += 1
            return
        self._more[key] = 0
        counting = asyncio.create_task(self._count(key))
        self._counting.add(counting)
        counting.add_done_callback(self._counting.discard)
        await self._write(project, token, method, object_, address, outcome, 1)

    async def close(self) -> None:
        """Writes down what was counted so far."""
        self._closing.set()
        await asyncio.gather(*self._counting)

    async def _count(self, key: tuple[str, ...]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER):
                await self._closing.wait()
        if more := self._more.pop(key):
            project, token, method, about, address, outcome = key
            await self._write(project, token, method, about, address, outcome, more)

    async def _write(
        self, project: str, token: str, method: str, object_: str, address: str, outcome: str, times: int
    ) -> None:
        row: dict[str, Any] = {
            "time": time.time(),
            "project": project or None,
            "token": token,
            "method": _plain(method, 200),
            "object": _plain(object_, 200),
            "address": _plain(address, 100),
            "outcome": outcome,
            "times": times,
        }
        log.info("audit", **{name: value for name, value in row.items() if name != "time"})
        try:
            await self._writer.write((audit, row))
        except (StorageFull, SQLAlchemyError):
            # What was done is done; its caller hears what came of it, and the line above is the record.
            log.exception("the audit log can't be written")

    def page(self, project: str | None, size: int, token: str) -> AuditPage:
        """A page of entries, newest first. `project`: None for those of all, and of callers of none. Blocks."""
        limit, at = page_size(size), read_token(token, int)
        query = select(audit).order_by(audit.c.id.desc())
        if project is not None:
            query = query.where(audit.c.project == project)
        if at:
            query = query.where(audit.c.id < at[0])
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        more = page_token(rows[limit - 1].id) if len(rows) > limit else ""
        return AuditPage(entries=[_entry(r) for r in rows[:limit]], next_page_token=more)

    def forget(self, days: int) -> int:
        """Drops entries older than so many days (0: none) and returns how many; nothing else ever does. Blocks."""
        if not days:
            return 0
        with self._engine.begin() as connection:
            return connection.execute(delete(audit).where(audit.c.time < time.time() - days * DAY)).rowcount


def _entry(row: Any) -> AuditEntry:
    when = moment(row.time)
    assert when is not None
    return AuditEntry(
        time=when,
        project=f"projects/{row.project}" if row.project else "",
        token=f"tokens/{row.token}" if row.token else "",
        method=row.method,
        object=row.object,
        address=row.address,
        outcome=row.outcome,
        times=row.times,
    )


def _plain(text: str, most: int) -> str:
    """What a caller sent, as a database stores it and a terminal shows it; of a secret, what tells tokens apart."""
    text = FORM.sub(lambda secret: secret[0][:SHOWN] + "...", text)
    return "".join(c if c.isprintable() else "?" for c in text[:most]).encode(errors="replace").decode()
