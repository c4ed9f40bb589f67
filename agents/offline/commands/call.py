"""Words a call of a program as a person would: the thing, what is said of it, the extras, in one of four orders."""

from __future__ import annotations

import re
from typing import Final

from agents.offline.commands import manners
from agents.offline.commands.brief import Brief, Detail, brief
from agents.offline.commands.wording import adjective, argument, describes, extra, plainly, pointed, said
from agents.offline.tags import Sheet

_PARTICLES: Final = frozenset(["to", "on", "in", "into", "at", "from", "for", "up", "off", "out", "down", "over"])
_LISTS: Final = ("list", "ls", "show", "find", "display", "get", "search")
_WITH_ON: Final = frozenset(["comment", "report", "work", "reply", "wait"])
_NAMES: Final = ("tag", "version", "id", "number", "name", "title")
"""What is said right after the thing."""
_COUNTS: Final = re.compile(r"\b(limit|max|maximum|count|top)\b")


def write(sheet: Sheet) -> str:
    """The request for a prompt of the writer."""
    b = brief(sheet)
    scope = b.fields.get("Scope", "one").split()[0]
    text = {"many": _many, "new": _new}.get(scope, _one)(b)
    right, wrong = b.slip
    if right:
        text = re.sub(rf"(?<![\w\"]){re.escape(right)}(?![\w\"])", wrong, text, count=1, flags=re.IGNORECASE)
    return " ".join(text.split())


# ---------------------------------------------------------------- the three scopes
def _many(b: Brief) -> str:
    """A list of things, with its filters."""
    form = b.fields.get("Form", "")
    front, tails = _filters(b, counted=not form.startswith("a question"))
    things = " ".join([*front, b.noun])
    rest = _joined(b, tails) + _extras(b, "many")
    if form.startswith("a few words"):
        return _terse(
            b, f"{b.verb} {things}{rest}", f"{things}{rest} {b.verb}", f"{b.noun} {b.verb}{_front(front)}{rest}"
        )
    if form.startswith("a question") and not b.slip[0]:
        asked = b.free(manners.ASK_LIST).format(t=things, r=rest)
        if b.chance(0.35):
            asked = b.one(("hey, ", "so ", "um, ", "quick question: ", "hi, ")) + asked
        return _ended(b, asked, "?")
    if form.startswith("the thing first"):
        verb = b.verb if b.verb in _LISTS or b.slip[0] or b.chance(0.6) else "list"
        way = b.one(
            (f"{things}{rest}: {verb}", f"{things}{rest}, please {verb}", f"about the {things}{rest}: {verb} please")
        )
        return _ended(b, way)
    the = b.one(("the ", "the ", "", "", "") if not front else ("the ", "", ""))
    the = "" if front[:1] == ["my"] or "all" in front else the
    if not b.slip[0] and b.chance(0.25):
        before = b.one(("", "", "hey, ", "ok, ", "hi, ", "so ", "um, ")) if _tone(b) == "casual" else ""
        return _ended(b, f"{before}{b.free(manners.WISHES).format(t=f'{the}{things}{rest}')}")
    verb = b.verb if b.slip[0] or b.chance(0.55) else b.free(manners.SEE_LIST)
    return _ordered(b, f"{verb} {the}{things}{rest}")


def _new(b: Brief) -> str:
    """A thing that is made, with what it has."""
    flags = [d for d in b.extras if describes(d) and b.chance(0.5)]
    before = " ".join(describes(d) for d in flags)
    name = f"{before} {b.noun}".strip()
    article = "an" if name[0] in "aeiou" and not name.startswith(("un", "us")) else "a"
    new = "new " if b.chance(0.35) and "new" not in b.verb else ""
    thing = f"{'a' if new else article} {new}{name}"
    which = [f" {argument(b, b.which, 'new')}"] if b.which else []
    tails = [*which, *_tails(b, "new")]
    rest = _joined(b, tails) + _extras(b, "new", without=flags)
    form = b.fields.get("Form", "")
    if form.startswith("a few words"):
        return _terse(
            b, f"{b.verb} {name}{rest}", f"{b.noun} {b.verb}{_front([before])}{rest}", f"{b.verb} {new}{name}{rest}"
        )
    if form.startswith("a question"):
        ways = (
            f"can you {b.verb} {thing}{rest}",
            f"could we {b.verb} {thing}{rest}",
            f"how about we {b.verb} {thing}{rest}",
        )
        more = (
            f"would you {b.verb} {thing}{rest}",
            f"can I {b.verb} {thing}{rest}",
            f"shall we {b.verb} {thing}{rest}",
        )
        extra_ways = (f"is there a way to {b.verb} {thing}{rest}", f"mind if we {b.verb} {thing}{rest}")
        return _ended(b, b.one((*ways, *more, *extra_ways)), "?")
    if form.startswith("the thing first"):
        wish = b.one(
            ("I need", "I'd like", "we need", "I want", "there should be", "we're missing", "time for", "make me")
        )
        if wish == "make me" or b.slip[0] == b.verb or b.verb not in ("create", "make", "add", "start"):
            return _ended(b, b.one((f"{thing}{rest}, please {b.verb}", f"{thing}{rest}: {b.verb}")))
        return _ended(b, f"{wish} {thing}{rest}")
    return _ordered(b, f"{b.verb} {thing}{rest}")


