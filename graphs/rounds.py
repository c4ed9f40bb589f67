"""Loops that turn in rounds: one superstep of LangGraph takes a whole round, under one span.

LangGraph charges some 0.2 ms of CPU for a superstep, as much as a call of a model costs everything else of ours. So the
node that is entered goes straight on to the one it names, until that one begins the next round or the loop ends. What
may follow what is the graph's own, and so is its drawing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from opentelemetry.trace import Span

from agents import telemetry

Node = Callable[[Any, Any], Awaitable[Command[Any]]]
"""Takes the state and LangGraph's runtime, and names the node that is next."""

_FIGURES: Final = ("right", "known", "score", "verified")
"""Of a turn, where it has them: figures and verdicts, nothing that was said."""


def add_rounds(graph: StateGraph[Any, Any, Any, Any], turns: str, *nodes: Node) -> None:
    """Adds the nodes of a loop.

    `turns` is the state's list of them, of which the last is being worked on; the first node makes another one, and so
    begins a round.
    """
    steps = {node.__name__: node for node in nodes}
    for name, node in steps.items():
        graph.add_node(name, _through_the_round(node, steps, turns))
    graph.add_edge(START, next(iter(steps)))


def _through_the_round(node: Node, steps: dict[str, Node], turns: str) -> Any:  # which of LangGraph's kinds of nodes
    first = next(iter(steps))

    @wraps(node)
    async def through(state: Any, runtime: Any) -> Command[Any]:
        with _span(len(state[turns]) + (node.__name__ == first)) as span:
            step = await node(state, runtime)
            changed: dict[str, Any] = dict(step.update or {})
            while step.goto not in (first, END):
                assert isinstance(step.goto, str), "a node of a loop names one other"
                step = await steps[step.goto]({**state, **changed}, runtime)
                changed |= step.update or {}
            if span is not None:
                _tell(span, changed[turns][-1])
        return Command(update=changed, goto=step.goto)

    return through


@contextmanager
def _span(number: int) -> Iterator[Span | None]:
    """The round's own, where anybody listens."""
    if (tracer := telemetry.below()) is None:
        yield None
        return
    about = {"teachback.round": number}
    with tracer.start_as_current_span(
        f"round {number}", attributes=about, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:  # cancelled, too: the span says how the round ended, and it is raised
            telemetry.failed(span, type(error))
            raise


def _tell(span: Span, turn: object) -> None:
    """What the round has come to."""
    for name in _FIGURES:
        if (value := getattr(turn, name, None)) is not None:
            span.set_attribute(f"teachback.{name}", value)
    span.set_attribute("teachback.complaints", len(getattr(turn, "complaints", ())))
