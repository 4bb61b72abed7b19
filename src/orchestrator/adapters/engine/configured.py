"""What a container was created with, as one digest for each part of it: to tell later which part is another one.

Left out is what an engine makes up anew for every container: its host name, names of anonymous volumes, ids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Json = Mapping[str, Any]

_LENGTH: Final = 12
_LIMITS: Final = (
    "Memory", "MemorySwap", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "CpusetCpus", "PidsLimit", "OomScoreAdj",
    "ShmSize", "Ulimits", "DeviceRequests",
)  # fmt: skip
_RIGHTS: Final = ("Privileged", "CapAdd", "CapDrop", "ReadonlyRootfs", "SecurityOpt")


def digests(document: Json) -> Mapping[str, str]:
    """Of ``GET /containers/{id}/json``."""
    config: Json = document.get("Config") or {}
    host: Json = document.get("HostConfig") or {}
    parts = {
        "command": [config.get(key) for key in ("Entrypoint", "Cmd", "WorkingDir", "User")],
        "environment": sorted(line for line in config.get("Env") or () if not line.startswith("HOSTNAME=")),
        "mounts": sorted(map(_mount, document.get("Mounts") or ())),
        "limits": [host.get(key) for key in _LIMITS],
        "rights": [host.get(key) for key in _RIGHTS],
        "network": [str(host.get("NetworkMode")).partition(":")[0], host.get("PortBindings")],
    }
    return MappingProxyType({part: _digest(value) for part, value in parts.items()})


def environment(document: Json) -> dict[str, str]:
    lines = (document.get("Config") or {}).get("Env") or ()
    return {name: value for name, _, value in (str(line).partition("=") for line in lines)}


def _mount(mount: Json) -> str:
    kind = str(mount.get("Type"))
    source = mount.get("Source") if kind == "bind" else ""
    return f"{kind} {source} {mount.get('Destination')} {mount.get('RW')}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_LENGTH]
