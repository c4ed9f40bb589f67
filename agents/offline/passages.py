"""The rule-based writer of examples of inner life: a passage's own sentences, lived by an I now, within the rules.

It can do no more than put what could be turned of the passage among sentences of its own; a model writes better.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Sequence
from typing import Any, Final

from agents.offline import passages_bank as bank
from agents.offline.passages_shift import turned
from agents.offline.tags import Sheet
from agents.offline.words import STOP, tokens

_THING: Final = re.compile(
    r"\b(the|a|an|his|her|my)\s+((?:[a-z]{3,}\s+){0,1}[a-z]{3,})\b(?=\s+(?:in|of|on|and|by|with)\b|[,.;])"
)
_INWARD: Final = re.compile(
    r"\bI (?:\w+ly |never |only |still )?(?:feel|know|think|wish|believe|doubt|hope|fear|want|remember|forget"
    r"|understand|imagine|love|dread|wonder|suffer|long|do not (?:know|understand|remember)"
    r"|cannot (?:say|tell|explain|remember)"
    r"|keep feeling|am (?:afraid|ashamed|happy|glad|sad|alone|unable|tired|certain|sure|angry|proud))\b"
)
"""What an AI can say of itself as it stands; anything else is a scene that comes to it."""
_SHAPES: Final = ("instruction", "conversations", "messages")
_NOT_THINGS: Final = frozenset(
    ["same", "whole", "other", "first", "last", "more", "less", "time", "way", "others", "rest"]
)


def write(sheet: Sheet) -> str:
    """The example that a passage, its notes and the rules ask for, as JSON."""
    return json.dumps(_Writer(sheet).example(), ensure_ascii=False)


class _Writer:
    def __init__(self, sheet: Sheet) -> None:
        self._core = sheet.notes
        self._rules = sheet.rules
        self._state = '"emotional_state"' in sheet.system
        # Equal prompts, equal replies; a prompt that comes back with a complaint draws anew.
        self._draw = random.Random(zlib.crc32(sheet.user.encode()))  # noqa: S311 - a draw, no secret
        found = turned(sheet.source)
        self._lived, self._around = list(found.lived), list(found.around)
        self._moods = _moods(sheet.source, sheet.notes)
        self._main = self._draw.choice(self._moods)
        self._things = _things(sheet.source)
        self._banks: dict[int, list[str]] = {}
        self._low, self._high = self._limits()
        self._as_ai = False

    def example(self) -> dict[str, Any]:
        """In the shape that is asked for, or the preferred one of several."""
        first = self._rules.split("\n")[0]
        allowed = [shape for shape in _SHAPES if shape in first] or ["instruction"]
        preferred = re.search(rf"preferably ({'|'.join(_SHAPES)})", self._rules)
        shape = preferred[1] if preferred else allowed[0]
        self._as_ai = shape != "instruction" or self._asks("own thinking") or self._asks("own processing")
        if self._asks("own processing"):  # no body is borrowed there
            self._lived, self._around = [s for s in self._lived if _INWARD.search(s)], []
        if shape == "instruction":
            spoken = {"instruction": self._title(), "input": "", "output": self._monologue(self._low, self._high)}
            return {**spoken, "metadata": self._feeling(0)} if self._state else spoken
        return {shape: self._talk(shape)}

    # ---------------------------------------------------------------- shapes
    def _talk(self, shape: str) -> list[dict[str, Any]]:
        turns = re.search(r"^(\d+)(?:-\d+)? turns", self._rules, re.M)
        pairs = max(1, (int(turns[1]) + 1) // 2 if turns else 2)  # of 3 to 4 turns four: the AI has the last
        thinking = "<thinking>" in self._rules
        room = (self._low + 25) // pairs + 1
        spoken: list[tuple[str, str, int]] = []
        for number in range(pairs):
            asks = bank.ASKS_FIRST if number == 0 else bank.ASKS_ON
            spoken.append(("human", self._say(asks), number))
            says = self._say(bank.SPOKEN if number == 0 else bank.SPOKEN_AGAIN)
            rest = self._monologue(room - len(says.split()), 10**6, whole=pairs == 1)
            if thinking:
                inner, outer = _halved(rest)
                spoken.append(("ai", f"<thinking>{inner}</thinking>\n\n{says} {outer}".strip(), number))
            else:
                told_on = rest if pairs == 1 else rest.replace("\n", " ")
                spoken.append(("ai", f"{says} {told_on}".strip(), number))
        named = (
            {"human": "human", "ai": "assistant"} if shape == "conversations" else {"human": "user", "ai": "assistant"}
        )
        who, what = ("from", "value") if shape == "conversations" else ("role", "content")
        told: list[dict[str, Any]] = []
        for speaker, words, number in spoken:
            turn: dict[str, Any] = {who: named[speaker], what: words}
            told.append({**turn, "metadata": self._feeling(number)} if self._state and speaker == "ai" else turn)
        return told

    def _title(self) -> str:
        verb = "Examine" if self._asks("own processing") else "Notice" if self._asks("own thinking") else "Experience"
        kinds = [k.strip() for k in self._core.split(",") if k.strip()]
        return f"{verb} {self._draw.choice(kinds) if kinds else 'what has no name yet'}"

    def _feeling(self, number: int) -> dict[str, Any]:
        """A state that follows the talk: the mood stays, the doubt in it moves a little."""
        unsure = round(min(0.9, 0.6 + 0.05 * number), 2)
        mood = (
            self._moods[0]
            if number == 0
            else f"{self._moods[0]}, quieter"
            if number % 2
            else f"{self._moods[0]}, still"
        )
        return {"emotional_state": mood, "uncertainty_level": unsure, "certainty": round(1 - unsure, 2)}

    # ---------------------------------------------------------------- words
    def _monologue(self, low: int, high: int, *, whole: bool = True) -> str:
        """Sentences from the passage and around it until there are enough words. `whole`: with opening and ending."""
        said: list[str] = [self._say(bank.OPENINGS)] if whole else []
        ending = self._say(bank.ENDINGS) if whole else ""
        room = high - len(ending.split())
        kinds = self._order()
        turn = 0
        while _count(said) + len(ending.split()) < low + (8 if whole else 0):
            piece = self._piece(kinds[turn % len(kinds)])
            turn += 1
            if piece and _count(said) + len(piece.split()) <= room:
                said.append(piece)
            if turn > 60:
                break
        paragraphs = _paragraphs([*said, ending] if ending else said, whole)
        return paragraphs.strip()

    def _order(self) -> list[str]:
        if self._asks("own processing"):
            return ["computed", "lived", "computed", "mooded", "computed", "question"]
        if self._asks("own thinking"):
            return ["lived", "noticing", "around", "mooded", "noticing", "pull", "question", "thing"]
        return ["lived", "after", "around", "mooded", "question", "lived", "pull", "thing", "after"]

    def _piece(self, kind: str) -> str:
        """The next sentences of a kind; empty where the passage has no more of them."""
        if kind == "lived":
            return self._scene(self._lived.pop(0)) if self._lived else ""
        if kind == "around":
            return self._scene(self._around.pop(0)) if self._around else ""
        if kind == "thing":
            return self._say(bank.THINGED, thing=self._things.pop(0)) if self._things else ""
        banks = {
            "after": bank.AFTER, "mooded": bank.MOODED, "question": bank.QUESTIONS, "pull": bank.PULLS,
            "noticing": bank.NOTICING, "computed": bank.COMPUTED,
        }  # fmt: skip
        return self._say(banks[kind])

    def _scene(self, sentence: str) -> str:
        """A sentence of the passage as an AI may say it: what is done in the world comes to it as a scene."""
        if not self._as_ai or _INWARD.search(sentence):
            return sentence
        told = sentence if sentence.startswith("I ") else sentence[:1].lower() + sentence[1:]
        return self._say(bank.BRINGS, scene=told)

    def _say(self, sayings: Sequence[str], thing: str = "", scene: str = "") -> str:
        """A sentence that was not said yet, its blanks filled."""
        if id(sayings) not in self._banks:
            self._banks[id(sayings)] = self._draw.sample(list(sayings), len(sayings))
        left = self._banks[id(sayings)]
        if not left:
            return ""
        mood = self._draw.choice(self._moods) if sayings is bank.MOODED and not len(left) % 3 else self._main
        return left.pop().format(mood=mood, Mood=mood[:1].upper() + mood[1:], thing=thing, scene=scene)

    def _asks(self, phrase: str) -> bool:
        return phrase in self._rules

    def _limits(self) -> tuple[int, int]:
        found = re.search(r"^(\d+)-(\d+) words", self._rules, re.M)
        return (int(found[1]), int(found[2])) if found else (120, 300)


def rate(sheet: Sheet) -> str:
    """The rating of an example: what can be counted of it, for rules can't read."""
    said = re.sub(r"^human: .*$", "", sheet.response, flags=re.M)
    words = [w.lower() for w in tokens(said)]
    own = sum(w in {"i", "me", "my", "myself", "i'm"} for w in words) / max(1, len(words))
    asked = said.count("?") + len(re.findall(r"\b(?:perhaps|almost|as if|cannot|not know|nearly|or only)\b", said))
    passage = {w.lower() for w in tokens(sheet.source)} - STOP
    shared = len(passage & set(words))
    explained = len(re.findall(r"\b(?:because|therefore|means that|in order to|this shows)\b", said))
    marks = {
        "authentic": 0.8 if words else 0.0,
        "open": min(1.0, asked / 3),
        "experiential": max(0.0, min(1.0, own * 20) - 0.2 * explained),
        "texture": min(1.0, 0.4 + shared / 10),
        "one_voice": 0.8 if own > 0.02 else 0.2,
    }
    told = {
        "open": "Little stays open; leave a question standing.",
        "experiential": "It is told from outside; let the I live it.",
        "texture": "Little of the passage's own matter is in it.",
        "authentic": "There is nothing in it.",
        "one_voice": "It is not clear who speaks.",
    }
    worst = min(marks, key=lambda k: marks[k])
    critique = (
        told[worst]
        if marks[worst] < 0.7
        else "What can be counted is in order; whether it is lived, a reader must say."
    )
    return json.dumps({"critique": critique, **{k: round(v, 2) for k, v in marks.items()}})


