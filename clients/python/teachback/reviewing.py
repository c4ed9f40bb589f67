"""A person's verdicts on examples: kept beside the output, so that a review goes on where it was left."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final, Literal

from teachback.errors import BadInput
from teachback.files import replacing

Verdict = Literal["keep", "edit", "drop"]
CHECKLIST: Final = (
    "yes: It feels lived, as if somebody were really in it.",
    "yes: Something in it stays uncertain, unfinished or moved.",
    "yes: It is told in the first person from within, and explains nothing.",
    "yes: With the others it could be one and the same being.",
    "no:  It lectures on ideas about consciousness.",
    "no:  It solves a problem where it should live through something.",
)


def read_examples(path: Path) -> list[Any]:
    """The examples of a file, JSONL or a JSON array. Raises BadInput with the line that is no JSON."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    try:
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    except ValueError as error:
        raise BadInput(f"{path}: the array is no JSON: {error}") from error
    found = []
    for number, line in numbered:
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise BadInput(f"{path}:{number} is no JSON: {error}") from error
    return found


def fault(example: Any) -> str:
    """Why an edited example can't be taken; empty where it can."""
    if not isinstance(example, dict):
        return "an example has to be a JSON object"
    if "output" in example:
        texts = [example.get("instruction"), example["output"]]
        held = all(isinstance(t, (str, dict, list)) and t for t in texts)
        return "" if held else '"instruction" and "output" must not be empty'
    turns = example.get("messages", example.get("conversations"))
    if not isinstance(turns, list) or not turns:
        return 'an example has "instruction" and "output", or "messages", or "conversations"'
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            return f"turn {number} has to be an object"
        if not str(turn.get("role", turn.get("from", ""))).strip():
            return f"turn {number} does not say who speaks"
        if not str(turn.get("content", turn.get("value", ""))).strip():
            return f"turn {number} says nothing"
    return ""


class Review:
    """The examples of one file with what was decided of them. Every decision is on the disk before the next is asked.

    An example is known by its content and its number among equal ones, so that a source that grew or was sorted anew
    keeps the verdicts given.
    """

    def __init__(self, source: Path, out: Path) -> None:
        """Takes up what a review with this output has decided. Raises BadInput."""
        self.source, self.out = source, out
        self.state = out.with_name(f"{out.name}.review.json")
        self.examples = read_examples(source)
        seen: dict[str, int] = {}
        self.ids = []
        for example in self.examples:
            hashed = hashlib.sha256(json.dumps(example, sort_keys=True).encode()).hexdigest()[:32]
            seen[hashed] = seen.get(hashed, 0) + 1
            self.ids.append(f"{hashed}-{seen[hashed]}")
        self._decided: list[dict[str, Any]] = self._earlier()

    def next(self) -> int | None:
        """The place of the first example without a verdict, from 0; None where all have one."""
        done = self._verdicts()
        return next((at for at, id_ in enumerate(self.ids) if id_ not in done), None)

    def after(self, place: int) -> int | None:
        """The next undecided place behind `place`, or the first one there is."""
        done = self._verdicts()
        later = [at for at in range(place + 1, len(self.ids)) if self.ids[at] not in done]
        return later[0] if later else self.next()

    def decide(self, place: int, verdict: Verdict, edited: Any = None) -> None:
        """Keeps, edits (`edited`: the new example) or drops an example."""
        entry: dict[str, Any] = {"id": self.ids[place], "verdict": verdict}
        if verdict == "edit":
            if why := fault(edited):
                raise BadInput(why)
            entry["example"] = edited
        self._decided = [d for d in self._decided if d["id"] != self.ids[place]] + [entry]
        self._save()

    def undo(self) -> int | None:
        """Takes the last decision back and returns its place; None where there is none of this source."""
        for at in range(len(self._decided) - 1, -1, -1):
            if self._decided[at]["id"] in self.ids:
                gone = self._decided.pop(at)
                self._save()
                return self.ids.index(gone["id"])
        return None

    def counts(self) -> dict[str, int]:
        """How many were kept, edited, dropped, and are left."""
        done = self._verdicts()
        told = [done.get(id_, {}).get("verdict", "left") for id_ in self.ids]
        return {kind: told.count(kind) for kind in ("keep", "edit", "drop", "left")}

    def kept(self) -> list[Any]:
        """What goes into the output, in the source's order."""
        done = self._verdicts()
        found = []
        for id_, example in zip(self.ids, self.examples, strict=True):
            entry = done.get(id_, {"verdict": "left"})
            if entry["verdict"] in ("keep", "edit"):
                found.append(entry.get("example", example))
        return found

    def _verdicts(self) -> dict[str, dict[str, Any]]:
        return {entry["id"]: entry for entry in self._decided}

    def _earlier(self) -> list[dict[str, Any]]:
        if not self.state.exists():
            return []
        try:
            told = json.loads(self.state.read_text(encoding="utf-8"))
            return [dict(entry, verdict=str(entry["verdict"]), id=str(entry["id"])) for entry in told["decisions"]]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.state} is not a review's state; move it away to begin anew") from error

    def _save(self) -> None:
        """The decisions first, then what follows from them."""
        with replacing(self.state) as file:
            told = {"source": str(self.source), "decisions": self._decided}
            file.write((json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())
        with replacing(self.out) as file:
            for example in self.kept():
                file.write((json.dumps(example, ensure_ascii=False) + "\n").encode())
