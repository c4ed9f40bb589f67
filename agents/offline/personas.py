"""The rule-based writer of persona chats: a question about what the chunk shows, an answer in the persona's manner.

It knows nothing but its prompt: the sentences in the persona's manner, the words to use, who asks, and the source.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from typing import Final

from agents.offline.personas_lines import ASKED, COUNSEL, CROWD, IMAGE, NAMED, PLAIN, QUOTED
from agents.offline.personas_topics import STANDS_FOR, Topic, best_first, singular
from agents.offline.tags import Sheet
from agents.offline.words import STOP, content, sentences, tokens

_QUOTE_WORDS: Final = (5, 14)
_WEAK_START: Final = re.compile(
    r"(?:he|she|it|they|this|that|these|those|but|and|so|then|his|her|their|there|what|which|who|yes|no|oh|ah|well|"
    r"or|for|nor|when|where|why|how|is|are|do|did|has|have|if|let|here|now|both|such|my|your|come|go|you|i)\b",
    re.I,
)
_MARKS: Final = re.compile(r"[“”\"«»_*\[\](){}#<>|=]|\.\.|…|(?<!\w)[‘’']|[‘’'](?!\w)|--|—")
_RANK: Final = (
    r"(?:Prince|Princess|Count|Countess|Captain|General|Doctor|Dr\.|Mr\.|Mrs\.|Miss|Madame|King|Queen|Uncle|Aunt)"
)
_GIVEN: Final = r"[A-ZÀ-Þ][a-zà-ÿ]+"
_NAMED: Final = re.compile(
    rf"\b(?P<rank>{_RANK} {_GIVEN})|(?:said|asked|cried|replied|answered) (?P<spoke>{_GIVEN}(?: {_GIVEN})?)\b"
    rf"|\b(?P<acted>{_GIVEN}(?: {_GIVEN})?) (?:said|asked|replied|looked|felt|knew|saw|rose|went|smiled|turned)\b"
)
_NOBODY: Final = frozenset(
    re.findall(r"\w+", "he she it they i we you the this that there everyone everybody nobody no one")
)
_CAPITALS: Final = 0.75
"""A sentence with this share of capitals is a heading."""


def propose(sheet: Sheet) -> str:
    """The exchange as JSON."""
    draw = random.Random(zlib.crc32(sheet.user.encode("utf-8", "replace")))  # noqa: S311 - a draw, no secret
    topics = best_first([w for w in re.split(r",\s*", _rule(sheet, "Words")) if w])
    quotes = _quotes(sheet)
    # What the source has a sentence about is spoken of rather than what it only mentions.
    about = next((t for t in topics if _about(t, quotes)), topics[0] if topics else Topic("such things", "such things"))
    other = next((t.matter for t in topics if t.matter != about.matter), "one's own comfort")
    hint = (sheet.hints or ("",))[0]
    aim = next((a for a in ASKED if a in hint), next(iter(ASKED)))
    asker = re.match(r"Asked by (.+?), who ", hint)
    names = _names(sheet.source)
    blanks = {
        "word": about.matter,
        "key": about.key,
        "other": other,
        "asker": asker[1] if asker else "one of the colonists",
        "name": draw.choice(names) if names else "",
        "title": _title(sheet),
    }
    user = draw.choice([q for q in ASKED[aim] if names or "{name}" not in q])
    if "{asker}" not in user and draw.random() < 0.5:
        user = "I am {asker}. " + user
    answer = _answer(sheet, aim, blanks, _about(about, quotes), draw)
    return json.dumps({"user": _capital(user.format(**blanks)), "assistant": answer}, ensure_ascii=False)


def rate(sheet: Sheet) -> str:
    """The five numbers, as far as they can be counted, as JSON."""
    voice = content(f"{sheet.conversation} {sheet.rules}") & content(sheet.response)
    matter = content(sheet.source) & content(sheet.response)
    asked = sheet.question.rstrip().endswith("?")
    told = {
        "question": 1.0 if asked else 0.5,
        "voice": min(1.0, 0.4 + 0.15 * len(voice)),
        "grounded": min(1.0, len(matter) / 3),
        "period": 1.0,
        "useful": 1.0 if len(voice) >= 2 and len(matter) >= 2 else 0.5,
    }
    worst = min(told, key=lambda name: told[name])
    critique = {
        "question": "The question asks nothing; end it with a question mark.",
        "voice": "The answer could be anybody's; use the persona's own words and images.",
        "grounded": "The answer takes up little of the source; name what happens in it.",
        "useful": "Voice and matter are thin; say more of both.",
    }.get(worst, "")
    if told[worst] == 1:
        critique = "Counted by rules, nothing is amiss."
    return json.dumps({"critique": critique, **{name: round(value, 3) for name, value in told.items()}})


def _answer(sheet: Sheet, aim: str, blanks: dict[str, str], quotes: list[str], draw: random.Random) -> str:
    """Opening, what the source says, what follows for the colony, the persona's own thought, ending."""
    manner = [line for line in sheet.notes.splitlines() if line.strip()]
    opening, turn, closing = (manner + [""] * 3)[:3]
    images = [i for i in re.split(r",\s*", _rule(sheet, "Thinks in")) if i]
    if quotes:
        matter = draw.choice(QUOTED).format(**blanks, quote=draw.choice(quotes))
    elif blanks["key"] in STANDS_FOR:
        matter = draw.choice(CROWD).format(**blanks)
    else:
        matter = draw.choice(NAMED if blanks["name"] else PLAIN).format(**blanks)
    counsel = draw.choice(COUNSEL[aim]).format(**blanks)
    image = draw.choice(IMAGE).format(image=draw.choice(images)) if images and not turn else ""
    parts = [opening, matter, counsel, image, turn, closing]
    limit = re.search(r"has \d+ to (\d+) characters", sheet.system)
    for spare in (3, 4, 0, 5, 2):
        if limit and len(_joined(parts)) > int(limit[1]):
            parts[spare] = ""
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    return " ".join(_capital(part) for part in parts if part)


