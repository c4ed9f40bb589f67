"""A preferences job at work: pairs of what a model says against the ideals, or of an enhance job's rounds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, update

from agents.errors import ModelError, StopWork, Unreachable
from agents.evaluator import Evaluator
from agents.offline import LABELS
from agents.sampler import Sampler
from graphs.preferences import Bench, Draw, Drawn
from graphs.recipes.base import Draft, Generated, Made, Slot, Turn
from services import made
from services.errors import InvalidRequest, WrongState
from services.jobs.run import Means, Run, Terms
from services.jobs.spec import priced
from services.jobs.work import Kit
from services.store.examples import ExampleStore, Pending
from services.store.ids import tail
from services.store.ledger import JobLedger
from services.store.slots import rows_of
from services.store.tables import jobs
from services.telemetry import counts
from services.training import pairs, rounds
from services.training.inputs import Source, write
from services.training.specs import PreferencesSpec
from services.views import ExportFormat, Job, JobState
from training import thinking

PAIRS: Final = 1000
SAMPLES: Final = 2
TEMPERATURE: Final = 0.8
IN_FLIGHT: Final = 10
DRAWS: Final = 10
"""Answers drawn for each pair that is wanted, at most: of a model that is hardly ever wrong, pairs cost too much."""
SAID_BEFORE: Final = "the model gave this wrong answer to the prompt before"
SURPLUS: Final = "there are as many pairs as were asked for"


async def check(spec: PreferencesSpec, kit: Kit) -> int:
    """Whether such a job can run. Returns 0: how many answers it draws is found out later.

    Raises NotFound, InvalidRequest, WrongState, UnknownModel or MissingKey.
    """
    if spec.rounds:
        job = await asyncio.to_thread(kit.store.get, spec.rounds)
        if job.spec.enhance is None:
            raise InvalidRequest(f"rounds: {job.name} is a job of kind {job.spec.kind_name}; an enhance job has rounds")
        if job.state is not JobState.SUCCEEDED:
            raise WrongState(f"rounds: {job.name} is {job.state.value}; pairs are made of one that has succeeded")
        return 0
    await asyncio.to_thread(Source(kit).check, spec.dataset, "rows", "dataset")
    models = [await kit.gateway.resolve(name) for name in await _cast(spec, kit)]
    await asyncio.to_thread(kit.quotas.money, models)
    return 0


async def begin(job: Job, spec: PreferencesSpec, kit: Kit) -> Preferring:
    """The job, ready to work. Raises what `check` raises."""
    terms = Terms(tail(job.name, "jobs"), spec.batch_size or IN_FLIGHT, spec.max_cost or None)
    total, ledger, means = job.progress.total_examples, await kit.ledger(job), await kit.means()
    if spec.rounds:
        source = await asyncio.to_thread(kit.store.get, spec.rounds)
        return await asyncio.to_thread(FromRounds, terms, spec, source, total, ledger, means)
    model, evaluator = await _cast(spec, kit)
    return await asyncio.to_thread(OnPolicy, terms, spec, (model, evaluator), kit, total, ledger, means)


def export(
    examples: ExampleStore, job: Job, format_: ExportFormat = "source", *, reviewed_only: bool = False
) -> Iterator[str]:
    """The job's pairs in their order, a line of JSON each: `{prompt, chosen, rejected, metadata}` as TRL reads it, or
    OpenAI's shape. Raises InvalidRequest for `messages`, which has no room for two answers."""
    if format_ == "messages":
        raise InvalidRequest("pairs have no single answer: export them as source (TRL's shape) or as openai")
    for line in made.export(examples, job, "source", reviewed_only=reviewed_only):
        yield line if format_ == "source" else json.dumps(pairs.openai(json.loads(line)), ensure_ascii=False) + "\n"


async def _cast(spec: PreferencesSpec, kit: Kit) -> tuple[str, str]:
    """The canonical names of the model that draws and the one that judges."""
    judge = spec.evaluator or kit.settings.judge_for(kit.settings.teacher)
    found = [await kit.gateway.resolve(name) for name in (spec.model, judge)]
    priced(spec.max_cost, found)
    return found[0].name, found[1].name


