"""The engines' own restart policies: whether a dead container is started again, and after which pause."""

from __future__ import annotations

from typing import Final

from orchestrator.testing.container import FakeContainer

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 60.0
CALMING_RUN: Final = 10.0
"""Docker's policy waits 100 ms, twice as long each time, and begins anew after a run of 10 s."""


def restarts(container: FakeContainer, code: int) -> bool:
    """After a death with this exit code; nobody asked for it."""
    if container.stopped_on_request:
        return False
    policy = container.blueprint.policy
    return policy in ("always", "unless-stopped") or (policy == "on-failure" and code != 0)


def starts_at_boot(container: FakeContainer) -> bool:
    """When the engine itself comes back; ``always`` means even what somebody stopped."""
    policy = container.blueprint.policy
    wanted = policy == "always" or (policy == "unless-stopped" and not container.stopped_on_request)
    return wanted and not container.up


def pause_before(container: FakeContainer, age: float) -> float:
    """What Docker waits after a run of ``age`` seconds; Podman has no pause."""
    if age >= CALMING_RUN or not container.policy_pause:
        return FIRST_PAUSE
    return min(2 * container.policy_pause, LONGEST_PAUSE)
