"""A round of a loop is one superstep, whatever it passes through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from langgraph.errors import GraphRecursionError
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.rounds import add_rounds


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many turns to make."""

    turns: int


class Steps(TypedDict):
    """Turns of a loop, and the nodes that were passed."""

    turns: list[str]
    passed: list[str]


async def begin(state: Steps, runtime: Runtime[Wanted]) -> Command[Literal["look"]]:
    """Makes a turn."""
    return Command(update={"turns": [*state["turns"], "new"], "passed": [*state["passed"], "begin"]}, goto="look")


async def look(state: Steps, runtime: Runtime[Wanted]) -> Command[Literal["mend", "__end__"]]:
    """Ends with as many turns as the context says."""
    assert state["turns"][-1] == "new"  # what the node before it has just changed
    done = len(state["turns"]) == runtime.context.turns
    turns = [*state["turns"][:-1], f"turn {len(state['turns'])}"]
    changed = {"turns": turns, "passed": [*state["passed"], "look"]}
    return Command(update=changed, goto="__end__" if done else "mend")


async def mend(state: Steps, runtime: Runtime[Wanted]) -> Command[Literal["begin"]]:
    """Changes nothing."""
    assert state["turns"][-1] != "new"
    return Command(goto="begin")


def build() -> Any:
    graph = StateGraph(Steps, context_schema=Wanted)
    add_rounds(graph, "turns", begin, look, mend)
    return graph.compile()


def test_a_round_is_one_superstep_and_sees_what_its_nodes_have_changed() -> None:
    async def play() -> list[Any]:
        graph, start = build(), Steps(turns=[], passed=[])
        return [step async for step in graph.astream(start, context=Wanted(3), stream_mode="updates")]

    steps = asyncio.run(play())
    assert [list(step) for step in steps] == [["begin"]] * 3
    assert steps[-1]["begin"]["turns"] == ["turn 1", "turn 2", "turn 3"]
    assert steps[-1]["begin"]["passed"] == ["begin", "look"] * 3


def test_a_loop_without_an_end_is_ended() -> None:
    with pytest.raises(GraphRecursionError):
        asyncio.run(build().ainvoke(Steps(turns=[], passed=[]), {"recursion_limit": 4}, context=Wanted(9)))


def test_the_drawing_shows_every_way() -> None:
    drawn = build().get_graph().draw_mermaid()
    for way in ("begin -.-> look", "look -.-> mend", "look -.-> __end__", "mend -.-> begin", "__start__ --> begin"):
        assert way in drawn
