"""One engine, reached: the HTTP session, the negotiated version, and foreign errors made ours."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError

from orchestrator.adapters.engine.endpoint import Endpoint, EndpointInvalid, parse
from orchestrator.errors import (
    ActionRefused,
    ContainerNotFound,
    EngineAway,
    EngineError,
    EngineForbidden,
    EngineHung,
    EngineUnavailable,
    EngineUnsuitable,
)
from orchestrator.ports import EngineIdentity

OLDEST_API: Final = (1, 40)
"""Docker 19.03; Podman speaks 1.41 since 4.0."""
NEWEST_API: Final = (1, 51)
"""The newest whose fields we know; a newer engine is spoken to in this one."""
OLDEST_PODMAN: Final = 4
STOPS_RECORDED: Final = (4, 7)
"""The Podman from which on its own API shows whether somebody stopped a container."""
LIBPOD: Final = "/v4.0.0/libpod"
"""Podman's own API, in the oldest version that is asked for."""
POOL: Final = 64
"""Connections to one engine; the event stream and every running action or exec hold one each."""
IDLE: Final = 5.0
"""Seconds a connection is kept for the next call; under the shortest idle time-out an engine uses."""

_START: Final = "Start Docker or Podman (for example: podman system service --time=0), or set ORCHESTRATOR_DOCKER_HOST"
_PERMIT: Final = "Give this user access to the socket (for Docker: its group), or set ORCHESTRATOR_DOCKER_HOST"
_WAKE: Final = "See whether it still answers others (docker version, podman version) and restart it if not"
_CHECK: Final = "Check ORCHESTRATOR_DOCKER_HOST"
_CERTIFY: Final = "Check DOCKER_TLS_VERIFY and the certificates in DOCKER_CERT_PATH"
ADMIT: Final = "If a proxy guards its socket, let it pass the calls that docs/security.md lists"

REFUSALS: Final = frozenset({401, 403, 405})
"""No engine answers a call of ours with these: a proxy before its socket does, or its authorization plugin. They say
nothing about a container."""
_TAG: Final = re.compile(r"<[^>]*>")


class NotLetThrough(ActionRefused):
    """The call did not reach the engine: it saw nothing of it, and nothing was done."""

    def __init__(self, status: int, words: str) -> None:
        """``words``: what the proxy answered, a page perhaps, of which only the text is kept."""
        told = " ".join(_TAG.sub(" ", words).split())[:200]
        self.fact = f"the call is not let through ({status}: {told})"
        super().__init__(status, f"{self.fact}. {ADMIT}")


