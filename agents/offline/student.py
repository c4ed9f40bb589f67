"""The rule-based student: sees the task, its notes and the hints, never the known answer. What it can't do, it says.

It is a quick reader with one habit: unprompted, it stops after the first step, or at the sentence that shares most
words with the question. A hint that names a later step or another sentence makes it go there; the rest it works out.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import Final

from agents.offline import arithmetic, facts, fields, story
from agents.offline.arithmetic import show
from agents.offline.tags import Sheet
from agents.offline.words import content, quoted, sentences, shorten, stem, tokens

UNKNOWN: Final = "unknown"
"""The answer where nothing was found. It is no number and no JSON, so no check can take it for right."""
_CHANGE: Final = re.compile(
    rf"\b(?P<verb>add|subtract|take(?: away)?|multiply(?: it| that)? by|times|divide(?: it| that)? by)\s+"
    rf"(?:the\s+)?(?P<number>{arithmetic.NUMBER})\b",
    re.IGNORECASE,
)


def solve(sheet: Sheet) -> str:
    """A first or a coached attempt: written steps, then a line "Answer: ..."."""
    if sheet.answer_kind == "json":
        return _json(sheet)
    if expression := arithmetic.expression_in(sheet.question):
        return _expression(expression)
    if sheet.text and (found := _fact(sheet)):
        return found
    quantities = story.read(sheet.question)
    if sheet.answer_kind == "number" or quantities.steps:
        return _story(sheet, quantities)
    return _reply(
        [
            f"What is asked: {_last_question(sheet.question)}",
            "Nothing that is given here says it, and a guess would prove nothing.",
        ],
        UNKNOWN,
    )


def verify(sheet: Sheet) -> str:
    """The end of somebody's notes: the result they state or lead to, be it right or wrong; else "unknown"."""
    notes = sheet.notes
    if sheet.answer_kind == "json":
        return _reply(["The pairs worked out make up the object."], _pairs(notes))
    last = (sentences(notes) or [""])[-1]
    if sheet.answer_kind == "number":
        value = _stated_number(notes, last)
        return _reply([last] if value is not None else [], UNKNOWN if value is None else show(value))
    stated = re.match(
        r"^(?:so|therefore|thus|hence)\b,?\s*(?:the answer is|it is|this is|that is)?:?\s*(.+)$", last, re.I
    )
    if stated:
        return _reply([last], stated.group(1).rstrip("."))
    found = facts.find(sheet.question, notes)
    return _reply([found.sentence] if found else [], (found.answer if found else "") or UNKNOWN)


def _reply(steps: list[str], answer: str) -> str:
    return "\n".join([*steps, f"Answer: {answer}"])


def _expression(expression: str) -> str:
    steps = arithmetic.steps_of(expression)
    value = arithmetic.evaluate(expression)
    lines = [f"What is asked for is the value of {expression}."]
    for i, (part, result, rest) in enumerate(steps):
        why = (
            "Multiplication and division come first"
            if i == 0 and len(steps) > 1 and re.search("[*/]", part)
            else "Then"
        )
        remains = f", which leaves {rest}" if i + 1 < len(steps) else ""
        lines.append(f"{why}: {part} = {show(result)}{remains}.")
    if value is None:
        return _reply(lines, UNKNOWN)
    return _reply([*lines, f"So the value is {show(value)}."], show(value))


def _story(sheet: Sheet, read: story.Story) -> str:
    lines = [f"What is asked: {_last_question(sheet.question)}"]
    taken, first = _taken(read, sheet.hints)
    for i, step in enumerate(taken):
        if not step.sums:
            lines.append(f"{step.clause[0].upper()}{step.clause[1:]}.")
            continue
        start = f'"{step.clause}"'
        if i >= first and sheet.wants_aha:
            start = f"Aha! {'One thing is left' if step is read.steps[-1] else 'That is not all'}: {start}"
        lines.append(f"{start} {step.says}.")
    followed = _sums_in(sheet.hints) if len(taken) == first else []
    for expression, value in followed:
        aha = "Aha! The sum to do is" if sheet.wants_aha else "The sum to do is"
        lines.append(f"{aha} {expression}: {expression} = {show(value)}.")
    if (read.stuck or not taken) and not followed:
        # Half a story gives a sum that looks like a result and is none.
        return _reply(
            [*lines, f'What "{shorten(read.stuck or sheet.question, 90)}" does to the sum is not clear.'], UNKNOWN
        )
    amount, unit = (followed[-1][1], "") if followed else (taken[-1].amount, taken[-1].unit)
    return _reply([*lines, f"So it comes to {show(amount)}{f' {unit}' if unit else ''}."], show(amount))


