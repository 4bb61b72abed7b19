"""The playbooks of services, as the faces show them: which there are, and how one would be run now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.playbooks import Course, Playbook, describe, named
from orchestrator.core.rehearsal import Rehearsed, rehearse
from orchestrator.runtime.circumstances import facts_of
from orchestrator.runtime.registry import Record, ServiceRegistry


@dataclass(frozen=True, slots=True)
class PlaybookView:
    """One playbook of one service, as the faces show it."""

    service: str
    playbook: Playbook
    course: Course | None
    """How far it has come, if it is run now."""
    steps: tuple[str, ...]
    """In words."""


def playbooks_of(record: Record) -> Iterator[PlaybookView]:
    name, course = record.spec.name, record.state.course
    for playbook in record.spec.playbooks:
        running = course if course is not None and course.playbook == playbook.name else None
        yield PlaybookView(name, playbook, running, tuple(describe(step, name) for step in playbook.steps))


def rehearsal_of(record: Record, registry: ServiceRegistry, name: str) -> tuple[Rehearsed, ...] | None:
    """``None``: the service has no such playbook."""
    playbook = named(record.spec.playbooks, name)
    return None if playbook is None else rehearse(record.spec, playbook, facts_of(record, registry))
