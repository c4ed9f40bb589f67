"""`teachback review`: keep, edit or drop each example, by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from teachback.cli.where import say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.reviewing import Review

KEYS = "k keep  e edit  d drop  s later  u undo  ? checklist  q leave"

VERDICTS: Final[dict[str, Literal["keep", "drop"]]] = {"k": "keep", "y": "keep", "d": "drop", "n": "drop"}


def review(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Examples: JSONL, or a JSON array.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The kept ones, JSONL.")] = Path("curated.jsonl"),
    status: Annotated[bool, typer.Option("--status", help="Only say how far the review is.")] = False,
) -> None:
    """Read examples one by one and keep, edit (in $EDITOR) or drop them; the same command goes on where it was left."""
    from teachback.files import check_output
    from teachback.reviewing import CHECKLIST, Review

    check_output(output, [raw])
    held = Review(raw, output)
    if not status:
        say("\n".join(CHECKLIST))
        try:
            _ask(held)
        except (KeyboardInterrupt, EOFError):
            say("\nleft; the same command goes on from here")
    counts = held.counts()
    say(f"{output}: {len(held.kept())} examples; " + ", ".join(f"{kind} {count}" for kind, count in counts.items()))
    if counts["left"]:
        say(f"go on: teachback review {raw} -o {output}")
    elif held.kept():
        say(f"next: teachback export {output} training/ --as training")


def _ask(held: Review) -> None:
    """One example after the other until all have a verdict or the reader leaves."""
    from teachback.reviewing import CHECKLIST

    place, told = held.next(), -1
    while True:
        if place is None:
            say("every example has a verdict; u takes the last one back, anything else leaves")
            if _key() != "u" or (place := held.undo()) is None:
                return
            told = -1
        if place != told:
            _show(held.examples[place], place, len(held.examples))
            told = place
        key = _key()
        if verdict := VERDICTS.get(key):
            held.decide(place, verdict)
            place = held.after(place)
        elif key == "e":
            if (edited := _edit(held.examples[place])) is not None:
                held.decide(place, "edit", edited)
                place = held.after(place)
        elif key == "s":
            place, told = held.after(place), -1
        elif key == "u":
            place, told = _taken_back(held, place), -1
        elif key == "q":
            return
        else:
            say("\n".join([*CHECKLIST, KEYS]))


def _taken_back(held: Review, place: int) -> int:
    if (back := held.undo()) is None:
        say("there is nothing to take back")
        return place
    return back


def _key() -> str:
    """The next key of a terminal, or the next line's first letter from anything else. Raises EOFError at the end."""
    sys.stderr.write(f"[{KEYS}] ")
    sys.stderr.flush()
    if sys.stdin.isatty():
        from click import getchar

        key = getchar()
        sys.stderr.write(f"{key}\n")
    elif not (key := sys.stdin.readline()):
        raise EOFError
    return key.strip()[:1].lower()


def _show(example: Any, place: int, total: int) -> None:
    """An example as a person reads it: what it was made from, then who says what."""
    lines = [f"--- example {place + 1} of {total} ---"]
    if isinstance(example, dict):
        origin = example.get("metadata", {})
        if isinstance(origin, dict):
            lines += [f"{key}: {value}" for key, value in origin.items()]
        if "output" in example:
            lines += [f"instruction: {example.get('instruction', '')}"]
            lines += [f"{key}: {example[key]}" for key in ("input", "context") if example.get(key)]
            lines += ["", str(example["output"])]
        else:
            for turn in example.get("messages") or example.get("conversations") or []:
                who = turn.get("role", turn.get("from", ""))
                lines += ["", f"{who}: {turn.get('content', turn.get('value', ''))}"]
    else:
        lines.append(json.dumps(example, ensure_ascii=False))
    # What a model wrote may hold codes that steer a terminal.
    text = "\n".join(lines)
    print("\n" + "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), flush=True)


def _edit(example: Any) -> Any | None:
    """The example as edited; None where the editor was left without a change that can be taken."""
    from click import ClickException, edit

    from teachback.reviewing import fault

    text = json.dumps(example, ensure_ascii=False, indent=2) + "\n"
    while True:
        try:
            changed = edit(text, extension=".json")
        except ClickException as error:
            raise BadInput(f"the editor: {error.format_message()}; set EDITOR") from error
        if changed is None or changed == text:
            say("nothing was changed")
            return None
        try:
            edited = json.loads(changed)
            why = fault(edited)
        except ValueError as error:
            edited, why = None, f"no JSON: {error}"
        if not why:
            return edited
        say(f"that can't be taken: {why}")
        text = changed
        sys.stderr.write("edit again? [y/n] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() != "y":
            return None
