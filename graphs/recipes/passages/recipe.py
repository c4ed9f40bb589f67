"""The recipe `passages`: every passage under each of its templates, one example of inner life for each pair."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from agents.prompting import render
from graphs.recipes.base import Admit, Ask, Draft, Example, Lost, Rating, Rubric, Slot, Sources, Turn
from graphs.recipes.neardup import NearDuplicates
from graphs.recipes.options import PassagesOptions
from graphs.recipes.passages import rules, shapes
from graphs.recipes.passages.blocks import Passage, templates_at_fault
from graphs.recipes.passages.templates import Template, packaged
from graphs.recipes.passages.templates import read as read_templates

PROPOSE: Final = "propose_inner_life"
RATE: Final = "rate_inner_life"
Mark = Annotated[float, Field(ge=0, le=1)]


class InnerLife(Rating):
    """What only a reader can tell of an example."""

    authentic: Mark
    open: Mark
    experiential: Mark
    texture: Mark
    one_voice: Mark


class Passages:
    """Bound to a dataset of passages."""

    def __init__(self, options: PassagesOptions, sources: Sources, seed: int) -> None:
        """Raises ValueError where the templates' file can't be read or lacks one that anybody asks for."""
        self._sources, self._seed, self._state = sources, seed, options.state
        self._templates = read_templates(options.templates_markdown or packaged())
        self._chosen = list(dict.fromkeys(options.templates))
        if unknown := [number for number in self._chosen if number not in self._templates]:
            raise ValueError(f"there is no template {unknown[0]}; the file has {', '.join(self._templates)}")
        if not self._chosen:  # before the job is made, and not once it is at work
            for source in sources():
                passage = Passage.model_validate_json(source.raw)
                if why := templates_at_fault(passage, self._templates):
                    raise ValueError(f"{_name(source.seq, passage)} {why}")

    def slots(self) -> Iterator[Slot]:
        """A slot for each passage and template, passage by passage.

        Templates that were chosen are asked of every passage, in place of those that it names.
        """
        for source in self._sources():
            passage = Passage.model_validate_json(source.raw)
            for number in self._chosen or passage.templates:
                plan = {"seq": source.seq, "template": number, **passage.model_dump(exclude={"templates"})}
                yield Slot(plan=plan)

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        """A pair that gave nothing gets one fresh chance: a person chose both its passage and its template."""
        if wave == 1:
            for one in lost:
                yield Slot(plan={**one.slot.plan, "again": wave})

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        """The template with its blanks filled, the rules that will be checked, and what to mend."""
        plan, template = slot.plan, self._template(slot)
        before, after = template.filled(plan["core_phenomenology"])
        last = earlier[-1] if earlier else None
        prompt = render(
            PROPOSE,
            before=before,
            after=after,
            passage=plan["passage"],
            core=plan["core_phenomenology"],
            rules=[*template.rules.told(), *self._variant(slot)],
            state=self._state,
            earlier=last.text if last else "",
            complaints=(last.complaints or [last.critique]) if last else [],
        )
        return Ask(PROPOSE, prompt)

    def read(self, slot: Slot, text: str) -> Draft:
        """The example in a reply, in its template's shape."""
        example = shapes.read(text, self._template(slot).rules.shapes)
        plan = slot.plan
        origin = {
            "passage": _name(plan["seq"], plan),
            "template": plan["template"],
            "core_phenomenology": plan["core_phenomenology"],
        }
        if plan["source"]:
            origin["source"] = plan["source"]
        told = example.pop("metadata", {})
        if not self._state:  # a state that nobody asked for and nobody checks is not kept
            told = {}
            for turn in example.get("conversations") or example.get("messages") or []:
                turn.pop("metadata", None)
        whole: Example = {**example, "metadata": {**origin, **told}}
        return Draft(example=whole, words=_own_words(whole))

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        """What the draft breaks of its template's rules."""
        return rules.broken(draft.example, self._template(slot).rules, slot.plan["passage"], state=self._state)

    def rubric(self, slot: Slot, draft: Draft) -> Rubric | None:
        """Whether it is lived, open, and one being's."""
        plan = slot.plan
        said = "\n\n".join(f"{t.who}: {t.text}" for t in shapes.turns(draft.example))
        prompt = render(RATE, passage=plan["passage"], core=plan["core_phenomenology"], said=said)
        return Rubric(Ask(RATE, prompt), InnerLife)

    def admission(self) -> Admit:
        """Near duplicates of what the AI says are refused."""
        seen = NearDuplicates()

        def admit(_: Slot, draft: Draft) -> str:
            earlier = seen.add(draft.words)
            return f'too near to an earlier example, "{earlier[:60]}..."' if earlier else ""

        return admit

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        """Each passage's share of the output, and what each template and shape gave."""
        planned: Counter[str] = Counter()
        by_template: Counter[str] = Counter()
        for slot in self.slots():
            planned[_name(slot.plan["seq"], slot.plan)] += 1
            by_template[slot.plan["template"]] += 1
        made: Counter[str] = Counter()
        templates: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for slot, draft in accepted:
            made[_name(slot.plan["seq"], slot.plan)] += 1
            templates[slot.plan["template"]] += 1
            kinds[shapes.shape_of(draft.example)] += 1
        total = made.total()
        shares = {
            name: {"planned": count, "examples": made[name], "share": round(made[name] / total, 4) if total else 0.0}
            for name, count in planned.items()
        }
        return {
            "examples": total,
            "planned": planned.total(),
            "passages": shares,
            "templates": {
                number: {"purpose": self._templates[number].purpose, "planned": count, "examples": templates[number]}
                for number, count in sorted(by_template.items())
            },
            "shapes": dict(sorted(kinds.items())),
            "lost": lost,
        }

    # ---------------------------------------------------------------- helpers
    def _template(self, slot: Slot) -> Template:
        return self._templates[slot.plan["template"]]

    def _variant(self, slot: Slot) -> list[str]:
        """Which of several shapes to take, drawn so that all of them come up, and a second try's difference."""
        allowed = self._template(slot).rules.shapes
        if len(allowed) == 1 or slot.plan.get("again"):
            return []
        drawn = hashlib.sha256(f"{self._seed}:{slot.plan['template']}".encode()).digest()[0] + slot.plan["seq"]
        return [f"Of these shapes preferably {allowed[drawn % len(allowed)]}."]


def _name(seq: int, passage: Passage | dict[str, Any]) -> str:
    """How a report names a passage: its place in the file and its title."""
    title = passage.title if isinstance(passage, Passage) else passage["title"]
    return f"{seq + 1}: {title}" if title else f"{seq + 1}"


def _own_words(example: Example) -> str:
    said = " ".join(t.text for t in shapes.turns(example) if t.who == "ai")
    return " ".join(re.sub(r"</?thinking>", " ", said).split())
