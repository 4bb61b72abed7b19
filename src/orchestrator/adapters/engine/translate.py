"""Engine JSON into our nouns: one reading for both dialects. Pure.

Field names are Docker's; Podman's compatible API uses the same with the quirks named below. Everything that an
engine may leave out has a default: only an id is demanded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from orchestrator.adapters.engine.configured import digests
from orchestrator.adapters.engine.uptime import health_word, uptime_at_most
from orchestrator.core.evidence import ContainerProcess, Usage
from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    ContainerSummary,
    EngineHealth,
    PublishedPort,
    Tie,
    TieKind,
)
from orchestrator.ports import EngineEvent

Json = Mapping[str, Any]

_STATES: Final = {
    "created": ContainerState.CREATED,
    "configured": ContainerState.CREATED,  # Podman: known, nothing prepared
    "initialized": ContainerState.CREATED,  # Podman: prepared in the runtime, its process not begun
    "running": ContainerState.RUNNING,
    "paused": ContainerState.PAUSED,
    "restarting": ContainerState.RESTARTING,
    "stopping": ContainerState.STOPPING,
    "stopped": ContainerState.EXITED,  # Podman: down, not yet cleaned up
    "exited": ContainerState.EXITED,
    "removing": ContainerState.REMOVING,
    "dead": ContainerState.DEAD,
}
_DOWN: Final = {ContainerState.EXITED, ContainerState.DEAD, ContainerState.RESTARTING}
NAMESPACE_FIELDS: Final[Mapping[TieKind, str]] = {
    "network": "NetworkMode",
    "pid": "PidMode",
    "ipc": "IpcMode",
}
JOINED: Final = "container:"
_DEFAULT_INTERVAL: Final = 30.0
_NANOSECONDS: Final = 1e9
_NO_LIMIT: Final = 2**60


def state(word: str) -> ContainerState:
    """A word that no engine used when this was written reads as a passage: nothing is done to such a container."""
    return _STATES.get(word.lower(), ContainerState.STOPPING)


def summary(row: Json) -> ContainerSummary:
    """One row of ``GET /containers/json``."""
    words = str(row.get("Status") or "")
    names = row.get("Names") or ()
    return ContainerSummary(
        container_id=str(row["Id"]),
        name=str(names[0]).removeprefix("/") if names else "",
        image=str(row.get("Image") or ""),
        state=state(str(row.get("State") or "")),
        created_at=float(row.get("Created") or 0),
        labels=_labels(row.get("Labels")),
        network_mode=str((row.get("HostConfig") or {}).get("NetworkMode") or ""),
        ties=ties(row.get("HostConfig") or {}),
        ports=tuple(_listed_ports(row.get("Ports") or ())),
        uptime_at_most=uptime_at_most(words),
        health=health_word(words),
    )


def snapshot(document: Json, requires: Sequence[str] = ()) -> ContainerSnapshot:
    """``GET /containers/{id}/json``; ``requires``: what only Podman's own API tells."""
    seen: Json = document.get("State") or {}
    config: Json = document.get("Config") or {}
    host: Json = document.get("HostConfig") or {}
    network: Json = document.get("NetworkSettings") or {}
    now = state(str(seen.get("Status") or ""))
    started_at = moment(seen.get("StartedAt"))
    exit_code = int(seen.get("ExitCode") or 0)
    return ContainerSnapshot(
        container_id=str(document["Id"]),
        name=str(document.get("Name") or "").removeprefix("/"),
        image=str(config.get("Image") or document.get("Image") or ""),
        state=now,
        created_at=moment(document.get("Created")) or 0.0,
        started_at=started_at,
        finished_at=_finished(moment(seen.get("FinishedAt")), started_at, now),
        # A failed first start leaves Docker's container created, with the exit code of the failure.
        exit_code=exit_code if now in _DOWN or (now is ContainerState.CREATED and exit_code) else None,
        error=str(seen.get("Error") or ""),
        oom_killed=bool(seen.get("OOMKilled")),
        pid=int(seen.get("Pid") or 0) or None,
        labels=_labels(config.get("Labels")),
        ports=tuple(_inspected_ports(network.get("Ports") or {}, config.get("ExposedPorts") or {})),
        addresses=tuple(_addresses(network)),
        network_mode=str(host.get("NetworkMode") or ""),
        ties=ties(host, requires),
        restart_policy=str((host.get("RestartPolicy") or {}).get("Name") or "no"),
        restart_count=int(document.get("RestartCount") or 0),
        image_id=str(document.get("Image") or "").removeprefix("sha256:"),
        configuration=digests(document),
        memory_limit=int(host.get("Memory") or 0) or None,
        health=_health(seen, config, now, started_at),
    )