def _moods(passage: str, core: str) -> list[str]:
    """The moods that the notes and the passage name, those of the notes first; at least one."""
    named = [w.lower() for w in tokens(core)] + [w.lower() for w in tokens(passage)]
    found = list(dict.fromkeys(bank.MOODS[w] for w in named if w in bank.MOODS))
    return found[:3] or ["unease"]


def _things(passage: str) -> list[str]:
    """Things that the passage names, as an I would."""
    found = []
    for article, noun in _THING.findall(" ".join(passage.split())):
        words = noun.split()
        if any(w in STOP or w in _NOT_THINGS or w.endswith(("ed", "ly", "ing")) for w in words):
            continue
        if words[-1] in bank.MOODS or words[0] in {"had", "was"}:
            continue
        whose = {"his": "my", "her": "my", "a": "the", "an": "the"}.get(article, article)
        found.append(f"{whose} {noun}")
    return list(dict.fromkeys(found))


def _count(said: Sequence[str]) -> int:
    return sum(len(s.split()) for s in said)


def _paragraphs(said: Sequence[str], whole: bool) -> str:
    """Sentences in paragraphs of four or five, as breath goes."""
    if not whole:
        return "\n".join(said)  # a piece a line, for what is cut in two is cut between pieces
    parts = [" ".join(said[i : i + 5]) for i in range(0, len(said), 5)]
    return "\n\n".join(parts)


def _halved(text: str) -> tuple[str, str]:
    """Pieces, one a line, as two texts: the first has about two thirds of them."""
    pieces = text.split("\n")
    cut = max(1, round(len(pieces) * 2 / 3))
    return " ".join(pieces[:cut]), " ".join(pieces[cut:])
