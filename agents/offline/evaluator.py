"""The rule-based evaluator: compares normalised answers, and scores what can be counted in a thinking."""

from __future__ import annotations

import re
from typing import Final

from agents.offline import arithmetic, explain, facts, machine, reasons, story, words
from agents.offline.tags import Sheet
from agents.offline.words import FILLER, content, plain, sentences, shorten
from agents.verdict import Verdict

_PROPER: Final = re.compile(r"(?<![.!?:\"“] )(?<!^)(?<!\n)\b[A-ZÀ-Þ][a-zà-ÿ]{2,}\b")
_STATE_SAYS: Final = re.compile(r"\bstate (?:says|shows) \"([^\"\n]+)\"")
_SOURCE_SAYS: Final = re.compile(
    r"(?:the|this) (?:text|source|passage|context|document) (?:says|states|tells(?: us)?|shows)(?: that)? (.+)",
    re.I | re.S,
)
_PLACES: Final = frozenset(["in", "on", "at"])
_PLACED: Final = re.compile(r"\b((?i:in|on|at)) (?:the )?([A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+)*)")
_REPLY: Final = 8
"""Words with a meaning that make a text a reply rather than an answer."""

_TAKEN: Final = frozenset(["user", "the", "using", "aha", "gpt", "efi", "uefi", "bios", "linux"])


def judge(sheet: Sheet) -> Verdict:
    """The verdict on an answer and the thinking before it; a known result in the prompt is taken over."""
    known = re.search(r"already established that the answer is (right|wrong)", sheet.system)
    right = known.group(1) == "right" if known else same(sheet.answer, sheet.reference, sheet.question)
    given = f"{sheet.text}\n{sheet.question}"
    foreign, false = _foreign(sheet.thinking, given), _false_sums(sheet.thinking)
    lines = sentences(sheet.thinking)
    unused = _unused(sheet)
    misread = _mixed(lines, sheet.text) or _displaced(sheet.thinking, sheet.text)
    reached = bool(lines) and facts.bears(lines[-1], sheet.reference)
    shown = bool(arithmetic.equations(sheet.thinking)) or _rests_on(
        lines, given, 1 if sheet.reference.strip()[:1] in ("{", "[") else 3
    )
    critique = (
        "There is no thinking."
        if not lines
        else f"{false[0].left} is not {arithmetic.show(false[0].right)}."
        if false
        else f'"{foreign[0]}" stands neither in the task nor in what was worked out.'
        if foreign
        else misread
        if misread
        else "The answer differs from the key."
        if not right
        else f"The question's {unused[0]} is not used."
        if unused
        else "No step shows what the answer rests on."
        if not shown
        else "The last step does not arrive at the answer."
        if not reached
        else "Each step could say more about what its numbers and names stand for."
    )
    return Verdict(
        student=shorten(sheet.answer, 80) or "nothing",
        reference=shorten(sheet.reference, 80) or "nothing",
        right=right,
        facts=_share(1 - 0.25 * len(foreign) - len(false)) if shown and not misread else 0.0,
        steps=_share(min(_steps(lines, false), 1.0 if right else 0.5) - 0.2 * len(unused))
        if shown and not misread
        else 0.0,
        reaches=(1.0 if reached else 0.6 if lines else 0.0) if right else 0.2,
        concise=_concise(sheet.thinking),
        critique=critique,
    )


def _mixed(lines: list[str], source: str) -> str:
    """What is wrong with a line that the source is said to say, and that two of its sentences say; else nothing.

    "The text says that it was first reached by Cameron", where one sentence is about the first, the next about Cameron.
    """
    told = [content(sentence) for sentence in sentences(source)]
    for line in lines:
        if not told or not (said := _SOURCE_SAYS.match(line)):
            continue
        claimed = content(said[1])
        rest = claimed - max(told, key=lambda one: len(claimed & one))
        if any(len(rest & one) > 1 for one in told):
            return f'No one place of the source says "{shorten(said[1].rstrip("."), 80)}".'
    return ""


