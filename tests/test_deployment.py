"""What is deployed with: the Containerfile and the compose examples name nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.configuration import OrchestratorSettings
from orchestrator.configuration.keys import read_labels
from orchestrator.configuration.yaml_file import read_file

CHECKOUT: Final = Path(__file__).parents[1]
GUIDE: Final = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
CONTAINERFILE: Final = (CHECKOUT / "Containerfile").read_text(encoding="utf-8")
FILES: Final = sorted((CHECKOUT / "examples" / "compose").glob("*.yaml"), key=lambda file: file.name)
IDS: Final = [file.name for file in FILES]


def _read(file: Path) -> dict[str, Any]:
    written, problems = read_file(file)
    assert problems == ()
    return dict(written)


def _services(file: Path) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = _read(file)["services"]
    return services


def test_there_is_an_example_for_each_way_and_the_guide_names_it() -> None:
    assert IDS == ["docker.yaml", "podman.yaml", "redis.yaml", "socket-proxy.yaml"]
    assert [name for name in IDS if f"examples/compose/{name}" not in GUIDE] == []


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_every_variable_of_ours_is_a_setting(file: Path) -> None:
    written = _services(file)["orchestrator"]["environment"]
    assert [name for name in written if name.removeprefix("ORCHESTRATOR_").lower() not in
            OrchestratorSettings.model_fields] == []  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_every_variable_to_set_is_in_the_guide_and_says_itself_when_it_is_missing(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    used = re.findall(r"(?<!\$)\$\{(\w+)(:?[?-])?", text)
    assert used
    assert [name for name, otherwise in used if not otherwise or name not in GUIDE] == []


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_every_volume_is_declared_and_every_declared_one_is_used(file: Path) -> None:
    mounted = {mount.partition(":")[0] for each in _services(file).values() for mount in each.get("volumes", ())}
    named = {name for name in mounted if not name.startswith(("/", ".", "$"))}
    assert named == set(_read(file)["volumes"])


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_the_state_outlives_the_container(file: Path) -> None:
    ours = _services(file)["orchestrator"]
    kept = any(mount.split(":")[1] == "/var/lib/container-orchestrator" for mount in ours["volumes"])
    assert kept or "ORCHESTRATOR_REDIS_URL" in ours["environment"]


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_the_engine_asked_is_the_one_mounted(file: Path) -> None:
    ours = _services(file)["orchestrator"]
    socket = ours["environment"]["ORCHESTRATOR_DOCKER_HOST"].removeprefix("unix://")
    targets = [mount.replace(":-", "").split(":")[1] for mount in ours["volumes"]]
    assert socket in targets or str(Path(socket).parent) in targets


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_nothing_is_published_beyond_loopback(file: Path) -> None:
    for name, service in _services(file).items():
        assert [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")] == [], name
    assert "ORCHESTRATOR_HOST" not in _services(file)["orchestrator"]["environment"]


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_dependency_exists_and_can_become_healthy(file: Path) -> None:
    services = _services(file)
    for service in services.values():
        needed = service.get("depends_on", {})
        for name in needed:
            assert name in services
            if isinstance(needed, dict):
                assert needed[name] == {"condition": "service_healthy"}
                assert "healthcheck" in services[name]


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_every_label_is_one_of_ours_and_right(file: Path) -> None:
    for name, service in _services(file).items():
        assert read_labels(service.get("labels", {}), name).problems == ()


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_we_run_without_rights_and_are_given_time_to_end(file: Path) -> None:
    ours = _services(file)["orchestrator"]
    assert (ours["read_only"], ours["cap_drop"], ours["stop_grace_period"]) == (True, ["ALL"], "12s")
    assert ours["security_opt"][0].startswith("no-new-privileges")
    assert "privileged" not in ours


# --- the proxy's rules ----------------------------------------------------------------------------------------------

CONTAINER: Final = "3f" * 32
NEEDED: Final = {
    "GET": [
        "/version",
        "/v1.41/_ping",
        "/v1.41/events",
        "/v1.41/containers/json",
        f"/v1.41/containers/{CONTAINER}/json",
        f"/v1.41/containers/{CONTAINER}/logs",
        f"/v1.41/containers/{CONTAINER}/top",
        f"/v1.41/exec/{CONTAINER}/json",
    ],
    "POST": [
        *(f"/v1.41/containers/{CONTAINER}/{verb}" for verb in ("start", "stop", "restart", "kill", "exec")),
        f"/v1.41/exec/{CONTAINER}/start",
    ],
}
"""What the adapter asks of Docker."""
TOO_MUCH: Final = {
    "GET": [f"/v1.41/containers/{CONTAINER}/archive", "/v1.41/images/json", "/v1.41/secrets", "/v1.41/volumes"],
    "POST": [
        "/v1.41/containers/create",
        "/containers/create",
        "/v1.41/build",
        "/v1.41/images/create",
        f"/v1.41/containers/{CONTAINER}/update",
        f"/v1.41/containers/{CONTAINER}/start/../../create",
    ],
    "DELETE": [f"/v1.41/containers/{CONTAINER}"],
}


def _lets_through(method: str, path: str) -> bool:
    command: list[str] = _services(CHECKOUT / "examples" / "compose" / "socket-proxy.yaml")["socket-proxy"]["command"]
    rules = [each.partition("=")[2] for each in command if each.startswith(f"-allow{method}=")]
    return any(re.fullmatch(rule, path) for rule in rules)


def test_the_proxy_lets_through_what_is_needed_and_no_more() -> None:
    assert [path for method in NEEDED for path in NEEDED[method] if not _lets_through(method, path)] == []
    assert [path for method in TOO_MUCH for path in TOO_MUCH[method] if _lets_through(method, path)] == []


# --- the Containerfile ----------------------------------------------------------------------------------------------


def _instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line)]


def test_only_the_base_comes_from_a_registry_and_it_can_be_another() -> None:
    assert [rest for word, rest in _instructions() if word == "FROM"] == ["${BASE} AS build", "${BASE}"]
    assert CONTAINERFILE.count("://") == CONTAINERFILE.count("http://127.0.0.1")


def test_it_runs_as_nobody_special_and_signals_arrive() -> None:
    last = dict(_instructions())
    assert last["USER"] == "10001:10001"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert (last["ENTRYPOINT"], last["CMD"]) == ('["orchestrator"]', '["serve"]')


def test_what_it_copies_is_given_to_the_build() -> None:
    given = (CHECKOUT / ".containerignore").read_text(encoding="utf-8")
    copied = [rest.split()[:-1] for word, rest in _instructions() if word == "COPY" and "--from" not in rest]
    assert [source for sources in copied for source in sources if f"!{source.replace('[s]', 's')}\n" not in given] == []
    assert (CHECKOUT / ".dockerignore").resolve() == (CHECKOUT / ".containerignore").resolve()
