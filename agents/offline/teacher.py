"""The rule-based teacher: knows the answer, finds the first thing missed, and points at it without saying it."""

from __future__ import annotations

import json
import re
from typing import Final

from agents.offline import arithmetic, facts, fields, machine, meaning, story
from agents.offline.arithmetic import show
from agents.offline.tags import Sheet
from agents.offline.words import content, plain, quoted, sentences, shorten

_OPENING_WORDS: Final = 5
_WRONG_TURN: Final = re.compile(
    r"^(?:at first|wait|hmm|oh|actually|no,|i (?:first|had) thought|my first|i was wrong|let me (?:re|check|start))\b",
    re.I,
)
_AHA: Final = re.compile(r"^\W*aha\b[!,.:\s]*", re.IGNORECASE)


def hint(sheet: Sheet) -> str:
    """One hint for a student who has to reach an answer."""
    for said in (_flaws(sheet) if "answer is right." in sheet.system else []) + _hints(sheet):
        if said and said not in sheet.hints and not _gives_away(said, sheet):
            return f"Hint: {said}"
    return "Hint: Take the task sentence by sentence and say of each what it changes before the result is written."


def hint_for_thinking(sheet: Sheet) -> str:
    """One hint on how to explain a given response better: the first complaint that has none yet, as what to do."""
    told = [_for_complaint(complaint, sheet) for complaint in sentences(sheet.critique)]
    told.append("Say what the user wants, which fact of the system state matters, and why the response fits both.")
    return f"Hint: {next((one for one in told if one not in sheet.hints), told[0])}"


def _for_complaint(complaint: str, sheet: Sheet) -> str:
    """Wrong words are not said again: a small student takes them for right ones."""
    if "say what" in complaint and (told := _told(_cited(complaint, sheet) or _fact_for(sheet), sheet)):
        return told
    if ("concrete detail" in complaint or "stands in none" in complaint) and (told := _told(_fact_for(sheet), sheet)):
        return told
    if ("another reason" in complaint or "give that as the reason" in complaint) and (does := _does(sheet)):
        return does
    return complaint


def _told(fact: str, sheet: Sheet) -> str:
    """What the small student is to know: a fact, what it means, and what the program does. It weaves the lines."""
    if not fact:
        return ""
    if means := meaning.of(fact, _programs(sheet)):
        return f'The state says "{fact}", so {means}. {_does(sheet)}'.strip()
    return f'Say which fact of the system state the response rests on: "{fact}".'


def _cited(complaint: str, sheet: Sheet) -> str:
    """The fact a complaint speaks of, where something is known of what it means."""
    cited = (one for one in quoted(complaint) if ": " in one and one in sheet.source)
    return next((one for one in cited if meaning.of(one, _programs(sheet))), "")


def _programs(sheet: Sheet) -> list[str]:
    return [p for p in machine.programs(sheet.response) if p in machine.PROGRAMS]


def _does(sheet: Sheet) -> str:
    return next((f"{program} {machine.PROGRAMS[program]}." for program in _programs(sheet)), "")


def _fact_for(sheet: Sheet) -> str:
    """The line of the system state that has most to do with request and response: one new to the hints."""
    described = " ".join(machine.PROGRAMS.get(p, "") for p in machine.programs(sheet.response))
    about = content(f"{sheet.question} {sheet.response} {described}".replace("-", " "))
    lines = [f"{key}: {value}" for key, value in machine.read_state(sheet.source).fields]
    new = [line for line in lines if not any(line in h for h in sheet.hints)]
    return max(new, key=lambda line: len(about & content(line)), default="")


def consolidate(sheet: Sheet) -> str:
    """The notes without turning points and wrong starts: each step once, in order, nothing new."""
    kept: list[str] = []
    for sentence in (s for line in sheet.notes.splitlines() for s in sentences(line)):
        clean = _AHA.sub("", sentence)
        if (
            not clean
            or _WRONG_TURN.match(clean)
            or any(not e.holds and e.value is not None for e in arithmetic.equations(clean))
        ):
            continue
        clean = clean[0].upper() + clean[1:]
        if clean not in kept:
            kept.append(clean)
    return " ".join(kept) or sheet.notes


def _flaws(sheet: Sheet) -> list[str]:
    """What to mend in thinking whose answer is right: the examiner's findings, in order."""
    found = sentences(sheet.critique)
    if sheet.text and found and found[0].startswith(("No step shows", "A small word")):
        return []  # the place to read says more
    if found and found[0].startswith("From the thinking alone"):
        found[0] = "Write out the step that leads to the result: whoever reads these lines alone does not get there."
    return found


