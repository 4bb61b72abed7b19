"""The engine: which address would be used, why the others are not, and whether its clock is ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.doctor.facts import Attempt, EngineSeen
from orchestrator.doctor.findings import Finding, failed, listed, warning, well
from orchestrator.errors import EngineAway, EngineForbidden, EngineUnavailable
from orchestrator.ports import EngineIdentity

SKEW: Final = 2.0
"""Seconds; below that the clocks of two machines count as one."""


def judge_engine(seen: EngineSeen) -> Iterator[Finding]:
    chosen = seen.chosen
    for attempt in seen.attempts:
        if attempt is chosen:
            yield from _chosen(attempt)
            return
        assert isinstance(attempt.answer, EngineUnavailable)
        if chosen is None:
            yield failed(f"engine {attempt.address}", attempt.answer.fact, _remedy(attempt, attempt.answer, seen))
        elif not isinstance(attempt.answer, EngineAway):
            # A socket that nobody serves is a left-over; one that refuses us may be the one that is meant.
            note = f"{attempt.answer.fact}; {chosen.address} is used instead"
            yield warning(f"engine {attempt.address}", note, _remedy(attempt, attempt.answer, seen))


def _chosen(attempt: Attempt) -> Iterator[Finding]:
    identity = attempt.answer
    assert isinstance(identity, EngineIdentity)
    thing = f"engine {attempt.address}"
    words = [f"{identity.kind.capitalize()} {identity.version} answers, API {identity.api_version}"]
    if attempt.rootless is True:
        words.append("rootless: its containers are reached by their published ports alone")
    if attempt.rootless is False:
        words.append("rootful")
    yield well(thing, ", ".join(words))
    if abs(attempt.ahead) >= SKEW:
        direction = "ahead of" if attempt.ahead > 0 else "behind"
        yield warning(
            thing,
            f"its clock is {abs(attempt.ahead):.0f} s {direction} ours, and grace periods count from its start times",
            "Let both machines follow the same time server (NTP)",
        )


def _remedy(attempt: Attempt, error: EngineUnavailable, seen: EngineSeen) -> str:
    if isinstance(error, EngineForbidden) and attempt.socket is not None:
        return _permit(attempt, seen.user)
    if isinstance(error, EngineAway):
        return _start(attempt.address, seen)
    return error.remedy


def _permit(attempt: Attempt, user: str) -> str:
    socket = attempt.socket
    assert socket is not None
    if socket.open_to_group and socket.group != "root":
        return f"Add {user} to its group: `usermod -aG {socket.group} {user}`, and log in again"
    if "podman" in attempt.address:
        return f"Run as {socket.owner}, or use {user}'s own Podman: `systemctl --user enable --now podman.socket`"
    return f"Run as {socket.owner}: only that user may use it"


def _start(address: str, seen: EngineSeen) -> str:
    if address.endswith("/docker.sock"):
        return "Start it: `systemctl start docker`"
    if address.endswith("/podman/podman.sock"):
        whose = "--user " if "/user/" in address else ""
        return f"Start it: `systemctl {whose}enable --now podman.socket`"
    if address.startswith(("unix:", "/")):
        socket = address if address.startswith("unix:") else f"unix://{address}"
        return f"Start the engine there (`podman system service --time=0 {socket}`), or name another with --endpoint"
    if len(seen.attempts) > 1 or not seen.programs:
        return "Start Docker or Podman, or name the engine with --endpoint or ORCHESTRATOR_DOCKER_HOST"
    units = [f"`systemctl enable --now {unit}`" for unit in _units(seen.programs)]
    return f"Installed here: {listed(sorted(seen.programs))}; start one ({' or '.join(units)})"


def _units(programs: frozenset[str]) -> list[str]:
    return ["podman.socket" if program == "podman" else program for program in sorted(programs)]
