"""Reads what models really write: an attempt with its answer, a hint, JSON among chatter."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from agents.question import AnswerKind


@dataclass(frozen=True, slots=True)
class Attempt:
    """A student's reply, taken apart. `answer` is empty where none could be found."""

    thinking: str
    answer: str


_MARKED: Final = (
    r"^[ \t>*_#`-]*(?:\d+[.)][ \t]*)?[*_]*(?:the\s+)?(?:final\s+|correct\s+)?answer"
    r"[ \t]*[*_`]*[ \t]*[:=][ \t]*[*_`]*[ \t]*"
)
_MARK: Final = re.compile(_MARKED, re.I | re.M)
_ANSWER_LINE: Final = re.compile(_MARKED + r".*$", re.I | re.M)
_PROSE: Final = re.compile(r"\b(?:the|my|our)\s+(?:final\s+|correct\s+)?answer\s+is\b[ \t]*:?[ \t]*", re.I)
_BOXED: Final = re.compile(r"\\boxed\s*\{")
_THINK: Final = re.compile(r"<(think(?:ing)?)>(.*?)</\1>", re.I | re.S)
_TAG: Final = re.compile(r"</?(?:think(?:ing)?|answer|notes|hint)>", re.I)
_LABEL: Final = re.compile(
    r"^[\s*_#]*(?:thinking|reasoning|notes|solution|steps)[ \t]*[*_]*[ \t]*:[ \t]*[*_]*\s*", re.I
)
_FENCE: Final = re.compile(r"^[ \t]*```[\w+-]*[ \t]*$\n?", re.M)
_HINT: Final = re.compile(r"^[ \t>*_#`-]*hint(?:[ \t]*\d+)?[ \t]*[*_]*[ \t]*:[ \t]*[*_]*", re.I | re.M)
_WORKING: Final = re.compile(r"^[ \t>*_#`-]*(?:working|wrong)[ \t]*[*_]*[ \t]*:", re.I | re.M)
_PARTS: Final = re.compile(r"<(working|wrong)>.*?(?:</\1>|$)", re.I | re.S)
_RESULT: Final = re.compile(r"[^=≈]*[=≈]\s*(.+)", re.S)
_ENDS_STRING: Final = re.compile(r"\s*(?:[}\]:]|,\s*(?:[\"{\[\d-]|true|false|null|$)|$)")
_QUOTED: Final = re.compile(r'["“]([^"“”]+)["”]')
_DIGITS: Final = re.compile(r"\d[\d,.]*")


def read_attempt(text: str, kind: AnswerKind) -> Attempt:
    """Takes a reply apart. The last "Answer:" line counts, then `\\boxed{}`, then "the answer is", then the last line.

    The thinking is what stands before the answer (and inside thinking tags); what follows an answer is dropped, except
    that a free-text or JSON answer may run over several lines. Never raises.
    """
    inner = [m[2] for m in _THINK.finditer(text)]
    outside = _THINK.sub("\n", text)
    if inner and not _MARK.search(outside) and outside.strip():
        rest, answer = "", _tidy(_TAG.sub("", outside), kind)
    else:
        if inner and not outside.strip():
            inner, outside = [], "\n".join(inner)
        rest, answer = _cut(_TAG.sub("", outside), kind)
    return Attempt(_clean("\n".join([*inner, rest])), answer)


def read_hint(text: str) -> str:
    """The hint in a teacher's reply: what follows its last "Hint:", as one paragraph without quotes.

    A reply without that mark is the hint itself, unless it is the teacher's own working, cut off before it came to a
    hint: then the hint is empty, for the working ends in the answer.
    """
    outside = _TAG.sub("", _PARTS.sub("\n", _THINK.sub("\n", text)))
    marks = list(_HINT.finditer(outside))
    if not marks and _WORKING.search(outside):
        return ""
    hint = outside[marks[-1].end() :] if marks else outside
    hint = " ".join(hint.split()).strip("*` ")
    if whole := _QUOTED.fullmatch(hint):  # a quotation that only begins or only ends it is the hint's own
        hint = whole[1].strip()
    return _addressed(hint)


def _addressed(hint: str) -> str:
    """The hint spoken to the student, not about it: a small teacher forgets whom it speaks to, and what it says of
    "the student" comes back in the student's thinking."""
    told = re.sub(r"\b[Tt]he student(['’]s)?\b", lambda m: "your" if m[1] else "you", hint)
    return told[:1].upper() + told[1:]


def read_json(text: str) -> object:
    """The JSON value in a model's reply.

    Forgiven are fences and chatter around it, trailing commas, quotation marks that were not escaped and closing
    brackets that were left out. What the model thought before it is dropped; thinking tags inside its strings stay. An
    object or an array anywhere in the reply is taken, the longest one where there are several. Raises ValueError.
    """
    try:
        length, value = _longest_json(_FENCE.sub("", _without_thinking_before(text)).strip())
    except RecursionError:
        raise ValueError("the JSON in the reply is nested too deeply") from None
    if not length:
        raise ValueError("the reply holds no JSON value")
    return value


def _longest_json(bare: str) -> tuple[int, object]:
    """The value and how much of the text it takes; 0 where there is none."""
    best: tuple[int, object] = (0, None)
    for changed in (str, _without_trailing_commas):
        candidate = changed(bare)
        try:
            return len(candidate), json.loads(candidate, strict=False)
        except ValueError:
            best = best if best[0] else _longest_embedded(candidate)
    mended = with_quotes_mended(bare)
    try:
        return max(best, (len(mended), json.loads(mended, strict=False)), key=lambda b: b[0])
    except ValueError:
        return best if best[0] else _longest_embedded(mended)


