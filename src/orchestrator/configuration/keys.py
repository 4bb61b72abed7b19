"""The keys of a service, the same in labels and in YAML, and how a mapping or a label set becomes settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.configuration import values
from orchestrator.core.model import Category
from orchestrator.errors import Problem

LABEL_PREFIX: Final = "orchestrator."


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, with where it was written."""

    value: Any
    source: str
    key: str
    """As written: ``services.web.port``, ``orchestrator.port``."""


Settings = Mapping[str, Setting]
"""By plain key: ``recovery.backoff_max``."""


METHODS: Final = ("http", "command", "redis", "postgres", "tcp")
"""Check methods in the order in which the first configured one of a layer decides."""

SERVICE_KEYS: Final[Mapping[str, values.Reader]] = {
    "display_name": values.text,
    "category": values.one_of(*Category),
    "kind": values.one_of("service", "job"),
    "port": values.port,
    "host": values.host,
    "health.http": values.http_path,
    "health.command": values.command,
    "health.redis": values.network_check,
    "health.postgres": values.postgres_check,
    "health.tcp": values.network_check,
    "requires": values.service_names,
    "wants": values.service_names,
    "restart_with": values.service_names,
}
"""What only a single service can have."""

SHARED_KEYS: Final[Mapping[str, values.Reader]] = {
    "grace": values.duration(),
    "lane": values.text,
    "health.interval": values.duration(shortest=0.1),
    "health.timeout": values.duration(shortest=0.01),
    "health.failures": values.whole_number(1, 1000),
    "health.expect_status": values.status_codes,
    "recovery.max_failures": values.whole_number(1, 1_000_000),
    "recovery.backoff_base": values.duration(),
    "recovery.backoff_max": values.duration(),
    "recovery.stable_after": values.duration(),
    "recovery.stop_timeout": values.duration(),
    "recovery.on_max_failures": values.one_of("disable", "keep_trying"),
    "recovery.on_manual_stop": values.one_of("restart", "respect"),
    "recovery.retry_disabled_after": values.duration(shortest=1.0),
    "recovery.take_over": values.switch,
    "recovery.recreate": values.switch,
}
"""What ``defaults`` and ``categories`` can set too."""

YAML_SERVICE_KEYS: Final[Mapping[str, values.Reader]] = {
    **SERVICE_KEYS,
    **SHARED_KEYS,
    "match": values.patterns,
    "enable": values.switch,
}
LABEL_KEYS: Final[Mapping[str, values.Reader]] = {
    **SERVICE_KEYS,
    **SHARED_KEYS,
    "service": values.own_name,
    "enable": values.switch,
}
_GROUPS: Final = ("health", "recovery")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says about one service: the settings that can be used, and what is wrong with the rest."""

    settings: Settings
    problems: tuple[Problem, ...] = ()


def read_mapping(written: Mapping[Any, object], known: Mapping[str, values.Reader], source: str, where: str) -> Reading:
    """The settings of one YAML mapping; ``where`` is its own dotted path. ``null`` says nothing."""
    found: dict[str, Setting | Problem] = {}
    for key, value in _flattened(written):
        path = f"{where}.{key}"
        if value is None:
            continue
        if key in _GROUPS:
            found[key] = Problem(source, path, f"{values.in_words(value)} is not a mapping of keys")
        elif key not in known:
            found[key] = Problem(source, path, _unknown(key, known, where))
        else:
            found[key] = _setting(value, known[key], source, path)
    return _reading(found)


def read_labels(labels: Mapping[str, str], source: str) -> Reading:
    """The settings of one container's labels. Labels of others are not looked at."""
    found: dict[str, Setting | Problem] = {}
    for label in sorted(labels):
        key = label.removeprefix(LABEL_PREFIX)
        if key == label:
            continue
        if key not in LABEL_KEYS:
            close = values.did_you_mean(key, list(LABEL_KEYS), LABEL_PREFIX)
            found[key] = Problem(source, label, f"unknown label{close}")
        else:
            found[key] = _setting(labels[label], LABEL_KEYS[key], source, label)
    return _reading(found)


def _setting(written: object, reader: values.Reader, source: str, key: str) -> Setting | Problem:
    try:
        return Setting(reader(written), source, key)
    except ValueError as error:
        return Problem(source, key, str(error))


def _reading(found: Mapping[str, Setting | Problem]) -> Reading:
    return Reading(
        {key: each for key, each in found.items() if isinstance(each, Setting)},
        tuple(each for each in found.values() if isinstance(each, Problem)),
    )


def _flattened(written: Mapping[Any, object]) -> Iterator[tuple[str, object]]:
    for key, value in written.items():
        if key in _GROUPS and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield str(key), value


def _unknown(key: str, known: Mapping[str, values.Reader], where: str) -> str:
    if key in SERVICE_KEYS or key in ("match", "enable"):
        return f"can only be set for a single service, not under {where}"
    group, _, last = key.rpartition(".")
    close = values.did_you_mean(key, [*_GROUPS, *known])
    if close or group:
        return f"unknown key{close}"
    # A key of a group written one level too high: services.web.interval
    inner = [each for each in known if each.rpartition(".")[2] == last]
    return f"unknown key; did you mean {inner[0]!r}?" if inner else "unknown key"
