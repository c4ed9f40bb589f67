"""Checks finished rows against a schema file and nothing else: it shares no line with what makes them.

Written from the format's own rules, with plain YAML, so that a mistake in the generator can't hide in its own checks.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any

import yaml

Row = dict[str, Any]
POINTERS = re.compile(r"\b(this|these|those|current|it|its|them)\b", re.IGNORECASE)


class Checker:
    """The rules for the rows of one schema."""

    def __init__(self, schema_text: str) -> None:
        schema = yaml.safe_load(schema_text)
        self.subs: dict[tuple[str, str], dict[str, Any]] = {
            (c["name"], s["name"]): s for c in schema["commands"] for s in c["subcommands"]
        }
        self.aliases = {
            c["name"]: [(s["name"], {a.lower() for a in s.get("aliases") or []}) for s in c["subcommands"]]
            for c in schema["commands"]
        }

    def faults(self, row: Row) -> set[str]:
        """Short names of what is wrong with one row."""
        if set(row) != {"instruction", "context", "output"} or not isinstance(row["output"], str):
            return {"shape"}
        if not isinstance(row["instruction"], str) or not row["instruction"].strip():
            return {"instruction"}
        try:
            output = json.loads(row["output"])
        except ValueError:
            return {"json"}
        if not isinstance(output, dict):
            return {"json"}
        kind = output.get("type")
        if kind == "command":
            return self._command(row, output)
        return self._clarification(output) if kind == "clarification" else {"type"}

    def _command(self, row: Row, output: dict[str, Any]) -> set[str]:
        found: set[str] = set()
        if set(output) != {"type", "command", "subcommand", "args", "flags", "confidence"}:
            found.add("fields")
        confidence: Any = output.get("confidence")
        if type(confidence) not in (int, float) or not 0.7 <= confidence <= 1:
            found.add("confidence")
        sub = self.subs.get((output.get("command", ""), output.get("subcommand", "")))
        if sub is None:
            return found | {"unknown command"}
        types = {a["name"]: a["type"] for a in sub.get("args") or []}
        args = output.get("args", {})
        for name, value in args.items():
            if name not in types:
                found.add("unknown argument")
            elif isinstance(types[name], dict):
                if not any(type(value) is type(member) and value == member for member in types[name]["enum"]):
                    found.add("enum")
            elif types[name] == "integer":
                if type(value) is not int:
                    found.add("arg type")
            elif not isinstance(value, str):
                found.add("arg type")
        if any(a.get("required") and a["name"] not in args for a in sub.get("args") or []):
            found.add("required")
        if not set(output.get("flags", [])) <= {f["name"] for f in sub.get("flags") or []}:
            found.add("unknown flag")
        return found | self._words(row, output, args)

    def _words(self, row: Row, output: dict[str, Any], args: dict[str, Any]) -> set[str]:
        """What the words have to do with the call."""
        found = set()
        said = row["instruction"].lower()
        known = json.dumps(row["context"] or {}).lower()
        for value in args.values():
            text = str(value).lower()
            spoken = text in said or text.replace("_", " ") in said
            spoken = spoken or (text == "@me" and re.search(r"\b(my|mine|me|i)\b", said) is not None)
            if not spoken and not all(part in known for part in re.split(r"[/ ]", text)):
                found.add("value from nowhere")
        outside = re.sub(r'"[^"]*"', "", said)
        if POINTERS.search(outside) and not any(
            all(part in known for part in re.split(r"[/ ]", str(v).lower())) for v in args.values()
        ):
            found.add("unresolved pronoun")
        numbers = set(re.findall(r"(?<![\w./-])\d+(?![\w./-])", outside))
        if numbers - {n for v in args.values() for n in re.findall(r"\d+", str(v))}:
            found.add("number from nowhere")
        if re.search(r"(?<!\w)--?[a-z]", re.sub(r'"[^"]*"', "", said)) or "{" in said:
            found.add("syntax")
        return found | self._aliases(said, output, args)

    def _aliases(self, said: str, output: dict[str, Any], args: dict[str, Any]) -> set[str]:
        """A request whose only verb is an alias of several subcommands needs arguments that decide."""
        words = set(re.findall(r"[a-z-]+", said))
        group = self.aliases[output["command"]]
        own = next(a for n, a in group if n == output["subcommand"]) | {output["subcommand"]}
        names = {n for n, _ in group}
        for word in words & own - names:
            others = [n for n, aliases in group if word in aliases and n != output["subcommand"]]
            for other in others:
                sub = self.subs[output["command"], other]
                has = {a["name"] for a in sub.get("args") or []} | {f["name"] for f in sub.get("flags") or []}
                clearer = any(w in words for w in own if not any(w in a for n, a in group if n != output["subcommand"]))
                if set(args) | set(output["flags"]) <= has and not clearer:
                    return {"ambiguous alias"}
        return set()

    def _clarification(self, output: dict[str, Any]) -> set[str]:
        found: set[str] = set()
        if set(output) != {"type", "message", "suggestions", "confidence"}:
            found.add("fields")
        confidence: Any = output.get("confidence")
        if type(confidence) not in (int, float) or not 0 <= confidence < 0.7:
            found.add("confidence")
        elif confidence >= 0.5 and not output.get("suggestions"):
            found.add("no suggestions")
        if not str(output.get("message", "")).strip():
            found.add("message")
        for one in output.get("suggestions", []):
            if (one.get("command"), one.get("subcommand")) not in self.subs or not one.get("label"):
                found.add("unknown command")
        return found


def leaks(train: list[Row], validation: list[Row]) -> list[str]:
    """Validation requests that stand in train, or so nearly (Jaccard of 3-grams, characters or words, 0.8)."""
    found = []
    sides = [[_grams(r["instruction"]) for r in side] for side in (train, validation)]
    for row, (chars, words) in zip(validation, sides[1], strict=True):
        if any(_alike(chars, c) or _alike(words, w) for c, w in sides[0]):
            found.append(row["instruction"])
    return found


def _grams(text: str) -> tuple[frozenset[str], frozenset[str]]:
    plain = text.lower()
    words = plain.split()
    chars = frozenset(plain[i : i + 3] for i in range(max(1, len(plain) - 2)))
    return chars, frozenset(" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    if not 0.8 <= len(a) / len(b) <= 1.25:
        return False
    return len(a & b) >= 0.8 * len(a | b)


def patterns(rows: list[Row]) -> list[str]:
    """Requests with the values of their own outputs, quoted texts and numbers put away."""
    found = []
    for row in rows:
        text, output = row["instruction"].lower(), json.loads(row["output"])
        for value in sorted(map(str, chain(output.get("args", {}).values())), key=len, reverse=True):
            text = text.replace(value.lower(), "_").replace(value.lower().replace("_", " "), "_")
        found.append(" ".join(re.sub(r'"[^"]*"|#?\d+', "_", text).split()))
    return found