def _displaced(thinking: str, source: str) -> str:
    """What is wrong with "on the British Museum", where the source has "in" alone; the name is not said."""
    for said, name in _PLACED.findall(thinking):
        told = {found.lower() for found in re.findall(rf"\b(\w+) (?:the )?{re.escape(name)}\b", source)}
        if told and told <= _PLACES and said.lower() not in told:
            return f'A small word is wrong: where the thinking has "{said}", the source has "{min(told)}".'
    return ""


def _unused(sheet: Sheet) -> list[str]:
    """Numbers of a word problem that no step uses. With a source, a question's numbers are names and dates."""
    if sheet.text or not arithmetic.numbers(sheet.reference):
        return []
    used = set(arithmetic.numbers(sheet.thinking)) | {q.value for q in story.quantities(sheet.thinking)}
    return [arithmetic.show(q.value) for q in story.quantities(sheet.question) if q.value not in used]


def _steps(lines: list[str], false: list[arithmetic.Equation]) -> float:
    """Several steps, none of them false."""
    return _share(0.5 + 0.2 * min(len(lines) - 1, 3) - 0.5 * len(false))


def judge_thinking(sheet: Sheet) -> Verdict:
    """The verdict on thinking that explains a given response: true facts, the wish, the state, the same program."""
    thinking, given = sheet.thinking, f"{sheet.text}\n{sheet.question}\n{sheet.response}"
    commands = explain.named_programs(sheet.response)
    state = machine.read_state(sheet.source)
    invented = [m.group() for m in machine.DISK.finditer(thinking) if m.group(1) not in given]
    invented += [s for s in machine.SIZE.findall(thinking) if s.replace(" ", "") not in given.replace(" ", "")]
    invented += [q for q in words.quoted(thinking) if not _stands(q, given)]
    invented += [q for q in _STATE_SAYS.findall(thinking) if not _stands(q, sheet.text)]
    if re.match(r"disconnected|none|down", state.network, re.IGNORECASE):
        invented += re.findall(r"(?:is|are) (?:already )?connected\b", thinking)
    wish = bool(content(sheet.question) & content(thinking)) or "user" in thinking.lower()
    grounded = not (state.boot or state.disks or state.fields) or bool(content(sheet.source) & content(thinking))
    led = commands[0] in re.findall(r"[\w.-]*\w", thinking) if commands else _fits_text(sheet)
    lines = sentences(thinking)
    once = 0 if words.repeats(thinking) else len(set(map(plain, lines))) / max(1, len(lines))
    unfounded = reasons.unfounded(sheet, commands)
    critique = (
        "There is no thinking."
        if not lines
        else f'"{invented[0]}" stands in none of what was given.'
        if invented
        else "It does not say what the user wants."
        if not wish
        else "It does not say what the response does."
        if not led
        else "No fact of the system state is named."
        if not grounded
        else unfounded
        if unfounded
        else "It says the same thing twice."
        if once < 1
        else "It could say more about why no other response fits."
    )
    return Verdict(
        student=commands[0] if commands and led else shorten(thinking, 60) or "nothing",
        reference=commands[0] if commands else shorten(sheet.response, 60) or "nothing",
        right=bool(lines) and led and not invented and not unfounded,
        facts=_share(1 - 0.5 * len(invented) - (0 if grounded else 0.3)) if lines else 0.0,
        steps=_share(0.4 * wish + 0.3 * grounded + 0.3 * led) if once == 1 and not unfounded else 0.0,
        reaches=(1.0 if len(lines) > 2 else 0.8) if led else 0.2,
        concise=_concise(thinking) if once == 1 else 0.0,
        critique=critique,
    )


