"""Every RPC of every service and every route, asked by nobody, by a stranger, with too small a scope, and by another
project about things that it does not have: no word of them comes out, not even that they are there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from teachback.v1 import access_pb2, dataset_pb2, example_pb2, job_pb2, trainer_pb2

from services.access import guards
from services.access.caller import Scope
from services.access.guards import Guard
from services.rest.app import build
from tests.access import asks
from tests.access.conftest import NEVER, SECRET, Team, Things, Wire
from tests.support.service import Service

LOADED = (access_pb2, dataset_pb2, example_pb2, job_pb2, trainer_pb2, health_pb2, reflection_pb2)
BAD = ("", "Bearer wrong", f"Bearer tb_{secrets.token_urlsafe(32)}", "Basic dTpw", "bearer", "Bearer tb_' OR 1=1 --")


def methods() -> Iterator[tuple[str, Any]]:
    """Full name and descriptor of every RPC that these files describe."""
    for file in LOADED:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"/{service.full_name}/{method.name}", method


def routes() -> list[tuple[str, str]]:
    """Method and path of every route there is: pages, documentation and figures too."""
    app = build(None)  # type: ignore[arg-type]  # nothing is called, only listed
    return [
        (method, getattr(route, "path", str(route)))
        for route in app.routes
        for method in sorted(getattr(route, "methods", None) or {"GET"})
    ]


GUARDED_RPCS = [name for name, _ in methods() if not name.startswith(guards.OPEN_RPCS)]
GUARDED_ROUTES = [route for route in routes() if route[1] not in guards.OPEN_PATHS]
DESCRIBED = dict(methods())


# ---------------------------------------------------------------- what there is, is listed
def test_every_service_that_runs_is_looked_at(wire: Wire, red: Team) -> None:
    asked: Any = reflection_pb2.ServerReflectionRequest(list_services="*")
    answer = call(wire, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [asked], red.headers("read"))
    told: Any = reflection_pb2.ServerReflectionResponse.FromString(answer.said)
    running = {one.name for one in told.list_services_response.service}
    assert running == {name.split("/")[1] for name, _ in methods()}


def test_every_rpc_is_open_or_guarded() -> None:
    assert set(GUARDED_RPCS) == guards.RPCS.keys()
    asked = {name for name in GUARDED_RPCS if name.startswith("/teachback.")}
    assert asked == asks.RPCS.keys(), "say in tests/access/asks.py what to ask of it"


def test_every_route_is_open_or_guarded() -> None:
    assert set(GUARDED_ROUTES) == guards.ROUTES.keys()
    assert set(GUARDED_ROUTES) == asks.ROUTES.keys(), "say in tests/access/asks.py what to ask of it"
    assert len(GUARDED_ROUTES) == len(set(GUARDED_ROUTES)), "one route hides another"


def test_both_faces_want_the_same() -> None:
    """A call that is easier by one face than by the other is open by the easier one."""
    verbs = {guard.scope for guard in (*guards.RPCS.values(), *guards.ROUTES.values())}
    assert verbs == set(Scope)
    for guard in (*guards.RPCS.values(), *guards.ROUTES.values()):
        assert guard.audited or guard.scope is Scope.READ, "every write is written down"


# ---------------------------------------------------------------- by nobody, by a stranger, with too little
class Answer(NamedTuple):
    """What came back."""

    code: grpc.StatusCode
    said: bytes
    details: str


def call(wire: Wire, name: str, sent: list[Message], headers: dict[str, str]) -> Answer:
    """Calls an RPC of whatever kind."""
    method = DESCRIBED[name]
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    raw: Any = getattr(wire.channel, kind)(name)
    messages = [message.SerializeToString() for message in sent]
    asked = iter(messages) if method.client_streaming else messages[0]
    try:
        answer = raw(asked, metadata=tuple(headers.items()), timeout=30)
        said = b"".join(answer) if method.server_streaming else answer
    except grpc.RpcError as error:
        pairs: Any = error.trailing_metadata() or ()
        trailing = b"".join(v if isinstance(v, bytes) else v.encode() for _, v in pairs)
        return Answer(error.code(), trailing, error.details() or "")
    return Answer(grpc.StatusCode.OK, said, "")


def empty(name: str) -> list[Message]:
    """A message of the kind that an RPC takes."""
    pool = descriptor_pool.Default()
    found = pool.FindMethodByName(name[1:].replace("/", ".")).input_type
    return [message_factory.GetMessageClass(found)()]


def sent(name: str, things: Things) -> list[Message]:
    """What is asked of an RPC."""
    return asks.RPCS[name](things) if name in asks.RPCS else empty(name)


@pytest.mark.parametrize("name", GUARDED_RPCS)
def test_no_rpc_answers_a_stranger(wire: Wire, things: Things, name: str) -> None:
    for shown in BAD:
        headers = {"authorization": shown} if shown else {}
        answer = call(wire, name, sent(name, things), headers)
        assert answer.code is grpc.StatusCode.UNAUTHENTICATED, (name, shown, answer)
        assert shown.removeprefix("Bearer ") not in answer.details or not shown
        _tells_nothing(answer.said, things)


@pytest.mark.parametrize("route", GUARDED_ROUTES, ids=" ".join)
def test_no_route_answers_a_stranger(wire: Wire, things: Things, route: tuple[str, str]) -> None:
    for shown in BAD:
        answer = ask(wire, route, things, {"authorization": shown} if shown else {})
        assert answer.status_code == 401, (route, shown)
        assert answer.headers["www-authenticate"] == "Bearer"
        if route[0] != "HEAD":
            assert answer.json()["type"] == "urn:teachback:unauthenticated"
        _tells_nothing(answer.content, things)


@pytest.mark.parametrize("name", [n for n in GUARDED_RPCS if guards.RPCS[n] != guards.READ])
def test_no_rpc_answers_too_small_a_scope(wire: Wire, red: Team, things: Things, name: str) -> None:
    for scope in too_small(guards.RPCS[name]):
        answer = call(wire, name, sent(name, things), red.headers(scope))
        assert answer.code is grpc.StatusCode.PERMISSION_DENIED, (name, scope, answer)
        _tells_nothing(answer.said, things)


@pytest.mark.parametrize("route", [r for r in GUARDED_ROUTES if guards.ROUTES[r] != guards.READ], ids=" ".join)
def test_no_route_answers_too_small_a_scope(wire: Wire, red: Team, things: Things, route: tuple[str, str]) -> None:
    for scope in too_small(guards.ROUTES[route]):
        answer = ask(wire, route, things, red.headers(scope))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:teachback:permission-denied"), (route, scope)
        _tells_nothing(answer.content, things)


def too_small(guard: Guard) -> list[str]:
    """Scopes of a project's token that are not enough."""
    if guard.operator:
        return ["read", "write", "admin"]
    return {Scope.READ: [], Scope.WRITE: ["read"], Scope.ADMIN: ["read", "write"]}[guard.scope]


