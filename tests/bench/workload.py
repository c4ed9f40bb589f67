"""The workload: 500 examples, one to three rounds each, 2997 calls of 100 ms, 100 examples at once."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator

EXAMPLES = 500
AT_ONCE = 100
LATENCY = 0.1
WARMING = 3
"""Examples before the clock: what a process pays once, as its prompts' compilation, is no cost of a call."""
PAD = "The committee keeps a ledger of small repairs, who asked for each and what it came to in the end. " * 10


def need(ident: int) -> int:
    """The rounds an example takes."""
    return ident % 3 + 1


def calls(examples: int) -> int:
    """Attempt, judgement and verification, and for every further round a hint, an attempt and a judgement."""
    return sum(3 * need(i) for i in range(examples))


def row(ident: int) -> str:
    """One source row; its tag tells the endpoint how many rounds to ask of it."""
    question = f"{PAD} What does entry {ident} say? [[id={ident} need={need(ident)}]]"
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": reference(ident)}]
    return json.dumps({"messages": messages})


def rows(examples: int) -> Iterator[bytes]:
    """The rows as lines of JSONL."""
    return ((row(i) + "\n").encode() for i in range(examples))


def reference(ident: int) -> str:
    """The known answer: free text, so that a judge is asked in every round."""
    return f"the gate of field {ident} was mended with oak"


def cpu_seconds() -> float:
    """CPU of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