def _taken(read: story.Story, hints: tuple[str, ...]) -> tuple[list[story.Step], int]:
    """The steps taken: up to the first sum, then as far as hints name clauses. And how many need no hint."""
    first = next((i for i, s in enumerate(read.steps) if s.sums), len(read.steps) - 1) + 1
    named = [q.strip(" .?!…").casefold() for h in hints for q in quoted(h)]
    upto = first
    for i, step in enumerate(read.steps[first:], first):
        if any(n and (n in step.clause.casefold() or step.clause.casefold() in n) for n in named):
            upto = i + 1
    return list(read.steps[:upto]), first


def _sums_in(hints: tuple[str, ...]) -> list[tuple[str, Fraction]]:
    """What hints say to work out, each on the result of the one before: "12 * 3", "then subtract 8"."""
    done: list[tuple[str, Fraction]] = []
    for hint in hints:
        if expression := arithmetic.expression_in(hint):
            value = arithmetic.evaluate(expression)
            if value is not None and (expression, value) not in done:
                done.append((expression, value))
        for m in _CHANGE.finditer(hint):
            if not done:
                break
            sign = {"a": "+", "s": "-", "m": "*", "d": "/"}.get(
                m["verb"][0].lower(), "*" if m["verb"] == "times" else "-"
            )
            text = f"{show(done[-1][1])} {sign} {m['number']}"
            value = arithmetic.evaluate(text)
            if value is not None:
                done.append((text, value))
    return done


def _last_question(text: str) -> str:
    return next((s for s in reversed(sentences(text)) if s.endswith("?")), text.strip())


def _fact(sheet: Sheet) -> str:
    """An answer read from the source; empty where no sentence of it has to do with the question."""
    question = _last_question(sheet.question)
    first = facts.find(question, sheet.text)
    if first is None:
        return ""
    kind = facts.wanted(question)
    lines = [f"What is asked for is {kind}." if kind != facts.ANYTHING else f"What is asked: {question}"]
    index, words = _pointed(sheet)
    found = facts.at(index, question, sheet.text) if index is not None else first
    found = found or first
    if found.index != first.index:
        lines += _turned(question, first, found, aha=sheet.wants_aha)
    else:
        lines.append(f"The source says: {_cite(found.sentence)}")
        lines.append(f"This sentence speaks of {_shared(question, found.sentence)}, as the question does.")
    answer = found.answer
    if words is not None:
        aha = "Aha! " if sheet.wants_aha else ""
        answer = facts.after(words, found.sentence) if words else facts.opening(found.sentence)
        where = f'follows the words "{words}"' if words else "is what the sentence begins with"
        lines.append(f"{aha}What is asked for {where}.")
    if not answer:
        return _reply([*lines, "But it does not say what is asked."], UNKNOWN)
    if sheet.answer_kind == "number":
        amount = arithmetic.number(answer.split(" ")[0])
        answer = show(amount) if amount is not None else answer
    noun = "What it names" if kind == facts.ANYTHING else f"The {kind.split(' ', 1)[1]} in it"
    lines.append(f"{noun} is {answer}.")
    return _reply([*lines, f"So the answer is {answer}."], answer)


def _turned(question: str, first: facts.Finding, found: facts.Finding, *, aha: bool) -> list[str]:
    """The way from the sentence that seemed to fit to the one that does: what the first says nothing of."""
    place = _place(found.index)
    only = _shared(question, found.sentence, without=first.sentence)
    if not aha:
        return [f"The {place} sentence of the source says: {_cite(found.sentence)}"]
    return [
        f'At first "{shorten(first.sentence, 60)}" looks right, for it speaks of {_shared(question, first.sentence)}.',
        f"Aha! It says nothing of {only}, but the {place} sentence does: {_cite(found.sentence)}"
        if only
        else f"Aha! The {place} sentence goes on about it, and nearer to what is asked: {_cite(found.sentence)}",
    ]


