"""Is what a model says by itself worse than the ideal answer? One draw: sample, look, and judge where need be.

sample (the model) -> look (exact rules) -> judge (evaluator, where no rule can tell) -> END: a pair, or why not
                        |
                        +--> END: right | wrong, known exactly
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypedDict, TypeVar

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import BaseModel, ConfigDict

from agents.errors import UnreadableReply
from agents.evaluator import Evaluator
from agents.question import Question
from agents.sampler import Sampler
from agents.wire import Message

Node = TypeVar("Node", bound=str)
Rule = Callable[[str, str], bool | None]
"""Whether an answer, the first, is as right as the ideal one; None where only a judge can tell."""
Split = Callable[[str], tuple[str, str]]
"""Thinking and answer of what an assistant says."""

RIGHT: Final = "the model's answer is right"
IDENTICAL: Final = "both sides are the same text"
EMPTY: Final = "the model gave no answer"
CUT: Final = "the model's answer was cut off at the limit of its length"
BOTH_WRONG: Final = "the judge finds the ideal answer wrong as well"
NO_BETTER: Final = "the judge finds the ideal answer no better"
UNJUDGED: Final = "the judge's verdict could not be read"
IDEAL_IS_RIGHT: Final = 0.5
"""The least that a judge must give an ideal answer: one with more than a real flaw is not to be preferred."""


class Draw(BaseModel):
    """What to draw: answer `number` to a prompt. `ideals[0]` is the prompt's own; the others are as right."""

    model_config = ConfigDict(frozen=True)

    prompt: tuple[Message, ...]
    ideals: tuple[str, ...]
    number: int
    seed: int
    max_tokens: int


class Drawn(BaseModel):
    """What came of it. It is a pair where `reason` is empty; `margin` is by how much the ideal is better, 0..1."""

    sample: str = ""
    reason: str = ""
    margin: float = 0.0
    judged_by: Literal["", "rule", "judge"] = ""
    score: float | None = None
    """The judge's, of the sample; None where no judge was asked."""
    critique: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Who draws, who judges, and what can be known without a judge."""

    sampler: Sampler
    evaluator: Evaluator
    rule: Rule
    split: Split


class Trial(TypedDict):
    """The state of one draw."""

    draw: Draw
    drawn: Drawn


# ---------------------------------------------------------------- nodes
async def sample(state: Trial, runtime: Runtime[Bench]) -> Command[Literal["look"]]:
    """The model answers as itself. Its thinking, where a server hands it over apart, goes back to where it was said."""
    draw = state["draw"]
    reply = await runtime.context.sampler.draw(
        list(draw.prompt), draw.number, seed=draw.seed, max_tokens=draw.max_tokens
    )
    thinking = reply.reasoning.strip()
    said = f"<think>\n{thinking}\n</think>\n\n{reply.text}" if thinking else reply.text
    drawn = Drawn(sample=said.strip(), reason=CUT if reply.finish_reason == "length" else "")
    return Command(update={"drawn": drawn}, goto="look")


async def look(state: Trial, runtime: Runtime[Bench]) -> Command[Literal["judge", "__end__"]]:
    """What can be known exactly. Answers are compared, not the thinking before them."""
    draw, drawn, bench = state["draw"], state["drawn"], runtime.context
    answer = bench.split(drawn.sample)[1]
    found: dict[str, object] = {}
    known: bool | None = False
    if not answer.strip():
        found["reason"] = EMPTY
    elif not drawn.reason:
        if any(drawn.sample.split() == ideal.split() for ideal in draw.ideals):
            found["reason"] = IDENTICAL
        else:
            verdicts = [bench.rule(answer, bench.split(ideal)[1]) for ideal in draw.ideals]
            known = True if True in verdicts else None if None in verdicts else False
            if known:
                found = {"reason": RIGHT, "judged_by": "rule", "margin": 0.0}
            elif known is False:
                found = {"judged_by": "rule", "margin": 1.0}
    return _go(drawn.model_copy(update=found), after_look(known))


async def judge(state: Trial, runtime: Runtime[Bench]) -> Command[Literal["__end__"]]:
    """What only a judge can tell. One that can't be read is no verdict, and there is no pair."""
    draw, drawn, bench = state["draw"], state["drawn"], runtime.context
    answer, ideal = bench.split(drawn.sample)[1], bench.split(draw.ideals[0])[1]
    question = Question.model_validate({"turns": draw.prompt})
    try:
        said = await bench.evaluator.compare(question, ideal, answer, draw.number)
    except UnreadableReply as error:
        return _go(drawn.model_copy(update={"reason": UNJUDGED, "critique": str(error)}), "__end__")
    reason = (
        BOTH_WRONG
        if said.reference_score < IDEAL_IS_RIGHT
        else RIGHT
        if said.right
        else NO_BETTER
        if said.margin <= 0
        else ""
    )
    found = {
        "reason": reason,
        "judged_by": "judge",
        "margin": 0.0 if reason else said.margin,
        "score": said.answer_score,
        "critique": said.critique.strip(),
    }
    return _go(drawn.model_copy(update=found), "__end__")


# ---------------------------------------------------------------- routing
def after_look(known: bool | None) -> Literal["judge", "__end__"]:
    """To the judge where no rule could tell."""
    return "judge" if known is None else "__end__"


def _go(drawn: Drawn, node: Node) -> Command[Node]:
    return Command(update={"drawn": drawn}, goto=node)


def build() -> CompiledStateGraph[Trial, Bench, Trial, Trial]:
    """The compiled graph. One serves all draws; who plays comes with each call."""
    graph = StateGraph(Trial, context_schema=Bench)
    graph.add_node(sample)
    graph.add_node(look)
    graph.add_node(judge)
    graph.add_edge(START, "sample")
    return graph.compile()


async def prefer(graph: CompiledStateGraph[Trial, Bench, Trial, Trial], draw: Draw, bench: Bench) -> Drawn:
    """Works on one draw to its end. Raises ModelError where a model could not be asked at all."""
    ended = await graph.ainvoke(Trial(draw=draw, drawn=Drawn()), {"recursion_limit": 8}, context=bench, version="v2")
    return ended.value["drawn"]
