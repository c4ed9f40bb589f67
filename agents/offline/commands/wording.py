"""How single arguments and flags are said, told by their names, descriptions and values alone."""

from __future__ import annotations

import re
from typing import Final

from agents.offline.commands.brief import Brief, Detail

_ADJECTIVE: Final = re.compile(
    r"[a-z]+(?:ed|en|ive|able|ic|al)|all|hot|cold|warm|new|old|big|small|large|dark|light|strong|mild|ready|public|private|"
    r"secret|green|black|white|red|blue|high|low|medium|fast|slow|free|busy|full|empty"
)
_PERSON: Final = re.compile(r"\b(author|assignees?|owner|user|reviewer|member|person|guest|recipient)\b")
_SAYING: Final = re.compile(r"\b(body|notes?|message|comment|text|content|summary|description|reason)\b")
_PLACES: Final = {
    "into": re.compile(r"\b(base|directory|folder|target)\b"),
    "from": re.compile(r"\b(head|source|start)\b"),
    "on": re.compile(r"\b(branch|port|host|day|date|device)\b"),
    "at": re.compile(r"\b(temperature|degrees?|time|level|speed|volume)\b"),
    "for": re.compile(r"\b(minutes?|seconds?|hours?|days?|weeks?|workflow|room)\b"),
}


def plainly(name: str) -> str:
    """A name of the schema as people say it."""
    return re.sub(r"[_-]+", " ", name)


def said(detail: Detail) -> str:
    """A value as it is typed: several words between quotes."""
    return f'"{detail.value}"' if " " in detail.value else detail.value


def argument(b: Brief, detail: Detail, scope: str) -> str:  # noqa: PLR0912, a kind of argument a case
    """What follows the thing, as "by alice" or "titled ..."; begins with no blank."""
    name, value, told = plainly(detail.name), said(detail), f"{plainly(detail.name)} {detail.told}".casefold()
    own = name.casefold()
    listing = scope == "many"
    if detail.value == "@me":
        if "author" in own:
            return b.one(("by me", "written by me", "of mine", "from me", "that I wrote", "I opened"))
        if "assignee" in own:
            return b.one(("assigned to me", "on my plate") if listing else ("assigned to me", "and assign me"))
        return f"with me as {name}"
    if re.search(r"\b(limit|max|maximum|count|top)\b", told):
        return b.one(
            (
                f", at most {value}",
                f", up to {value}",
                f", no more than {value}",
                f", limit {value}",
                f", {value} at most",
                f", max {value}",
                f", only the first {value}",
                f", just {value}",
                f", {value} will do",
                f", capped at {value}",
            )
        )
    if _PERSON.search(own):
        if "author" in own:
            return b.one((f"by {value}", f"from {value}", f"written by {value}", f"authored by {value}"))
        if "assignee" in own:
            return b.one(
                (f"assigned to {value}", f"that {value} has to do", f"on {value}'s plate")
                if listing
                else (f"assigned to {value}", f"and assign {value}", f"for {value} to do", f"with {value} on the job")
            )
        if "owner" in own:
            return b.one((f"owned by {value}", f"of {value}", f"belonging to {value}", f"under {value}"))
        return b.one((f"with {name} {value}", f"for {value}"))
    if re.search(r"\blabels?\b", own):
        return b.one((f"labelled {value}", f"with the label {value}", f"tagged {value}", f"with label {value}"))
    if re.search(r"\b(title|subject|headline)\b", own):
        return b.one((f"titled {value}", f"with the title {value}", f"called {value}", f"{name} {value}"))
    if _SAYING.search(own):
        return b.one(
            (f"with the {name} {value}", f"{name} {value}", f"and put {value} as the {name}", f"{name}: {value}")
        )
    for word, pattern in _PLACES.items():
        if pattern.search(own):
            return _placed(b, word, name, detail)
    if re.search(r"\b(milestone|sprint)\b", own):
        return b.one((f"in milestone {value}", f"for milestone {value}", f"with milestone {value}"))
    if re.search(r"\bfiles?\b", own):
        files = detail.value
        return b.one((f"with {files}", f"from {files}", f"out of {files}", f"containing {files}"))
    if re.search(r"\b(name|slug)\b", own):
        return b.one((f"called {value}", f"named {value}", f"with the name {value}"))
    if own in ("tag", "version", "id", "number"):
        return b.one((value, f"{name} {value}", f"with {name} {value}"))
    member = detail.value.replace("_", " ").replace("-", " ") if "_" in detail.value else value
    if listing and member == detail.value.replace("_", " "):
        return b.one((f"with {name} {member}", f"with {member} as {name}", f"whose {name} is {member}"))
    if value.isdigit() and own.endswith("s"):
        return b.one((f"with {value} {name}", f", {value} {name}", f"for {value} {name}"))
    return b.one((f"with {name} {member}", f"{name} {member}", f", {name} {member}", f"using {name} {member}"))


