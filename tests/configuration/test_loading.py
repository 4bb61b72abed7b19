"""The file, the environment and the command line together."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.configuration import load
from orchestrator.configuration.settings import default_state
from orchestrator.core.model import HttpCheck
from tests.configuration.scenes import configuration


def _words(folder: Path, text: str) -> list[str]:
    """The problems of a file's text, without the folder."""
    return [str(problem).removeprefix(f"{folder}/") for problem in configuration(folder, text).problems]


def test_nothing_configured_is_no_problem() -> None:
    configured = load(dotenv=None)
    assert configured.problems == ()
    assert configured.file is None
    settings = configured.settings
    assert (settings.enabled, settings.monitoring_enabled, settings.discovery) == (True, True, "catalog")
    assert (settings.health_check_interval, settings.health_check_timeout) == (30.0, 5.0)
    assert (settings.host, settings.port, settings.docker_host) == ("127.0.0.1", 8787, None)


def test_the_working_directorys_file_is_found() -> None:
    Path("orchestrator.yaml").write_text("services: {web: {port: 80}}", encoding="utf-8")
    configured = load(dotenv=None)
    assert configured.file == Path("orchestrator.yaml")
    assert configured.resolve("web", {}).spec.port == 80


def test_the_users_file_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "xdg" / "container-orchestrator"
    folder.mkdir(parents=True)
    (folder / "orchestrator.yaml").write_text("discovery: all", encoding="utf-8")
    assert load(dotenv=None).settings.discovery == "all"


def test_a_file_named_by_the_command_line_wins_over_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_CONFIG", str(tmp_path / "absent.yaml"))
    assert configuration(tmp_path, "discovery: labels").settings.discovery == "labels"
    (problem,) = load(dotenv=None).problems
    assert str(problem) == f"ORCHESTRATOR_CONFIG: {tmp_path}/absent.yaml does not exist"


def test_a_named_file_that_is_a_folder_is_a_problem(tmp_path: Path) -> None:
    (problem,) = load({"config": tmp_path}, dotenv=None).problems
    assert str(problem) == f"--config: {tmp_path} is no file"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "host: file.example\nport: 1\nproject: shop\n"
    monkeypatch.setenv("ORCHESTRATOR_HOST", "variable.example")
    monkeypatch.setenv("ORCHESTRATOR_PORT", "2")
    settings = configuration(tmp_path, text, port=3).settings
    assert (settings.project, settings.host, settings.port) == ("shop", "variable.example", 3)


def test_the_dotenv_file_is_read_below_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(
        "ORCHESTRATOR_PROJECT=a\nORCHESTRATOR_DISCOVERY=all\nPOSTGRES_PASSWORD=x\n", encoding="utf-8"
    )
    monkeypatch.setenv("ORCHESTRATOR_PROJECT", "b")
    configured = load()
    assert (configured.settings.project, configured.settings.discovery) == ("b", "all")
    assert configured.problems == ()


def test_a_dotenv_file_that_is_no_text_is_a_problem_and_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("ORCHESTRATOR_PROJECT", "b")
    configured = load()
    assert configured.settings.project == "b"
    (problem,) = configured.problems
    assert str(problem).startswith(".env: cannot be read")


def test_bad_variables_are_all_reported_and_their_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, written in {
        "REDIS_PORT": "99999",
        "DISCOVERY": "catalogue",
        "ENABLED": "maybe",
        "HEALTH_CHECK_INTERVAL": "-3",
        "HEALTH_CHECK_TIMEOUT": "2s",
        "REDIS_PROT": "1",
        "GREETING": "hello",
    }.items():
        monkeypatch.setenv(f"ORCHESTRATOR_{variable}", written)
    configured = load(dotenv=None)
    assert [str(problem) for problem in configured.problems] == [
        "ORCHESTRATOR_ENABLED: 'maybe' is neither true nor false",
        "ORCHESTRATOR_HEALTH_CHECK_INTERVAL: '-3' is negative; a duration is 0 or more",
        "ORCHESTRATOR_DISCOVERY: 'catalogue' cannot be used: input should be 'catalog', 'labels' or 'all'",
        "ORCHESTRATOR_REDIS_PORT: '99999' is no valid port; use 1 to 65535",
        "ORCHESTRATOR_REDIS_PROT: unknown variable; did you mean ORCHESTRATOR_REDIS_PORT?",
    ]
    settings = configured.settings
    assert (settings.enabled, settings.discovery, settings.redis_port) == (True, "catalog", 6379)
    assert (settings.health_check_interval, settings.health_check_timeout) == (30.0, 2.0)


