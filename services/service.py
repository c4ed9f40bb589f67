"""The whole service as its faces hold it. What a caller may ask is asked of the handlers of the caller's project."""

from __future__ import annotations

from services.access import caller
from services.access.access import Access
from services.access.desk import Desk
from services.handlers import Handlers
from services.jobs.owned import ProjectJobs
from services.jobs.scheduler import Scheduler
from services.training.estimating import Estimator


class Service:
    """One a process. `mine` is where every call of a face goes."""

    def __init__(self, scheduler: Scheduler, access: Access) -> None:
        self.scheduler, self.access = scheduler, access
        self._estimator = Estimator(scheduler.artifacts)
        self.calls = 0
        """Calls begun so far."""
        self.in_flight = 0
        """Calls being answered; a private service does not go away under one."""

    @property
    def mine(self) -> Handlers:
        """The handlers of whoever is calling."""
        return self.of(caller.current().project)

    @property
    def desk(self) -> Desk:
        """What whoever is calling may do with projects, tokens and the audit log."""
        return self.access.desk(caller.current())

    def of(self, project: str) -> Handlers:
        """The handlers of a project's callers."""
        return Handlers(ProjectJobs(self.scheduler, project), self.scheduler.kit(project), self._estimator)
