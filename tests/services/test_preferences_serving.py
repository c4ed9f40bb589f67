"""Tuned models as models: converted once, started when asked, gone when nobody asks, and nobody else's to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Engine, insert

from agents.embedded import weights
from agents.embedded.process import EmbeddedFailed
from agents.errors import UnknownModel
from agents.gateway import Gateway
from agents.models import Catalog
from services.errors import InvalidRequest, NotFound, WrongState
from services.store.engine import migrate, open_engine
from services.store.jobs import JobStore
from services.store.tables import jobs
from services.training import serving
from services.training.artifacts import Artifacts
from services.training.serving import Serving
from tests.support.service import ROOT

STAND_IN = ROOT / "tests/support/stand_in"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with a job of each kind that matters here."""
    made = open_engine(database_url)
    migrate(made)
    rows = {"dataset": "datasets/0d"}
    told = [
        ("a1", "sft", rows, "succeeded"),
        ("a2", "quantize", {"model": "jobs/a1"}, "succeeded"),
        ("a3", "sft", rows, "failed"),
        ("a4", "enhance", rows, "succeeded"),
    ]
    with made.begin() as connection:
        for id_, kind, spec, state in told:
            row = {"id": id_, "kind": kind, "spec": json.dumps({kind: spec}), "state": state, "created": 0.0}
            connection.execute(insert(jobs), row | {"progress": "{}", "runs": 1})
    yield made
    made.dispose()


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


async def test_which_jobs_are_models(engine: Engine, artifacts: Artifacts) -> None:
    tuned = Serving(JobStore(engine, None), artifacts)
    gateway = Gateway(Catalog(), None, tuned)
    for name in ("jobs/a1", "jobs/a2"):
        found = await gateway.resolve(name)
        assert (found.kind, found.name, found.price is not None) == ("served", name, True)
    for name, error, told in (
        ("jobs/a3", WrongState, "is failed"),
        ("jobs/a4", InvalidRequest, "leave a model"),
        ("jobs/ff", NotFound, "there is no"),
    ):
        with pytest.raises(error, match=told):
            await gateway.resolve(name)
    with pytest.raises(UnknownModel, match="only within the service"):
        await Gateway(Catalog()).resolve("jobs/a1")
    with pytest.raises(UnknownModel):
        Catalog().canonical("jobs/../a1")


async def test_a_folder_is_converted_once(
    engine: Engine, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter is stood in for, and makes a file that no llama.cpp can load."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    tuned = Serving(JobStore(engine, None), artifacts)
    artifacts.output("a1").mkdir()
    with pytest.raises(EmbeddedFailed, match="ended with exit status"):
        await tuned.reach("jobs/a1")
    served = artifacts.folder("a1") / "served"
    config = json.loads((served / "config.json").read_text())
    assert (config["model"]["name"], config["quantization"]["type"]) == (str(artifacts.output("a1")), "q8_0")
    assert artifacts.listed("jobs/a1") == [], "what is served is nobody's artifact"
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    before = sorted(served.iterdir())
    with pytest.raises(EmbeddedFailed):
        await tuned.reach("jobs/a1")
    assert sorted(served.iterdir()) == before
    await tuned.close()


async def test_it_wants_its_key_and_goes_when_nobody_asks(
    engine: Engine, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        file = weights.ready()
    except weights.EmbeddedUnavailable as error:
        pytest.skip(str(error))
    artifacts.output("a2").mkdir()
    (artifacts.output("a2") / "m-f16.gguf").symlink_to(file)
    monkeypatch.setattr(serving, "LOOK", 0.05)
    tuned = Serving(JobStore(engine, None), artifacts)
    (base, key), again = await asyncio.gather(tuned.reach("jobs/a2"), tuned.reach("jobs/a2"))
    assert again == (base, key), "one child, however many ask at once"
    body = {"model": "any", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
    async with aiohttp.ClientSession() as session:
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {key}"}, 200)):
            async with session.post(f"{base}/chat/completions", json=body, headers=headers) as answer:
                assert answer.status == status
        monkeypatch.setattr(serving, "IDLE", 0.0)
        for _ in range(200):
            await asyncio.sleep(0.05)
            try:
                async with session.get(base.removesuffix("/v1") + "/health"):
                    pass
            except aiohttp.ClientError:
                break
        else:
            pytest.fail("nobody asked, and it went on")
    await tuned.close()
