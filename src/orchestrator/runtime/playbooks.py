"""The hands of playbooks: a step inside a container; and what a playbook's decision has to know of other services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from orchestrator.core.evidence import told
from orchestrator.core.messages import Action, Result, Site
from orchestrator.core.model import ContainerState
from orchestrator.core.playbooks import ExecStep, SignalStep, elsewhere, takes_lane
from orchestrator.errors import EngineError, EngineUnavailable
from orchestrator.ports import ContainerEngine
from orchestrator.runtime.registry import Record, ServiceRegistry

TIME_AROUND: Final = 15.0
"""Seconds for all of a step but the command itself."""


async def take_step(engine: ContainerEngine, action: Action) -> tuple[Result, str]:
    """In the run that it was decided for, and in no other; never raises for what the engine or the command says."""
    where, step = action.where, action.step
    if where is None or step is None:
        raise AssertionError("a step without a place")
    try:
        if (await engine.inspect(where.container_id)).run != where:
            return Result.FAILED, "nothing was done, because by then its container was another, or had been restarted"
        match step:
            case ExecStep():
                done = await engine.execute(where.container_id, step.command, step.timeout)
                lines = [line.strip() for line in done.output.splitlines() if line.strip()]
                words = f"exit code {done.exit_code}{f': {told(lines[-1])}' if lines else ''}"
                return (Result.FAILED if done.exit_code else Result.DONE), words
            case SignalStep():
                await engine.kill(where.container_id, step.signal)
                return Result.DONE, f"{step.signal} was sent"
            case _:
                assert_never(step)
    except TimeoutError:
        return Result.FAILED, f"the command did not end within {step.timeout:g} s" if isinstance(step, ExecStep) else ""
    except EngineUnavailable as error:
        return Result.UNKNOWN, str(error)
    except EngineError as error:
        return Result.FAILED, str(error)


def deadline_of(action: Action) -> float:
    return TIME_AROUND + (action.step.timeout if isinstance(action.step, ExecStep) else 0.0)


def sites_of(record: Record, registry: ServiceRegistry) -> Iterator[Site]:
    """The services that the steps of its playbooks name, and, where one restarts it, those of its lane."""
    named = set(elsewhere(record.spec.playbooks))
    lane = registry.lane(record.spec.lane).keys() if takes_lane(record.spec.playbooks) else ()
    for name in sorted((named | set(lane)) - {record.spec.name}):
        other = registry.get(name)
        if other is not None:
            yield _site(name, other, same_lane=name in lane)


def _site(name: str, other: Record, *, same_lane: bool) -> Site:
    container = other.container if other.seen else None
    return Site(
        name=name,
        run=None if container is None else container.run,
        running=container is not None and container.state is ContainerState.RUNNING,
        well=other.met,
        hindrance=_hindrance(other),
        same_lane=same_lane,
        cache_keys=other.spec.cache_keys,
        port=other.spec.port,
    )


def _hindrance(other: Record) -> str:
    """Why nothing is done to it now, as if it were to be restarted by itself."""
    state, attempt = other.state, other.state.attempt
    if other.spec.observe_only is not None:
        return f"it is only observed: {other.spec.observe_only}"
    if not state.enabled:
        return f"it is disabled ({state.reason})"
    if state.stopped_by is not None:
        return state.stopped_by
    if state.hold is not None:
        return f"it is held by {state.hold.by}"
    if other.holds:
        return f"it is held: {'; '.join(other.holds.values())}"
    if attempt is not None and attempt.in_flight:
        return f"it is in the middle of a {attempt.kind}"
    if not other.seen or other.container is None:
        return "its container is not seen"
    return ""
