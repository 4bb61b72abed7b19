"""A playbook on its course: in the place of a restart or a start, one step after the other.

A step is taken once and verified by the service's own check; the next one follows only if that does not pass within the
step's bound, or the step could not be done. What is down is started after a step, or else nothing could verify it. A
step whose end nobody told is not repeated: it may have helped, so that is waited for first. What keeps a restart from
happening keeps a step from it, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from orchestrator.core import policy
from orchestrator.core.messages import (
    Action,
    Command,
    Disable,
    Down,
    Facts,
    Failure,
    Message,
    Outcome,
    Reply,
    Request,
    Restart,
    Result,
    RunPlaybook,
    Site,
    Start,
    Stop,
    Up,
)
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Held, ServiceSpec, Status
from orchestrator.core.playbooks import (
    Course,
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
    named,
    purge_command,
)
from orchestrator.core.turn import Turn

_LOOKS: Final = 5
"""Checks within a step's bound, at the least."""
_SHORTEST_LOOK: Final = 0.25
_POLL: Final = 1.0
"""Seconds between two looks at another service that is waited for."""
_DOWN: Final = (Status.UNHEALTHY, Status.STOPPED)


# --- the beginning ---------------------------------------------------------------------------------------------------


def begin(turn: Turn, container: ContainerSnapshot, words: str) -> bool:
    """In the place of a restart or a start that is due for ``words``: whether a playbook takes it over."""
    known = turn.state.diagnosed
    found = known if known is not None and known.run == container.run else None
    said = f"{words}; {found.sentence}" if found is not None else words
    for playbook in turn.spec.playbooks:
        if playbook.name not in turn.state.tried and playbook.when.holds(said, "" if found is None else found.rule):
            if turn.facts.dry_run:
                turn.withhold(ActionKind.PLAYBOOK, f"{playbook.name}: {said}")
                return True
            _set_out(turn, playbook, Course(playbook.name, said))
            pursue(turn, container)
            return bool(turn.held) or playbook.name not in turn.state.tried
    return False


def run_playbook(turn: Turn, command: RunPlaybook) -> Reply:
    name, playbook = turn.spec.name, named(turn.spec.playbooks, command.playbook)
    if playbook is None:
        known = ", ".join(each.name for each in turn.spec.playbooks) or "none"
        return Reply(False, f"{name} has no playbook {command.playbook!r}; it has: {known}", "no_playbook")
    if not turn.state.enabled:
        return Reply(False, f"{name} is disabled ({turn.state.reason}): enable it first", "disabled")
    if turn.state.course is not None:
        return Reply(False, f"{name} is in the middle of playbook {turn.state.course.playbook}", "in_flight")
    turn.state = replace(turn.state, stopped_by=None, leaving=None, wanted_by=None)
    _set_out(turn, playbook, Course(playbook.name, f"asked for by {command.actor}", actor=command.actor))
    return Reply(True, f"{name}: playbook {playbook.name} is begun")


def _set_out(turn: Turn, playbook: Playbook, course: Course) -> None:
    turn.state = replace(turn.state, course=course)
    steps = len(playbook.steps)
    turn.tell(Message.PLAYBOOK_STARTED, f"{playbook.name} ({steps} step{'s' * (steps > 1)}): {course.cause}")


# --- its course ------------------------------------------------------------------------------------------------------


def pursue(turn: Turn, container: ContainerSnapshot) -> None:
    """Take the next step if its time has come, or wait for what the last one brings."""
    course = turn.state.course
    playbook = None if course is None else named(turn.spec.playbooks, course.playbook)
    if course is None or playbook is None:
        return
    if turn.hindrance and not course.actor:
        suspend(turn)
        turn.note_hindrance(f"playbook {playbook.name}: {course.cause}")
        return
    while turn.state.course is not None:
        before = turn.state.course
        if before.step >= len(playbook.steps):
            _exhausted(turn, playbook)
            return
        step = playbook.steps[before.step]
        if before.verifying:
            _verify(turn, container, step)
        else:
            _take(turn, container, playbook, step)
        if turn.state.course == before or turn.actions:
            return


