"""Twelve secrets that a service is told or sent, through everything it does: none is found in anything it leaves.

What the chart does with secrets stands in tests/deploy/test_secrets.py.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from teachback import Client, Tls
from teachback.errors import TeachbackError
from teachback.v1 import job_pb2, job_pb2_grpc

from tests.deploy.rendered import SETS, TOKEN, Refused, text
from tests.support.certificates import Authority
from tests.support.collector import Collector
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, row, write
from tests.support.served import Served
from tests.support.service import ROOT, STAND_IN

PLACES = (
    "provider-key",  # of a provider that answers
    "echoed-key",  # of one that repeats it in its errors
    "unused-key",  # of one that nobody calls
    "service-token",
    "address-password",  # user:password@ in an api_base
    "database-password",
    "collector-header",
    "hub-token",
    "query-token",  # sent by a caller in a query string
    "metadata-token",  # in a header, and in gRPC metadata
    "body-token",  # in a body that is refused
)
CANARIES = {place: f"canary{number:02d}{place.replace('-', '')}5e1f" for number, place in enumerate(PLACES)}
PRIVATE_KEY = "tls-private-key"
"""The twelfth, whose bytes nobody chooses."""


@dataclass
class Scene:
    """A service with secrets all around, and what has come out of it: by name, bytes."""

    folder: Path
    far: FarModel
    collector: Collector
    env: dict[str, str]
    flags: tuple[str | Path, ...]
    tls: Tls
    canaries: dict[str, str]
    left: dict[str, bytes] = field(default_factory=dict)

    @contextlib.contextmanager
    def served(self, life: str) -> Iterator[Served]:
        """One life of the service; its log is kept."""
        with Served(self.folder, *self.flags, **self.env) as service:
            try:
                yield service
            finally:
                self.left[f"log of the {life} life"] = service.log().encode()

    def command(self, *arguments: str, **more: str) -> None:
        """A command of `teachback` with the service's own environment; what it prints is kept."""
        told = subprocess.run(
            [sys.executable, "-m", "teachback.cli", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.env, **more},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.left[" ".join(arguments)] = told.stdout + told.stderr


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Everything but the service, which the test starts."""
    ours = Authority(tmp_path / "ours")
    shown = ours.issue("service", server=True)
    key = shown.key.read_text().split("\n")[1]  # the first line of the base64: 64 signs
    echoed = CANARIES["echoed-key"]

    def lie(body: dict[str, object]) -> tuple[int, str] | None:
        """Errors that hold the key: whole at once, and where a message is cut short."""
        if "liar" not in str(body["model"]):
            return None
        return 400, f"Incorrect API key provided: {echoed}. {'x' * 235} You sent: Bearer {echoed}"

    with Collector() as collector, FarModel(refuse=lie) as far:
        user = far.base.replace("://", f"://somebody:{CANARIES['address-password']}@")
        models = {
            "openai/liar*": {"api_base": far.base, "api_key_env": "LIAR_KEY"},
            "openai/behind*": {"api_base": user},
            "openai/gone*": {
                "api_base": f"http://somebody:{CANARIES['address-password']}@127.0.0.1:9/v1",
                "max_retries": 0,
            },
            "openai/*": {"api_base": far.base, "api_key_env": "FAR_KEY"},
        }
        database = f"sqlite:///file:{tmp_path}/data/teachback.db?uri=true&password={CANARIES['database-password']}"
        env = {
            "TEACHBACK_MODELS": json.dumps(models),
            "TEACHBACK_TOKEN": CANARIES["service-token"],
            "TEACHBACK_DATABASE_URL": database,
            "TEACHBACK_METRICS": "true",
            "FAR_KEY": CANARIES["provider-key"],
            "LIAR_KEY": echoed,
            "ANTHROPIC_API_KEY": CANARIES["unused-key"],
            "HF_TOKEN": CANARIES["hub-token"],
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={CANARIES['collector-header']}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "PYTHONPATH": str(STAND_IN),
        }
        flags = ("--tls-cert-file", shown.cert, "--tls-key-file", shown.key)
        canaries = {**CANARIES, PRIVATE_KEY: key}
        yield Scene(tmp_path, far, collector, env, flags, Tls(ours.file), canaries)


def work(scene: Scene, served: Served) -> None:
    """Jobs that succeed, that fail in every way a secret could come out, a training, and callers who send secrets."""
    with Client(served.grpc, CANARIES["service-token"], tls=scene.tls) as client:
        rows = client.upload(write(scene.folder / "rows.jsonl", mixed(4))).name
        states = {}
        for model in ("openai/far", "openai/behind", "openai/liar", "openai/gone"):
            job = client.enhance(rows, student=model, teacher=model, evaluator=model)
            states[model] = job.wait().state
            scene.left[f"job of {model}"] = str(job.job).encode() + b"".join(
                str(one).encode() for one in [*job.watch(), *job.examples(rounds=True)]
            )
            out = io.BytesIO()
            job.export(out, include_unfinished=True)
            scene.left[f"export of {model}"] = out.getvalue()
        assert states["openai/far"] == states["openai/behind"] == job_pb2.JOB_STATE_SUCCEEDED
        assert states["openai/gone"] == job_pb2.JOB_STATE_FAILED
        assert b"Incorrect API key provided: ***" in scene.left["job of openai/liar"]
        assert b"somebody:***@127.0.0.1:9" in scene.left["job of openai/gone"]
        for manner in ("steps-3", "crash"):
            trained = client.sft(write(scene.folder / "train.jsonl", PAIRS), model=f"stand-in/{manner}")
            trained.wait()
            scene.left[f"training {manner}"] = str(trained.job).encode()
        slow = client.sft(write(scene.folder / "train.jsonl", PAIRS), model="stand-in/steps-400")
        for _ in range(200):
            programs = [p for p in psutil.Process(served.pid).children(recursive=True) if "training.sft" in p.cmdline()]
            if programs:
                break
            time.sleep(0.05)
        scene.left["environment of a training"] = Path(f"/proc/{programs[0].pid}/environ").read_bytes()
        slow.cancel()
    headers = {"Authorization": f"Bearer {CANARIES['service-token']}", "X-Api-Key": CANARIES["metadata-token"]}
    body, query = CANARIES["body-token"], CANARIES["query-token"]
    verified = ssl.create_default_context(cafile=str(scene.tls.ca_file))
    with httpx.Client(base_url=served.rest, verify=verified, headers=headers) as http:
        http.get("/v1/jobs", params={"token": query, "access_token": query})
        http.get(f"/v1/jobs?page_token={query}")
        http.get("/nowhere", params={"token": query}, headers={"Authorization": f"Bearer {query}"})
        for content in (
            json.dumps({"authorization": f"Bearer {body}"}),
            json.dumps({"spec": {"enhance": {"dataset": "datasets/x", "api_key": body, "teacher": "openai/far"}}}),
            f'{{"api_key": "{body}", ',
            f"Bearer {body}",
        ):
            assert http.post("/v1/jobs", content=content, headers={"content-type": "application/json"}).is_client_error
        scene.left["/metrics"] = http.get("/metrics").raise_for_status().content
    ca = grpc.ssl_channel_credentials(Path(str(scene.tls.ca_file)).read_bytes())
    with grpc.secure_channel(served.grpc, ca) as channel:
        jobs = job_pb2_grpc.JobServiceStub(channel)  # type: ignore[no-untyped-call]
        for name in ("authorization", "x-api-key"):
            with contextlib.suppress(grpc.RpcError):
                jobs.ListJobs(job_pb2.ListJobsRequest(), metadata=((name, f"Bearer {CANARIES['metadata-token']}"),))


PAIRS = [{"prompt": f"{n}?", "completion": str(n)} for n in range(8)]


def crash(scene: Scene, served: Served) -> None:
    """kill -9 in the middle of a job."""
    scene.far.delay = 0.2
    with Client(served.grpc, CANARIES["service-token"], tls=scene.tls, patience=1) as client:
        job = client.enhance(
            write(scene.folder / "more.jsonl", [row(n) for n in range(300, 320)]),
            student="openai/far",
            teacher="openai/far",
            evaluator="openai/far",
            batch_size=2,
        )
        with contextlib.suppress(TeachbackError):
            for event in job.watch():
                if event.type == "example":
                    psutil.Process(served.pid).kill()
                    break
    scene.far.delay = 0.0


def test_no_secret_is_found_in_anything_that_is_left(scene: Scene) -> None:
    assert len(scene.canaries) == 12
    assert len(set(scene.canaries.values())) == 12
    with scene.served("first") as served:
        work(scene, served)
        crash(scene, served)
    with scene.served("second") as served, Client(served.grpc, CANARIES["service-token"], tls=scene.tls) as client:
        for job in client.jobs():
            job.wait()
    # One that can't start, and two that tell of it: nobody answers at its database's address.
    away = f"postgresql://teachback:{CANARIES['database-password']}@127.0.0.1:9/teachback"
    for command in (("config", "show"), ("doctor", "--json"), ("serve",)):
        scene.command(*command, TEACHBACK_DATABASE_URL=away)
    for number, told in enumerate(scene.collector.bodies):
        scene.left[f"trace or figures {number}"] = told
    for path in (scene.folder / "data").rglob("*"):
        if path.is_file():
            scene.left[f"data/{path.relative_to(scene.folder / 'data')}"] = path.read_bytes()
    for values in SETS:
        scene.left[f"chart {values}"] = text(values).encode()

    assert {"data/teachback.db", "config show", "doctor --json", "/metrics"} <= set(scene.left)
    assert any(name.endswith("environment.json") for name in scene.left)
    found = [
        (place, name)
        for name, told in scene.left.items()
        for place, canary in scene.canaries.items()
        if any(form in told for form in forms(canary))
    ]
    assert not found, found
    # Each was really where it could have come out from.
    headers = json.dumps([one.headers for one in scene.far.asked])
    basic = base64.b64encode(f"somebody:{CANARIES['address-password']}".encode()).decode()
    assert CANARIES["provider-key"] in headers
    assert CANARIES["echoed-key"] in headers
    assert CANARIES["collector-header"] in json.dumps(scene.collector.headers)
    assert len(scene.collector.bodies) > 3
    assert basic in headers
    print(f"12 secrets, {len(scene.left)} places, 0 found")


def forms(canary: str) -> list[bytes]:
    """The secret as it is, and as headers and addresses carry it."""
    return [canary.encode(), base64.b64encode(canary.encode()).rstrip(b"=")[:-2]]


@pytest.mark.parametrize(
    "given",
    [
        f"env.OTEL_EXPORTER_OTLP_HEADERS=api-key={CANARIES['collector-header']}",
        f"settings.models.openai/ours.api_base=https://somebody:{CANARIES['address-password']}@models.example/v1",
        f"settings.local_api_base=https://{CANARIES['address-password']}@models.example/v1",
    ],
)
def test_the_chart_takes_none_of_them_in_the_clear(given: str) -> None:
    with pytest.raises(Refused) as refused:
        text("", TOKEN, given)
    assert "canary" not in str(refused.value)
