"""Which service a scrape target is: by its host, by a port of this machine, and last by its job."""

from __future__ import annotations

import pytest

from orchestrator.core.model import ContainerSnapshot, ContainerState, PublishedPort, ServiceSpec
from orchestrator.core.scrape import Place, place_of, whose


def _place(
    service: str, port: int | None, *ports: PublishedPort, address: str = "", network: str = "shop_default"
) -> Place:
    container = ContainerSnapshot(
        "c" * 64, f"shop-{service}-1", "image", ContainerState.RUNNING, 0.0,
        ports=ports, addresses=(address,) if address else (), network_mode=network,
    )  # fmt: skip
    return place_of(ServiceSpec(service, service, port=port), container)


PROMETHEUS = _place("prometheus", 9090, PublishedPort(9090, 19090), address="172.18.0.2")
ON_HOST = _place("prometheus", 9090, network="host")
PLACES = (
    PROMETHEUS,
    _place("redis", 6379, address="172.18.0.3"),
    _place("redis-exporter", 9121, PublishedPort(9121, 19121), PublishedPort(53, 9, "", "udp"), address="172.18.0.4"),
    _place("web", 8080, address="172.18.0.5"),
    _place("sidecar", 9100, address="172.18.0.5"),
    _place("agent", 12345, network="host"),
    place_of(ServiceSpec("ai-llm", "Nemotron", port=8091, host="gpu.example"), None),
    place_of(ServiceSpec("absent", "Absent"), None),
)  # fmt: skip

TARGETS = {
    "the service's name": ("redis-exporter", 9121, "redis", ("redis-exporter", "host")),
    "the container's name, in any case": ("Shop-Web-1", 8080, "x", ("web", "host")),
    "the container's address": ("172.18.0.3", 6379, "x", ("redis", "host")),
    "an address that two share: the port says which": ("172.18.0.5", 9100, "x", ("sidecar", "host")),
    "the configured host of a service without a container": ("gpu.example", 8091, "x", ("ai-llm", "host")),
    "the loopback address inside Prometheus' container": ("localhost", 9090, "x", ("prometheus", "port")),
    "nobody else answers at that loopback address": ("127.0.0.1", 19121, "redis", None),
    "the host, as containers call it": ("host.docker.internal", 19121, "x", ("redis-exporter", "port")),
    "a service in the host's network": ("host.containers.internal", 12345, "x", ("agent", "port")),
    "a port of the host that nobody publishes": ("host.docker.internal", 1, "web", None),
    "the job, where the host tells nothing": ("10.0.0.9", 9121, "redis-exporter", ("redis-exporter", "job")),
    "nothing tells it": ("10.0.0.9", 9100, "node", None),
}


@pytest.mark.parametrize(("host", "port", "job", "expected"), TARGETS.values(), ids=TARGETS)
def test_a_target_is_matched_by_the_surest_that_tells(
    host: str, port: int, job: str, expected: tuple[str, str] | None
) -> None:
    assert whose(host, port, job, PLACES, PROMETHEUS) == expected


@pytest.mark.parametrize(("port", "service"), [(19121, "redis-exporter"), (12345, "agent"), (9090, "prometheus")])
def test_a_prometheus_in_the_hosts_network_sees_the_hosts_ports_at_the_loopback_address(
    port: int, service: str
) -> None:
    places = (ON_HOST, *(place for place in PLACES if place.service != "prometheus"))
    assert whose("127.0.0.1", port, "x", places, ON_HOST) == (service, "port")
