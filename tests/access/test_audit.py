"""The log: what was done and what was refused is there, once, with who and from where; reads are not, nor secrets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from sqlalchemy import Engine, insert, select
from teachback import Client
from teachback.errors import NotFound, Refused

from services.access.audit import Audit
from services.access.caller import Caller, Scope
from services.store.tables import audit
from services.store.writer import Writer
from tests.access.conftest import Team, Things, team
from tests.support.service import Service

Entry = tuple[str, str, str, int]


def log(client: Client, project: str = "") -> list[Entry]:
    """Method, object, outcome and times of each entry, oldest first."""
    found = [(e.method, e.object, e.outcome, e.times) for e in client.access.audit(project)]
    return found[::-1]


@pytest.fixture
def amber(service: Service, request: pytest.FixtureRequest) -> Team:
    """A project of the test's own."""
    return team(service, "amber-" + request.node.name.rpartition("_")[2].lower()[:20])


def test_writes_are_there_and_reads_are_not(service: Service, amber: Team, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}\n'
    )
    with Client(service.grpc, amber.secrets["write"]) as client:
        dataset = client.upload(tmp_path / "rows.jsonl").name
        job = client.enhance(dataset, student="offline/student", teacher="offline/teacher")
        job.wait()
        list(client.jobs())
        client.dataset(dataset)
        job.export(tmp_path / "out.jsonl")
        with pytest.raises(NotFound):
            client.job("jobs/0123456789abcdef").cancel()
    with httpx.Client(base_url=service.rest, headers=amber.headers("write")) as http:
        http.post(f"/v1/{job.name}:cancel")
        http.get(f"/v1/{job.name}/export")
        http.get("/v1/datasets")
        http.post("/v1/jobs", json={"spec": {}})
    with Client(service.grpc, amber.secrets["admin"]) as client:
        told = log(client)
        who = {(e.project, e.address) for e in client.access.audit()}
        (token,) = {e.token for e in client.access.audit() if e.method.startswith("POST")}
        (named,) = (t.name for t in client.access.tokens() if t.display_name == "write")
    t = "/teachback.v1."
    assert told == [
        (f"{t}DatasetService/CreateDataset", dataset, "OK", 1),
        (f"{t}JobService/CreateJob", job.name, "OK", 1),
        (f"{t}ExampleService/ExportExamples", job.name, "OK", 1),
        ("POST /v1/jobs/{id}:cancel", job.name, "OK", 1),
        ("GET /v1/jobs/{id}/export", f"{job.name}/export", "OK", 1),
        ("POST /v1/jobs", "jobs", "INVALID_REQUEST", 1),
    ]
    assert who == {(f"projects/{amber.id}", "127.0.0.1")}
    assert token == named


def test_every_refusal_is_there(service: Service, amber: Team) -> None:
    with Client(service.grpc, amber.secrets["read"]) as client:
        with pytest.raises(Refused):
            client.access.create_token("read")
        with pytest.raises(Refused):
            client.access.revoke_token("0f3c")
    httpx.post(f"{service.rest}/v1/jobs/0f3c:cancel", headers=amber.headers("read"))
    with Client(service.grpc, amber.secrets["admin"]) as client:
        assert log(client) == [
            ("/teachback.v1.AccessService/CreateToken", "", "PERMISSION_DENIED", 1),
            ("/teachback.v1.AccessService/RevokeToken", "tokens/0f3c", "PERMISSION_DENIED", 1),
            ("POST /v1/jobs/{id}:cancel", "jobs/0f3c", "PERMISSION_DENIED", 1),
        ]


def test_what_a_stranger_tried_only_the_operator_reads(service: Service, red: Team, things: Things) -> None:
    time.sleep(1.1)  # what the same one tried before is another entry
    with grpc.insecure_channel(service.grpc) as channel:
        knock: Any = channel.unary_unary("/teachback.v1.JobService/PauseJob")
        for _ in range(200):
            with pytest.raises(grpc.RpcError):
                knock(b"", metadata=(("authorization", "Bearer no"),), timeout=10)
        time.sleep(1.1)
        with pytest.raises(grpc.RpcError):
            knock(b"", timeout=10)
    method = "/teachback.v1.JobService/PauseJob"
    entries = [e for e in service.client.access.audit() if e.method == method and e.outcome == "UNAUTHENTICATED"]
    assert {(e.project, e.token, e.address) for e in entries} == {("", "", "127.0.0.1")}
    assert sum(e.times for e in entries) >= 201
    assert len(entries) < 20
    with Client(service.grpc, red.secrets["admin"]) as client:
        assert all(e.project == "projects/red" for e in client.access.audit())
        assert "UNAUTHENTICATED" not in {e.outcome for e in client.access.audit()}


