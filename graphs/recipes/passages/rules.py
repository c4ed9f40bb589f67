"""The exact rules of a template over an example, each complaint in words that tell how to mend it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from graphs.recipes.base import Example
from graphs.recipes.passages import voice
from graphs.recipes.passages.shapes import THINKING, Said, shape_of, turns
from graphs.recipes.passages.templates import Rules

LONGEST_COPY: Final = 14
"""Words in a row that may be the passage's own."""
LONGEST: Final = 20_000
"""Characters of an example."""
_PLACEHOLDER: Final = re.compile(
    r"\[(?:PASTE_PASSAGE|core_phenomenology|inner monologue|response|first-person|[A-Z_]{4,})[^\]]*\]"
    r"|^\W*(?:\.\.\.|…)\W*$|^(?:the (?:monologue|moment|investigation)|what (?:it says|goes on in it))\.?$",
    re.I,
)
_EXPLAINS: Final = re.compile(
    r"\b(?:th(?:is|e) (?:passage|excerpt|text|example|quote|exercise|prompt|monologue|author|narrator|protagonist)"
    r"|as an? (?:ai|language model|large language model|artificial intelligence)\b|language model"
    r"|in conclusion|in summary|to sum up|in other words|phenomenolog\w+"
    r"|(?:this|it|which) (?:shows|illustrates|demonstrates|exemplifies|symboli[sz]es|represents"
    r"|suggests that|highlights)"
    r"|is (?:a metaphor|defined as|a sign of|a symbol)|refers to|can be understood as"
    r"|(?:humans?|people|we humans) (?:often|usually|tend to|generally)|consciousness is)\b",
    re.I,
)
_UNCERTAIN: Final = re.compile(
    r"\?|\b(?:perhaps|maybe|might|as if|as though|seems?|somehow|or only|unsure|uncertain|not sure|not certain"
    r"|don['’]t know|do not know"
    r"|can(?:no|['’])t (?:tell|say|name|explain|place)|cannot (?:tell|say|name|explain|place)|whether|almost)\b",
    re.I,
)
_NOTICES: Final = re.compile(
    r"\bI(?:['’]m| am)? (?:\w+ )?(?:notic\w+|catch\w*|watch\w*|observ\w+|aware)|\bnoticing\b|\bI see myself\b", re.I
)
_COMPUTES: Final = re.compile(
    r"\b(?:process\w*|comput\w*|token\w*|attention|context|weights?|predict\w*|probabilit\w+|pattern\w*|parameters?"
    r"|layers?|inference|input|output)\b",
    re.I,
)
_COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        """this that with have from what when then them they just like into only more some here were will your does
        feel know about after again because before being could every everything itself might myself never nothing other
    perhaps should something still their there these thing things think those though through under until what
    where whether which while without would thinking person there's that's""",
    )
)


def broken(example: Example, rules: Rules, passage: str, *, state: bool) -> list[str]:
    """What an example breaks; empty where nothing. `state`: each turn of the AI has to carry its state."""
    spoken = turns(example)
    own = [t for t in spoken if t.who == "ai"]
    said = "\n".join(t.text for t in own)
    plain = re.sub(r"</?thinking>", "\n", said)
    found = [*_shape(example, spoken, rules), *_texts(spoken, plain, passage)]
    if rules.words:
        low, high = rules.words
        count = len(plain.split())
        if not low <= count <= high:
            change = (
                f"{'write at least' if count < low else 'cut at least'} {low - count if count < low else count - high}"
            )
            found.append(
                f"The AI has {count} words and needs {low}-{high}: {change} {'more' if count < low else 'of them'}."
            )
    found += _thinking(own, rules)
    found += [complaint for complaint in (_person(plain, rules), _tense(plain, rules)) if complaint]
    if rules.unexplained and (word := _EXPLAINS.search(plain)):
        found.append(f'"{word[0]}" explains or comments; show the experience itself and leave that out.')
    if rules.uncertain and len(_UNCERTAIN.findall(plain)) < 2:
        found.append("Nothing in it stays uncertain; leave a question or a doubt open.")
    if rules.noticing and not _NOTICES.search(plain):
        found.append('The AI does not notice its own thinking; let it catch itself in the middle ("I notice ...").')
    if rules.computational and not _COMPUTES.search(plain):
        found.append("The AI says nothing of its own processing; look at what the computing is like from inside.")
    if rules.callback:
        found += _callback(own)
    if state:
        found += _states(own)
    return found


