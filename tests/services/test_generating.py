"""A generate job over a real database: duplicates refused in the plan's order, what was lost made up for, a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from agents.errors import ServerError
from agents.gateway import Gateway
from agents.prompting import Prompt
from graphs import generate
from graphs.recipes.base import Admit, Ask, Draft, Lost, Made, Rubric, Slot, Turn
from services.errors import InvalidRequest
from services.jobs.generating import Generating
from services.jobs.log import EventLog
from services.jobs.run import Graphs, Means
from services.jobs.spec import GeneratePlan
from services.store.engine import migrate, open_engine
from services.store.examples import ExampleStore
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.slots import SlotStore
from services.store.tables import events, examples, items, jobs
from services.store.writer import Writer
from tests.support.databases import on_each_database
from tests.support.script import Script

PLAN = GeneratePlan("source", "openai/far", "openai/far", 4, None, 1, 0.6, None)


class Words:
    """A recipe whose slots are words; the scripted teacher repeats the word it finds in the prompt."""

    def __init__(self, first: Sequence[str], *later: Sequence[str]) -> None:
        self.first, self.later = first, later
        self.lost: list[list[str]] = []

    def slots(self) -> Iterator[Slot]:
        return (Slot(plan={"word": word}) for word in self.first)

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        self.lost.append([one.slot.plan["word"] for one in lost])
        words = self.later[wave - 1] if wave <= len(self.later) else ()
        return (Slot(plan={"word": word}) for word in words)

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:  # noqa: ARG002
        return Ask("coach_solve", Prompt("Make an example.", slot.plan["word"]))

    def read(self, slot: Slot, text: str) -> Draft:  # noqa: ARG002
        return Draft(example={"said": text}, words=text.casefold())

    def check(self, slot: Slot, draft: Draft) -> list[str]:  # noqa: ARG002
        if "odd" in draft.words:
            return [f"The number {draft.words.split()[0]} is not said; leave it out.", f'And "{draft.words}" is odd.']
        return ["It is bad."] if "bad" in draft.words else []

    def rubric(self, slot: Slot, draft: Draft) -> Rubric | None:  # noqa: ARG002
        return None

    def admission(self) -> Admit:
        seen: set[str] = set()

        def admit(slot: Slot, draft: Draft) -> str:
            if draft.words in seen:
                return "It was said before."
            seen.add(draft.words)
            return ""

        return admit

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],  # noqa: ARG002
        gone: Sequence[Lost] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        return {"words": [draft.words for _, draft in accepted]}


class Parrot(Script):
    """Says the user's words; a word in `down` can't be answered."""

    def __init__(self, down: set[str]) -> None:
        super().__init__({})
        self.down = down

    async def complete(self, request: Any, budget: Any) -> Any:
        word = request.messages[-1]["content"]
        self._lines["propose"] = [ServerError("far is down")] if word in self.down else [word]
        return await super().complete(request, budget)


pytestmark = on_each_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A new database, migrated, with a job in it."""
    made = open_engine(database_url)
    migrate(made)
    with made.begin() as connection:
        row = {"id": "j", "kind": "generate", "spec": "{}", "state": "queued", "created": 0.0, "progress": "{}"}
        connection.execute(insert(jobs), row | {"runs": 0})
    yield made
    made.dispose()


async def work(engine: Engine, writer: Writer, recipe: Words, gateway: Gateway, *, resumed: bool = False) -> Generating:
    """Runs the job to its end."""
    graphs = Graphs(None, partial(generate.generate, generate.build()))  # type: ignore[arg-type]  # nothing is enhanced
    log = EventLog(JobStore(engine, None), writer)
    means = Means(graphs, gateway, ExampleStore(engine, "default"), SlotStore(engine, "default"), log)
    run = Generating("j", PLAN, recipe, 0, JobLedger(engine, writer, "j", resumed=resumed), means)
    await run.work()
    return run


def outcomes(engine: Engine) -> list[tuple[str, str]]:
    """Each slot's word and outcome, in order."""
    with engine.connect() as connection:
        query = select(items.c.raw, examples.c.outcome).join(examples, examples.c.seq == items.c.seq)
        found = connection.execute(query.order_by(items.c.seq)).all()
    return [(json.loads(raw)["plan"]["word"], outcome) for raw, outcome in found]


