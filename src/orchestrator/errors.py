"""Our own exceptions, one tree. Ill health is never one of them: it is a value.

    OrchestratorError
    ├── ConfigurationError        a problem list, each with its source
    ├── EngineError
    │   ├── EngineUnavailable     nothing is known of any container
    │   │   ├── EngineAway        nobody listens there
    │   │   ├── EngineHung        it accepts and does not answer
    │   │   ├── EngineForbidden   it, or the file system, refuses us
    │   │   └── EngineUnsuitable  it answers, but is no engine, or too old
    │   ├── ContainerNotFound
    │   └── ActionRefused         the engine's own words on what it would not do
    ├── UnknownService            nothing of that name is managed
    └── StoreError
        ├── StoreUnavailable      memory goes on; written when the store is back
        │   └── StoreInUse        another orchestrator has it: two brains must not share a state
        └── StoreCorrupt          set aside by the adapter, never deleted

Every message names the thing, the fact and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class OrchestratorError(Exception):
    """The root: catch it to catch everything that we raise on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with the configuration, with where it was written."""

    source: str
    """``orchestrator.yaml``, ``label of container web-1``, ``ORCHESTRATOR_REDIS_PORT``, ``--config``."""
    key: str
    """The dotted path of the offending value; empty when the whole source is meant."""
    fact: str
    """What is wrong and what would be right."""

    def __str__(self) -> str:
        return f"{self.source}: {self.key}: {self.fact}" if self.key else f"{self.source}: {self.fact}"


class ConfigurationError(OrchestratorError):
    """The configuration cannot be used; ``problems`` holds all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UnknownService(OrchestratorError):
    """No service of this name is managed; ``similar`` holds the known names that look like it, best first."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        self.similar = tuple(get_close_matches(name, list(known), n=3))
        hint = f" Did you mean {' or '.join(repr(one) for one in self.similar)}?" if self.similar else ""
        super().__init__(f"No service is named {name!r}.{hint}")


class UnknownIncident(OrchestratorError):
    """No incident has this number, or it is not kept any more."""

    def __init__(self, number: int) -> None:
        remedy = "GET /api/system/incidents lists all."
        super().__init__(f"There is no incident {number}, or it is not kept any more. {remedy}")


class EngineError(OrchestratorError):
    """Anything the container engine did not do for us."""


class EngineUnavailable(EngineError):
    """The engine cannot be asked; what it runs is unknown, not gone."""

    def __init__(self, endpoint: str, fact: str, remedy: str) -> None:
        super().__init__(f"Failed to connect to Docker daemon at {endpoint}: {fact}. {remedy}")
        self.endpoint = endpoint
        self.fact = fact
        self.remedy = remedy


class EngineAway(EngineUnavailable):
    """No socket, connection refused, or the connection broke."""


class EngineHung(EngineUnavailable):
    """A call passed its deadline."""


class EngineForbidden(EngineUnavailable):
    """Permission denied, by the socket file or by TLS."""


class EngineUnsuitable(EngineUnavailable):
    """What answers is no Docker or Podman API, or an API too old."""


class ContainerNotFound(EngineError):
    """The engine knows no such container."""


class ActionRefused(EngineError):
    """The engine answered an action with an error; the text is the engine's own."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class StoreError(OrchestratorError):
    """The state store did not do what was asked."""


class StoreUnavailable(StoreError):
    """Full disk, read-only file, locked or lost database: try again later."""


class StoreInUse(StoreUnavailable):
    """Another orchestrator uses this state; one of the two has to go."""


class StoreCorrupt(StoreError):
    """The file is no database, or a damaged one, and could not be set aside."""
