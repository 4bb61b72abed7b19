"""What creates another container like one that is there, and what tells that it is not like it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.adapters.engine.libpod import libpod_body
from orchestrator.adapters.engine.likeness import docker_body, lacking, obstacles

OWNER, SUCCESSOR, OLD, NEW = "a" * 64, "b" * 64, "c" * 64, "d" * 64
SUCCESSORS = {OWNER: SUCCESSOR}


def inspected(container_id: str = OLD, *, owner: str = OWNER, config: Any = None, host: Any = None) -> dict[str, Any]:
    return {
        "Id": container_id,
        "Image": "sha256:1234",
        "Config": {
            "Hostname": container_id[:12],
            "Domainname": "",
            "ExposedPorts": {"8080/tcp": {}},
            "Cmd": ["serve", "--port", "80"],
            "Env": ["A=B", f"HOSTNAME={container_id[:12]}"],
            "Labels": {"kept": "yes"},
            "Image": "web:1",
            **(config or {}),
        },
        "HostConfig": {
            "NetworkMode": f"container:{owner}",
            "Binds": ["named:/named:ro"],
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "json-file", "Path": f"/var/{container_id}.log"},
            **(host or {}),
        },
        "Mounts": [
            {"Type": "volume", "Name": "named", "Destination": "/named", "RW": False},
            {"Type": "volume", "Name": "f00", "Destination": "/unnamed", "RW": True},
        ],
        "NetworkSettings": {"Networks": {}},
    }


def test_the_namespaces_of_the_successor_are_joined() -> None:
    old = inspected(host={"PidMode": f"container:{OWNER}", "IpcMode": f"container:{NEW}"})
    host = docker_body(old, "web:1", SUCCESSORS, {})["HostConfig"]
    modes = (host["NetworkMode"], host["PidMode"], host["IpcMode"])
    assert modes == (f"container:{SUCCESSOR}", f"container:{SUCCESSOR}", f"container:{NEW}")


def test_unnamed_volumes_are_kept_by_their_names() -> None:
    host = docker_body(inspected(), "web:1", SUCCESSORS, {})["HostConfig"]
    assert host["Binds"] == ["named:/named:ro", "f00:/unnamed"]


def test_an_unnamed_volume_that_was_asked_for_as_a_mount_is_kept_too() -> None:
    asked = {"Type": "volume", "Target": "/unnamed"}
    bind = {"Type": "bind", "Source": "/srv", "Target": "/srv"}
    host = docker_body(inspected(host={"Mounts": [asked, bind]}), "web:1", SUCCESSORS, {})["HostConfig"]
    assert host["Mounts"] == [{**asked, "Source": "f00"}, bind]
    assert host["Binds"] == ["named:/named:ro"]


def test_what_belongs_to_a_joined_network_is_left_to_it() -> None:
    body = docker_body(inspected(), "web:1", SUCCESSORS, {})
    assert not {"Hostname", "Domainname", "ExposedPorts"} & body.keys()
    assert body["NetworkingConfig"] == {"EndpointsConfig": {}}


def test_a_network_of_its_own_is_asked_for_as_it_was() -> None:
    endpoint = {"Aliases": ["web", OLD[:12]], "IPAMConfig": {"IPv4Address": "10.0.0.9"}, "IPAddress": "10.0.0.9"}
    old = inspected(config={"Hostname": "web"}, host={"NetworkMode": "shop", "PidMode": f"container:{OWNER}"})
    old["NetworkSettings"]["Networks"]["shop"] = endpoint
    body = docker_body(old, "web:1", SUCCESSORS, {})
    assert (body["Hostname"], body["ExposedPorts"]) == ("web", {"8080/tcp": {}})
    asked = {"IPAMConfig": {"IPv4Address": "10.0.0.9"}, "DriverOpts": None, "Aliases": ["web"]}
    assert body["NetworkingConfig"]["EndpointsConfig"] == {"shop": asked}


def test_a_label_is_added_and_the_others_stay() -> None:
    assert docker_body(inspected(), "web:1", SUCCESSORS, {"new": "one"})["Labels"] == {"kept": "yes", "new": "one"}


OBSTACLES: dict[str, tuple[dict[str, Any], str]] = {
    "--rm": ({"AutoRemove": True}, "--rm"),
    "links": ({"Links": ["/db:/web/db"]}, "--link"),
}


@pytest.mark.parametrize(("host", "words"), OBSTACLES.values(), ids=OBSTACLES)
def test_what_no_other_container_can_have_is_told(host: dict[str, Any], words: str) -> None:
    assert list(obstacles(inspected())) == []
    assert words in "; ".join(obstacles(inspected(host=host)))


def test_several_networks_and_pods_are_obstacles() -> None:
    old = inspected(host={"NetworkMode": "shop"})
    old["NetworkSettings"]["Networks"] = {"shop": {}, "front": {}}
    old["Pod"] = "e" * 64
    assert list(obstacles(old)) == ["it is on several networks", "it is a member of a pod"]


def test_the_same_in_another_network_is_like_it() -> None:
    new = inspected(NEW, owner=SUCCESSOR, config={"Labels": {"kept": "yes", "new": "one"}})
    assert lacking(inspected(), new, SUCCESSORS, {"new": "one"}) == ()


DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "a label": ({"config": {"Labels": {}}}, "Config.Labels.kept"),
    "a variable": ({"config": {"Env": ["A=C"]}}, "Config.Env"),
    "the order of its arguments": ({"config": {"Cmd": ["serve", "80", "--port"]}}, "Config.Cmd"),
    "a limit": ({"host": {"Memory": 1024}}, "HostConfig.Memory"),
    "the namespace": ({"owner": OWNER}, "HostConfig.NetworkMode"),
}


@pytest.mark.parametrize(("change", "field"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_whatever_the_new_one_lacks_is_named(change: dict[str, Any], field: str) -> None:
    assert lacking(inspected(), inspected(NEW, **{"owner": SUCCESSOR, **change}), SUCCESSORS, {}) == (field,)


def test_a_volume_that_is_not_there_is_named() -> None:
    new = inspected(NEW, owner=SUCCESSOR)
    del new["Mounts"][1]
    assert lacking(inspected(), new, SUCCESSORS, {}) == ("Mounts./unnamed",)


def test_podman_is_asked_in_its_own_terms() -> None:
    host = {
        "PidMode": "private",
        "Ulimits": [{"Name": "RLIMIT_NOFILE", "Soft": 512, "Hard": 1024}],
        "CpuPeriod": 100_000,
        "CpuQuota": 50_000,
        "SecurityOpt": ["seccomp=unconfined"],
        "LogConfig": {"Type": "k8s-file", "Size": "1MB", "Tag": ""},
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "rwm"}],
    }
    old = inspected(config={"Umask": "0022", "Entrypoint": ""}, host=host) | {"Dependencies": [OWNER, NEW]}
    body = libpod_body(old, "web:1", SUCCESSORS, {"new": "one"})
    assert body["netns"] == {"nsmode": "container", "value": SUCCESSOR}
    assert body["pidns"] == {"nsmode": "private"}
    assert body["env"] == {"A": "B"}
    assert body["r_limits"] == [{"type": "NOFILE", "hard": 1024, "soft": 512}]
    assert body["resource_limits"] == {"cpu": {"quota": 50_000, "period": 100_000}}
    assert body["seccomp_profile_path"] == "unconfined"
    assert body["log_configuration"] == {"driver": "k8s-file", "options": {}, "size": 1_000_000}
    assert body["devices"] == [{"path": "/dev/null:/dev/nothing:rwm"}]
    assert body["dependencyContainers"] == [SUCCESSOR, NEW]
    assert body["umask"] == "0022"
    assert not {"entrypoint", "hostname"} & body.keys()