class Connection:
    """Calls to one endpoint. Made inside a running loop; no I/O before the first call.

    ``docker`` is aiodocker's client on our connector: given both, it looks up neither environment nor contexts.
    """

    def __init__(self, address: str, environment: Mapping[str, str], patience: float) -> None:
        """Raises :class:`EngineUnavailable` for an address or certificates that cannot be used."""
        self.address = address
        self.endpoint = _endpoint(address, environment)
        self.identity: EngineIdentity | None = None
        """``None``: not negotiated yet, or not since the engine was away."""
        connector = _connector(self.endpoint)
        # Over TCP, connecting may hang by itself (a name, a firewall): that engine is away, not hung.
        connecting = None if self.endpoint.socket is not None else patience / 2
        self.session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, connect=connecting),
            auto_decompress=False,
            trust_env=False,
        )
        self.docker = aiodocker.Docker(
            url=self.endpoint.base, connector=connector, session=self.session, api_version="v1.40"
        )

    async def close(self) -> None:
        await self.docker.close()
        await self.session.close()

    def url(self, path: str) -> str:
        """``path`` begins with a slash; a path of Podman's own API is given with its version."""
        if path.startswith(LIBPOD):
            return f"{self.endpoint.base}{path}"
        return f"{self.endpoint.base}/{self.docker.api_version}{path}"

    async def ask(self, path: str, **params: str) -> Any:
        """The JSON that the engine answers. Raises what :func:`guarded` translates."""
        return (await self.ask_dated(path, **params))[0]

    async def ask_dated(self, path: str, **params: str) -> tuple[Any, float]:
        """What the engine answers, and when by its own clock (whole seconds)."""
        async with self.session.get(self.url(path), params=params) as response:
            body = await response.read()
        if response.status >= 400:
            raise DockerError(response.status, spoken(body))
        return (json.loads(body) if body else None), date(response)

    @property
    def is_podman(self) -> bool:
        return self.identity is not None and self.identity.kind == "podman"

    async def stopped_by_user(self, container_id: str) -> bool | None:
        """Podman's own record, of a container that is down; ``None``: this one is too old to show it."""
        if self.identity is None or _version(self.identity.version)[:2] < STOPS_RECORDED:
            return None
        document = await self.ask(f"{LIBPOD}/containers/{named(container_id)}/json")
        return (document.get("State") or {}).get("StoppedByUser") is True

    async def negotiate(self) -> EngineIdentity:
        """Ask who answers, and settle on a version that both sides speak."""
        try:
            async with self.session.get(f"{self.endpoint.base}/version") as response:
                body = await response.read()
        except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
            # With TLS 1.3 an engine that misses our certificate says so after the handshake, by hanging up.
            if self.endpoint.tls is None:
                raise
            fact = "it hung up on our first question, as an engine does that does not trust our certificate"
            raise EngineForbidden(self.address, fact, _CERTIFY) from error
        if response.status in REFUSALS:
            remedy = ADMIT if self.endpoint.tls is None else _CERTIFY
            raise EngineForbidden(self.address, NotLetThrough(response.status, spoken(body)).fact, remedy)
        if response.status >= 500:
            raise EngineUnavailable(self.address, f"it answered {response.status}: {spoken(body)}", _WAKE)
        self.identity = identify(self.address, response.status, body)
        self.docker.api_version = f"v{self.identity.api_version}"
        return self.identity


def identify(address: str, status: int, body: bytes) -> EngineIdentity:
    """Read ``GET /version``. Raises :class:`EngineUnsuitable` for no engine, or one too old or too new."""
    foreign = EngineUnsuitable(address, "what answers there is neither Docker nor Podman", _CHECK)
    try:
        document = json.loads(body)
        offered = _version(document["ApiVersion"])
        least = _version(document.get("MinAPIVersion") or "1.0")
        version = str(document["Version"])
    except (ValueError, KeyError, TypeError):
        raise foreign from None
    if status != 200:
        raise foreign
    components = document.get("Components") or ()
    podman = any(str(component.get("Name")).startswith("Podman") for component in components)
    if podman and _version(version)[0] < OLDEST_PODMAN:
        raise EngineUnsuitable(
            address, f"Podman {version} is too old", f"Podman {OLDEST_PODMAN}.0 or newer is needed: update it"
        )
    if offered < OLDEST_API:
        raise EngineUnsuitable(
            address,
            f"engine {version} speaks API {_dotted(offered)}, which is too old",
            f"API {_dotted(OLDEST_API)} (Docker 19.03) or newer is needed: update the engine",
        )
    if least > NEWEST_API:
        raise EngineUnsuitable(
            address,
            f"engine {version} speaks API {_dotted(least)} and newer only",
            f"This orchestrator speaks up to {_dotted(NEWEST_API)}: update it",
        )
    return EngineIdentity("podman" if podman else "docker", version, _dotted(min(offered, NEWEST_API)))