def ties(host: Json, requires: Sequence[str] = ()) -> tuple[Tie, ...]:
    """Whom a container uses. Podman counts the owners of joined namespaces among those it requires."""
    joined = [
        Tie(kind, mode.removeprefix(JOINED))
        for kind, field in NAMESPACE_FIELDS.items()
        if (mode := str(host.get(field) or "")).startswith(JOINED)
    ]
    borrowed = [Tie("volumes", str(each).partition(":")[0]) for each in host.get("VolumesFrom") or ()]
    known = {tie.container for tie in joined}
    return (*joined, *borrowed, *(Tie("podman", each) for each in requires if each not in known))


def moment(text: object) -> float | None:
    """Wall seconds of an RFC 3339 time; ``None`` for the year 1, which both engines write for "never"."""
    if not isinstance(text, str) or not text or text.startswith("0001-"):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _finished(finished_at: float | None, started_at: float | None, now: ContainerState) -> float | None:
    """Both engines write the start of a process that ends at once after its end was seen."""
    if finished_at is None or started_at is None or now not in _DOWN:
        return finished_at
    return max(finished_at, started_at)


def has_check(config: Json) -> bool:
    """Whether a health check is configured; ``["NONE"]`` switches the image's off."""
    test: Sequence[str] = (config.get("Healthcheck") or {}).get("Test") or ()
    return bool(test) and test[0] != "NONE"


def _health(seen: Json, config: Json, now: ContainerState, started_at: float | None) -> EngineHealth | None:
    health: Json = seen.get("Health") or seen.get("Healthcheck") or {}
    word = str(health.get("Status") or "")
    if not has_check(config) and word in {"", "none"}:  # Podman: {"Status": ""} where Docker omits it
        return None
    interval = float((config.get("Healthcheck") or {}).get("Interval") or 0) / _NANOSECONDS or _DEFAULT_INTERVAL
    results = health.get("Log") or ()
    newest: Json = results[-1] if results else {}
    checked_at = moment(newest.get("End"))
    if checked_at is None or started_at is None or checked_at < started_at:
        checked_at, newest = None, {}  # of an earlier run
    return EngineHealth(
        status=_health_status(word, now, checked_at),
        checked_at=checked_at,
        output=str(newest.get("Output") or ""),
        interval=interval,
    )


def _health_status(
    word: str, now: ContainerState, checked_at: float | None
) -> Literal["starting", "healthy", "unhealthy", "none"]:
    if now is not ContainerState.RUNNING:  # a paused or stopped container can read unhealthy
        return "none"
    if word == "starting":
        return "starting"
    if checked_at is None:
        return "none"
    if word == "healthy":
        return "healthy"
    return "unhealthy" if word == "unhealthy" else "none"


def _labels(labels: object) -> Mapping[str, str]:
    if not isinstance(labels, Mapping):
        return MappingProxyType({})
    return MappingProxyType({str(key): str(value) for key, value in labels.items()})


def _listed_ports(rows: Any) -> Iterator[PublishedPort]:
    for row in rows:
        published = row.get("PublicPort")
        yield PublishedPort(
            container_port=int(row.get("PrivatePort") or 0),
            host_port=int(published) if published else None,
            host_ip=str(row.get("IP") or ""),
            protocol=str(row.get("Type") or "tcp"),
        )


