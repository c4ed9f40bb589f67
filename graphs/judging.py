"""Is a round right, is it good, and does its thinking hold by itself? Exact rules first, then a judge."""

from __future__ import annotations

from agents.errors import UnreadableReply
from agents.verdict import Verdict
from graphs.records import Round, Task
from graphs.rules import response
from graphs.rules.guard import thinking_complaints
from graphs.rules.oracle import compare
from graphs.rules.style import RULES, style_complaints
from graphs.state import Cast


async def assess(task: Task, turn: Round, cast: Cast, step: str = "judge") -> Round:
    """The round with its verdict. A judge is asked only where the oracle leaves something open.

    A known wrong answer needs no judge: its score is 0, and the teacher sees attempt and reference itself.
    """
    complaints = thinking_complaints(turn.thinking, task.reference, task.question)
    complaints += [c for c in style_complaints(cast.style(task), task, turn.thinking) if c not in complaints]
    known = compare(turn.answer, task.reference) if task.mode == "solve" else None
    if known is False:
        critique = "The answer is wrong." if turn.answer else "No answer was given."
        return turn.model_copy(update={"right": False, "known": True, "complaints": complaints, "critique": critique})
    if task.mode == "rationalise" and complaints:
        # The rules are exact: what breaks them goes back as it is, and no judge is paid to agree.
        return turn.model_copy(update={"complaints": complaints})
    try:
        said = await _judge(task, turn, cast, known, step)
    except UnreadableReply as error:
        # A failed verdict, not a middling score.
        failed = {"right": known, "known": known is not None, "complaints": complaints, "critique": str(error)}
        return turn.model_copy(update=failed)
    return turn.model_copy(
        update={
            "right": said.right if known is None else known,
            "known": known is not None,
            "score": round(said.mean, 4),
            "scores": said.scores,
            "complaints": complaints,
            "critique": said.critique.strip(),
        }
    )


async def _judge(task: Task, turn: Round, cast: Cast, known: bool | None, step: str) -> Verdict:
    if task.mode == "solve":
        return await cast.evaluator.judge(
            task.question, task.reference, turn.thinking, turn.answer, known=known, round_=turn.number, step=step
        )
    rules = RULES[cast.style(task)]
    return await cast.evaluator.judge_thinking(
        task.question, task.reference, turn.thinking, rules, round_=turn.number, step=step
    )


async def verified(task: Task, thinking: str, cast: Cast, number: int, step: str = "verify") -> bool:
    """Whether every one of `verify_samples` fresh attempts reaches the reference from question and thinking alone."""
    for sample in range(1, cast.rules.verify_samples + 1):
        if task.mode == "solve":
            made = (await cast.student.verify(task.question, thinking, number, sample, step)).answer
            right = compare(made, task.reference)
        else:
            made = await cast.student.respond(task.question, task.response_kind, thinking, number, sample, step)
            right = response.agrees(made, task)
        if right is None:
            right = await _judged_right(task, thinking, made, cast, number, sample, step)
        if not right:
            return False
    return True


async def _judged_right(
    task: Task, thinking: str, answer: str, cast: Cast, number: int, sample: int, step: str
) -> bool:
    try:
        said = await cast.evaluator.judge(
            task.question,
            task.reference,
            thinking,
            answer,
            known=None,
            round_=number,
            step=f"{step}_judge",
            attempt=sample,
        )
    except UnreadableReply:
        return False
    return said.right


async def incumbent(task: Task, winner: Round, cast: Cast) -> Round | None:
    """The thinking the row came with, measured like a round; None where it does not hold by itself."""
    # Style first: it bounds the length of a text that nobody has looked at yet.
    flaws = style_complaints(cast.style(task), task, task.thinking) or thinking_complaints(
        task.thinking, task.reference, task.question
    )
    if flaws or not await verified(task, task.thinking, cast, winner.number, step="incumbent"):
        return None
    old = Round(number=0, thinking=task.thinking, answer=winner.answer, verified=True)
    return await assess(task, old.model_copy(update={"number": winner.number}), cast, step="incumbent_judge")
