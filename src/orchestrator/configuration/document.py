"""The configuration file's top-level mapping to layers of settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from orchestrator.configuration import values
from orchestrator.configuration.keys import SHARED_KEYS, YAML_SERVICE_KEYS, Settings, read_mapping
from orchestrator.configuration.maintenance import SECTION as MAINTENANCE
from orchestrator.configuration.maintenance import read_windows
from orchestrator.configuration.notifications import NO_NOTIFICATIONS, Notifications, read_notifications
from orchestrator.configuration.notifications import SECTION as NOTIFICATIONS
from orchestrator.configuration.playbooks import NO_PLAYBOOKS, Playbooks, read_playbooks
from orchestrator.configuration.playbooks import SECTION as PLAYBOOKS
from orchestrator.configuration.settings import FILE_KEYS
from orchestrator.core.model import Category
from orchestrator.core.windows import Window
from orchestrator.errors import Problem

_SECTIONS: Final = ("services", "defaults", "categories", MAINTENANCE, NOTIFICATIONS, PLAYBOOKS)

_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ConfiguredService:
    """What the file says about one service."""

    settings: Settings
    patterns: tuple[str, ...] = ()
    enabled: bool = True
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole configuration file, as far as it can be used."""

    services: Mapping[str, ConfiguredService] = field(default_factory=dict)
    defaults: Settings = field(default_factory=dict)
    categories: Mapping[Category, Settings] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    """Recurring maintenance."""
    notifications: Notifications = NO_NOTIFICATIONS
    playbooks: Playbooks = NO_PLAYBOOKS
    process: Mapping[str, object] = field(default_factory=dict)
    """Top-level settings of the process, not yet checked."""
    problems: tuple[Problem, ...] = ()


def read_document(written: Mapping[Any, object], source: str, variables: Mapping[str, str] = _NO_VARIABLES) -> Document:
    """``variables``: what ``${NAME}`` in it stands for, where it may."""
    problems: list[Problem] = []
    services: dict[str, ConfiguredService] = {}
    for name, mapping in _section(written, "services", source, problems).items():
        service = _service(name, mapping, source, problems)
        if service is not None:
            services[str(name)] = service
    defaults = read_mapping(_section(written, "defaults", source, problems), SHARED_KEYS, source, "defaults")
    problems.extend(defaults.problems)
    categories = _categories(_section(written, "categories", source, problems), source, problems)
    windows, window_problems = read_windows(written.get(MAINTENANCE), source)
    problems.extend(window_problems)
    notifications, notification_problems = read_notifications(written.get(NOTIFICATIONS), source, variables)
    problems.extend(notification_problems)
    playbooks = read_playbooks(written.get(PLAYBOOKS), source)
    problems.extend(playbooks.problems)
    process: dict[str, object] = {}
    for key, value in written.items():
        if key in FILE_KEYS and value is not None:
            process[str(key)] = value
        elif key not in FILE_KEYS and key not in _SECTIONS:
            close = values.did_you_mean(str(key), [*_SECTIONS, *FILE_KEYS])
            problems.append(Problem(source, str(key), f"unknown key{close}"))
    return Document(
        services, defaults.settings, categories, windows, notifications, playbooks, process, tuple(problems)
    )


def _section(written: Mapping[Any, object], name: str, source: str, problems: list[Problem]) -> Mapping[Any, object]:
    section = written.get(name)
    if section is None:
        return {}
    if isinstance(section, dict):
        return section
    problems.append(Problem(source, name, f"{values.in_words(section)} is not a mapping"))
    return {}


def _service(name: object, written: object, source: str, problems: list[Problem]) -> ConfiguredService | None:
    """``None`` when not even its name can be used. A name with nothing below it is a service with every default."""
    where = f"services.{name}"
    try:
        values.own_name(name)
    except ValueError as error:
        problems.append(Problem(source, where, str(error)))
        return None
    if not isinstance(written, dict | None):
        problem = Problem(
            source, where, f"{values.in_words(written)} is not a mapping of keys such as 'port' or 'health'"
        )
        problems.append(problem)
        return ConfiguredService({}, problems=(problem,))
    reading = read_mapping(written or {}, YAML_SERVICE_KEYS, source, where)
    problems.extend(reading.problems)
    settings = dict(reading.settings)
    match, enable = settings.pop("match", None), settings.pop("enable", None)
    return ConfiguredService(
        settings,
        patterns=() if match is None else match.value,
        enabled=enable is None or enable.value,
        problems=reading.problems,
    )


def _categories(section: Mapping[Any, object], source: str, problems: list[Problem]) -> Mapping[Category, Settings]:
    found: dict[Category, Settings] = {}
    for name, written in section.items():
        where = f"categories.{name}"
        if name not in list(Category):
            close = values.did_you_mean(str(name), list(Category)) or f"; use {', '.join(Category)}"
            problems.append(Problem(source, where, f"unknown category{close}"))
        elif isinstance(written, dict):
            reading = read_mapping(written, SHARED_KEYS, source, where)
            found[Category(name)] = reading.settings
            problems.extend(reading.problems)
        elif written is not None:
            problems.append(Problem(source, where, f"{values.in_words(written)} is not a mapping of keys"))
    return found
