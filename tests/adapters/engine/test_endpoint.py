"""Where the engine is looked for, and what an address means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.engine.endpoint import LAST_RESORT, EndpointInvalid, Tls, candidates, parse


def found(environment: dict[str, str], *sockets: str, explicit: str | None = None) -> tuple[str, ...]:
    return candidates(environment, lambda path: path in sockets, 1000, explicit)


def test_our_own_setting_wins_over_the_environment() -> None:
    environment = {"ORCHESTRATOR_DOCKER_HOST": "tcp://b:1", "DOCKER_HOST": "tcp://c:1"}
    assert found(environment, "/run/docker.sock", explicit="tcp://a:1") == ("tcp://a:1",)


def test_our_variable_wins_over_dockers() -> None:
    environment = {"ORCHESTRATOR_DOCKER_HOST": "tcp://b:1", "DOCKER_HOST": "tcp://c:1"}
    assert found(environment, "/run/docker.sock") == ("tcp://b:1",)


def test_dockers_variable_wins_over_every_socket() -> None:
    assert found({"DOCKER_HOST": "tcp://c:1"}, "/run/docker.sock") == ("tcp://c:1",)


def test_an_empty_variable_is_no_setting() -> None:
    assert found({"ORCHESTRATOR_DOCKER_HOST": "", "DOCKER_HOST": ""}) == (LAST_RESORT,)


def test_a_docker_context_is_not_looked_up() -> None:
    assert found({"DOCKER_CONTEXT": "production", "HOME": "/home/ann"}) == (LAST_RESORT,)


def test_docker_is_tried_before_podman_and_root_before_rootless_and_the_host_last() -> None:
    everything = ("/run/user/1000/podman/podman.sock", "/run/podman/podman.sock", "/run/docker.sock")
    assert found({}, *everything) == (
        "unix:///run/docker.sock",
        "unix:///run/podman/podman.sock",
        "unix:///run/user/1000/podman/podman.sock",
        LAST_RESORT,
    )


def test_the_runtime_folder_of_the_session_is_used_where_it_is_told() -> None:
    assert (
        found({"XDG_RUNTIME_DIR": "/tmp/xdg"}, "/tmp/xdg/podman/podman.sock")[0] == "unix:///tmp/xdg/podman/podman.sock"
    )


def test_one_docker_socket_under_two_names_is_tried_once() -> None:
    assert found({}, "/run/docker.sock", "/var/run/docker.sock") == ("unix:///run/docker.sock", LAST_RESORT)


def test_a_local_socket_publishes_on_loopback() -> None:
    endpoint = parse("unix:///run/docker.sock", {})
    assert (endpoint.socket, endpoint.host, endpoint.tls) == ("/run/docker.sock", "127.0.0.1", None)


def test_a_bare_path_is_a_socket() -> None:
    assert parse("/run/podman/podman.sock", {}).socket == "/run/podman/podman.sock"


def test_a_remote_engine_publishes_on_its_own_host() -> None:
    endpoint = parse("tcp://host.containers.internal:2375", {})
    assert (endpoint.base, endpoint.host) == ("http://host.containers.internal:2375", "host.containers.internal")


def test_an_ipv6_host_keeps_its_brackets_where_it_is_an_address() -> None:
    endpoint = parse("tcp://[fd00::1]:2375", {})
    assert (endpoint.base, endpoint.host) == ("http://[fd00::1]:2375", "fd00::1")


@pytest.mark.parametrize("wish", [{"DOCKER_TLS_VERIFY": "1"}, {"DOCKER_TLS_VERIFY": "yes"}])
def test_tls_is_asked_for_as_the_docker_command_asks(wish: dict[str, str]) -> None:
    endpoint = parse("tcp://box:2376", {**wish, "DOCKER_CERT_PATH": "/certs"})
    assert endpoint.base == "https://box:2376"
    assert endpoint.tls == Tls("/certs", verify=True)


def test_without_a_port_the_usual_one_is_meant() -> None:
    assert parse("tcp://box", {}).base == "http://box:2375"
    assert parse("https://box", {"HOME": "/root"}).base == "https://box:2376"


@pytest.mark.parametrize(
    "address",
    ["ssh://box", "npipe:////./pipe/docker_engine", "unix://relative.sock", "tcp://", "tcp://box:http", "docker", ""],
)
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(EndpointInvalid, match=r"unix://|tcp://|cannot be read"):
        parse(address, {})


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(address: str) -> None:
    try:
        assert parse(address, {}).base
    except EndpointInvalid as error:
        assert str(error)


def test_a_malformed_certificate_is_an_error_of_the_file_system_s_kind(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(OSError, match=r"."):
        Tls(str(tmp_path), verify=True).context()
