"""What two projects could share without knowing: keys, equal content, known results, served models, an upgrade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from teachback.errors import Conflict, NotFound

from services.store.datasets import DatasetStore
from services.store.engine import MIGRATIONS, migrate, open_engine
from services.store.jobs import JobStore
from tests.access.conftest import OFFLINE, Team, Things
from tests.support.rows import row, write
from tests.support.service import Service


def test_the_same_key_and_the_same_content_are_two_things(red: Team, blue: Team, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    ours, theirs = (t.client.upload(path, idempotency_key="same") for t in (red, blue))
    assert ours.name != theirs.name
    assert red.client.upload(path, idempotency_key="same").name == ours.name
    with pytest.raises(Conflict):
        blue.client.upload(write(tmp_path / "more.jsonl", [row(2)]), idempotency_key="same")
    jobs = [t.client.enhance(d.name, idempotency_key="one", **OFFLINE) for t, d in ((red, ours), (blue, theirs))]  # type: ignore[arg-type]
    assert jobs[0].name != jobs[1].name


def test_known_results_are_ones_own(service: Service, red: Team, blue: Team, tmp_path: Path) -> None:
    """A row that needs no work because another project has had it done would tell of it."""
    path = write(tmp_path / "rows.jsonl", [row(41), row(42)])
    options: Any = {**OFFLINE, "reuse": True}
    red.client.enhance(path, **options).wait()
    again = red.client.enhance(path, **options)
    again.wait()
    theirs = blue.client.enhance(path, **options)
    theirs.wait()
    assert calls(again) == 0
    assert calls(theirs) > 0


def calls(job: Any) -> int:
    """Calls to models that it made."""
    return sum(one.calls for one in job.refresh().progress.usage)


@pytest.mark.parametrize("role", ["student", "teacher", "evaluator"])
def test_anothers_model_is_not_talked_to(blue: Team, things: Things, tmp_path: Path, role: str) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    with pytest.raises(NotFound, match=f"there is no {things.model}"):
        blue.client.enhance(path, **{**OFFLINE, role: things.model})  # type: ignore[arg-type]


def test_a_watch_is_refused_before_anything_is_sent(blue: Team, things: Things) -> None:
    with pytest.raises(NotFound):
        next(iter(blue.client.job(things.job).watch()))


def test_what_was_there_is_the_default_projects(tmp_path: Path) -> None:
    """An upgrade from the release before: nothing is lost, whatever refers to what, and the keys hold."""
    engine = open_engine(f"sqlite:///{tmp_path / 'db'}")
    older(engine)
    migrate(engine)
    with engine.connect() as connection:
        for table in ("items", "bad_rows", "events", "examples", "calls"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1, table  # noqa: S608
        assert connection.execute(text("SELECT booked FROM spend")).scalar_one() == 0.25
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    mine = JobStore(engine, "default")
    (job,) = mine.page(10, "", None).jobs
    assert mine.create(job.spec, 0, "key")[0].name == job.name
    assert JobStore(engine, "other").page(10, "", None).jobs == []
    (dataset,) = DatasetStore(engine, "default").page(10, "").datasets
    assert DatasetStore(engine, "default").by_key("key") == dataset
    with pytest.raises(LookupError, match="there is no datasets/d"):
        DatasetStore(engine, "other").get(dataset.name)
    engine.dispose()


def older(engine: Engine) -> None:
    """A database of the release before projects, with a row in every table."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    spec = json.dumps({"enhance": {"dataset": "datasets/d"}})
    rows: dict[str, dict[str, Any]] = {
        "datasets": {
            "id": "d", "display_name": "x", "files": "[]", "item_count": 1, "bad_row_count": 1, "sha256": "",
            "idempotency_key": "key", "created": 0.0, "ready": True, "kind": "rows",
        },
        "jobs": {
            "id": "j", "kind": "enhance", "spec": spec, "state": "succeeded", "idempotency_key": "key", "created": 0.0,
            "progress": "{}", "runs": 1,
        },
        "items": {
            "dataset_id": "d", "seq": 0, "item_id": "a", "file": 0, "line": 1, "annotated": False, "raw": "{}",
        },
        "bad_rows": {"dataset_id": "d", "seq": 0, "file": "f", "line": 2, "reason": "bad"},
        "events": {"job_id": "j", "seq": 1, "time": 0.0, "type": "state", "body": "{}"},
        "examples": {
            "job_id": "j", "seq": 0, "item_id": "a", "outcome": "converged", "enhanced": True, "iterations": 1,
            "result": b"{}", "input_hash": "",
        },
        "calls": {
            "job_id": "j", "item_id": "a", "step": "s", "round": 1, "attempt": 1, "fingerprint": "f", "role": "r",
            "model": "m", "text": "t", "reasoning": "", "finish_reason": "stop", "prompt_tokens": 1,
            "completion_tokens": 1, "cost": 0.25, "created": 0.0,
        },
    }  # fmt: skip
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for table, row_ in rows.items():
            names = ", ".join(row_)
            values = ", ".join(f":{name}" for name in row_)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row_)  # noqa: S608
