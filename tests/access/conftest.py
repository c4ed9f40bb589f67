"""One service with two projects on it, tokens of every scope for each, and in the red one a thing of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import grpc
import httpx
import pytest
from sqlalchemy import Engine
from teachback import Client
from teachback.v1 import job_pb2

from services.store.engine import migrate, open_engine
from tests.services.conftest import needed
from tests.support.service import ROOT, STAND_IN, Service

SECRET = "scarlet-7f3e"
"""Stands in everything that the red project stores."""
OFFLINE = {"student": "offline/student", "teacher": "offline/teacher", "evaluator": "offline/evaluator"}
NEVER = "0123456789abcdef"
"""An id that nothing ever had."""


@dataclass(frozen=True)
class Things:
    """The names of what a project has. As they stand: of nothing."""

    project: str = "projects/never"
    token: str = f"tokens/{NEVER}"
    dataset: str = f"datasets/{NEVER}"
    schema: str = f"datasets/{NEVER}"
    rows: str = f"datasets/{NEVER}"
    pairs: str = f"datasets/{NEVER}"
    job: str = f"jobs/{NEVER}"
    example: str = f"jobs/{NEVER}/examples/4be1-1"
    made: str = f"jobs/{NEVER}"
    made_example: str = f"jobs/{NEVER}/examples/4be1-1"
    model: str = f"jobs/{NEVER}"
    artifact: str = f"jobs/{NEVER}/artifacts/manifest.json"

    def ids(self) -> set[str]:
        """The ids in those names."""
        return {part for name in vars(self).values() for part in name.split("/") if len(part) >= 16}


@dataclass
class Team:
    """A project's people."""

    service: Service
    id: str
    secrets: dict[str, str] = field(default_factory=dict)
    """By scope."""

    def headers(self, scope: str) -> dict[str, str]:
        """What is sent with a request."""
        return {"authorization": f"Bearer {self.secrets[scope]}"}

    @cached_property
    def client(self) -> Client:
        """With a token that may write."""
        return Client(self.service.grpc, self.secrets["write"])


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose programs are the stand-ins."""
    made = Service(tmp_path_factory.mktemp("access") / "data")
    made.env |= {"PYTHONPATH": str(STAND_IN), "TEACHBACK_METRICS": "true"}
    with made, needed(made) as running:
        yield running


def team(service: Service, id_: str) -> Team:
    """A new project and a token of each scope."""
    access = service.client.access
    access.create_project(id_, display_name=f"The {id_} ones")
    made = Team(service, id_)
    for scope in ("read", "write", "admin"):
        made.secrets[scope] = access.create_token(scope, project=id_, display_name=scope).secret
    return made


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A new database, migrated."""
    made = open_engine(f"sqlite:///{tmp_path / 'db'}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture(scope="package")
def red(service: Service) -> Iterator[Team]:
    """Has everything."""
    made = team(service, "red")
    with made.client:
        yield made


@pytest.fixture(scope="package")
def blue(service: Service) -> Iterator[Team]:
    """Has nothing, and is curious."""
    made = team(service, "blue")
    with made.client:
        yield made


class Wire(NamedTuple):
    """Both faces of the service, without a token."""

    channel: grpc.Channel
    http: httpx.Client


@pytest.fixture(scope="package")
def wire(service: Service) -> Iterator[Wire]:
    """Connected once: there are some two thousand calls."""
    with grpc.insecure_channel(service.grpc) as channel, httpx.Client(base_url=service.rest, timeout=30) as http:
        yield Wire(channel, http)


@pytest.fixture(scope="package")
def admin(service: Service) -> Iterator[httpx.Client]:
    """The operator, over REST."""
    with service.http as connected:
        yield connected


@pytest.fixture(scope="package")
def things(red: Team, tmp_path_factory: pytest.TempPathFactory) -> Things:
    """One thing of every kind, of the red project."""
    folder, client = tmp_path_factory.mktemp("red"), red.client

    def write(name: str, rows: list[object]) -> Path:
        path = folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    asked = {"role": "user", "content": f"{SECRET}: what is 2 + 3?"}
    row = {"messages": [asked, {"role": "assistant", "content": "5"}]}
    dataset = client.upload(write(f"{SECRET}.jsonl", [row, {"messages": [1]}]), display_name=SECRET).name
    schema = client.upload(ROOT / "examples/kettle.yaml", kind="schema", display_name=SECRET).name
    told = [{"prompt": f"{SECRET} {n}?", "completion": str(n)} for n in range(12)]
    rows = client.upload(write("rows.jsonl", list(told)), kind="training").name
    pairs = [{"prompt": f"{SECRET} {n}?", "chosen": str(n), "rejected": "no"} for n in range(12)]
    held = client.upload(write("pairs.jsonl", list(pairs)), kind="training").name
    job = client.enhance(dataset, idempotency_key=SECRET, **OFFLINE)  # type: ignore[arg-type]
    commands = {"teacher": "offline/teacher", "evaluator": "offline/evaluator", "commands": {"num": 20}}
    made = client.generate(schema, **commands)  # type: ignore[arg-type]
    model = client.sft(rows, model="stand-in/large-3")
    for one in (job, made, model):
        assert one.wait().state == job_pb2.JOB_STATE_SUCCEEDED, one.job.error.message
    accepted = next(e for e in made.examples() if e.outcome == "accepted")
    token = red.service.client.access.create_token("read", project="red", display_name=SECRET).token
    return Things(
        "projects/red", token.name, dataset, schema, rows, held, job.name, next(iter(job.examples())).name, made.name,
        accepted.name, model.name, next(a.name for a in model.artifacts() if a.size_bytes),
    )  # fmt: skip