def ask(wire: Wire, route: tuple[str, str], things: Things, headers: dict[str, str]) -> httpx.Response:
    """Asks a route about somebody's things."""
    method, _ = route
    path, body = asks.ROUTES[route](things)
    content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    return wire.http.request(method, path, headers=headers, **content)


# ---------------------------------------------------------------- by another project
@pytest.mark.parametrize("name", [n for n in asks.RPCS if not guards.RPCS[n].operator])
def test_no_rpc_tells_another_project_anything(wire: Wire, blue: Team, things: Things, name: str) -> None:
    headers = blue.headers("admin")
    answer = call(wire, name, sent(name, things), headers)
    never = call(wire, name, sent(name, Things()), headers)
    _alike(answer.details, never.details, things)
    assert answer.code is never.code
    _tells_nothing(answer.said, things, beside=[answer.details])
    if sent(name, things) != sent(name, Things()):
        assert answer.code is grpc.StatusCode.NOT_FOUND, answer


@pytest.mark.parametrize("route", [r for r in asks.ROUTES if not guards.ROUTES[r].operator], ids=" ".join)
def test_no_route_tells_another_project_anything(
    wire: Wire, blue: Team, things: Things, route: tuple[str, str]
) -> None:
    headers = blue.headers("admin")
    answer, never = (ask(wire, route, about, headers) for about in (things, Things()))
    assert answer.status_code == never.status_code
    if asks.ROUTES[route](things) == asks.ROUTES[route](Things()):
        _tells_nothing(answer.content, things)
    else:
        assert answer.status_code == 404, answer.text
        _alike(answer.json()["detail"], never.json()["detail"], things)
        _tells_nothing(answer.content, things, beside=[answer.json()["detail"]])