def test_a_bad_value_on_the_command_line_names_the_option() -> None:
    (problem,) = load({"port": "70000"}, dotenv=None).problems
    assert str(problem) == "--port: '70000' is out of range; use 0 to 65535"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_PORT", "")
    assert load(dotenv=None).problems == ()


def test_the_general_variables_are_below_what_the_file_says_of_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_HEALTH_CHECK_INTERVAL", "7")
    configured = configuration(
        tmp_path, "defaults: {health: {interval: 3}}\nservices: {web: {health: {interval: 5}}, db: {}}"
    )
    assert configured.resolve("web", {}).spec.health.interval == 5.0
    assert configured.resolve("db", {}).spec.health.interval == 7.0


def test_a_ports_variable_wins_over_file_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_YOLO26_PORT", "8090")
    monkeypatch.setenv("ORCHESTRATOR_NEMOTRON_PORT", "9000")
    configured = configuration(tmp_path, "services: {ai-yolo26: {port: 1}}")
    assert configured.resolve("ai-yolo26", {}).spec.port == 8090
    assert configured.resolve("ai-llm", {}).spec.port == 9000
    assert configured.resolve("ai-clip", {}).spec.port == 8093


def test_a_name_alone_is_a_service(tmp_path: Path) -> None:
    configured = configuration(tmp_path, "services:\n  web:\n")
    assert configured.problems == ()
    assert configured.services.keys() == {"web"}


def test_all_problems_of_a_file_are_reported_at_once_and_the_rest_is_used(tmp_path: Path) -> None:
    text = """
        discovery: everything
        monitoring: false
        defaults: {grace: soon, port: 80}
        categories: {gpu: {}, ai: {grace: 90s}}
        services:
          web: {port: 70000, health: {http: /up}, requires: {db: true}}
          "my web": {}
          gpu: {}
          db: 5432
    """
    assert _words(tmp_path, text) == [
        "orchestrator.yaml: services.web.port: 70000 is no valid port; use 1 to 65535",
        "orchestrator.yaml: services.web.requires: a mapping is not a list of service names",
        "orchestrator.yaml: services.my web: 'my web' is not a service name; use letters, digits, '-', '_' and '.'",
        "orchestrator.yaml: services.gpu: 'gpu' names a resource of the host; give the service another name",
        "orchestrator.yaml: services.db: 5432 is not a mapping of keys such as 'port' or 'health'",
        "orchestrator.yaml: defaults.grace: 'soon' is not a duration; write 500ms, 5s, 2m, 1h or a number of seconds",
        "orchestrator.yaml: defaults.port: can only be set for a single service, not under defaults",
        "orchestrator.yaml: categories.gpu: unknown category; use infrastructure, ai, monitoring, application",
        "orchestrator.yaml: monitoring: unknown key; did you mean 'monitoring_enabled'?",
        "orchestrator.yaml: discovery: 'everything' cannot be used: input should be 'catalog', 'labels' or 'all'",
    ]
    configured = configuration(tmp_path, text)
    assert configured.resolve("web", {}).spec.health.check == HttpCheck("/up")
    assert configured.resolve("ai-clip", {}).spec.grace == 90.0


def test_malformed_yaml_says_where_and_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_PORT", "6380")
    assert _words(tmp_path, "services:\n  web: [\n") == [
        "orchestrator.yaml: line 3, column 1: did not find expected node content (while parsing a flow node)"
    ]
    assert configuration(tmp_path, "services:\n  web: [\n").resolve("redis", {}).spec.port == 6380


def test_sections_must_be_mappings(tmp_path: Path) -> None:
    assert _words(tmp_path, "services: [web]\ndefaults: 5\ncategories: {ai: 5}") == [
        "orchestrator.yaml: services: a list is not a mapping",
        "orchestrator.yaml: defaults: 5 is not a mapping",
        "orchestrator.yaml: categories.ai: 5 is not a mapping of keys",
    ]


def test_figures_that_contradict_each_other_across_layers_are_reported_once(tmp_path: Path) -> None:
    assert _words(tmp_path, "categories: {ai: {recovery: {backoff_max: 3s}}}") == [
        "orchestrator.yaml: categories.ai.recovery.backoff_max: 3 s is below backoff_base 5 s"
    ]


def test_a_cycle_in_the_file_is_reported_with_its_path(tmp_path: Path) -> None:
    text = "services: {web: {requires: [api]}, api: {requires: [db]}, db: {requires: [web]}}"
    assert _words(tmp_path, text) == [
        "orchestrator.yaml: services.web.requires: closes a dependency cycle: web -> api -> db -> web; "
        "'api' is not waited for"
    ]


def test_state_is_kept_in_the_users_or_the_systems_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state() == tmp_path / "container-orchestrator" / "state.db"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_state() == Path("/var/lib/container-orchestrator/state.db")
