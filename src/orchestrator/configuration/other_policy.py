"""What recorded services would have been configured as: by another configuration, or with single keys set otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.configuration.keys import GROUPS, SHARED_KEYS
from orchestrator.configuration.loading import Configuration
from orchestrator.configuration.surveyor import OURSELVES, ServiceSurveyor
from orchestrator.configuration.values import did_you_mean, seconds_in_words
from orchestrator.core.model import Category, ContainerSnapshot, ContainerSummary, ServiceSpec
from orchestrator.core.recording import DecisionRecord
from orchestrator.errors import ConfigurationError, Problem

_ASKING: Final = ("health.interval", "health.timeout", "health.expect_status")
"""How a check is asked: a recording holds what was answered."""
_SETTABLE: Final = tuple(key for key in SHARED_KEYS if key not in _ASKING)
_SOURCE: Final = "--set"


@dataclass(frozen=True, slots=True)
class Override:
    """One key set for all services, for those of one category, or for one service."""

    key: str
    value: Any
    service: str = ""
    category: str = ""

    def concerns(self, spec: ServiceSpec) -> bool:
        return self.service in ("", spec.name) and self.category in ("", spec.category)


def read_override(written: str) -> Override:
    """``KEY=VALUE`` for all, ``categories.NAME.KEY=VALUE``, ``services.NAME.KEY=VALUE``, as in the file.

    Raises :class:`ConfigurationError`.
    """
    path, equals, text = written.partition("=")
    if not equals:
        raise _refused(written, "is not like recovery.backoff_base=10s")
    key = next((each for each in SHARED_KEYS if path == each or path.endswith(f".{each}")), "")
    if not key:
        close = did_you_mean(path, list(_SETTABLE)) or f"; use {', '.join(_SETTABLE)}"
        raise _refused(path, f"unknown key{close}")
    if key in _ASKING:
        raise _refused(path, "is about asking, and a recording holds what was answered")
    section, _, name = path.removesuffix(key).removesuffix(".").partition(".")
    if (section, bool(name)) not in (("", False), ("services", True), ("categories", True)):
        raise _refused(path, f"is not like {key}, services.NAME.{key} or categories.NAME.{key}")
    if section == "categories" and name not in list(Category):
        raise _refused(path, f"no category is named {name!r}; use {', '.join(Category)}")
    try:
        value = SHARED_KEYS[key].reader(text)
    except ValueError as error:
        raise _refused(path, str(error)) from None
    return Override(key, value, **{_FIELDS[section]: name} if section else {})


_FIELDS: Final = {"services": "service", "categories": "category"}


def overridden(spec: ServiceSpec, overrides: Iterable[Override]) -> ServiceSpec:
    """With what concerns it; the later wins. Raises :class:`ConfigurationError` for what contradicts itself."""
    for each in overrides:
        if each.concerns(spec):
            spec = _with(spec, each)
    recovery = spec.recovery
    if recovery.backoff_max < recovery.backoff_base:
        base, cap = seconds_in_words(recovery.backoff_base), seconds_in_words(recovery.backoff_max)
        raise _refused("recovery.backoff_base", f"{base} is above backoff_max {cap} of {spec.name}: set that too")
    return spec


def _with(spec: ServiceSpec, override: Override) -> ServiceSpec:
    group, _, figure = override.key.rpartition(".")
    if group not in GROUPS:
        return replace(spec, **{override.key: override.value})
    return replace(spec, **{group: replace(getattr(spec, group), **{figure: override.value})})


def specifications(configuration: Configuration, records: Iterable[DecisionRecord]) -> Mapping[str, ServiceSpec]:
    """Of the recorded services, by name, as ``configuration`` and the labels of their last containers have them.

    What it does not look after is not among them.
    """
    containers: dict[str, ContainerSummary] = {}
    ourselves = None
    for record in records:
        if isinstance(record.facts.container, ContainerSnapshot):
            containers[record.service] = _summary(record.facts.container)
            if record.spec.observe_only == OURSELVES:
                ourselves = record.facts.container.container_id
    survey = ServiceSurveyor(configuration, ourselves).survey(tuple(containers.values()))
    return {name: sighting.spec for name, sighting in survey.services.items()}


def _summary(container: ContainerSnapshot) -> ContainerSummary:
    return ContainerSummary(
        container_id=container.container_id,
        name=container.name,
        image=container.image,
        state=container.state,
        created_at=container.created_at,
        labels=container.labels,
        network_mode=container.network_mode,
        ties=container.ties,
        ports=container.ports,
    )


def _refused(key: str, fact: str) -> ConfigurationError:
    return ConfigurationError((Problem(_SOURCE, key, fact),))