class Preferring(Run):
    """What both ways have in common: slots that become pairs or are dropped, and a report."""

    kind = "preferences"

    def __init__(self, terms: Terms, spec: PreferencesSpec, total: int, ledger: JobLedger, means: Means) -> None:
        super().__init__(terms.dataset_id, terms, total, ledger, means)
        self._wanted = spec.num_pairs or PAIRS

    async def work(self) -> None:
        """As every run. What was made is looked through in the plan's order, so a killed job comes out like another."""
        await self._prepare()
        slots = self._means.slots
        planned = await asyncio.to_thread(slots.planned, self.job_id)
        if not planned:
            planned = await asyncio.to_thread(lambda: slots.plan(self.job_id, islice(self._slots(0), self._wanted)))
        self._expect(planned)
        while True:
            await self._work_through()
            missing = self._wanted - await asyncio.to_thread(self._settle)
            self._tally.recount(await asyncio.to_thread(self._means.examples.counted, self.job_id))
            more = await asyncio.to_thread(self._more, missing) if missing > 0 else []
            if not more:
                break
            wave = await asyncio.to_thread(slots.waves, self.job_id) + 1
            self._expect(await asyncio.to_thread(slots.add_wave, self.job_id, wave, more))
        await self._report()

    async def _prepare(self) -> None:
        """Before the first slot is planned."""

    @abstractmethod
    def _slots(self, after: int) -> Iterator[Slot]:
        """What to work on, in order, from the `after`-th on."""

    def _more(self, missing: int) -> list[Slot]:
        return list(islice(self._slots(self._total), missing))

    def _expect(self, total: int) -> None:
        self._total = total
        self._tally.expect(total)

    @abstractmethod
    def _refused(self, found: list[tuple[int, Slot, dict[str, Any]]]) -> dict[int, tuple[Made, str]]:
        """Of the pairs (seq, slot, row) in order, those that may not stay, and why."""

    def _settle(self) -> int:
        """Takes back what may not stay; returns how many pairs there are."""
        found: list[tuple[int, Slot, dict[str, Any]]] = []
        results: dict[int, Generated] = {}
        for seq, slot, result in self._means.slots.finished(self.job_id):
            if result.outcome is Made.ACCEPTED and result.draft:
                found.append((seq, slot, result.draft.example))
                results[seq] = result
        refused = self._refused(found)
        changed = [
            (seq, results[seq].model_copy(update={"outcome": outcome, "reason": reason}))
            for seq, (outcome, reason) in refused.items()
        ]
        self._means.slots.refuse(self.job_id, changed)
        for _, taken_back in changed:
            counts.refused(self.kind, taken_back.outcome)
        return len(found) - len(changed)

    async def _keep(self, row: Pending, result: Generated) -> None:
        result.label(result.labels)
        body = result.model_dump_json(exclude_defaults=True).encode()
        await self._record(row, result.outcome, len(result.turns), False, body, "")

    async def _report(self) -> None:
        report = json.dumps(await asyncio.to_thread(self._figures), ensure_ascii=False)
        change = update(jobs).where(jobs.c.id == self.job_id).values(report=report)

        def write_too(connection: Connection) -> None:
            connection.execute(change)

        told = {"message": "the report is written"}
        await self._means.log.append(self.job_id, "report", told, also=write_too)

    def _figures(self) -> dict[str, Any]:
        outcomes: Counter[str] = Counter()
        lost: dict[str, Counter[str]] = {}
        margins, judges, lengths = [], Counter[str](), []
        for _, _, result in self._means.slots.finished(self.job_id):
            outcomes[result.outcome] += 1
            if result.outcome is Made.ACCEPTED and result.draft:
                row = result.draft.example
                margins.append(row["metadata"]["margin"])
                judges[row["metadata"]["judged_by"]] += 1
                lengths.append(_lengths(row))
            else:
                lost.setdefault(result.outcome, Counter())[_counted(result)] += 1
        unequal = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
        return {
            "pairs": len(margins),
            "wanted": self._wanted,
            "outcomes": dict(outcomes),
            "lost": {outcome: dict(found) for outcome, found in lost.items()},
            "judged_by": dict(judges),
            "margin": {"mean": _mean(margins), "least": min(margins, default=None)},
            "characters": {
                "chosen": _mean([chosen for chosen, _ in lengths]),
                "rejected": _mean([rejected for _, rejected in lengths]),
            },
            "longer_is_chosen": _mean(unequal),
        }


