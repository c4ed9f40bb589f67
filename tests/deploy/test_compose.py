"""The compose file: the same promises as the chart's, on one machine."""

from __future__ import annotations

from typing import Any

import yaml

from tests.deploy.dockerfile import parents
from tests.deploy.tools import DEPLOY, ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_nothing_is_root_writes_to_its_image_or_takes_all() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name
        assert not {"privileged", "network_mode", "pid", "devices"} & set(service), name
    assert not SERVICES["postgresql"]["user"].startswith("0")


def test_ports_are_open_on_loopback_alone() -> None:
    assert SERVICES["service"]["ports"] == ["127.0.0.1:50051:50051", "127.0.0.1:8080:8080"]
    assert "ports" not in SERVICES["postgresql"]
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert SERVICES["postgresql"]["networks"] == ["database"]


def test_it_builds_the_image_that_the_chart_runs() -> None:
    build = SERVICES["service"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
    assert build["target"] in parents()


def test_what_is_named_is_there() -> None:
    for service in SERVICES.values():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for mount in service["volumes"]:
            assert mount.partition(":")[0] in COMPOSE["volumes"]


def test_postgresql_is_asked_for() -> None:
    """`docker compose up` alone is the service on SQLite: no profile, no dependence."""
    assert SERVICES["postgresql"]["profiles"] == ["postgresql"]
    assert "profiles" not in SERVICES["service"]
    assert "depends_on" not in SERVICES["service"]
    assert "healthcheck" in SERVICES["postgresql"]