def report(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(json.loads(connection.execute(select(jobs.c.report)).scalar_one()))


async def test_reasons_that_differ_in_numbers_and_quotes_are_one(engine: Engine, writer: Writer) -> None:
    words = [f"{number} odd" for number in range(60)] + ["bad"]
    await work(engine, writer, Words(words), Parrot(set()))
    told = {"The number … is not said; leave it out.": 60, "It is bad.": 1}
    assert report(engine)["lost"] == {"dropped": told}


async def test_a_plan_that_cannot_be_made_is_the_requests_fault(engine: Engine, writer: Writer) -> None:
    class Planless(Words):
        def slots(self) -> Iterator[Slot]:
            yield Slot(plan={"word": "a"})
            raise ValueError("the source says nothing of b")

    with pytest.raises(InvalidRequest, match="the source says nothing of b"):
        await work(engine, writer, Planless([]), Parrot(set()))


async def test_what_was_lost_is_made_up_for_and_each_loss_once(engine: Engine, writer: Writer) -> None:
    recipe = Words(["a", "bad", "A", "b"], ["c", "a"], ["d"])
    run = await work(engine, writer, recipe, Parrot(set()))
    assert outcomes(engine) == [
        ("a", "accepted"),
        ("bad", "dropped"),
        ("A", "duplicate"),
        ("b", "accepted"),
        ("c", "accepted"),
        ("a", "duplicate"),
        ("d", "accepted"),
    ]
    assert recipe.lost == [["bad", "A"], ["a"]]
    progress = run.tally.progress()
    assert (progress.total_examples, progress.done_examples) == (7, 7)
    assert progress.outcomes == {"accepted": 4, "dropped": 1, "duplicate": 2}
    assert report(engine) == {
        "accepted": 4,
        "outcomes": {"accepted": 4, "dropped": 1, "duplicate": 2},
        "lost": {"dropped": {"It is bad.": 1}, "duplicate": {"It was said before.": 2}},
        "words": ["a", "b", "c", "d"],
    }


async def test_a_run_that_comes_after_finds_everything_done_and_says_the_same(engine: Engine, writer: Writer) -> None:
    await work(engine, writer, Words(["a", "A", "b"], ["c"]), Parrot(set()))
    before, told = outcomes(engine), report(engine)
    again = Parrot(set())
    await work(engine, writer, Words(["a", "A", "b"], ["c"]), again, resumed=True)
    assert not again.heard
    assert (outcomes(engine), report(engine)) == (before, told)


async def test_what_could_not_be_asked_is_tried_again_and_not_replaced(engine: Engine, writer: Writer) -> None:
    recipe = Words(["a", "b"], ["c"])
    await work(engine, writer, recipe, Parrot({"b"}))
    assert outcomes(engine) == [("a", "accepted"), ("b", "failed")]
    assert recipe.lost == []
    ExampleStore(engine, "default").forget_failed("j")
    await work(engine, writer, recipe, Parrot(set()), resumed=True)
    assert outcomes(engine) == [("a", "accepted"), ("b", "accepted")]


async def test_it_gives_up_after_some_waves_and_says_so(engine: Engine, writer: Writer) -> None:
    recipe = Words(["a", "a"], *[["a"]] * 20)
    await work(engine, writer, recipe, Parrot(set()))
    assert len(recipe.lost) == 5
    assert report(engine)["outcomes"] == {"accepted": 1, "duplicate": 6}


async def test_waves_and_reports_are_told_as_events(engine: Engine, writer: Writer) -> None:
    await work(engine, writer, Words(["a", "a"], ["b"]), Parrot(set()))
    with engine.connect() as connection:
        told = connection.execute(select(events.c.type, events.c.body).order_by(events.c.seq)).all()
    assert [t for t, _ in told] == ["example", "example", "wave", "example", "report"]
    assert "1 more, in place of 1" in told[2].body


def test_a_slots_outcomes_are_those_of_the_graph() -> None:
    assert {m.value for m in Made} == {"accepted", "dropped", "duplicate", "failed"}
