"""A preferences job over a real database, the model and the judge scripted: what is counted, and what is done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Engine, insert, select

from agents.budget import Budget
from agents.errors import BudgetExceeded, ServerError
from agents.gateway import Gateway
from agents.models import Catalog, Endpoint, ModelSettings, Price
from agents.wire import Reply, Request
from graphs import preferences
from services.access.projects import ProjectStore
from services.access.quotas import Quotas
from services.jobs import preferring
from services.jobs.log import EventLog
from services.jobs.run import Graphs, Means, Terms
from services.jobs.work import Jobs, Kit
from services.settings import Settings
from services.store.datasets import DatasetStore
from services.store.engine import migrate, open_engine
from services.store.examples import ExampleStore
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.slots import SlotStore
from services.store.tables import datasets, examples, items, jobs
from services.store.writer import Writer
from services.training.artifacts import Artifacts
from services.training.specs import PreferencesSpec
from services.views import Job, JobSpec, JobState

SPEC = {"dataset": "datasets/0d", "model": "jobs/0a", "evaluator": "judge"}


class Scripted(Gateway):
    """Says to each question what is planned for it, one draw after the other; `price`: US dollars a call."""

    def __init__(self, said: dict[str, list[str | None]], price: float = 0.0) -> None:
        super().__init__(Catalog())
        self.said = {question: list(answers) for question, answers in said.items()}
        self.price = price
        self.drawn: list[str] = []
        self.judged = 0

    async def resolve(self, name: str) -> Endpoint:
        return Endpoint(name, "openai", name, "far", ModelSettings.model_validate({}), Price(0, 0))

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        return endpoint

    async def complete(self, request: Request, budget: Budget) -> Reply:
        await budget.reserve(self.price)
        budget.settle(self.price, self.price)
        if request.model == "judge":
            self.judged += 1
            bad = "BAD" in request.messages[-1]["content"]
            verdict = {"answer": "a", "reference": "b", "right": False, "critique": "Another town."}
            scores = {"answer_score": 0.3, "reference_score": 0.2 if bad else 0.9}
            return Reply(json.dumps(verdict | scores), cost=self.price)
        question = request.messages[-1]["content"]
        self.drawn.append(question)
        answers = self.said[question]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            raise ServerError("down")
        return Reply(answer, cost=self.price)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with a job and a dataset that is empty yet."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


class Bench:
    """One job and its rows (question, ideal)."""

    def __init__(self, engine: Engine, writer: Writer, folder: Path, rows: list[tuple[str, str]], **spec: Any) -> None:
        self.engine, self.writer, self.folder = engine, writer, folder
        self.spec = PreferencesSpec.model_validate({**SPEC, "batch_size": 1, **spec})
        told = JobSpec(preferences=self.spec).model_dump_json(exclude_defaults=True)
        with engine.begin() as connection:
            row = {"id": "0b", "kind": "preferences", "spec": told, "state": "queued", "created": 0.0}
            connection.execute(insert(jobs), row | {"progress": "{}", "runs": 0})
            held = {"id": "0d", "display_name": "", "files": '["rows"]', "item_count": len(rows), "bad_row_count": 0}
            held |= {"sha256": "", "created": 0.0, "ready": True, "kind": "training"}
            connection.execute(insert(datasets), held)
            for seq, (question, ideal) in enumerate(rows):
                raw = json.dumps({"prompt": question, "completion": ideal})
                item = {"dataset_id": "0d", "seq": seq, "item_id": f"a-{seq}", "file": 0, "line": seq}
                connection.execute(insert(items), item | {"annotated": False, "raw": raw})

    async def work(self, gateway: Gateway, *, resumed: bool = False) -> preferring.OnPolicy:
        """Runs the job."""
        log, store = EventLog(JobStore(self.engine, None), self.writer), JobStore(self.engine, "default")
        settings = Settings(data_dir=self.folder)
        projects = ProjectStore(self.engine, settings)
        kit = Kit(
            settings, gateway, self.engine, self.writer, DatasetStore(self.engine, "default"),
            ExampleStore(self.engine, "default"), SlotStore(self.engine, "default"), store, log, Artifacts(self.folder),
            cast(Jobs, None), projects, Quotas(self.engine, projects, "default"), "run",
        )  # fmt: skip
        terms = Terms("0b", self.spec.batch_size, self.spec.max_cost or None)
        means = Means(cast(Graphs, None), gateway, kit.examples, kit.slots, log)
        ledger = JobLedger(self.engine, self.writer, "0b", resumed=resumed)
        run = preferring.OnPolicy(terms, self.spec, ("jobs/0a", "judge"), kit, 0, ledger, means)
        await run.work()
        return run

    def report(self) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return dict(json.loads(connection.execute(select(jobs.c.report)).scalar_one()))

    def pairs(self) -> list[tuple[str, str, str, float]]:
        """Question, chosen, rejected and margin of every pair, as exported."""
        with self.engine.connect() as connection:
            count = len(connection.execute(select(examples.c.seq)).all())
        job = Job(name="jobs/0b", spec=JobSpec(preferences=self.spec), state=JobState.SUCCEEDED)
        job.progress.total_examples = count
        found = map(json.loads, preferring.export(ExampleStore(self.engine, "default"), job))
        return [
            (row["prompt"][-1]["content"], row["chosen"][0]["content"], row["rejected"][0]["content"],
             row["metadata"]["margin"])
            for row in found
        ]  # fmt: skip


async def test_round_robin_and_every_loss_counted(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    rows = [("a", "1"), ("b", "Rome"), ("c", "BAD"), ("d", "4"), ("a", "1")]
    bench = Bench(engine, writer, tmp_path, rows, samples_per_prompt=3)
    gateway = Scripted({"a": ["2", "3", "1"], "b": ["Paris", "Rome", "Paris "], "c": ["x"], "d": ["4", "", "four"]})
    run = await bench.work(gateway)
    assert gateway.drawn == ["a", "b", "c", "d"] * 3, "each prompt once before any is asked again; a row twice is one"
    assert bench.pairs() == [("a", "1", "2", 1.0), ("b", "Rome", "Paris", 0.6), ("a", "1", "3", 1.0)]
    report = bench.report()
    assert report["lost"] == {
        "dropped": {
            preferences.BOTH_WRONG: 3,
            preferences.IDENTICAL: 3,
            preferences.EMPTY: 1,
            preferences.RIGHT: 1,
        },
        "duplicate": {preferring.SAID_BEFORE: 1},
    }
    assert (report["pairs"], report["prompts"], report["samples"]) == (3, 4, 12)
    assert report["margin"] == {"mean": 0.8667, "least": 0.6}
    assert report["judged_by"] == {"rule": 2, "judge": 1}
    assert report["characters"] == {"chosen": 2.0, "rejected": 2.3333}
    assert report["longer_is_chosen"] == 0.0
    assert run.tally.progress().outcomes == {"accepted": 3, "dropped": 8, "duplicate": 1}


async def test_only_as_many_draws_as_pairs_are_missing(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    rows = [(str(n), "1") for n in range(20)]
    bench = Bench(engine, writer, tmp_path, rows, num_pairs=4, batch_size=2)
    gateway = Scripted({str(n): ["1" if n in (1, 2, 4) else "0"] for n in range(20)})
    await bench.work(gateway)
    assert gateway.drawn == [str(n) for n in range(8)], "four, two for the two right ones, then two that go on at once"
    assert [question for question, *_ in bench.pairs()] == ["0", "3", "5", "6"]


async def test_a_model_that_is_always_right_gives_none(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    bench = Bench(engine, writer, tmp_path, [("a", "1"), ("b", "2")])
    await bench.work(Scripted({"a": ["1"], "b": ["It is 2."]}))
    assert bench.pairs() == []
    report = bench.report()
    assert (report["pairs"], report["samples"], report["margin"]["mean"], report["longer_is_chosen"]) == (
        0,
        4,
        None,
        None,
    )


async def test_a_model_that_is_hardly_ever_wrong_is_not_asked_for_ever(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    bench = Bench(engine, writer, tmp_path, [(str(n), "1") for n in range(50)], num_pairs=2)
    gateway = Scripted({str(n): ["0" if n == 30 else "1"] for n in range(50)})
    await bench.work(gateway)
    assert len(gateway.drawn) == bench.report()["samples"] == 2 * preferring.DRAWS
    assert bench.pairs() == []


async def test_what_failed_is_tried_again_and_nothing_else(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    bench = Bench(engine, writer, tmp_path, [("a", "1"), ("b", "2"), ("c", "3")], num_pairs=2, batch_size=1)
    await bench.work(Scripted({"a": [None, "9"], "b": ["8"], "c": ["7"]}))
    assert [question for question, *_ in bench.pairs()] == ["b", "c"]
    assert bench.report()["outcomes"] == {"failed": 1, "accepted": 2}
    ExampleStore(engine, "default").forget_failed("0b")
    gateway = Scripted({"a": ["5"], "b": ["8"], "c": ["7"]})
    await bench.work(gateway, resumed=True)
    assert gateway.drawn == ["a"]
    assert [question for question, *_ in bench.pairs()] == ["a", "b"], "no more than were asked for"
    assert bench.report()["lost"] == {"dropped": {preferring.SURPLUS: 1}}


async def test_a_budget_that_is_spent_stops_it_and_more_goes_on(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    rows = [(name, "Rome") for name in "abcd"]
    bench = Bench(engine, writer, tmp_path, rows, samples_per_prompt=1, max_cost=5)
    said: dict[str, list[str | None]] = {name: ["Paris"] for name in "abcd"}
    first = Scripted(said, price=1.0)
    with pytest.raises(BudgetExceeded):
        await bench.work(first)
    assert (len(first.drawn), first.judged) == (3, 2)
    bench.spec = bench.spec.model_copy(update={"max_cost": 20})
    again = Scripted(said, price=1.0)
    await bench.work(again, resumed=True)
    assert again.drawn == ["d"], "what was drawn is not drawn again"
    assert again.judged == 2
    assert len(bench.pairs()) == 4


async def test_a_run_that_comes_after_finds_everything_done(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    bench = Bench(engine, writer, tmp_path, [("a", "1"), ("b", "Rome")])
    await bench.work(Scripted({"a": ["2", "3"], "b": ["Paris"]}))
    before = bench.pairs(), bench.report()
    again = Scripted({})
    await bench.work(again, resumed=True)
    assert not again.drawn
    assert (bench.pairs(), bench.report()) == before
