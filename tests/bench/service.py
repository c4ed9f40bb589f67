"""The whole path: a service in a process of its own, submitted to over gRPC, ledger and events on SQLite FULL, or on a
PostgreSQL of the tests' own, whose CPU is not counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.bench import chats
from tests.bench.workload import AT_ONCE, calls, need, rows
from tests.support.databases import Kind, url

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Service:
    """A running private service. `started` is the seconds it took to answer."""

    pid: int
    grpc: str
    token: str
    started: float

    def cpu(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, field: str = "VmRSS") -> float:
        """MiB; `VmHWM` is the most there has been since the start or the last reset."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1024

    def reset_peak(self) -> None:
        """Begins to measure the peak anew (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")


def models(port: int) -> str:
    """TEACHBACK_MODELS that sends every `openai/` model to the endpoint on `port`."""
    far = {"api_base": f"http://127.0.0.1:{port}/v1", "input_price": 0.1, "output_price": 0.4}
    return json.dumps({"openai/*": far})


@contextmanager
def running(
    port: int, database: Kind = "sqlite", address: str = "", told: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Service]:
    """A fresh service whose `openai/*` models are the endpoint on `port`, on a new database, or the one at `address`.

    `told`: what it sees beside that.
    """
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"TEACHBACK_MODELS": models(port), **told}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "services.main", "--private", "--data-dir", folder]
        command += ["--database-url", address or url(database, Path(folder))]
        began = time.perf_counter()
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            note = Path(folder) / "service.json"
            while not note.exists():
                if process.poll() is not None:
                    raise RuntimeError("the service did not start")
                time.sleep(0.005)
            at = json.loads(note.read_text(encoding="utf-8"))
            try:
                yield Service(process.pid, at["grpc"], at["token"], time.perf_counter() - began)
            finally:
                process.terminate()


def enhance(service: Service, examples: int) -> dict[str, Any]:
    """Submits so many examples and waits for their end; wall and CPU of the service from upload to end, and memory."""
    from teachback.client import Client

    with tempfile.NamedTemporaryFile(suffix=".jsonl") as source, Client(service.grpc, token=service.token) as client:
        source.writelines(rows(examples))
        source.flush()
        idle = service.memory()
        service.reset_peak()
        wall, cpu = time.perf_counter(), service.cpu()
        dataset = client.upload([source.name])
        model = "openai/bench"
        job = client.enhance(
            dataset.name, student=model, teacher=model, evaluator=model, batch_size=AT_ONCE, max_iterations=3
        )
        done = job.wait()
        taken = time.perf_counter() - wall
        expected = sum(need(i) for i in range(examples)) / examples
        assert done.progress.done_examples == examples, done
        assert abs(done.progress.average_iterations - expected) < 0.001, done
        return {
            "wall": taken,
            "cpu": service.cpu() - cpu,
            "calls": calls(examples),
            "idle_mib": idle,
            "peak_mib": service.memory("VmHWM"),
        }


def generate(service: Service, examples: int) -> dict[str, Any]:
    """Has so many chats made of chunks and waits for the end; the same figures."""
    from teachback.client import Client

    with tempfile.NamedTemporaryFile(suffix=".jsonl") as source, Client(service.grpc, token=service.token) as client:
        source.writelines(chats.chunks(examples))
        source.flush()
        idle = service.memory()
        service.reset_peak()
        wall, cpu = time.perf_counter(), service.cpu()
        model = "openai/bench"
        job = client.generate(
            source.name, teacher=model, evaluator=model, batch_size=AT_ONCE, personas={"examples_per_chunk": 1}
        )
        done = job.wait()
        taken = time.perf_counter() - wall
        assert dict(done.progress.outcomes) == {"accepted": examples}, done
        return {
            "wall": taken,
            "cpu": service.cpu() - cpu,
            "calls": chats.calls(examples),
            "idle_mib": idle,
            "peak_mib": service.memory("VmHWM"),
        }
