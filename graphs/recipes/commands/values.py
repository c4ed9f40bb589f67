"""Invented values for arguments: what they should look like is told by their names, types and descriptions."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from graphs.recipes.commands import bank
from graphs.recipes.commands.tree import Arg, Value

_SHAPES: Final = (
    ("limit", r"\b(limit|max|maximum|count|top|size)\b"),
    ("title", r"\b(title|subject|headline)\b"),
    ("saying", r"\b(body|notes?|message|comment|text|content|summary|description|reason)\b"),
    ("person", r"\b(author|assignees?|owner|user|username|reviewer|member|person|guest|recipient)\b"),
    ("label", r"\b(labels?|tags to|category|topic)\b"),
    ("milestone", r"\bmilestone\b"),
    ("tag", r"\b(tag|version|release)\b"),
    ("branch", r"\b(branch|base|head)\b"),
    ("repository", r"\b(repository|repo|owner/repo)\b"),
    ("workflow", r"\bworkflow\b"),
    ("directory", r"\b(directory|folder|dir)\b"),
    ("files", r"\bfiles\b"),
    ("file", r"\b(file|path|filename)\b"),
    ("email", r"\be?mail\b"),
    ("date", r"\b(date|day|since|until|due)\b"),
    ("url", r"\b(url|link|address)\b"),
    ("run", r"\brun id\b"),
    ("id", r"\b(id|uuid|hash|key|ref)\b"),
    ("name", r"\b(name|slug)\b"),
)


def shape(arg: Arg) -> str:
    """What kind of text an argument takes: its name decides, then its description; "word" where neither tells."""
    if arg.type != "string":
        return arg.type
    for told in (arg.name, arg.description):
        plain = re.sub(r"[_-]+", " ", told.casefold())
        for kind, pattern in _SHAPES:
            if re.search(pattern, plain):
                return kind
    return "word"


def invent(arg: Arg, rng: Random) -> Value:
    """A value of the argument's type that a person could want; for an enum any member."""
    if arg.type == "integer":
        return _number(arg, rng)
    if arg.type == "enum":
        return rng.choice(arg.members)
    if "@me" in arg.description and rng.random() < 0.35:
        return "@me"
    if shape(arg) == "person" and arg.name in ("assignee", "author") and rng.random() < 0.1:
        return "@me"
    return _text(shape(arg), rng)


def _number(arg: Arg, rng: Random) -> int:
    if re.search(_SHAPES[0][1], re.sub(r"[_-]+", " ", f"{arg.name} {arg.description}".casefold())):
        return rng.choice([n for n in (3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 100) if n != arg.default])
    plain = re.sub(r"[_-]+", " ", f"{arg.name} {arg.description}".casefold())
    for pattern, low, high in (
        (r"\b(percent|percentage)\b", 1, 100),
        (r"\b(degrees?|temperature|celsius)\b", 30, 100),
        (r"\b(minutes?|seconds?)\b", 1, 60),
        (r"\b(hours?|days?|weeks?)\b", 1, 30),
        (r"\bport\b", 1024, 9999),
        (r"\byear\b", 1990, 2040),
        (r"\b(cups?|copies|times|retries|level|depth)\b", 2, 12),
        (r"^(?:\w+ )?(number|id)\b", 2, 4800),
    ):
        if re.search(pattern, plain):
            return rng.randint(low, high)
    if isinstance(arg.default, int) and arg.default > 0:
        around = sorted({max(1, arg.default * k // 10) for k in (2, 3, 4, 5, 7, 12, 15, 20, 25, 30, 40, 50, 70, 100)})
        return rng.choice([n for n in around if n != arg.default] or [arg.default])
    return rng.randint(2, 99)


def _text(kind: str, rng: Random) -> str:  # noqa: PLR0912, one case a kind reads better than a table of functions
    pick = rng.choice
    matter = pick(bank.MATTER)
    match kind:
        case "title":
            said = f"{pick(bank.WORK).replace('-', ' ')} {matter} {pick(bank.PLACE)}".strip()
            return said[0].upper() + said[1:]
        case "saying":
            return pick(bank.SAYING) if rng.random() < 0.5 else f"{matter.capitalize()} {pick(bank.PLACE)}".strip()
        case "person":
            return pick(bank.PEOPLE) + (pick(("", "", "-dev", "42", "-ops", "7")))
        case "label":
            return pick(bank.LABELS)
        case "milestone":
            return pick(
                (
                    f"v{rng.randint(1, 9)}.{rng.randint(0, 9)}",
                    f"Sprint {rng.randint(2, 60)}",
                    f"Q{rng.randint(1, 4)} goals",
                )
            )
        case "tag":
            return f"v{rng.randint(0, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 30)}" + pick(
                ("", "", "", "-rc1", "-beta")
            )
        case "branch":
            slug = f"{pick(bank.WORK)}-{matter.replace(' ', '-')}"
            return pick(
                ("main", "develop", f"release/{rng.randint(1, 9)}.{rng.randint(0, 9)}", slug, f"feature/{slug}")
            )
        case "repository":
            return f"{_text('person', rng)}/{pick(bank.PROJECTS)}"
        case "workflow":
            return pick(bank.FLOWS)
        case "directory":
            return f"{pick(('~/code', '~/src', '~/work', './vendor'))}/{pick(bank.PROJECTS)}"
        case "files":
            names = rng.sample(bank.STEMS, rng.choice((1, 1, 2)))
            return " ".join(f"{n}.{pick(bank.ENDINGS)}" for n in names)
        case "file":
            return f"{pick(bank.STEMS)}.{pick(bank.ENDINGS)}"
        case "email":
            return f"{pick(bank.PEOPLE)}@example.org"
        case "date":
            return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        case "url":
            return f"https://example.org/{pick(bank.PROJECTS)}"
        case "run":
            return str(rng.randint(10**9, 10**10 - 1))
        case "id":
            return f"{rng.getrandbits(64):016x}"
        case "name":
            return f"{pick(bank.WORDS)}-{pick(bank.PROJECTS)}"
    return pick(bank.WORDS) + (f"-{pick(bank.WORDS)}" if rng.random() < 0.5 else "")
