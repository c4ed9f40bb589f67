"""How things look on stdout: tables on a terminal, tab-separated lines in a pipe, JSON when asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from teachback.stats import Stats

if TYPE_CHECKING:
    from teachback.v1 import example_pb2

COLUMNS = 3
"""Rounds side by side; more of them go below."""

PIPE_WIDTH = 100
"""Characters a line where no terminal says how wide it is."""


def clean(text: str) -> str:
    """Text that a model or a file wrote, without control characters that a terminal would obey."""
    return "".join(
        c if (c >= " " and not "\x7f" <= c <= "\x9f") or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def put_json(value: object) -> None:
    """One JSON value on a line of its own."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def put_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as a table on a terminal, as tab-separated lines with no heads elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(clean(str(cell)).replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(clean(str(cell)), overflow="ellipsis", no_wrap=True) for cell in row))
    Console().print(table)


def put_stats(stats: Stats) -> None:
    """The numbers of a run, one a line."""
    print(f"total_examples       {stats['total_examples']:>8}")
    print(f"enhanced_examples    {stats['enhanced_examples']:>8}")
    print(f"average_iterations   {stats['average_iterations']:>8.2f}")
    print(f"convergence_rate     {stats['convergence_rate']:>8.2f}")
    for outcome, count in stats["outcomes"].items():
        print(f"  {outcome:<19}{count:>8}")
    cost = stats["cost"]
    print(f"cost                 {'unknown' if cost is None else f'${cost:.4f}':>8}", flush=True)


def put_rounds(example: example_pb2.Example) -> None:
    """One example: the question, where it began, every round side by side, and what was kept."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)

    def put(label: str, text: str) -> None:
        console.print(Text.assemble((f"{label}: ", "bold"), clean(text)), soft_wrap=False)

    put("example", example.name.rsplit("/", 1)[-1])
    put("question", question(example))
    put("known answer", example.reference)
    put("thinking it came with", example.original_thinking or "(none)")
    rounds = list(example.rounds)
    for begin in range(0, len(rounds), COLUMNS):
        part = rounds[begin : begin + COLUMNS]
        heads = [f"round {r.number}{_mark(example, r.number)}" for r in part]
        table = Table("", *heads, show_lines=True, expand=True)
        for label, cells in _round_rows(part):
            if any(cells):
                table.add_row(label, *(Text(clean(cell)) for cell in cells))
        console.print(table)
    put("outcome", example.outcome + (f" ({example.reason})" if example.reason else ""))
    put("thinking in the row now", example.thinking)
    if example.labels:
        put("labels", ", ".join(example.labels))


def _mark(example: example_pb2.Example, number: int) -> str:
    if number != example.best_round:
        return ""
    return " (kept)" if example.enhanced else " (best)"


def question(example: example_pb2.Example) -> str:
    """The last thing that the user of the conversation said."""
    turns: list[dict[str, Any]] = json.loads(example.messages_json or "[]")
    said = [str(turn.get("content", "")) for turn in turns if turn.get("role") == "user"]
    return said[-1] if said else ""


def _round_rows(rounds: list[example_pb2.Round]) -> list[tuple[str, list[str]]]:
    return [
        ("thinking", [r.thinking for r in rounds]),
        ("answer", [r.answer for r in rounds]),
        ("verdict", [_verdict(r) for r in rounds]),
        ("complaints", ["\n".join(r.complaints) for r in rounds]),
        ("evaluator", [r.critique for r in rounds]),
        ("teacher's hint", [r.hint for r in rounds]),
    ]


def _verdict(round_: example_pb2.Round) -> str:
    if not round_.HasField("right"):
        right = "nobody can tell"
    else:
        right = ("right" if round_.right else "wrong") + (" (checked exactly)" if round_.known else " (says the judge)")
    told = [right, f"score {round_.score:.2f}"]
    if round_.HasField("verified"):
        told.append("reached again without hints" if round_.verified else "not reached again without hints")
    return ", ".join(told)
