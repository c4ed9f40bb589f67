"""Spans of rounds: one for each turn of a loop, over all the nodes that it passes through.

The nodes of a round run one after the other in tasks of their own, so its span is kept beside the state, in the context
of the example: `round_spans` opens it, the decorator `in_round` makes the right span current for a node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, Protocol, TypeVar, cast

from opentelemetry.trace import Span, Tracer, use_span

from agents import telemetry

Node = TypeVar("Node", bound=Callable[..., Awaitable[Any]])


class Numbered(Protocol):
    """A turn of a loop."""

    @property
    def number(self) -> int:
        """From 1."""


_FIGURES: Final = ("right", "known", "score", "verified")
"""Of a turn, where it has them: figures and verdicts, nothing that was said."""


class Rounds:
    """The rounds of one example, of which at most one is open."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._number = 0
        self._span: Span | None = None

    def of(self, number: int, turns: Sequence[Numbered]) -> Span:
        """The span of a round. Another one than before ends that one."""
        if self._span is None or number != self._number:
            self.end(turns)
            self._number = number
            self._span = self._tracer.start_span(f"round {number}", attributes={"teachback.round": number})
        return self._span

    def end(self, turns: Sequence[Numbered], error: type[BaseException] | None = None) -> None:
        """Ends the open round, with what its turn has come to."""
        if self._span is None:
            return
        turn = next((turn for turn in turns if turn.number == self._number), None)
        for name in _FIGURES:
            if (value := getattr(turn, name, None)) is not None:
                self._span.set_attribute(f"teachback.{name}", value)
        if turn is not None:
            self._span.set_attribute("teachback.complaints", len(getattr(turn, "complaints", ())))
        if error is not None:
            telemetry.failed(self._span, error)
        self._span.end()
        self._span = None


_rounds: ContextVar[Rounds | None] = ContextVar("rounds", default=None)


@contextmanager
def round_spans() -> Iterator[list[Numbered]]:
    """Around the loop of one example. What is put into the list tells the last round how it ended."""
    turns: list[Numbered] = []
    if (tracer := telemetry.below()) is None:
        yield turns
        return
    mine = Rounds(tracer)
    token = _rounds.set(mine)
    try:
        yield turns
    except BaseException as error:
        mine.end(turns, type(error))
        raise
    finally:
        _rounds.reset(token)
        mine.end(turns)


def in_round(turns: str, *, begins: bool = False) -> Callable[[Node], Node]:
    """For a node: what it does belongs to the round that is being worked on, the last of the state's `turns`.

    `begins`: the node makes a turn, so it is the first of the next round.
    """

    def decorate(node: Node) -> Node:
        @wraps(node)
        async def traced(state: Any, runtime: Any) -> Any:
            if (mine := _rounds.get()) is None:
                return await node(state, runtime)
            so_far: Sequence[Numbered] = state[turns]
            with use_span(mine.of(len(so_far) + begins, so_far), record_exception=False, set_status_on_exception=False):
                return await node(state, runtime)

        return cast(Node, traced)

    return decorate