def test_a_stranger_on_made_up_paths_and_methods_leaves_few_entries(service: Service, things: Things) -> None:
    def made_up() -> list[Any]:
        return [e for e in service.client.access.audit() if "(no such" in e.method]

    time.sleep(1.1)
    before = made_up()
    with httpx.Client(base_url=service.rest) as http:
        for number in range(100):
            assert http.get(f"/v1/made-up/{number}").status_code == 401
    with grpc.insecure_channel(service.grpc) as channel:
        for number in range(100):
            knock: Any = channel.unary_unary(f"/teachback.v1.JobService/MadeUp{number}")
            with pytest.raises(grpc.RpcError):
                knock(b"", timeout=10)
    time.sleep(1.2)
    entries = made_up()
    assert {e.method for e in entries} == {"GET (no such path)", "(no such method)"}
    assert sum(e.times for e in entries) - sum(e.times for e in before) == 200
    assert len(entries) - len(before) < 20


def test_it_is_read_page_by_page(service: Service, admin: httpx.Client, things: Things) -> None:
    found, token = [], ""
    while True:
        page = admin.get("/v1/audit", params={"project": "projects/red", "page_size": 3, "page_token": token}).json()
        found += page["entries"]
        if not (token := page["next_page_token"]):
            break
    assert len(found) >= 8
    assert {e["project"] for e in found} == {"projects/red"}
    assert [e["time"] for e in found] == sorted((e["time"] for e in found), reverse=True)


def test_every_entry_is_a_line_of_the_log_too(service: Service, amber: Team) -> None:
    httpx.post(f"{service.rest}/v1/jobs", headers=amber.headers("write"), json={})
    (line,) = (one for one in service.log().splitlines() if '"audit"' in one and amber.id in one and "INVALID" in one)
    assert '"method": "POST /v1/jobs"' in line


# ---------------------------------------------------------------- kept, and for how long
@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    made = Writer(engine)
    made.start()
    yield made
    await made.close()


async def test_what_is_older_than_it_is_kept_goes(engine: Engine, writer: Writer) -> None:
    kept = Audit(engine, writer)
    blank = {"token": "", "method": "", "object": "", "address": "", "outcome": "OK", "times": 1}
    with engine.begin() as connection:
        for days in (400, 364, 0):
            connection.execute(insert(audit), blank | {"time": time.time() - days * 86400})
    assert kept.forget(0) == 0
    assert kept.forget(365) == 1
    assert len(kept.page(None, 10, "").entries) == 2


async def test_what_a_caller_sends_is_stored_as_text(engine: Engine, writer: Writer) -> None:
    kept = Audit(engine, writer)
    caller = Caller("default", Scope.READ, "0f")
    await kept.done(caller, "GET", "a\0b\ud800\x1b[2J" + "x" * 500, "127.0.0.1", "OK")
    with engine.connect() as connection:
        (stored,) = connection.execute(select(audit.c.object)).scalars()
    assert stored == "a?b??[2J" + "x" * (200 - 8)


async def test_a_secret_that_was_given_for_a_name_is_not_kept(engine: Engine, writer: Writer) -> None:
    await Audit(engine, writer).refused(Caller("default", Scope.ADMIN, "0f"), "m", f"tokens/tb_{'s' * 43}", "", "NO")
    with engine.connect() as connection:
        assert connection.execute(select(audit.c.object)).scalars().all() == ["tokens/tb_ssssss..."]


async def test_whoever_asks_too_often_can_not_fill_it_with_names(engine: Engine, writer: Writer) -> None:
    kept = Audit(engine, writer)
    for number in range(50):
        await kept.refused(Caller("default", Scope.READ, "0f"), "GET", f"jobs/{number}", "", "RATE_LIMITED")
    await kept.close()
    with engine.connect() as connection:
        assert connection.execute(select(audit.c.object, audit.c.times)).all() == [("jobs/0", 1), ("", 49)]
