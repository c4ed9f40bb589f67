"""Listings in pages of any size: nothing lost, nothing twice, and no token from elsewhere believed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from teachback.client import JobHandle

from tests.support.rows import row, write
from tests.support.service import Service

OFFLINE: Any = {"student": "offline/student", "teacher": "offline/teacher", "evaluator": "offline/evaluator"}
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=40)
walked = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)


@pytest.fixture
def broken(shared: Service, tmp_path: Path) -> str:
    """A dataset with one good row and 40 bad ones."""
    path = tmp_path / "broken.jsonl"
    path.write_text(json.dumps(row(1)) + "\n" + "".join(f'{{"messages": [{n}]}}\n' for n in range(40)))
    return shared.client.upload(path, idempotency_key="broken").name


@pytest.fixture
def many(shared: Service, tmp_path: Path) -> int:
    """Datasets and jobs enough for several pages."""
    for n in range(20 - len(list(shared.client.jobs()))):
        shared.client.enhance(write(tmp_path / f"{n}.jsonl", [row(n)]), **OFFLINE).wait()
    return 20


def walk(http: httpx.Client, path: str, field: str, sizes: list[int], **query: Any) -> list[dict[str, Any]]:
    """A whole listing, page by page, each of the next size."""
    found: list[dict[str, Any]] = []
    token, left = "", list(sizes)
    while True:
        size = left.pop(0) if len(left) > 1 else left[0]
        answer = http.get(path, params={**query, "page_size": size, "page_token": token}).raise_for_status().json()
        assert len(answer[field]) <= size
        found += answer[field]
        token = answer["next_page_token"]
        if not token:
            return found
        assert len(answer[field]) == size


@walked
@given(sizes=SIZES)
def test_jobs(http: httpx.Client, many: int, sizes: list[int]) -> None:
    names = [job["name"] for job in walk(http, "/v1/jobs", "jobs", sizes)]
    assert len(names) == len(set(names)) >= many
    assert names == [job["name"] for job in walk(http, "/v1/jobs", "jobs", [1000])]


@walked
@given(sizes=SIZES)
def test_datasets(http: httpx.Client, many: int, sizes: list[int]) -> None:
    names = [one["name"] for one in walk(http, "/v1/datasets", "datasets", sizes)]
    assert len(names) == len(set(names)) > 1
    assert names == [one["name"] for one in walk(http, "/v1/datasets", "datasets", [1000])]


@walked
@given(sizes=SIZES)
def test_bad_rows(http: httpx.Client, broken: str, sizes: list[int]) -> None:
    lines = [bad["line"] for bad in walk(http, f"/v1/{broken}/bad_rows", "bad_rows", sizes)]
    assert lines == list(range(2, 42))


@walked
@given(sizes=SIZES)
def test_examples(http: httpx.Client, finished: JobHandle, sizes: list[int]) -> None:
    found = walk(http, f"/v1/{finished.name}/examples", "examples", sizes)
    assert [e.get("index", 0) for e in found] == list(range(12))
    some = walk(http, f"/v1/{finished.name}/examples", "examples", sizes, outcome="converged")
    assert [e["index"] for e in some] == [n for n in range(12) if n % 3]


def test_what_comes_in_between_does_not_shift_a_page(http: httpx.Client, shared: Service, many: int) -> None:
    """Newest first: a job made while somebody pages stands before the first page, and nobody sees another one twice."""
    first = http.get("/v1/jobs", params={"page_size": 5}).json()
    newest = shared.client.enhance(next(shared.client.datasets()).name, **OFFLINE)
    rest = walk(http, "/v1/jobs", "jobs", [3])
    second = http.get("/v1/jobs", params={"page_size": 1000, "page_token": first["next_page_token"]}).json()
    names = [j["name"] for j in first["jobs"] + second["jobs"]]
    assert len(names) == len(set(names))
    assert {j["name"] for j in rest} - set(names) == {newest.name}
    newest.wait()


def made_up(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%",
        "é",
        made_up(),
        made_up("a", 1),
        made_up(None, None),
        made_up(1.0, 1),
        made_up(10**400, "x"),
        made_up({"a": 1}),
        base64.urlsafe_b64encode(b"[NaN, 1]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "A" * 400,
    ],
)
def test_tokens_from_elsewhere_are_refused(http: httpx.Client, finished: JobHandle, broken: str, token: str) -> None:
    for path in ("jobs", "datasets", f"{broken}/bad_rows", f"{finished.name}/examples"):
        answer = http.get(f"/v1/{path}", params={"page_token": token})
        assert answer.status_code == 400, path
        assert "page_token" in answer.json()["detail"]


@pytest.mark.parametrize("size", ["-1", "x", "1e3", "9" * 30])
def test_sizes_that_are_none_are_refused(http: httpx.Client, size: str) -> None:
    assert http.get("/v1/jobs", params={"page_size": size}).status_code == 400