def _hints(sheet: Sheet) -> list[str]:
    """What could be said, the best first."""
    if sheet.reference.strip()[:1] in ("{", "["):
        return _json_hints(sheet)
    slips = [
        f"Work out {e.left} once more: it does not come to {show(e.right)}.{_in_parts(e.left)}"
        for e in arithmetic.equations(sheet.thinking)
        if e.left and not e.holds
    ]
    expression = arithmetic.expression_in(sheet.question)
    if expression and arithmetic.number(sheet.reference.strip()) == arithmetic.evaluate(expression):
        return slips + _expression_hints(expression, sheet)
    if sheet.text:
        return slips + _fact_hints(sheet)
    if arithmetic.numbers(sheet.reference) and len(story.quantities(sheet.question)) > 1:
        return slips + _story_hints(sheet)
    return [
        "No source comes with the task: only general knowledge can help here, and no sentence to read.",
        "Say which document or observation would settle it, and what it would have to contain.",
    ]


def _in_parts(sum_: str) -> str:
    """How a sum falls into easy ones ("9 * 14" into 9 * 10 and 9 * 4, "56 - 5" into 50 and 6 - 5), or nothing."""
    parts = re.fullmatch(r"(\d+) ([-+*]) (\d+)", sum_)
    if not parts:
        return ""
    left, sign, right = int(parts[1]), parts[2], int(parts[3])
    if sign == "*" and left > right:
        left, right = right, left
    large, small = (right, left) if sign == "*" else (left, right)
    tens, ones = large // 10 * 10, large % 10
    if not 10 < large < 100 or not ones or small > 9:
        return ""
    if sign == "*":
        return f" Put {small} * {tens} = {small * tens} and {small} * {ones} = {small * ones} together."
    last = ones + small if sign == "+" else ones - small
    return f" Put {tens} and {ones} {sign} {small} = {last} together." if 0 < last < 10 else ""


def _expression_hints(expression: str, sheet: Sheet) -> list[str]:
    seen = {e.value for e in arithmetic.equations(sheet.thinking) if e.holds}
    steps = arithmetic.steps_of(expression)
    missing = next((s for s in steps if s[1] not in seen), steps[-1])
    first = f"The step to do now is {missing[0]}."
    if missing is steps[0] and len(steps) > 1:
        first = f"Multiplication and division come before addition and subtraction: first work out {missing[0]}."
    return [
        first,
        f"Write {missing[0]} as a sum of easier parts and add them up.",
        f"Work out {missing[0]} digit by digit.",
    ]


def _story_hints(sheet: Sheet) -> list[str]:
    read = story.read(sheet.question)
    wanted = arithmetic.numbers(sheet.reference)[-1]
    if read.stuck or not read.steps or read.steps[-1].amount != wanted:
        return _unsolved(sheet, read)
    reached = {e.value for e in arithmetic.equations(sheet.thinking) if e.holds}
    missing = [s for s in read.steps if s.sums and s.amount not in reached]
    if not missing:
        return ["All the sums are there. Say of each number what it counts, and end with what the question asks for."]
    step, done = missing[0], [s for s in read.steps if s.amount in reached]
    clause = shorten(step.clause, 90)
    plan = step.sums[-1].split(" = ")[0]
    before = f"Your steps stop at {show(done[-1].amount)}. " if done else ""
    return [
        f'{before}What does "{clause}" change?',
        f'Take in "{clause}" as well: {step.why}.',
        f'For "{clause}" work out {plan}.',
    ][min(len(sheet.hints), 1) :]


def _unsolved(sheet: Sheet, read: story.Story) -> list[str]:
    """The teacher has no derivation of its own: it can only say which numbers of the question were left out."""
    used = set(arithmetic.numbers(sheet.thinking))
    said = []
    for sentence in sentences(sheet.question):
        left = [q for q in story.quantities(sentence) if q.value not in used]
        if left:
            said.append(f'These words are not used yet: "{shorten(sentence, 90)}" What do they change?')
    if read.stuck:
        said.append(f'Read "{shorten(read.stuck, 90)}" again and say in your own words what it does to the amount.')
    return [*said, "Every number is used, so a step does the wrong thing with one: say of each result what it counts."]


