"""Playbooks: declared, bounded steps against a known cause, run before or instead of a restart.

They come from the catalog and from the configuration file, and from nowhere else: a label, or a request, can have one
run that was declared, and cannot say what is run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from orchestrator.core.masking import mask

USUAL_TIMEOUT: Final = 10.0
LONGEST_TIMEOUT: Final = 300.0
"""Seconds that a command is given."""
USUAL_VERIFY: Final = 15.0
USUAL_LANE_VERIFY: Final = 300.0
LONGEST_VERIFY: Final = 3600.0
"""Seconds in which the service's own check may show that a step helped."""
MOST_STEPS: Final = 10
_LONGEST_COMMAND: Final = 160
"""Characters of it that people are shown."""


@dataclass(frozen=True, slots=True)
class ExecStep:
    """A command inside a container; exit code 0 is success. One string is given to the container's ``/bin/sh -c``."""

    command: str | tuple[str, ...]
    service: str = ""
    """Whose container; empty: its own."""
    timeout: float = USUAL_TIMEOUT
    verify: float = USUAL_VERIFY


@dataclass(frozen=True, slots=True)
class SignalStep:
    """A signal to the first process of a container."""

    signal: str
    """``SIGHUP``."""
    service: str = ""
    verify: float = USUAL_VERIFY


@dataclass(frozen=True, slots=True)
class PurgeStep:
    """The keys of a Redis that are configured as cache are deleted, in small batches; no other is."""

    service: str = ""
    timeout: float = 60.0
    verify: float = USUAL_VERIFY


@dataclass(frozen=True, slots=True)
class RestartStep:
    service: str = ""
    verify: float = 60.0
    """Seconds beyond its stop time-out and its grace."""


@dataclass(frozen=True, slots=True)
class LaneStep:
    """All that runs of its lane is stopped at once, and started one by one, each verified before the next."""

    verify: float = USUAL_LANE_VERIFY


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Until a service is well: itself, or another one, and then the next step follows."""

    within: float
    service: str = ""


@dataclass(frozen=True, slots=True)
class NotifyStep:
    text: str


@dataclass(frozen=True, slots=True)
class HoldStep:
    """It is left alone, for a person to see to it; the last step of its playbook."""

    seconds: float
    why: str = ""


Step = ExecStep | SignalStep | PurgeStep | RestartStep | LaneStep | WaitStep | NotifyStep | HoldStep


@dataclass(frozen=True, slots=True)
class When:
    """What the cause of a failure must hold, any of it; nothing at all: every failure."""

    texts: tuple[str, ...] = ()
    """In the words of its failing check, of its end, or of its diagnosis; capitals or not."""
    rules: tuple[str, ...] = ()
    """Of :mod:`orchestrator.core.diagnosis`, by name."""

    def holds(self, words: str, rule: str) -> bool:
        if not self.texts and not self.rules:
            return True
        said = words.casefold()
        return rule in self.rules or any(text.casefold() in said for text in self.texts)


@dataclass(frozen=True, slots=True)
class Playbook:
    name: str
    steps: tuple[Step, ...]
    when: When = When()
    instead: bool = False
    """Whether its end in vain is no reason for an ordinary restart, but a failure, and the playbook's turn again."""
    source: str = ""
    """Where it was declared, for people."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far a playbook has come for a service."""

    playbook: str
    cause: str
    """Why it was begun, in words."""
    actor: str = ""
    """Who asked for it; empty: it was begun by itself."""
    step: int = 0
    """The present one, from zero."""
    verifying: bool = False
    """The step was done, or begun by somebody who cannot tell how it ended: whether it helped is waited for."""
    restarted: bool = False
    """Its own start or restart is part of the step: how that ends says whether it helped."""
    verify_until: float | None = None
    """The moment until which that is waited for; ``None``: the wait has not begun, or begins anew."""

    @property
    def acted(self) -> bool:
        return self.step > 0 or self.verifying


def named(playbooks: Sequence[Playbook], name: str) -> Playbook | None:
    return next((each for each in playbooks if each.name == name), None)


def awaits_diagnosis(playbooks: Sequence[Playbook], tried: Sequence[str]) -> bool:
    """Whether what the evidence comes to may begin one of them."""
    return any(each.when.rules for each in playbooks if each.name not in tried)


def elsewhere(playbooks: Sequence[Playbook]) -> Iterator[str]:
    """The other services that their steps name."""
    for playbook in playbooks:
        for step in playbook.steps:
            if not isinstance(step, LaneStep | NotifyStep | HoldStep) and step.service:
                yield step.service


def takes_lane(playbooks: Sequence[Playbook]) -> bool:
    return any(isinstance(step, LaneStep) for playbook in playbooks for step in playbook.steps)


def bound_of(step: Step) -> float:
    """Seconds in which it may be seen to have helped, after it was done."""
    match step:
        case WaitStep(within=within):
            return within
        case NotifyStep() | HoldStep():
            return 0.0
        case _:
            return step.verify


def describe(step: Step, service: str) -> str:
    """``exec in postgres: psql ...``; ``service`` is whose playbook it is."""
    match step:
        case ExecStep():
            return f"exec in {step.service or service}: {shown(step.command)}"
        case SignalStep():
            return f"{step.signal} to {step.service or service}"
        case PurgeStep():
            return f"purge the cache of {step.service or service}"
        case RestartStep():
            return f"restart {step.service or service}"
        case LaneStep():
            return f"restart the lane of {service}: all stopped, then started one by one"
        case WaitStep():
            return f"wait up to {step.within:g} s for {step.service or service} to be well"
        case NotifyStep():
            return f"notify: {step.text}"
        case HoldStep():
            return f"hold {service} for {step.seconds:g} s{f': {step.why}' if step.why else ''}"
        case _:
            assert_never(step)


def shown(command: str | tuple[str, ...]) -> str:
    """On one line, shortened, and without what looks like a secret."""
    written = command if isinstance(command, str) else shlex.join(command)
    line = mask(" ".join(written.split()), ())
    return line if len(line) <= _LONGEST_COMMAND else f"{line[: _LONGEST_COMMAND - 1]}…"


# --- what is run --------------------------------------------------------------------------------------------------

_REDIS: Final = 6379
_PURGE: Final = """\
password=${REDISCLI_AUTH:-${REDIS_PASSWORD:-}}
if [ -n "$password" ]; then export REDISCLI_AUTH="$password"; else unset REDISCLI_AUTH; fi
batch='local found = redis.call("SCAN", ARGV[1], "MATCH", ARGV[2], "COUNT", 500)
local deleted = 0
for _, key in ipairs(found[2]) do deleted = deleted + redis.call("UNLINK", key) end
return found[1] .. " " .. deleted'
port=$1 total=0
shift
for pattern in "$@"; do
    cursor=0
    while :; do
        answer=$(redis-cli -p "$port" EVAL "$batch" 0 "$cursor" "$pattern") || exit 1
        case $answer in *[!0-9\\ ]*|'') echo "$answer"; exit 1;; esac
        cursor=${answer% *} total=$((total + ${answer#* }))
        [ "$cursor" = 0 ] && break
    done
done
echo "$total keys deleted"
"""
"""Deletes by pattern, 500 keys looked at in one go, so that the server answers others in between. The patterns are
arguments: nothing in them is read by the shell."""


def purge_command(patterns: Sequence[str], port: int | None) -> tuple[str, ...]:
    """``port``: where the server listens inside its container; ``None``: where it usually does."""
    return ("/bin/sh", "-c", _PURGE, "purge", str(port or _REDIS), *patterns)
