"""What services require that is no service: an address that answers, a path, a mount, a name that is resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.core.gpus import RESOURCE as GPUS

_HOST: Final = r"\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]|[A-Za-z0-9_.-]+"
_PATH: Final = r"/[^,\s\x00-\x1f\x7f]*(?: +[^,\s\x00-\x1f\x7f]+)*"
WRITTEN: Final = rf"tcp:(?:{_HOST}):\d{{1,5}}|(?:path|mount):{_PATH}|dns:[A-Za-z0-9_.-]+"
"""The pattern of them all, but for the range of the port."""
FORMS: Final = "tcp:HOST:PORT, path:/mnt/x, mount:/mnt/x or dns:NAME"
_REMEDY: Final = {
    "tcp": "write tcp:HOST:PORT with a port from 1 to 65535, an IPv6 address in brackets: tcp:[::1]:80",
    "path": "write path:/mnt/x, an absolute path without a comma",
    "mount": "write mount:/mnt/x, an absolute path without a comma",
    "dns": "write dns:NAME",
}
_MET_WHEN: Final = {"tcp": "answers", "path": "is there", "mount": "is there", "dns": "is resolved"}


class ResourceKind(StrEnum):
    TCP = "tcp"
    """A connection comes about."""
    PATH = "path"
    """It exists."""
    MOUNT = "mount"
    """Something is mounted there."""
    DNS = "dns"
    """The name is resolved."""


class Presence(StrEnum):
    UNKNOWN = "unknown"
    """It cannot be asked: nobody waits for it."""
    THERE = "there"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Resource:
    """One of them, read."""

    kind: ResourceKind
    subject: str
    """A host without brackets, a path, or a name."""
    port: int | None = None


@dataclass(frozen=True, slots=True)
class ResourceReading:
    """What is known of one."""

    presence: Presence = Presence.UNKNOWN
    detail: str = ""
    """What was found, or why it is not there or cannot be asked, in words."""


def is_resource(name: str) -> bool:
    """Whether it is meant, right or wrong: a service's name has no colon."""
    return ":" in name


def of_host(name: str) -> bool:
    """Whether what a service requires is the host's: a resource, or the GPUs' driver."""
    return name == GPUS or is_resource(name)


def met_when(name: str) -> str:
    """What has to come true of something that is required: ``db runs``, ``mount:/mnt/x is there``."""
    return f"{name} {'answers' if name == GPUS else _MET_WHEN.get(name.partition(':')[0], 'runs')}"


def read(written: str) -> Resource:
    """:class:`ValueError` with what is wrong and what would be right."""
    word, _, subject = written.partition(":")
    if word not in _REMEDY:
        raise ValueError(f"{written!r} is neither a service nor a resource of the host; resources are {FORMS}")
    kind = ResourceKind(word)
    if not re.fullmatch(WRITTEN, written):
        raise ValueError(f"{written!r} is no resource of the host; {_REMEDY[word]}")
    if kind is not ResourceKind.TCP:
        return Resource(kind, subject)
    host, _, port = subject.rpartition(":")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{written!r} has no valid port; {_REMEDY[word]}")
    return Resource(kind, host.removeprefix("[").removesuffix("]"), int(port))
