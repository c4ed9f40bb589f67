"""The same job with its rows on the workers of a Ray cluster, two nodes on this machine, beside one without.

`python -m tests.bench.spread PORT` prints what an example costs more than where the service does the work itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from tests.bench import service
from tests.bench.workload import EXAMPLES
from tests.support.databases import url
from tests.support.raycluster import RayCluster


def cpu(pids: list[psutil.Process]) -> float:
    """CPU seconds of processes so far."""
    total = 0.0
    for process in pids:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # an idle worker that Ray has sent home
            continue
        total += times.user + times.system
    return total


def once(port: int, *, spread: bool) -> dict[str, Any]:
    """The job's wall and CPU, that of the service and of all that works for it."""
    with tempfile.TemporaryDirectory() as folder:
        address = url("postgres", Path(folder))
        told = {"TEACHBACK_DATABASE_URL": address, "TEACHBACK_MODELS": service.models(port)}
        if not spread:
            with service.running(port, address=address) as one:
                service.enhance(one, 50)
                return service.enhance(one, EXAMPLES)
        with RayCluster(told) as cluster, service.running(port, address=address, told=cluster.caller) as one:
            service.enhance(one, 50)  # every worker has imported what it needs
            family = [*cluster.processes(), *psutil.Process(one.pid).children(recursive=True)]
            before = cpu(family)
            found = service.enhance(one, EXAMPLES)
            found["cpu"] += cpu(family) - before
            return found


def main() -> None:
    """Prints one JSON object."""
    port = int(sys.argv[1])
    here, there = once(port, spread=False), once(port, spread=True)
    figures = {
        "ray_wall_x": round(there["wall"] / here["wall"], 2),
        "ray_cpu_x": round(there["cpu"] / here["cpu"], 2),
        "ray_ms_more_an_example": round((there["cpu"] - here["cpu"]) / EXAMPLES * 1000, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
