"""A teacher who knows the worked solutions: what the loop can do when the hints are good.

    python -m tests.bench.worked SOLUTIONS.jsonl

serves OpenAI's protocol on loopback and prints its address. SOLUTIONS holds `{"question", "answer", "steps"}` a row.
The hints grow stronger from round to round: the sentence of the task that goes with the first step missing in the
student's thinking; that step's plan; the step with its value. The final answer is never said, and no part but the
teacher's is played.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import brain
from tests.support.farmodel import FarModel

FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
SENTENCE = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True)
class Worked:
    """One task, solved step by step."""

    question: str
    answer: str
    steps: Sequence[str]

    def hint(self, thinking: str, level: int) -> str:
        """What to say to a student who thought so, after `level` hints."""
        seen = set(_figures(thinking))
        step = next((step for step in self.steps if _result(step) not in seen), self.steps[-1])
        if level == 0:
            return f'It goes wrong at this part of the task: "{self._part(step)}" Read it again.'
        if level == 1 or _result(step) == _figures(self.answer)[-1]:
            return f"Work this out next: {_plan(step)}"
        return f"The step you miss: {step}"

    def _part(self, step: str) -> str:
        """The sentence of the task that shares most figures and words with a step."""
        asked = set(_words(step))
        return max(SENTENCE.split(self.question), key=lambda sentence: len(asked & set(_words(sentence))))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}|\d+", text.lower())


def _figures(text: str) -> list[str]:
    return [found.replace(",", "").removesuffix(".00") for found in FIGURE.findall(text)]


def _result(step: str) -> str:
    """The figure that a step comes to: what stands after its last equals sign, or its last figure."""
    after = _figures(step.rpartition("=")[2]) if "=" in step else _figures(step)[-1:]
    return after[0] if after else ""


def _plan(step: str) -> str:
    """A step without the figures it comes to."""
    if "=" in step:
        return step.rpartition(" because ")[2].rpartition("=")[0].rstrip(" $")  # what "because" explains is the value
    result = _result(step)
    return FIGURE.sub(lambda found: "..." if found[0].replace(",", "") == result else found[0], step)


def load(path: Path) -> list[Worked]:
    """The solutions of a file."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [Worked(row["question"], row["answer"], row["steps"]) for row in rows]


def reply(solutions: Sequence[Worked], messages: Sequence[dict[str, str]]) -> str:
    """What the teacher says to a conversation. Raises ValueError for another part than the teacher's."""
    said = messages[-1]["content"]
    if brain.part_of(messages[0]["content"]) != "coach":
        raise ValueError("worked plays the teacher alone")
    task = next((one for one in solutions if one.question in said), None)
    if task is None:
        return "Hint: read the task again."
    return f"Hint: {task.hint(brain.element(said, 'thinking'), said.count('<hint>'))}"


def main() -> None:
    """Serves until it is stopped."""
    solutions = load(Path(sys.argv[1]))
    with FarModel(say=lambda messages: reply(solutions, messages)) as far:
        print(far.base, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
