"""The loop: attempt, evaluate, coach, until the thinking holds by itself.

    attempt (student) -> evaluate -> passes -> verify (student, no hints) -> consolidate -> compare -> END
       ^                    |                      |
       |                 not yet <-----------------+
       +-- coach (teacher) <+--> END: stalled | exhausted

Each node does one thing and names the next by a routing function that returns a Literal. A round, from an attempt to
the next, is one superstep (graphs/rounds.py).
"""

from __future__ import annotations

from typing import Literal, TypeVar

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs import progress
from graphs.judging import assess, incumbent, verified
from graphs.records import Outcome, Result, Round, Task
from graphs.rounds import add_rounds
from graphs.rules.guard import hint_leaks, honest_turns, thinking_complaints
from graphs.rules.hints import hint_flaw, plain_hint
from graphs.rules.style import RULES, laid_out, style_complaints
from graphs.rules.sums import slip_hint
from graphs.state import Cast, Changes, Loop, start

End = Literal["__end__"]
Node = TypeVar("Node", bound=str)


# ---------------------------------------------------------------- nodes
async def attempt(state: Loop, runtime: Runtime[Cast]) -> Command[Literal["evaluate"]]:
    """The student thinks and answers (solve), or thinks (rationalise)."""
    task, rounds, cast = state["task"], state["rounds"], runtime.context
    number = len(rounds) + 1
    hints = _told(task, rounds)
    # A wrong attempt shown again is copied; what the row came with is shown, and later whatever had reached the answer.
    top = progress.best(rounds) if rounds else None
    notes = top.thinking if top and top.right else task.thinking
    if task.mode == "solve":
        said = await cast.student.attempt(task.question, notes, hints, cast.rules.thinking_format, number)
        turn = Round(number=number, thinking=honest_turns(said.thinking, hints), answer=said.answer)
    else:
        thinking = await cast.student.rationalise(
            task.question,
            task.reference,
            task.response_kind,
            notes,
            hints,
            RULES[cast.style(task)],
            # Two to four lines that explain a given response have no turning points to show.
            "consolidated",
            number,
            complaints=rounds[-1].complaints if rounds else [],
        )
        turn = Round(number=number, thinking=laid_out(cast.style(task), task, thinking))
    return Command(update={"rounds": [*rounds, turn]}, goto="evaluate")


async def evaluate(state: Loop, runtime: Runtime[Cast]) -> Command[Literal["verify", "coach", "__end__"]]:
    """What can be known is known first; a judge is asked for the rest."""
    task, cast = state["task"], runtime.context
    last = await assess(task, state["rounds"][-1], cast)
    changed: Changes = {"rounds": [*state["rounds"][:-1], last]}
    state = Loop(**{**state, **changed})
    return _go(state, changed, after_evaluation(state, cast), cast)


async def coach(state: Loop, runtime: Runtime[Cast]) -> Command[Literal["attempt"]]:
    """The teacher gives a hint; one that gives the answer away or can't help is asked for again, and then replaced."""
    task, cast, (*earlier, last) = state["task"], runtime.context, state["rounds"]
    critique = " ".join([*last.complaints, last.critique]).strip()
    if last.verified is False:
        critique = f"From the thinking alone a reader does not reach the answer. {critique}".strip()
    hints = [r.hint for r in earlier if r.hint]
    hint = ""
    for number in (1, 2):
        hint = await _hint(task, last, cast, critique, hints, number)
        if task.mode == "rationalise":  # the rules that were broken go to the student as they are
            hint = "" if hint_flaw(hint, last.thinking, "", hints, task.question) else hint
            break
        leak = hint_leaks(hint, task.reference, task.question)
        useless = hint_flaw(hint, last.thinking, last.answer, hints, task.question)
        flaw = f"{leak} Say it without that." if leak else useless
        if not flaw:
            break
        critique = f"{flaw} {critique}"
        hint = plain_hint(task.question)
    if hint in hints:  # said already, by the rule or by the teacher
        hint = ""
    return Command(update={"rounds": [*earlier, last.model_copy(update={"hint": hint})]}, goto="attempt")


async def verify(state: Loop, runtime: Runtime[Cast]) -> Command[Literal["consolidate", "compare", "coach", "__end__"]]:
    """Fresh attempts from question and thinking alone, without hints, must reach the reference."""
    task, cast, (*earlier, last) = state["task"], runtime.context, state["rounds"]
    held = await verified(task, last.thinking, cast, last.number)
    changed: Changes = {"rounds": [*earlier, last.model_copy(update={"verified": held})]}
    if held:
        changed["outcome"] = Outcome.CONVERGED_FIRST_TRY if last.number == 1 else Outcome.CONVERGED
        changed["enhanced"] = True
    state = Loop(**{**state, **changed})
    return _go(state, changed, after_verification(state, cast), cast)


