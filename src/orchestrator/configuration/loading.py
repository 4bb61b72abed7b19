"""Everything configured, found and read: the file, the environment, the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.configuration.catalog import CATALOG
from orchestrator.configuration.dependencies import Candidate, contradictions
from orchestrator.configuration.document import ConfiguredService, Document, read_document
from orchestrator.configuration.keys import Setting, Settings
from orchestrator.configuration.notifications import NO_NOTIFICATIONS, Notifications
from orchestrator.configuration.playbooks import BUILT_IN, Playbooks
from orchestrator.configuration.resolve import Resolved, SharedLayers, resolve
from orchestrator.configuration.settings import (
    PREFIX,
    LoadedSettings,
    OrchestratorSettings,
    configuration_places,
    load_settings,
    variables,
    with_file_settings,
)
from orchestrator.configuration.yaml_file import read_file
from orchestrator.core.windows import Window
from orchestrator.errors import Problem

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was configured, as far as it can be used; ``problems`` is the rest.

    Whoever loads decides what a problem means: ``check`` fails, ``serve`` says so and goes on with what is fine.
    """

    settings: OrchestratorSettings
    file: Path | None
    """The configuration file that was read; ``None``: there is none."""
    services: Mapping[str, ConfiguredService]
    shared: SharedLayers
    ports: Mapping[str, Settings]
    """By service: its own ``ORCHESTRATOR_*_PORT`` variable, where it is set."""
    problems: tuple[Problem, ...]
    environment_problems: tuple[Problem, ...] = ()
    """Those of them that no edit of the file mends."""
    windows: tuple[Window, ...] = ()
    """Recurring maintenance."""
    notifications: Notifications = NO_NOTIFICATIONS
    playbooks: Playbooks = BUILT_IN
    """The catalog's, and over them the file's."""
    blank: bool = False
    """The file holds nothing at all, not even a key."""

    def resolve(self, name: str, labels: Settings) -> Resolved:
        """One service's specification from all layers; ``labels`` are those of its container."""
        configured = self.services.get(name)
        file = {} if configured is None else configured.settings
        resolved = resolve(name, [file, labels, self.ports.get(name, {})], self.shared)
        spec = resolved.spec
        return replace(resolved, spec=replace(spec, playbooks=self.playbooks.of(name, spec.category)))


def load(command_line: Mapping[str, object] = _NOTHING, dotenv: Path | None = Path(".env")) -> Configuration:
    """Read every layer. ``command_line`` holds settings by field name. Never raises for what people wrote."""
    loaded = load_settings(command_line, dotenv)
    file, file_problems = _find(loaded, command_line)
    document = Document()
    blank = False
    if file is not None:
        written, problems = read_file(file)
        blank = not written
        document = read_document(written, str(file), variables(dotenv))
        file_problems += problems + document.problems
    settings, process_problems = with_file_settings(loaded, document.process, str(file))
    configuration = Configuration(
        settings=settings,
        file=file,
        services=document.services,
        shared=SharedLayers(document.defaults, _general(loaded), document.categories),
        ports=_ports(loaded),
        problems=(),
    )
    everything = (*loaded.problems, *file_problems, *process_problems, *_contradictions(configuration))
    return Configuration(
        settings=settings,
        file=file,
        services=configuration.services,
        shared=configuration.shared,
        ports=configuration.ports,
        problems=tuple(dict.fromkeys(everything)),
        environment_problems=loaded.problems,
        windows=document.windows,
        notifications=document.notifications,
        playbooks=document.playbooks.over(BUILT_IN),
        blank=blank,
    )


def _find(loaded: LoadedSettings, command_line: Mapping[str, object]) -> tuple[Path | None, tuple[Problem, ...]]:
    named = loaded.settings.config
    if named is None:
        return next((place for place in configuration_places() if _is_file(place, unseen=False)), None), ()
    if _is_file(named, unseen=True):
        return named, ()
    source = "--config" if command_line.get("config") is not None else f"{PREFIX}CONFIG"
    fact = "is no file" if named.exists() else "does not exist"
    return None, (Problem(source, "", f"{named} {fact}"),)


def _is_file(path: Path, *, unseen: bool) -> bool:
    """``unseen``: what to think of one in a folder that we may not look into."""
    try:
        return path.is_file()
    except OSError:
        return unseen


def _general(loaded: LoadedSettings) -> Settings:
    fields = {"health_check_interval": "health.interval", "health_check_timeout": "health.timeout"}
    return {key: _setting(loaded, field) for field, key in fields.items() if field in loaded.named}


def _ports(loaded: LoadedSettings) -> Mapping[str, Settings]:
    return {
        known.name: {"port": _setting(loaded, known.variable)}
        for known in CATALOG.values()
        if known.variable in loaded.named
    }


def _setting(loaded: LoadedSettings, field: str) -> Setting:
    return Setting(getattr(loaded.settings, field), PREFIX + field.upper(), "")


def _contradictions(configuration: Configuration) -> tuple[Problem, ...]:
    """What only shows when layers meet, for every service that can be known without its container."""
    resolved = {name: configuration.resolve(name, {}) for name in dict.fromkeys((*configuration.services, *CATALOG))}
    listed = {
        name: Candidate(resolved[name]) for name, service in sorted(configuration.services.items()) if service.enabled
    }
    return (*(problem for each in resolved.values() for problem in each.problems), *contradictions(listed))
