"""Sessions whose process froze in the middle of a write: their locks would keep a job, or a project's purse, for ever.

`idle_in_transaction_session_timeout` (services/store/postgres.py) ends most of them. It does not see the others: many
rows are written in libpq's pipeline mode, whose last message, a flush, turns the timer off; and within a pipeline a
session is not idle at all. So every replica looks for them too.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Engine, text

from services.store.postgres import FROZEN

log = structlog.get_logger()

# Whoever writes of a job has made sure of its lease before (services/store/fence.py), and so has a lock on the table
# of the leases. A reader's lock keeps nobody from anything.
_END = text(
    """
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
      AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - make_interval(secs => :seconds)
      AND pid IN (
        SELECT pid FROM pg_locks WHERE relation = 'leases'::regclass AND granted AND mode <> 'AccessShareLock'
      )
    """
)


def end_frozen(engine: Engine) -> list[int]:
    """Ends the sessions that have held locks and been silent for FROZEN milliseconds; returns their processes' ids."""
    with engine.begin() as connection:
        ended = [row.pid for row in connection.execute(_END, {"seconds": FROZEN / 1000})]
    if ended:
        log.warning("sessions that stood still in the middle of a write were ended", sessions=ended)
    return ended