def _take(turn: Turn, container: ContainerSnapshot, playbook: Playbook, step: Step) -> None:
    match step:
        case ExecStep() | SignalStep() | PurgeStep():
            _hand_over(turn, container, step)
        case RestartStep(service=service) if service not in ("", turn.spec.name):
            _restart_other(turn, service, step)
        case RestartStep():
            _restart_itself(turn, container, step)
        case LaneStep():
            _restart_lane(turn, container, step)
        case WaitStep():
            _tell_step(turn, step)
            _await(turn)
        case NotifyStep(text=text):
            turn.tell(Message.PLAYBOOK_NOTICE, f"{playbook.name}: {text}")
            _next(turn)
        case HoldStep():
            _hold(turn, playbook, step)
        case _:
            assert_never(step)


def _hand_over(turn: Turn, container: ContainerSnapshot, step: ExecStep | SignalStep | PurgeStep) -> None:
    """To the hands: it is done inside a container."""
    name = step.service or turn.spec.name
    site = own_site(turn.spec, container) if name == turn.spec.name else site_of(turn.facts, name)
    refusal = refusal_of(site, name, step)
    if refusal:
        _in_vain(turn, refusal)
        return
    assert site is not None, "what is not there is refused"
    by_hand = bool(_running(turn).actor)
    if not by_hand and not turn.takes_turn():
        return
    _tell_step(turn, step)
    _await(turn)
    own = site.run == container.run
    cause = _named_step(turn, step)
    attempt = Attempt(
        action_id=f"{turn.spec.name}-{round(turn.now.wall * 1000)}-playbook-{_running(turn).step}",
        kind=ActionKind.PLAYBOOK,
        manual=by_hand,
        cause=cause,
        run_before=container.run if own and isinstance(step, SignalStep) else None,
    )
    turn.state = replace(turn.state, attempt=attempt)
    turn.note(cause)
    turn.actions.append(
        Action(
            action_id=attempt.action_id,
            service=turn.spec.name,
            kind=ActionKind.PLAYBOOK,
            container_id=container.container_id,
            run=container.run,
            cause=cause,
            manual=by_hand,
            stop_timeout=turn.spec.recovery.stop_timeout,
            step=_as_command(step, site) if isinstance(step, PurgeStep) else step,
            where=site.run,
        )
    )


def _as_command(step: PurgeStep, site: Site) -> ExecStep:
    return ExecStep(purge_command(site.cache_keys, site.port), step.service, step.timeout, step.verify)


def refusal_of(site: Site | None, name: str, step: ExecStep | SignalStep | PurgeStep | RestartStep) -> str:
    """Why the step cannot be done, in words; empty: it can. ``site`` is the service of that ``name``."""
    if site is None:
        return f"there is no service {name}"
    if site.hindrance:
        return f"{site.name} is not touched: {site.hindrance}"
    if not site.running and not isinstance(step, RestartStep):
        return f"{site.name} does not run"
    if isinstance(step, PurgeStep) and not site.cache_keys:
        return f"skipped: no key of {site.name} is configured as cache; name them in services.{site.name}.cache_keys"
    return ""


def _restart_other(turn: Turn, service: str, step: RestartStep) -> None:
    refusal = refusal_of(site_of(turn.facts, service), service, step)
    if refusal:
        _in_vain(turn, refusal)
        return
    _tell_step(turn, step)
    turn.requests.append(Request(service, Restart(_actor(turn))))
    _await(turn)


def _restart_itself(turn: Turn, container: ContainerSnapshot, step: RestartStep) -> None:
    """When its turn in its lane, and on this engine, has come."""
    told = len(turn.events)
    _tell_step(turn, step)
    if not _order(turn, container, _named_step(turn, step)):
        del turn.events[told:]


def _restart_lane(turn: Turn, container: ContainerSnapshot, step: LaneStep) -> None:
    """All that runs is stopped at once; the starts wait for each other, as they always do in a lane."""
    _tell_step(turn, step)
    for site in turn.facts.sites:
        if site.same_lane and site.running and not site.hindrance:
            turn.requests.append(Request(site.name, Restart(_actor(turn), makes_room=True)))
    if container.state is ContainerState.RUNNING:
        _order(turn, container, _named_step(turn, step), pause=policy.SHORTEST_PAUSE)
    else:
        _await(turn)


