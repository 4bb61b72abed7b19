"""The process's own settings: ``ORCHESTRATOR_*`` variables, also from ``.env``, over the file's top-level keys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestrator.configuration import values
from orchestrator.configuration.redis_url import redis_url as read_redis_url
from orchestrator.errors import Problem

PREFIX: Final = "ORCHESTRATOR_"
FOLDER: Final = "container-orchestrator"

_Seconds = Annotated[float, BeforeValidator(values.Duration(shortest=0.1))]
_Port = Annotated[int, BeforeValidator(values.port)]
_OwnPort = Annotated[int, BeforeValidator(values.WholeNumber(0, 65535))]
_Switch = Annotated[bool, BeforeValidator(values.switch)]
_Text = Annotated[str, BeforeValidator(values.text)]
_HttpUrl = Annotated[SecretStr, BeforeValidator(values.http_url)]
_RedisUrl = Annotated[SecretStr, BeforeValidator(read_redis_url)]


def default_state() -> Path:
    """For root ``/var/lib``, for others their state folder (``XDG_STATE_HOME``)."""
    if os.geteuid() == 0:
        return Path("/var/lib") / FOLDER / "state.db"
    return _user_folder("XDG_STATE_HOME", ".local/state") / FOLDER / "state.db"


def configuration_places() -> tuple[Path, ...]:
    """Where the file is looked for when nobody names it: here, the user's configuration folder, ``/etc``."""
    user = _user_folder("XDG_CONFIG_HOME", ".config") / FOLDER / "orchestrator.yaml"
    return Path("orchestrator.yaml"), user, Path("/etc") / FOLDER / "orchestrator.yaml"


def _user_folder(variable: str, below_home: str) -> Path:
    configured = os.environ.get(variable, "")
    return Path(configured) if Path(configured).is_absolute() else Path("~").expanduser() / below_home


class OrchestratorSettings(BaseSettings):
    """Every ``ORCHESTRATOR_*`` variable, by its lowercase name without the prefix. Durations are seconds.

    The descriptions are the reference's and the schema's words.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    enabled: _Switch = Field(True, description="`false`: watch and show, act on nothing")
    dry_run: _Switch = Field(False, description="`true`: decide and tell everything, change nothing")
    docker_host: _Text | None = Field(
        None,
        description="the engine: `unix:///path`, `tcp://host:port`. Unset: `DOCKER_HOST`, then the usual sockets.",
    )
    health_check_interval: _Seconds = Field(30.0, description="seconds, or a duration")
    health_check_timeout: _Seconds = Field(5.0, description="seconds, or a duration")
    monitoring_enabled: _Switch = Field(True, description="`false`: services of the category monitoring are left alone")
    discovery: Literal["catalog", "labels", "all"] = Field("catalog", description="see which containers are adopted")
    project: _Text | None = Field(None, description="the only compose project to look after")
    config: Path | None = Field(None, description="the YAML file")
    state: Path = Field(default_factory=default_state, description="the state's file")
    redis_url: _RedisUrl | None = Field(None, description="a Redis that keeps the state instead of the file")
    dead_man_url: _HttpUrl | None = Field(
        None, description="an `http` or `https` address that is asked every minute while the orchestrator works"
    )
    record: _Text | None = Field(
        None,
        description="the file that decisions are recorded in; `off`: none. "
        "Unset: beside the state's file, where it is one.",
    )
    log_format: Literal["text", "json"] = Field("text", description="`json`: one object a line")
    host: _Text = Field("127.0.0.1", description="where the API listens")
    port: _OwnPort = Field(8787, description="its port; `0`: any free one")
    api_token: SecretStr | None = Field(
        None,
        description="the API's bearer token; required when it does not listen on loopback. At least 16 characters.",
    )
    api_read_token: SecretStr | None = Field(
        None, description="a second token that may only read; must differ from the first"
    )

    postgres_port: _Port = 5432
    redis_port: _Port = 6379
    backend_port: _Port = 8000
    frontend_port: _Port = 8080
    yolo26_port: _Port = 8095
    nemotron_port: _Port = 8091
    florence_port: _Port = 8092
    clip_port: _Port = 8093
    enrichment_port: _Port = 8094
    prometheus_port: _Port = 9090
    grafana_port: _Port = 3002
    alertmanager_port: _Port = 9093
    jaeger_port: _Port = 16686
    loki_port: _Port = 3100
    pyroscope_port: _Port = 4040
    alloy_port: _Port = 12345
    redis_exporter_port: _Port = 9121
    json_exporter_port: _Port = 7979
    blackbox_exporter_port: _Port = 9115


FILE_KEYS: Final = (
    "enabled",
    "dry_run",
    "docker_host",
    "monitoring_enabled",
    "discovery",
    "project",
    "state",
    "record",
    "log_format",
    "host",
    "port",
)
"""The settings that the file's top level can hold too. No secrets: a file is read by many."""


