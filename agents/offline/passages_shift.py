"""Turns a passage's past sentences about somebody into sentences in which an I lives the same now.

Only what can be turned with confidence is turned: one experiencer, verbs that are known or regular, no speech and no
other people's names.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final, NamedTuple

from agents.offline.passages_verbs import is_past, is_strong, present, third
from agents.offline.words import sentences

LONGEST: Final = 42
"""Words of a sentence or clause; longer ones are cut at semicolons, or left."""
_TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|(?:[^\w\s]|[\d_])+|\s+")
_SPEECH: Final = re.compile(r"[\"“”„«»]|(?<!\w)['‘]|['’](?!\w)")
_ADVERB: Final = re.compile(
    r"\w+ly|never|only|still|then|just|also|always|now|even|once|almost|not|at|last|too|alone", re.I
)
_BE: Final = frozenset(["was", "were", "is", "are", "am", "been", "being", "be"])
_HAVE: Final = frozenset(["had", "has", "have", "having"])
_BEFORE_NOUN: Final = frozenset(
    re.findall(
        r"\S+", "a an the my his her its this that these those no some any every with of in on by from for to as"
    )
)
_ONE: Final = frozenset(
    re.findall(r"\S+", "it this that which who there everything something nothing everyone what all")
)
_MANY: Final = frozenset(["we", "they", "these", "those", "both"])
_JOINS: Final = frozenset(["and", "but", "then", "or", ","])
_PREPOSITION: Final = frozenset(
    re.findall(
        r"\S+",
        """in on at by to from with for of and but or as so that than then into about over under before after while
        when if because again back up down off out away it was is were could had who which like through""",
    )
)
_OTHERS: Final = re.compile(r"\b(?:they|them|their|we|us|our|you|your|thou)\b", re.I)


class Turned(NamedTuple):
    """What a passage gives: sentences that an I says now, and sentences about what is around it."""

    lived: list[str]
    around: list[str]


def turned(passage: str) -> Turned:
    """The sentences of a passage that could be turned, in their order, without repetition."""
    passage = " ".join(passage.split())
    pronoun = _experiencer(passage)
    name = _name(passage)
    lived: list[str] = []
    around: list[str] = []
    for sentence in sentences(passage):
        parts = [sentence] if len(sentence.split()) <= LONGEST else re.split(r"\s*[;:]\s*", sentence)
        for part in parts:
            said = "" if _opens_with_name(part, passage, name) else _turn(part.strip(), pronoun, name)
            kind = lived if re.search(r"\b(?:I|me|my)\b", said) else around
            if said and said not in kind:
                kind.append(said)
    return Turned(lived, around)


def _experiencer(passage: str) -> str:
    """ "he", "she" or "i": who is spoken of most."""
    found = Counter(w.lower() for w in re.findall(r"\b(?:[Hh]e|[Ss]he|I)\b", _unquoted(passage)))
    return found.most_common(1)[0][0] if found else ""


def _unquoted(passage: str) -> str:
    return re.sub(r"[\"“][^\"“”]*[\"”]", " ", passage)


def _name(passage: str) -> str:
    """The name that stands most often before a verb in the past."""
    found = Counter(m[1] for m in re.finditer(r"\b([A-Z][a-z]{2,})\s+([a-z]+)\b", passage) if _finite(m[2]))
    return next((n for n, _ in found.most_common() if n.lower() not in _ONE | _JOINS | {"she", "the"}), "")


def _opens_with_name(sentence: str, passage: str, name: str) -> bool:
    """Whether the first word is somebody else's name: it is written large within other sentences too."""
    first = re.match(r"\W*([^\W\d_]+)", sentence)
    if first is None or first[1] in {name, "I"}:
        return False
    return re.search(rf"[a-z,;]\s+{re.escape(first[1])}\b", passage) is not None and first[1][0].isupper()


def _finite(word: str) -> bool:
    return word in {"was", "had", "could"} or is_past(word)


def _turn(sentence: str, pronoun: str, name: str) -> str:
    """One sentence, or nothing where it can't be turned safely."""
    size = len(sentence.split())
    rival = {"he": r"\b(?:she|hers?|herself|I)\b", "she": r"\b(?:he|his|him|himself|I)\b"}.get(
        pronoun, r"\b(?:he|she)\b"
    )
    if not 4 <= size <= LONGEST or not pronoun or _SPEECH.search(sentence) or _OTHERS.search(sentence):
        return ""
    if re.search(rival, sentence) or re.search(r"[\d()\[\]*_—]", sentence):
        return ""
    named = [w for w in re.findall(r"(?<!^)\b[^\W\d_a-z][^\W\d_]+\b", sentence) if w not in (name, "I")]
    if named:
        return ""
    tokens = _Tokens(sentence, pronoun, name)
    words = tokens.turned()
    if words is None:
        return ""
    said = re.sub(r"\b([Cc])an not\b", r"\1annot", "".join(words)).strip()
    if re.search(r"\bI\b", said) and re.search(r"\bme\b", said):
        return ""  # two people of one sex, it may be
    if re.match(r"(?:and|but|or|for|so|which|who|that|as)\b", said, re.I):
        said = said.split(" ", 1)[1].lstrip() if " " in said else ""
    return said[:1].upper() + said[1:].rstrip(" ,;:.!?…-") + ("?" if said.endswith("?") else ".") if said else ""


