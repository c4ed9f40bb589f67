"""Counts what a text says of experience: which feelings, thoughts and changes of mind it names, and how densely."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Kind = Literal["feeling", "mind", "body", "turn"]


class Trace(NamedTuple):
    """One place where a text names an experience."""

    name: str
    """The experience as a noun: "fear", "waking"."""
    kind: Kind
    start: int
    """Where in the text."""


_NAMES: Final[dict[Kind, str]] = {
    "feeling": """
        joy: joy|joys|joyful|joyfully|joyous|gay and happy|delight|delighted|rapture|rapturous|ecstasy|bliss|elation
        happiness: happy|happiness|happily|gladness
        fear: fear|fears|feared|afraid|fright|frightened|terror|terrified|alarm|alarmed
        dread: dread|dreaded|dreading|horror|foreboding
        unease: uneasy|uneasiness|anxious|anxiety|agitation|agitated|disquiet|restless|restlessness
        sorrow: sorrow|sorrowful|sad|sadness|sadly|grief|grieved|mournful|melancholy
        despair: despair|despairing|hopeless|hopelessness|misery|anguish
        weeping: weep|wept|weeping|tears|sobbed|sobbing|sobs
        loneliness: lonely|loneliness|alone in the world|solitude|forsaken
        shame: shame|ashamed|humiliation|humiliated|disgrace
        embarrassment: embarrassed|embarrassment|blushed|blushing|awkward|awkwardness
        remorse: remorse|repentance|guilt|guilty|repented
        anger: anger|angry|angrily|rage|fury|furious|wrath|indignation|irritation|irritated|vexation|vexed
        hatred: hatred|hated|loathing|disgust
        love: love|loved|loving|in love
        tenderness: tender|tenderness|tenderly|pity|compassion|softened
        longing: longing|longed|yearning|yearned|craving
        hope: hope|hoped|hoping|hopes
        relief: relief|relieved|lightness of heart
        calm: calm|calmness|peaceful|tranquil|tranquillity|serene|serenity
        pride: pride|proud|proudly|triumph
        jealousy: jealous|jealousy|envy|envied
        emptiness: emptiness|empty of|numb|numbness|indifference|indifferent|apathy
        wonder: wonder|wondered|wondering|amazement|astonishment|astonished|awe
    """,
    "mind": """
        thought: thought|thoughts|thinking|reflected|reflection|reflections|pondered|pondering|meditation|mused
        feeling: felt|feeling|feelings|sensation|sensations|emotion|emotions
        memory: remembered|remembering|memory|memories|recalled|recalling|recollection|recollections
        forgetting: forgot|forgotten|forgetting|could not recall|could not remember
        doubt: doubt|doubts|doubted|uncertain|uncertainty|hesitated|hesitation|perplexed|perplexity|bewildered
        not understanding: could not understand|did not understand|unable to understand|incomprehensible|inexplicable
        confusion: confused|confusion|muddled
        seeming: seemed to him|seemed to her|seemed to me|it seemed|as if in a dream|as though in a dream
        realization: realized|realised|understood|became aware|it dawned|became clear
        self-awareness: conscious of|consciousness|aware of|aware that|caught himself|caught herself|caught myself
        self-questioning: asked himself|asked herself|asked myself|said to himself|said to herself|said to myself
        imagining: imagined|imagination|imagining|pictured to|fancied|fancy
        dreaming: dream|dreams|dreamed|dreamt|dreaming|delirium|delirious
        waking: awoke|awaking|woke up|wakened|waking|awakened
        falling asleep: fell asleep|falling asleep|drowsy|drowsiness|dozed|dozing
        wishing: wished|wanted to believe|desire|desired
        the thought of death: his own death|her own death|my own death|thought of death|fear of death|death is|shall die
    """,
    "body": """
        a beating heart: heart beat|heart beating|heart throbbed|heart stood still|heart sank|heart leapt
        breath: breath|breathless|breathing|breathed|gasped|gasping|choked|choking
        trembling: trembled|trembling|shuddered|shuddering|shivered|quivering|quivered
        warmth: glow|glowed|warmth|flushed
        chill: chill|shiver|shivers
        weariness: weary|weariness|exhausted|exhaustion|fatigue|tired
        pain: pain|painful|painfully|ached|aching|suffering|suffered
        seeing: gazed|gazing|stared at|looking up|lofty sky
    """,
    "turn": """
        sudden change: suddenly|all at once|at that moment|at that instant
        change: no longer|for the first time|never before|changed|passed away|vanished|melted away
    """,
}
_WEIGHT: Final[dict[Kind, float]] = {"feeling": 1.0, "mind": 0.9, "body": 0.7, "turn": 0.4}


_OUTWARD: Final = frozenset(("face", "eyes", "smile", "smiled", "expression", "glance", "glanced", "dress", "features"))
"""Words of what others see of somebody."""


def _read_names() -> tuple[dict[str, tuple[str, Kind]], re.Pattern[str]]:
    known: dict[str, tuple[str, Kind]] = {}
    for kind, lines in _NAMES.items():
        for line in lines.strip().splitlines():
            name, _, words = line.strip().partition(": ")
            known |= dict.fromkeys(words.split("|"), (name, kind))
    phrases = sorted((w for w in known if " " in w), key=len, reverse=True)
    # A phrase is tried where one may start; all other words are looked up, which is ten times as fast.
    return known, re.compile(rf"\b(?:{'|'.join(phrases)})\b|[^\W\d_]+", re.I)


_KNOWN, _WORDS = _read_names()
_NOT: Final = re.compile(r"(?:\bnot|\bno|\bnever|\bwithout|\bnor|n['’]t)(?:\s+[\w’']+){0,2}\s*$", re.I)
_SPOKEN: Final = re.compile(r"“[^”]*”|\"[^\"]*\"")


def traces(text: str) -> list[Trace]:
    """The experiences a text names, in its order; one that is denied ("was not afraid") is none."""
    found = []
    for match in _WORDS.finditer(text):
        word = match[0].lower()
        if known := _KNOWN.get(word):
            denies = " not " in f" {word} "
            if denies or not _NOT.search(text, max(0, match.start() - 24), match.start()):
                found.append(Trace(*known, match.start()))
    return found


class Weighed(NamedTuple):
    """A place in a text and what it adds to its density."""

    trace: Trace
    weight: float


def weigh(text: str) -> list[Weighed]:
    """The traces of a text with their weights; what is only spoken of counts a third, outward looks count against."""
    spoken = [(m.start(), m.end()) for m in _SPOKEN.finditer(text)]
    found = []
    for trace in traces(text):
        aloud = any(a <= trace.start < b for a, b in spoken)
        found.append(Weighed(trace, _WEIGHT[trace.kind] * (1 / 3 if aloud else 1.0)))
    for match in re.finditer(r"[a-z]+", text):
        if match[0] in _OUTWARD:
            found.append(Weighed(Trace("", "body", match.start()), -0.3))
    return found


def total(found: Iterable[Weighed], words: int, *, room: int = 40) -> float:
    """Weight per 100 words. `room`: words added, for one feeling in a sentence of ten words is no passage."""
    weight = 0.0
    said: dict[str, int] = {}
    for trace, worth in found:
        said[trace.name] = said.get(trace.name, 0) + 1
        # The same word again and again ("love" in a quarrel over love) says less each time.
        weight += worth / said[trace.name] ** 0.5 if trace.name else worth
    return 100 * weight / (words + room)


def density(text: str) -> float:
    """How much of a text is experience, as `total` counts it."""
    return total(weigh(text), len(text.split()))
