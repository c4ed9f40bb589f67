"""Words a request that nobody could carry out: vague, short of a value, off the subject, or mistyped."""

from __future__ import annotations

import re
from typing import Final

from agents.offline.commands import manners
from agents.offline.commands.brief import Brief, brief
from agents.offline.tags import Sheet


def _all(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


_STUFF: Final = _all(
    "{n}|{n}|something with {n}|something about {n}|I need {n}|{n} stuff|do the {n} thing|{n} please|it's about {n}|"
    "{n} related question|there is something with {n}|I'm here for {n}|let's talk {n}|{n}, you know|what about {n}|"
    "I want to do something with {n}|can you do {n}|handle {n}|work on {n}|could we deal with {n}|take care of {n}|"
    "I have to get to {n}|{n} again|the {n} business|go to the {n} part|I was told to use {n}|now {n}|on to {n}|"
    "you know, {n}|anything on {n}|help me out with {n}|time for {n}|need a hand with {n}|how does {n} work here|"
    "the usual for {n}|next up {n}|I keep thinking about {n}|we should do {n}|start {n} business|{n} things to do"
)
_VAGUE: Final = {
    "help": _all("can you help me|help|I need some help here|give me a hand|could you assist me|a little help"),
    "work": _all("let's get on with work|I want to get going|let's get moving|carry on then|let's do some work"),
    "right": _all("something is off|that doesn't look right|something seems wrong"),
    "sort": _all("sort things out|make everything neat|put things in order|fix everything up|get things straight"),
    "usual": _all("do the usual|same as always|the usual please|you know what to do|like last time"),
    "going": _all("what's going on|what's up|what is happening|any news|what's new around here|how are things"),
    "clean": _all("clean up a bit|tidy everything up|get rid of the old stuff|make some order|clear things away"),
    "step": _all("what's next|next step|what should I do now|where do we go from here|what comes after"),
    "changed": _all("what changed|anything different|did something happen|what is different today"),
    "problem": _all("I have a problem|nothing works|there's trouble|we have a situation|everything is broken"),
    "finish": _all(
        "let's wrap up|wrap things up|I want to be done|get everything over with|that's about all, end things"
    ),
    "undo": _all("undo what I did|take back the last thing|go back|revert whatever happened|I didn't mean to do so"),
    "updated": _all(
        "update things|bring everything up to date|refresh stuff|get things current enough".replace("current", "fresh")
    ),
    "check": _all("do a quick check|have a quick look|check things|see if all is well|give everything a once-over"),
    "begin": _all("where do I begin|I don't know where to begin|how do I get going|I'm lost|no idea what to do"),
    "yesterday": _all(
        "the thing from yesterday|what we did yesterday|continue with yesterday's thing|same thing as before"
    ),
    "meeting": _all("get me ready for the meeting|I have a meeting soon|prepare me for the call|meeting prep"),
    "hand": _all("hand my work over|someone else takes over now|pass things on|I'm off, arrange things"),
}
_VAGUE_BEFORE: Final = _all(
    "|||||hey, |so, |ok, |um, |hi there, |well, |please |hmm, |sorry, |okay so |listen, |right, |hello, |alright, |"
    "oh, |"
    "good morning, |quick one: |psst, |I guess: "
)
_VAGUE_AFTER: Final = _all(
    "||||| please| somehow| or so| I guess| if you can| for me| now| today|, ok?|, thanks| before lunch| quickly|"
    " when you can| as always|, whatever works|, you decide|, no idea really| or something|, just do|, I mean"
)
_AWAY: Final = _all(
    "tell me about {t}|what do you know about {t}|I'd like to hear something about {t}|can you help me with {t}|{t}?|"
    "any idea about {t}|let's talk about {t}|I was wondering about {t}|do you know anything about {t}|{t}, please|"
    "could you help with {t}|quick question about {t}|how about {t}|I need advice on {t}|explain {t} to me|"
    "my kid wants to know about {t}|what's your take on {t}|I can't stop thinking about {t}|find out about {t} for me|"
    "give me a hand with {t}|we were discussing {t} at dinner, what do you think|say something about {t}|"
    "I have a question on {t}|teach me about {t}|is there anything to say about {t}"
)


def write(sheet: Sheet) -> str:
    """The request for a prompt of the writer of unclear ones."""
    b = brief(sheet)
    case = b.fields.get("Case", "")
    for start, words in _CASES:
        if case.startswith(start):
            return " ".join(_shaped(b, words(b)).split())
    return " ".join(_shaped(b, _vague(b)).split())


def _quoted(b: Brief, field: str) -> str:
    return b.fields.get(field, "").strip('"')


def _thing_alone(b: Brief) -> str:
    return b.one(_VAGUE_BEFORE[:20]) + b.free(_STUFF).format(n=_quoted(b, "Write"))


def _value_missing(b: Brief) -> str:
    noun, verb, point = _quoted(b, "Thing"), _quoted(b, "Write"), _quoted(b, "Instead")
    if point in ("it", "them"):
        mention = b.free(manners.MENTIONS).format(noun=noun)
        return f"{mention}{_with(verb, point)}"
    if point:
        text = _with(verb, b.one((point, point, f"{point} here", f"{point} please")))
    elif b.fields.get("Scope", "").startswith("new"):
        article = "an" if noun[0] in "aeiou" else "a"
        text = _with(verb, b.one((f"{article} {noun}", f"a new {noun}", noun, f"another {noun}", f"one more {noun}")))
    else:
        article = "an" if noun[0] in "aeiou" else "a"
        text = _with(
            verb,
            b.one(
                (
                    f"{article} {noun}",
                    f"the {noun}",
                    noun,
                    f"some {noun}",
                    f"one {noun} or other",
                    f"that other {noun}".replace("that ", "the "),
                )
            ),
        )
    return _ordered(b, text, verb.split()[0])


def _vague(b: Brief) -> str:
    topic = b.fields.get("Topic", "")
    word = next((w for w in _VAGUE if w in topic.split() or w in topic), "help")
    return b.free(_VAGUE_BEFORE) + b.free(_VAGUE[word]) + b.free(_VAGUE_AFTER)


def _away(b: Brief) -> str:
    topic = b.fields.get("Topic", "the weather")
    before = b.free(_VAGUE_BEFORE) if b.chance(0.5) else ""
    return (
        before
        + b.free(_AWAY).format(t=topic)
        + (b.one((" please", " now", ", thanks", " today")) if b.chance(0.2) else "")
    )


def _many_ways(b: Brief) -> str:
    verb, noun = _quoted(b, "Write"), _quoted(b, "Thing")
    if noun:
        way = b.one(
            ("{v} {n}", "{v} {n} please", "{n} {v}", "{v} the {n} stuff", "{v} me the {n} thing", "{v} {n} for me")
        )
        if " or " in verb:
            way = b.one(("{v} the {n}", "{v} the {n}, not sure which", "should I {v} the {n}", "either {v} the {n}"))
        return _ordered(b, way.format(v=verb, n=noun), verb)
    ways = _all(
        "{v}|{v} one|{v} something|{v} the last one|{v} the newest|{v} mine|{v} the other one|just {v}|"
        "{v} the first one|{v} for me|{v} everything|{v} a few|{v} one of mine|{v} the one I meant|"
        "{v} the one from before|{v} what we talked about"
    )
    return _ordered(b, b.one(ways).format(v=verb), verb)


def _mistyped(b: Brief) -> str:
    slip, noun = _quoted(b, "Write"), _quoted(b, "Thing")
    ways = _all(
        "{s} {n}|{s} the {n}|{s} my {n}|{s} a {n}|{n}: {s}|{s} {n} now|the {n}, {s}|{s} one {n}|{s} some {n}|"
        "{s} another {n}|{s} the last {n}|{s} the newest {n}|{s} an old {n}"
    )
    return _ordered(b, b.one(ways).format(s=slip, n=noun), slip)


def _with(verb: str, thing: str) -> str:
    first, _, last = verb.partition(" ")
    if last and last not in ("to", "on", "in", "into", "at", "from", "for", "up", "off", "out"):
        return f"{first} {thing} {last}"
    return f"{verb} on {thing}" if verb in ("comment", "report", "reply", "wait") else f"{verb} {thing}"


def _ordered(b: Brief, core: str, verb: str) -> str:
    tone = b.fields.get("Tone", "plain").split()[0].strip(",")
    if b.fields.get("Form", "").startswith("a few words"):
        return core
    if not core.startswith(verb):
        return b.free(_VAGUE_BEFORE) + core
    before = b.free(manners.BEFORE_ORDER[tone])
    after = b.free(manners.AFTER[tone]) if b.chance(0.3) else ""
    mark = "?" if before in manners.ASKING and tone != "casual" else ""
    return f"{before}{core}{after}{mark}"


def _shaped(b: Brief, text: str) -> str:
    tone = b.fields.get("Tone", "plain").split()[0].strip(",")
    text = text.strip()
    if tone == "casual":
        return text
    text = text[0].upper() + text[1:]
    asks = re.match(
        r"(?:\w+, )?(?:what|where|how|can|could|would|should|shall|any|do|does|is|are|did)\b", text, re.IGNORECASE
    )
    end = "?" if asks else "." if tone == "formal" else ""
    return text if text[-1] in ".?!:)" else text + end


_CASES: Final = (
    ("the thing alone", _thing_alone),
    ("a value is missing", _value_missing),
    ("nothing in particular", _vague),
    ("another subject", _away),
    ("several meanings", _many_ways),
    ("a typing mistake", _mistyped),
)
