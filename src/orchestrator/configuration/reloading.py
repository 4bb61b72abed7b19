"""The configuration read anew while it is in force: whole and without a problem, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.configuration.loading import Configuration, load
from orchestrator.configuration.settings import OrchestratorSettings
from orchestrator.errors import ConfigurationError, Problem

SETTLED: Final = 0.2
"""Seconds in which a file that was read must not have changed: who writes it may not have been through."""

_TAKES_EFFECT: Final = frozenset(
    {"enabled", "discovery", "project", "monitoring_enabled", "config"}
    | {"health_check_interval", "health_check_timeout"}
    | {name for name in OrchestratorSettings.model_fields if name.endswith("_port")}
)
"""What a configuration says of the containers. The rest is built into the process when it starts."""

_Fingerprint = tuple[int, int, int]


async def read_anew(in_force: Configuration, command_line: Mapping[str, object]) -> Configuration:
    """What every layer says now. Raises :class:`ConfigurationError` with all its problems.

    Problems of the environment that were there before are no reason: no edit can mend them.
    """
    before = _fingerprint(in_force.file)
    fresh = await asyncio.to_thread(load, command_line)
    await asyncio.sleep(SETTLED)
    problems = [
        *_vanished(in_force, fresh, before),
        *(problem for problem in fresh.problems if problem not in in_force.environment_problems),
        *_half_written(in_force, fresh, before),
    ]
    if problems:
        raise ConfigurationError(tuple(dict.fromkeys(problems)))
    return fresh


def needs_restart(started_with: OrchestratorSettings, fresh: OrchestratorSettings) -> tuple[str, ...]:
    """The settings whose new value waits for the next start of the process, by field name."""
    return tuple(
        name
        for name in OrchestratorSettings.model_fields
        if name not in _TAKES_EFFECT and getattr(started_with, name) != getattr(fresh, name)
    )


def _vanished(in_force: Configuration, fresh: Configuration, before: _Fingerprint | None) -> list[Problem]:
    """Another file may be found instead: whoever lost one did not mean that."""
    named = fresh.settings.config is not None
    if in_force.file is None or before is not None or fresh.file == in_force.file or named:
        return []
    return [Problem(str(in_force.file), "", "cannot be found any more: put it back, or restart without it")]


def _half_written(in_force: Configuration, fresh: Configuration, before: _Fingerprint | None) -> list[Problem]:
    if fresh.file is None:
        return []
    if fresh.file == in_force.file and _fingerprint(fresh.file) != before:
        return [Problem(str(fresh.file), "", "is being written: reload again when it is complete")]
    if fresh.blank and not in_force.blank:
        fact = "is empty, as a file is that is half written; to configure nothing, write 'services: {}'"
        return [Problem(str(fresh.file), "", fact)]
    return []


def _fingerprint(file: Path | None) -> _Fingerprint | None:
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