def _placed(b: Brief, word: str, name: str, detail: Detail) -> str:
    value, own = said(detail), name.casefold()
    ways: tuple[str, ...]
    match word:
        case "into" if "base" in own:
            ways = (f"into {value}", f"against {value}", f"with base {value}", f"targeting {value}")
        case "into":
            ways = (f"into {value}", f"in {value}", f"to {value}")
        case "from":
            ways = (f"from {value}", f"from branch {value}") if "head" in own else (f"from {value}",)
        case "on" if "branch" in own:
            ways = (f"on {value}", f"on branch {value}", f"for the {value} branch", f"from branch {value}")
        case "for" if "workflow" in own:
            ways = (f"of {value}", f"for {value}", f"from the {value} workflow")
        case "for" | "at" if detail.value.isdigit():
            ways = (
                (f"{word} {value} {name}",) if own.endswith("s") else (f"{word} {name} {value}", f"with {name} {value}")
            )
        case _:
            ways = (f"{word} {name} {value}", f"with {name} {value}")
    return b.one(ways)


def pointed(b: Brief, detail: Detail, scope: str) -> str:
    """An argument whose value the context has, as "on this branch"; `detail.value` is the quoted way to say it."""
    words = detail.value.strip('"')
    if words in ("them", "these"):
        return b.one((f"with {words}", f"from {words}", f"out of {words}"))
    return (
        argument(b, Detail(detail.name, "\0", detail.told), scope)
        .replace("branch \0", "\0")
        .replace("\0 branch", "\0")
        .replace("the \0", "\0")
        .replace("\0's plate", "\0")
        .replace("\0", words)
    )


def adjective(detail: Detail) -> str:
    """A value that can stand before the thing ("open", "merged"), or nothing."""
    return detail.value if _ADJECTIVE.fullmatch(detail.value) and "@" not in detail.value else ""


def describes(detail: Detail) -> str:
    """A flag that can stand before a new thing: "make public" gives "public", "create as draft" gives "draft"."""
    found = re.fullmatch(r"(?:make|mark as|create as|mark it as|make it)(?: an?)? ([a-z-]+)", detail.value.casefold())
    return found[1] if found else ""


def extra(b: Brief, detail: Detail, scope: str) -> str:
    """A flag as a tail, its joint included: " in the browser", ", and delete the branch"."""
    phrases = [p for p in detail.told.split(" | ") if p]
    if phrases and b.chance(0.6):
        return _phrase(b, b.one(phrases), new=bool(describes(detail)))
    text = detail.value.strip().rstrip(".")
    text = text[0].lower() + text[1:] if text and not text[:2].isupper() else text or plainly(detail.name)
    text = re.sub(r"\bin browser\b", "in the browser", text) if b.chance(0.7) else text
    first, _, rest = text.partition(" ")
    if not rest:
        return b.one((f" with {text}", f", {text}"))
    if only := re.fullmatch(r"(?:show |list |only )+(.*)", text):
        what = only[1]
        if _verb(what.split()[0]):
            return b.one((f", only {what}", f" but only {what}", f", {what} only", f" and only {what}"))
        some = re.sub(r"\s\w+s$", " ones", what) if " " in what and scope == "many" else what
        return b.one(
            (f", only {what}", f", just the {some}", f", {what} only", f" but only {what}", f", nothing but {what}")
        )
    if first == "exclude":
        return b.one(
            (f" without {rest}", f", no {rest}", f" excluding {rest}", f" but leave out {rest}", f", minus {rest}")
        )
    if first in ("view", "show", "include", "display"):
        return b.one((f" with {rest}", f" including {rest}", f", {rest} too", f" along with {rest}", f" plus {rest}"))
    if first == "only":
        return b.one((f", only {rest}", f" but only {rest}"))
    if word := describes(detail):
        return b.one((f", {word}", f" as {word}", f" and {text}", f", make sure to {text}"))
    going = (first[:-1] if first.endswith("e") and len(first) > 3 else first) + "ing"
    if rest.split()[0] not in _OF:
        ways = [f" and {text}", f", and {text}", f", {text}", f" and also {text}", f", {text} too", f" then {text}"]
        ways += (
            [f", {going} {rest}".replace("useing", "using")] if first in ("use", "enable", "create", "generate") else []
        )
        return b.one(ways)
    article = "" if rest.endswith("s") or first in ("a", "an", "the") else ("an " if text[0] in "aeiou" else "a ")
    return b.one((f" with {article}{text}", f", with {article}{text}", f" including {article}{text}"))


def _phrase(b: Brief, phrase: str, *, new: bool) -> str:
    """A hint of the schema on how people ask for it."""
    first = phrase.casefold().partition(" ")[0]
    if first in ("in", "on", "as", "with", "without", "at", "to", "for", "by", "and", "plus"):
        return f" {phrase}" if b.chance(0.75) else f", {phrase}"
    if _verb(first):
        return b.one((f" and {phrase}", f", {phrase}", f", {phrase} too", f", and {phrase}", f", also {phrase}"))
    return b.one((f", {phrase}", f" as {phrase}", f", mark as {phrase}")) if new else f", {phrase}"


def _verb(word: str) -> bool:
    return word.casefold() in _VERBS


_OF: Final = frozenset(["for", "of", "mode", "level", "behind"])
"""A second word that shows the first to be no verb: "reason for closing"."""
_VERBS: Final = frozenset(
    re.findall(
        r"\w+",
        """open squash rebase delete remove use create make mark enable disable clone add generate force exit
        checkout rerun set keep skip run print save close stop start send ignore allow follow wait ask push pull
        fetch copy move turn switch update install build watch show list write read edit overwrite replace warm
        play repeat notify record confirm dim shuffle brew boil heat beep archive track sync""",
    )
)