def test_to_name_the_project_does_not_help(service: Service, red: Team, blue: Team, things: Things) -> None:
    """The header by which an operator chooses a project."""
    with httpx.Client(base_url=service.rest) as http:
        told = []
        for project in ("red", "projects/red", "never", "projects/never"):
            headers = blue.headers("admin") | {"teachback-project": project}
            answer = http.get(f"/v1/{things.job}", headers=headers)
            assert answer.status_code == 404
            told.append(answer.json()["detail"].replace("never", "red"))
        assert set(told) == {"there is no projects/red"}
        own = http.get(f"/v1/{things.job}", headers=red.headers("read") | {"teachback-project": "red"})
        assert own.status_code == 200


def test_the_operator_sees_a_project_only_where_it_is_named(admin: httpx.Client, things: Things) -> None:
    assert admin.get(f"/v1/{things.job}").status_code == 404
    assert SECRET not in admin.get("/v1/datasets").text
    assert admin.get(f"/v1/{things.job}", headers={"teachback-project": "red"}).status_code == 200
    assert SECRET in admin.get("/v1/datasets", headers={"teachback-project": "projects/red"}).text


# ---------------------------------------------------------------- by those whose it is
@pytest.mark.parametrize("name", asks.RPCS)
def test_every_rpc_finds_its_own(service: Service, wire: Wire, red: Team, things: Things, name: str) -> None:
    """Else the refusals above would prove nothing."""
    guard = guards.RPCS[name]
    headers = {"authorization": f"Bearer {service.token}"} if guard.operator else red.headers(guard.scope.value)
    answer = call(wire, name, sent(name, things), headers)
    assert answer.code in (grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION), answer


@pytest.mark.parametrize("route", asks.ROUTES, ids=" ".join)
def test_every_route_finds_its_own(
    service: Service, wire: Wire, red: Team, things: Things, route: tuple[str, str]
) -> None:
    guard = guards.ROUTES[route]
    headers = {"authorization": f"Bearer {service.token}"} if guard.operator else red.headers(guard.scope.value)
    answer = ask(wire, route, things, headers)
    if route[1] in ("/v1/schemas", "/v1/passages", "/v1/chunks"):
        assert answer.status_code == 400, "a row is none of these"
    else:
        assert answer.status_code in (200, 201, 409), (route, answer.text)


def _alike(told: str, never: str, things: Things) -> None:
    """The same words, but for the name that the caller has said itself."""
    for id_ in things.ids():
        told = told.replace(id_, NEVER)
    for name, value in vars(Things()).items():
        told = told.replace(getattr(things, name), value)
    told = told.replace(things.example.rpartition("/")[2], "4be1-1").replace("projects/red", "projects/never")
    assert told == never


def _tells_nothing(said: bytes, things: Things, beside: list[str] | None = None) -> None:
    """Neither what the red project has written nor an id of its things, but those that the caller has said."""
    for known in beside or []:
        said = said.replace(known.encode(), b"")
    assert SECRET.encode() not in said
    for id_ in things.ids():
        assert id_.encode() not in said
