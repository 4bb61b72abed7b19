"""What was found out about a failure is taken into the turn: told, given as the cause, and, where nothing but a person
can help, the reason to stop trying."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.messages import Finding, Message
from orchestrator.core.model import Diagnosed, Status
from orchestrator.core.turn import Turn

_FAILED = (Status.STOPPED, Status.UNHEALTHY)


def heed(turn: Turn, finding: Finding) -> None:
    """The plain fact was told already; what is more than that is told once, with how sure it is and what to do."""
    diagnosis = finding.diagnosis
    if not diagnosis.rule:
        return
    known = Diagnosed(finding.run, diagnosis.rule, diagnosis.sentence)
    if turn.state.diagnosed == known:
        return  # its evidence was taken before, for its playbooks
    turn.state = replace(turn.state, diagnosed=known)
    remedy = f"; {diagnosis.remedy}" if diagnosis.remedy else ""
    turn.tell(Message.DIAGNOSED, f"{diagnosis.sentence} ({diagnosis.confidence}){remedy}")
    attempt = turn.state.attempt
    if attempt is not None and not attempt.manual and attempt.run_before == finding.run:
        cause = f"{diagnosis.sentence}; {attempt.cause}"
        turn.state = replace(turn.state, attempt=replace(attempt, cause=cause))
    if turn.state.run != finding.run or turn.state.status not in _FAILED:
        return  # it runs again
    turn.note(f"{diagnosis.sentence}; {turn.state.reason}")
    in_flight = attempt is not None and attempt.in_flight
    if diagnosis.deterministic and turn.spec.recovery.on_max_failures == "disable" and not in_flight:
        turn.give_up_early(f"{diagnosis.sentence}; {diagnosis.remedy}")