_OTHERS: Final = ("SERVER",)
"""Variables that the commands read themselves."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    settings: OrchestratorSettings
    named: frozenset[str]
    """Fields that the environment or the command line set."""
    problems: tuple[Problem, ...]


def load_settings(overrides: Mapping[str, object], dotenv: Path | None = Path(".env")) -> LoadedSettings:
    """From the command line (``overrides``, by field name), then the environment, then ``.env``.

    Never raises: what cannot be used is a problem, and its default holds.
    """
    problems: list[Problem] = []
    given: dict[str, Any] = dict(overrides)
    unusable: set[str] = set()
    for _ in range(len(OrchestratorSettings.model_fields) + 1):
        try:
            settings = OrchestratorSettings(**{"_env_file": dotenv, **given})
        except ValidationError as error:
            for field, fact in _facts(error):
                problems.append(Problem(_source(field, field in overrides), "", fact))
                given[field] = OrchestratorSettings.model_fields[field].get_default(call_default_factory=True)
                unusable.add(field)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(dotenv), "", f"cannot be read: {error}; its variables are not used"))
            dotenv = None
        else:
            break
    problems.extend(_misspelt(os.environ))
    return LoadedSettings(settings, frozenset(settings.model_fields_set - unusable), tuple(problems))


def variables(dotenv: Path | None) -> Mapping[str, str]:
    """All variables, ours and others', by their names: the environment's before those of ``.env``."""
    try:
        written = {} if dotenv is None else dotenv_values(dotenv, encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # a problem already, where the settings were read from it
        written = {}
    return {name: value for name, value in written.items() if value is not None} | dict(os.environ)


def with_file_settings(
    loaded: LoadedSettings, written: Mapping[str, object], source: str
) -> tuple[OrchestratorSettings, tuple[Problem, ...]]:
    """Lay the file's top-level keys below what the environment and the command line said."""
    settings = loaded.settings
    problems: list[Problem] = []
    for field, value in written.items():
        try:
            checked = OrchestratorSettings.__pydantic_validator__.validate_assignment(
                OrchestratorSettings.model_construct(), field, value
            )
        except ValidationError as error:
            problems.extend(Problem(source, field, fact) for _, fact in _facts(error))
            continue
        if field not in loaded.named:
            settings = settings.model_copy(update={field: getattr(checked, field)})
    return settings, tuple(problems)


def _facts(error: ValidationError) -> Iterable[tuple[str, str]]:
    for each in error.errors(include_url=False):
        field = str(each["loc"][0]).lower().removeprefix(PREFIX.lower())
        words = each["msg"].removeprefix("Value error, ")
        if each["type"] != "value_error":
            words = f"{values.in_words(each['input'])} cannot be used: {words[0].lower()}{words[1:]}"
        yield field, words


def _source(field: str, on_command_line: bool) -> str:
    return f"--{field.replace('_', '-')}" if on_command_line else PREFIX + field.upper()


def _misspelt(environment: Mapping[str, str]) -> Iterable[Problem]:
    """Variables that look like one of ours. Others with our prefix are somebody else's: container tools and
    Kubernetes make such names from services that are called orchestrator."""
    known = [field.upper() for field in OrchestratorSettings.model_fields]
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if name in (variable.upper(), *known, *_OTHERS):
            continue
        close = get_close_matches(name, known, n=1, cutoff=0.8)
        if close:
            yield Problem(variable, "", f"unknown variable; did you mean {PREFIX}{close[0]}?")
