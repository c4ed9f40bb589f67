"""Who may talk to whom under a set of NetworkPolicies: the rules of networking.k8s.io/v1, for pods of one namespace.

A pod that no policy selects is open. One that some policy selects for a direction is closed in it, but for what any of
those policies lets through. A connection needs both ends to agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from tests.deploy.rendered import Object

HERE = "here"
"""The namespace of the release."""
NAMESPACES = {"data": {"team": "data"}}
"""Labels of namespaces, beside their names."""


class End(NamedTuple):
    """One end of a connection: a pod by its labels and namespace, or an address outside of the cluster."""

    labels: Mapping[str, str] | None = None
    namespace: str = HERE
    address: str = ""


def allowed(policies: list[Object], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection is let through at both ends."""
    return _passes(policies, "Egress", source, target, port, protocol) and _passes(
        policies, "Ingress", target, source, port, protocol
    )


def _passes(policies: list[Object], direction: str, subject: End, other: End, port: int, protocol: str) -> bool:
    if subject.labels is None or subject.namespace != HERE:
        return True  # no policy of this namespace is about it
    about = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"] and _selects(policy["spec"]["podSelector"], subject.labels)
    ]
    side = "to" if direction == "Egress" else "from"
    rules = [rule for spec in about for rule in spec.get(direction.lower(), ())]
    return not about or any(
        _of_port(rule, port, protocol) and (side not in rule or any(_is(peer, other) for peer in rule[side]))
        for rule in rules
    )


def _of_port(rule: Object, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(one["port"] == port and one["protocol"] == protocol for one in ports)


def _is(peer: Object, end: End) -> bool:
    if block := peer.get("ipBlock"):
        if not end.address:
            return False
        address = ipaddress.ip_address(end.address)

        def inside(cidr: str) -> bool:
            network = ipaddress.ip_network(cidr)
            return address.version == network.version and address in network

        return inside(block["cidr"]) and not any(inside(cidr) for cidr in block.get("except", ()))
    if end.labels is None:
        return False
    if "namespaceSelector" in peer:
        there = {"kubernetes.io/metadata.name": end.namespace}
        if not _selects(peer["namespaceSelector"], there | NAMESPACES.get(end.namespace, {})):
            return False
    elif end.namespace != HERE:
        return False
    return _selects(peer.get("podSelector", {}), end.labels)


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    for one in selector.get("matchExpressions", ()):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())
