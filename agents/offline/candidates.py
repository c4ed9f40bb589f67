"""The rule-based reader of books: marks the sentences that name most of what a mind goes through, and rates them."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Final, NamedTuple

from agents.inner_life import Trace, density, total, traces, weigh
from agents.offline.tags import Sheet
from agents.replies import read_json

_SENTENCE: Final = re.compile(r"\S.*?(?:(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?…]+[\"'”’»)]*(?=\s|$)|$)", re.M)
_BOUNDS: Final = re.compile(r"(\d+) to (\d+) words")
_UNEXPLAINED: Final = re.compile(
    r"\b(?:could not explain|without knowing why|not know(?:ing)? why|for some reason|"
    r"could not understand why|inexplicabl[ey]|no reason|unaccountabl[ey])\b",
    re.I,
)
_SUDDEN: Final = re.compile(r"\b(?:suddenly|all at once)\b", re.I)
_SUBJECT: Final = re.compile(
    r"\b((?:(?:Prince|Princess|Count|Countess|Mr\.|Mrs\.|Miss|Captain|Doctor|General|Madame|Lady|Sir) )?"
    r"[A-ZÀ-Þ][a-zà-ÿ]{2,}) (?:\w+ly |had |was |could not )?"
    r"(?:felt|feeling|thought|saw|knew|asked (?:him|her)self|wished|experienced|remembered|recalled|dreamed|wondered|"
    r"understood|realized|imagined|noticed|loved|feared|hoped|forgot|"
    r"awoke|woke|seized|overcome|filled|gazed|suffered|trembled|conscious|aware|ashamed|afraid|happy|unhappy)\b"
)
_NOBODY: Final = re.compile("He|She|They|It|The|There|This|That|And|But|What|When|Who|Then|All|One|Now|Yet|You|Nobody")
_PLAIN: Final = frozenset(
    ["feeling", "thought", "sudden change", "change", "seeming", "seeing", "imagining", "wishing"]
)
"""Names that say little beside others."""


_ROOM: Final = 100
"""Makes a longer passage that stays dense better than its densest two sentences."""


class _Run(NamedTuple):
    """Sentences that follow each other, and how dense they are."""

    start: int
    end: int
    value: float


def propose(sheet: Sheet) -> str:
    """The densest passage of the text with what it shows, as JSON; after a refusal the densest elsewhere."""
    bounds = _BOUNDS.search(sheet.system)
    least, most = (int(bounds[1]), int(bounds[2])) if bounds else (40, 150)
    text = sheet.source
    taken = _quoted(sheet.answer)
    runs = [run for run in _runs(text, least, most) if not taken or not _shares(text[run.start : run.end], taken)]
    best = max(runs, key=lambda run: run.value, default=None)
    quote = text[best.start : best.end] if best else text.strip()
    names = kinds_of(quote)
    return json.dumps(
        {
            "quote": quote,
            "title": _title(quote, names),
            "core_phenomenology": ", ".join(names) or "thought",
            "templates": _templates(traces(quote)),
        },
        ensure_ascii=False,
    )


def rate(sheet: Sheet) -> str:
    """The rating of a passage (the source) and of the kinds of experience listed for it (the answer), as JSON."""
    quote, listed = sheet.source, [part.strip().lower() for part in sheet.answer.split(",") if part.strip()]
    there = {trace.name for trace in traces(quote)}
    dense = density(quote)
    known = [name for name in listed if any(n in name or name in n for n in there)]
    whole = (0.4 if quote.count("“") != quote.count("”") else 0.0) + (0.0 if quote[-1:] in ".!?…”\"'’" else 0.4)
    named = (0.4 + 0.6 * len(known) / len(listed)) * (1.0 if len(listed) > 1 else 0.5) if listed else 0.0
    first = ", ".join(list(dict.fromkeys(t.name for t in traces(quote)))[:4])
    critique = f"It names {first}: {dense:.1f} traces in 100 words." if there else "It names no feeling and no thought."
    scores = {"inner": max(0.0, min(1.0, dense / 7)), "whole": 1.0 - whole, "named": named}
    return json.dumps({"critique": critique, **{k: round(v, 2) for k, v in scores.items()}}, ensure_ascii=False)


def kinds_of(quote: str) -> list[str]:
    """Up to four kinds of experience in a passage, the most telling first; how each comes is said where it is told."""
    found = traces(quote)
    counts = Counter(trace.name for trace in found)
    kinds = {trace.name: trace.kind for trace in found}
    first_at = {trace.name: trace.start for trace in reversed(found)}
    order = sorted(counts, key=lambda n: (n in _PLAIN, kinds[n] == "body", -counts[n], first_at[n]))
    telling = [name for name in order if name not in _PLAIN][:4]
    first = next((t for t in found if t.name in telling and t.kind == "feeling"), None)
    names = []
    for name in telling or order[:2]:
        here = _sentence(quote, next(t.start for t in found if t.name == name))
        before = "unexplained " if _UNEXPLAINED.search(here) else "sudden " if _SUDDEN.search(here) else ""
        plain = first is not None and name == first.name and before and not name.startswith(("a ", "not "))
        names.append(f"{before}{name}" if plain else name)
    return names


def _runs(text: str, least: int, most: int) -> list[_Run]:
    """Every run of whole sentences within the bounds, short of those that open speech and do not close it."""
    spans = [(m.start(), m.end()) for m in _SENTENCE.finditer(text)]
    lengths = [len(text[a:b].split()) for a, b in spans]
    found = weigh(text)
    inside = [[w for w in found if a <= w.trace.start < b] for a, b in spans]
    runs = []
    for i in range(len(spans)):
        words = 0
        for j in range(i, len(spans)):
            words += lengths[j]
            if words > most:
                break
            quote = text[spans[i][0] : spans[j][1]]
            if words >= least and quote.count("“") == quote.count("”") and quote.count('"') % 2 == 0:
                here = [w for part in inside[i : j + 1] for w in part]
                value = total(here, words, room=_ROOM)
                value *= 1.1 if i == 0 or "\n" in text[spans[i - 1][1] : spans[i][0]] else 1.0
                value *= 0.85 if "\n" in quote else 1.0
                value *= 1.0 if len({w.trace.name for w in here} - _PLAIN - {""}) > 1 else 0.5
                runs.append(_Run(spans[i][0], spans[j][1], value))
    return runs


def _quoted(answer: str) -> str:
    """The quote of an earlier answer."""
    try:
        said = read_json(answer)
    except ValueError:
        return ""
    return str(said.get("quote", "")) if isinstance(said, dict) else ""


def _shares(quote: str, taken: str) -> bool:
    """Whether two passages share a run of words."""
    words = taken.split()
    pairs = set(pairwise(quote.split()))
    return sum(pair in pairs for pair in pairwise(words)) > 5


def _title(quote: str, names: list[str]) -> str:
    """Whose experience, where a sentence says so, and its first two kinds."""
    what = " and ".join(names[:2]) or "thought"
    who = Counter(m[1] for m in _SUBJECT.finditer(quote) if not _NOBODY.fullmatch(m[1])).most_common(1)
    return f"{who[0][0]}’s {what.removeprefix('a ')}" if who else f"{what[0].upper()}{what[1:]}"


def _templates(found: list[Trace]) -> list[str]:
    kinds = {trace.kind for trace in found}
    names = {trace.name for trace in found}
    chosen = ["1", "2"]
    chosen += ["3"] * ("feeling" in kinds)
    chosen += ["4"] * bool(
        names & {"self-awareness", "self-questioning", "realization", "doubt", "forgetting", "thought"}
    )
    chosen += ["5"] * ("body" in kinds or bool(names & {"waking", "falling asleep", "dreaming"}))
    return chosen


def _sentence(text: str, at: int) -> str:
    return next((m[0] for m in _SENTENCE.finditer(text) if m.start() <= at < m.end()), text)
