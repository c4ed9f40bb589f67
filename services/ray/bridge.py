"""The only process of a service that talks to Ray: `python -m services.ray.bridge ADDRESS`.

Ray's core ends the process that it is in when its raylet or the head goes away; the service must not go with it. So it
starts this child, tells it on stdin what to run, and hears on stdout how that went; one JSON object a line:

    in:   {"run": ID, "function": F, "argument": TEXT, "cpus": N, "gpus": N}    {"stop": ID}
    out:  {"cluster": {...}}    {"done": ID, "answer": TEXT}    {"failed": ID, "why": TEXT}    {"died": ID, "why": TEXT}
          {"unreachable": WHY}, after which it ends

A task "died" where its worker or its node did: it may be run again. It "failed" where the function raised. When stdin
ends, this process ends, and Ray ends its tasks.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from services.ray.call import call

LOOK: Final = 2.0
"""Seconds between two looks at the cluster."""
LOOKS: Final = 3
"""Looks in vain after which it is given up."""


class Bridge:
    """A connection to a cluster, and the tasks that are under way there."""

    def __init__(self, ray: Any, tell: Callable[[dict[str, Any]], None]) -> None:
        self._ray, self._tell = ray, tell
        # Which row is worked on again, and when, the service decides: it has to take the part back first.
        self._task = ray.remote(max_retries=0)(call)
        self._under_way: dict[str, Any] = {}

    def hear(self, told: dict[str, Any]) -> None:
        """Does what a line says."""
        if id_ := told.get("run"):
            task = self._task.options(num_cpus=told["cpus"], num_gpus=told["gpus"], name=told["function"])
            ref = self._under_way[id_] = task.remote(told["function"], told["argument"])
            ref.future().add_done_callback(partial(self._ended, id_))
        elif (ref := self._under_way.get(told["stop"])) is not None:
            self._ray.cancel(ref, force=True)

    def _ended(self, id_: str, future: Any) -> None:
        self._under_way.pop(id_, None)
        error = future.exception()
        if error is None:
            self._tell({"done": id_, "answer": future.result()})
        elif isinstance(error, self._ray.exceptions.RayTaskError):
            self._tell({"failed": id_, "why": _said(error.cause or error)})
        else:
            self._tell({"died": id_, "why": _said(error)})

    def look(self) -> None:
        """Tells what the cluster has."""
        resources = self._ray.cluster_resources()
        found = {
            "cpus": resources.get("CPU", 0.0),
            "gpus": resources.get("GPU", 0.0),
            "nodes": sum(1 for node in self._ray.nodes() if node["Alive"]),
            "version": self._ray.__version__,  # the cluster's too: Ray lets no other one in
            "token": os.environ.get("RAY_AUTH_MODE") == "token",  # which Ray sets where it has found a token
        }
        self._tell({"cluster": found})


def main() -> int:
    """Returns the exit status."""
    # Ray and those it calls may print; the lines are for the service alone.
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def tell(told: dict[str, Any]) -> None:
        with lock:
            out.write(json.dumps(told) + "\n")

    import ray  # takes a second

    try:
        ray.init(address=sys.argv[1], namespace="teachback", log_to_driver=False, configure_logging=False)
    except Exception as error:  # noqa: BLE001 - Ray raises errors of many kinds here; whatever it is, it is told
        tell({"unreachable": _said(error)})
        return 1
    bridge, ended = Bridge(ray, tell), threading.Event()

    def look() -> None:
        silent = 0
        while not ended.wait(LOOK):
            try:
                bridge.look()
                silent = 0
            except Exception as error:  # noqa: BLE001 - as above
                silent += 1
                if silent == LOOKS:
                    tell({"unreachable": _said(error)})
                    os._exit(1)

    bridge.look()
    threading.Thread(target=look, name="look", daemon=True).start()
    for line in sys.stdin:
        bridge.hear(json.loads(line))
    ended.set()
    os._exit(0)  # the tasks are nobody's any more; Ray sees that this process is gone and ends them


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"


if __name__ == "__main__":
    sys.exit(main())
