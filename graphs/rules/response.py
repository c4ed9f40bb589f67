"""Does a fresh response agree with the one that was given? What can be known of it without a judge."""

from __future__ import annotations

import re
import shlex

from graphs.records import Task

_SEPARATORS = re.compile(r"&&|\|\||[;|\n]")
_WRAPPERS = frozenset({"sudo", "env", "time", "nohup", "exec", "command"})


def programs(command: str) -> list[str]:
    """The programs a shell command runs, in order, without the likes of sudo and without their paths."""
    found = []
    for part in _SEPARATORS.split(command):
        try:
            words = shlex.split(part)
        except ValueError:  # an unclosed quote: the words are good enough
            words = part.split()
        while words and (words[0] in _WRAPPERS or "=" in words[0]):
            words.pop(0)
        if words:
            found.append(words[0].strip("`").rsplit("/", 1)[-1])
    return found


def agrees(made: str, task: Task) -> bool | None:
    """Whether the thinking led to the same thing; None where only a judge can tell.

    A command agrees where it runs the program that the given one runs first: flags are the response's business, the
    choice is the thinking's. Of a free text nothing can be known but that there is one.
    """
    if task.response_kind == "text":
        return None if made.strip() else False
    wanted = programs(task.reference)
    return bool(wanted) and wanted[0] in programs(made)