async def consolidate(state: Loop, runtime: Runtime[Cast]) -> Command[Literal["compare", "__end__"]]:
    """The thinking rewritten into one clean line of thought, kept only where it holds by itself too."""
    task, cast, last = state["task"], runtime.context, state["rounds"][-1]
    clean = await cast.teacher.consolidate(task.question, last.thinking, last.number)
    flaws = thinking_complaints(clean, task.reference, task.question) + style_complaints(cast.style(task), task, clean)
    holds = not flaws and await verified(task, clean, cast, last.number, step="verify_consolidated")
    return _go(state, {"kept": clean} if holds else {}, after_consolidation(state), cast)


async def compare(state: Loop, runtime: Runtime[Cast]) -> Command[End]:
    """The thinking the row came with competes: it stays where the new one is no better."""
    task, cast, last = state["task"], runtime.context, state["rounds"][-1]
    old = await incumbent(task, last, cast)
    if old is None or progress.beats(last, old, task):
        return Command(goto="__end__")
    reason = "the thinking the row came with holds as well, so it stays"
    return Command(update={"kept": task.thinking, "enhanced": False, "reason": reason}, goto="__end__")


# ---------------------------------------------------------------- routing
def after_evaluation(state: Loop, cast: Cast) -> Literal["verify", "coach", "__end__"]:
    """Good enough: verify. Otherwise another round, or the end."""
    if progress.passes(state["rounds"][-1], cast.rules):
        return "verify"
    return "__end__" if progress.verdict(state["rounds"], cast.rules) else "coach"


def after_verification(state: Loop, cast: Cast) -> Literal["consolidate", "compare", "coach", "__end__"]:
    """It holds: polish and compare. It does not: another round, or the end."""
    if state["outcome"] is None:
        return "__end__" if progress.verdict(state["rounds"], cast.rules) else "coach"
    if cast.rules.thinking_format == "consolidated" and state["task"].mode == "solve":
        return "consolidate"
    return after_consolidation(state)


def after_consolidation(state: Loop) -> Literal["compare", "__end__"]:
    """A row that came without thinking has nothing to compare with."""
    return "compare" if state["task"].thinking else "__end__"


def _go(state: Loop, changed: Changes, node: Node, cast: Cast) -> Command[Node]:
    """The step to `node` with what has changed; at the end of a row that did not converge, why."""
    if node == "__end__" and state["outcome"] is None:
        outcome = progress.verdict(state["rounds"], cast.rules) or Outcome.EXHAUSTED
        changed["outcome"], changed["reason"] = (
            outcome,
            progress.why_stopped(outcome, state["task"], state["rounds"], cast.rules),
        )
    return Command(update=changed, goto=node)


def _told(task: Task, rounds: list[Round]) -> list[str]:
    """The hints so far; before the newest one the wrong sum of the last attempt, which needs no teacher."""
    hints = [r.hint for r in rounds if r.hint]
    slip = slip_hint(rounds[-1].thinking) if rounds and task.mode == "solve" else ""
    if not slip or hint_leaks(" ".join([*hints[-1:], slip]), task.reference, task.question):
        return hints
    return [*hints[:-1], slip, *hints[-1:]]


async def _hint(task: Task, last: Round, cast: Cast, critique: str, hints: list[str], number: int) -> str:
    if task.mode == "solve":
        return await cast.teacher.hint(
            task.question,
            task.reference,
            last.thinking,
            last.answer,
            right=bool(last.right),
            critique=critique,
            hints=hints,
            round_=last.number,
            attempt=number,
        )
    return await cast.teacher.hint_for_thinking(
        task.question,
        task.reference,
        last.thinking,
        critique=critique,
        hints=hints,
        rules=RULES[cast.style(task)],
        round_=last.number,
        attempt=number,
    )


def build() -> CompiledStateGraph[Loop, Cast, Loop, Loop]:
    """The compiled graph. One serves all examples; who plays comes with each call."""
    graph = StateGraph(Loop, context_schema=Cast)
    add_rounds(graph, "rounds", attempt, evaluate, coach, verify, consolidate, compare)
    return graph.compile()


async def enhance(graph: CompiledStateGraph[Loop, Cast, Loop, Loop], task: Task, cast: Cast) -> Result:
    """Runs one example to its outcome. Raises ModelError where a model could not be asked at all."""
    limit = cast.rules.max_iterations + 2
    # Version 2 streams the states alone; version 1 also sends every change of them, a tenth of a superstep's cost.
    ended = await graph.ainvoke(start(task), {"recursion_limit": limit}, context=cast, version="v2")
    return progress.result(ended.value)