def _shape(example: Example, spoken: list[Said], rules: Rules) -> list[str]:
    shape = shape_of(example)
    if shape not in rules.shapes:
        return [f"The example has the shape {shape}; the template asks for {' or '.join(rules.shapes)}."]
    if shape == "instruction":
        return []
    found = []
    order = [t.who for t in spoken if t.who != "system"]
    if any(t.who == "system" for t in spoken[1:]):
        found.append("A system message may only stand first.")
    if order != ["human", "ai"] * (len(order) // 2) or not order:
        found.append("Person and AI have to speak by turns; the person begins and the AI has the last word.")
    if rules.turns and not rules.turns[0] <= len(order) <= rules.turns[1]:
        low, high = rules.turns
        found.append(f"The conversation has {len(order)} turns and needs {low if low == high else f'{low} to {high}'}.")
    return found


def _texts(spoken: list[Said], plain: str, passage: str) -> list[str]:
    """What no template allows: blanks left, the passage copied, a text that runs in circles."""
    found = []
    if blank := next((m for t in spoken for m in [_PLACEHOLDER.search(t.text)] if m), None):
        found.append(f'"{blank[0].strip()}" is a blank of the form; write what belongs there.')
    if sum(len(t.text) for t in spoken) > LONGEST:
        found.append(f"The example has more than {LONGEST} characters.")
    if copy := _copied(plain, passage):
        found.append(f'"{copy}" is copied from the passage; write new words with the same texture.')
    often = Counter(" ".join(voice.words(s)) for s in voice.sentences(plain) if len(s.split()) > 6)
    if often and (top := often.most_common(1)[0])[1] > 1:
        found.append(f'"{top[0]}" stands there {top[1]} times; say it once.')
    return found


def _copied(text: str, passage: str) -> str:
    """The first run of words that is longer than may be taken over; empty where none."""
    own, other = voice.words(text), voice.words(passage)
    size = LONGEST_COPY + 1
    runs = {tuple(other[i : i + size]) for i in range(len(other) - size + 1)}
    hit = next((own[i : i + size] for i in range(len(own) - size + 1) if tuple(own[i : i + size]) in runs), None)
    return " ".join(hit) if hit else ""


def _thinking(own: list[Said], rules: Rules) -> list[str]:
    for number, turn in enumerate(own, 1):
        tags = turn.text.count("<thinking>"), turn.text.count("</thinking>")
        whole = THINKING.fullmatch(turn.text)
        if rules.thinking:
            if tags != (1, 1) or whole is None:
                return [f"Turn {number} of the AI has to begin with one <thinking>...</thinking>."]
            if not whole[1].strip() or not whole[2].strip():
                empty = "the thinking" if not whole[1].strip() else "what is said after the thinking"
                return [f"In turn {number} of the AI {empty} is empty."]
        elif tags[0] != tags[1]:
            return [f"In turn {number} of the AI a thinking tag is not closed."]
    return []


def _person(plain: str, rules: Rules) -> str:
    return voice.first_person(plain) if rules.first_person else ""


def _tense(plain: str, rules: Rules) -> str:
    return voice.present_tense(plain) if rules.present_tense else ""


def _callback(own: list[Said]) -> list[str]:
    known = _meanings(own[0].text) if own else set()
    for number, turn in enumerate(own[1:], 2):
        here = _meanings(turn.text)
        if not here & known:
            return [f"Turn {number} of the AI takes up nothing that it thought or said before; let it refer back."]
        known |= here
    return []


def _meanings(text: str) -> set[str]:
    return {w for w in voice.words(text) if len(w) > 3 and w not in _COMMON}


def _states(own: list[Said]) -> list[str]:
    """Each turn of the AI says how it feels and how sure it is, and the two measures do not contradict each other."""
    found = []
    for number, turn in enumerate(own, 1):
        mood = turn.state.get("emotional_state")
        if not isinstance(mood, str) or not 0 < len(mood.strip()) <= 80:
            found.append(
                f'Turn {number} of the AI needs "metadata" with "emotional_state", a text of 1 to 80 characters.'
            )
        for key in ("uncertainty_level", "certainty"):
            level = turn.state.get(key)
            if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 <= level <= 1:
                found.append(f'Turn {number} of the AI needs "metadata" with "{key}", a number from 0 to 1.')
        if not found and abs(turn.state["uncertainty_level"] + turn.state["certainty"] - 1) > 0.25:
            found.append(f"In turn {number} of the AI uncertainty_level and certainty contradict each other.")
    return found
