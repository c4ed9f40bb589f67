"""The Ray cluster that is to do the work: whether it can be reached, and what it has."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

from services.doctor.findings import Finding, ok, problem, warning
from services.doctor.gpu import version
from services.settings import Settings

_PATIENCE: Final = 30.0
"""Seconds that the cluster may take to answer."""


def ray(settings: Settings | None) -> Finding:
    """Whether there is Ray, where it is wanted."""
    installed = version("ray")
    if settings is None or "ray" not in (settings.executor, settings.training_executor):
        if installed:
            return ok("ray", f"ray {installed} is installed, and not used: no executor is ray")
        return ok("ray", "not installed, and not needed: jobs run in the service itself")
    from services.ray import cluster  # only where it is wanted: it brings much along

    try:
        cluster.check(settings)
    except RuntimeError as error:
        found, _, advice = str(error).partition("; ")
        return problem("ray", found, advice)
    address = cluster.address(settings)
    return _reached(address, str(installed), cluster.command(address), cluster.environment())


def _reached(address: str, installed: str, command: list[str], environment: dict[str, str]) -> Finding:
    try:
        ended = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        told: dict[str, Any] = json.loads(ended.stdout.splitlines()[0])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        told = {"unreachable": f"no answer in {_PATIENCE:.0f} s"}
    if why := told.get("unreachable"):
        return problem(
            "ray",
            f"the cluster at {address} can't be reached with ray {installed}: {why}",
            "look at ray_address, and at RAY_AUTH_TOKEN; Python and Ray must be of the same version as on the cluster",
        )
    found = told["cluster"]
    has = f"nodes: {found['nodes']}, CPUs: {found['cpus']:.0f}, GPUs: {found['gpus']:.0f}"
    shown = f"ray {found['version']} at {address}: {has}"
    if not found["cpus"]:
        return warning("ray", f"{shown}; no job can run there", "add nodes with CPUs")
    if not found["token"]:
        return warning(
            "ray",
            f"{shown}; whoever reaches it can run code there",
            "set RAY_AUTH_MODE=token and a token, here and there",
        )
    return ok("ray", f"{shown}; it asks for a token")
