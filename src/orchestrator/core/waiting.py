"""What a service waits for, or failed for, that is not its own: told when it begins to matter, and when it is over."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import policy
from orchestrator.core.messages import Message
from orchestrator.core.model import ContainerSnapshot, ContainerState, Status
from orchestrator.core.resources import of_host
from orchestrator.core.startup import LEFT_ALONE
from orchestrator.core.turn import Turn


def excuse(turn: Turn) -> None:
    """What it requires was down when it failed, or went down with it, and that is seen only now: its failure was not
    its own. Whatever is under way for it already goes on."""
    state = turn.state
    if not state.counted or state.failed_at is None or turn.facts.unmet_ended > state.failed_at + policy.ONE_CAUSE:
        return
    turn.uncount()
    if state.disabled_by == "max_failures":
        turn.state = replace(turn.state, status=Status.STOPPED, disabled_by=None, disabled_at=None)
        lost = ", ".join(name for name in turn.facts.unmet if not of_host(name))
        turn.tell(Message.ENABLED, f"its last failure was not its own: {lost} went down, too")


def resume(turn: Turn, container: ContainerSnapshot) -> None:
    """What it waited for is back. What runs gets its time to settle, as after a start: only what still fails then is
    restarted; what is down is started when its own wait is over."""
    if not turn.state.waiting or turn.hindrance:
        return
    told = turn.state.wait_told
    turn.state = replace(turn.state, waiting=False, wait_told=False)
    settling = container.state is ContainerState.RUNNING and turn.state.status is Status.UNHEALTHY
    if settling:
        grace_ends = turn.now.moment + turn.spec.grace
        turn.state = replace(turn.state, grace_ends=grace_ends, retry_at=None, confirmations=0, failed_probes=0)
    if _concerned(turn):
        words = f"it has {turn.spec.grace:g} s to come back too" if settling else "it is started next"
        turn.note(f"what it waited for is back: {words}")
        if told:
            turn.tell(Message.RESUMED, words)


def await_dependencies(turn: Turn) -> None:
    """Tell once that it is down, or not well, and that it is not its turn to be healed; but not where all of it comes
    down to what the host lacks, which has an event of its own: one cause, one event."""
    waits = bool(turn.facts.unmet) and not turn.held and _concerned(turn) and not turn.actions
    waits = waits and turn.state.reason != LEFT_ALONE
    if waits:
        new = not turn.state.wait_told and not all(map(of_host, turn.facts.roots or turn.facts.unmet))
        turn.state = replace(turn.state, waiting=True, wait_told=turn.state.wait_told or new)
        if new:
            turn.tell(Message.WAITING, turn.state.reason)
    elif turn.state.waiting and not _concerned(turn):
        turn.state = replace(turn.state, waiting=False, wait_told=False)


def _concerned(turn: Turn) -> bool:
    """Whether anything would be done about it, were it not for its dependencies."""
    state = turn.state
    ill = state.status is Status.UNHEALTHY or (state.status is Status.STOPPED and not state.completed)
    return ill and state.enabled and state.stopped_by is None and turn.spec.observe_only is None