def _inspected_ports(bindings: Json, exposed: Json) -> Iterator[PublishedPort]:
    for key in dict.fromkeys((*bindings, *exposed)):
        number, _, protocol = key.partition("/")
        if not number.isdecimal():
            continue
        hosts = [row for row in bindings.get(key) or () if str(row.get("HostPort") or "").isdecimal()]
        for row in hosts:
            yield PublishedPort(int(number), int(row["HostPort"]), str(row.get("HostIp") or ""), protocol or "tcp")
        if not hosts:
            yield PublishedPort(int(number), None, "", protocol or "tcp")


def _addresses(network: Json) -> Iterator[str]:
    seen = set()
    settings = [*(network.get("Networks") or {}).values(), network]
    for setting in settings:
        for key in ("IPAddress", "GlobalIPv6Address"):
            address = str((setting or {}).get(key) or "")
            if address and address not in seen:
                seen.add(address)
                yield address


def processes(listed: Json | None) -> tuple[ContainerProcess, ...]:
    """``GET /containers/{id}/top``, asked for pids, states and names, whatever its columns are cut into. Podman answers
    ``null`` for a container that ends just then."""
    rows = (" ".join(map(str, row)).split(maxsplit=2) for row in (listed or {}).get("Processes") or ())
    return tuple(ContainerProcess(int(row[0]), row[1][0], row[2]) for row in rows if len(row) == 3)


def usage(stats: Json) -> Usage:
    """``GET /containers/{id}/stats``, of one reading: it says nothing of the processors in use."""
    memory: Json = stats.get("memory_stats") or {}
    pids: Json = stats.get("pids_stats") or {}
    return Usage(
        memory=int(memory.get("usage") or 0) or None,
        memory_peak=int(memory.get("max_usage") or 0) or None,
        processes=int(pids.get("current") or 0) or None,
        processes_limit=_limit(pids.get("limit")),
    )


def _limit(number: object) -> int | None:
    """Engines write 0, or the largest number there is, for none."""
    return number if isinstance(number, int) and 0 < number < _NO_LIMIT else None


# --- events ------------------------------------------------------------------------------------------------

_Action = Literal[
    "create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "oom", "health", "connected",
    "other",
]  # fmt: skip
_ACTIONS: Final[Mapping[str, _Action]] = {
    "create": "create",
    "start": "start",
    "die": "die",
    "died": "die",  # Podman's own name
    "stop": "stop",
    "kill": "kill",
    "pause": "pause",
    "unpause": "unpause",
    "destroy": "destroy",
    "remove": "destroy",  # Podman's own name
    "rename": "rename",
    "oom": "oom",
    "health_status": "health",
    "restart": "other",
    "update": "other",
    "cleanup": "other",  # Podman: the death is now on record
    "restore": "other",
}

DOCKER_EVENTS: Final = (
    "create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "oom", "health_status",
    "restart", "update",
)  # fmt: skip
"""What Docker is asked for. Left out are above all the exec events: every run of a health check makes three."""


_NO_REQUESTS: Final = frozenset({"1", "9", "10", "12", "18", "19", "20", "None"})
"""SIGHUP, SIGUSR1 and SIGUSR2 ask to read something anew; SIGSTOP, SIGTSTP and SIGCONT freeze and thaw. SIGKILL asks
nobody: where a stop needs it, another signal came first. Podman tells no signal, and a stop of its own sends none that
it tells of."""


def event(document: Json) -> EngineEvent | None:
    """One line of ``GET /events``; ``None`` for what wakes nobody."""
    if str(document.get("Type") or "container") != "container":
        return None
    word = str(document.get("Action") or document.get("status") or "").partition(":")[0].strip()
    action = _ACTIONS.get(word)
    actor = document.get("Actor") or {}
    container_id = str(actor.get("ID") or document.get("id") or "")
    if action is None or not container_id:
        return None
    if action == "kill" and str((actor.get("Attributes") or {}).get("signal")) in _NO_REQUESTS:
        return None
    nanoseconds = document.get("timeNano")
    at = float(nanoseconds) / _NANOSECONDS if nanoseconds else float(document.get("time") or 0)
    return EngineEvent(container_id, action, at)