class _Tokens:
    """Walks over a sentence and knows whose verb comes next."""

    def __init__(self, sentence: str, pronoun: str, name: str) -> None:
        self._tokens = _TOKEN.findall(sentence)
        self._pronoun, self._name = pronoun, name
        self._out: list[str] = []
        self._before: list[str] = []  # the words so far, as turned, in lower case
        self._finite_i = False
        self._finite_one = False
        self._verbs = 0

    def turned(self) -> list[str] | None:
        for at, token in enumerate(self._tokens):
            if not token[0].isalpha():
                self._out.append(token)
                if token.strip():
                    self._before.append(token.strip()[0])
                continue
            word = self._pronouns(token, at)
            if word is None:
                word = self._verb(token)
            if word is None:
                return None
            self._verbs += word != token and word not in {"I", "me", "my", "myself"}
            self._out.append(word)
            self._before.append(word.lower())
        return self._out if self._verbs else None

    def _pronouns(self, token: str, at: int) -> str | None:
        low = token.lower()
        if token == self._name or low == self._pronoun:
            return "I" if self._starts_clause(at) or low == self._pronoun else "me"
        if (self._pronoun, low) in {("he", "himself"), ("she", "herself")}:
            return "myself"
        if (self._pronoun, low) in {("he", "his"), ("she", "hers")}:
            return "my"
        if (self._pronoun, low) == ("he", "him"):
            return "me"
        if (self._pronoun, low) == ("she", "her"):
            after = next((t.lower() for t in self._tokens[at + 1 :] if t.strip()), "")
            return "my" if after[:1].isalpha() and after not in _PREPOSITION and not after.endswith("ly") else "me"
        return None

    def _starts_clause(self, at: int) -> bool:
        return True if at == 0 else not self._before or self._before[-1] in _JOINS | {";", "that", "as", "when", "if"}

    def _verb(self, token: str) -> str | None:
        low = token.lower()
        last = self._last()
        mine = last == "i" or (last in _JOINS and self._finite_i)
        if low == "were" and {"if", "though"} & set(self._before[-7:]):
            return token
        if low in {"was", "were"}:
            if last == "i":
                self._finite_i = True
                return "am" if low == "was" else "were"
            return "is" if low == "was" else "are"
        if low == "had":
            self._finite_i |= last == "i"
            return "have" if mine or last in _MANY or self._plural(last) else "has"
        if low == "did":
            return "do" if mine or last in _MANY else "does"
        if low in {"could", "would"}:
            self._finite_i |= last == "i"
            return {"could": "can", "would": "will"}[low]
        if low in {"couldn't", "didn't", "wasn't", "hadn't", "wouldn't"}:
            return {"couldn't": "can't", "didn't": "don't", "hadn't": "haven't", "wouldn't": "won't"}.get(
                low, "am not" if mine else "isn't"
            )
        if not is_past(low):
            return token
        return self._past(token, last, mine)

    def _past(self, token: str, last: str, mine: bool) -> str | None:
        """A full verb's past form: as a verb of somebody's, as a participle, or not safe to turn."""
        if last in _BE | _HAVE or self._auxiliary():
            return token
        if mine:
            self._finite_i = True
            return present(token)
        if last in _ONE:
            self._finite_one = True
            return third(present(token))
        if last in _MANY:
            return present(token)
        if last in _BEFORE_NOUN or not last or last in {"myself", "me"}:
            return token
        if last in _JOINS:
            return third(present(token)) if self._finite_one else None
        if is_strong(token):
            self._finite_one = not self._plural(last)
            return third(present(token)) if self._finite_one else present(token)
        return None

    def _last(self) -> str:
        """The word before, adverbs left out."""
        return next((w for w in reversed(self._before) if not _ADVERB.fullmatch(w)), "")

    def _auxiliary(self) -> bool:
        """Whether one of the two words before joins a participle to a form of be or have ("am calm and rested")."""
        near = self._before[-4:]
        return any(w in _BE | _HAVE for w in near) and "i" not in near[-1:]

    def _plural(self, word: str) -> bool:
        return word.endswith("s") and not word.endswith(("ss", "us", "is"))