def unknown(sheet: Sheet) -> Verdict:
    """What to say of a prompt that is no judgement: nothing was compared, so nothing is right."""
    opening = shorten(sheet.opening, 60) or "this prompt"
    return Verdict(
        student="nothing", reference="nothing", right=False, facts=0, steps=0, reaches=0, concise=0,
        critique=f'A rule-based evaluator cannot judge "{opening}".',
    )  # fmt: skip


def same(answer: str, reference: str, question: str) -> bool:
    """Whether two texts say the same.

    Short ones: equal words, or one adds only words of the question or empty ones. Of a reply of some sentences, half
    of what it speaks of stands in the reference, and both ask something or neither does.
    """
    said, known = plain(answer), plain(reference)
    if not said or not known:
        return False
    if said == known:
        return True
    if len(content(reference)) >= _REPLY:
        common = content(answer) & content(reference)
        return len(common) >= max(3, len(content(answer)) / 2) and ("?" in answer) == ("?" in reference)
    if arithmetic.numbers(said) != arithmetic.numbers(known):
        return False
    empty = set(plain(question).split()) | words.STOP
    extra = (set(said.split()) ^ set(known.split())) - empty
    core = set(said.split()) & set(known.split()) - words.STOP
    in_order = [w for w in said.split() if w in core] == [w for w in known.split() if w in core]
    return not extra and bool(core) and in_order and ("not" in said.split()) == ("not" in known.split())


def _false_sums(thinking: str) -> list[arithmetic.Equation]:
    """Equations that are wrong; a result rounded to two places passes."""
    return [
        e for e in arithmetic.equations(thinking) if e.value is not None and abs(e.value - e.right) > abs(e.value) / 100
    ]


def _foreign(thinking: str, given: str) -> list[str]:
    """Numbers and names that neither the task gives nor an equation in the thinking works out."""
    known = set(arithmetic.numbers(given)) | {e.right for e in arithmetic.equations(thinking)}
    known |= {v for w, v in ((w, arithmetic.number(w)) for w in words.tokens(given)) if v is not None}
    for expression in re.findall(r"leaves ([\d\s.+*/()-]+)", thinking):
        known |= set(arithmetic.numbers(expression)) & {e.right for e in arithmetic.equations(thinking)}
    numbers = [arithmetic.show(n) for n in arithmetic.numbers(thinking) if n not in known and n not in (2, 3, 100)]
    lowered = given.casefold()
    names = [n for n in _PROPER.findall(thinking) if n.casefold() not in lowered and n.casefold() not in _TAKEN]
    return list(dict.fromkeys([*numbers, *names]))


def _rests_on(lines: list[str], given: str, words_in_common: int) -> bool:
    """Whether the thinking says something that the task says: so many telling words in common, sentence by sentence."""
    told = [content(s) for s in sentences(given)]
    # A thinking of more sentences than this is rambling, and a long source makes each of them cost.
    return any(len(content(line) & other) >= words_in_common for line in lines[:40] for other in told)


def _fits_text(sheet: Sheet) -> bool:
    """Whether thinking about a text reply says what the reply does: words in common, or its act (asks, warns ...)."""
    thinking = sheet.thinking.lower()
    asks = "?" in sheet.response and re.search(r"\b(?:ask|question|confirm|missing|clarif)", thinking) is not None
    shared = content(sheet.response) & content(sheet.thinking)
    return asks or len(shared) >= 2 or re.search(r"\b(?:explain|words|warn|reassur|calm|tell)", thinking) is not None


def _concise(thinking: str) -> float:
    """1 for thinking without filler and repetition, of a readable length."""
    lines = [plain(s) for s in sentences(thinking)]
    if not lines:
        return 0.0
    long = [line for line in lines if len(line) > 20]
    repeated = len(long) - len(set(long))
    return _share(1 - 0.2 * len(FILLER.findall(thinking)) - 0.3 * repeated - max(0, len(thinking) - 1200) / 1200)


def _stands(quoted: str, text: str) -> bool:
    return f" {plain(quoted)} " in f" {plain(text)} "


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 3)
