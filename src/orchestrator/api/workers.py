"""The workers of the application that we are part of, for its readiness."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

logger: Final = logging.getLogger("orchestrator")

WorkerState = Literal["running", "degraded", "stopped"]


@dataclass(frozen=True, slots=True)
class WorkerReport:
    state: WorkerState
    fault: str = ""
    """In words, why no state could be learned; empty: it told one."""


class Workers:
    """Each is known by a function that tells its state. One that cannot tell counts as ``stopped``."""

    def __init__(self) -> None:
        self._states: dict[str, Callable[[], WorkerState]] = {}
        self._faults: dict[str, str] = {}

    def register(self, name: str, state: Callable[[], WorkerState]) -> None:
        """``state`` is called at every question, and answers at once; a name registered again is replaced."""
        self._states[name] = state

    def reports(self) -> dict[str, WorkerReport]:
        """In the order in which they were registered. A fault is logged once when it appears, and once when it goes."""
        return {name: self._report(name, state) for name, state in self._states.items()}

    def _report(self, name: str, state: Callable[[], WorkerState]) -> WorkerReport:
        report = _asked(state)
        before = self._faults.get(name, "")
        if report.fault and not before:
            logger.error("Worker %s does not tell its state: %s", name, report.fault, extra={"worker": name})
        if before and not report.fault:
            logger.info("Worker %s tells its state again", name, extra={"worker": name})
        self._faults[name] = report.fault
        return report


def _asked(state: Callable[[], WorkerState]) -> WorkerReport:
    try:
        told = state()
        if told in get_args(WorkerState):
            return WorkerReport(told)
        return WorkerReport("stopped", f"it answered {told!r}, which is none of {', '.join(get_args(WorkerState))}")
    except Exception as error:  # noqa: BLE001 - foreign code: what it raises is no failure of ours
        return WorkerReport("stopped", f"it raised {type(error).__name__}: {error}")
