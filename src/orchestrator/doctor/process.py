"""What this process, or the one that serves, was given: its configuration and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.configuration.loading import Configuration
from orchestrator.doctor.facts import MachineSeen
from orchestrator.doctor.findings import Finding, failed, warning, well
from orchestrator.errors import Problem

_OWN_FILES: Final = 128
"""Open files of an idle orchestrator, its 64 connections to the engine and some clients."""
_PROBES: Final = 256
"""Connections that probes may hold at once."""


def judge_configuration(configuration: Configuration, problems: tuple[Problem, ...]) -> Iterator[Finding]:
    """``problems``: of the configuration and of the labels."""
    for problem in problems:
        place = f"{problem.source}: {problem.key}" if problem.key else problem.source
        yield failed(place, problem.fact, "It is not used; correct it, and `orchestrator check` again")
    if not problems:
        read = "the environment" if configuration.file is None else f"{configuration.file} and the environment"
        yield well("configuration", f"no problem in {read}")
    if not configuration.settings.enabled:
        fact = "ORCHESTRATOR_ENABLED is false: everything is watched, and nothing is healed"
        yield warning("configuration", fact, "Set it to true when it shall heal")


def judge_limits(seen: MachineSeen, services: int, containers: int) -> Iterator[Finding]:
    """Each probe under way holds a connection, and on Podman each container a descriptor that tells of its death."""
    wanted = _OWN_FILES + min(services, _PROBES) + containers
    if seen.open_files < wanted:
        yield warning(
            "open files",
            f"{seen.whose} may have {seen.open_files} open, and {services} services in {containers} containers "
            f"may need {wanted}",
            f"Raise the limit: `ulimit -n {2 * wanted}`, or LimitNOFILE={2 * wanted} in its unit",
        )
    else:
        yield well("open files", f"{seen.whose} may have {seen.open_files} open; {wanted} are enough")
