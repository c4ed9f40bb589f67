"""Reads deploy/Dockerfile: its stages and their instructions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.deploy.tools import DEPLOY

FILE = DEPLOY / "Dockerfile"


class Instruction(NamedTuple):
    """One instruction, its lines joined."""

    stage: str
    word: str
    rest: str


def instructions() -> list[Instruction]:
    """All of them in order."""
    text = re.sub(r"(?m)^\s*#.*\n", "", FILE.read_text())
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.rpartition(" AS ")[2]
        if word:
            found.append(Instruction(stage, word, rest))
    return found


def parents() -> dict[str, str]:
    """What each stage starts from."""
    return {one.stage: one.rest.rpartition(" AS ")[0] for one in instructions() if one.word == "FROM"}


def environment(stage: str) -> dict[str, str]:
    """What ENV has set by the end of a stage, those it starts from included."""
    told: dict[str, str] = {}
    if (parent := parents().get(stage, "")) in parents():
        told |= environment(parent)
    for one in instructions():
        if one.stage == stage and one.word == "ENV":
            told |= dict(pair.split("=", 1) for pair in shlex.split(one.rest))
    return told


def copied() -> list[str]:
    """The paths below the checkout that COPY takes."""
    taken: list[str] = []
    for one in instructions():
        if one.word == "COPY" and not one.rest.startswith("--from"):
            taken += one.rest.split()[:-1]
    return taken


def ignored(path: str) -> bool:
    """Whether the ignore file keeps a path of the checkout out: the last pattern that matches it or a parent wins.

    Of its language what the file uses: whole paths, `*`, `**/` before a name, and `!`.
    """
    out = False
    for line in Path(f"{FILE}.dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        shape = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.match(rf"{shape}(?:/|$)", path):
            out = not line.startswith("!")
    return out