class OnPolicy(Preferring):
    """Draws answers of a model, and holds them against the ideals.

    Every prompt is drawn for once before any is drawn for again. As many draws are planned as pairs are missing, and at
    least as many as go on at once, so that hardly more is drawn, and paid for, than is needed.
    """

    def __init__(
        self,
        terms: Terms,
        spec: PreferencesSpec,
        cast: tuple[str, str],
        kit: Kit,
        total: int,
        ledger: JobLedger,
        means: Means,
    ) -> None:
        super().__init__(terms, spec, total, ledger, means)
        self._spec, self._kit, (self._model, self._judge) = spec, kit, cast
        self._heat = TEMPERATURE if spec.temperature is None else spec.temperature
        self._labels = [LABELS[name] for name in (self._judge,) if name in LABELS]

    async def _prepare(self) -> None:
        path = await asyncio.to_thread(self._kit.artifacts.input, self.job_id) / "rows.jsonl"
        source = Source(self._kit)
        await asyncio.to_thread(lambda: write(source.read(self._spec.dataset, "rows", "dataset"), path))
        self._prompts = await asyncio.to_thread(pairs.Prompts, path)
        told = {"message": f"{self._model} is made ready to answer"}
        await self._means.log.append(self.job_id, "step", told)
        gateway = self._means.gateway
        await gateway.reach(await gateway.resolve(self._model))

    def _more(self, missing: int) -> list[Slot]:
        return super()._more(max(missing, self._spec.batch_size or IN_FLIGHT))

    def _slots(self, after: int) -> Iterator[Slot]:
        every = len(self._prompts) * (self._spec.samples_per_prompt or SAMPLES)
        for place in range(after, min(every, self._wanted * DRAWS)):
            number, at = divmod(place, len(self._prompts))
            row, ideals = self._prompts[at]
            draw = Draw(
                prompt=tuple(message.model_dump() for message in row.prompt),
                ideals=ideals,
                number=number + 1,
                seed=_seed(self._spec.seed, at, number),
                max_tokens=pairs.room(ideals),
            )
            yield Slot(plan={"row": at + 1, "draw": draw.model_dump()})

    async def _example(self, row: Pending) -> None:
        slot = Slot.model_validate_json(row.raw)
        draw = Draw.model_validate(slot.plan["draw"])
        line = await self._line(row)
        bench = Bench(Sampler(line, self._model, self._heat), Evaluator(line, self._judge), pairs.right, thinking.split)
        try:
            drawn = await _graph()(draw, bench)
            self._went_well()
            result = self._made(slot.plan["row"], draw, drawn)
        except (StopWork, Unreachable):
            raise
        except ModelError as error:
            self._failed(error)
            result = Generated(outcome=Made.FAILED, reason=str(error))
        await self._keep(row, result)

    def _made(self, number: int, draw: Draw, drawn: Drawn) -> Generated:
        turn = Turn(number=draw.number, text=drawn.sample, score=drawn.score, critique=drawn.critique)
        labels = self._labels if drawn.judged_by == "judge" else []
        if drawn.reason:
            return Generated(outcome=Made.DROPPED, reason=drawn.reason, turns=[turn], labels=labels)
        about = {
            "margin": drawn.margin,
            "judged_by": drawn.judged_by,
            "source_row": number,
            "sample": draw.number,
            "model": self._model,
        }
        example = pairs.pair(draw.prompt, draw.ideals[0], drawn.sample, about)
        return Generated(outcome=Made.ACCEPTED, draft=Draft(example=example, words=""), turns=[turn], labels=labels)

    def _refused(self, found: list[tuple[int, Slot, dict[str, Any]]]) -> dict[int, tuple[Made, str]]:
        refused: dict[int, tuple[Made, str]] = {}
        said: set[tuple[int, str]] = set()
        for seq, slot, row in found:
            mine = slot.plan["row"], " ".join(row["rejected"][0]["content"].split())
            if mine in said:
                refused[seq] = Made.DUPLICATE, SAID_BEFORE
            elif len(said) >= self._wanted:  # what had failed was drawn again after others had taken its place
                refused[seq] = Made.DROPPED, SURPLUS
            else:
                said.add(mine)
        return refused

    def _figures(self) -> dict[str, Any]:
        shown = {"prompts": len(self._prompts), "samples": self._total, "temperature": self._heat}
        return {**super()._figures(), **shown, "model": self._model, "evaluator": self._judge}