def _order(turn: Turn, container: ContainerSnapshot, cause: str, pause: float = 0.0) -> bool:
    """Its own restart, or start, as part of the step; ``False``: it is not its turn yet."""
    course = _running(turn)
    kind = ActionKind.RESTART if container.state is ContainerState.RUNNING else ActionKind.START
    turn.order(kind, container, cause, manual=bool(course.actor), pause=pause)
    if turn.state.attempt is None:
        return False
    turn.state = replace(turn.state, course=replace(course, verifying=True, restarted=True, verify_until=None))
    return True


def _hold(turn: Turn, playbook: Playbook, step: HoldStep) -> None:
    by = f"playbook {playbook.name}"
    _tell_step(turn, step)
    hold = Held(turn.now.moment + step.seconds, by, step.why)
    tried = (*turn.state.tried, playbook.name)
    turn.state = replace(turn.state, course=None, hold=hold, tried=tried, retry_at=None, confirmations=0)
    turn.note_hindrance(turn.state.reason)
    turn.tell(Message.HELD, f"for a person to see to it, by {by}{f': {step.why}' if step.why else ''}")


# --- whether it helped -----------------------------------------------------------------------------------------------


def settle_step(turn: Turn, outcome: Outcome) -> None:
    """How a step inside a container ended. One that nobody can tell of may have helped."""
    turn.state = replace(turn.state, attempt=None)
    if turn.state.course is None:
        return
    if outcome.result is Result.FAILED:
        _in_vain(turn, outcome.detail)
    elif outcome.detail:
        turn.note(f"{_title(turn)}: {outcome.detail}")


def _verify(turn: Turn, container: ContainerSnapshot, step: Step) -> None:
    """Wait, start what is down, or leave the step behind."""
    course, state = _running(turn), turn.state
    other = site_of(turn.facts, step.service) if isinstance(step, WaitStep) else None
    if other is not None and other.well:
        _next(turn)
        return
    attempt = state.attempt
    if course.restarted and attempt is None and state.status in _DOWN:
        _in_vain(turn, state.reason)
        return
    down = container.state is not ContainerState.RUNNING
    if down and attempt is None and not isinstance(step, WaitStep):
        _order(turn, container, _named_step(turn, step))
        return
    bound = bound_of(step) + (turn.spec.recovery.stop_timeout + turn.spec.grace if course.restarted else 0.0)
    if course.verify_until is None:
        turn.state = replace(state, course=replace(course, verify_until=turn.now.moment + bound))
    elif turn.now.moment >= course.verify_until:
        _in_vain(turn, f"{turn.spec.name} was not well within {bound:g} s")


def end_well(turn: Turn, detail: str) -> None:
    """Its check passes."""
    course = turn.state.course
    if course is None or (course.actor and not (course.verifying and _verifies_itself(turn))):
        return
    turn.state = replace(turn.state, course=None)
    if course.acted:
        turn.tell(Message.PLAYBOOK_HELPED, f"{_title_of(turn, course)}: verified: {detail}")
    else:
        turn.tell(Message.PLAYBOOK_ENDED, f"{course.playbook}: it came back before any step was taken")


def _verifies_itself(turn: Turn) -> bool:
    step = _step(turn)
    return not isinstance(step, WaitStep) or step.service in ("", turn.spec.name)


def _in_vain(turn: Turn, words: str) -> None:
    turn.tell(Message.PLAYBOOK_IN_VAIN, f"{_title(turn)}: {words}")
    _next(turn)


def _exhausted(turn: Turn, playbook: Playbook) -> None:
    """The ordinary policy goes on where it would have acted; or the playbook is tried again, by backoff."""
    course, state = _running(turn), turn.state
    again = playbook.instead and not course.actor
    turn.state = replace(state, course=None, tried=state.tried if again else (*state.tried, playbook.name))
    then = "tried again after its backoff" if again else "the ordinary restarts go on"
    if state.status not in _DOWN:
        then = "nothing more is done"
    turn.tell(Message.PLAYBOOK_EXHAUSTED, f"{playbook.name}: {course.cause}; {then}")
    if again:
        turn.fail(f"playbook {playbook.name} did not help: {course.cause}", Failure.UNHEALTHY)
    elif state.status is Status.UNHEALTHY:
        retry_at = turn.now.moment if state.retry_at is None else state.retry_at
        turn.state = replace(turn.state, retry_at=retry_at, confirmations=max(state.confirmations, 1))


