"""No secret stands in what is rendered: each is named, and read from a Secret that somebody else has made."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.deploy.rendered import SETS, TOKEN, Refused, environment, objects, of_kind, pods, service_pod, text
from tests.deploy.tools import DEPLOY

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL")
LOCATIONS = re.compile(r"_FILE$")
CANARY = "canary-5f1d0c"


@pytest.mark.parametrize("values", SETS)
def test_secrets_are_referred_to_and_never_made(values: str) -> None:
    everything = objects(values)
    assert not of_kind("Secret", *everything)
    for pod in pods(*everything):
        for container in pod.containers:
            for name, value in environment(container).items():
                if SECRET.search(name) and not LOCATIONS.search(name):
                    assert isinstance(value, str) is (name == "TEACHBACK_DATABASE_URL" and values == "trial"), name
                    assert isinstance(value, str) or value["secretKeyRef"]["name"], name


def test_the_bundled_database_s_address_holds_no_password() -> None:
    told = environment(service_pod(*objects("trial")).containers[0])
    assert told["TEACHBACK_DATABASE_URL"] == "postgresql://teachback@teachback-postgresql:5432/teachback"
    assert told["PGPASSWORD"] == {"secretKeyRef": {"name": "teachback-postgresql", "key": "password"}}


@pytest.mark.parametrize(
    "given",
    [
        f"auth.token={CANARY}",
        f"settings.token={CANARY}",
        f"settings.database_url=postgresql://u:{CANARY}@db/teachback",
        f"env.OPENAI_API_KEY={CANARY}",
        f"env.TEACHBACK_TOKEN={CANARY}",
        f"env.PGPASSWORD={CANARY}",
        f"env.RAY_AUTH_TOKEN={CANARY}",
        f"env.HTTPS_PROXY=http://user:{CANARY}@proxy.example.com:3128",
        f"providerKeys.OPENAI_API_KEY={CANARY}",
        f"database.url=postgresql://u:{CANARY}@db/teachback",
        f"postgresql.password={CANARY}",
        f"modelServer.hubToken.token={CANARY}",
        f"modelServer.extraArgs={{--api-key={CANARY}}}",
    ],
)
def test_a_secret_in_the_values_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(Refused) as refused:
        text("", TOKEN, given)
    assert CANARY not in str(refused.value)


def test_compose_takes_its_secrets_from_files() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            if SECRET.search(name):
                assert LOCATIONS.search(name), name
                assert value.removeprefix("/run/secrets/") in service["secrets"]
