"""Renders the prompts in agents/prompts: two Jinja parts a file, every variable required, data kept within its tags."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import FileSystemLoader, StrictUndefined, Template, meta
from jinja2.sandbox import SandboxedEnvironment

FOLDER: Final = Path(__file__).resolve().parent / "prompts"

TAGS: Final = (
    "source", "conversation", "question", "notes", "hint", "reference",
    "answer", "thinking", "critique", "response", "rules",
)  # fmt: skip
"""The elements a prompt is made of; README.md in the prompts' folder says what stands in each."""

_OWN_TAG = re.compile(rf"<(?=/?(?:{'|'.join(TAGS)})>)")
_CALCULATOR_MARK = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
_PARTS = re.compile(r"^# system$\n(?P<system>.*)^# user$\n(?P<user>.*)", re.MULTILINE | re.DOTALL)
_LABEL = r"(?:document|file|source|book|work|title|chapter|section|page|topic)"
_VALUE = r"(?:[^\n:.,;]|[.,](?=\S))*"
_NAMES_DOCUMENT = re.compile(rf"\s*{_LABEL}\s*:{_VALUE}(?:[.,;\n]\s*{_LABEL}\s*:{_VALUE})*[.;\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one model call is told (`system`) and given (`user`)."""

    system: str
    user: str

    def messages(self) -> list[dict[str, str]]:
        """The prompt in chat form; no system message where there is nothing to say in it."""
        spoken = [{"role": "system", "content": self.system}] if self.system else []
        return [*spoken, {"role": "user", "content": self.user}]


def names_document(text: str) -> bool:
    """Whether a system message only says where the row comes from ("Document: x. Section: y"), instructing nobody."""
    return _NAMES_DOCUMENT.fullmatch(text) is not None


def without_marks(text: str) -> str:
    """Thinking without the calculator marks of published maths sets ("3 * 4 = <<3*4=12>>12"), which students copy."""
    return _CALCULATOR_MARK.sub("", text)


def _inert(value: object) -> str:
    """Data as text in which the prompts' own tags no longer read as tags. Raises UndefinedError for what is missing."""
    return _OWN_TAG.sub("&lt;", str(value))


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
    return env


_ENV = _environment()


def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


@cache
def _compiled(name: str) -> tuple[Template, Template]:
    """The two parts of a prompt, compiled once. Raises ValueError where the file lacks a part."""
    parts = _PARTS.fullmatch(_text(name))
    if parts is None:
        raise ValueError(f"prompt {name!r} needs the lines '# system' and '# user', in this order")
    return _ENV.from_string(parts["system"]), _ENV.from_string(parts["user"])


def render(name: str, **values: object) -> Prompt:
    """The prompt `name` filled with `values`.

    Raises jinja2.UndefinedError where a variable that the prompt uses is missing, FileNotFoundError for no such prompt.
    """
    system, user = _compiled(name)
    return Prompt(system.render(values).strip(), user.render(values).strip())


def prompt_hashes() -> dict[str, str]:
    """Name of every prompt -> sha256 (hex) of its text and the partials it includes: what a call was made with."""
    hashes = {}
    for path in sorted(FOLDER.glob("[!_]*.md")):
        if path.name == "README.md":
            continue
        text = _text(path.stem)
        partials = sorted(p for p in meta.find_referenced_templates(_ENV.parse(text)) if p)
        whole = [text, *((FOLDER / p).read_text(encoding="utf-8") for p in partials)]
        hashes[path.stem] = hashlib.sha256("\0".join(whole).encode()).hexdigest()
    return hashes
