"""What every pod of the chart promises: no root, a read-only root, limits, probes that ask the ports that are open."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.access.guards import OPEN_PATHS as OPEN_ROUTES
from services.access.guards import OPEN_RPCS as OPEN_METHODS
from services.settings import Settings
from tests.deploy.rendered import SETS, Object, environment, objects, of_kind, pods, service_pod
from tests.support.service import Service

of_every_set = pytest.mark.parametrize("values", SETS)


@of_every_set
def test_nothing_is_root_or_may_become_it(values: str) -> None:
    for pod in pods(*objects(values)):
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True, pod.owner
        assert min(security["runAsUser"], security["runAsGroup"], security["fsGroup"]) > 0, pod.owner
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, pod.owner
        assert not any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")), pod.owner
        assert not any("hostPath" in volume for volume in pod.spec["volumes"]), pod.owner
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "privileged": False,
                "capabilities": {"drop": ["ALL"]},
            }, pod.owner
            assert not any("hostPort" in port for port in container.get("ports", ())), pod.owner


@of_every_set
def test_nobody_holds_a_token_of_the_cluster_or_a_right_in_it(values: str) -> None:
    everything = objects(values)
    assert all(pod.spec["automountServiceAccountToken"] is False for pod in pods(*everything))
    assert [one["automountServiceAccountToken"] for one in of_kind("ServiceAccount", *everything)] == [False]
    rights = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    assert not [one for kind in rights for one in of_kind(kind, *everything)]


@of_every_set
def test_services_of_the_namespace_are_no_settings(values: str) -> None:
    """A Service named teachback-grpc would become TEACHBACK_GRPC_PORT=tcp://..., and the service would not start."""
    assert all(pod.spec["enableServiceLinks"] is False for pod in pods(*objects(values)))


@of_every_set
def test_everybody_asks_for_something_and_has_a_limit(values: str) -> None:
    for pod in pods(*objects(values)):
        for container in pod.containers:
            for amounts in (container["resources"]["requests"], container["resources"]["limits"]):
                assert {"cpu", "memory"} <= set(amounts), pod.owner
        for volume in pod.spec["volumes"]:
            assert volume.get("emptyDir", {"sizeLimit": "1Gi"}).get("sizeLimit"), pod.owner


@of_every_set
def test_mounts_and_volumes_belong_together(values: str) -> None:
    for pod in pods(*objects(values)):
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        claims = {"data"} if pod.component == "postgresql" else set()  # the StatefulSet's own
        mounted = {mount["name"] for container in pod.containers for mount in container["volumeMounts"]}
        assert volumes | claims == mounted, pod.owner
        for container in pod.containers:
            places = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(places) == len(set(places)), pod.owner


@of_every_set
def test_probes_ask_ports_that_are_there(values: str) -> None:
    for pod in pods(*objects(values)):
        if pod.component in ("test", "ray-head", "ray-worker"):
            continue  # a test ends by itself, and KubeRay adds Ray's probes
        for container in pod.containers:
            named = {port["name"]: port["containerPort"] for port in container["ports"]}
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe: Object = container[name]
                asked = [probe[kind]["port"] for kind in ("httpGet", "grpc", "tcpSocket") if kind in probe]
                assert all(port in {*named, *named.values()} for port in asked), (pod.owner, name)
                assert asked or "exec" in probe, (pod.owner, name)


