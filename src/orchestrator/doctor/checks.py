"""Each service's container and its check: can it be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from orchestrator.core import policy
from orchestrator.core.model import (
    CommandCheck,
    ContainerSnapshot,
    ContainerState,
    EngineCheck,
    PublishedPort,
    ServiceSpec,
    Verdict,
)
from orchestrator.core.reach import Address, reach
from orchestrator.doctor.facts import CheckUp, Listener
from orchestrator.doctor.findings import Finding, Level, failed, listed, warning, well
from orchestrator.errors import EngineError
from orchestrator.ports import Target

_CANNOT_RUN: Final = "the command cannot be run in this container"
"""How the command probe says 126 and 127."""


def target_of(spec: ServiceSpec, snapshot: ContainerSnapshot, published_host: str) -> Target | str:
    """Whom to ask about this run, or in words why nobody can be asked."""
    if isinstance(policy.effective_check(spec, snapshot), CommandCheck | EngineCheck):
        return Target(snapshot.container_id)
    where = reach(spec, snapshot, published_host)
    if isinstance(where, Address):
        return Target(snapshot.container_id, where.host, where.port, doubtful=where.inside)
    return where


def judge_checks(checkups: Collection[CheckUp], now: float, served: Collection[str]) -> Iterator[Finding]:
    """``now``: wall time by the engine. ``served``: services whose container a running orchestrator looks after; it
    says itself why one of them is down."""
    for checkup in checkups:
        yield from _settings(checkup.spec)
        finding = _judge(checkup, now, served)
        if finding is not None:
            yield finding
    asked = [checkup for checkup in checkups if checkup.reading is not None]
    passing = [each.spec.name for each in asked if each.reading and each.reading.verdict is Verdict.PASS]
    if passing:
        yield well("checks", f"{len(passing)} of {len(asked)} that were asked pass: {listed(passing)}")


def _settings(spec: ServiceSpec) -> Iterator[Finding]:
    health = spec.health
    if health.timeout > health.interval:
        yield warning(
            f"service {spec.name}",
            f"its check's time-out ({health.timeout:g} s) is longer than its interval ({health.interval:g} s), "
            "so one that hangs takes the place of the next",
            "Lower health.timeout, or raise health.interval",
        )


def _judge(checkup: CheckUp, now: float, served: Collection[str]) -> Finding | None:
    """``None``: it passes, or there is nothing to ask."""
    thing, snapshot = f"service {checkup.spec.name}", checkup.snapshot
    if isinstance(snapshot, EngineError):
        return warning(thing, f"its container cannot be looked at: {_words(snapshot)}", "Ask again: it may be gone")
    if snapshot.state is not ContainerState.RUNNING:
        return None if checkup.spec.name in served else _down(checkup.spec, snapshot)
    if isinstance(checkup.target, str):
        fact, _, remedy = checkup.target.rpartition(": ")
        return failed(thing, f"its check cannot be asked: {fact}", _sentence(remedy))
    if checkup.reading is None:
        return None
    if checkup.reading.verdict is Verdict.PASS:
        return _slow(checkup)
    finding = _ill(checkup)
    left = 0.0 if snapshot.started_at is None else snapshot.started_at + checkup.spec.grace - now
    if left > 0 and checkup.reading.verdict is Verdict.FAIL:
        fact = f"{finding.fact}; {left:.0f} s of its grace period are left"
        return warning(thing, fact, "Wait; if it never passes, see `orchestrator logs`")
    return finding


def _down(spec: ServiceSpec, snapshot: ContainerSnapshot) -> Finding | None:
    thing, words = f"service {spec.name}", policy.describe_exit(snapshot)
    if snapshot.state is ContainerState.PAUSED:
        return warning(thing, "its container is paused, and is left alone", f"Unpause {snapshot.name}")
    if snapshot.state is not ContainerState.EXITED:
        return warning(thing, f"its container is {snapshot.state}", f"Look at it: {snapshot.name}")
    if snapshot.exit_code == 0 and policy.is_job(spec, snapshot):
        return None
    return failed(thing, f"its container {words}", "Start `orchestrator serve`, which heals it, or start it by hand")


def _slow(checkup: CheckUp) -> Finding | None:
    timeout = checkup.spec.health.timeout
    if checkup.took <= timeout:
        return None
    return failed(
        f"service {checkup.spec.name}",
        f"its check passes after {checkup.took:.1f} s, and its time-out is {timeout:g} s: healthy, and taken for ill",
        f"Raise health.timeout above {checkup.took:.0f} s",
    )


def _ill(checkup: CheckUp) -> Finding:
    spec, target, reading = checkup.spec, checkup.target, checkup.reading
    thing = f"service {spec.name}"
    assert reading is not None
    assert isinstance(target, Target)
    if reading.detail.startswith(_CANNOT_RUN):
        remedy = "Install it in the image, or take a check over the network: health.http, .redis, .postgres or .tcp"
        return failed(thing, f"its check says nothing: {reading.detail}", remedy)
    if target.port is None:
        return failed(thing, f"its check fails: {reading.detail}", f"See `orchestrator logs {spec.name}`")
    where = f"{target.host}:{target.port}"
    assert isinstance(checkup.snapshot, ContainerSnapshot)
    inside = _inside(checkup.snapshot.ports, target.port)
    deaf = None if checkup.listeners is None else _deaf(inside, checkup.listeners)
    if deaf is not None:
        return failed(thing, f"its check at {where} fails ({reading.detail}): {deaf[0]}", deaf[1])
    remote = _published_elsewhere(checkup.snapshot.ports, inside, target)
    if remote is not None:
        return failed(thing, f"its check at {where} fails ({reading.detail}): {remote[0]}", remote[1])
    if reading.verdict is Verdict.UNKNOWN:
        fact, _, remedy = reading.detail.partition(": ")
        return failed(thing, f"its check cannot be asked: {fact}", _sentence(remedy) or "Set host and port")
    return _answered(checkup, where)


def _answered(checkup: CheckUp, where: str) -> Finding:
    spec, reading = checkup.spec, checkup.reading
    assert reading is not None
    thing, timeout = f"service {spec.name}", spec.health.timeout
    if "no answer" in reading.detail and checkup.patience < timeout:
        fact = f"{where} gave no answer within {checkup.patience:g} s; its time-out is {timeout:g} s"
        return Finding(Level.WARNING, thing, fact, "See whether it is overloaded or frozen")
    return failed(thing, f"its check at {where} fails: {reading.detail}", f"See `orchestrator logs {spec.name}`")


def _deaf(port: int, listeners: tuple[Listener, ...]) -> tuple[str, str] | None:
    """Fact and remedy, where nobody outside of the container is heard at the port."""
    here = [listener for listener in listeners if listener.port == port]
    if any(not listener.loopback for listener in here):
        return None
    if here:
        fact = f"port {port} is listened on at the container's own loopback address only"
        return fact, "Have it listen on 0.0.0.0"
    others = sorted({listener.port for listener in listeners if not listener.loopback})
    if not others:
        return f"nobody listens on port {port} in the container", "See its log: has it started, and on which port"
    fact = f"nobody listens on port {port} in the container, which listens on {', '.join(map(str, others))}"
    return fact, f"Correct port (label orchestrator.port={others[0]})"


def _published_elsewhere(ports: tuple[PublishedPort, ...], port: int, target: Target) -> tuple[str, str] | None:
    addresses = sorted({each.host_ip for each in ports if each.container_port == port and each.host_port})
    if not target.doubtful or not addresses:
        return None
    fact = f"port {port} is published on {', '.join(addresses)} of the engine's machine only"
    return fact, "Publish it on an address that is reached from here, or set host (label orchestrator.host)"


def _inside(ports: tuple[PublishedPort, ...], port: int) -> int:
    """The container's own number of a port that was asked by its published one."""
    published = [each.container_port for each in ports if each.host_port == port and each.protocol == "tcp"]
    return published[0] if published else port


def _words(error: EngineError) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
