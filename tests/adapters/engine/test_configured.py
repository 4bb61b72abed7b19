"""Two containers alike have the same digests, and what differs is told by its part."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from orchestrator.adapters.engine.configured import digests, environment

DOCUMENT: dict[str, Any] = {
    "Config": {"Cmd": ["serve"], "Env": ["HOSTNAME=abc", "MODE=calm", "PATH=/bin"], "User": "app"},
    "HostConfig": {"Memory": 0, "NetworkMode": "container:abc", "Privileged": False},
    "Mounts": [
        {"Type": "bind", "Source": "/srv", "Destination": "/data", "RW": True},
        {"Type": "volume", "Source": "/var/lib/1f", "Destination": "/cache", "RW": True},
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    *parents, last = path.split(".")
    place: Any = document
    for each in parents:
        place = place[int(each) if each.isdecimal() else each]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("Config.Cmd", ["serve", "--fast"], "command"),
        ("Config.User", "root", "command"),
        ("Config.Env", ["MODE=wild", "PATH=/bin"], "environment"),
        ("HostConfig.Memory", 2**24, "limits"),
        ("HostConfig.Privileged", True, "rights"),
        ("HostConfig.NetworkMode", "host", "network"),
        ("Mounts.0.Source", "/srv2", "mounts"),
        ("Mounts.1.RW", False, "mounts"),
    ],
)
def test_what_changed_is_told_by_its_part_alone(path: str, value: object, part: str) -> None:
    before, after = digests(DOCUMENT), digests(changed(path, value))
    assert [name for name in before if before[name] != after[name]] == [part]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Config.Env", ["PATH=/bin", "HOSTNAME=def", "MODE=calm"]),
        ("HostConfig.NetworkMode", "container:def"),
        ("Mounts.1.Source", "/var/lib/2e"),
        ("Config.Hostname", "def"),
    ],
)
def test_what_an_engine_makes_up_anew_is_no_change(path: str, value: object) -> None:
    assert digests(changed(path, value)) == digests(DOCUMENT)


def test_a_document_that_tells_nothing_is_read() -> None:
    assert set(digests({})) == set(digests(DOCUMENT))
    assert environment({}) == {}


def test_a_variable_s_value_may_hold_an_equals_sign() -> None:
    assert environment({"Config": {"Env": ["A=b=c", "EMPTY="]}}) == {"A": "b=c", "EMPTY": ""}
