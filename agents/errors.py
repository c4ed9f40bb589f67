"""What can go wrong with a model.

ModelError
├── TransientError            worth another try
│   ├── RateLimited           429; `retry_after` seconds where the provider said so
│   ├── ServerError           5xx, or the provider is overloaded
│   ├── CallTimeout           no answer in time
│   ├── BadReply              an answer that cannot be read (a cut-off body)
│   └── Unreachable           no connection; after the last try it stops the whole job
├── RefusedCall               this one request is at fault (too long, filtered): the example fails, the others go on
├── UnreadableReply           the model said something, but not what was asked for, repair included
└── StopWork                  no call to this model can succeed: the job stops and keeps what it has
    ├── UnknownModel          no provider by that name, or the provider has no such model
    ├── MissingKey            the provider wants a key that is not set
    ├── Unauthorized          the provider refused the key
    └── BudgetExceeded        the next call could cost more than is left
"""

from __future__ import annotations


class ModelError(Exception):
    """Root of everything that can go wrong with a model."""


class TransientError(ModelError):
    """Worth another try. `retry_after` is in seconds, None where the provider gave no hint."""

    retry_after: float | None = None
    may_be_billed = False
    """True where the provider may have done the work although we have no reply."""


class RateLimited(TransientError):
    """429, with the provider's own advice on when to come back."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerError(TransientError):
    """5xx."""


class CallTimeout(TransientError, TimeoutError):
    """No answer in time."""

    may_be_billed = True


class BadReply(TransientError, ValueError):
    """An answer that cannot be read, as a body cut off in the middle."""

    may_be_billed = True


class Unreachable(TransientError, ConnectionError):
    """No connection to the provider."""


class RefusedCall(ModelError, ValueError):
    """The provider refused this one request and would refuse it again."""


class UnreadableReply(ModelError, ValueError):
    """The model did not say what was asked for, and its repair did not either."""


class StopWork(ModelError):
    """No call to this model can succeed."""


class UnknownModel(StopWork, LookupError):
    """No provider by that name, or the provider has no such model."""


class MissingKey(StopWork, LookupError):
    """The provider wants a key that is not set."""


class Unauthorized(StopWork, PermissionError):
    """The provider refused the key."""


class BudgetExceeded(StopWork):
    """The next call could cost more than is left of the budget."""
