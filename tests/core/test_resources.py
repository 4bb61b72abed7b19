"""What services require of the host: how it is written."""

from __future__ import annotations

import re

import pytest

from orchestrator.core.resources import Resource, ResourceKind, is_resource, read

MEANT = {
    "tcp:10.0.0.9:5432": Resource(ResourceKind.TCP, "10.0.0.9", 5432),
    "tcp:[::1]:80": Resource(ResourceKind.TCP, "::1", 80),
    "tcp:[fe80::1%eth0]:80": Resource(ResourceKind.TCP, "fe80::1%eth0", 80),
    "tcp:db.lan:65535": Resource(ResourceKind.TCP, "db.lan", 65535),
    "path:/mnt/x": Resource(ResourceKind.PATH, "/mnt/x"),
    "path:/": Resource(ResourceKind.PATH, "/"),
    "mount:/mnt/My Disk": Resource(ResourceKind.MOUNT, "/mnt/My Disk"),
    "mount:/mnt/a:b": Resource(ResourceKind.MOUNT, "/mnt/a:b"),
    "dns:nas.lan": Resource(ResourceKind.DNS, "nas.lan"),
}
REFUSED = {
    "tcp:10.0.0.9": "write tcp:HOST:PORT",
    "tcp:10.0.0.9:http": "write tcp:HOST:PORT",
    "tcp:10.0.0.9:0": "no valid port; write tcp:HOST:PORT with a port from 1 to 65535",
    "tcp:10.0.0.9:65536": "no valid port",
    "tcp:::1:80": "an IPv6 address in brackets",
    "tcp::80": "write tcp:HOST:PORT",
    "tcp://db:5432": "write tcp:HOST:PORT",
    "path:mnt/x": "an absolute path",
    "path:": "an absolute path",
    "path:/a,b": "without a comma",
    "mount:/mnt/x\0": "an absolute path",
    "mount: /mnt/x": "an absolute path",
    "dns:": "write dns:NAME",
    "dns:a b": "write dns:NAME",
    "udp:db:53": "neither a service nor a resource of the host; resources are tcp:HOST:PORT, path:/mnt/x",
    "redis:6379": "neither a service nor a resource",
    ":": "neither a service nor a resource",
}


@pytest.mark.parametrize(("written", "meant"), MEANT.items(), ids=MEANT)
def test_what_is_meant(written: str, meant: Resource) -> None:
    assert is_resource(written)
    assert read(written) == meant


@pytest.mark.parametrize(("written", "words"), REFUSED.items(), ids=map(repr, REFUSED))
def test_what_is_refused_names_it_and_says_what_would_be_right(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        read(written)
    assert repr(written) in str(refusal.value)


def test_a_service_is_none() -> None:
    assert not is_resource("redis")
