"""Which containers are services, which are nearly, and which services have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from orchestrator.configuration.catalog import CATALOG
from orchestrator.configuration.containers import read_marks
from orchestrator.configuration.loading import Configuration
from orchestrator.core.match import match_key, name_parts
from orchestrator.core.model import ContainerSummary
from orchestrator.core.sighting import Survey
from orchestrator.doctor.findings import Finding, Level, counted, listed, warning, well

_ALIKE: Final = 0.85
"""Of :mod:`difflib`: ``postgress`` is meant to be ``postgres``, ``cache`` is not ``cachet``."""


def judge_containers(
    containers: Sequence[ContainerSummary], survey: Survey, configuration: Configuration
) -> Iterator[Finding]:
    held = {name for name, sighting in survey.services.items() if sighting.container is not None}
    near = _near_misses(containers, survey, configuration, held)
    for name, service in near.items():
        yield _near_miss(name, service, configuration)
    for name, sighting in survey.services.items():
        if sighting.container is None:
            candidates = [container for container, service in near.items() if service == name]
            yield _without_container(name, candidates, configuration)
    for words in survey.warnings:
        fact, _, remedy = words.partition("; ")
        yield warning("containers", fact, _sentence(remedy) or "Remove one of these dependencies")
    yield _overall(containers, survey, held)


def _overall(containers: Sequence[ContainerSummary], survey: Survey, held: set[str]) -> Finding:
    if not containers:
        return warning(
            "containers",
            "the engine has none",
            "Create some; if there are some, they are another engine's or another user's: name it with --endpoint",
        )
    ignored = f"; {counted(len(survey.ignored), 'container')} left alone: {listed(survey.ignored)}"
    if not held:
        reason = next(iter(survey.ignored.values()), "")
        return warning(
            "containers",
            f"none of {counted(len(containers), 'container')} is a service ({reason})",
            "Label them orchestrator.enable=true, or set ORCHESTRATOR_DISCOVERY=all",
        )
    words = f"{counted(len(held), 'service')} found in {counted(len(containers), 'container')}"
    return well("containers", words + (ignored if survey.ignored else ""))


def _near_misses(
    containers: Sequence[ContainerSummary], survey: Survey, configuration: Configuration, held: set[str]
) -> Mapping[str, str]:
    """Container name to the service that it may be meant to be; only services that have no container yet."""
    wanted = (configuration.services.keys() | CATALOG.keys()) - held
    found: dict[str, str] = {}
    for container in containers:
        if container.name not in survey.ignored or read_marks(container).excluded is not None:
            continue
        service = _looks_like(container.name, wanted)
        if service is not None:
            found[container.name] = service
    return found


def _looks_like(name: str, wanted: set[str]) -> str | None:
    exact = match_key(name, wanted)
    if exact is not None:
        return exact
    parts = name_parts(name.lower())
    within = [key for key in wanted if _holds(parts, name_parts(key.lower()))]
    if within:
        return max(within, key=lambda key: (len(key), key))
    close = (match for part in (name.lower(), *parts) for match in get_close_matches(part, sorted(wanted), 1, _ALIKE))
    return next(close, None)


def _holds(parts: tuple[str, ...], key: tuple[str, ...]) -> bool:
    width = len(key)
    return any(parts[start : start + width] == key for start in range(len(parts) - width + 1))


def _near_miss(name: str, service: str, configuration: Configuration) -> Finding:
    thing = f"container {name}"
    settings = configuration.settings
    meant = (
        f"If it is that service, label it orchestrator.service={service}, "
        f"or write `match: {name}` under services.{service}"
    )
    if match_key(name, [service]) is None:
        return warning(thing, f"it looks like {service} and is not taken for it: {_why_not(name, service)}", meant)
    if settings.project is not None:
        fact = f"it is {service} by its name, and not of compose project {settings.project}"
        return Finding(Level.OK, thing, fact, "ORCHESTRATOR_PROJECT says which project is looked after")
    fact = f"it is {service} by its name, and left alone (ORCHESTRATOR_DISCOVERY={settings.discovery})"
    return Finding(Level.OK, thing, fact, meant)


def _why_not(name: str, service: str) -> str:
    parts, key = name_parts(name), name_parts(service)
    if _holds(parts, key):
        at = next(start for start in range(len(parts)) if parts[start : start + len(key)] == key)
        after = "-".join(parts[at + len(key) :])
        return f"what follows the service's name ({after}) makes another thing of it"
    if _holds(name_parts(name.lower()), name_parts(service.lower())):
        return "upper and lower case are told apart"
    return "it is spelt differently"


def _without_container(name: str, candidates: Sequence[str], configuration: Configuration) -> Finding:
    written = configuration.file or "the configuration"
    remedy = f"Create its container, or remove services.{name} from {written}"
    if candidates:
        remedy = f"Container {candidates[0]} may be it: label it orchestrator.service={name}"
    return warning(f"service {name}", f"it is in {written}, and no container is it", remedy)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
