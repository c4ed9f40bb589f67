"""Cases that schemathesis draws from the OpenAPI document, good ones and bad ones: no 5xx.

tests/services/test_fuzz.py sends as many of our own drawing, over REST and gRPC.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from teachback.client import JobHandle

from tests.support.farmodel import FarModel
from tests.support.rows import mixed, write
from tests.support.service import STAND_IN, Service

Counts = dict[str, Counter[int]]
REFUSED_BY_CLIENT = (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError)

for media in ("application/x-ndjson", "text/markdown"):
    schemathesis.serializer.alias(media, "text/plain")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service, whose trainings are over at once."""
    with FarModel() as far:
        made = Service(tmp_path_factory.mktemp("schemathesis") / "data", far)
        made.env["PYTHONPATH"] = str(STAND_IN)
        with made:
            yield made


@pytest.fixture
def job(service: Service, tmp_path: Path) -> JobHandle:
    """One that has succeeded."""
    made = service.submit(write(tmp_path / "rows.jsonl", mixed(6)))
    made.wait()
    return made


def cases(service: Service, job: JobHandle, each: int, number: int, only: Container[str] = ()) -> Counts:
    """So many good and as many bad cases of each operation, or of those named `only`; statuses by route.

    Where an operation asks for the id of a job or a dataset, half of its cases name one that is there.
    """
    headers = {"Authorization": f"Bearer {service.token}"}
    api = schemathesis.openapi.from_url(f"{service.rest}/openapi.json", headers=headers)
    there = {"jobs": job.name.partition("/")[2], "datasets": job.job.spec.enhance.dataset.partition("/")[2]}
    seen: Counts = defaultdict(Counter)
    with requests.Session() as session:

        def send(case: Any) -> None:
            route, parameters = case.operation.label, case.path_parameters
            if parameters and "id" in parameters and seen[route].total() % 2:
                parameters["id"] = there.get(case.operation.path.split("/")[2], parameters["id"])
            try:
                answer = case.call(session=session, headers=headers, timeout=5)
            except REFUSED_BY_CLIENT:
                return
            except requests.exceptions.Timeout:
                assert route.endswith("/events"), route  # of a job that is paused: it goes on
                return
            seen[route][answer.status_code] += 1
            assert answer.status_code < 500, (route, case.as_curl_command(headers=headers), answer.text)

        for found in api.get_all_operations():
            operation: Any = found.ok()
            if only and operation.label not in only:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                drawn = given(case=operation.as_strategy(generation_mode=mode))(send)
                drawn = settings(
                    max_examples=each,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )(drawn)
                with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
                    seed(number)(drawn)()
    assert "nobody foresaw" not in service.log()
    assert "Traceback" not in service.log()
    return seen


SOME = ("POST /v1/jobs", "POST /v1/datasets", "GET /v1/jobs/{id}/export")


def test_some_cases_of_some_operations(service: Service, job: JobHandle) -> None:
    seen = cases(service, job, each=12, number=1, only=SOME)
    assert set(seen) == set(SOME)
    statuses = sum(seen.values(), Counter[int]())
    assert {200, 400, 404} <= set(statuses), statuses


@pytest.mark.soak
def test_ten_thousand_cases(service: Service, job: JobHandle) -> None:
    seen = cases(service, job, each=180, number=2)
    for route, statuses in sorted(seen.items()):
        print(route, dict(sorted(statuses.items())))
    total = sum(statuses.total() for statuses in seen.values())
    print(f"{total} cases of {len(seen)} operations")
    assert total >= 10_000
