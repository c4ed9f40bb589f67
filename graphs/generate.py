"""Making one example from a source: propose, check, evaluate, and again with the exact complaint.

propose (teacher) -> check (exact rules) -> evaluate (evaluator, rubric) -> END: accepted
   ^                   |                      |
   +------ not yet <---+----------------------+--> END: dropped, with the last complaint
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict, TypeVar

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from agents.errors import UnreadableReply
from agents.evaluator import Evaluator
from agents.teacher import Teacher
from graphs.recipes.base import Generated, Made, Recipe, Rubric, Slot, Turn, Unreadable
from graphs.rounds import add_rounds

Node = TypeVar("Node", bound=str)


@dataclass(frozen=True, slots=True)
class Makers:
    """Who plays, by which recipe, and how strictly. `threshold` is the mean score a rubric must give, 0..1."""

    teacher: Teacher
    evaluator: Evaluator
    recipe: Recipe
    max_attempts: int = 3
    threshold: float = 0.6
    temperature: float | None = None
    """The teacher's, where the caller wants another than agents/sampling.py has."""


class Making(TypedDict):
    """The state of one slot. The last turn is being worked on."""

    slot: Slot
    turns: list[Turn]
    outcome: Made | None
    rubric: Rubric | None
    """What to ask about the last turn's draft."""


# ---------------------------------------------------------------- nodes
async def propose(state: Making, runtime: Runtime[Makers]) -> Command[Literal["check"]]:
    """The teacher writes, or mends what was complained about."""
    makers, turns = runtime.context, state["turns"]
    ask = makers.recipe.propose(state["slot"], turns)
    number = len(turns) + 1
    text = await makers.teacher.propose(ask.name, ask.prompt, number, makers.temperature)
    return Command(update={"turns": [*turns, Turn(number=number, text=text)]}, goto="check")


async def check(state: Making, runtime: Runtime[Makers]) -> Command[Literal["evaluate", "propose", "__end__"]]:
    """What can be known exactly."""
    makers, slot, (*earlier, last) = runtime.context, state["slot"], state["turns"]
    rubric = None
    try:
        draft = makers.recipe.read(slot, last.text)
    except Unreadable as error:
        last = last.model_copy(update={"complaints": [str(error)]})
    else:
        last = last.model_copy(update={"draft": draft, "complaints": makers.recipe.check(slot, draft)})
        rubric = None if last.complaints else makers.recipe.rubric(slot, draft)
    return _go([*earlier, last], after_check(last, rubric, makers), makers, rubric)


async def evaluate(state: Making, runtime: Runtime[Makers]) -> Command[Literal["propose", "__end__"]]:
    """What only a judge can tell. An unreadable rating is a failed one, never a middling score."""
    makers, rubric, (*earlier, last) = runtime.context, state["rubric"], state["turns"]
    assert rubric is not None
    try:
        rating = await makers.evaluator.rate(rubric.ask.name, rubric.ask.prompt, rubric.shape, last.number)
        told = {"score": round(rating.score, 4), "critique": rating.critique.strip()}
    except UnreadableReply as error:
        told = {"score": 0.0, "critique": str(error)}
    last = last.model_copy(update=told)
    return _go([*earlier, last], after_evaluation(last, makers), makers)


# ---------------------------------------------------------------- routing
def after_check(last: Turn, rubric: Rubric | None, makers: Makers) -> Literal["evaluate", "propose", "__end__"]:
    """Rules kept: to the rubric, if there is one. Broken: once more, as long as there are attempts."""
    if last.draft is None or last.complaints:
        return "propose" if last.number < makers.max_attempts else "__end__"
    return "evaluate" if rubric else "__end__"


def after_evaluation(last: Turn, makers: Makers) -> Literal["propose", "__end__"]:
    """Good enough, or out of attempts: the end."""
    good = passes(last, makers)
    return "__end__" if good or last.number >= makers.max_attempts else "propose"


def passes(turn: Turn, makers: Makers) -> bool:
    """Whether a turn breaks no rule and its rating, if it was rated, suffices."""
    rated = turn.score is None or turn.score >= makers.threshold
    return turn.draft is not None and not turn.complaints and rated


def _go(turns: list[Turn], node: Node, makers: Makers, rubric: Rubric | None = None) -> Command[Node]:
    changed: dict[str, object] = {"turns": turns, "rubric": rubric}
    if node == "__end__":
        changed["outcome"] = Made.ACCEPTED if passes(turns[-1], makers) else Made.DROPPED
    return Command(update=changed, goto=node)


def build() -> CompiledStateGraph[Making, Makers, Making, Making]:
    """The compiled graph. One serves all slots of all recipes; who plays comes with each call."""
    graph = StateGraph(Making, context_schema=Makers)
    add_rounds(graph, "turns", propose, check, evaluate)
    return graph.compile()


async def generate(graph: CompiledStateGraph[Making, Makers, Making, Making], slot: Slot, makers: Makers) -> Generated:
    """Works on one slot to its end. Raises ModelError where a model could not be asked at all."""
    limit = makers.max_attempts + 2
    start = Making(slot=slot, turns=[], outcome=None, rubric=None)
    ended = (await graph.ainvoke(start, {"recursion_limit": limit}, context=makers, version="v2")).value
    turns, last = ended["turns"], ended["turns"][-1]
    if ended["outcome"] is Made.ACCEPTED:
        return Generated(outcome=Made.ACCEPTED, draft=last.draft, turns=turns)
    reason = "; ".join(last.complaints) or f"the rubric gave {last.score}: {last.critique}"
    return Generated(outcome=Made.DROPPED, reason=reason, turns=turns)
