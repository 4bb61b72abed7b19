"""A playbook as it would be run for a service now: each step, where, with what, how long, and what is in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from orchestrator.core.course import own_site, refusal_of, site_of
from orchestrator.core.messages import Facts, Site
from orchestrator.core.model import ContainerSnapshot, ServiceSpec
from orchestrator.core.playbooks import (
    ExecStep,
    HoldStep,
    LaneStep,
    NotifyStep,
    Playbook,
    PurgeStep,
    RestartStep,
    SignalStep,
    Step,
    WaitStep,
    bound_of,
    describe,
    purge_command,
    shown,
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One step; times are seconds."""

    text: str
    services: tuple[str, ...]
    """Who is touched by it, or waited for."""
    container_id: str = ""
    """In which it is done; empty: in none, or it is not there."""
    command: str = ""
    """On one line, shortened, secrets masked; empty: none is run."""
    timeout: float | None = None
    """For the command; ``None``: there is none."""
    verify: float | None = None
    """In which the service's own check may show that it helped; ``None``: that is not waited for."""
    refusal: str = ""
    """Why it would not be done now; empty: it would."""


def rehearse(spec: ServiceSpec, playbook: Playbook, facts: Facts) -> tuple[Rehearsed, ...]:
    """Pure, and without any effect: nothing of it is done."""
    return tuple(_rehearse(spec, step, facts) for step in playbook.steps)


def _rehearse(spec: ServiceSpec, step: Step, facts: Facts) -> Rehearsed:
    text = describe(step, spec.name)
    match step:
        case ExecStep() | SignalStep() | PurgeStep() | RestartStep():
            return _at_a_site(spec, step, facts, text)
        case LaneStep():
            others = tuple(site.name for site in facts.sites if site.same_lane and site.running and not site.hindrance)
            return Rehearsed(text, (spec.name, *others), verify=bound_of(step))
        case WaitStep():
            return Rehearsed(text, (step.service or spec.name,), verify=bound_of(step))
        case NotifyStep() | HoldStep():
            return Rehearsed(text, (spec.name,))
        case _:
            assert_never(step)


def _at_a_site(
    spec: ServiceSpec, step: ExecStep | SignalStep | PurgeStep | RestartStep, facts: Facts, text: str
) -> Rehearsed:
    name = step.service or spec.name
    site = _site(spec, name, facts)
    return Rehearsed(
        text=text,
        services=(name,),
        container_id="" if site is None or site.run is None else site.run.container_id,
        command=_command(step, site),
        timeout=step.timeout if isinstance(step, ExecStep | PurgeStep) else None,
        verify=bound_of(step),
        refusal=refusal_of(site, name, step),
    )


def _site(spec: ServiceSpec, name: str, facts: Facts) -> Site | None:
    if name != spec.name:
        return site_of(facts, name)
    return own_site(spec, facts.container) if isinstance(facts.container, ContainerSnapshot) else None


def _command(step: ExecStep | SignalStep | PurgeStep | RestartStep, site: Site | None) -> str:
    match step:
        case ExecStep(command=command):
            return shown(command)
        case PurgeStep():
            return "" if site is None or not site.cache_keys else shown(purge_command(site.cache_keys, site.port))
        case SignalStep() | RestartStep():
            return ""
        case _:
            assert_never(step)
