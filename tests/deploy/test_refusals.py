"""What makes no sense is refused before anything is installed, with the reason."""

from __future__ import annotations

import pytest

from tests.deploy.rendered import TOKEN, Refused, objects, of_kind, text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("replicaCount=0", "/replicaCount"),
        ("replicaCount=two", "/replicaCount"),
        ("replicas=2", "'replicas' not allowed"),
        ("image.tag=a b", "/image/tag"),
        ("image.digest=sha256:abc", "/image/digest"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("settings.studnet=x", "'studnet' not allowed"),
        ("settings.max_running_jobs=0", "/settings/max_running_jobs"),
        ("settings.local_api_base=ftp://x", "/settings/local_api_base"),
        ("settings.artifacts_url=https://models", "/settings/artifacts_url"),
        ("settings.artifacts_url=file:///models", "/settings/artifacts_url"),
        ("service.grpcPort=70000", "/service/grpcPort"),
        ("service.type=LoadBalancer", "'type' not allowed"),
        ("persistence.size=20", "/persistence/size"),
        ("persistence.accessMode=ReadOnlyMany", "/persistence/accessMode"),
        ("resources.limits.memory=lots", "/resources/limits/memory"),
        ("resources.limits.cpu=null", "/resources/limits"),
        ("autoscaling.targetCPUUtilizationPercentage=0", "/autoscaling/targetCPUUtilizationPercentage"),
        ("ingress.rest.host=not a host", "/ingress/rest/host"),
        ("networkPolicy.clients[0].who=me", "/networkPolicy/clients/0"),
        ("modelServer.engine=magic", "/modelServer/engine"),
        ("ray.version=2", "/ray/version"),
        ("env.lower=x", "lower"),
    ],
)
def test_the_schema_refuses(given: str, said: str) -> None:
    with pytest.raises(Refused, match="specifications of the schema") as refused:
        text("", TOKEN, given)
    assert said in str(refused.value)


TLS = ("ingress.enabled=true", "ingress.rest.host=a.example.com", "ingress.grpc.host=b.example.com")
SHARED = ("persistence.accessMode=ReadWriteMany", "database.peers[0].ipBlock.cidr=192.0.2.1/32")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("auth.existingSecret=",), "kubectl create secret generic teachback-token"),
        (("replicaCount=2",), "several replicas need an external database"),
        (("autoscaling.enabled=true", *SHARED), "several replicas need an external database"),
        (
            ("replicaCount=2", "postgresql.enabled=true", "postgresql.existingSecret=p", *SHARED),
            "several replicas need an external database",
        ),
        (("replicaCount=2", "database.existingSecret=d", SHARED[1]), "share the data volume"),
        (
            ("replicaCount=2", "database.existingSecret=d", "persistence.enabled=false", *SHARED),
            "share the data volume",
        ),
        (
            ("replicaCount=2", "database.existingSecret=d", "settings.artifacts_url=s3://models", SHARED[1]),
            "persistence",
        ),
        (
            ("autoscaling.enabled=true", "autoscaling.minReplicas=9", "database.existingSecret=d", *SHARED),
            "greater than autoscaling.maxReplicas",
        ),
        (("postgresql.enabled=true",), "postgresql.existingSecret"),
        (
            ("postgresql.enabled=true", "postgresql.existingSecret=p", "database.existingSecret=d"),
            "there is one database",
        ),
        (("database.existingSecret=d",), "database.peers"),
        (("ingress.enabled=true",), "name both"),
        (("ingress.enabled=true", "ingress.rest.host=a.example.com", "ingress.grpc.host=a.example.com"), "two names"),
        (TLS, "ingress.tlsSecret"),
        ((*TLS, "ingress.tlsSecret=t"), "ingress.controllerNamespace"),
        (("modelServer.enabled=true",), "modelServer.image and modelServer.model"),
        (
            (
                "modelServer.enabled=true",
                "modelServer.image=i",
                "modelServer.model=m",
                "settings.local_api_base=http://x",
            ),
            "choose yours or the chart's",
        ),
        (("ray.enabled=true",), "ray.image and ray.existingSecret"),
        (
            ("ray.enabled=true", "ray.image=teachback-ray:1", "ray.existingSecret=ray-token"),
            "set database.existingSecret",
        ),
        (("settings.training_executor=ray",), "set ray.enabled"),
    ],
)
def test_what_does_not_go_together_is_refused(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(Refused) as refused:
        text("", TOKEN, *given)
    assert said in str(refused.value)


def test_several_replicas_are_let_in_on_an_external_database() -> None:
    given = ("replicaCount=3", "database.existingSecret=d", *SHARED)
    assert of_kind("Deployment", *objects("", TOKEN, *given))[0]["spec"]["replicas"] == 3