def _rule(sheet: Sheet, name: str) -> str:
    found = re.search(rf"^{name}: (.+)$", sheet.rules, re.MULTILINE)
    return found[1] if found else ""


def _title(sheet: Sheet) -> str:
    found = re.search(r"^<source>\nBook: (.+)$", sheet.user, re.MULTILINE)
    return found[1].strip() if found else "an old book"


def _names(text: str) -> list[str]:
    """People who speak or act in a text, those named most often first; no more than three."""
    text = " ".join(text.split())
    found = [name for m in _NAMED.finditer(text) if (name := m["rank"] or m["spoke"] or m["acted"])]
    found = [name for name in found if name.split()[0].casefold() not in _NOBODY | STOP]
    counted = {name: text.count(name) for name in found}
    return sorted(counted, key=lambda name: -counted[name])[:3]


def _about(topic: Topic, quotes: list[str]) -> list[str]:
    """The quotes in which a topic's own word stands."""
    wanted = {singular(w) for w in tokens(topic.key)} - {"the"}
    return [q for q in quotes if wanted <= {singular(t) for t in tokens(q)}]


def _quotes(sheet: Sheet) -> list[str]:
    """Short whole sentences of the source that can stand alone; nothing that was complained about."""
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", re.sub(r"^Book: .*\n", "", sheet.source))
    found = []
    for sentence in sentences(text):
        for clause in re.split(r"(?<=;)\s+", sentence.strip(" \"“”‘’'")):
            if clause[-1:] not in ".;" or not clause[:1].isupper():
                continue
            plain, size = clause[:-1].rstrip(" ,"), len(tokens(clause))
            if not (_QUOTE_WORDS[0] <= size <= _QUOTE_WORDS[1]) or _MARKS.search(plain):
                continue
            if _WEAK_START.match(plain) or _heading(plain) or _complained(plain, sheet.critique):
                continue
            found.append(plain)
    return found


def _complained(quote: str, critique: str) -> bool:
    return any(len(t) > 4 and t.casefold() in critique.casefold() for t in tokens(quote))


def _heading(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) >= _CAPITALS * len(letters)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