class FromRounds(Preferring):
    """Takes the pairs out of an enhance job's rounds, one a row. No model is called."""

    def __init__(
        self, terms: Terms, spec: PreferencesSpec, source: Job, total: int, ledger: JobLedger, means: Means
    ) -> None:
        super().__init__(terms, spec, total, ledger, means)
        self._source = source

    def _slots(self, after: int) -> Iterator[Slot]:
        job_id, count = tail(self._source.name, "jobs"), self._source.progress.total_examples
        for stored in islice(self._means.examples.all_rows(job_id, rows_of(self._source), count), after, None):
            found = rounds.of_row(stored)
            prompt = [message.model_dump() for message in found.prompt]
            yield Slot(plan={"row": stored.seq + 1, **found._asdict(), "prompt": prompt})

    def _more(self, missing: int) -> list[Slot]:
        """All the rest: what stays for the sake of the lengths is decided over the whole."""
        del missing
        return list(self._slots(self._total))

    async def _example(self, row: Pending) -> None:
        plan = Slot.model_validate_json(row.raw).plan
        if plan["reason"]:
            await self._keep(row, Generated(outcome=Made.DROPPED, reason=plan["reason"]))
            return
        about = {
            "margin": plan["margin"],
            "judged_by": plan["judged_by"],
            "source_row": plan["row"],
            "round": plan["round"],
        }
        example = pairs.pair(plan["prompt"], plan["chosen"], plan["rejected"], about)
        draft = Draft(example=example, words="")
        await self._keep(row, Generated(outcome=Made.ACCEPTED, draft=draft, labels=plan["labels"]))

    def _refused(self, found: list[tuple[int, Slot, dict[str, Any]]]) -> dict[int, tuple[Made, str]]:
        refused: dict[int, tuple[Made, str]] = {}
        staying = [(seq, _lengths(row)) for seq, _, row in found]
        while out := rounds.unbalanced([lengths for _, lengths in staying]):
            refused.update({staying[n][0]: (Made.DROPPED, rounds.UNBALANCED) for n in out})
            staying = [one for n, one in enumerate(staying) if n not in out]
            refused.update({seq: (Made.DROPPED, SURPLUS) for seq, _ in staying[self._wanted :]})
            staying = staying[: self._wanted]
        refused.update({seq: (Made.DROPPED, SURPLUS) for seq, _ in staying[self._wanted :]})
        return refused

    def _figures(self) -> dict[str, Any]:
        return {**super()._figures(), "rounds": self._source.name}


@cache
def _graph() -> Any:
    """The compiled graph as a function; LangGraph takes most of a second to import."""
    from graphs.preferences import build, prefer

    return partial(prefer, build())


def _seed(seed: int, at: int, number: int) -> int:
    """Of one draw, 0 to 2^31."""
    digest = hashlib.blake2b(f"{seed} {at} {number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _lengths(row: dict[str, Any]) -> tuple[int, int]:
    """Characters of both sides."""
    return len(row["chosen"][0]["content"]), len(row["rejected"][0]["content"])


def _counted(result: Generated) -> str:
    """What a report counts a loss under. Errors of models differ in their wording, and are one kind."""
    return "the model could not be asked" if result.outcome is Made.FAILED else result.reason


def _mean(values: list[float] | list[int] | list[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