def _pointed(sheet: Sheet) -> tuple[int | None, str | None]:
    """Which sentence the hints point at, and after which words to read ("": its beginning); None: they don't."""
    index, words = None, None
    lines = sentences(sheet.text)
    for hint in sheet.hints:
        for said in quoted(hint):
            start = said.rstrip("….").casefold()
            if re.search(rf"right after [\"“]{re.escape(said)}", hint):
                words = said
                continue
            index = next((i for i, s in enumerate(lines) if s.casefold().startswith(start)), index)
        if ordinal := re.search(rf"\b({'|'.join(facts.ORDINALS)}|last) sentence\b", hint, re.IGNORECASE):
            word = ordinal.group(1).lower()
            index = len(lines) - 1 if word == "last" else facts.ORDINALS.index(word)
        if "begins with what is asked" in hint:
            words = ""
    return index, words


def _place(index: int) -> str:
    return facts.ORDINALS[index] if index < len(facts.ORDINALS) else "later"


def _cite(sentence: str) -> str:
    return f'"{sentence}"' if sentence[-1] in ".!?" else f'"{sentence}".'


def _shared(question: str, sentence: str, without: str = "") -> str:
    """The words a sentence shares with the question and not with another sentence, as they stand; may be empty."""
    asked = content(question) - content(without)
    words = list(dict.fromkeys(w for w in tokens(sentence) if stem(w) in asked and not w.isdigit()))[:3]
    named = [f'"{w}"' for w in words]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _json(sheet: Sheet) -> str:
    keys = fields.keys_in(sheet.question)
    if not keys or not sheet.text:
        return _reply(["Which keys the object has is not said, or there is no source to fill them from."], UNKNOWN)
    places = _label_of(keys, sheet.hints)
    plain_numbers = {q for h in sheet.hints if "plain number" in h for q in quoted(h)}
    lines = [f"The object has {len(keys)} keys: {', '.join(keys)}."]
    filled = []
    for key in keys:
        field = fields.fill(key, sheet.text, places.get(key, ""))
        if key in plain_numbers and isinstance(field.value, str) and (digits := arithmetic.numbers(field.value)):
            field = fields.Field(key, field.line, _json_number(digits[0]))
        filled.append(field)
        cited = f'"{field.line}"'
        if field.found:
            aha = f'Aha! The value of "{key}" stands under other words: ' if key in places and sheet.wants_aha else ""
            lines.append(f"{aha}{cited} gives {fields.written([field])[1:-1]}.")
        else:
            lines.append(f'Nothing in the source goes by the name of "{key}", so it stays out.')
    lines.append(f"Put together: {fields.written(filled)}")
    return _reply(lines, fields.written(filled))


def _json_number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _label_of(keys: list[str], hints: tuple[str, ...]) -> dict[str, str]:
    """Key -> the line's name or the sentence's beginning that a hint quotes next to it."""
    places = {}
    for hint in hints:
        said = quoted(hint)
        for key, label in pairwise(said):
            if key in keys and label not in keys:
                places[key] = label
    return places


def _pairs(notes: str) -> str:
    """The last whole object in the notes, else the object of all `"key": value` pairs in them."""
    pairs = re.findall(r"\"([A-Za-z_]\w*)\": (\"(?:[^\"\\]|\\.)*\"|-?\d+(?:\.\d+)?|true|false|null)", notes)
    return "{" + ", ".join(f'"{k}": {v}' for k, v in dict(pairs).items()) + "}" if pairs else UNKNOWN


def _stated_number(notes: str, last: str) -> Fraction | None:
    """The notes' result: what their last sentence concludes, else their last equation, else a sum left to be done."""
    equations = arithmetic.equations(notes)
    if re.match(r"(?:so|therefore|thus|hence)\b", last, re.IGNORECASE):
        named = arithmetic.equations(last)
        values = [named[-1].right] if named else arithmetic.numbers(last)
        if len(set(values)) == 1:
            return values[0]
    open_sum = arithmetic.expression_in(notes[equations[-1].end :] if equations else notes)
    if open_sum:
        return arithmetic.evaluate(open_sum)
    if equations:
        return equations[-1].right
    values = arithmetic.numbers(last)
    return values[0] if len(set(values)) == 1 and re.search(r"\b(?:is|makes|leaves|total)\b", last) else None
