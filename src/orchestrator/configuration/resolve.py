"""One service, all its layers, one frozen specification, and everything wrong with it. Pure.

Layers, the later wins: the catalog and its category's figures < ``defaults`` of the file < the general variables
(``ORCHESTRATOR_HEALTH_CHECK_INTERVAL``) < ``categories`` of the file < ``services`` of the file < labels <
a service's own variable (``ORCHESTRATOR_REDIS_PORT``). A value that cannot be used is reported and left out, so
that the layer below it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from orchestrator.configuration.catalog import CATALOG, figures_of, starting_point
from orchestrator.configuration.keys import METHODS, Setting, Settings
from orchestrator.configuration.values import seconds_in_words
from orchestrator.core.model import (
    Category,
    Check,
    CommandCheck,
    HttpCheck,
    Kind,
    PostgresCheck,
    RecoverySpec,
    RedisCheck,
    ServiceSpec,
    TcpCheck,
)
from orchestrator.errors import Problem


@dataclass(frozen=True, slots=True)
class Resolved:
    spec: ServiceSpec
    problems: tuple[Problem, ...]
    named: Mapping[str, Setting]
    """The settings that won, by plain key; for messages about what they say together with others'."""
    sources: Mapping[str, str]
    """Where each value comes from, by plain key, for people; what is not here is a default."""


@dataclass(frozen=True, slots=True)
class SharedLayers:
    """What is configured for services in general."""

    defaults: Settings
    environment: Settings
    categories: Mapping[Category, Settings]


NOTHING_SHARED: Final = SharedLayers({}, {}, {})


def resolve(name: str, own: Sequence[Settings], shared: SharedLayers = NOTHING_SHARED) -> Resolved:
    """Merge the layers of one service; ``own`` are its particular ones, lowest first."""
    category = _category(name, own)
    start = starting_point(name, category)
    layers = [shared.defaults, shared.environment, shared.categories.get(category, {}), *own]
    won, problems = _agreeing(_merged(layers), layers, start)
    spec = replace(
        start,
        display_name=_value(won, "display_name", start.display_name),
        kind=Kind(_value(won, "kind", start.kind)),
        port=_port(layers, start.port),
        host=_value(won, "host", start.host),
        grace=_value(won, "grace", start.grace),
        health=replace(start.health, check=_check(layers, start), **_group(won, "health", _HEALTH_FIGURES)),
        recovery=replace(start.recovery, **_group(won, "recovery", _RECOVERY_FIGURES)),
        lane=_value(won, "lane", start.lane),
        vram=_value(won, "vram", start.vram),
        cache_keys=_value(won, "cache_keys", start.cache_keys),
        restart_with=_value(won, "restart_with", start.restart_with),
    )
    requires, wants = _dependencies(layers, start)
    sources = {**figures_of(name, category), **{key: f"{one.source}: {one.key}" for key, one in won.items()}}
    return Resolved(replace(spec, requires=requires, wants=wants), problems, won, sources)


_HEALTH_FIGURES: Final = ("interval", "timeout", "failures")
_RECOVERY_FIGURES: Final = tuple(field.name for field in fields(RecoverySpec))


def _value(won: Settings, key: str, otherwise: Any) -> Any:
    setting = won.get(key)
    return otherwise if setting is None else setting.value


def _group(won: Settings, group: str, figures: Sequence[str]) -> dict[str, Any]:
    return {figure: won[key].value for figure in figures if (key := f"{group}.{figure}") in won}


def _merged(layers: Sequence[Settings]) -> dict[str, Setting]:
    return {key: setting for layer in layers for key, setting in layer.items()}


def _category(name: str, own: Sequence[Settings]) -> Category:
    configured = _merged(own).get("category")
    if configured is not None:
        return Category(configured.value)
    return CATALOG[name].category if name in CATALOG else Category.APPLICATION


# --- health ----------------------------------------------------------------------------------------------------


def _check(layers: Sequence[Settings], start: ServiceSpec) -> Check | None:
    """The first method of the last layer that names one; a layer that only declines leaves the engine's view."""
    check = start.health.check
    codes: tuple[int, ...] | None = None
    for layer in layers:
        named = {method: layer[f"health.{method}"].value for method in METHODS if f"health.{method}" in layer}
        chosen = next(((method, value) for method, value in named.items() if value is not False), None)
        if chosen is not None:
            check = _MAKERS[chosen[0]](chosen[1])
        elif any(_same_method(method, check) for method in named):
            check = None
        codes = _value(layer, "health.expect_status", codes)
    return replace(check, expect_status=codes) if isinstance(check, HttpCheck) and codes else check


_MAKERS: Final[Mapping[str, Callable[[Any], Check]]] = {
    "http": HttpCheck,
    "command": CommandCheck,
    "redis": lambda _: RedisCheck(),
    "postgres": lambda user: PostgresCheck() if user is True else PostgresCheck(user),
    "tcp": lambda _: TcpCheck(),
}
_CLASSES: Final[Mapping[str, type]] = {
    "http": HttpCheck,
    "command": CommandCheck,
    "redis": RedisCheck,
    "postgres": PostgresCheck,
    "tcp": TcpCheck,
}


def _same_method(method: str, check: Check | None) -> bool:
    return isinstance(check, _CLASSES[method])


def _port(layers: Sequence[Settings], otherwise: int | None) -> int | None:
    """``port``, or within one layer the number that a network check was given (``health.tcp: 5432``)."""
    port = otherwise
    for layer in layers:
        if "port" in layer:
            port = layer["port"].value
            continue
        asked = [layer[key].value for key in ("health.redis", "health.tcp") if key in layer]
        port = next((number for number in asked if not isinstance(number, bool)), port)
    return port


# --- dependencies ----------------------------------------------------------------------------------------------


def _dependencies(layers: Sequence[Settings], start: ServiceSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Each list replaces that of the layers below; what a later layer calls soft is no longer hard, and the reverse."""
    requires, wants = start.requires, start.wants
    for layer in layers:
        hard, soft = layer.get("requires"), layer.get("wants")
        if soft is not None:
            wants = soft.value
            requires = tuple(name for name in requires if name not in wants)
        if hard is not None:
            requires = hard.value
            wants = tuple(name for name in wants if name not in requires)
    return requires, wants


# --- what must agree -------------------------------------------------------------------------------------------


def _agreeing(
    merged: dict[str, Setting], layers: Sequence[Settings], start: ServiceSpec
) -> tuple[dict[str, Setting], tuple[Problem, ...]]:
    """Leave out the later written of two settings that contradict each other."""
    base_key, cap_key = "recovery.backoff_base", "recovery.backoff_max"
    base = _value(merged, base_key, start.recovery.backoff_base)
    cap = _value(merged, cap_key, start.recovery.backoff_max)
    if cap >= base:
        return merged, ()
    blamed = max((cap_key, base_key), key=lambda key: (_rank(key, layers), key == cap_key))
    setting = merged[blamed]
    fact = (
        f"{seconds_in_words(cap)} is below backoff_base {seconds_in_words(base)}"
        if blamed == cap_key
        else f"{seconds_in_words(base)} is above backoff_max {seconds_in_words(cap)}"
    )
    problem = Problem(setting.source, setting.key, fact)
    lower = [{key: each for key, each in layer.items() if each is not setting} for layer in layers]
    won, others = _agreeing(_merged(lower), lower, start)
    return won, (problem, *others)


def _rank(key: str, layers: Sequence[Settings]) -> int:
    return max((rank for rank, layer in enumerate(layers) if key in layer), default=-1)
