"""What joined the namespaces of containers that are gone: it cannot run again as it is, only be created anew.

Both engines refuse to start it, and what runs still is cut off. So nothing is restarted; it is recreated in the
namespaces of what took the owner's place, where that is allowed, and else people are told what to run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestrator.core.messages import Message, Reply, Restart, Severed, Start, Up
from orchestrator.core.model import NAMESPACES, ActionKind, ContainerSnapshot, ContainerState, Status
from orchestrator.core.turn import Turn

SUFFIX: Final = ".orchestrator-replaced"
"""Of the name of a container while another one takes its place: whoever finds it, finds a recreation half done."""
REPLACES: Final = "orchestrator-replaces"
"""The label of what was created in the place of another container, with the id of that one."""
_PROJECT: Final = "com.docker.compose.project"
_SERVICE: Final = "com.docker.compose.service"
_PODMAN_PROJECT: Final = "io.podman.compose.project"


def original_name(name: str) -> str:
    return name.removesuffix(SUFFIX)


def joined(container: ContainerSnapshot) -> tuple[str, ...]:
    """The ids of those whose namespaces it uses."""
    return tuple(dict.fromkeys(tie.container for tie in container.ties if tie.kind in NAMESPACES))


def remember_owners(turn: Turn, container: ContainerSnapshot) -> None:
    """Which services they are whose namespaces it uses: when they are gone, nothing else tells. One that nobody saw
    with its owners used those of the container before it."""
    known = {**dict(turn.state.owners), **dict(turn.facts.owners)}
    owners = tuple((owner, known[owner]) for owner in joined(container) if owner in known)
    unseen = turn.facts.severed is not None or REPLACES in container.labels
    if unseen and not owners:
        return
    if owners != turn.state.owners:
        turn.state = replace(turn.state, owners=owners)


def resume_recreation(turn: Turn) -> bool:
    """Take up what a recreation left half done, before anything else: finish it, or put the old container back."""
    leftover, state = turn.facts.leftover, turn.state
    if leftover is None or turn.spec.observe_only is not None:
        return False
    if state.resume_at is not None and turn.now.moment < state.resume_at:
        return False
    old = ContainerSnapshot(leftover.container_id, leftover.name, leftover.image, leftover.state, leftover.created_at)
    attempt = state.attempt
    cause = f"an interrupted recreation left {leftover.name}"
    if attempt is not None and attempt.kind is ActionKind.RECREATE:
        turn.order(ActionKind.RECREATE, old, attempt.cause, manual=attempt.manual, announced=True)
    else:
        turn.order(ActionKind.RECREATE, old, cause)
    return True


def rejoin(turn: Turn, container: ContainerSnapshot) -> None:
    """Nothing but a recreation helps, however well it looks: do it, or say how it is done."""
    severed = turn.facts.severed
    if severed is None or not _concerned(turn, container):
        if turn.state.severed:
            turn.state = replace(turn.state, severed=False)
        return
    words = in_words(severed, container)
    if container.state is ContainerState.RUNNING and turn.state.status is not Status.UNHEALTHY:
        turn.become(Status.UNHEALTHY, words)
        turn.state = replace(turn.state, healthy_since=None, grace_ends=None, confirmations=0)
    advice = words if turn.spec.recovery.recreate else f"{words}; {remedy(severed, container)}"
    turn.note(f"{turn.hindrance}: {advice}" if turn.hindrance else advice)
    if not turn.state.severed:
        turn.state = replace(turn.state, severed=True)
        turn.tell(Message.SEVERED, advice)
    if _may_recreate(turn, severed) and turn.free_to_heal and not turn.actions:
        turn.fail_attempt(words)
        turn.order(ActionKind.RECREATE, container, words, successors=severed.successors)


def recreate_on_request(
    turn: Turn, command: Restart | Start | Up, container: ContainerSnapshot, severed: Severed
) -> Reply:
    """A restart or a start of it would end with it down: recreate it instead, or refuse with what to run."""
    name, words = turn.spec.name, in_words(severed, container)
    if not turn.spec.recovery.recreate:
        return Reply(False, f"{name} cannot be started as it is: {words}; {remedy(severed, container)}", "severed")
    if not severed.successors:
        return Reply(False, f"{name} cannot be started as it is: {words}, and nothing runs in its place", "severed")
    turn.fail_attempt(f"not verified before the next request, by {command.actor}")
    turn.state = replace(turn.state, stopped_by=None, completed=False)
    cause = f"asked for by {command.actor}; {words}"
    turn.order(ActionKind.RECREATE, container, cause, manual=True, successors=severed.successors)
    return Reply(True, f"{name} is being recreated")


def in_words(severed: Severed, container: ContainerSnapshot) -> str:
    kinds = " and ".join(
        _NAMES[tie.kind] for tie in container.ties if tie.kind in NAMESPACES and tie.container in severed.gone
    )
    if severed.parents:
        return f"its {kinds} ended with the former container of {', '.join(severed.parents)}"
    return f"its {kinds} ended with container {severed.gone[0][:12]}, which is gone"


def remedy(severed: Severed, container: ContainerSnapshot) -> str:
    """What a person runs, as exactly as the container's labels allow."""
    project, service = container.labels.get(_PROJECT), container.labels.get(_SERVICE)
    if project and service:
        tool = "podman-compose" if _PODMAN_PROJECT in container.labels else "docker compose"
        return f"run: {tool} -p {project} up -d --force-recreate {service}"
    owner = severed.places[0] if severed.places else "its new owner"
    options = " ".join(
        f"--{kind}=container:{owner}"
        for kind in dict.fromkeys(tie.kind for tie in container.ties if tie.container in severed.gone)
    )
    return (
        f"run: docker rm -f {container.name} (or podman rm -f), then create it again as it was created, with {options}"
    )


def _concerned(turn: Turn, container: ContainerSnapshot) -> bool:
    """Whether it is to run, and ever did."""
    state = turn.state
    wanted = state.enabled and state.stopped_by is None and not state.completed and turn.spec.observe_only is None
    return wanted and (container.state is not ContainerState.CREATED or bool(container.error))


def _may_recreate(turn: Turn, severed: Severed) -> bool:
    due = turn.state.retry_at is None or turn.now.moment >= turn.state.retry_at
    return turn.spec.recovery.recreate and bool(severed.successors) and due


_NAMES: Final = {"network": "network", "pid": "process namespace", "ipc": "shared memory"}
