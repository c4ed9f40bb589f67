"""The service's own figures. What the agents count of models stands in agents/telemetry.py.

Silent until `listen` is called. Labels are kinds, states, outcomes, reasons and methods, each from a closed set: never
a job, a row, a caller or a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

KIND: Final = "teachback.kind"
OUTCOME: Final = "teachback.outcome"
STATE: Final = "teachback.state"
REASON: Final = "teachback.reason"


class Queue(NamedTuple):
    """How the jobs of the process stand. `oldest`: seconds that the first in line has waited, 0 without a line."""

    waiting: int
    running: int
    oldest: float


class Training(NamedTuple):
    """What a training has told last."""

    loss: float | None
    lowest_loss: float | None
    eval_loss: float | None
    tokens_per_second: float | None


class _Counts:
    def __init__(self, meter: Meter) -> None:
        self.examples = meter.create_counter(
            "teachback.examples", "{example}", "Examples that were brought to an outcome."
        )
        self.refused = meter.create_counter(
            "teachback.examples.refused",
            "{example}",
            "Accepted examples that were taken back, as duplicates or surplus.",
        )
        self.rounds = meter.create_counter("teachback.rounds", "{round}", "Rounds of finished examples.")
        self.ended = meter.create_counter("teachback.jobs.ended", "{job}", "Runs of jobs by how they ended.")
        self.errors = meter.create_counter(
            "teachback.errors", "{error}", "Errors that callers were told, over gRPC and REST, by their reason."
        )
        self.calls = meter.create_histogram(
            "rpc.server.call.duration",
            "s",
            "Calls over gRPC, by method and status.",
            explicit_bucket_boundaries_advisory=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        )
        meter.create_observable_gauge("teachback.jobs", [_jobs], "{job}", "Jobs that wait, and jobs at work.")
        meter.create_observable_gauge("teachback.queue.age", [_age], "s", "How long the first job in line has waited.")
        meter.create_observable_gauge("teachback.training.loss", [_training("loss")], "", "Of the last step told.")
        meter.create_observable_gauge(
            "teachback.training.loss.lowest", [_training("lowest_loss")], "", "Of all steps told of the same training."
        )
        meter.create_observable_gauge(
            "teachback.training.eval_loss", [_training("eval_loss")], "", "Of the last measurement told."
        )
        meter.create_observable_gauge(
            "teachback.training.tokens_per_second", [_training("tokens_per_second")], "", "Padding not counted."
        )


_counts: _Counts | None = None
_queue: Callable[[], Queue] | None = None
_trainings: dict[str, Training] = {}


def listen(meter: Meter) -> None:
    """Counts from now on."""
    global _counts  # noqa: PLW0603 - one process, one listener
    _counts = _Counts(meter)


def silence() -> None:
    """Nobody listens any more."""
    global _counts, _queue  # noqa: PLW0603 - as above
    _counts = _queue = None
    _trainings.clear()


def watch(queue: Callable[[], Queue]) -> None:
    """Whom to ask how jobs stand. It is asked from another thread."""
    global _queue  # noqa: PLW0603 - as above
    _queue = queue


def example(kind: str, outcome: str, rounds: int = 0, *, times: int = 1) -> None:
    """So many examples of a job of this kind have this outcome."""
    if _counts is None:
        return
    _counts.examples.add(times, {KIND: kind, OUTCOME: outcome})
    if rounds:
        _counts.rounds.add(rounds, {KIND: kind})


def rounds(kind: str, times: int) -> None:
    """Finished examples of this kind took so many rounds, which `example` was not told."""
    if _counts is not None and times:
        _counts.rounds.add(times, {KIND: kind})


def refused(kind: str, outcome: str) -> None:
    """An accepted example has this outcome after all."""
    if _counts is not None:
        _counts.refused.add(1, {KIND: kind, OUTCOME: outcome})


def job(kind: str, state: str, reason: str = "") -> None:
    """A run of a job has ended so; `reason` as callers are told it (services/errors.py), empty where all went well."""
    if _counts is not None:
        _counts.ended.add(1, {KIND: kind, STATE: state, REASON: reason})


def error(reason: str) -> None:
    """A caller was told this reason."""
    if _counts is not None:
        _counts.errors.add(1, {REASON: reason})


def call(method: str, status: str, seconds: float) -> None:
    """A call over gRPC has ended."""
    if _counts is not None:
        labels = {"rpc.system.name": "grpc", "rpc.method": method, "rpc.response.status_code": status}
        _counts.calls.record(seconds, labels)


def training(kind: str, told: Training | None) -> None:
    """What a training of this kind tells; None once it has ended. Of several of a kind the last to speak counts."""
    if told is None:
        _trainings.pop(kind, None)
    elif _counts is not None:
        _trainings[kind] = told


def _jobs(_options: CallbackOptions) -> Iterable[Observation]:
    if _queue is None:
        return []
    now = _queue()
    return [Observation(now.waiting, {STATE: "queued"}), Observation(now.running, {STATE: "running"})]


def _age(_options: CallbackOptions) -> Iterable[Observation]:
    return [] if _queue is None else [Observation(_queue().oldest)]


def _training(figure: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        told = [(kind, getattr(one, figure)) for kind, one in list(_trainings.items())]
        return [Observation(value, {KIND: kind}) for kind, value in told if value is not None]

    return observe
