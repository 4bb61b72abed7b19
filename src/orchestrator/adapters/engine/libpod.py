"""What Podman creates a container from, read back from its inspection: its Docker-like API would lose much. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from orchestrator.adapters.engine.likeness import rejoined, users_annotations
from orchestrator.adapters.engine.translate import JOINED, Json

_NAMESPACES: Final = {"netns": "NetworkMode", "pidns": "PidMode", "ipcns": "IpcMode", "utsns": "UTSMode"}
_LOG_SIZES: Final = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


def libpod_body(document: Json, image: str, successors: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    """The body of ``POST /libpod/containers/create``. What it lacks, the comparison of the two containers tells."""
    config, host = document["Config"], rejoined(document["HostConfig"], successors)
    spec = {
        "image": image,
        "command": config.get("Cmd") or [],
        "env": dict(_environment(config)),
        "labels": {**(config.get("Labels") or {}), **labels},
        "annotations": dict(users_annotations(config)),
        "terminal": config.get("Tty"),
        "stdin": config.get("OpenStdin"),
        "user": config.get("User"),
        "groups": host.get("GroupAdd"),
        "work_dir": config.get("WorkingDir"),
        "stop_signal": config.get("StopSignal"),
        "stop_timeout": config.get("StopTimeout"),
        "timeout": config.get("Timeout"),
        "umask": config.get("Umask"),
        "timezone": config.get("Timezone"),
        "sdnotifyMode": config.get("sdNotifyMode"),
        "containerCreateCommand": config.get("CreateCommand"),
        "healthconfig": config.get("Healthcheck"),
        "restart_policy": host["RestartPolicy"].get("Name"),
        "restart_tries": host["RestartPolicy"].get("MaximumRetryCount"),
        "log_configuration": _log(host.get("LogConfig") or {}),
        "privileged": host.get("Privileged"),
        "cap_add": host.get("CapAdd"),
        "cap_drop": host.get("CapDrop"),
        "no_new_privileges": "no-new-privileges" in (host.get("SecurityOpt") or ()),
        "seccomp_profile_path": _seccomp(host.get("SecurityOpt") or ()),
        "read_only_filesystem": host.get("ReadonlyRootfs"),
        "oom_score_adj": host.get("OomScoreAdj"),
        "shm_size": host.get("ShmSize"),
        "cgroup_parent": host.get("CgroupParent"),
        "init": bool(host.get("Init")),
        "r_limits": [
            {"type": str(each["Name"]).removeprefix("RLIMIT_"), "hard": each["Hard"], "soft": each["Soft"]}
            for each in host.get("Ulimits") or ()
        ],
        "resource_limits": _resources(host),
        "devices": [{"path": _device(each)} for each in host.get("Devices") or ()],
        "volumes": list(_volumes(document)),
        "volumes_from": host.get("VolumesFrom"),
        "mounts": list(_mounts(document, host)),
        "dns_server": host.get("Dns") or [],
        "dns_option": host.get("DnsOptions") or [],
        "dns_search": host.get("DnsSearch") or [],
        "hostadd": host.get("ExtraHosts") or [],
        "dependencyContainers": [successors.get(each, each) for each in document.get("Dependencies") or ()],
        **dict(_namespaces(host)),
        **_network(document, host),
    }
    if config.get("Entrypoint"):
        spec["entrypoint"] = str(config["Entrypoint"]).split(" ")
    if config.get("Hostname") not in (None, "", str(document["Id"])[:12]):
        spec["hostname"] = config["Hostname"]
    return {key: value for key, value in spec.items() if value not in (None, "", [], {}, False)}


def _environment(config: Json) -> Iterator[tuple[str, str]]:
    for each in config.get("Env") or ():
        name, _, value = str(each).partition("=")
        if name != "HOSTNAME":
            yield name, value


def _namespaces(host: Json) -> Iterator[tuple[str, dict[str, str]]]:
    for key, field in _NAMESPACES.items():
        mode = str(host.get(field) or "")
        if mode.startswith(JOINED):
            yield key, {"nsmode": "container", "value": mode.removeprefix(JOINED)}
        elif mode in ("host", "private", "shareable", "none", "slirp4netns"):
            yield key, {"nsmode": mode}


def _seccomp(options: Sequence[str]) -> str | None:
    return next((each.removeprefix("seccomp=") for each in options if each.startswith("seccomp=")), None)


def _network(document: Json, host: Json) -> dict[str, Any]:
    if str(host.get("NetworkMode")) != "bridge":
        return {}
    own = str(document["Id"])[:12]
    networks = {
        name: {"aliases": [each for each in endpoint.get("Aliases") or () if each != own]}
        for name, endpoint in (document["NetworkSettings"].get("Networks") or {}).items()
    }
    ports = [
        {
            "container_port": int(key.partition("/")[0]),
            "protocol": key.partition("/")[2],
            "host_port": int(each["HostPort"]),
            "host_ip": each.get("HostIp") or "",
        }
        for key, bound in (host.get("PortBindings") or {}).items()
        for each in bound or ()
    ]
    return {"netns": {"nsmode": "bridge"}, "Networks": networks, "portmappings": ports}


def _log(configured: Json) -> dict[str, Any]:
    size = str(configured.get("Size") or "")
    digits = size.rstrip("BKMG")
    scale = _LOG_SIZES.get(size[len(digits) :])
    options = {"tag": configured["Tag"]} if configured.get("Tag") else {}
    log: dict[str, Any] = {"driver": configured.get("Type"), "options": options}
    if scale and digits.replace(".", "", 1).isdecimal() and float(digits):
        log["size"] = round(float(digits) * scale)
    return log


def _resources(host: Json) -> dict[str, Any]:
    cpu = {
        "shares": host.get("CpuShares"),
        "quota": host.get("CpuQuota"),
        "period": host.get("CpuPeriod"),
        "cpus": host.get("CpusetCpus"),
        "mems": host.get("CpusetMems"),
    }
    memory = {
        "limit": host.get("Memory"),
        "reservation": host.get("MemoryReservation"),
        "swap": host.get("MemorySwap"),
    }
    parts = {"cpu": cpu, "memory": memory, "pids": {"limit": host.get("PidsLimit")}}
    kept = {name: {key: value for key, value in part.items() if value} for name, part in parts.items()}
    return {name: part for name, part in kept.items() if part}


def _device(each: Json) -> str:
    permissions = each.get("CgroupPermissions")
    return f"{each['PathOnHost']}:{each['PathInContainer']}" + (f":{permissions}" if permissions else "")


def _volumes(document: Json) -> Iterator[dict[str, Any]]:
    for mount in document.get("Mounts") or ():
        if mount.get("Type") == "volume":
            yield {"Name": mount["Name"], "Dest": mount["Destination"], "Options": _options(mount)}


def _mounts(document: Json, host: Json) -> Iterator[dict[str, Any]]:
    for mount in document.get("Mounts") or ():
        if mount.get("Type") == "bind":
            options = _options(mount)
            place = {"source": mount["Source"], "destination": mount["Destination"]}
            yield {"type": "bind", **place, "options": options}
    for destination, options in (host.get("Tmpfs") or {}).items():
        place = {"source": "tmpfs", "destination": destination}
        yield {"type": "tmpfs", **place, "options": str(options).split(",")}


def _options(mount: Json) -> Sequence[str]:
    asked = [*(mount.get("Options") or ()), "rw" if mount.get("RW") else "ro"]
    return [*asked, mount["Propagation"]] if mount.get("Propagation") else asked