def _fact_hints(sheet: Sheet) -> list[str]:
    lines = sentences(sheet.text)
    bearing = [i for i, line in enumerate(lines) if facts.bears(line, sheet.reference)]
    kind = facts.wanted(sheet.question)
    if not bearing:
        return [
            f"No sentence says it word for word. Find two facts of the source that together give {kind}.",
            f"Put the facts that the question speaks of side by side and work out {kind} from them.",
        ]
    shared = [len(set(plain(lines[i]).split()) & set(plain(sheet.question).split())) for i in bearing]
    index = bearing[shared.index(max(shared))]
    sentence = lines[index]
    place = facts.ORDINALS[index] if index < len(facts.ORDINALS) else "last" if index == len(lines) - 1 else ""
    words = sentence.split()
    start = " ".join(words[: min(_OPENING_WORDS, max(1, len(words) // 2))]).rstrip(",;:")
    there = plain(sentence)[:40] in plain(sheet.thinking)
    pointing = [f'Read the sentence that begins "{start}" and ask what it says about {_topic(sheet)}.']
    if place:
        pointing.append(f"Read the {place} sentence of the source and ask what it says about {_topic(sheet)}.")
    before = _words_before(sentence, sheet.reference)
    closer = [
        f'In the sentence that begins "{start}", look for {kind}: it stands right after "{before}".' if before else "",
        f'In the {place} sentence, look for {kind}: it stands right after "{before}".' if before and place else "",
        f"The {place} sentence begins with what is asked for." if not before and place else "",
    ]
    return closer + pointing if there or sheet.hints else pointing + closer


def _topic(sheet: Sheet) -> str:
    """What the question is about, in its own words."""
    names = re.findall(r"(?<!^)(?<![.?!] )\b[A-Z][\w'’-]+(?: [A-Z\d][\w'’-]*)*", sheet.question)
    return names[0] if names else "what is asked"


def _words_before(sentence: str, answer: str) -> str:
    """The one to three words right before the answer in the sentence, as they stand; empty where it opens with it."""
    known = re.escape(re.sub(r"^(?:the|a|an)\s+", "", answer.strip().rstrip("."), flags=re.IGNORECASE))
    found = re.search(rf"(?<!\w){known}(?!\w)", sentence, re.IGNORECASE)
    if not found:
        return ""
    words = re.findall(r"\S+", sentence[: found.start()])
    last = words[-3:]
    cut = max((i for i, w in enumerate(last) if w.endswith((",", ";", ":", "."))), default=-1)
    return " ".join(last[cut + 1 :]) if cut + 1 < len(last) else ""


def _json_hints(sheet: Sheet) -> list[str]:
    """The keys that are missing, superfluous or wrong, each with the place to look; never a value."""
    try:
        known = json.loads(sheet.reference)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        return ["The answer has to be valid JSON of the shape that was asked for; check brackets and quotes."]
    said = _object(sheet.answer)
    wrong = [
        k
        for k in known
        if k not in said or said[k] != known[k] or isinstance(said[k], bool) != isinstance(known[k], bool)
    ]
    extra = [k for k in said if k not in known]
    told = []
    for key in wrong:
        look = _where(key, known[key], sheet)
        state = "is missing" if key not in said else "is not right yet"
        told.append(f'The key "{key}" {state}{f": {look}" if look else ""}.')
    if extra:
        told.append(f"Leave out {', '.join(extra)}: nobody asked for it.")
    if not told:
        return ["All pairs are right; say of each where it comes from."]
    return [" ".join(told), *(t for t in told if len(told) > 1)]


def _where(key: str, value: object, sheet: Sheet) -> str:
    """Where the source gives a value, in words a student can follow."""
    for name, text in fields.labels(sheet.text):
        if fields.typed(key, text) == value or text.strip().casefold() == str(value).casefold():
            return f'its value stands in the line "{name}"'
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in text.replace(",", ""):
            return f'its value stands in the line "{name}", as a plain number'
    shown = str(value)
    for index, line in enumerate(sentences(sheet.text)):
        if facts.bears(line, shown):
            start = " ".join(line.split()[:3]).rstrip(",;:")
            if facts.bears(start, shown):
                place = facts.ORDINALS[index] if index < len(facts.ORDINALS) else "last"
                return f'its value stands in the "{place} sentence"'
            return f'its value stands in the sentence that begins "{start}"'
    return ""


def _object(answer: str) -> dict[str, object]:
    try:
        said = json.loads(answer)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _gives_away(said: str, sheet: Sheet) -> bool:
    """Whether a hint holds the answer and the question does not. The loop checks too; a good teacher gives no cause."""
    known = plain(sheet.reference)
    numbers = arithmetic.numbers(sheet.reference)
    if len(numbers) == 1 and re.fullmatch(r"\W*[\d.,]+\W*", sheet.reference):
        told = set(arithmetic.numbers(said)) | {q.value for q in story.quantities(said)}
        asked = set(arithmetic.numbers(sheet.question)) | {q.value for q in story.quantities(sheet.question)}
        return numbers[0] in told and numbers[0] not in asked
    return bool(known) and f" {known} " in f" {plain(said)} " and f" {known} " not in f" {plain(sheet.question)} "
