"""Everything is closed but for what is needed: tried out connection by connection."""

from __future__ import annotations

import itertools

import pytest

from tests.deploy.firewall import End, allowed
from tests.deploy.rendered import SETS, Object, objects, of_kind, pods

DNS = End({"k8s-app": "kube-dns"}, "kube-system")
CLIENT = End({"teachback-client": "true"})
STRANGER = End({"app": "stranger"})
ELSEWHERE = End({"teachback-client": "true"}, "elsewhere")
PROVIDER = End(address="203.0.113.7")
METADATA = End(address="169.254.169.254")
NODE = End(address="10.0.0.9")
NEEDED = {
    ("test", "service"): {50051, 8080},
    ("service", "postgresql"): {5432},
    ("service", "model-server"): {8000},
    ("service", "ray-head"): {6379, 8265, 10001},
    ("ray-worker", "model-server"): {8000},
    ("ray-worker", "postgresql"): {5432},
}
"""Beside what Ray's nodes say to each other."""
PORTS = (22, 80, 443, 5432, 6379, 8000, 8080, 8265, 10001, 10100, 50051)


def world(values: str, *sets: str) -> tuple[list[Object], dict[str, End]]:
    """The policies, and a pod of each component."""
    everything = objects(values, *sets)
    return of_kind("NetworkPolicy", *everything), {pod.component: End(pod.labels) for pod in pods(*everything)}


@pytest.mark.parametrize("values", SETS)
def test_inside_of_the_release_only_what_is_needed_is_open(values: str) -> None:
    policies, ends = world(values)
    for (one, source), (other, target) in itertools.product(ends.items(), repeat=2):
        if {one, other} <= {"ray-head", "ray-worker"}:
            assert allowed(policies, source, target, 10100)
            continue
        open_ports = {port for port in PORTS if allowed(policies, source, target, port)}
        assert open_ports == NEEDED.get((one, other), set()), (one, other)


@pytest.mark.parametrize("values", SETS)
def test_from_outside_of_the_release_only_clients_reach_the_service(values: str) -> None:
    policies, ends = world(values)
    for component, end in ends.items():
        for port in PORTS:
            assert allowed(policies, CLIENT, end, port) is (component == "service" and port in (50051, 8080))
            for source in (STRANGER, ELSEWHERE, NODE, DNS):
                assert not allowed(policies, source, end, port), (component, source, port)


@pytest.mark.parametrize("values", SETS)
def test_to_the_outside_only_names_and_providers_are_reached(values: str) -> None:
    policies, ends = world(values)
    for component, end in ends.items():
        calls_models = component in ("service", "model-server", "ray-head", "ray-worker")
        assert allowed(policies, end, DNS, 53, "UDP") is (calls_models or component == "test")
        assert allowed(policies, end, PROVIDER, 443) is calls_models, component
        for target in (METADATA, NODE, STRANGER):
            assert not any(allowed(policies, end, target, port) for port in PORTS), (component, target)
        assert not allowed(policies, end, PROVIDER, 80), component


def test_the_database_outside_is_reached_at_its_address_alone() -> None:
    policies, ends = world("team")
    assert allowed(policies, ends["service"], End(address="192.0.2.10"), 5432)
    assert not allowed(policies, ends["service"], End(address="192.0.2.11"), 5432)
    assert not allowed(policies, ends["test"], End(address="192.0.2.10"), 5432)
    policies, ends = world("gpu")
    database = End({"any": "pod"}, "postgresql")
    assert allowed(policies, ends["ray-worker"], database, 5432)
    assert not allowed(policies, ends["model-server"], database, 5432)


def test_the_ingress_controller_and_named_clients_come_in() -> None:
    policies, ends = world("team")
    for source in (End({"any": "pod"}, "traefik"), End({"any": "pod"}, "data")):
        assert all(allowed(policies, source, ends["service"], port) for port in (50051, 8080))
        assert not allowed(policies, source, ends["service"], 443)
    assert allowed(policies, ends["service"], End(address="192.0.2.20"), 3128), "the proxy of env.HTTPS_PROXY"


def test_where_providers_are_can_be_said() -> None:
    policies, ends = world("laptop", "networkPolicy.httpsTo=null")
    assert not allowed(policies, ends["service"], PROVIDER, 443)
    assert allowed(policies, ends["service"], DNS, 53)


def test_where_names_are_looked_up_can_be_said() -> None:
    peer = r"networkPolicy.dns.peers[0].namespaceSelector.matchLabels.kubernetes\.io/metadata\.name=openshift-dns"
    policies, ends = world("laptop", peer, "networkPolicy.dns.ports[0]=5353")
    for end in (ends["service"], ends["test"]):
        assert allowed(policies, end, End({"any": "pod"}, "openshift-dns"), 5353, "UDP")
        assert not allowed(policies, end, DNS, 53, "UDP")


def test_two_releases_of_one_namespace_are_strangers() -> None:
    policies, ends = world("trial")
    labels = dict(ends["service"].labels or {})
    other = End(labels | {"app.kubernetes.io/instance": "another"})
    assert not allowed(policies, other, ends["postgresql"], 5432)
    assert allowed(policies, ends["service"], ends["postgresql"], 5432)


def test_without_policies_there_are_none() -> None:
    assert world("trial", "networkPolicy.enabled=false")[0] == []
