"""Where to ask: the address at which a service of one run is reached from here, worked out anew for each run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from orchestrator.core.model import ContainerSnapshot, PublishedPort, ServiceSpec


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    inside: bool = False
    """The container's own address, which not every engine lets us reach (rootless networks, virtual machines)."""


def in_network_of(snapshot: ContainerSnapshot, owner: ContainerSnapshot) -> ContainerSnapshot:
    """``snapshot``, which uses the network of ``owner``, as it is reached: by the owner's ports and addresses."""
    return replace(
        snapshot, ports=owner.ports, addresses=owner.addresses, network_mode=owner.network_mode, ties=owner.ties
    )


def network_owner(snapshot: ContainerSnapshot) -> str | None:
    """The id of the container whose network it uses; ``None``: it has its own, or the host's."""
    return next((tie.container for tie in snapshot.ties if tie.kind == "network"), None)


def reach(spec: ServiceSpec, snapshot: ContainerSnapshot, published_host: str) -> Address | str:
    """The address to probe, or in words why there is none.

    In this order: the configured host, the published port, the host's network, the container's own address.
    ``published_host`` is where ports published on all of the engine's addresses are reached from here.
    """
    port = _container_port(spec, snapshot)
    if isinstance(port, str):
        return port
    if spec.host is not None:
        return Address(spec.host, port)
    published = _published(snapshot.ports, port, published_host)
    if published is not None:
        return published
    if snapshot.network_mode == "host":
        return Address(published_host, port)
    if snapshot.addresses:
        return Address(_preferred(snapshot.addresses), port, inside=True)
    owner = network_owner(snapshot)
    if owner is not None:
        return (
            f"it uses the network of container {owner[:12]}, which is not managed: "
            f"set host (label orchestrator.host) to where port {port} answers"
        )
    return (
        f"port {port} is not published and the container has no address of its own: "
        "publish it, or set host (label orchestrator.host)"
    )


def _container_port(spec: ServiceSpec, snapshot: ContainerSnapshot) -> int | str:
    """The configured port; without one, the only TCP port that the container shows."""
    if spec.port is not None:
        return spec.port
    shown = sorted({port.container_port for port in snapshot.ports if port.protocol == "tcp"})
    if len(shown) == 1:
        return shown[0]
    if not shown:
        return "no port is configured and the container exposes none: set port (label orchestrator.port)"
    listed = ", ".join(map(str, shown))
    return f"no port is configured and the container exposes {listed}: set port (label orchestrator.port)"


def _published(ports: Iterable[PublishedPort], port: int, published_host: str) -> Address | None:
    """Where the engine publishes the port.

    The number may also be the published one, where no container port has it: the figures people know a service
    by are often those (Grafana's 3002 is its 3000 inside).
    """
    tcp = [each for each in ports if each.protocol == "tcp"]
    inside = [each for each in tcp if each.container_port == port]
    mapped = inside or [each for each in tcp if each.host_port == port]
    addresses = [
        Address(host, each.host_port)
        for each in mapped
        if each.host_port and (host := _reachable(each.host_ip, published_host)) is not None
    ]
    return min(addresses, key=lambda address: ":" in address.host, default=None)


def _reachable(host_ip: str, published_host: str) -> str | None:
    """The host to use for a port bound to ``host_ip``; ``None``: the loopback of a machine that is not ours."""
    bound = _parsed(host_ip)
    if bound is None or bound.is_unspecified:
        return published_host
    if bound.is_loopback and not _is_loopback(published_host):
        return None
    return host_ip


def _is_loopback(host: str) -> bool:
    parsed = _parsed(host)
    return host == "localhost" if parsed is None else parsed.is_loopback


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _preferred(addresses: tuple[str, ...]) -> str:
    return min(addresses, key=lambda address: ":" in address)
