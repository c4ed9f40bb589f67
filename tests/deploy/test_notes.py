"""What helm says after an installation: commands that name what is there, and warnings where something is open."""

from __future__ import annotations

import pytest

from tests.deploy.rendered import RELEASE, SETS
from tests.deploy.tools import CHART, helm, run


def notes(values: str, *sets: str) -> str:
    """The notes of a value set, installed in namespace team-a."""
    given = [word for one in sets for word in ("--set", one)]
    command = ("install", RELEASE, CHART, "--namespace", "team-a", "--dry-run=client", "--values")
    ended = run(helm(), *command, CHART / f"ci/{values}.yaml", *given)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.partition("\nNOTES:\n")[2]


@pytest.mark.parametrize("values", SETS)
def test_they_are_whole(values: str) -> None:
    told = notes(values)
    assert "<no value>" not in told
    assert "WARNING" not in told
    for command in (
        "kubectl --namespace team-a rollout status deployment/teachback",
        "kubectl --namespace team-a port-forward service/teachback 50051:50051 8080:8080",
        "kubectl --namespace team-a get secret teachback-token "
        """--output go-template='{{ index .data "token" | base64decode }}' > token""",
        "helm --namespace team-a test teachback --logs",
    ):
        assert f"  {command}\n" in told


def test_they_say_where_results_are_and_how_to_come_in() -> None:
    assert "in SQLite on the data volume" in notes("laptop")
    assert "bundled PostgreSQL, which is for trials" in notes("trial")
    team = notes("team")
    assert "in the database of Secret teachback-database" in team
    assert "REST at https://teachback.example.com, gRPC at grpc.teachback.example.com:443." in team
    assert "student local/qwen3-4b" in notes("gpu")


def test_they_warn() -> None:
    told = notes("laptop", "persistence.enabled=false", "networkPolicy.enabled=false")
    assert "WARNING: persistence.enabled is false" in told
    assert "WARNING: networkPolicy.enabled is false" in told
    assert "teachback-client" not in told
