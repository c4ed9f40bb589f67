"""`teachback access`: projects, tokens and limits as an operator handles them in a terminal."""

from __future__ import annotations

import json

from teachback.service import Endpoint

from tests.clients.conftest import Cli


def test_the_life_of_a_project_and_a_token(cli: Cli, service: Endpoint) -> None:
    made = cli("access", "create-project", "team-a", "--max-jobs", "4", "--max-spend", "2.5")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [
        "projects/team-a (team-a)",
        "requests a second  unlimited",
        "jobs               0 of 4",
        "stored bytes       0 of unlimited",
        "spend in dollars   0.0000 of 2.5 this month",
    ]
    assert cli("access", "create-project", "team-a").returncode == 2, "the id is taken"
    assert "team-a" in cli("access", "projects").stdout

    changed = cli("access", "set-limits", "team-a", "--max-jobs", "9", "--spend-period", "total", "--json")
    limits = json.loads(changed.stdout)["limits"]
    assert (limits["max_jobs"], limits["max_spend"], limits["spend_period"]) == (9, 2.5, "total")
    reset = json.loads(cli("access", "set-limits", "team-a", "--max-jobs", "1", "--reset", "--json").stdout)["limits"]
    assert (reset["max_jobs"], reset["max_spend"]) == (1, None)

    issued = cli("access", "create-token", "--scope", "write", "--project", "team-a", "--display-name", "ci")
    secret, name = issued.stdout.strip(), issued.stderr.partition(",")[0]
    assert secret.startswith("tb_")
    assert name.startswith("tokens/")
    at = ("--server", service.grpc)
    assert cli(*at, "datasets", "list", TEACHBACK_TOKEN=secret).stdout == ""
    refused = cli(*at, "access", "tokens", TEACHBACK_TOKEN=secret)
    assert (refused.returncode, "wants a token of scope admin" in refused.stderr) == (3, True)

    (row,) = (line.split("\t") for line in cli("access", "tokens", "--project", "team-a").stdout.splitlines())
    assert row[:3] == [name, "projects/team-a", "write"]
    assert row[3] == f"{secret[:9]}..."
    rotated = cli("access", "rotate-token", name, "--grace", "0", "--json")
    fresh = json.loads(rotated.stdout)["secret"]
    assert cli(*at, "jobs", "list", TEACHBACK_TOKEN=secret).returncode == 3
    assert cli(*at, "jobs", "list", TEACHBACK_TOKEN=fresh).returncode == 0
    assert cli("access", "revoke-token", name).stdout == f"{name} is revoked\n"
    assert cli(*at, "jobs", "list", TEACHBACK_TOKEN=fresh).returncode == 3

    entries = [json.loads(line) for line in cli("access", "audit", "--json", "--limit", "40").stdout.splitlines()]
    assert {e["method"].rpartition("/")[2] for e in entries if e["object"] == name} >= {"RotateToken", "RevokeToken"}
    assert secret not in json.dumps(entries)
    assert fresh not in json.dumps(entries)


def test_an_operator_works_in_a_project_by_name(cli: Cli) -> None:
    cli("access", "create-project", "team-b")
    inside = cli("--project", "team-b", "datasets", "list")
    assert (inside.returncode, inside.stdout) == (0, "")
    outside = cli("--project", "team-none", "datasets", "list")
    assert (outside.returncode, "there is no projects/team-none" in outside.stderr) == (2, True)
    assert cli("datasets", "list", TEACHBACK_PROJECT="team-b").stdout == ""
