"""What the tests of preferences share: a tuned model without a training, rows, and jobs asked for over REST."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from agents.embedded import weights
from services.store.engine import open_engine
from services.store.tables import jobs
from tests.support.service import Service


def tuned(service: Service) -> str:
    """A job that has left a model: the embedded student's file where a quantize job would have put its own."""
    try:
        file = weights.ready()
    except weights.EmbeddedUnavailable as error:
        pytest.skip(str(error))
    name = "0123456789abcdef"
    output = service.folder / "artifacts" / name / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "tuned-f16.gguf").symlink_to(file)
    made(service, name, "quantize", {"model": "embedded/smollm2-135m"})
    return f"jobs/{name}"


def made(service: Service, id_: str, kind: str, spec: dict[str, Any], state: str = "succeeded") -> None:
    """A job of a kind, in a state."""
    row = {"id": id_, "kind": kind, "spec": json.dumps({kind: spec}), "state": state, "created": time.time()}
    engine = open_engine(service.database_url)
    with engine.begin() as connection:
        connection.execute(insert(jobs), row | {"progress": "{}", "runs": 1})
    engine.dispose()


def started(http: httpx.Client, **spec: Any) -> str:
    """The name of a new preferences job."""
    answer = http.post("/v1/jobs", json={"spec": {"preferences": spec}})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["name"])


def ended(http: httpx.Client, name: str, seconds: float = 200.0) -> dict[str, Any]:
    """The job once it has ended; its report decoded."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = http.get(f"/v1/{name}").json()
        if job["state"] not in ("queued", "running"):
            return {**job, "report": json.loads(job.get("report_json") or "{}")}
        time.sleep(0.05)
    raise AssertionError(f"{name} did not end: {job}")


def exported(http: httpx.Client, name: str, **query: str) -> list[dict[str, Any]]:
    """The job's pairs."""
    answer = http.get(f"/v1/{name}/export", params=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def rows(path: Path, asked: list[tuple[str, str]], system: str = "Answer with one word.") -> Path:
    """A file of rows: question and ideal."""
    told = [
        {"prompt": [{"role": "system", "content": system}, {"role": "user", "content": q}], "completion": ideal}
        for q, ideal in asked
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in told))
    return path
