"""Reads word problems of everyday kinds: one running amount, and clauses that multiply, add, take away or share it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from agents.offline.arithmetic import NUMBER, WORDS, number, show
from agents.offline.words import sentences, stem

_WORDED: Final = "|".join(sorted((w for w in WORDS if w not in {"one", "zero"}), key=len, reverse=True))
_QUANTITY: Final = re.compile(
    rf"(?P<money>[$€£])?(?<![\w.])(?P<number>{NUMBER}|(?:{_WORDED})(?:-(?:{_WORDED}|one))?\b)"
    r"(?P<percent>\s?%|\s+per\s?cent\b)?(?:\s+(?!(?:of|and|in|at|to|for|on|per|each|every|by|with|more|times)\b)(?P<unit>[a-z]+))?",
    re.IGNORECASE,
)
_COINS: Final = frozenset(["euro", "dollar", "pound", "cent", "coin", "penny", "pence", "crown"])
_LOSES: Final = re.compile(
    r"\b(?:gave|gives?|given|eats?|ate|eaten|sells?|sold|lost|loses?|lends?|lent|spends?|spent|breaks?|broke|broken|crack\w*"
    r"|remove[sd]?|throws?|threw|drops?|dropped|empty|missing|absent|die[sd]?|wilt\w*|spoil\w*|rotten|burst|donate[sd]?"
    r"|used|takes? (?:away|out|off)|took (?:away|out|off)|flew|fl(?:y|ies) (?:away|off)|got off|gets? off)\b",
    re.IGNORECASE,
)
_GAINS: Final = re.compile(
    r"\b(?:buys?|bought|gets?|got|finds?|found|adds?|added|more|another|receives?|received|arrives?|arrived|joins?|joined"
    r"|picks?|picked|plants?|planted|earns?|earned|wins?|won|bakes?|baked|collects?|collected|extra|plus|saves?|saved)\b",
    re.IGNORECASE,
)
_SHARES: Final = re.compile(
    r"\b(?:shar(?:e|es|ed|ing)|splits?|divide[sd]?|equally|evenly|packs? (?:them|the)|packed"
    r"|sorts? (?:them )?into|puts? them in)\b",
    re.I,
)
_RATE: Final = re.compile(
    r"\b(?:each|per|every|apiece|a (?:day|week|month|year|minute|piece|pair|night|box|trip|bag|time)|an hour)\b",
    re.IGNORECASE,
)
_EACH_ACTS: Final = re.compile(r"^\W*(?:each|every)\b(?! of (?:the|them))", re.IGNORECASE)
_HOLDS: Final = re.compile(r"\b(?:each|every) (\w+) (?:has|have|holds?|contains?|fits?|seats?|takes?)\b", re.IGNORECASE)
_TIME: Final = re.compile(r"\b(?:in|for|over|during|after)\s+\S+\s+(day|week|month|year|hour|minute|night)s?\b", re.I)
_PAYS: Final = re.compile(
    r"\b(?:pays? with|paid with|hands? over|gives? the (?:seller|cashier|baker))\b", re.IGNORECASE
)
_REDUCED: Final = re.compile(
    r"\b(?:reduced|off|discount|cheaper|less|falls?|fell|drops?|dropped|shrinks?)\b", re.IGNORECASE
)
# What compares two amounts needs more than one running amount; to read past it would be to guess.
_BEYOND: Final = re.compile(
    r"\bas (?:many|much|old|tall|long|far)\b|\b(?:more|less|fewer|older|younger|taller|longer)(?: \w+){0,3}? than\b"
    r"|\bratio\b|\baverage\b|\d more(?= (?:in|at|for|on|if|when)\b|[.,?])"
    r"|\b(?:third|quarter|fifth|tenth)s?\b|\b\d+/\d+\b|\b\d{1,2}:\d\d\b|\b(?:square|area|perimeter)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"(?:,?\s+(?:and|but)\s+(?:then\s+)?)|[;:]\s+|,\s+(?!\d)")


_OWNS: Final = re.compile(r"\b(?:has|have|had|starts? with|started with|saved|owns?)\b", re.IGNORECASE)
_START: Final = "this is where it starts"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in the story with what it counts."""

    value: Fraction
    unit: str
    percent: bool

    @property
    def money(self) -> bool:
        """Whether it is a sum of money."""
        return stem(self.unit) in {stem(c) for c in _COINS}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the clause it is drawn from, what that clause does, and the amount that stands after it."""

    clause: str
    why: str
    """What the clause does, without any result: "that comes off"."""
    says: str
    """What follows from the clause, with its equations, as it would be said after the quoted clause."""
    sums: tuple[str, ...]
    """The equations alone, as "5 * 48 = 240"; none where the clause only states the first amount."""
    amount: Fraction
    unit: str


@dataclass(frozen=True, slots=True)
class Story:
    """The steps read so far. `stuck` is the first clause that was not understood; empty where all was."""

    steps: tuple[Step, ...]
    stuck: str = ""


def read(problem: str) -> Story:
    """The steps of a word problem, up to its end or up to the first clause of a kind that is not understood.

    What is not understood is never skipped: a half-read story gives a wrong sum that looks like a right one.
    """
    if beyond := _BEYOND.search(problem):
        return Story((), next((c for s in sentences(problem) for c in _clauses(s) if beyond.group() in c), problem))
    steps: list[Step] = []
    people: Quantity | None = None
    rate_of = ""
    for sentence in sentences(problem):
        mood = ""
        for clause in _clauses(sentence):
            found = quantities(clause)
            mood = _mood(clause) or mood
            if not found and _SHARES.search(clause) and steps and people:
                if (shared := _divide(steps[-1], people, clause)) is None:
                    return Story(tuple(steps), clause)
                steps.append(shared)
                continue
            if not found:
                continue
            if rate := _RATE.search(clause):
                rate_of = rate.group().split()[-1].lower()
            if not steps and len(found) == 2 and not rate:
                people, found = found[0], found[1:]
                if mood == "shares":
                    start = Step(clause, _START, "", (), found[0].value, found[0].unit)
                    steps += [shared] if (shared := _divide(start, people, clause)) else []
                    continue
            step = _step(clause, found, mood, steps, rate_of)
            # Fewer than none of anything: the clause was misread.
            if step is None or step.amount < 0:
                return Story(tuple(steps), clause)
            steps.append(step)
    return Story(tuple(steps))


def quantities(clause: str) -> list[Quantity]:
    """The numbers of a clause in order, each with the word after it as its unit."""
    found = []
    for m in _QUANTITY.finditer(clause):
        value = number(m["number"])
        if value is not None:
            unit = "dollars" if m["money"] == "$" else "euros" if m["money"] == "€" else "pounds" if m["money"] else ""
            found.append(Quantity(value, unit or (m["unit"] or "").lower(), m["percent"] is not None))
    return found


def _clauses(sentence: str) -> list[str]:
    return [c.strip(" .?!") for c in _CLAUSE.split(sentence) if c and c.strip(" .?!")]


def _mood(clause: str) -> str:
    """What a clause does to the running amount, by its verb; an elliptic clause takes the mood of the one before."""
    for mood, cue in (("pays", _PAYS), ("shares", _SHARES), ("loses", _LOSES), ("gains", _GAINS)):
        if cue.search(clause):
            return mood
    return ""


def _step(clause: str, found: list[Quantity], mood: str, steps: list[Step], rate_of: str) -> Step | None:
    rate = _RATE.search(clause) and not _EACH_ACTS.match(clause)
    product = len(found) == 2 and bool(rate) and not any(q.percent for q in found)
    if len(found) > 1 and not product:
        return None
    first = found[0]
    if product and (not steps or mood in {"gains", "loses"}):
        return _product(clause, found, mood, steps)
    if not steps:
        return None if first.percent else Step(clause, _START, "", (), first.value, first.unit)
    now = steps[-1]
    if product:
        return None
    if first.percent:
        return _percent(now, first, clause)
    time = _TIME.search(clause)
    if time and rate_of == time.group(1).lower():
        says = f"makes it {show(first.value)} times as much"
        return _sum(now, "*", first, clause, "it happens that many times", says, now.unit)
    if holds := _HOLDS.search(clause):
        # "Each box holds 6 eggs": so many boxes hold more eggs, so many eggs need fewer boxes.
        if stem(first.unit) == stem(now.unit):
            return _divide(now, first, clause)
        if stem(holds.group(1)) != stem(now.unit):
            return None
        says = f"holds for each of the {_of(now.amount, now.unit)}"
        return _sum(now, "*", first, clause, "that holds for every one of them", says, first.unit)
    if mood == "shares":
        return _divide(now, first, clause)
    if first.value == 2 and re.search(r"\bhalf\b", clause, re.IGNORECASE):
        return _divide(now, first, clause) if mood == "loses" else None
    if (rate and mood != "loses") or re.search(r"\btwice\b", clause, re.IGNORECASE):
        says = f"holds for each of the {_of(now.amount, now.unit)}"
        return _sum(now, "*", first, clause, "that holds for every one of them", says, first.unit or now.unit)
    return _plus_or_minus(now, first, clause, _spends(mood, first, steps), "")


def _product(clause: str, found: list[Quantity], mood: str, steps: list[Step]) -> Step | None:
    """ "5 stamps at 3 euros each": an amount of its own, and what its verb does to the amount before it."""
    first, last = found
    value = first.value * last.value
    money = [q for q in found if q.money]
    base = money[0] if money else last if last.unit and last.value != 2 else first
    times = last if base is first else first
    sums = f"{show(first.value)} * {show(last.value)} = {show(value)}"
    says = f"means {_of(base.value, base.unit)}, {show(times.value)} times: {_of(sums, base.unit)}"
    if not steps:
        return Step(clause, "one number counts for each of the other", says, (sums,), value, base.unit)
    bought = Quantity(value, base.unit, percent=False)
    return _plus_or_minus(steps[-1], bought, clause, _spends(mood, bought, steps), says)


def _of(amount: Fraction | str, unit: str) -> str:
    return f"{amount if isinstance(amount, str) else show(amount)} {unit}".strip()


def _sum(now: Step, sign: str, by: Quantity, clause: str, why: str, says: str, unit: str) -> Step:
    """One operation on the running amount."""
    value = {"*": now.amount * by.value, "+": now.amount + by.value, "-": now.amount - by.value}[sign]
    sums = f"{show(now.amount)} {sign} {show(by.value)} = {show(value)}"
    return Step(clause, why, f"{says}: {_of(sums, unit)}", (sums,), value, unit)


def _divide(now: Step, by: Quantity, clause: str) -> Step | None:
    if not by.value:
        return None
    value = now.amount / by.value
    sums = f"{show(now.amount)} / {show(by.value)} = {show(value)}"
    if by.unit and stem(by.unit) == stem(now.unit):
        says = f"takes {_of(by.value, by.unit)} at a time: {sums}"
        return Step(clause, "so many go into one", says, (sums,), value, "")
    says = f"makes {show(by.value)} equal parts: {_of(sums, now.unit)}"
    return Step(clause, "it is split into equal parts", says, (sums,), value, now.unit)


def _percent(now: Step, share: Quantity, clause: str) -> Step:
    part = now.amount * share.value / 100
    sums = f"{show(share.value)} / 100 * {show(now.amount)} = {show(part)}"
    says = f"is a share of {_of(now.amount, now.unit)}: {_of(sums, now.unit)}"
    if not _REDUCED.search(clause) and not _LOSES.search(clause):
        return Step(clause, "only this share counts", says, (sums,), part, now.unit)
    rest = f"{show(now.amount)} - {show(part)} = {show(now.amount - part)}"
    says = f"{says}. That comes off: {_of(rest, now.unit)}"
    return Step(clause, "this share comes off", says, (sums, rest), now.amount - part, now.unit)


def _spends(mood: str, by: Quantity, steps: list[Step]) -> str:
    """Buying takes money away from somebody who has some; from nothing, prices add up."""
    purse = Quantity(steps[0].amount, steps[0].unit, percent=False).money and steps[0].why == _START
    return "loses" if mood == "gains" and by.money and purse and _OWNS.search(steps[0].clause) else mood


def _plus_or_minus(now: Step, by: Quantity, clause: str, mood: str, first: str) -> Step | None:
    """Adds or takes away, as the verb says. `first` is how `by` itself was worked out, where it was."""
    if mood == "pays":
        value = by.value - now.amount
        sums = f"{show(by.value)} - {show(now.amount)} = {show(value)}"
        says = f"has to cover what was spent, and the rest comes back: {_of(sums, now.unit)}"
        return Step(clause, "what was spent comes off it", says, (sums,), value, now.unit)
    lead = f"{first}; this " if first else ""
    if mood == "loses":
        says = f"{lead}takes {_of(by.value, by.unit if by.money else '')} off"
        return _sum(now, "-", by, clause, "that comes off", says, now.unit)
    if mood == "gains":
        return _sum(now, "+", by, clause, "that comes on top", f"{lead}comes on top", now.unit or by.unit)
    return None