# --- what comes in between ---------------------------------------------------------------------------------------


def suspend(turn: Turn) -> None:
    """Nobody can see, or may act: the time to verify begins anew after that."""
    course = turn.state.course
    if course is not None and course.verify_until is not None:
        turn.state = replace(turn.state, course=replace(course, verify_until=None))


def yield_to(turn: Turn, command: Command, reply: Reply) -> None:
    """A person, or another's playbook, has taken it in hand."""
    if reply.accepted and isinstance(command, Restart | Start | Stop | Disable | Up | Down):
        _end(turn, f"taken in hand by {command.actor}")


def abandon(turn: Turn) -> None:
    """It is no more to be healed, or the playbook is not declared any more."""
    course, state = turn.state.course, turn.state
    if course is None:
        return
    if named(turn.spec.playbooks, course.playbook) is None:
        _end(turn, "it is not declared any more")
    elif not state.enabled or state.stopped_by is not None or state.completed or turn.spec.observe_only is not None:
        _end(turn, state.reason or "it is not acted on any more")
    elif state.status is Status.NOT_FOUND:
        _end(turn, "its container is gone")


def course_wakes(turn: Turn) -> float | None:
    """The moment at which the course goes on that no fact will announce."""
    course = turn.state.course
    if course is None or course.verify_until is None:
        return None
    return course.verify_until if _verifies_itself(turn) else min(course.verify_until, turn.now.moment + _POLL)


def verification_cadence(turn: Turn, usual: float) -> float:
    """Seconds between two checks: several fall within the bound of a step."""
    step, course = _step(turn), turn.state.course
    if step is None or course is None or not course.verifying or course.restarted:
        return usual
    return min(usual, max(bound_of(step) / _LOOKS, _SHORTEST_LOOK))


def _end(turn: Turn, words: str) -> None:
    course = turn.state.course
    if course is not None:
        turn.state = replace(turn.state, course=None)
        turn.tell(Message.PLAYBOOK_ENDED, f"{course.playbook}: {words}")


# --- how -------------------------------------------------------------------------------------------------------------


def _running(turn: Turn) -> Course:
    course = turn.state.course
    assert course is not None, "a step of no course"
    return course


def _next(turn: Turn) -> None:
    course = _running(turn)
    turn.state = replace(turn.state, course=Course(course.playbook, course.cause, course.actor, course.step + 1))


def _await(turn: Turn) -> None:
    turn.state = replace(turn.state, course=replace(_running(turn), verifying=True, verify_until=None))


def site_of(facts: Facts, service: str) -> Site | None:
    return next((site for site in facts.sites if site.name == service), None)


def own_site(spec: ServiceSpec, container: ContainerSnapshot) -> Site:
    runs = container.state is ContainerState.RUNNING
    return Site(spec.name, container.run, running=runs, cache_keys=spec.cache_keys, port=spec.port)


def _step(turn: Turn) -> Step | None:
    course = turn.state.course
    playbook = None if course is None else named(turn.spec.playbooks, course.playbook)
    if course is None or playbook is None or course.step >= len(playbook.steps):
        return None
    return playbook.steps[course.step]


def _tell_step(turn: Turn, step: Step) -> None:
    turn.tell(Message.PLAYBOOK_STEP, _named_step(turn, step))


def _named_step(turn: Turn, step: Step) -> str:
    return f"{_title(turn)}: {describe(step, turn.spec.name)}"


def _title(turn: Turn) -> str:
    return _title_of(turn, _running(turn))


def _title_of(turn: Turn, course: Course) -> str:
    """``redis-memory, step 1 of 2``."""
    playbook = named(turn.spec.playbooks, course.playbook)
    return f"{course.playbook}, step {course.step + 1} of {0 if playbook is None else len(playbook.steps)}"


def _actor(turn: Turn) -> str:
    return f"playbook {_running(turn).playbook} for {turn.spec.name}"
