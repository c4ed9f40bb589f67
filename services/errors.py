"""One tree of errors, one table to gRPC and HTTP.

ServiceError
├── InvalidRequest       what was asked can't be done as it stands: INVALID_ARGUMENT, 400
├── NotFound             NOT_FOUND, 404; what is another project's too, and a route that is not there
├── MethodNotAllowed     the route is there, the method is not: UNIMPLEMENTED, 405
├── AlreadyExists        the name is taken: ALREADY_EXISTS, 409
├── Conflict             the key was used for something else: ALREADY_EXISTS, 409
├── WrongState           not in this state: FAILED_PRECONDITION, 409
├── NotInstalled         a part of the service is not there: FAILED_PRECONDITION, 409
├── TrainingFailed       a program of the trainer died: ABORTED, 409
├── Unauthenticated      no token, or the wrong one: UNAUTHENTICATED, 401
├── PermissionDenied     the token's scope is too small: PERMISSION_DENIED, 403
├── RateLimited          too many requests a second: RESOURCE_EXHAUSTED, 429, with the time to wait
├── QuotaExceeded        the project has as much as it may: RESOURCE_EXHAUSTED, 429
├── TooLarge             RESOURCE_EXHAUSTED, 413
├── StorageFull          RESOURCE_EXHAUSTED, 507
├── ArtifactsGone        the store of the artifacts does not answer, or refuses: UNAVAILABLE, 503
└── DatabaseGone         the database's server does not answer: UNAVAILABLE, 503

Model errors (agents/errors.py) and dataset errors (services/datasets/errors.py) have their rows in the same table.
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from agents import errors as models
from services.datasets.errors import DatasetError


class ServiceError(Exception):
    """Root of what a caller can be told."""


class InvalidRequest(ServiceError, ValueError):
    """What was asked can't be done as it stands."""


class NotFound(ServiceError, LookupError):
    """There is no such thing."""


class MethodNotAllowed(ServiceError):
    """There is such a route, and it does not take this method."""


class AlreadyExists(ServiceError):
    """The name is taken."""


class Conflict(ServiceError):
    """The idempotency key was used for something else."""


class WrongState(ServiceError):
    """Not possible in the state it is in."""


class NotInstalled(ServiceError):
    """The service was installed without what this needs."""


class TrainingFailed(ServiceError):
    """A program of the trainer ended before its time. What it had made is kept; a resumed job goes on from there."""


class Unauthenticated(ServiceError, PermissionError):
    """No token, or the wrong one."""


class PermissionDenied(ServiceError, PermissionError):
    """The token is good, and not for this."""


class RateLimited(ServiceError):
    """Too many requests a second. `wait`: seconds after which another one may be let in."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class QuotaExceeded(ServiceError):
    """The project has, or spends, as much as it may."""


class TooLarge(ServiceError):
    """More than the operator allows."""


class StorageFull(ServiceError, OSError):
    """The disk or the database is full."""


class DatabaseGone(ServiceError, ConnectionError):
    """The database's server does not answer, or refuses for a while."""


class ArtifactsGone(ServiceError, ConnectionError):
    """The store of the artifacts does not answer, or refuses. `why` names addresses, and is the operator's to see."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Mapped:
    """How a caller hears of an error. `reason` is stable and meant for programs."""

    grpc: grpc.StatusCode
    http: int
    reason: str


C = grpc.StatusCode
# The first row whose class fits counts, so a class stands before its parents.
TABLE: tuple[tuple[type[BaseException], Mapped], ...] = (
    (DatasetError, Mapped(C.INVALID_ARGUMENT, 400, "BAD_DATASET")),
    (InvalidRequest, Mapped(C.INVALID_ARGUMENT, 400, "INVALID_REQUEST")),
    (NotFound, Mapped(C.NOT_FOUND, 404, "NOT_FOUND")),
    (MethodNotAllowed, Mapped(C.UNIMPLEMENTED, 405, "METHOD_NOT_ALLOWED")),
    (AlreadyExists, Mapped(C.ALREADY_EXISTS, 409, "ALREADY_EXISTS")),
    (Conflict, Mapped(C.ALREADY_EXISTS, 409, "IDEMPOTENCY_KEY_REUSED")),
    (WrongState, Mapped(C.FAILED_PRECONDITION, 409, "WRONG_STATE")),
    (NotInstalled, Mapped(C.FAILED_PRECONDITION, 409, "NOT_INSTALLED")),
    (TrainingFailed, Mapped(C.ABORTED, 409, "TRAINING_FAILED")),
    (Unauthenticated, Mapped(C.UNAUTHENTICATED, 401, "UNAUTHENTICATED")),
    (PermissionDenied, Mapped(C.PERMISSION_DENIED, 403, "PERMISSION_DENIED")),
    (RateLimited, Mapped(C.RESOURCE_EXHAUSTED, 429, "RATE_LIMITED")),
    (QuotaExceeded, Mapped(C.RESOURCE_EXHAUSTED, 429, "QUOTA_EXCEEDED")),
    (TooLarge, Mapped(C.RESOURCE_EXHAUSTED, 413, "TOO_LARGE")),
    (StorageFull, Mapped(C.RESOURCE_EXHAUSTED, 507, "STORAGE_FULL")),
    (ArtifactsGone, Mapped(C.UNAVAILABLE, 503, "ARTIFACTS_UNAVAILABLE")),
    (DatabaseGone, Mapped(C.UNAVAILABLE, 503, "DATABASE_UNAVAILABLE")),
    (models.BudgetExceeded, Mapped(C.RESOURCE_EXHAUSTED, 402, "BUDGET_EXCEEDED")),
    (models.UnknownModel, Mapped(C.INVALID_ARGUMENT, 400, "UNKNOWN_MODEL")),
    (models.MissingKey, Mapped(C.FAILED_PRECONDITION, 409, "MISSING_KEY")),
    (models.Unauthorized, Mapped(C.FAILED_PRECONDITION, 409, "PROVIDER_REFUSED_KEY")),
    (models.ModelError, Mapped(C.UNAVAILABLE, 503, "MODEL_UNAVAILABLE")),
)


def mapped(error: BaseException) -> Mapped | None:
    """The table's row for an error, None for one that nobody foresaw."""
    return next((row for kind, row in TABLE if isinstance(error, kind)), None)


def named(reason: str) -> type[BaseException] | None:
    """The class of the errors that are told with a reason, None where the table has no such reason."""
    return next((kind for kind, row in TABLE if row.reason == reason), None)
