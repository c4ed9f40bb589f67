"""What can go wrong, and the exit code that the command line gives it.

TeachbackError                   1   anything else, as a service that failed inside
├── BadInput (ValueError)        2   a file, a name or a setting that cannot be used
├── NotFound (LookupError)       2   no such job, dataset or example
├── Conflict                     2   the key was used before with other content, or the state does not allow it
├── OutputError (OSError)        2   the output cannot be written; what stood there is untouched
├── Unreachable (ConnectionError) 3  no service answers there
├── Refused (PermissionError)    3   the service wants another token
└── JobEnded                     1   the job failed, was paused or cancelled before its end

Nothing here imports gRPC: the command line shows its help without it.
"""

from __future__ import annotations

from typing import Any


class TeachbackError(Exception):
    """Root of all errors. `code` is the gRPC status by name where a service said it, `details` its typed messages."""

    exit_code = 1

    def __init__(self, message: str, code: str = "", details: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class BadInput(TeachbackError, ValueError):
    """A file, a name or a setting that cannot be used."""

    exit_code = 2


class NotFound(TeachbackError, LookupError):
    """No such job, dataset or example."""

    exit_code = 2


class Conflict(TeachbackError):
    """An idempotency key used before with other content, or a state that does not allow what was asked for."""

    exit_code = 2


class OutputError(TeachbackError, OSError):
    """The output cannot be written. What stood under its name before is untouched."""

    exit_code = 2


class Unreachable(TeachbackError, ConnectionError):
    """No service answers there."""

    exit_code = 3


class Refused(TeachbackError, PermissionError):
    """The service wants another token."""

    exit_code = 3


class JobEnded(TeachbackError):
    """The job failed, was paused or was cancelled before all of its rows were done. What is finished is kept."""


BY_CODE: dict[str, type[TeachbackError]] = {
    "INVALID_ARGUMENT": BadInput,
    "OUT_OF_RANGE": BadInput,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": Conflict,
    "FAILED_PRECONDITION": Conflict,
    "ABORTED": Conflict,
    "UNAVAILABLE": Unreachable,
    "DEADLINE_EXCEEDED": Unreachable,
    "UNAUTHENTICATED": Refused,
    "PERMISSION_DENIED": Refused,
}


def from_rpc(error: Any) -> TeachbackError:
    """The error of ours for a failed call, of grpc or of grpc.aio, with the details that the service attached."""
    from google.rpc import error_details_pb2

    code: str = error.code().name
    details = []
    for packed in _status_details(error):
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                packed.Unpack(message := kind())
                details.append(message)
    text = error.details() or f"the service answered {code} and nothing else"
    if code == "UNAVAILABLE":
        text = f"no service answers: {text}{_about_tls(text)}"
    for detail in details:
        for violation in getattr(detail, "field_violations", ()):
            if violation.description not in text:
                text += f"\n  {violation.field}: {violation.description}"
    return BY_CODE.get(code, TeachbackError)(text, code, tuple(details))


def _about_tls(text: str) -> str:
    """What to do where a connection came about and TLS did not; empty for any other failure."""
    if "WRONG_VERSION_NUMBER" in text:
        return "\n  the service there speaks no TLS: leave https:// and --tls-ca-file out, or name its other port"
    if "Hostname Verification" in text:
        return "\n  its certificate is for another name: write the name that stands in it"
    if "Tls handshake failed" in text or "CERTIFICATE_VERIFY_FAILED" in text or "SSL_ERROR" in text:
        return (
            "\n  its certificate is not to be trusted: --tls-ca-file or TEACHBACK_TLS_CA_FILE names who vouches for it"
        )
    if "failed to connect" in text and "Socket closed" in text:
        return "\n  so does a service end that speaks TLS (https://) or wants a certificate of yours (--tls-cert-file)"
    return ""


def _status_details(error: Any) -> list[Any]:
    """The packed details of a failed call; none where the service sent none."""
    from grpc_status import rpc_status

    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the status in the trailer disagrees with the call's: believe the call
        return []
    return list(status.details) if status is not None else []
