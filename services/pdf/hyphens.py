"""Whether a hyphen at the end of a line belongs to the word: the document's own words are the evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)*")
_END: Final = re.compile(r"([^\W_]+(?:[-\u2010\u2011'’][^\W_]+)*)([-\u2010\u2011\xad])$")
_START: Final = re.compile(r"[^\W_]+(?:[-\u2010\u2011'’][^\W_]+)*")
_FIRST: Final = re.compile(
    "all|ever|half|high|ill|life|long|low|old|one|self|short|three|two|vice|well|wide|world|"
    "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
"""First halves that mostly keep their hyphen, for compounds that the document has only at this one place."""
_ENDING: Final = re.compile("(?:[a-z]|ed|en|er|ers|est|ing|ings|ish|ly|ness|self|some|ward|wards)")
"""What after them makes one word of both: high-/ly, one-/self."""
_PREFIX: Final = re.compile("anti|co|ex|non|semi|so")
"""First halves that begin other words as often (ex-/panding, so-/cial): kept before a word of the document alone."""
_WITH_EX: Final = re.compile(
    r"(?:act|ample|change|chang|cite|cit|claim|hale|pert|plain|port|pose|pos|press|tend|tent|tract)"
    r"(?:s|es|ed|er|ers|ing|ly|ive|ion|ions|able)?|\w+(?:ed|ing)"
)
"""Words that make another word with "ex" before them; only nouns are what somebody was before."""


class Vocabulary:
    """The words of a document, less those that a line's end cuts in two."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        cut = False
        for line in lines:
            words = [m[0].lower().replace("\u2010", "-").replace("\u2011", "-") for m in _WORD.finditer(line)]
            first = 1 if cut else 0
            cut = bool(_END.search(line))
            self._counts.update(words[first : len(words) - 1 if cut else None])

    def join(self, before: str, after: str) -> str:
        """Two lines as one: with a space, with nothing where a hyphen was the printer's, or with the hyphen kept."""
        end = _END.search(before)
        start = _START.match(after)
        if end is None or start is None:
            # A dash has no space on either side where a line breaks at it, unless it has one elsewhere.
            glued = before.endswith(("—", "--", "/")) and not before.endswith((" —", " --", " /"))
            return f"{before}{'' if glued else ' '}{after}"
        whole = before[: end.start(2)]
        return whole + after if self._printers(end[1], end[2], start[0]) else f"{whole}-{after}"

    def _printers(self, head: str, hyphen: str, tail: str) -> bool:
        """Whether the hyphen only marks the line's end."""
        if hyphen == "\xad":
            return True
        if not tail[0].islower() or not head[-1].isalpha():  # Anglo-/Saxon, 1914-/18
            return False
        head, tail = head.lower(), tail.lower()
        tail_word = re.split(r"[-'’]", tail)[0]
        joined, kept = self._counts[head + tail], self._counts[f"{head}-{tail}"]
        if joined != kept:
            return joined > kept
        if "-" in head:  # mother-in-/law
            return self._counts[head.rpartition("-")[2] + tail_word] > 0
        if joined_stem := self._stem(head + tail_word):
            return joined_stem
        if _FIRST.fullmatch(head):
            return _ENDING.fullmatch(tail) is not None
        if _PREFIX.fullmatch(head):
            return not self._prefixed(head, tail_word)
        both = self._counts[head] and self._counts[tail_word] and min(len(head), len(tail_word)) >= 3
        return not both

    def _prefixed(self, head: str, tail: str) -> bool:
        """Whether the document writes such a word with a hyphen elsewhere, or has its second half alone."""
        if any(word.startswith(f"{head}-{tail[:4]}") for word in self._counts):  # co-operation, for co-/operate
            return True
        return len(tail) > 2 and self._counts[tail] > 0 and not (head == "ex" and _WITH_EX.fullmatch(tail))

    def _stem(self, word: str) -> bool:
        """Whether the document has the word in another form: "walking" for "walked"."""
        stem = re.sub(r"(?:ing|ed|es|s|ly|er|est|ness)$", "", word)
        return len(stem) >= 4 and any(
            self._counts[stem + e] for e in ("", "e", "s", "es", "ed", "d", "ing", "ly", "er")
        )