def _longest_embedded(text: str) -> tuple[int, object]:
    found = ((end - start, value) for start, end, value in _embedded(text))
    return max(found, default=(0, None), key=lambda f: f[0])


def _without_thinking_before(text: str) -> str:
    """The reply from behind the thoughts that stand before its first bracket."""
    while (thought := _THINK.search(text)) and not re.search(r"[{\[]", text[: thought.start()]):
        text = text[: thought.start()] + text[thought.end() :]
    return text


def with_quotes_mended(text: str) -> str:
    """JSON-like text with quotation marks inside its strings escaped and brackets at its end closed.

    A string that is cut off stays open: what it would have said is not known, and nobody should take it for whole.
    """
    text = _without_trailing_commas(text)
    start = re.search(r"[{\[]", text)
    if start is None:
        return text
    out, open_, inside, at = [], [], False, start.start()
    while at < len(text):
        char = text[at]
        if inside and char == "\\":
            out.append(text[at : at + 2])
            at += 2
            continue
        if char == '"':
            if not inside:
                inside = True
            elif _ENDS_STRING.match(text, at + 1):
                inside = False
            else:
                char = '\\"'
        elif not inside and char in "{[":
            open_.append("}" if char == "{" else "]")
        elif not inside and char in "}]":
            while open_ and open_[-1] != char:
                out.append(open_.pop())
            if open_:
                open_.pop()
        out.append(char)
        at += 1
        if not inside and not open_:
            break
    holds_something = any(piece not in "{[ \n" for piece in out)
    return "".join([*out, *reversed(open_)]) if holds_something and not inside else "".join(out)


def _embedded(text: str) -> list[tuple[int, int, object]]:
    """Every outermost JSON object or array in the text: start, end, value."""
    decoder = json.JSONDecoder(strict=False)
    found: list[tuple[int, int, object]] = []
    at = 0
    while (match := re.compile(r"[{\[]").search(text, at)) is not None:
        try:
            value, end = decoder.raw_decode(text, match.start())
        except ValueError:
            at = match.end()
            continue
        found.append((match.start(), end, value))
        at = end
    return found


def _without_trailing_commas(text: str) -> str:
    """Drops commas before a closing bracket, outside strings."""
    return re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda m: m[1] or "", text)


def _cut(text: str, kind: AnswerKind) -> tuple[str, str]:
    """Splits a reply into what leads to the answer and the answer."""
    marks = list(_MARK.finditer(text))
    for mark in reversed(marks):
        answer = _tidy(text[mark.end() :], kind)
        if answer:
            return text[: marks[0].start()] if kind == "json" else _ANSWER_LINE.sub("", text[: mark.start()]), answer
    text = _ANSWER_LINE.sub("", text)
    boxed = list(_BOXED.finditer(text))
    if boxed:
        inside = _braced(text, boxed[-1].end())
        line = text.rfind("\n", 0, boxed[-1].start()) + 1
        return text[:line] if text[:line].strip() else text, _tidy(inside, kind)
    prose = list(_PROSE.finditer(text))
    if prose:
        answer = _tidy(text[prose[-1].end() :].split("\n", maxsplit=1)[0], kind)
        if answer:
            return _before_sentence(text, prose[-1].start()), answer
    return _last_line(text, kind)


def _last_line(text: str, kind: AnswerKind) -> tuple[str, str]:
    """No mark at all: JSON wherever it stands, a number that ends the last line, or the last line itself."""
    if kind == "json":
        found = _embedded(_without_trailing_commas(text))
        if not found:
            return text, ""
        start, end, _ = found[-1]
        return _FENCE.sub("", _without_trailing_commas(text)[:start]), _without_trailing_commas(text)[start:end]
    head, _, line = text.strip().rpartition("\n")
    if kind == "text":
        return head, _tidy(line, kind)
    result = _RESULT.fullmatch(line)
    tail = result[1] if result else line
    return text, _tidy(tail, kind) if len(set(_DIGITS.findall(tail))) == 1 else ""


def _before_sentence(text: str, at: int) -> str:
    """The text before the sentence in which position `at` stands."""
    ends = [m.end() for m in re.finditer(r"[.!?]\s+|\n", text[:at])]
    return text[: ends[-1]] if ends else ""


def _braced(text: str, start: int) -> str:
    """What stands from `start` up to the brace that closes an already opened one."""
    depth = 1
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start:i]
    return text[start:]


def _tidy(answer: str, kind: AnswerKind) -> str:
    """The answer without its wrapping: fences, emphasis, `\\boxed`, and for a number all lines but the first."""
    answer = _FENCE.sub("", answer).strip()
    if kind == "json":
        found = _embedded(answer) or _embedded(_without_trailing_commas(answer))
        source = answer if _embedded(answer) else _without_trailing_commas(answer)
        return source[found[0][0] : found[0][1]] if found else answer
    if kind == "number":
        answer = answer.split("\n")[0]
    boxed = _BOXED.search(answer)
    if boxed:
        answer = _braced(answer, boxed.end())
    return re.sub(r"^\\[(\[]|\\[)\]]$", "", answer.strip().strip("*_`").strip()).strip()


def _clean(thinking: str) -> str:
    """Thinking without label, rules and blank lines in rows."""
    thinking = _LABEL.sub("", _TAG.sub("", thinking).strip())
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"^\s*[-*_]{3,}\s*$", "", thinking, flags=re.M)).strip()
