"""A container's inspection read back into what creates another like it, and what the other one lacks of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from orchestrator.adapters.engine.translate import JOINED, NAMESPACE_FIELDS, Json

_PASSING: Final = {
    "Config": {
        "Hostname",
        "Domainname",
        "ExposedPorts",
        "Annotations",
        "CreateCommand",
        "Env",
        "Image",
        "Labels",
        "MacAddress",
    },
    "HostConfig": {"Binds", "ContainerIDFile", "ConsoleSize", "Mounts"},
}
"""Fields that are the engine's own, follow from others, or are compared by themselves."""
_OWN_ANNOTATIONS: Final = ("io.container.manager", "io.kubernetes.cri-o.", "org.opencontainers.image.")


def joins(document: Json) -> bool:
    """Whether its network is another container's."""
    return str(document["HostConfig"].get("NetworkMode") or "").startswith(JOINED)


def docker_body(document: Json, image: str, successors: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    """The body of Docker's ``POST /containers/create``."""
    config, host = dict(document["Config"]), rejoined(document["HostConfig"], successors)
    host["Binds"] = [*(host.get("Binds") or ()), *_unnamed_volumes(document)]
    host["Mounts"] = [_named(mount, document) for mount in host.get("Mounts") or ()]
    taken = {"Hostname", "Domainname"} if joins(document) or _named_by_engine(document) else set()
    if joins(document):  # all of it is the owner's, and refused besides
        taken |= {"ExposedPorts", "MacAddress"}
    for field in taken & config.keys():
        del config[field]
    config["Image"] = image
    config["Labels"] = {**(config.get("Labels") or {}), **labels}
    endpoints = {} if joins(document) else dict(_endpoints(document))
    return {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": endpoints}}


def rejoined(host: Json, successors: Mapping[str, str]) -> dict[str, Any]:
    """The host's part with the successors' namespaces."""
    changed = dict(host)
    for field in NAMESPACE_FIELDS.values():
        owner = str(host.get(field) or "").removeprefix(JOINED)
        if owner in successors:
            changed[field] = f"{JOINED}{successors[owner]}"
    return changed


def obstacles(document: Json) -> Iterator[str]:
    """What no other container can have of this one, in words."""
    host = document["HostConfig"]
    if host.get("AutoRemove"):
        yield "it is removed by the engine when it stops (--rm)"
    if host.get("Links"):
        yield "it has links (--link), which nothing tells as they were given"
    if len(document["NetworkSettings"].get("Networks") or ()) > 1 and not joins(document):
        yield "it is on several networks"
    if document.get("Pod"):
        yield "it is a member of a pod"


def users_annotations(config: Json) -> Iterator[tuple[str, str]]:
    """Podman's, without those that it writes by itself."""
    for key, value in (config.get("Annotations") or {}).items():
        if not key.startswith(_OWN_ANNOTATIONS):
            yield key, value


def lacking(old: Json, new: Json, successors: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The fields in which the new one is not like the old one, but for its namespaces and ``labels``."""
    like = dict(_essence(old, successors)) | {f"Config.Labels.{key}": value for key, value in labels.items()}
    made = dict(_essence(new, {}))
    return tuple(field for field in sorted(like.keys() | made.keys()) if like.get(field) != made.get(field))


def _essence(document: Json, successors: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """What matters of it, field by field; what is empty is left out, however it is written."""
    parts = {"Config": document["Config"], "HostConfig": rejoined(document["HostConfig"], successors)}
    for part, values in parts.items():
        for field, value in values.items():
            if field not in _PASSING[part] and value:
                yield f"{part}.{field}", _comparable(part, value)
    config = document["Config"]
    yield "Config.Env", frozenset(each for each in config.get("Env") or () if not each.startswith("HOSTNAME="))
    labels = config.get("Labels") or {}
    yield from ((f"Config.Labels.{key}", value) for key, value in labels.items())
    yield from ((f"Config.Annotations.{key}", value) for key, value in users_annotations(config))
    if not joins(document):
        yield "Config.ExposedPorts", frozenset(config.get("ExposedPorts") or ())
        yield "NetworkSettings.Networks", frozenset(document["NetworkSettings"].get("Networks") or ())
        if not _named_by_engine(document):
            yield "Config.Hostname", config.get("Hostname")
    for mount in document.get("Mounts") or ():
        source = mount.get("Name") or mount.get("Source")
        yield f"Mounts.{mount['Destination']}", (mount.get("Type"), source, mount.get("RW"))
    for field in ("Image", "OCIRuntime", "AppArmorProfile", "Pod"):
        yield field, document.get(field) or None
    for field in ("EffectiveCaps", "BoundingCaps"):
        yield field, frozenset(document.get(field) or ())
    yield "Dependencies", frozenset(successors.get(each, each) for each in document.get("Dependencies") or ())


def _comparable(part: str, value: object) -> object:
    """A log's path has the container's id in it, and nothing that is listed for the host has an order."""
    if isinstance(value, Mapping) and "Path" in value:
        return {key: each for key, each in value.items() if key != "Path"}
    if part == "HostConfig" and isinstance(value, list):
        return sorted(map(repr, value))
    return value


def _named_by_engine(document: Json) -> bool:
    return document["Config"].get("Hostname") in ("", None, str(document["Id"])[:12])


def _unnamed_volumes(document: Json) -> Iterator[str]:
    """Those the engine made for paths of the image or of ``-v /path``: theirs are the data, so they are named."""
    host = document["HostConfig"]
    known = {each.split(":")[1] for each in host.get("Binds") or () if ":" in each}
    known |= {each.get("Target") for each in host.get("Mounts") or ()}
    for mount in document.get("Mounts") or ():
        if mount.get("Type") == "volume" and mount["Destination"] not in known:
            yield f"{mount['Name']}:{mount['Destination']}{'' if mount.get('RW') else ':ro'}"


def _named(mount: Json, document: Json) -> Json:
    """The same for a volume without a name that was asked for as a mount."""
    if mount.get("Type") != "volume" or mount.get("Source"):
        return mount
    names = {each["Destination"]: each.get("Name") for each in document.get("Mounts") or ()}
    return {**mount, "Source": names.get(mount.get("Target"))}


def _endpoints(document: Json) -> Iterator[tuple[str, dict[str, Any]]]:
    """As they were asked for: an address that the engine chose is not asked for again."""
    own = str(document["Id"])[:12]
    for network, endpoint in (document["NetworkSettings"].get("Networks") or {}).items():
        aliases: Sequence[str] = [each for each in endpoint.get("Aliases") or () if each != own]
        asked = {"IPAMConfig": endpoint.get("IPAMConfig"), "DriverOpts": endpoint.get("DriverOpts")}
        yield network, {**asked, "Aliases": aliases or None}