def _one(b: Brief) -> str:
    """Something done with a thing that is there."""
    it = next((p for p in b.points if p.value.strip('"') == "it"), None)
    thing = _thing(b)
    rest = _joined(b, _tails(b, "one")) + _extras(b, "one")
    form = b.fields.get("Form", "")
    if it:
        mention = b.free(manners.MENTIONS).format(noun=b.noun)
        go = b.one(
            ("", "", "please ", "go ahead and ", "now ", "you can ", "can you ", "let's ", "I want to ", "time to ")
        )
        text = f"{mention}{go}{_doing(b, 'it')}{rest}"
        after = b.free(manners.AFTER[_tone(b)]) if b.chance(0.5) else ""
        return _ended(b, text + after, "?" if go == "can you " else "")
    if form.startswith("a few words"):
        bare = thing.removeprefix("the ")
        short = _doing(b, bare)
        return _terse(
            b, f"{short}{rest}", f"{short}{rest}", f"{bare} {b.verb}{rest}" if " " not in b.verb else f"{short}{rest}"
        )
    if form.startswith("a question"):
        doing = _doing(b, thing)
        ways = (
            "can you {}",
            "could you {}",
            "would you {}",
            "can we {}",
            "mind if I {}",
            "may I {}",
        )
        more = ("shall we {}", "how about we {}", "could we {}", "would somebody {}", "are you able to {}", "can I {}")
        return _ended(b, b.one((*ways, *more)).format(f"{doing}{rest}"), "?")
    if form.startswith("the thing first") and (verb := _after_thing(b)):
        way = b.one(("{t}: {v}{r}", "for {t}, {v}{r}", "{t}, please {v}{r}", "about {t}: {v}{r}"))
        return _ended(b, way.format(t=thing, v=verb, r=rest))
    return _ordered(b, f"{_doing(b, thing)}{rest}")


# ---------------------------------------------------------------- the thing and what is done with it
def _thing(b: Brief) -> str:
    noun = b.noun
    if b.which is None:
        own = next((p for p in b.points if p.value.strip('"') in ("", f"this {noun}", f"the current {noun}")), None)
        words = own.value.strip('"') if own else ""
        if words == f"this {noun}":
            return b.one((words, words, f"this {noun} here", f"this {noun} right here"))
        if words:
            return b.one((words, words, f"the current {noun} here", f"my current {noun}"))
        return f"the {noun}"
    value = said(b.which)
    if "/" in value:
        return b.one((f"{noun} {value}", f"the {noun} {value}", f"the {value} {noun}", f"{value}, the {noun},"))
    if value.isdigit() and len(value) < 8:
        return b.one((f"{noun} {value}", f"{noun} #{value}", f"{noun} number {value}", f"{noun} no. {value}"))
    if re.fullmatch(r"[0-9a-f]{8,}", value):
        return b.one((f"{noun} {value}", f"the {noun} {value}", f"{noun} with id {value}", f"{noun} id {value}"))
    return b.one((f"{noun} {value}", f"the {noun} {value}", f"the {value} {noun}", f"{noun} {value}"))


def _doing(b: Brief, thing: str) -> str:
    """The verb with its object; now and then the action's own description with the thing put in."""
    action = b.fields.get("Action", "").split("(")[0].strip().rstrip(".")
    if not b.slip[0] and b.chance(0.3):
        nouns = "|".join(re.escape(n) for n in sorted(b.many("Thing"), key=len, reverse=True))
        put = re.sub(rf"\b(?:a|an|the) (?:[\w-]+ )?(?:{nouns})\b", "\0", action, count=1, flags=re.IGNORECASE)
        if "\0" in put:
            text = put[0].lower() + put[1:]
            return text.replace("\0", thing)
    verb = b.verb
    if not b.slip[0] and verb in ("view", "show", "display", "open", "see") and b.chance(0.4):
        return f"{b.free(manners.SEE_ONE)} {thing}"
    first, _, last = verb.partition(" ")
    if first in _WITH_ON and not last:
        return f"{verb} on {thing}"
    if last and last not in _PARTICLES:
        return f"{first} {thing} {last}"
    return f"{verb} {thing}"