def test_the_ports_are_those_that_the_service_listens_on() -> None:
    container = service_pod(*objects("laptop")).containers[0]
    told = environment(container)
    settings = Settings(grpc_port=told["TEACHBACK_GRPC_PORT"], rest_port=told["TEACHBACK_REST_PORT"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": settings.grpc_port, "rest": settings.rest_port}
    offered = of_kind("Service", *objects("laptop", "service.grpcPort=443", "service.restPort=80"))[0]["spec"]["ports"]
    assert {(one["port"], one["targetPort"]) for one in offered} == {(443, "grpc"), (80, "rest")}


def test_the_service_answers_its_probes_without_a_token(service: Service) -> None:
    container = service_pod(*objects("laptop")).containers[0]
    for name in ("startupProbe", "livenessProbe"):
        path = container[name]["httpGet"]["path"]
        assert path in OPEN_ROUTES
        assert httpx.get(f"{service.rest}{path}").status_code == 200
    assert httpx.get(f"{service.rest}/v1/jobs").status_code == 401
    assert container["readinessProbe"]["grpc"] == {"port": 50051}, "asks for the whole server: no name of a service"
    assert "/grpc.health.v1.Health/" in OPEN_METHODS
    with grpc.insecure_channel(service.grpc) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_with_a_certificate_everybody_who_asks_speaks_tls() -> None:
    monitored = ("observability.podMonitor.enabled=true", "observability.podMonitor.existingSecret=t")
    for certificate, scheme in (("", "HTTP"), ("own", "HTTPS")):
        given = (f"tls.existingSecret={certificate}", "settings.metrics=true", *monitored)
        everything = objects("laptop", *given)
        container = service_pod(*everything).containers[0]
        for name in ("startupProbe", "livenessProbe"):
            assert container[name]["httpGet"]["scheme"] == scheme
        assert ("grpc" in container["readinessProbe"]) is not bool(certificate)
        protocols = {port["appProtocol"] for port in of_kind("Service", *everything)[0]["spec"]["ports"]}
        assert protocols == ({"https"} if certificate else {"http", "kubernetes.io/h2c"})
        asked = of_kind("PodMonitor", *everything)[0]["spec"]["podMetricsEndpoints"][0]
        assert asked.get("scheme", "http") == scheme.lower()
        assert ("tlsConfig" in asked) is bool(certificate)


def test_one_pod_gives_way_before_the_next_one_starts_and_several_do_not() -> None:
    alone, several = (of_kind("Deployment", *objects(values))[0]["spec"] for values in ("laptop", "team"))
    assert alone["strategy"] == {"type": "Recreate"}
    assert alone["replicas"] == 1
    assert several["strategy"] == {"type": "RollingUpdate"}
    assert several["template"]["spec"]["topologySpreadConstraints"]


def test_a_budget_of_disruptions_is_there_for_several_pods_only() -> None:
    assert not of_kind("PodDisruptionBudget", *objects("laptop"))
    assert of_kind("PodDisruptionBudget", *objects("team"))[0]["spec"]["maxUnavailable"] == 1


def test_with_an_object_store_each_pod_has_a_disk_of_its_own() -> None:
    everything = objects("objects")
    (data,) = (volume for volume in service_pod(*everything).spec["volumes"] if volume["name"] == "data")
    assert data["emptyDir"] == {"sizeLimit": "100Gi"}
    assert not of_kind("PersistentVolumeClaim", *everything)
    (account,) = of_kind("ServiceAccount", *everything)
    assert list(account["metadata"]["annotations"]) == ["eks.amazonaws.com/role-arn"]
    key = environment(service_pod(*everything).containers[0])["AWS_SECRET_ACCESS_KEY"]
    assert key == {"secretKeyRef": {"name": "object-store", "key": "secret"}}


def test_where_rays_nodes_work_the_service_has_ray_too() -> None:
    image = service_pod(*objects("gpu")).containers[0]["image"]
    assert "teachback-ray-training@" in image, "executor: ray ends the start of an image without Ray"


def test_gpus_are_limits() -> None:
    def owners(values: str) -> set[str]:
        return {
            pod.owner
            for pod in pods(*objects(values))
            for container in pod.containers
            if container["resources"]["limits"].get("nvidia.com/gpu")
        }

    ray = "RayCluster/teachback-ray/gpu"
    assert owners("gpu") == {"Deployment/teachback", "Deployment/teachback-model-server", ray}
    assert owners("llamacpp") == set()


def test_a_change_of_a_setting_starts_the_pod_anew() -> None:
    def told(*sets: str) -> str:
        template = of_kind("Deployment", *objects("laptop", *sets))[0]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert told() == told("replicaCount=1")
    assert told() != told("settings.max_running_jobs=9")


def test_a_change_of_a_setting_is_for_rays_pods_too() -> None:
    def told(*sets: str) -> list[Any]:
        spec = of_kind("RayCluster", *objects("gpu", *sets))[0]["spec"]
        assert spec["upgradeStrategy"] == {"type": "Recreate"}
        return [group["template"]["metadata"]["annotations"] for group in spec["workerGroupSpecs"]]

    assert told() == told("service.restPort=8081")
    assert told() != told("settings.max_row_bytes=4096")