@asynccontextmanager
async def guarded(address: str, seconds: float | None) -> AsyncIterator[None]:
    """Everything inside ends within ``seconds`` (``None``: whenever it does) and raises only :class:`EngineError` (or
    is cancelled)."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except EngineError:
        raise
    except aiohttp.ServerTimeoutError:
        raise EngineAway(address, "no connection could be made in time", _START) from None
    except TimeoutError:
        if seconds is None:
            raise away(address, "the connection timed out") from None
        raise hung(address, seconds) from None
    except (DockerError, aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
        raise translated(address, error) from error


def hung(address: str, seconds: float) -> EngineHung:
    return EngineHung(address, f"it did not answer within {seconds:g} s", _WAKE)


def away(address: str, fact: str) -> EngineAway:
    return EngineAway(address, fact, _START)


def date(response: aiohttp.ClientResponse) -> float:
    """The engine's wall time, which every answer carries; 0 where it does not."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except ValueError:
        return 0.0


def named(container_id: str) -> str:
    """A container's id or name as one part of a path, whatever it holds."""
    return quote(container_id, safe="")


def spoken(body: bytes) -> str:
    """The engine's own words in an error answer, JSON or plain."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        return text[:500]
    return str(document.get("message") or text) if isinstance(document, dict) else text[:500]


def translated(address: str, error: Exception) -> EngineError:
    """Our error for a foreign one: what is wrong with the connection, or what the engine said."""
    if isinstance(error, DockerError):
        # aiodocker wraps a failed connection as status 900 and keeps the reason only as the context.
        context = error.__context__
        if error.status == 900 and isinstance(context, Exception):
            return _unreachable(address, context)
        return _answered(error)
    if isinstance(error, aiohttp.ClientError | OSError):
        return _unreachable(address, error)
    return EngineUnsuitable(address, f"its answer cannot be read ({type(error).__name__}: {error})", _CHECK)


def _answered(error: DockerError) -> EngineError:
    # Podman answers 500, not 404, when a container vanishes while it is being worked on.
    gone = error.status == 500 and "no such container" in error.message.lower()
    if error.status == 404 or gone:
        return ContainerNotFound(error.message)
    if error.status in REFUSALS:
        return NotLetThrough(error.status, error.message)
    return ActionRefused(error.status, error.message)


def _unreachable(address: str, error: Exception) -> EngineUnavailable:
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return EngineForbidden(address, f"no trusted connection ({error})", _CERTIFY)
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EACCES, errno.EPERM}:
        return EngineForbidden(address, "permission denied", _PERMIT)
    if number == errno.ENOENT:
        return EngineAway(address, "there is no such socket", _START)
    if number == errno.ECONNREFUSED:
        return EngineAway(address, "nobody listens there", _START)
    if number in {errno.EAGAIN, errno.ENOTCONN}:  # a local socket whose queue of callers is full
        return EngineHung(address, "it accepts no more calls", _WAKE)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return EngineAway(address, "its name cannot be resolved, and no local socket was found", _START)
    if isinstance(error, aiohttp.ClientPayloadError):
        return EngineAway(address, "the connection broke in the middle of an answer", _START)
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return EngineAway(address, f"the connection broke ({str(error) or type(error).__name__})", _START)
    return EngineUnsuitable(address, f"what answers there is no engine ({error})", _CHECK)


def _endpoint(address: str, environment: Mapping[str, str]) -> Endpoint:
    try:
        return parse(address, environment)
    except EndpointInvalid as error:
        raise EngineUnsuitable(address, str(error), _CHECK) from None


def _connector(endpoint: Endpoint) -> aiohttp.BaseConnector:
    if endpoint.socket is not None:
        return aiohttp.UnixConnector(endpoint.socket, limit=POOL, keepalive_timeout=IDLE)
    if endpoint.tls is None:
        return aiohttp.TCPConnector(limit=POOL, keepalive_timeout=IDLE)
    try:
        context = endpoint.tls.context()
    except OSError as error:
        raise EngineForbidden(endpoint.address, f"the certificates cannot be used ({error})", _CERTIFY) from None
    return aiohttp.TCPConnector(limit=POOL, keepalive_timeout=IDLE, ssl=context)


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    return int(major), int(minor or 0)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