def _after_thing(b: Brief) -> str:
    """The verb alone after its object ("PR 12: merge"), or nothing where it needs the object behind it."""
    return "" if " " in b.verb or b.verb in _WITH_ON else b.verb


# ---------------------------------------------------------------- what is said of it
def _filters(b: Brief, *, counted: bool) -> tuple[list[str], list[str]]:
    """What stands before the things of a list, and what after."""
    front: list[str] = []
    tails: list[str] = []
    for detail in b.given:
        word = adjective(detail)
        if detail.value == "@me" and "author" in detail.name and not front and b.chance(0.5):
            front.insert(0, "my")
        elif (
            _COUNTS.search(f"{plainly(detail.name)} {detail.told}".casefold())
            and counted
            and not front
            and b.chance(0.4)
        ):
            front.insert(0, b.one(("first {}", "top {}", "latest {}", "last {}", "{}")).format(detail.value))
        elif word == "all":  # "all open brews" and "the first 3 all brews" are none
            if counted and not front:
                front.append(word)
            else:
                tails.append(f" with {plainly(detail.name)} all")
        elif word and "all" not in front and b.chance(0.75):
            front.append(word)
        elif word:
            tails.append(
                b.one((" that are {0}", " with {1} {0}", " whose {1} is {0}")).format(word, plainly(detail.name))
            )
        else:
            tails.append(_after(argument(b, detail, "many")))
    tails += [f" {pointed(b, p, 'many')}" for p in b.points]
    b.draws.shuffle(tails)
    return front, tails


def _tails(b: Brief, scope: str) -> list[str]:
    named = [d for d in b.given if d.name in _NAMES]
    tails = [_after(argument(b, d, scope)) for d in b.given if d not in named]
    own = b.noun
    tails += [
        f" {pointed(b, p, scope)}"
        for p in b.points
        if p.value.strip('"') not in ("it", "", f"this {own}", f"the current {own}")
    ]
    b.draws.shuffle(tails)
    return [*(_after(argument(b, d, scope)) for d in named), *tails]


def _after(text: str) -> str:
    return text if text.startswith(",") else f" {text}"


def _extras(b: Brief, scope: str, without: list[Detail] | None = None) -> str:
    return "".join(extra(b, d, scope) for d in b.extras if d not in (without or []))


def _joined(b: Brief, tails: list[str]) -> str:
    """Tails one after the other, with a comma or "and" before the later ones."""
    text = "".join(tails[:1])
    for tail in tails[1:]:
        text += ("" if tail.startswith((" and", ",")) else b.one((",", " and", ""))) + tail
    return text


def _front(front: list[str]) -> str:
    words = [w for w in front if w]
    return "".join(f" {w}" for w in words)


# ---------------------------------------------------------------- orders
def _tone(b: Brief) -> str:
    return b.fields.get("Tone", "plain").split()[0].strip(",")


def _terse(b: Brief, *ways: str) -> str:
    text = b.one(ways)
    if b.chance(0.25):
        text += b.one((" pls", " please", " now", ", thanks", " asap", " thx", ", quick"))
    return text


def _ordered(b: Brief, core: str) -> str:
    tone = _tone(b)
    before = b.free(manners.BEFORE_ORDER[tone])
    after = b.free(manners.AFTER[tone]) if b.chance(0.2 if b.extras else 0.5) else ""
    if "please" in before.casefold() and "pl" in after:
        after = ""
    return _ended(b, f"{before}{core}{after}", "?" if before in manners.ASKING else "")


def _ended(b: Brief, text: str, mark: str = "") -> str:
    """Case and final mark by tone."""
    tone, text = _tone(b), text.strip()
    if tone == "casual":
        lowered = text if b.chance(0.25) and not text.startswith(("i ", "can u")) else text[0].lower() + text[1:]
        return lowered + (mark if mark and b.chance(0.6) and text[-1] not in "?!.:)" else "")
    end = mark or ("." if tone == "formal" or b.chance(0.35) else "")
    return text[0].upper() + text[1:] + ("" if text[-1] in "?!.:)" else end)
