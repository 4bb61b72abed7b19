"""Which of our services a scrape target of Prometheus is, as far as that can be told from its address and its job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

from orchestrator.core.model import ContainerSnapshot, ServiceSpec

Means = Literal["host", "port", "job"]
"""What told it: a name or address of its container, a port of the host, or only the name of the job."""

_HOST_NAMES: Final = frozenset({"host.docker.internal", "host.containers.internal"})
"""What containers call the machine that they run on."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one service can be scraped."""

    service: str
    names: frozenset[str]
    """Names and addresses of its container, in lower case."""
    ports: frozenset[int]
    """Inside its network."""
    host_ports: frozenset[int]
    """On the host."""
    on_host: bool
    """Its network is the host's."""


def place_of(spec: ServiceSpec, container: ContainerSnapshot | None) -> Place:
    """``container`` as it is reached (:func:`orchestrator.core.reach.in_network_of`); ``None``: there is none."""
    named = {spec.name.lower()} | ({spec.host.lower()} if spec.host else set())
    configured = {spec.port} if spec.port is not None else set()
    if container is None:
        return Place(spec.name, frozenset(named), frozenset(configured), frozenset(), on_host=False)
    tcp = [port for port in container.ports if port.protocol == "tcp"]
    ports = configured | {port.container_port for port in tcp}
    on_host = container.network_mode == "host"
    published = {port.host_port for port in tcp if port.host_port}
    return Place(
        service=spec.name,
        names=frozenset(named | {container.name.lower(), *container.addresses}),
        ports=frozenset(ports),
        host_ports=frozenset(ports if on_host else published),
        on_host=on_host,
    )


def whose(host: str, port: int | None, job: str, places: Iterable[Place], scraper: Place) -> tuple[str, Means] | None:
    """The service that ``scraper``, itself one of ``places``, scrapes at ``host`` and ``port``, and what told it."""
    known = tuple(places)
    name = host.lower()
    if _is_loopback(name) and not scraper.on_host:
        # The loopback address of Prometheus' own network: nobody else's.
        return (scraper.service, "port") if port in scraper.ports else None
    if _is_loopback(name) or name in _HOST_NAMES:
        return _first((place.service for place in known if port in place.host_ports), "port")
    named = [place for place in known if name in place.names]
    if named:
        # Containers that share a network have one address.
        return max(named, key=lambda place: port in place.ports).service, "host"
    return _first((place.service for place in known if place.service == job), "job")


def _first(services: Iterable[str], means: Means) -> tuple[str, Means] | None:
    found = next(iter(services), None)
    return None if found is None else (found, means)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
