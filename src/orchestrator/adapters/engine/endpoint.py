"""Where the container engine is: found from the environment and the sockets that exist.

Pure but for :meth:`Tls.context`, which reads the certificate files when a connection is made.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

LAST_RESORT: Final = "tcp://host.containers.internal:2375"
"""The engine of the host, as a container that is given no socket reaches it."""

DOCKER_SOCKETS: Final = ("/run/docker.sock", "/var/run/docker.sock")
PODMAN_SOCKET: Final = "/run/podman/podman.sock"
PLAIN_PORT: Final = 2375
TLS_PORT: Final = 2376


class EndpointInvalid(ValueError):
    """The configured address is no address of an engine; the text says what would be."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates as the Docker command line names them: ``ca.pem``, ``cert.pem`` and ``key.pem`` in one folder."""

    folder: str
    verify: bool

    def context(self) -> ssl.SSLContext:
        """Raises :class:`OSError` (also for a malformed file: :class:`ssl.SSLError` is one)."""
        folder = Path(self.folder)
        if not self.verify:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            authority = folder / "ca.pem"
            context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        if (folder / "cert.pem").exists():
            context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
        return context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where an engine may answer."""

    address: str
    """As configured or found, for people."""
    base: str
    """What request addresses start with."""
    socket: str | None = None
    """The path of a local socket; ``None``: over TCP."""
    host: str = "127.0.0.1"
    """Where ports published by this engine are reached."""
    tls: Tls | None = None


def candidates(
    environment: Mapping[str, str],
    exists: Callable[[str], bool],
    uid: int,
    explicit: str | None = None,
) -> tuple[str, ...]:
    """Addresses to try, in order: one if it is configured, else every local socket that exists and the last resort.

    ``explicit`` (our own setting) wins over ``ORCHESTRATOR_DOCKER_HOST`` in the environment, and both over
    ``DOCKER_HOST``. Docker's contexts are not looked up: a supervisor must not change engines because somebody
    typed ``docker context use``.
    """
    for address in (explicit, environment.get("ORCHESTRATOR_DOCKER_HOST"), environment.get("DOCKER_HOST")):
        if address:
            return (address,)
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    home = environment.get("HOME")
    docker = next((path for path in DOCKER_SOCKETS if exists(path)), None)
    sockets = (
        docker,
        f"{runtime}/docker.sock",
        f"{home}/.docker/run/docker.sock" if home else None,
        PODMAN_SOCKET,
        f"{runtime}/podman/podman.sock",
    )
    found = dict.fromkeys(f"unix://{path}" for path in sockets if path is not None and exists(path))
    return (*found, LAST_RESORT)


def parse(address: str, environment: Mapping[str, str]) -> Endpoint:
    """Raises :class:`EndpointInvalid`."""
    if address.startswith("/"):
        address = f"unix://{address}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise EndpointInvalid(f"the address cannot be read ({error})") from None
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.netloc:
            raise EndpointInvalid("a local socket needs an absolute path, as in unix:///run/docker.sock")
        return Endpoint(address, "http://localhost", socket=parts.path)
    if parts.scheme not in {"tcp", "http", "https"}:
        raise EndpointInvalid("only unix:///path, tcp://host:port and https://host:port are understood")
    if not parts.hostname:
        raise EndpointInvalid("the host is missing, as in tcp://127.0.0.1:2375")
    tls = _tls(parts.scheme, environment)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = port or (PLAIN_PORT if tls is None else TLS_PORT)
    scheme = "http" if tls is None else "https"
    return Endpoint(address, f"{scheme}://{host}:{port}", host=parts.hostname, tls=tls)


def _tls(scheme: str, environment: Mapping[str, str]) -> Tls | None:
    """TLS is asked for as the Docker command line is asked: any value of ``DOCKER_TLS_VERIFY`` but an empty one."""
    verify = environment.get("DOCKER_TLS_VERIFY", "") not in {"", "0"}
    wanted = verify or environment.get("DOCKER_TLS", "") not in {"", "0"} or scheme == "https"
    if not wanted:
        return None
    folder = environment.get("DOCKER_CERT_PATH") or f"{environment.get('HOME', '')}/.docker"
    return Tls(folder, verify=verify or scheme == "https")
