"""Renders the prompts in agents/prompts: Jinja parts of a file, every variable required, data kept within its tags."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import FileSystemLoader, StrictUndefined, Template, meta
from jinja2.sandbox import SandboxedEnvironment

from agents.question import Question

FOLDER: Final = Path(__file__).resolve().parent / "prompts"

TAGS: Final = (
    "source", "conversation", "question", "notes", "hint", "reference",
    "answer", "thinking", "critique", "response", "rules",
)  # fmt: skip
"""The elements a prompt is made of; README.md in the prompts' folder says what stands in each."""

_OWN_TAG = re.compile(rf"<(?=/?(?:{'|'.join(TAGS)})>)")
_OWN_BUT_THINKING = re.compile(rf"<(?=/?(?:{'|'.join(tag for tag in TAGS if tag != 'thinking')})>)")
_CALCULATOR_MARK = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
_HEADING = re.compile(r"^# (system|user|assistant|grammar)$\n", re.MULTILINE)
_PARTS = re.compile(r"system( user assistant)* user( grammar)?")
_LABEL = r"(?:document|file|source|book|work|title|chapter|section|page|topic)"
_VALUE = r"(?:[^\n:.,;]|[.,](?=\S))*"
_NAMES_DOCUMENT = re.compile(rf"\s*{_LABEL}\s*:{_VALUE}(?:[.,;\n]\s*{_LABEL}\s*:{_VALUE})*[.;\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one model call is told (`system`), shown (`shots`) and given (`user`).

    A shot is a task as it was asked and as it was answered. `grammar` (GBNF, llama.cpp's) is the form that the reply
    is held to; empty: none.
    """

    system: str
    user: str
    shots: tuple[tuple[str, str], ...] = ()
    grammar: str = ""

    def messages(self) -> list[dict[str, str]]:
        """The prompt in chat form; no system message where there is nothing to say in it."""
        spoken = [{"role": "system", "content": self.system}] if self.system else []
        for asked, answered in self.shots:
            spoken += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        return [*spoken, {"role": "user", "content": self.user}]

    @property
    def extra(self) -> dict[str, object] | None:
        """What a request says beside its messages, for the server that knows grammars."""
        return {"grammar": self.grammar} if self.grammar else None


def names_document(text: str) -> bool:
    """Whether a system message only says where the row comes from ("Document: x. Section: y"), instructing nobody."""
    return _NAMES_DOCUMENT.fullmatch(text) is not None


def without_marks(text: str) -> str:
    """Thinking without the calculator marks of published maths sets ("3 * 4 = <<3*4=12>>12"), which students copy."""
    return _CALCULATOR_MARK.sub("", text)


class _Ours(str):
    """Text that a template of ours made: its tags are meant."""


def _inert(value: object) -> str:
    """Data as text in which the prompts' own tags no longer read as tags. Raises UndefinedError for what is missing."""
    if isinstance(value, _Ours):
        return value
    return _OWN_TAG.sub("&lt;", str(value))


@lru_cache(maxsize=512)
def _task(question: Question) -> _Ours:
    """The question as every prompt shows it. A loop shows the same one in each of its calls."""
    return _Ours(_ENV.get_template("_task.md").render(question=question).strip())


def with_thinking(text: str) -> str:
    """Data in which `<thinking>` is a tag of its own, that the model is to write so; our other tags are inert."""
    return _Ours(_OWN_BUT_THINKING.sub("&lt;", text))


def _environment() -> SandboxedEnvironment:
    env = SandboxedEnvironment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        finalize=_inert,
        auto_reload=False,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.tests["naming_a_document"] = names_document
    env.filters["without_marks"] = without_marks
    env.filters["with_thinking"] = with_thinking
    return env


_ENV = _environment()


def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


class _Part(NamedTuple):
    """One part of a prompt. `names` are the variables it uses, those of its partials included."""

    heading: str
    template: Template
    names: tuple[str, ...]
    own: bool
    """Whether it is another for every example: what the model is given last."""


def _variables(body: str) -> set[str]:
    tree = _ENV.parse(body)
    partials = [_ENV.loader.get_source(_ENV, p)[0] for p in meta.find_referenced_templates(tree) if p and _ENV.loader]
    found = meta.find_undeclared_variables(tree)
    return found.union(*map(_variables, partials))


@cache
def _compiled(name: str) -> tuple[_Part, ...]:
    """The parts of a prompt, compiled once. Raises ValueError where the file lacks a part."""
    before, *parts = _HEADING.split(_text(name))
    headings = parts[::2]
    if before.strip() or _PARTS.fullmatch(" ".join(headings)) is None:
        raise ValueError(f"prompt {name!r} needs the lines '# system' and '# user', in this order")
    given = len(headings) - 1 - headings[::-1].index("user")
    return tuple(
        _Part(heading, _ENV.from_string(body), tuple(sorted(_variables(body))), place == given)
        for place, (heading, body) in enumerate(zip(headings, parts[1::2], strict=True))
    )


@lru_cache(maxsize=256)
def _constant(part: Template, given: tuple[tuple[str, object], ...]) -> str:
    """A part that few values decide, as most systems and examples are: made once for each of their combinations."""
    return part.render(dict(given)).strip()


def render(name: str, **values: object) -> Prompt:
    """The prompt `name` filled with `values`.

    Raises jinja2.UndefinedError where a variable that the prompt uses is missing, FileNotFoundError for no such prompt.
    """
    said: dict[str, list[str]] = {"system": [], "user": [], "assistant": [], "grammar": []}
    if isinstance(question := values.get("question"), Question):
        values["task"] = _task(question)
    everything = {**_ENV.globals, **values}
    for heading, template, names, own in _compiled(name):
        if own or "question" in names or "task" in names:
            # As `template.render` does, but for a copy of the globals at every call, which costs as much as the rest.
            context = template.new_context(everything, shared=True)
            said[heading].append("".join(template.root_render_func(context)).strip())
            continue
        given = ((n, tuple(v) if isinstance(v := values[n], list) else v) for n in names if n in values)
        said[heading].append(_constant(template, tuple(given)))
    *asked, user = said["user"]
    shots = tuple(shot for shot in zip(asked, said["assistant"], strict=True) if all(shot))
    return Prompt(said["system"][0], user, shots, "".join(said["grammar"]))


@cache
def prompt_hashes() -> dict[str, str]:
    """Name of every prompt -> sha256 (hex) of its text and the partials it includes: what a call was made with.

    Read once, as the templates are (many clients kept a third of the threads at it); nobody changes what is returned.
    """
    hashes = {}
    for path in sorted(FOLDER.rglob("[!_]*.md")):
        if path.name == "README.md":
            continue
        name = path.relative_to(FOLDER).with_suffix("").as_posix()
        text = _text(name)
        partials = sorted(p for p in meta.find_referenced_templates(_ENV.parse(text)) if p)
        partials += ["_task.md"] if "{{ task }}" in text else []
        whole = [text, *((FOLDER / p).read_text(encoding="utf-8") for p in partials)]
        hashes[name] = hashlib.sha256("\0".join(whole).encode()).hexdigest()
    return hashes
