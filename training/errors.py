"""What can go wrong.

TrainingError (code "internal", exit 1)
├── InvalidInput (also ValueError; "invalid", exit 2)   settings or rows that can't be used
├── Busy ("busy", exit 2)                               another process is at the same
├── Missing (also LookupError; "missing", exit 2)       a model or a program that is not here
└── OutOfResource (also OSError; "resource", exit 1)    disk or memory is full, a device is not there
"""

from __future__ import annotations

from typing import ClassVar


class TrainingError(Exception):
    """Anything that a program of this folder stops at; the message says what to do."""

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1


class InvalidInput(TrainingError, ValueError):
    """Settings or rows that can't be used."""

    code = "invalid"
    exit_status = 2


class Busy(TrainingError):
    """Another process is at the same; once it has ended this one can be started again."""

    code = "busy"
    exit_status = 2


class Missing(TrainingError, LookupError):
    """A model, a file of it, or a program that is not here."""

    code = "missing"
    exit_status = 2


class OutOfResource(TrainingError, OSError):
    """Disk or memory is full, or a device is not there."""

    code = "resource"
    exit_status = 1
