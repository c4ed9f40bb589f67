"""The life of a token: told once, kept as a hash, rotated, ended; and who may make which."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from sqlalchemy import select
from teachback import AsyncClient, Client
from teachback.errors import BadInput, Conflict, NotFound, Refused, TeachbackError
from teachback.v1 import access_pb2

from services.access.tokens import FORM, hashed
from services.store.engine import open_engine
from services.store.tables import metadata
from tests.access.conftest import Team, team
from tests.support.service import Service


def works(service: Service, secret: str) -> bool:
    """Whether a token opens the door."""
    answer = httpx.get(f"{service.rest}/v1/jobs", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def stored(service: Service) -> str:
    """All that the database holds, and of SQLite what stands in its files."""
    engine = open_engine(service.database_url)
    with engine.connect() as connection:
        held = "".join(str(connection.execute(select(table)).all()) for table in metadata.sorted_tables)
    engine.dispose()
    return held + "".join(path.read_text("latin-1") for path in service.folder.glob("teachback.db*"))


def test_a_secret_is_told_once_and_stored_as_a_hash(service: Service) -> None:
    issued = service.client.access.create_token("read", display_name="once")
    assert FORM.fullmatch(issued.secret)
    assert issued.secret.startswith(issued.token.prefix)
    assert len(issued.token.prefix) < 10
    assert works(service, issued.secret)
    (listed,) = (t for t in service.client.access.tokens() if t.name == issued.token.name)
    assert issued.secret not in str(listed)
    held = stored(service)
    assert issued.secret not in held
    assert hashed(issued.secret) in held
    assert issued.secret not in service.log()


def test_a_rotated_token_is_good_for_a_while(service: Service) -> None:
    access = service.client.access
    first = access.create_token("read")
    second = access.rotate_token(first.token.name, grace_seconds=60)
    assert second.token.name == first.token.name
    assert second.secret != first.secret
    assert works(service, first.secret)
    assert works(service, second.secret)
    third = access.rotate_token(first.token.name, grace_seconds=2)
    assert [works(service, one.secret) for one in (first, second, third)] == [False, True, True]
    time.sleep(2.2)
    assert [works(service, one.secret) for one in (first, second, third)] == [False, False, True]
    last = access.rotate_token(first.token.name, grace_seconds=0)
    assert [works(service, one.secret) for one in (third, last)] == [False, True]
    with pytest.raises(BadInput, match="grace_seconds"):
        access.rotate_token(first.token.name, grace_seconds=-1)


def test_a_revoked_token_is_at_an_end_at_once(service: Service) -> None:
    access = service.client.access
    old = access.create_token("read")
    new = access.rotate_token(old.token.name)
    assert works(service, old.secret)
    assert works(service, new.secret)
    ended = access.revoke_token(new.token.name)
    assert ended.HasField("revoke_time")
    assert not works(service, old.secret)
    assert not works(service, new.secret)
    assert access.revoke_token(new.token.name) == ended, "to revoke it again changes nothing"
    with pytest.raises(Conflict, match="was revoked"):
        access.rotate_token(new.token.name)


def test_a_token_ends_when_it_was_said_to(service: Service) -> None:
    issued = service.client.access.create_token("read", lifetime_seconds=1)
    assert works(service, issued.secret)
    time.sleep(1.1)
    assert not works(service, issued.secret)


def test_its_use_is_noted_coarsely(service: Service) -> None:
    access = service.client.access
    issued = access.create_token("read")
    assert not issued.token.HasField("last_used_time")
    for _ in range(3):
        assert works(service, issued.secret)
    (first,) = (t.last_used_time for t in access.tokens() if t.name == issued.token.name)
    assert time.time() - first.seconds < 30
    time.sleep(2.1)  # longer than a token is believed without a look
    assert works(service, issued.secret)
    (later,) = (t.last_used_time for t in access.tokens() if t.name == issued.token.name)
    assert later == first


def test_an_admin_of_a_project_is_none_of_another_nor_of_all(service: Service) -> None:
    green, grey = team(service, "green"), team(service, "grey")
    with Client(service.grpc, green.secrets["admin"]) as client:
        made = client.access.create_token("write", display_name="ours")
        assert made.token.project == "projects/green"
        assert {t.project for t in client.access.tokens()} == {"projects/green"}
        with pytest.raises(NotFound, match="there is no projects/grey"):
            client.access.create_token("read", project="grey")
        with pytest.raises(NotFound, match="there is no projects/never"):
            client.access.create_token("read", project="never")
        with pytest.raises(Refused, match="only an operator's token"):
            client.access.create_token("admin", operator=True)
        foreign = next(iter(service.client.access.tokens("grey"))).name
        for verb in (client.access.rotate_token, client.access.revoke_token):
            with pytest.raises(NotFound, match=f"there is no {foreign}"):
                verb(foreign)
        with pytest.raises(NotFound, match="there is no tokens/bootstrap"):
            client.access.revoke_token("bootstrap")
    assert works(service, grey.secrets["read"])


def test_an_operators_token_has_every_project(service: Service, red: Team) -> None:
    issued = service.client.access.create_token("write", operator=True, display_name="ops")
    assert issued.token.project == ""
    with Client(service.grpc, issued.secret, project="red") as inside, Client(service.grpc, issued.secret) as outside:
        assert {job.name for job in inside.jobs()} == {job.name for job in red.client.jobs()}
        assert inside.access.project("red").name == "projects/red"
        with pytest.raises(Refused, match="wants a token of scope admin"):
            outside.access.create_project("more")
    with pytest.raises(BadInput, match="is of no project"):
        service.client.access.create_token("read", operator=True, project="red")


def test_what_a_project_is_called(service: Service) -> None:
    access = service.client.access
    for bad in ("", "Red", "../red", "r d", "1red", "x" * 33, "röd"):
        with pytest.raises(BadInput, match="project_id"):
            access.create_project(bad)
    access.create_project("twice")
    with pytest.raises(Conflict, match="there is a project twice already"):
        access.create_project("twice")
    with pytest.raises(BadInput, match="scope"):
        service.client.access._call(  # the client itself sends no such scope
            service.client.access._stub.CreateToken, access_pb2.CreateTokenRequest(project="projects/twice")
        )


async def test_the_async_client_says_the_same(service: Service) -> None:
    async with AsyncClient(service.grpc, service.token) as client:
        made = await client.access.create_project("async", max_jobs=3)
        assert made.effective_limits.max_jobs == 3
        issued = await client.access.create_token("admin", project="async")
        changed = await client.access.update_project("async", limits=access_pb2.Limits(max_spend=2.5))
        assert (changed.limits.HasField("max_jobs"), changed.effective_limits.max_spend) == (False, 2.5)
    async with AsyncClient(service.grpc, issued.secret) as client:
        assert (await client.access.project("async")).display_name == "async"
        rotated = await client.access.rotate_token(issued.token.name, grace_seconds=0)
    async with AsyncClient(service.grpc, rotated.secret) as client:
        assert [t.name async for t in client.access.tokens()] == [issued.token.name]
        assert [e.method.rpartition("/")[2] async for e in client.access.audit()][-1] == "RotateToken"
        await client.access.revoke_token(issued.token.name)
        with pytest.raises(Refused):
            await client.access.project("async")


def test_a_bad_token_is_in_no_log_and_no_error(service: Service) -> None:
    wrong = "tb_" + "Z9" * 21 + "x"
    answer = httpx.get(f"{service.rest}/v1/jobs", headers={"authorization": f"Bearer {wrong}"})
    assert wrong not in answer.text
    with Client(service.grpc, wrong) as client, pytest.raises(Refused) as raised:
        list(client.jobs())
    assert wrong not in str(raised.value)
    assert wrong not in service.log()
    assert wrong not in stored(service)


def test_a_token_that_is_not_valid_is_told_apart_from_none_and_from_nothing_else(service: Service) -> None:
    access = service.client.access
    revoked, expired = access.create_token("read"), access.create_token("read", lifetime_seconds=1)
    access.revoke_token(revoked.token.name)
    time.sleep(1.1)
    unknown = "tb_" + "Z9" * 21 + "x"

    def told(headers: dict[str, str]) -> str:
        answer = httpx.get(f"{service.rest}/v1/jobs", headers=headers)
        assert answer.status_code == 401
        return str(answer.json()["detail"])

    bad = {told({"authorization": f"Bearer {s}"}) for s in (revoked.secret, expired.secret, unknown, "wrong")}
    none = {told(headers) for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Basic dTpw"})}
    assert none == {"send the service's token, or one of a project, as `authorization: Bearer ...`"}
    assert bad == {f"the token is not valid: {none.pop()}"}
    with Client(service.grpc, revoked.secret) as client, pytest.raises(Refused, match="the token is not valid: send"):
        list(client.jobs())


def test_loopback_without_a_token_is_as_easy_as_ever(tmp_path: Path) -> None:
    """Everybody on the machine is the operator, in one project; a token that is shown counts all the same."""
    alone = Service(tmp_path / "data")
    command = ["-m", "services.main", "--data-dir", str(alone.folder), "--grpc-port", "0", "--rest-port", "0"]
    with _serving(alone, command) as (at, rest):
        assert httpx.get(f"{rest}/v1/jobs").status_code == 200
        assert httpx.get(f"{rest}/v1/jobs", headers={"authorization": "Bearer anything"}).status_code == 200
        with Client(at) as client:
            client.access.create_project("apart")
            secret = client.access.create_token("read", project="apart").secret
            assert client.access.project("default").effective_limits == access_pb2.Limits(spend_period=1)  # type: ignore[arg-type]
        with Client(at, secret) as inside:
            assert list(inside.jobs()) == []
            with pytest.raises(Refused, match="wants a token of scope admin"):
                inside.access.create_token("read")
        wrong = secret[:-4] + "AAAA"
        assert httpx.get(f"{rest}/v1/jobs", headers={"authorization": f"Bearer {wrong}"}).status_code == 401


def _serving(service: Service, command: list[str]) -> Any:
    import contextlib
    import re
    import subprocess
    import sys

    @contextlib.contextmanager
    def run() -> Any:
        with subprocess.Popen(
            [sys.executable, *command],
            cwd=Path(__file__).parents[2],
            env=service.env,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                told = re.match(r"Teachback serves gRPC on (\S+) and REST on (\S+)", process.stdout.readline())
                assert told
                yield told.groups()
            finally:
                process.terminate()

    return run()


def test_grpc_says_when_to_come_back(service: Service) -> None:
    slow = service.client.access.create_project("slow", requests_per_second=1)
    assert slow.effective_limits.requests_per_second == 1
    secret = service.client.access.create_token("read", project="slow").secret
    with Client(service.grpc, secret) as client:
        list(client.jobs())
        with pytest.raises(TeachbackError, match=r"may make 1 requests a second") as raised:
            _ = [list(client.jobs()) for _ in range(3)]
    assert raised.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED.name
    assert [d.retry_delay.seconds for d in raised.value.details if hasattr(d, "retry_delay")] == [1]
    headers = {"authorization": f"Bearer {secret}"}
    answers = [httpx.get(f"{service.rest}/v1/jobs", headers=headers) for _ in range(3)]
    refused = answers[-1]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["type"] == "urn:teachback:rate-limited"
    assert httpx.get(f"{service.rest}/healthz", headers=headers).status_code == 200
