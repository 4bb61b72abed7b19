"""Where a service is asked for its health."""

from __future__ import annotations

import pytest

from orchestrator.core.model import ContainerSnapshot, ContainerState, PublishedPort, ServiceSpec, Tie
from orchestrator.core.reach import Address, in_network_of, network_owner, reach

LOCAL = "127.0.0.1"
REMOTE = "engine.example"


def _spec(port: int | None = 8091, host: str | None = None) -> ServiceSpec:
    return ServiceSpec("web", "Web", port=port, host=host)


def _seen(
    *ports: PublishedPort,
    addresses: tuple[str, ...] = ("172.18.0.5",),
    network_mode: str = "shop_default",
    ties: tuple[Tie, ...] = (),
) -> ContainerSnapshot:
    return ContainerSnapshot(
        "c" * 64, "web", "image", ContainerState.RUNNING, 0.0, ports=ports, addresses=addresses,
        network_mode=network_mode, ties=ties,
    )  # fmt: skip


REACHED = {
    "an explicit host wins over everything": (
        _spec(host="10.0.0.9"), _seen(PublishedPort(8091, 18091, "0.0.0.0")), LOCAL, Address("10.0.0.9", 8091)),
    "published on all addresses": (
        _spec(), _seen(PublishedPort(8091, 18091, "0.0.0.0")), LOCAL, Address(LOCAL, 18091)),
    "published on all addresses of a remote engine": (
        _spec(), _seen(PublishedPort(8091, 18091, "::")), REMOTE, Address(REMOTE, 18091)),
    "published without an address, as Podman tells it": (
        _spec(), _seen(PublishedPort(8091, 18091, "")), LOCAL, Address(LOCAL, 18091)),
    "published on one address": (
        _spec(), _seen(PublishedPort(8091, 18091, "192.0.2.7")), LOCAL, Address("192.0.2.7", 18091)),
    "published on our loopback": (
        _spec(), _seen(PublishedPort(8091, 18091, "127.0.0.2")), LOCAL, Address("127.0.0.2", 18091)),
    "published on our loopback, called by its name": (
        _spec(), _seen(PublishedPort(8091, 18091, "127.0.0.1")), "localhost", Address("127.0.0.1", 18091)),
    "published on the loopback of another machine": (
        _spec(), _seen(PublishedPort(8091, 18091, "127.0.0.1")), REMOTE, Address("172.18.0.5", 8091, inside=True)),
    "published in both families: IPv4": (
        _spec(), _seen(PublishedPort(8091, 1, "fd00::1"), PublishedPort(8091, 2, "192.0.2.7")), LOCAL,
        Address("192.0.2.7", 2)),
    "known by the published number": (
        _spec(3002), _seen(PublishedPort(3000, 3002, "0.0.0.0")), LOCAL, Address(LOCAL, 3002)),
    "the inside number goes before the published one": (
        _spec(80), _seen(PublishedPort(8080, 80, ""), PublishedPort(80, 8000, "")), LOCAL, Address(LOCAL, 8000)),
    "exposed, not published": (
        _spec(), _seen(PublishedPort(8091, None)), LOCAL, Address("172.18.0.5", 8091, inside=True)),
    "only UDP is published": (
        _spec(), _seen(PublishedPort(8091, 18091, "", "udp")), LOCAL, Address("172.18.0.5", 8091, inside=True)),
    "the host's network": (
        _spec(), _seen(addresses=(), network_mode="host"), LOCAL, Address(LOCAL, 8091)),
    "the container's own address, IPv4 first": (
        _spec(), _seen(addresses=("fd00::5", "172.18.0.5")), LOCAL, Address("172.18.0.5", 8091, inside=True)),
    "only an IPv6 address": (_spec(), _seen(addresses=("fd00::5",)), LOCAL, Address("fd00::5", 8091, inside=True)),
    "no port configured, one exposed": (
        _spec(None), _seen(PublishedPort(80, 8080, ""), PublishedPort(53, 53, "", "udp")), LOCAL,
        Address(LOCAL, 8080)),
}  # fmt: skip

NOT_REACHED = {
    "no port anywhere": (_spec(None), _seen(), "exposes none: set port"),
    "several ports and none configured": (
        _spec(None), _seen(PublishedPort(80, 8080), PublishedPort(443, None)), "exposes 80, 443: set port"),
    "another container's network": (
        _spec(), _seen(addresses=(), ties=(Tie("network", "ab" * 32),)), "network of container abababababab"),
    "no address at all": (_spec(), _seen(addresses=(), network_mode="none"), "port 8091 is not published"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "snapshot", "published_host", "address"), REACHED.values(), ids=REACHED)
def test_where_it_is_asked(
    spec: ServiceSpec, snapshot: ContainerSnapshot, published_host: str, address: Address
) -> None:
    assert reach(spec, snapshot, published_host) == address


@pytest.mark.parametrize(("spec", "snapshot", "words"), NOT_REACHED.values(), ids=NOT_REACHED)
def test_why_it_cannot_be_asked(spec: ServiceSpec, snapshot: ContainerSnapshot, words: str) -> None:
    answer = reach(spec, snapshot, LOCAL)
    assert isinstance(answer, str)
    assert words in answer


def test_a_guest_whose_own_look_tells_the_owners_address_needs_no_owner() -> None:
    """A member of a Podman pod: what holds the pod is no service."""
    assert reach(_spec(), _seen(ties=(Tie("network", "ab" * 32),)), LOCAL) == Address("172.18.0.5", 8091, inside=True)


def test_a_guest_in_anothers_network_is_reached_by_the_owners_ports() -> None:
    owner = _seen(PublishedPort(8091, 18091, "0.0.0.0"))
    guest = _seen(addresses=(), ties=(Tie("pid", "p" * 64), Tie("network", owner.container_id)))

    assert network_owner(guest) == owner.container_id
    assert network_owner(owner) is None
    assert reach(_spec(), in_network_of(guest, owner), LOCAL) == Address(LOCAL, 18091)
