"""The running orchestrator: does it answer, is it this version, do its parts work, and what holds its services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.strain import STALLED_AFTER
from orchestrator.doctor.facts import ServeSeen
from orchestrator.doctor.findings import Finding, failed, warning, well
from orchestrator.doctor.state import disabled


@dataclass(frozen=True, slots=True)
class Expected:
    """What this command, with its own settings, would serve."""

    version: str
    endpoint: str | None
    """``None``: no engine was found from here."""
    store: str | None
    """``None``: it was not seen."""


def judge_serve(seen: ServeSeen, expected: Expected) -> Iterator[Finding]:
    thing = f"orchestrator {seen.address}"
    health = seen.health
    if health is None:
        fact = seen.failure if seen.listener is None else f"{seen.failure}; {seen.listener} has the port"
        yield (failed if seen.refused else warning)(thing, fact, seen.remedy)
        return
    yield well(thing, f"version {health['version']} answers, {health['turns']} decisions so far")
    yield from _process(thing, health, expected)
    yield from _parts(thing, health)
    if seen.stream is not None:
        yield failed(thing, f"its live stream cannot be read: {seen.stream}", "Restart it; its log says why")
    for channel in health["notifications"]:
        if not channel["working"]:
            fact = f"the last message failed: {channel['detail']}; incidents not told yet: {channel['undelivered']}"
            remedy = f"It is tried again by itself; `orchestrator notify --test {channel['name']}` tries it now"
            yield failed(f"notification channel {channel['name']}", fact, remedy)
    for service in health["services"]:
        finding = _service(service, health["timestamp"])
        if finding is not None:
            yield finding


def _process(thing: str, health: Mapping[str, Any], expected: Expected) -> Iterator[Finding]:
    if health["version"] != expected.version:
        fact = f"it runs version {health['version']}, and {expected.version} is installed here"
        yield warning(thing, fact, "Restart it to run this version")
    endpoint = health["engine"]["endpoint"]
    if expected.endpoint is not None and endpoint != expected.endpoint:
        fact = f"it looks after the engine at {endpoint}, and from here {expected.endpoint} is found"
        yield warning(thing, fact, "Give both the same ORCHESTRATOR_DOCKER_HOST")
    store = health["store"]["location"]
    if expected.store is not None and store != expected.store:
        fact = f"it keeps its state in {store}, and by the settings here it would be {expected.store}"
        yield warning(thing, fact, "Give both the same settings (working directory, ORCHESTRATOR_STATE, _REDIS_URL)")
    if health.get("dry_run"):
        remedy = "Restart it without --dry-run (ORCHESTRATOR_DRY_RUN) when what it tells is right"
        yield warning(thing, "it is a dry run: what would be done is told, and nothing is healed", remedy)
    silent = _seconds(health["last_turn_at"], health["timestamp"])
    if silent > STALLED_AFTER:
        yield failed(thing, f"it has decided nothing for {silent:.0f} s", "Restart it; its log says why")


def _parts(thing: str, health: Mapping[str, Any]) -> Iterator[Finding]:
    for worker in health["workers"]:
        if worker["state"] != "running":
            fact = f"its worker {worker['name']} is {worker['state']} ({worker['detail']})"
            yield failed(thing, fact, "It is restarted by itself; report the trace in its log")
    own = health["own"]
    for strain in own["strains"]:
        yield warning(thing, strain, "See what else uses the machine's CPU and disk")
    if own["dead_man"] is not None and own["dead_man"]["detail"]:
        man = own["dead_man"]
        fact = f"its dead-man ping to {man['address']} is not taken: {man['detail']}"
        yield warning(thing, fact, "Look at ORCHESTRATOR_DEAD_MAN_URL; the alarm there may ring")
    engine, store = health["engine"], health["store"]
    if not engine["reachable"]:
        yield failed(thing, "its engine cannot be reached", " ".join(engine["detail"].split()).rstrip("."))
    if not store["healthy"]:
        fact = f"its state is not kept; {store['pending_writes']} writes wait"
        yield failed(thing, fact, " ".join(store["detail"].split()).rstrip("."))


def _service(service: Mapping[str, Any], now: str) -> Finding | None:
    name, status = service["name"], service["status"]
    thing, why = f"service {name}", service["reason"] or f"it is {status}"
    if status == "disabled":
        return disabled(name, why if why.startswith("disabled") else f"disabled: {why}")
    if service["at_rest"] or status in ("running", "starting", "not_found"):
        return None
    if service["waiting_on"]:
        return warning(thing, f"{status}: {why}", f"Heal {', '.join(service['waiting_on'])} first; this one follows")
    if service["retry_at"] is not None:
        left = max(0.0, _seconds(now, service["retry_at"]))
        fact = f"{status}: {why}; in backoff, {left:.0f} s remaining, {service['strikes']} strikes"
        return warning(thing, fact, f"Wait, or `orchestrator restart {name}`")
    return failed(thing, f"{status}: {why}", f"`orchestrator explain {name}` tells what comes next")


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
