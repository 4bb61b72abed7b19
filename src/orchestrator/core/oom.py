"""Whether the kernel killed a container for want of memory, and how sure that is.

No single witness is to be believed. Docker's flag can be false after such a kill and true after a later clean one, and
Podman does not report it; exit code 137 is every SIGKILL. The kernel's own counter and the engine's event are proof.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestrator.core.evidence import Evidence, OutOfMemory, Unread, Usage

KILLED: Final = 137
_AT_THE_LIMIT: Final = 0.95


def weigh(evidence: Evidence) -> Evidence:
    """The evidence with its verdict."""
    return replace(evidence, out_of_memory=_verdict(evidence))


def _verdict(evidence: Evidence) -> OutOfMemory:
    usage = Usage() if isinstance(evidence.usage, Unread) else evidence.usage
    limit = evidence.memory_limit or usage.memory_limit
    killed = evidence.exit_code == KILLED
    proofs = _proofs(evidence, usage)
    if proofs:
        # what was killed may have been a child that it went on without
        return OutOfMemory("yes", "certain" if killed else "likely", proofs, limit)
    if usage.out_of_memory_kills == 0:
        return OutOfMemory("no", "certain", ("the kernel's counter of its cgroup is 0",), limit)
    if not killed:
        return OutOfMemory("no", "likely", ("it was not killed",) if evidence.exit_code is not None else (), limit)
    full = usage.memory_peak is not None and limit is not None and usage.memory_peak >= limit * _AT_THE_LIMIT
    grounds = tuple(
        words
        for words, holds in (
            ("the engine has it on record", evidence.oom_flag),
            ("it had used all of its memory limit", full),
            ("exit code 137", True),
        )
        if holds
    )
    if evidence.oom_flag or full:
        return OutOfMemory("yes", "likely", grounds, limit)
    return OutOfMemory("unknown", "possible", grounds, limit)


def _proofs(evidence: Evidence, usage: Usage) -> tuple[str, ...]:
    began = 0.0 if evidence.run is None else evidence.run.started_at
    proofs = []
    if usage.out_of_memory_kills:
        proofs.append(f"the kernel's counter of its cgroup is {usage.out_of_memory_kills}")
    if any(event.action == "oom" and event.at >= began for event in evidence.events):
        proofs.append("the engine told of it in an event")
    return tuple(proofs)
