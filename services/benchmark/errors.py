"""What ends a benchmark or one model's part in it.

BenchmarkError
├── BadPlan (ValueError)         nothing can be measured as asked: an address, a filter, a file
├── NoServer (ConnectionError)   nothing answers there, or not as a model server does
└── ModelFailed                  this one model could not be loaded or measured; the others go on
"""

from __future__ import annotations


class BenchmarkError(Exception):
    """Root of what goes wrong here. The message is one line for a person."""


class BadPlan(BenchmarkError, ValueError):
    """Nothing can be measured as asked."""


class NoServer(BenchmarkError, ConnectionError):
    """Nothing answers at the address, or not as a model server does."""


class ModelFailed(BenchmarkError):
    """This model could not be loaded or measured."""
